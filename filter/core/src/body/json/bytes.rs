//! Small searches in bytes.

use memchr::memchr2;

/// Most strings of an event are shorter than what a vectored search costs to start.
const NEAR: usize = 32;

/// The first quote or backslash.
#[inline]
pub(super) fn find_quote(rest: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < NEAR {
        let Some(word) = rest.get(at..).and_then(|r| r.first_chunk::<8>()) else {
            let tail = rest.iter().skip(at).position(|b| matches!(b, b'"' | b'\\'));
            return tail.map(|len| at + len);
        };
        let word = u64::from_le_bytes(*word);
        let found = zeros(word ^ every(b'"')) | zeros(word ^ every(b'\\'));
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    memchr2(b'"', b'\\', after(rest, NEAR)).map(|len| len + NEAR)
}

/// A word of eight times this byte.
const fn every(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The high bit of each byte that is zero. Bits above the lowest one may be set without reason (a borrow).
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(every(1)) & !word & every(0x80)
}

/// White space of JSON.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// What follows the first `used` bytes.
pub(super) fn after(bytes: &[u8], used: usize) -> &[u8] {
    bytes.get(used..).unwrap_or_default()
}

/// All but the last byte.
pub(super) fn before_last(run: &[u8]) -> &[u8] {
    run.split_last().map_or(run, |(_, before)| before)
}

/// A key whose escapes are resolved; `None` where they are no JSON.
pub(super) fn unescaped(key: &[u8]) -> Option<String> {
    let quoted = [b"\"", key, b"\""].concat();
    serde_json::from_slice(&quoted).ok()
}
