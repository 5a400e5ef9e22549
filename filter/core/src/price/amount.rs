//! Exact sums of quantity times rate, rounded once.

use super::book::{Dimension, Kind};
use super::select::ONE;
use crate::outcome::UnpricedReason;

/// Rates have 15 decimals and a pico-dollar 12, so quantity times rate counts in thousandths of a pico-dollar per unit.
const PER_PICO: u128 = 1000;

/// Least common multiple of the classes' divisors, [`PER_PICO`] and the multiplier's millionths included: 3.6e15 for
/// billionths of seconds by the hour, 1e15 for tokens. Fractions of a pico-dollar are added up in this unit.
const COMMON: u128 = 18_000_000_000_000_000;

/// Largest quantity of one kind in one exchange: a million times the largest context on any list. With the largest
/// rate (2^64) a product stays below 2^104. Seconds, in billionths, have 64 bits; every operation is checked.
const MAX_QUANTITY: u64 = 1 << 40;

/// Dimensions whose products can be added up as they are: [`Class::divisor`] turns them into pico-dollars.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Class {
    /// Tokens, which multipliers hold for.
    Million,
    /// Characters, pixels.
    MillionOthers,
    Thousand,
    HourBillionths,
    SecondBillionths,
    One,
}

impl Class {
    const ALL: [Self; 6] =
        [Self::Million, Self::MillionOthers, Self::Thousand, Self::HourBillionths, Self::SecondBillionths, Self::One];

    const fn of(dimension: Dimension) -> Self {
        match (dimension.kind(), dimension.per(), dimension.is_fractional()) {
            (Kind::Token, ..) => Self::Million,
            (_, 1_000_000, _) => Self::MillionOthers,
            (_, 3600, true) => Self::HourBillionths,
            (_, 1, true) => Self::SecondBillionths,
            (_, 1, false) => Self::One,
            _ => Self::Thousand,
        }
    }

    const fn divisor(self) -> u128 {
        PER_PICO
            * match self {
                Self::Million | Self::MillionOthers => 1_000_000,
                Self::Thousand => 1000,
                Self::HourBillionths => 3600 * 1_000_000_000,
                Self::SecondBillionths => 1_000_000_000,
                Self::One => 1,
            }
    }
}

/// What one model's part of an exchange costs, exact.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum([u128; Class::ALL.len()]);

impl Sum {
    /// Adds `quantity` of a dimension (billionths where it is fractional) at `rate`, in 1e-15 dollars per the
    /// dimension's unit.
    ///
    /// # Errors
    /// [`UnpricedReason::Overflow`] for a figure that no exchange can have.
    pub(super) fn add(&mut self, quantity: u64, dimension: Dimension, rate: u64) -> Result<(), UnpricedReason> {
        let slot = self.0.get_mut(Class::of(dimension) as usize);
        let quantity = Some(quantity).filter(|quantity| dimension.is_fractional() || *quantity <= MAX_QUANTITY);
        let more = quantity.and_then(|quantity| u128::from(quantity).checked_mul(rate.into()));
        if let (Some(slot), Some(more)) = (slot, more)
            && let Some(sum) = slot.checked_add(more)
        {
            *slot = sum;
            return Ok(());
        }
        Err(UnpricedReason::Overflow)
    }
}

/// Money being added up, exact.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Total {
    /// Whole pico-dollars.
    whole: u128,
    /// The rest of them, in units of [`COMMON`].
    rest: u128,
}

impl Total {
    /// Adds a part, its tokens multiplied by `multiplier` millionths.
    ///
    /// # Errors
    /// [`UnpricedReason::Overflow`] for a sum that no exchange can have.
    pub(super) fn add(&mut self, part: &Sum, multiplier: u32) -> Result<(), UnpricedReason> {
        for class in Class::ALL {
            let sum = part.0.get(class as usize).copied().unwrap_or(0);
            if sum == 0 {
                continue;
            }
            let multiplied = matches!(class, Class::Million) && multiplier != ONE;
            let (factor, divisor) = if multiplied { (multiplier, ONE) } else { (1, 1) };
            let sum = sum.checked_mul(factor.into()).ok_or(UnpricedReason::Overflow)?;
            let divisor = class.divisor() * u128::from(divisor);
            // Both below 2^128 by far: at most one class's share of 2^128, and the rest of a division.
            self.whole = self.whole.checked_add(sum / divisor).ok_or(UnpricedReason::Overflow)?;
            self.rest = self.rest.saturating_add(sum % divisor * (COMMON / divisor));
        }
        Ok(())
    }

    /// The nearest whole pico-dollar; halves go to the even one.
    ///
    /// # Errors
    /// [`UnpricedReason::Overflow`] beyond 18.4 million dollars.
    pub(super) fn pico(self) -> Result<u64, UnpricedReason> {
        let (carried, rest) = (self.rest / COMMON, self.rest % COMMON);
        let whole = self.whole.checked_add(carried).ok_or(UnpricedReason::Overflow)?;
        let up = match (rest * 2).cmp(&COMMON) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => whole % 2,
            std::cmp::Ordering::Greater => 1,
        };
        whole.checked_add(up).and_then(|pico| u64::try_from(pico).ok()).ok_or(UnpricedReason::Overflow)
    }
}

