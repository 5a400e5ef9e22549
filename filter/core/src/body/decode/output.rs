//! What comes out of a coding, counted against the bounds.

use super::Stop;

/// Most decoded bytes of one body. The largest answers are images in base64 (some 30 MB).
pub(crate) const DECODED_LIMIT: u64 = 128 * 1024 * 1024;

/// Most decoded bytes per encoded byte, once [`RATIO_FLOOR`] is passed. Token streams, the most repetitive real bodies,
/// stay below 60; deflate can reach 1032, br and zstd some hundred thousands.
pub(crate) const RATIO_LIMIT: u64 = 300;

/// Decoded bytes below which the ratio does not matter.
pub(crate) const RATIO_FLOOR: u64 = 4 * 1024 * 1024;

/// Takes a run, and the encoded bytes of the body that it took.
pub(super) type Sink<'a> = &'a mut dyn FnMut(&[u8], u64) -> Result<(), Stop>;

/// Where the decoded runs of a layer go while it reads one cut.
pub(super) struct Output<'a> {
    /// Encoded bytes of the body before this cut; for an inner layer those that brought it.
    pub(super) encoded: u64,
    /// The cut is the body's own, so that what was used of it counts as encoded.
    pub(super) outermost: bool,
    /// Decoded bytes of the layer so far.
    pub(super) decoded: &'a mut u64,
    pub(super) sink: Sink<'a>,
}

impl Output<'_> {
    /// Hands on a decoded run, for which the first `used` bytes of the cut were enough.
    pub(super) fn push(&mut self, run: &[u8], used: usize) -> Result<(), Stop> {
        if run.is_empty() {
            return Ok(());
        }
        *self.decoded = self.decoded.saturating_add(run.len() as u64);
        let encoded = self.encoded.saturating_add(if self.outermost { used as u64 } else { 0 });
        let limit = DECODED_LIMIT.min(RATIO_FLOOR.max(encoded.saturating_mul(RATIO_LIMIT)));
        if *self.decoded > limit {
            return Err(Stop::TooLarge);
        }
        (self.sink)(run, encoded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes one run of 1 kB after `decoded` bytes came out of `encoded`.
    fn push(decoded: u64, encoded: u64, outermost: bool) -> Result<u64, Stop> {
        let (mut decoded, mut told) = (decoded, 0);
        let mut sink = |_: &[u8], encoded| {
            told = encoded;
            Ok(())
        };
        Output { encoded, outermost, decoded: &mut decoded, sink: &mut sink }.push(&[0; 1024], 10)?;
        Ok(told)
    }

    #[test]
    fn the_ratio_counts_above_its_floor_and_the_length_always() {
        assert_eq!(push(RATIO_FLOOR - 1024, 0, true), Ok(10));
        assert_eq!(push(RATIO_FLOOR - 1023, 0, true), Err(Stop::TooLarge));
        let encoded = 1 << 20;
        let most = encoded * RATIO_LIMIT;
        assert!(RATIO_FLOOR < most / 2 && most > DECODED_LIMIT);
        assert_eq!(push(DECODED_LIMIT - 1024, encoded, true), Ok(encoded + 10));
        assert_eq!(push(DECODED_LIMIT - 1023, encoded, true), Err(Stop::TooLarge));
        let encoded = 1 << 17;
        assert_eq!(push((encoded + 10) * RATIO_LIMIT - 1024, encoded, true), Ok(encoded + 10));
        assert_eq!(push((encoded + 10) * RATIO_LIMIT - 1023, encoded, true), Err(Stop::TooLarge));
    }

    #[test]
    fn an_inner_layer_is_held_to_the_body_and_not_to_the_outer_layer() {
        let encoded = 1 << 17;
        assert_eq!(push(encoded * RATIO_LIMIT - 1024, encoded, false), Ok(encoded));
        assert_eq!(push(encoded * RATIO_LIMIT - 1023, encoded, false), Err(Stop::TooLarge));
    }
}
