//! Numbers and texts as both forms write them.

use std::fmt::Write as _;

use memchr::{memchr2, memchr3};

/// Up to here every whole number is a float64.
const EXACT: u64 = 1 << 53;

/// Appends `value` over 10 to the power of `places` as a decimal, without trailing zeros.
///
/// A reader gets the very float64 that `value / 1e12` (or `1e9`) gives where a rule divides what the proxy prints: exact
/// decimals up to 2^53; above, `value` is first rounded as a float64 rounds it, because that is what the rule divides.
pub(super) fn push_scaled(out: &mut String, value: u64, places: u32) {
    if places == 0 {
        let _infallible = write!(out, "{value}");
        return;
    }
    let value = u128::from(value);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "the rounding that is meant"
    )]
    let value = if value > u128::from(EXACT) { value as f64 as u128 } else { value };
    let Some(unit) = 10_u128.checked_pow(places).filter(|unit| *unit > 0) else { return };
    let (whole, fraction) = (value / unit, value % unit);
    let _infallible = write!(out, "{whole}");
    if fraction > 0 {
        let _infallible = write!(out, ".{fraction:0width$}", width = places as usize);
        out.truncate(out.trim_end_matches('0').len());
    }
}

/// Appends a float64 as the shortest decimal that reads back as it.
pub(super) fn push_float(out: &mut String, value: f64) {
    let _infallible = write!(out, "{value}");
}

/// Appends a label value: `\`, `"` and line feed escaped, which is all that both forms ask for.
pub(super) fn push_value(out: &mut String, value: &str) {
    let mut rest = value;
    while let Some(at) = memchr3(b'\\', b'"', b'\n', rest.as_bytes()) {
        rest = push_escaped(out, rest, at);
    }
    out.push_str(rest);
}

/// Appends a HELP text. OpenMetrics escapes `"` too, the older form must not.
pub(super) fn push_help(out: &mut String, help: &str, quotes: bool) {
    if quotes {
        return push_value(out, help);
    }
    let mut rest = help;
    while let Some(at) = memchr2(b'\\', b'\n', rest.as_bytes()) {
        rest = push_escaped(out, rest, at);
    }
    out.push_str(rest);
}

/// Appends `text` up to its byte `at`, and that byte, which is ASCII, escaped. Gives what follows.
fn push_escaped<'a>(out: &mut String, text: &'a str, at: usize) -> &'a str {
    let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
    out.push_str(before);
    out.push('\\');
    let mut after = after.chars();
    match after.next() {
        Some('\n') => out.push('n'),
        Some(c) => out.push(c),
        None => {}
    }
    after.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scaled(value: u64, places: u32) -> String {
        let mut out = String::new();
        push_scaled(&mut out, value, places);
        out
    }

    #[test]
    fn decimals_are_exact_and_short() {
        for (value, places, text) in [
            (0, 12, "0"),
            (1, 12, "0.000000000001"),
            (5_120_000_000, 12, "0.00512"),
            (2_500_000_000_000, 12, "2.5"),
            (3_000_000_000, 9, "3"),
            (7, 0, "7"),
            (u64::MAX, 0, "18446744073709551615"),
            // Rounded as float64 first: 2^64.
            (u64::MAX, 12, "18446744.073709551616"),
        ] {
            assert_eq!(scaled(value, places), text);
        }
    }

    #[test]
    fn texts_are_escaped_and_nothing_else_changes() {
        let mut out = String::new();
        push_value(&mut out, "a\\b\"c\nd \u{e9}\u{1f600}\r");
        assert_eq!(out, "a\\\\b\\\"c\\nd \u{e9}\u{1f600}\r");
        out.clear();
        push_help(&mut out, "say \"x\"\n\\", false);
        assert_eq!(out, "say \"x\"\\n\\\\");
        out.clear();
        push_help(&mut out, "say \"x\"", true);
        assert_eq!(out, "say \\\"x\\\"");
    }

    proptest! {
        #[test]
        fn reads_as_the_float_that_a_rule_divides_to(value: u64, small in 0_u64..1 << 40) {
            for value in [value, small, EXACT - (small & 0xff), EXACT + (small & 0xff)] {
                for (places, unit) in [(12, 1e12), (9, 1e9)] {
                    #[expect(clippy::cast_precision_loss, reason = "as a reader of the proxy's own surface does")]
                    let rule = value as f64 / unit;
                    let read: f64 = scaled(value, places).parse().expect("a number");
                    prop_assert_eq!(read.to_bits(), rule.to_bits(), "{}", value);
                }
            }
        }

        #[test]
        fn floats_come_back(value: f64) {
            let mut out = String::new();
            push_float(&mut out, value);
            let read: f64 = out.parse().expect("a number");
            prop_assert!(read.to_bits() == value.to_bits() || (read.is_nan() && value.is_nan()));
        }
    }
}
