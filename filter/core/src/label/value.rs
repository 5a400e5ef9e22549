//! Values as a proxy hands them out: proxy-wasm writes them as bytes that do not say their type.
//!
//! Envoy (`serializeValue` in its `wasm/context.cc`) writes a text as it is, a number of a `google.protobuf.Struct` as
//! the 8 bytes of a double, a boolean as 1 byte, and a list as a map whose values are empty: `u32 count`, `count` times
//! `u32 key size, u32 value size`, then each key and value with a closing NUL, all little endian. What is all of shown
//! characters is a text; the rest is told apart by its length, and what then is still no single value is refused.

use std::borrow::Cow;

use super::Rejection;

/// Doubles beyond this are not every whole number any more.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The text of a value: texts, whole numbers, booleans, and the one element of a list.
pub(super) fn text(value: &[u8]) -> Result<Cow<'_, str>, Rejection> {
    scalar(value).or_else(|refused| match only_element(value) {
        Some(element) => scalar(element),
        None => Err(refused),
    })
}

fn scalar(value: &[u8]) -> Result<Cow<'_, str>, Rejection> {
    let text = str::from_utf8(value);
    if let Ok(text) = text
        && !text.chars().any(char::is_control)
    {
        return Ok(Cow::Borrowed(text));
    }
    if let Ok(bytes) = <[u8; 8]>::try_from(value) {
        let number = f64::from_le_bytes(bytes);
        if number.trunc() != number || number.abs() > EXACT {
            return Err(Rejection::InvalidFormat);
        }
        #[expect(clippy::cast_possible_truncation, reason = "a whole number within bounds")]
        // As an integer: the code that writes floats is large.
        return Ok(Cow::Owned((number as i64).to_string()));
    }
    match (value, text) {
        ([0], _) => Ok(Cow::Borrowed("false")),
        ([1], _) => Ok(Cow::Borrowed("true")),
        // Sizes of a map or list: no text has a NUL.
        _ if value.contains(&0) => Err(Rejection::InvalidFormat),
        (_, Ok(text)) => Ok(Cow::Borrowed(text)),
        (_, Err(_)) => Err(Rejection::InvalidUtf8),
    }
}

/// The element of a list of one.
fn only_element(list: &[u8]) -> Option<&[u8]> {
    let (count, rest) = list.split_first_chunk::<4>()?;
    let (key, rest) = rest.split_first_chunk::<4>()?;
    let (value, rest) = rest.split_first_chunk::<4>()?;
    let element = rest.strip_suffix(&[0, 0])?;
    let one = u32::from_le_bytes(*count) == 1 && u32::from_le_bytes(*value) == 0;
    (one && usize::try_from(u32::from_le_bytes(*key)) == Ok(element.len())).then_some(element)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(elements: &[&[u8]]) -> Vec<u8> {
        let size = |n: usize| u32::try_from(n).expect("small").to_le_bytes();
        let mut out = size(elements.len()).to_vec();
        for element in elements {
            out.extend([size(element.len()), size(0)].concat());
        }
        for element in elements {
            out.extend([element, &[0, 0][..]].concat());
        }
        out
    }

    #[test]
    fn every_type_of_a_struct() {
        let read = |value: &[u8]| text(value).map(Cow::into_owned);
        assert_eq!(read(b"search"), Ok("search".into()));
        // Eight bytes, and yet a text.
        assert_eq!(read(b"platform"), Ok("platform".into()));
        assert_eq!(read("\u{e9}quipe".as_bytes()), Ok("\u{e9}quipe".into()));
        assert_eq!(read(&42f64.to_le_bytes()), Ok("42".into()));
        assert_eq!(read(&(-7f64).to_le_bytes()), Ok("-7".into()));
        assert_eq!(read(&0f64.to_le_bytes()), Ok("0".into()));
        assert_eq!(read(&1.5f64.to_le_bytes()), Err(Rejection::InvalidFormat));
        assert_eq!(read(&1e300f64.to_le_bytes()), Err(Rejection::InvalidFormat));
        assert_eq!(read(&f64::NAN.to_le_bytes()), Err(Rejection::InvalidFormat));
        assert_eq!((read(&[0]), read(&[1])), (Ok("false".into()), Ok("true".into())));
        assert_eq!(read(b"a tab\there"), Ok("a tab\there".into()));
        assert_eq!(read(b"\xff\xfe"), Err(Rejection::InvalidUtf8));
    }

    #[test]
    fn a_list_of_one_is_its_element_and_no_other_is_a_value() {
        let read = |value: &[u8]| text(value).map(Cow::into_owned);
        assert_eq!(read(&list(&[b"search"])), Ok("search".into()));
        assert_eq!(read(&list(&[&3f64.to_le_bytes()])), Ok("3".into()));
        assert_eq!(read(&list(&[])), Err(Rejection::InvalidFormat));
        assert_eq!(read(&list(&[b"a", b"b"])), Err(Rejection::InvalidFormat));
        assert_eq!(read(&list(&[&list(&[b"nested"])])), Err(Rejection::InvalidFormat));
        // An object of one field.
        assert_eq!(read(b"\x01\0\0\0\x01\0\0\0\x01\0\0\0a\0b\0"), Err(Rejection::InvalidFormat));
    }

    proptest! {
        #[test]
        fn shown_text_and_whole_numbers_come_back(shown in "\\PC{1,40}", whole in -(1_i64 << 50)..1 << 50) {
            let read = |value: &[u8]| text(value).map(Cow::into_owned);
            prop_assert_eq!(read(shown.as_bytes()), Ok(shown.clone()));
            prop_assert_eq!(read(&list(&[shown.as_bytes()])), Ok(shown));
            #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
            let bytes = (whole as f64).to_le_bytes();
            if str::from_utf8(&bytes).is_err() || bytes.contains(&0) {
                prop_assert_eq!(read(&bytes), Ok(whole.to_string()));
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(text) = text(&bytes) {
                prop_assert!(!text.contains('\0'));
            }
        }
    }
}
