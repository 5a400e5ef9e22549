//! W3C baggage: `key=value;property, key=value`, values percent-encoded (<https://www.w3.org/TR/baggage/>).

use crate::head::Head;

/// How much baggage is read, bytes: what every implementation must carry on (W3C 3.3.2). Beyond it nothing is read.
const MAX_BAGGAGE: usize = 8192;

/// The decoded value of `key`. Of several members with this key the last counts, as OpenTelemetry's readers have it; a
/// baggage may come in several headers.
pub(super) fn value(head: &Head<'_>, key: &str) -> Option<Vec<u8>> {
    let mut left = MAX_BAGGAGE;
    let mut found = None;
    for (_, header) in head.iter().filter(|(name, _)| *name == b"baggage") {
        let Some(rest) = left.checked_sub(header.len()) else { break };
        left = rest;
        for member in header.split(|b| *b == b',') {
            let Some(at) = member.iter().position(|b| *b == b'=') else { continue };
            let (name, value) = member.split_at(at);
            if name.trim_ascii() == key.as_bytes() {
                let value = value.get(1..).unwrap_or_default();
                found = value.split(|b| *b == b';').next().map(<[u8]>::trim_ascii);
            }
        }
    }
    found.map(decode)
}

/// Undoes percent encoding; what is no encoding stays.
fn decode(value: &[u8]) -> Vec<u8> {
    let digit = |b: &u8| char::from(*b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((first, tail)) = rest.split_first() {
        match (first, tail) {
            (b'%', [high, low, after @ ..]) if digit(high).is_some() && digit(low).is_some() => {
                out.push(digit(high).unwrap_or_default() << 4 | digit(low).unwrap_or_default());
                rest = after;
            }
            _ => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(headers: &[&str], key: &str) -> Option<String> {
        let head: Head<'_> = headers.iter().map(|value| ("baggage", *value)).collect();
        value(&head, key).map(|v| String::from_utf8(v).expect("UTF-8"))
    }

    #[test]
    fn members_properties_and_spaces() {
        let baggage = ["a=1, genops.team = search%20eu ;ttl=3;x , genops.team2=no,bad,=x"];
        assert_eq!(read(&baggage, "genops.team").as_deref(), Some("search eu"));
        assert_eq!(read(&baggage, "genops.team2").as_deref(), Some("no"));
        assert_eq!(read(&baggage, "genops"), None);
        assert_eq!(read(&["k=a=b"], "k").as_deref(), Some("a=b"));
        assert_eq!(read(&["k="], "k").as_deref(), Some(""));
        assert_eq!(read(&["k=%4", "other=1"], "k").as_deref(), Some("%4"));
        assert_eq!(read(&["k=%zz%41"], "k").as_deref(), Some("%zzA"));
    }

    #[test]
    fn the_last_member_of_a_key_counts_over_all_headers() {
        assert_eq!(read(&["k=1,k=2", "k=3"], "k").as_deref(), Some("3"));
    }

    #[test]
    fn no_more_is_read_than_everybody_must_carry_on() {
        let long = format!("fill={}", "x".repeat(MAX_BAGGAGE));
        assert_eq!(read(&["k=1", &long, "k=2"], "k").as_deref(), Some("1"));
    }

    proptest! {
        #[test]
        fn an_encoded_value_comes_back(value in ".{0,40}", before in "[a-z=;% ]{0,20}") {
            let encoded: String = value.bytes().map(|b| format!("%{b:02X}")).collect();
            let header = format!("{before},genops.team={encoded};p=1");
            prop_assert_eq!(read(&[&header], "genops.team"), Some(value));
        }
    }
}
