//! The store as OpenMetrics text, through prometheus-client, with units converted: what a laptop or a strict parser
//! reads.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, LabelSetEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::conversion::{RATIOS, scaled_name};
use super::number::scaled;
use super::prometheus::{metric_name, sanitised};
use crate::store::{DEFAULT_BUCKETS, Histogram, Kind, Stat, StatStore};

/// The scrape, ending in `# EOF`.
///
/// A counter `X_total` is the sample of family `X`; a counter of any other name is of type unknown under its own name,
/// since OpenMetrics allows counters no other suffix. `_pico` and `_nano` families are shown in whole units.
///
/// # Errors
/// Only what prometheus-client reports; writing to a string does not fail by itself.
pub fn openmetrics(store: &StatStore) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(View(families(store))));
    let mut out = String::new();
    prometheus_client::encoding::text::encode(&mut out, &registry)?;
    Ok(out)
}

/// Labels, sorted by name, so that equal sets are equal.
type LabelSet = BTreeMap<String, String>;

#[derive(Clone, Debug)]
enum Value {
    Count(u64),
    Number(f64),
    Histogram(Histogram),
}

impl Value {
    fn as_f64(&self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "a scrape is read as float64 anyway")]
            Self::Count(count) => *count as f64,
            Self::Number(number) => *number,
            Self::Histogram(histogram) => histogram.sum(),
        }
    }
}

#[derive(Debug)]
struct Family {
    kind: Kind,
    help: &'static str,
    series: BTreeMap<LabelSet, Value>,
}

/// Families by the name of their samples.
#[derive(Debug)]
struct View(BTreeMap<String, Family>);

fn families(store: &StatStore) -> BTreeMap<String, Family> {
    // Integers are added before they are scaled: stats that read alike here stay exact.
    let mut sums: BTreeMap<(Kind, String, LabelSet), (u64, u32)> = BTreeMap::new();
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for kind in [Kind::Counter, Kind::Gauge, Kind::Histogram] {
        for stat in store.stats(kind) {
            let Some(name) = metric_name(&stat.extracted().name).map(|name| sanitised(&name)) else { continue };
            let labels = labels(&stat);
            if kind == Kind::Histogram {
                let family = family(&mut families, name, kind);
                family.series.entry(labels).or_insert_with(|| Value::Histogram(stat.histogram()));
                continue;
            }
            let (short, places) = scaled_name(&name);
            let sum = sums.entry((kind, short.to_owned(), labels)).or_insert((0, places));
            sum.0 = sum.0.wrapping_add(stat.value());
        }
    }
    for ((kind, name, labels), (sum, places)) in sums {
        let value = match places {
            0 => Value::Count(sum),
            // Through decimal text: one correctly rounded conversion.
            places => Value::Number(scaled(sum, places).parse().unwrap_or(f64::NAN)),
        };
        family(&mut families, name, kind).series.entry(labels).or_insert(value);
    }
    ratios(&mut families);
    families
}

/// The family of that name; where two kinds share a name the first one's type stands.
fn family(families: &mut BTreeMap<String, Family>, name: String, kind: Kind) -> &mut Family {
    let help = match kind {
        Kind::Counter => "Counted by the filter",
        Kind::Gauge => "Gauge of the filter",
        Kind::Histogram => "Histogram of the filter; its sum is an estimate, as Envoy's is",
    };
    families.entry(name).or_insert_with(|| Family { kind, help, series: BTreeMap::new() })
}

fn ratios(families: &mut BTreeMap<String, Family>) {
    for ratio in RATIOS {
        let (Some(dividends), Some(divisors)) = (families.get(ratio.dividend), families.get(ratio.divisor)) else {
            continue;
        };
        let mut summed: BTreeMap<LabelSet, f64> = BTreeMap::new();
        for (labels, value) in &dividends.series {
            let mut labels = labels.clone();
            labels.retain(|name, _| !ratio.summed_over.contains(&name.as_str()));
            *summed.entry(labels).or_default() += value.as_f64();
        }
        let series: BTreeMap<LabelSet, Value> = summed
            .into_iter()
            .filter_map(|(labels, dividend)| {
                let divisor = divisors.series.get(&labels)?.as_f64();
                (divisor > 0.0).then(|| (labels, Value::Number(dividend / divisor)))
            })
            .collect();
        if !series.is_empty() {
            let family = Family { kind: Kind::Gauge, help: ratio.help, series };
            families.entry(ratio.name.to_owned()).or_insert(family);
        }
    }
}

