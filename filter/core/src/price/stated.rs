//! Costs that a provider states, in whole pico-dollars.

/// Digits behind the point that pico-dollars keep.
const PICO_DIGITS: usize = 12;

/// A cost in plain decimal US dollars (`0.00024885`) as pico-dollars, rounded half-even once. `None` for what is no plain
/// decimal or beyond 18.4 million dollars.
pub fn decimal_to_pico(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let kept = fraction.get(..PICO_DIGITS).unwrap_or(fraction);
    let pico: u64 = format!("{whole}{kept:0<PICO_DIGITS$}").parse().ok()?;
    let rest = fraction.get(PICO_DIGITS..).unwrap_or_default().trim_end_matches('0');
    // The first digit that is dropped decides; a five and nothing more is a half.
    let up = match rest.bytes().next() {
        None | Some(b'0'..=b'4') => false,
        Some(b'5') if rest.len() == 1 => pico % 2 == 1,
        _ => true,
    };
    pico.checked_add(u64::from(up))
}

/// How far a computed cost lies from the one that the provider stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drift {
    /// Equal but for the noise of a float on the provider's side.
    None,
    /// At most one part in a hundred away.
    Small,
    /// The price book asks for more.
    Over,
    /// The price book asks for less.
    Under,
    /// The price book gives no cost.
    Unpriced,
}

impl Drift {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::None, Self::Small, Self::Over, Self::Under, Self::Unpriced];

    /// The value of the `drift` label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Small => "small",
            Self::Over => "over",
            Self::Under => "under",
            Self::Unpriced => "unpriced",
        }
    }

    /// The drift between two costs in pico-dollars.
    pub fn between(computed: Option<u64>, stated: u64) -> Self {
        let Some(computed) = computed else { return Self::Unpriced };
        let away = computed.abs_diff(stated);
        // A double keeps 15 digits: `0.00019199999999999998` is meant as 0.000192.
        if away <= 1 + stated / 1_000_000_000 {
            Self::None
        } else if away <= stated / 100 {
            Self::Small
        } else if computed > stated {
            Self::Over
        } else {
            Self::Under
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_rounded_once_half_to_even() {
        for (text, pico) in [
            ("0", Some(0)),
            ("0.00024885", Some(248_850_000)),
            ("0.00019199999999999998", Some(192_000_000)),
            ("1500", Some(1_500_000_000_000_000)),
            ("0.0000000000005", Some(0)),
            ("0.0000000000015", Some(2)),
            ("0.0000000000025", Some(2)),
            ("0.00000000000250001", Some(3)),
            ("18446744.073709551615", Some(u64::MAX)),
            ("18446744.0737095516155", None),
            ("18446745", None),
            ("", None),
            (".5", None),
            ("-1", None),
            ("1e3", None),
            ("1.2.3", None),
        ] {
            assert_eq!(decimal_to_pico(text), pico, "{text}");
        }
    }

    #[test]
    fn drift_tells_noise_from_another_price() {
        assert_eq!(Drift::between(Some(192_000_000), 192_000_001), Drift::None);
        assert_eq!(Drift::between(Some(0), 0), Drift::None);
        assert_eq!(Drift::between(Some(101_000), 100_000), Drift::Small);
        assert_eq!(Drift::between(Some(200_000), 100_000), Drift::Over);
        assert_eq!(Drift::between(Some(50_000), 100_000), Drift::Under);
        assert_eq!(Drift::between(Some(50_000), 0), Drift::Over);
        assert_eq!(Drift::between(None, 5), Drift::Unpriced);
    }
}
