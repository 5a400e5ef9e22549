//! Envoy's histogram numbers: libcircllhist py-0.3.2, two significant decimal digits per bucket.

use std::collections::BTreeMap;

/// Envoy's default bucket bounds (`source/common/stats/histogram_impl.cc`).
pub const DEFAULT_BUCKETS: [f64; 19] = [
    0.5,
    1.0,
    5.0,
    10.0,
    25.0,
    50.0,
    100.0,
    250.0,
    500.0,
    1000.0,
    2500.0,
    5000.0,
    10000.0,
    30000.0,
    60000.0,
    300_000.0,
    600_000.0,
    1_800_000.0,
    3_600_000.0,
];

/// A bucket: two digits (10 to 99, or 0 for the zero bucket) times a power of ten. Ordered as its lower bound is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Bucket {
    exponent: i32,
    digits: i32,
}

impl Bucket {
    /// Integer division by 10 until two digits are left: what falls off is lost, which is why Envoy's `_sum` is
    /// never exact.
    fn of(value: u64) -> Self {
        let mut value = value;
        if value == 0 {
            return Self { exponent: i32::MIN, digits: 0 };
        }
        let mut exponent = 1;
        if value < 10 {
            value *= 10;
            exponent = 0;
        }
        while value >= 100 {
            value /= 10;
            exponent += 1;
        }
        Self { exponent, digits: i32::try_from(value).unwrap_or(99) }
    }

    fn lower(self) -> f64 {
        if self.digits == 0 { 0.0 } else { f64::from(self.digits) / 10.0 * 10f64.powi(self.exponent) }
    }

    fn width(self) -> f64 {
        if self.digits == 0 { 0.0 } else { 10f64.powi(self.exponent) / 10.0 }
    }

    /// In this order of operations: the last bit counts.
    fn midpoint(self) -> f64 {
        if self.digits == 0 {
            return 0.0;
        }
        let (lower, width) = (self.lower(), self.width());
        lower + width * (lower / (lower + (lower + width)))
    }
}

/// Counts by bucket.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram(BTreeMap<Bucket, u64>);

impl Histogram {
    /// One sample. Envoy casts to i64; values beyond it (negative there) are kept at the top instead.
    pub fn record(&mut self, value: u64) {
        self.record_many(value, 1);
    }

    fn record_many(&mut self, value: u64, samples: u64) {
        *self.0.entry(Bucket::of(value)).or_default() += samples;
    }

    /// Samples.
    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// Sum of midpoint times count, in bucket order.
    pub fn sum(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "libcircllhist multiplies in doubles too")]
        self.0.iter().fold(0.0, |sum, (bucket, count)| sum + bucket.midpoint() * *count as f64)
    }

    /// Samples in buckets whose lower bound is at most `bound`: 0.3.2 counts a bucket that begins at the bound.
    pub fn cumulative(&self, bound: f64) -> u64 {
        self.0.iter().filter(|(bucket, _)| bucket.lower() <= bound).map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[(u64, u64)]) -> Histogram {
        let mut histogram = Histogram::default();
        for &(value, samples) in values {
            histogram.record_many(value, samples);
        }
        histogram
    }

    /// `test/server/admin/prometheus_stats_test.cc`.
    #[test]
    fn envoys_own_goldens() {
        let histogram = of(&[(50, 1), (20, 1), (30, 1), (70, 1), (100, 1), (5000, 1), (200, 1)]);
        let counts: Vec<u64> = DEFAULT_BUCKETS.iter().take(12).map(|bound| histogram.cumulative(*bound)).collect();
        assert_eq!(counts, [0, 0, 0, 0, 1, 3, 5, 6, 6, 6, 6, 7]);
        assert_eq!(histogram.sum(), 5_531.116_015_599_839);
        let histogram = of(&[(1, 100_000), (100, 1_000_000), (1000, 100_000_000)]);
        assert_eq!(histogram.sum(), 104_866_771_428.571_44);
        assert_eq!(histogram.count(), 101_100_000);
    }

    #[test]
    fn zero_and_the_largest_values_have_a_bucket() {
        let histogram = of(&[(0, 2), (u64::MAX, 1)]);
        assert_eq!(histogram.cumulative(0.5), 2);
        assert_eq!(histogram.count(), 3);
    }
}
