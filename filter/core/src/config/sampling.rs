//! Which exchanges are shown one by one: in histograms and in the record of the access log. Counts know no sampling.

use serde::de::{self, Deserialize, Deserializer};

/// A rate of 1, in the steps that rates are kept in.
const ALL: u64 = 1_000_000;

/// The share of exchanges that is shown, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SamplingRate(u64);

impl Default for SamplingRate {
    fn default() -> Self {
        Self(ALL)
    }
}

impl<'de> Deserialize<'de> for SamplingRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rate = f64::deserialize(deserializer)?;
        if !(0.0..=1.0).contains(&rate) {
            return Err(de::Error::custom(format!("found {rate}, allowed is a number from 0 to 1")));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to a million")]
        Ok(Self((rate * ALL as f64).round() as u64))
    }
}

impl SamplingRate {
    /// Whether an exchange is shown. The request's id decides, so that it is the same on every hop, in every run and
    /// however traffic is spread over workers; where there is none, its arrival does.
    pub fn keeps<'a>(self, request_id: impl FnOnce() -> Option<&'a [u8]>, arrival: u64) -> bool {
        if self.0 >= ALL {
            return true;
        }
        let place = match request_id() {
            Some(id) => spread(id),
            None => spread(&arrival.to_le_bytes()),
        };
        // The upper half: of a product's bits these depend on all others.
        ((place >> 32) * ALL) >> 32 < self.0
    }
}

/// FNV-1a, then one round of mixing (MurmurHash3's `fmix64`): ids that differ in their last digit must spread.
fn spread(bytes: &[u8]) -> u64 {
    let mut hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(json: &str) -> Result<SamplingRate, String> {
        serde_json::from_str(json).map_err(|e| e.to_string())
    }

    fn kept(rate: SamplingRate, id: &str) -> bool {
        rate.keeps(|| Some(id.as_bytes()), 7)
    }

    #[test]
    fn the_share_is_kept_and_the_choice_is_stable() {
        for (text, least, most) in [("0", 0, 0), ("0.1", 920, 1080), ("0.5", 4850, 5150), ("1", 10_000, 10_000)] {
            let rate = rate(text).expect("a rate");
            let kept = (0..10_000).filter(|n| kept(rate, &format!("request-{n}"))).count();
            assert!((least..=most).contains(&kept), "{text}: {kept}");
            let at = (0..10_000).filter(|n| rate.keeps(|| None, 1_790_000_000_000_000_000 + n * 1_000)).count();
            assert!((least..=most).contains(&at), "{text}: {at}");
        }
        let tenth = rate("0.1").expect("a rate");
        assert_eq!(tenth.keeps(|| Some(b"a"), 1), tenth.keeps(|| Some(b"a"), 2));
        // What a lower rate keeps, a higher one keeps, too.
        let half = rate("0.5").expect("a rate");
        assert!((0..1000).map(|n| n.to_string()).all(|id| !kept(tenth, &id) || kept(half, &id)));
    }

    #[test]
    fn what_is_no_share_is_refused() {
        for bad in ["1.1", "-0.1", "\"half\"", "1e400"] {
            assert!(rate(bad).is_err(), "{bad}");
        }
        assert!(rate("1.5").is_err_and(|e| e.contains("found 1.5") && e.contains("from 0 to 1")));
    }
}
