//! Rates: decimal text to an exact integer and back.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Decimals of a US dollar that a rate keeps. Price lists print at most 6; quotients of resellers (a twelfth) need
/// more, and with 15 the error over a billion tokens stays below a pico-dollar. The largest rate that 64 bits hold
/// then, 18,446 dollars per unit, is thirty times the dearest one on any list.
pub const RATE_DECIMALS: usize = 15;

/// A price in 1e-15 US dollars per quoted unit (a million tokens, an hour, a thousand calls).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rate(pub u64);

/// Text that is no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// Signs, exponents, spaces and missing digits are refused.
    #[error("a rate is digits with at most one point, such as \"2.5\"")]
    NotDecimal,
    /// Rounding a price would be a guess.
    #[error("a rate has at most {RATE_DECIMALS} decimals")]
    TooFine,
    /// Beyond what 64 bits hold.
    #[error("a rate is at most 18446 dollars")]
    TooLarge,
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return Err(RateError::NotDecimal),
            None => (text, ""),
        };
        if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return Err(RateError::NotDecimal);
        }
        if fraction.len() > RATE_DECIMALS {
            return Err(RateError::TooFine);
        }
        let padding = std::iter::repeat_n(b'0', RATE_DECIMALS - fraction.len());
        let digits = whole.bytes().chain(fraction.bytes()).chain(padding);
        let value = digits
            .map(|digit| u64::from(digit - b'0'))
            .try_fold(0u64, |value, digit| value.checked_mul(10)?.checked_add(digit));
        value.map(Self).ok_or(RateError::TooLarge)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = 10u64.pow(RATE_DECIMALS as u32);
        let fraction = format!("{:0width$}", self.0 % one, width = RATE_DECIMALS);
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{}", self.0 / one),
            fraction => write!(f, "{}.{fraction}", self.0 / one),
        }
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_decimal_text_exactly() {
        assert_eq!("2.5".parse(), Ok(Rate(2_500_000_000_000_000)));
        assert_eq!("0".parse(), Ok(Rate(0)));
        assert_eq!("0.083333333333333".parse(), Ok(Rate(83_333_333_333_333)));
        assert_eq!("600".parse::<Rate>().map(|r| r.to_string()), Ok("600".to_owned()));
        assert_eq!("0.0750".parse::<Rate>().map(|r| r.to_string()), Ok("0.075".to_owned()));
    }

    #[test]
    fn refuses_what_is_no_plain_decimal() {
        for text in ["", ".", "1.", ".5", "-1", "+1", "1e-6", "1,5", " 1", "0x1", "1.2.3", "NaN"] {
            assert_eq!(text.parse::<Rate>(), Err(RateError::NotDecimal), "{text:?}");
        }
        assert_eq!("0.0000000000000001".parse::<Rate>(), Err(RateError::TooFine));
        assert_eq!("18447".parse::<Rate>(), Err(RateError::TooLarge));
        assert_eq!("99999999999999999999999".parse::<Rate>(), Err(RateError::TooLarge));
    }
}
