//! Small searches in bytes.

use memchr::memchr2;
use wide::u8x16;

/// Bytes without quote and escape after which the rest is searched in longer strides: most strings are shorter.
const NEAR: usize = 64;

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

/// Reads up to and with the quote that closes a string, from `at` on. Real text has an escape every few words, each of
/// which would end a search: so blocks of 16 bytes are looked at, until a stretch without any is worth a longer stride.
#[inline]
pub(super) fn until_quote(rest: &[u8], mut at: usize) -> Run {
    let mut escaped = false;
    let mut near = at + NEAR;
    let closed = |at: usize, escaped| Run { used: at + 1, closed: true, escaped, pending: false };
    while let Some(block) = rest.get(at..).and_then(|r| r.first_chunk::<16>()) {
        let bytes = u8x16::new(*block);
        let quotes = bytes.simd_eq(u8x16::splat(b'"')).to_bitmask();
        let slashes = bytes.simd_eq(u8x16::splat(b'\\')).to_bitmask();
        if quotes | slashes == 0 {
            at += 16;
            if at >= near {
                at = memchr2(b'"', b'\\', after(rest, at)).map_or(rest.len(), |len| at + len);
                near = at + NEAR;
            }
            continue;
        }
        let taken = taken(slashes);
        if let quotes @ 1.. = quotes & !taken {
            let quote = quotes.trailing_zeros();
            return closed(at + quote as usize, escaped | (slashes & ((1 << quote) - 1) != 0));
        }
        escaped |= slashes != 0;
        // The last byte's escape takes the first one of the next block.
        at += 16 + usize::from(taken >> 16 & 1 == 1);
        near = at + NEAR;
    }
    loop {
        match rest.get(at) {
            Some(b'"') => return closed(at, escaped),
            Some(b'\\') => {
                escaped = true;
                at += 2;
            }
            Some(_) => at += 1,
            None => return Run { used: rest.len(), closed: false, escaped, pending: at > rest.len() },
        }
    }
}

/// Bit per byte that the escape before it takes, of a block's bit per backslash; bit 16 is the byte after the block.
///
/// Backslashes come in series, and every second byte of one is taken, and the byte behind it where the series is odd. A
/// subtraction carries through a whole series at once; which parity of place it came out at tells whether it began at
/// an even one (the trick is that of simdjson, Langdale and Lemire 2019, section 3.1.1).
fn taken(slashes: u32) -> u32 {
    const ODD: u32 = 0xAAAA_AAAA;
    let ends = (slashes << 1 | ODD).wrapping_sub(slashes) ^ ODD;
    ends ^ slashes
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, byte by byte.
    fn plainly(rest: &[u8], at: usize) -> Run {
        let (mut at, mut escaped) = (at, false);
        while let Some(byte) = rest.get(at) {
            match byte {
                b'"' => return Run { used: at + 1, closed: true, escaped, pending: false },
                b'\\' => {
                    escaped = true;
                    at += 1;
                }
                _ => {}
            }
            at += 1;
        }
        Run { used: rest.len(), closed: false, escaped, pending: at > rest.len() }
    }

    proptest! {
        #[test]
        fn blocks_read_as_bytes_do(text in "[a-z]{0,90}([a-z\"\\\\]{0,40}|\\\\{0,40}|[a-z]{0,90}){0,4}", escape in any::<bool>()) {
            let at = usize::from(escape).min(text.len());
            prop_assert_eq!(until_quote(text.as_bytes(), at), plainly(text.as_bytes(), at));
        }
    }
}
