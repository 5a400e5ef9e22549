//! Decimal numbers as JSON prints them, without ever becoming a float.

use super::Nano;

/// Most digits on either side of the point; no bill and no length of one exchange needs more.
const DIGITS_LIMIT: usize = 40;

/// Digits of a [`Nano`] behind the point.
const NANO_DIGITS: usize = 9;

/// A JSON number divided by `10^shift`, written without an exponent and without needless zeros. `None` for what is
/// negative, no number or longer than [`DIGITS_LIMIT`].
pub(crate) fn plain(raw: &[u8], shift: i32) -> Option<String> {
    let text = str::from_utf8(raw).ok()?;
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: String = [whole, fraction].concat();
    if digits.is_empty() || digits.len() > DIGITS_LIMIT || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // Digits before the point, which may lie before the first or behind the last digit.
    let point = i32::try_from(whole.len()).ok()?.checked_add(exponent)?.checked_sub(shift)?;
    let limit = i32::try_from(DIGITS_LIMIT).ok()?;
    if point.abs() > limit {
        return digits.bytes().all(|b| b == b'0').then(|| "0".to_owned());
    }
    let (whole, fraction) = match usize::try_from(point) {
        Ok(point) if point <= digits.len() => {
            let (whole, fraction) = digits.split_at(point);
            (whole.to_owned(), fraction.to_owned())
        }
        Ok(point) => (format!("{digits:0<point$}"), String::new()),
        Err(_) => (String::new(), format!("{}{digits}", "0".repeat(point.unsigned_abs() as usize))),
    };
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") })
}

/// A number, or a text that holds one (OpenAI's older transcriptions), in billionths; digits beyond round half up.
/// `None` as for [`plain`], and where 64 bits do not hold it.
pub(crate) fn nano(raw: &[u8]) -> Option<Nano> {
    let number = raw.strip_prefix(b"\"").and_then(|r| r.strip_suffix(b"\"")).unwrap_or(raw);
    let text = plain(number, 0)?;
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let (kept, beyond) = fraction.split_at(fraction.len().min(NANO_DIGITS));
    let nanos: u64 = format!("{kept:0<NANO_DIGITS$}").parse().ok()?;
    let up = u64::from(beyond.bytes().next().is_some_and(|digit| digit >= b'5'));
    let whole: u64 = whole.parse().ok()?;
    whole.checked_mul(10_u64.pow(NANO_DIGITS as u32))?.checked_add(nanos)?.checked_add(up).map(Nano)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn billionths_keep_their_digits() {
        let read = |text: &str| nano(text.as_bytes()).map(|n| n.0);
        for (text, nanos) in [
            ("7", 7_000_000_000),
            ("12.34", 12_340_000_000),
            ("\"8.47\"", 8_470_000_000),
            ("8.470000267028809", 8_470_000_267),
            ("0.0000000005", 1),
            ("0.9999999999", 1_000_000_000),
            ("1.5e2", 150_000_000_000),
            ("18446744073.709551615", u64::MAX),
        ] {
            assert_eq!(read(text), Some(nanos), "{text}");
        }
        for hostile in ["18446744073.7095516155", "-1", "1e300", "\"\"", "null", "\"7", "{}", "NaN"] {
            assert_eq!(read(hostile), None, "{hostile}");
        }
    }
}
