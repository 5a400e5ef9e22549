//! Header maps as the ABI serialises them: count, then key and value lengths, then each text with a NUL behind it,
//! all little-endian u32 (cpp-host `src/pairs_util.cc`).

use super::status::Status;
use crate::exchange::Headers;

/// cpp-host `include/proxy-wasm/limits.h`: what a guest may pass at most, in bytes and in pairs.
const PAIRS_BYTES_MAX: usize = 1024 * 1024;
const PAIRS_COUNT_MAX: usize = 1024;

pub(super) fn encode(headers: &Headers) -> Vec<u8> {
    let pairs = headers.pairs();
    if pairs.is_empty() {
        return Vec::new();
    }
    encode_map(pairs.iter().map(|(name, value)| (name.as_slice(), value.as_slice())))
}

/// A map of a property: unlike an empty header map, an empty one says that it is.
pub(crate) fn encode_map<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, pairs.clone().count());
    for (name, value) in pairs.clone() {
        put(&mut out, name.len());
        put(&mut out, value.len());
    }
    for (name, value) in pairs {
        for text in [name, value] {
            out.extend_from_slice(text);
            out.push(0);
        }
    }
    out
}

/// Header maps beyond 4 GiB cannot exist in a 32-bit guest; the length saturates rather than wraps.
fn put(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
}

pub(super) fn decode(bytes: &[u8]) -> Result<Headers, Status> {
    if bytes.is_empty() {
        return Ok(Headers::default());
    }
    if bytes.len() > PAIRS_BYTES_MAX {
        return Err(Status::BAD_ARGUMENT);
    }
    let mut rest = bytes;
    let count = take_u32(&mut rest)?;
    if count > PAIRS_COUNT_MAX {
        return Err(Status::BAD_ARGUMENT);
    }
    let mut lengths = Vec::with_capacity(count);
    for _ in 0..count {
        lengths.push((take_u32(&mut rest)?, take_u32(&mut rest)?));
    }
    let mut headers = Headers::default();
    for (name, value) in lengths {
        let name = take_text(&mut rest, name)?;
        let value = take_text(&mut rest, value)?;
        headers.push(name, value);
    }
    Ok(headers)
}

fn take_u32(rest: &mut &[u8]) -> Result<usize, Status> {
    let (head, tail) = rest.split_first_chunk::<4>().ok_or(Status::BAD_ARGUMENT)?;
    *rest = tail;
    Ok(u32::from_le_bytes(*head) as usize)
}

fn take_text<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Status> {
    let (text, tail) = rest.split_at_checked(length).ok_or(Status::BAD_ARGUMENT)?;
    *rest = tail.split_first().ok_or(Status::BAD_ARGUMENT)?.1;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_as_it_went() {
        let mut headers = Headers::default();
        headers.push(b":path", b"/v1/x");
        headers.push(b"x-bytes", b"\xff\x00\xfe");
        headers.push(b"x-empty", b"");
        assert_eq!(decode(&encode(&headers)), Ok(headers));
        assert_eq!(encode(&Headers::default()), b"");
    }

    #[test]
    fn every_cut_of_a_map_is_refused_and_none_panics() {
        let mut headers = Headers::default();
        headers.push(b"a", b"bc");
        headers.push(b"d", b"");
        let bytes = encode(&headers);
        for end in 1..bytes.len() {
            assert_eq!(decode(&bytes[..end]), Err(Status::BAD_ARGUMENT), "cut at {end}");
        }
    }
}
