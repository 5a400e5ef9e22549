//! What a schema says of one family: constant data, one table per schema.

use super::{Fact, Label};

/// What Envoy keeps the family as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A counter.
    Counter,
    /// A gauge.
    Gauge,
    /// Cumulative `_bucket` counters with `le`, `_count` and a `_sum` (DESIGN 3: Envoy's native histograms know no unit
    /// and sum approximately).
    Histogram,
}

/// The unit of a family's value, and so its integer form on Envoy's surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Whole numbers keep the schema's own name.
    Count,
    /// US dollars, kept as pico-USD under `_pico`.
    Usd,
    /// Seconds, kept as nanoseconds under `_nano`.
    Seconds,
    /// A ratio or a score, kept as billionths under `_nano`.
    Ratio,
}

impl Unit {
    /// How many of Envoy's integers are one of the schema's unit: divide by it to get the schema's value.
    pub const fn scale(self) -> u64 {
        match self {
            Self::Count => 1,
            Self::Usd => 1_000_000_000_000,
            Self::Seconds | Self::Ratio => 1_000_000_000,
        }
    }

    /// What stands behind the name of the integer form.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Count => "",
            Self::Usd => "_pico",
            Self::Seconds | Self::Ratio => "_nano",
        }
    }

    /// The same behind the sum of a histogram.
    pub const fn sum_suffix(self) -> &'static str {
        match self {
            Self::Count => "_sum",
            Self::Usd => "_sum_pico",
            Self::Seconds | Self::Ratio => "_sum_nano",
        }
    }
}

/// Upper bounds of buckets: as `le` prints them (as Prometheus 3 normalises), and in the integers of the unit.
pub type Bounds = &'static [(&'static str, u64)];

/// One family as its schema has it.
#[derive(Debug)]
pub struct Definition {
    /// The schema's own name, under the namespace `genops` where it has one.
    pub name: &'static str,
    /// HELP text.
    pub help: &'static str,
    /// Type.
    pub kind: Kind,
    /// Labels from the exchange, in order; the one that the fact itself tells ([`Fact::variable`]) does not stand here.
    pub labels: &'static [Label],
    /// Upper bounds; empty unless a histogram.
    pub bounds: Bounds,
    /// What feeds it, and so its unit.
    pub fact: Fact,
}

/// A schema: its name in configurations and its families.
#[derive(Debug)]
pub struct Schema {
    /// As `schemas` names it.
    pub name: &'static str,
    /// Its families.
    pub families: &'static [Definition],
}

pub(super) const fn counter(
    name: &'static str,
    labels: &'static [Label],
    fact: Fact,
    help: &'static str,
) -> Definition {
    Definition { name, help, kind: Kind::Counter, labels, bounds: &[], fact }
}

pub(super) const fn gauge(name: &'static str, labels: &'static [Label], fact: Fact, help: &'static str) -> Definition {
    Definition { name, help, kind: Kind::Gauge, labels, bounds: &[], fact }
}

pub(super) const fn histogram(
    name: &'static str,
    labels: &'static [Label],
    bounds: Bounds,
    fact: Fact,
    help: &'static str,
) -> Definition {
    Definition { name, help, kind: Kind::Histogram, labels, bounds, fact }
}
