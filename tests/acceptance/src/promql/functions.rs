//! Functions over ranges and histograms, by Prometheus' rules (3.x, `promql/functions.go` and `quantile.go` as its
//! documentation describes them; ranges are open on the left).

use super::{Labels, Point};

/// `rate` where `per_second`, else `increase`, of the points in `(start, end]`, milliseconds; `None` for less than two.
///
/// The increase between the first and the last point is stretched to the range's ends where these are near (1.1 times
/// the mean distance of points), else by half of that distance; towards the start not beyond where the counter was 0.
pub fn rate(points: &[Point], start: i64, end: i64, per_second: bool) -> Option<f64> {
    let inside: Vec<Point> = points.iter().copied().filter(|(t, _)| *t > start && *t <= end).collect();
    let ((first_at, first), (last_at, last)) = (*inside.first()?, *inside.last()?);
    if inside.len() < 2 {
        return None;
    }
    let resets: f64 = inside.windows(2).map(|w| if w[1].1 < w[0].1 { w[0].1 } else { 0.0 }).sum();
    let increase = last - first + resets;
    let sampled = seconds(last_at - first_at);
    let mean = sampled / (inside.len() - 1) as f64;
    let threshold = mean * 1.1;
    let (mut to_start, mut to_end) = (seconds(first_at - start), seconds(end - last_at));
    if to_start >= threshold {
        to_start = mean / 2.0;
    }
    if increase > 0.0 && first >= 0.0 {
        to_start = to_start.min(sampled * (first / increase));
    }
    if to_end >= threshold {
        to_end = mean / 2.0;
    }
    let stretched = increase * ((sampled + to_start + to_end) / sampled);
    Some(if per_second { stretched / seconds(end - start) } else { stretched })
}

fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
}

/// `histogram_quantile` of cumulative buckets (upper bound, count), in any order. `None` without a `+Inf` bucket.
pub(super) fn quantile(q: f64, mut buckets: Vec<(f64, f64)>) -> Option<f64> {
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (top, all) = *buckets.last()?;
    if !top.is_infinite() || buckets.len() < 2 {
        return None;
    }
    // Counts of buckets that were read at different moments may go down by rounding; they count as flat.
    let mut most = 0.0_f64;
    for (_, count) in &mut buckets {
        most = most.max(*count);
        *count = most;
    }
    if all == 0.0 || all.is_nan() {
        return Some(f64::NAN);
    }
    let rank = q * all;
    let at = buckets.iter().position(|(_, count)| *count >= rank)?;
    let (bound, count) = *buckets.get(at)?;
    if bound.is_infinite() {
        return buckets.get(buckets.len() - 2).map(|b| b.0);
    }
    let (low, below) = at.checked_sub(1).and_then(|b| buckets.get(b)).copied().unwrap_or((0.0, 0.0));
    Some(low + (bound - low) * ((rank - below) / (count - below)))
}

/// The labels without `dropped`.
pub(super) fn without(labels: &Labels, dropped: &[&str]) -> Labels {
    labels.iter().filter(|(name, _)| !dropped.contains(&name.as_str())).map(|(n, v)| (n.clone(), v.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: Option<f64>, b: f64) -> bool {
        a.is_some_and(|a| (a - b).abs() < 1e-9)
    }

    /// Prometheus' own example in its unit tests (`promql/promqltest/testdata/functions.test`): counts of 10 a step of
    /// 5 m over 50 m give 100.
    #[test]
    fn a_steady_counter_is_what_it_grew() {
        let points: Vec<Point> = (0..=10).map(|n| (n * 300_000, n as f64 * 10.0)).collect();
        assert!(near(rate(&points, 0, 3_000_000, false), 100.0), "{:?}", rate(&points, 0, 3_000_000, false));
    }

    #[test]
    fn what_lies_far_from_the_ends_is_stretched_by_half_a_step() {
        // Points at 100, 110 and 120 s of a range of 0 to 300 s: 20 s sampled, 5 s on each side.
        let points = [(100_000, 50.0), (110_000, 50.0), (120_000, 70.0)];
        assert!(near(rate(&points, 0, 300_000, false), 20.0 * 30.0 / 20.0));
        assert!(near(rate(&points, 0, 300_000, true), 30.0 / 300.0));
        // Not beyond where it was 0: from 1 to 21 in 20 s, it was 0 one second before.
        let young = [(100_000, 1.0), (120_000, 21.0)];
        assert!(near(rate(&young, 0, 300_000, false), 20.0 * (20.0 + 1.0 + 10.0) / 20.0));
        assert_eq!(rate(&young[..1], 0, 300_000, true), None);
    }

    #[test]
    fn a_quantile_lies_within_its_bucket() {
        let buckets = vec![(f64::INFINITY, 10.0), (1.0, 4.0), (2.0, 8.0), (5.0, 10.0)];
        assert!(near(quantile(0.5, buckets.clone()), 1.25));
        assert!(near(quantile(0.2, buckets.clone()), 0.5));
        assert!(near(quantile(0.95, buckets), 2.0 + 3.0 * 0.75));
        assert!(near(quantile(0.95, vec![(1.0, 0.0), (f64::INFINITY, 1.0)]), 1.0));
        assert!(quantile(0.5, vec![(1.0, 0.0), (f64::INFINITY, 0.0)]).is_some_and(f64::is_nan));
        assert_eq!(quantile(0.5, vec![(1.0, 3.0)]), None);
    }
}
