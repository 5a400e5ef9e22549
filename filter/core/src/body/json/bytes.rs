//! Small searches in bytes.

use memchr::memchr2;

/// Most strings of an event are shorter than what a vectored search costs to start.
const SHORT: usize = 16;

/// The first quote or backslash.
#[inline]
pub(super) fn find_quote(rest: &[u8]) -> Option<usize> {
    let near = rest.iter().take(SHORT).position(|b| matches!(b, b'"' | b'\\'));
    near.or_else(|| memchr2(b'"', b'\\', after(rest, SHORT)).map(|at| at + SHORT))
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