/// Tags as labels: names made valid, the first of two equal names kept, bytes that are not UTF-8 replaced.
fn labels(stat: &Stat) -> LabelSet {
    let mut labels = LabelSet::new();
    for (name, value) in &stat.extracted().tags {
        let mut name = sanitised(name.as_bytes());
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            name.insert(0, '_');
        }
        labels.entry(name).or_insert_with(|| String::from_utf8_lossy(value).into_owned());
    }
    labels
}

struct Labels<'a>(&'a LabelSet);

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        for (name, value) in self.0 {
            (name.as_str(), value.as_str()).encode_into(encoder)?;
        }
        Ok(())
    }
}

/// One label pair, written through prometheus-client (0.25.2 and later escape values; a test holds it).
trait EncodeInto {
    fn encode_into(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result;
}

impl EncodeInto for (&str, &str) {
    fn encode_into(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        use prometheus_client::encoding::EncodeLabel;
        EncodeLabel::encode(self, encoder.encode_label())
    }
}

/// The names that a family of this shape takes in OpenMetrics; no other family may use them.
fn claims(name: &str, suffixes: &[&str]) -> Vec<String> {
    suffixes.iter().map(|suffix| format!("{name}{suffix}")).collect()
}

const COUNTER_SUFFIXES: [&str; 3] = ["", "_total", "_created"];
const HISTOGRAM_SUFFIXES: [&str; 5] = ["", "_bucket", "_count", "_sum", "_created"];

impl Collector for View {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut taken: BTreeSet<String> = self.0.keys().cloned().collect();
        for (name, family) in &self.0 {
            let base = name.strip_suffix("_total").filter(|base| !base.is_empty() && family.kind == Kind::Counter);
            let free = |claimed: &[String]| claimed.iter().all(|claim| claim == name || !taken.contains(claim));
            match (family.kind, base) {
                (Kind::Counter, Some(base)) if free(&claims(base, &COUNTER_SUFFIXES)) => {
                    taken.extend(claims(base, &COUNTER_SUFFIXES));
                    counter(&mut encoder, base, family)?;
                }
                (Kind::Histogram, _) => {
                    let claimed = claims(name, &HISTOGRAM_SUFFIXES);
                    // Its samples would read as somebody else's: such a histogram is on Envoy's own scrape only.
                    if free(&claimed) {
                        taken.extend(claimed);
                        histogram(&mut encoder, name, family)?;
                    }
                }
                (Kind::Gauge, _) => plain(&mut encoder, name, family, MetricType::Gauge)?,
                (Kind::Counter, _) => plain(&mut encoder, name, family, MetricType::Unknown)?,
            }
        }
        Ok(())
    }
}

fn counter(encoder: &mut DescriptorEncoder<'_>, base: &str, family: &Family) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(base, family.help, None, MetricType::Counter)?;
    for (labels, value) in &family.series {
        let labels = Labels(labels);
        let mut sample = metric.encode_family(&labels)?;
        match value {
            Value::Count(count) => sample.encode_counter::<NoLabelSet, u64, f64>(count, None)?,
            other => sample.encode_counter::<NoLabelSet, f64, f64>(&other.as_f64(), None)?,
        }
    }
    Ok(())
}

fn plain(encoder: &mut DescriptorEncoder<'_>, name: &str, family: &Family, kind: MetricType) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, family.help, None, kind)?;
    for (labels, value) in &family.series {
        let labels = Labels(labels);
        let mut sample = metric.encode_family(&labels)?;
        match value {
            Value::Count(count) => sample.encode_gauge(count)?,
            other => sample.encode_gauge(&other.as_f64())?,
        }
    }
    Ok(())
}

fn histogram(encoder: &mut DescriptorEncoder<'_>, name: &str, family: &Family) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, family.help, None, MetricType::Histogram)?;
    for (labels, value) in &family.series {
        let Value::Histogram(histogram) = value else { continue };
        let mut below = 0;
        let mut buckets = Vec::new();
        for bound in DEFAULT_BUCKETS {
            let cumulative = histogram.cumulative(bound);
            buckets.push((bound, cumulative.saturating_sub(below)));
            below = cumulative;
        }
        buckets.push((f64::INFINITY, histogram.count().saturating_sub(below)));
        let labels = Labels(labels);
        metric.encode_family(&labels)?.encode_histogram::<NoLabelSet>(
            histogram.sum(),
            histogram.count(),
            &buckets,
            None,
        )?;
    }
    Ok(())
}
