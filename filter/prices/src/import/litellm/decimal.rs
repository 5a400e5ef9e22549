//! Figures of a list that went through floats, back to what was meant.

use genops_core::price::book::{RATE_DECIMALS, Rate};

/// Significant digits of a printed price. What stands behind them is a float's noise, if it is small enough.
const DIGITS: usize = 12;
/// One part in this many is noise; also the largest error that the book's last decimal may make.
const NOISE: u128 = 1_000_000_000_000;

/// A decimal number: `digits` * 10^`exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    digits: u128,
    exponent: i32,
}

impl Decimal {
    /// Of the text of a JSON number that is not negative; `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse().ok()?),
            None => (text, 0i32),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !plain(whole) || !plain(fraction) {
            return None;
        }
        let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
        Some(Self { digits, exponent: exponent.checked_sub(i32::try_from(fraction.len()).ok()?)? })
    }

    /// Whether it is nothing.
    pub(super) fn is_zero(self) -> bool {
        self.digits == 0
    }

    /// Without what arithmetic on floats left behind its twelfth digit (5.0000000000000004e-08). A real quotient
    /// (a seventh) keeps all digits.
    pub(super) fn without_noise(self) -> Self {
        let count = self.digits.checked_ilog10().map_or(1, |log| log as usize + 1);
        let Some(unit) = count.checked_sub(DIGITS).and_then(|n| 10u128.checked_pow(n as u32)) else { return self };
        let listed = (self.digits + unit / 2) / unit * unit;
        let small = listed.abs_diff(self.digits).checked_mul(NOISE).is_some_and(|error| error < self.digits);
        if small { Self { digits: listed, ..self } } else { self }
    }

    /// `factor` times as much; `None` beyond all prices.
    pub(super) fn times(self, factor: Self) -> Option<Self> {
        let digits = self.digits.checked_mul(factor.digits)?;
        Some(Self { digits, exponent: self.exponent.checked_add(factor.exponent)? })
    }

    /// As a rate of the book. `None` where 15 decimals cannot say it, or the book cannot hold it.
    pub(super) fn rate(self) -> Option<Rate> {
        if self.digits == 0 {
            return Some(Rate(0));
        }
        let shift = self.exponent.checked_add(RATE_DECIMALS as i32)?;
        let power = 10u128.checked_pow(shift.unsigned_abs())?;
        let units = if shift >= 0 {
            self.digits.checked_mul(power)?
        } else {
            let units = (self.digits + power / 2) / power;
            let error = (units * power).abs_diff(self.digits);
            if error.checked_mul(NOISE)? >= self.digits {
                return None;
            }
            units
        };
        u64::try_from(units).ok().map(Rate)
    }
}

impl From<u32> for Decimal {
    fn from(number: u32) -> Self {
        Self { digits: number.into(), exponent: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn per_million(text: &str) -> Option<String> {
        Some(Decimal::parse(text)?.without_noise().times(1_000_000.into())?.rate()?.to_string())
    }

    #[test]
    fn figures_come_out_as_they_were_meant() {
        for (text, expected) in [
            ("3e-06", "3"),
            ("2.5E-6", "2.5"),
            ("0.0", "0"),
            ("0", "0"),
            ("5.0000000000000004e-08", "0.05"),
            ("0.00021429", "214.29"),
            ("1.1999999999999999e-07", "0.12"),
            ("6.0999999999999998e-08", "0.061"),
            // A seventh of 0.23: a quotient, not noise.
            ("3.2857142857142855e-08", "0.032857142857143"),
            ("0.01", "10000"),
        ] {
            assert_eq!(per_million(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_price_is_none() {
        for text in ["", "-1e-06", "free", "1e", "e5", ".5", "NaN", "1e-6x", "99999", "1e400"] {
            assert!(per_million(text).is_none(), "{text}");
        }
        // So fine that 15 decimals would change it.
        assert_eq!(per_million("1.234567e-21"), None);
    }
}
