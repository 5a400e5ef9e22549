//! Exact sums of quantity times rate, rounded once.

use super::book::Dimension;
use crate::outcome::UnpricedReason;

/// Least common multiple of what one rate can buy (see [`Dimension::per`]): 10^6 tokens, 3,600 seconds, 1,000 calls.
/// Leaves room for a unit of 10^9 (pixels).
const COMMON: u128 = 9_000_000_000;

/// The sum counts in dollars / (COMMON * 10^15), since rates have 15 decimals; one pico-dollar is this much of it.
const PER_PICO: u128 = COMMON * 1000;

/// Largest quantity of one kind in one exchange: a million times the largest context on any list. With the largest
/// rate (2^64) and the largest factor (COMMON / 1000 < 2^24) a product stays below 2^128, and sums are checked.
const MAX_QUANTITY: u64 = 1 << 40;

/// Money being added up, exact.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum(u128);

impl Sum {
    /// Adds `quantity` of a dimension at `rate`, in 1e-15 dollars per the dimension's unit.
    ///
    /// # Errors
    /// [`UnpricedReason::Overflow`] for a figure that no exchange can have.
    pub(super) fn add(&mut self, quantity: u64, dimension: Dimension, rate: u64) -> Result<(), UnpricedReason> {
        let product = || {
            let quantity = Some(quantity).filter(|q| *q <= MAX_QUANTITY)?;
            let scaled = u128::from(quantity).checked_mul(COMMON / u128::from(dimension.per()))?;
            self.0.checked_add(scaled.checked_mul(u128::from(rate))?)
        };
        self.0 = product().ok_or(UnpricedReason::Overflow)?;
        Ok(())
    }

    /// The nearest whole pico-dollar; halves go to the even one.
    ///
    /// # Errors
    /// [`UnpricedReason::Overflow`] beyond 18.4 million dollars.
    pub(super) fn pico(self) -> Result<u64, UnpricedReason> {
        let (whole, rest) = (self.0 / PER_PICO, self.0 % PER_PICO);
        let up = match (rest * 2).cmp(&PER_PICO) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => whole % 2,
            std::cmp::Ordering::Greater => 1,
        };
        u64::try_from(whole + up).map_err(|_| UnpricedReason::Overflow)
    }
}

/// Pico-dollars as exact decimal text in dollars: `0.0075`, without exponent and trailing zeros.
pub fn pico_to_decimal(pico: u64) -> String {
    const PICO: u64 = 1_000_000_000_000;
    let (whole, fraction) = (pico / PICO, pico % PICO);
    if fraction == 0 {
        return whole.to_string();
    }
    let fraction = format!("{fraction:012}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
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

    #[test]
    fn halves_go_to_even() {
        // One token at 1e-15 dollars per million is a billionth of a pico-dollar times a million: 5e8 make a half.
        for (quantity, pico) in
            [(499_999_999, 0), (500_000_000, 0), (500_000_001, 1), (1_500_000_000, 2), (2_500_000_000, 2)]
        {
            let mut sum = Sum::default();
            assert_eq!(sum.add(quantity, Dimension::Input, 1), Ok(()));
            assert_eq!(sum.pico(), Ok(pico), "{quantity}");
        }
    }

    #[test]
    fn what_is_too_much_is_refused() {
        let mut sum = Sum::default();
        assert_eq!(sum.add(MAX_QUANTITY + 1, Dimension::Input, 1), Err(UnpricedReason::Overflow));
        assert_eq!(sum.add(u64::MAX, Dimension::Request, u64::MAX), Err(UnpricedReason::Overflow));
        assert_eq!(sum.pico(), Ok(0));
        for _ in 0..4 {
            _ = sum.add(MAX_QUANTITY, Dimension::Request, u64::MAX);
        }
        assert_eq!(sum.pico(), Err(UnpricedReason::Overflow));
    }
}
