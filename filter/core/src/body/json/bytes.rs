//! Small searches in bytes.

use memchr::memchr2;

/// Most strings of an event are shorter than what a vectored search costs to start.
const NEAR: usize = 32;

/// Where a string stands after some of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Bytes of the string, with the closing quote.
    pub(super) used: usize,
    pub(super) closed: bool,
    /// A backslash came.
    pub(super) escaped: bool,
    /// The last byte is a backslash that escapes the next.
    pub(super) pending: bool,
}

/// Reads up to and with the quote that closes a string, from `at` on. Real text has an escape every few words, so words
/// of eight bytes are looked at until a stretch without any is worth the start of a vectored search.
#[inline]
pub(super) fn until_quote(rest: &[u8], mut at: usize) -> Run {
    let mut escaped = false;
    let mut near = at + NEAR;
    let open = |escaped, pending| Run { used: rest.len(), closed: false, escaped, pending };
    loop {
        let hit = match rest.get(at..).and_then(|r| r.first_chunk::<8>()) {
            Some(word) => {
                let word = u64::from_le_bytes(*word);
                let found = zeros(word ^ every(b'"')) | zeros(word ^ every(b'\\'));
                if found != 0 {
                    at + found.trailing_zeros() as usize / 8
                } else if at < near {
                    at += 8;
                    continue;
                } else {
                    match memchr2(b'"', b'\\', after(rest, at)) {
                        Some(len) => at + len,
                        None => return open(escaped, false),
                    }
                }
            }
            None => match rest.iter().skip(at).position(|b| matches!(b, b'"' | b'\\')) {
                Some(len) => at + len,
                None => return open(escaped, false),
            },
        };
        if rest.get(hit) == Some(&b'"') {
            return Run { used: hit + 1, closed: true, escaped, pending: false };
        }
        escaped = true;
        if hit + 1 == rest.len() {
            return open(true, true);
        }
        at = hit + 2;
        near = at + NEAR;
    }
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
