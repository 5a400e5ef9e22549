//! Headers of a message.

use crate::body::fact::WORD_LIMIT;

/// What a message is, by its headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Event,
    /// An exception or error, with its name.
    Failure(Option<String>),
}

/// What the headers say the message is. Headers: name length (1), name, type (1), value; strings (type 7) have a
/// length of two bytes. What cannot be read ends the search.
pub(super) fn kind(headers: &[u8]) -> Kind {
    let mut rest = headers;
    let mut failure = false;
    let mut code = None;
    while let Some((name, value, tail)) = header(rest) {
        match name {
            b":message-type" => failure = matches!(value, b"exception" | b"error"),
            b":exception-type" | b":error-code" => {
                code = str::from_utf8(value).ok().filter(|v| v.len() <= WORD_LIMIT).map(str::to_owned);
            }
            _ => {}
        }
        rest = tail;
    }
    if failure { Kind::Failure(code) } else { Kind::Event }
}

/// One header: name, value, what follows.
fn header(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (len, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*len))?;
    let (kind, rest) = rest.split_first()?;
    let (len, rest) = match kind {
        0 | 1 => (0, rest),
        2 => (1, rest),
        3 => (2, rest),
        4 => (4, rest),
        5 | 8 => (8, rest),
        6 | 7 => {
            let (len, rest) = rest.split_at_checked(2)?;
            (usize::from(u16::from_be_bytes(len.try_into().ok()?)), rest)
        }
        9 => (16, rest),
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(len)?;
    Some((name, value, rest))
}