/// Pico-dollars as exact decimal text in dollars: `0.0075`, without exponent and trailing zeros.
pub fn pico_to_decimal(pico: u64) -> String {
    /// Digits of a pico-dollar's fraction of a dollar.
    const PLACES: usize = 12;
    let digits = pico.to_string();
    // At least one digit of whole dollars.
    let zeros = (PLACES + 1).saturating_sub(digits.len());
    let mut text = "0".repeat(zeros);
    text.push_str(&digits);
    text.insert(text.len() - PLACES, '.');
    text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_text_is_exact() {
        for (pico, text) in [
            (0, "0"),
            (1, "0.000000000001"),
            (7_500_000_000, "0.0075"),
            (1_000_000_000_000, "1"),
            (20_500_000_000_000, "20.5"),
            (u64::MAX, "18446744.073709551615"),
        ] {
            assert_eq!(pico_to_decimal(pico), text);
        }
    }

    fn pico(terms: &[(u64, Dimension, u64)], multiplier: u32) -> Result<u64, UnpricedReason> {
        let (mut sum, mut total) = (Sum::default(), Total::default());
        terms.iter().try_for_each(|(quantity, dimension, rate)| sum.add(*quantity, *dimension, *rate))?;
        total.add(&sum, multiplier)?;
        total.pico()
    }

    #[test]
    fn halves_go_to_even() {
        // One token at 1e-15 dollars per million is a billionth of a pico-dollar times a million: 5e8 make a half.
        for (quantity, expected) in
            [(499_999_999, 0), (500_000_000, 0), (500_000_001, 1), (1_500_000_000, 2), (2_500_000_000, 2)]
        {
            assert_eq!(pico(&[(quantity, Dimension::Input, 1)], ONE), Ok(expected), "{quantity}");
        }
    }

    #[test]
    fn every_class_divides_the_common_unit() {
        for class in Class::ALL {
            let multiplied = if matches!(class, Class::Million) { u128::from(ONE) } else { 1 };
            assert_eq!(COMMON % (class.divisor() * multiplied), 0);
        }
        for dimension in Dimension::ALL {
            let billionths = if dimension.is_fractional() { 1_000_000_000 } else { 1 };
            let divisor = u128::from(dimension.per()) * billionths * PER_PICO;
            assert_eq!(Class::of(dimension).divisor(), divisor, "{}", dimension.as_str());
        }
    }

    #[test]
    fn fractions_of_a_pico_dollar_are_added_before_they_are_rounded() {
        let dollar = 1_000_000_000_000_000;
        // Ten seconds at 0.111 per hour: 308,333,333.33 pico-dollars; a third of one more makes two thirds.
        let ten = (10_000_000_000, Dimension::AudioSecond, 111 * dollar / 1000);
        assert_eq!(pico(&[ten], ONE), Ok(308_333_333));
        assert_eq!(pico(&[ten, ten], ONE), Ok(616_666_667));
        // A token at 0.000001 per million is a pico-dollar: 1.1 of it, and the seconds' third.
        let token = (1, Dimension::Input, dollar / 1_000_000);
        assert_eq!(pico(&[token], 1_100_000), Ok(1));
        assert_eq!(pico(&[token, token, token, token, token], 1_100_000), Ok(6));
        assert_eq!(pico(&[(2, Dimension::Input, dollar / 1_000_000), ten], 1_100_000), Ok(308_333_336));
        // A search costs what it costs.
        assert_eq!(pico(&[(1, Dimension::WebSearch, 10 * dollar)], 1_100_000), Ok(10_000_000_000));
        assert_eq!(pico(&[(3, Dimension::Image, 4 * dollar / 100)], 1_100_000), Ok(120_000_000_000));
        assert_eq!(pico(&[(8_500_000_000, Dimension::VideoSecond, dollar / 10)], ONE), Ok(850_000_000_000));
        assert_eq!(pico(&[(1_234, Dimension::Character, 15 * dollar)], ONE), Ok(18_510_000_000));
    }

    #[test]
    fn what_is_too_much_is_refused() {
        let overflow = Err(UnpricedReason::Overflow);
        assert_eq!(pico(&[(MAX_QUANTITY + 1, Dimension::Input, 1)], ONE), overflow);
        assert_eq!(pico(&[(u64::MAX, Dimension::Request, u64::MAX)], ONE), overflow);
        assert_eq!(pico(&[], ONE), Ok(0));
        assert_eq!(pico(&[(MAX_QUANTITY, Dimension::Request, u64::MAX); 4], ONE), overflow);
        assert_eq!(pico(&[(u64::MAX, Dimension::VideoSecond, u64::MAX); 2], ONE), overflow);
        assert_eq!(pico(&[(MAX_QUANTITY, Dimension::Input, u64::MAX); 16], u32::MAX), overflow);
    }
}
