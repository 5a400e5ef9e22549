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

/// Decimals of a multiplier: lists print 1.1, 1.2, 1.25.
pub const FACTOR_DECIMALS: usize = 2;

/// What a price is multiplied by, in hundredths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Factor(pub u64);

/// Decimals of a quantity: seconds have fractions.
pub const QUANTITY_DECIMALS: usize = 9;

/// A quantity in billionths of its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quantity(pub u64);

/// Text that is no rate, multiplier or quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// Signs, exponents, spaces and missing digits are refused.
    #[error("a figure is digits with at most one point, such as \"2.5\"")]
    NotDecimal,
    /// Rounding a price would be a guess.
    #[error("it has at most {0} decimals")]
    TooFine(usize),
    /// Beyond what 64 bits hold.
    #[error("it is at most {0}")]
    TooLarge(u64),
}

/// Digits with at most one point, as an integer of `10^-decimals`.
fn read(text: &str, decimals: usize) -> Result<u64, RateError> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return Err(RateError::NotDecimal),
        None => (text, ""),
    };
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return Err(RateError::NotDecimal);
    }
    let padding = decimals.checked_sub(fraction.len()).ok_or(RateError::TooFine(decimals))?;
    let digits = whole.bytes().chain(fraction.bytes()).chain(std::iter::repeat_n(b'0', padding));
    let value = digits
        .map(|digit| u64::from(digit - b'0'))
        .try_fold(0u64, |value, digit| value.checked_mul(10)?.checked_add(digit));
    value.ok_or(RateError::TooLarge(u64::MAX / 10u64.pow(decimals as u32)))
}

fn write(value: u64, decimals: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let one = 10u64.pow(decimals as u32);
    let fraction = format!("{:0decimals$}", value % one);
    match fraction.trim_end_matches('0') {
        "" => write!(f, "{}", value / one),
        fraction => write!(f, "{}.{fraction}", value / one),
    }
}

macro_rules! as_decimal {
    ($type:ident, $decimals:ident) => {
        impl FromStr for $type {
            type Err = RateError;

            fn from_str(text: &str) -> Result<Self, RateError> {
                read(text, $decimals).map(Self)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write(self.0, $decimals, f)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

as_decimal!(Rate, RATE_DECIMALS);
as_decimal!(Factor, FACTOR_DECIMALS);
as_decimal!(Quantity, QUANTITY_DECIMALS);

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
    fn multipliers_and_quantities_have_their_own_scale() {
        assert_eq!("1.1".parse(), Ok(Factor(110)));
        assert_eq!("1.125".parse::<Factor>(), Err(RateError::TooFine(2)));
        assert_eq!("10".parse(), Ok(Quantity(10_000_000_000)));
        assert_eq!("0.5".parse::<Quantity>().map(|q| q.to_string()), Ok("0.5".to_owned()));
    }

    #[test]
    fn refuses_what_is_no_plain_decimal() {
        for text in ["", ".", "1.", ".5", "-1", "+1", "1e-6", "1,5", " 1", "0x1", "1.2.3", "NaN"] {
            assert_eq!(text.parse::<Rate>(), Err(RateError::NotDecimal), "{text:?}");
        }
        assert_eq!("0.0000000000000001".parse::<Rate>(), Err(RateError::TooFine(RATE_DECIMALS)));
        assert_eq!("18447".parse::<Rate>(), Err(RateError::TooLarge(18_446)));
        assert_eq!("99999999999999999999999".parse::<Rate>(), Err(RateError::TooLarge(18_446)));
    }
}
