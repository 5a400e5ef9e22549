//! Schemas are data: a table of families, their labels and the fact of the [`Record`](crate::Record) that feeds each.
//!
//! Everything that must agree on names is generated or checked from here: `stats_tags`, recording rules, docs.

mod genops;
mod label;
mod observe;
pub mod stat_name;

pub use genops::{
    CONFIG_INVALID, FAMILIES, FILTER_INFO, INCLUDE_USAGE, LABEL_REJECTED, SERIES_OVERFLOW, STATS_PENDING,
};
pub use label::Label;
pub use observe::{Observation, observations};

use crate::{ErrorType, Outcome, UnpricedReason, price::Drift, usage::Bucket};

/// What Envoy keeps the family as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A counter.
    Counter,
    /// A gauge.
    Gauge,
    /// Cumulative `_bucket` counters with `le`, `_count` and `_sum_nano` (DESIGN 3: Envoy's native histograms know
    /// no unit and sum approximately).
    Histogram,
}

/// The unit of a family's value, and so its integer form on Envoy's surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Whole numbers keep the schema's own name.
    Count,
    /// US dollars, kept as pico-USD under `<family>_pico`.
    Usd,
    /// Seconds, kept as nanoseconds under `<family>_sum_nano`.
    Seconds,
}

/// Which fact of the record feeds the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Cost, where there is one.
    Cost,
    /// Tokens in.
    InputTokens,
    /// Tokens out.
    OutputTokens,
    /// Tokens in and out, by [`Label::TokenType`].
    TokensByType,
    /// Tokens in and out by rule of thumb, by [`Label::TokenType`].
    EstimatedTokens,
    /// Tokens by disjoint kind, by [`Label::Kind`].
    TokensByKind,
    /// One per LLM exchange.
    Operations,
    /// One per failed LLM exchange, by [`Label::ErrorType`].
    Errors,
    /// Request headers to end of stream.
    Latency,
    /// Request headers to the first event of a stream.
    TimeToFirstEvent,
    /// Request headers to the first generated token of a stream.
    TimeToFirstToken,
    /// First token to end of stream, over the tokens after the first.
    TimePerOutputToken,
    /// One per exchange, by [`Label::Outcome`].
    Outcomes,
    /// One per exchange that should have a cost and has none, by [`Label::Reason`].
    Unpriced,
    /// One per exchange whose provider stated a cost, by [`Label::Kind`]: how far the computed one lies from it.
    Drift,
}

/// One metric family.
#[derive(Debug)]
pub struct Family {
    /// The schema's own name.
    pub name: &'static str,
    /// HELP text.
    pub help: &'static str,
    /// Type.
    pub kind: Kind,
    /// Unit.
    pub unit: Unit,
    /// Labels from the exchange (attribution), in order.
    pub labels: &'static [Label],
    /// One more label with a closed set of values.
    pub variable: Option<Label>,
    /// Upper bounds in seconds as `le` prints them, with the bound in nanoseconds; empty unless a histogram.
    pub buckets: &'static [(&'static str, u64)],
    /// What feeds it.
    pub fact: Fact,
}

impl Family {
    /// The values that the variable label can take; empty without one.
    pub fn variants(&self) -> Vec<&'static str> {
        match self.variable {
            Some(Label::TokenType) => vec!["input", "output"],
            Some(Label::Kind) if self.fact == Fact::Drift => Drift::ALL.iter().map(|d| d.as_str()).collect(),
            Some(Label::Kind) => Bucket::ALL.iter().map(|b| b.as_str()).collect(),
            Some(Label::Outcome) => Outcome::ALL.iter().map(|o| o.as_str()).collect(),
            Some(Label::ErrorType) => ErrorType::ALL.iter().map(|e| e.as_str()).collect(),
            Some(Label::Reason) => UnpricedReason::ALL.iter().map(|r| r.as_str()).collect(),
            _ => Vec::new(),
        }
    }

    /// The stats that one label set of this family is made of: name suffix and `le`, `+Inf` first (DESIGN 3: a
    /// histogram must never show a delta before its total exists).
    pub fn stats(&self) -> Vec<StatPart> {
        match (self.kind, self.unit) {
            (Kind::Histogram, _) => std::iter::once(StatPart { suffix: "_bucket", le: Some("+Inf") })
                .chain(self.buckets.iter().map(|(le, _)| StatPart { suffix: "_bucket", le: Some(le) }))
                .chain([StatPart { suffix: "_count", le: None }, StatPart { suffix: "_sum_nano", le: None }])
                .collect(),
            (_, Unit::Usd) => vec![StatPart { suffix: "_pico", le: None }],
            _ => vec![StatPart { suffix: "", le: None }],
        }
    }
}

/// One Envoy stat of a family's label set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatPart {
    /// Behind the family's name.
    pub suffix: &'static str,
    /// The bucket's bound.
    pub le: Option<&'static str>,
}

/// The labels that any family of the active schemas uses, in declaration order.
pub fn labels_in_use() -> Vec<Label> {
    let used = |label: Label| {
        FAMILIES.iter().any(|f| {
            f.labels.contains(&label) || f.variable == Some(label) || (label == Label::Le && f.kind == Kind::Histogram)
        }) || genops::SELF_LABELS.contains(&label)
    };
    Label::ALL.into_iter().filter(|l| used(*l)).collect()
}
