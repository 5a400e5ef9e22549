//! The `genops` schema, traffic part, and the filter's own families. Names as the source documents print them
//! (`reference/schema.md` 1.1: the documents, not the upstream exporter, are the contract).

use super::{Fact, Family, Kind, Label, Unit};

/// Standard attribution (DESIGN 12).
const STANDARD: &[Label] = &[
    Label::Provider,
    Label::Model,
    Label::Team,
    Label::Project,
    Label::CustomerId,
    Label::Environment,
    Label::Feature,
];

/// Standard and the kind of operation.
const STANDARD_OPERATION: &[Label] = &[
    Label::Provider,
    Label::Model,
    Label::Team,
    Label::Project,
    Label::CustomerId,
    Label::Environment,
    Label::Feature,
    Label::OperationType,
];

/// `operation_*` (reference/schema.md 7.8): no customer and no feature, so histograms stay affordable.
const OPERATION: &[Label] = &[Label::Provider, Label::Model, Label::Team, Label::Environment, Label::OperationType];

/// Per model and team.
const MODEL_TEAM: &[Label] = &[Label::Provider, Label::Model, Label::Team, Label::Environment];

/// Operation latency, DESIGN 12. Seconds as `le`, nanoseconds.
const LATENCY: &[(&str, u64)] = &[
    ("0.05", 50_000_000),
    ("0.1", 100_000_000),
    ("0.25", 250_000_000),
    ("0.5", 500_000_000),
    ("1.0", 1_000_000_000),
    ("2.5", 2_500_000_000),
    ("5.0", 5_000_000_000),
    ("10.0", 10_000_000_000),
    ("15.0", 15_000_000_000),
    ("30.0", 30_000_000_000),
    ("60.0", 60_000_000_000),
    ("120.0", 120_000_000_000),
    ("300.0", 300_000_000_000),
];

/// First event and first token: the bounds of OpenTelemetry's `gen_ai.server.time_to_first_token`, thinned to what a
/// quantile needs.
const FIRST: &[(&str, u64)] = &[
    ("0.01", 10_000_000),
    ("0.05", 50_000_000),
    ("0.1", 100_000_000),
    ("0.25", 250_000_000),
    ("0.5", 500_000_000),
    ("1.0", 1_000_000_000),
    ("2.5", 2_500_000_000),
    ("5.0", 5_000_000_000),
    ("10.0", 10_000_000_000),
    ("30.0", 30_000_000_000),
];

/// Seconds per token: from 200 tokens a second to under one.
const PER_TOKEN: &[(&str, u64)] = &[
    ("0.005", 5_000_000),
    ("0.01", 10_000_000),
    ("0.025", 25_000_000),
    ("0.05", 50_000_000),
    ("0.075", 75_000_000),
    ("0.1", 100_000_000),
    ("0.25", 250_000_000),
    ("0.5", 500_000_000),
    ("1.0", 1_000_000_000),
    ("2.5", 2_500_000_000),
];

const fn counter(
    name: &'static str,
    unit: Unit,
    labels: &'static [Label],
    variable: Option<Label>,
    fact: Fact,
    help: &'static str,
) -> Family {
    Family { name, help, kind: Kind::Counter, unit, labels, variable, buckets: &[], fact }
}

const fn histogram(
    name: &'static str,
    labels: &'static [Label],
    buckets: &'static [(&'static str, u64)],
    fact: Fact,
    help: &'static str,
) -> Family {
    Family { name, help, kind: Kind::Histogram, unit: Unit::Seconds, labels, variable: None, buckets, fact }
}

/// The families that an exchange feeds.
pub static FAMILIES: &[Family] = &[
    counter(
        "genops_cost_total_usd",
        Unit::Usd,
        STANDARD,
        None,
        Fact::Cost,
        "Cost of LLM exchanges in US dollars, at list prices of the price book or as the provider stated it",
    ),
    counter(
        "genops_cost_by_operation_usd",
        Unit::Usd,
        STANDARD_OPERATION,
        None,
        Fact::Cost,
        "Cost in US dollars by kind of operation",
    ),
    counter(
        "genops_tokens_input_total",
        Unit::Count,
        STANDARD,
        None,
        Fact::InputTokens,
        "Prompt tokens, cached ones included",
    ),
    counter(
        "genops_tokens_output_total",
        Unit::Count,
        STANDARD,
        None,
        Fact::OutputTokens,
        "Generated tokens, reasoning included",
    ),
    counter(
        "genops_tokens_total",
        Unit::Count,
        STANDARD,
        Some(Label::TokenType),
        Fact::TokensByType,
        "Tokens by type: input and output, which sum to all",
    ),
    counter(
        "genops_tokens_detail_total",
        Unit::Count,
        MODEL_TEAM,
        Some(Label::Kind),
        Fact::TokensByKind,
        "Tokens by disjoint kind: text, cache read and write by lifetime, audio, image, video, tool, reasoning",
    ),
    counter(
        "genops_tokens_estimated_total",
        Unit::Count,
        STANDARD,
        Some(Label::TokenType),
        Fact::EstimatedTokens,
        "Tokens by rule of thumb of exchanges that never said theirs (opt-in); in no other family and in no cost",
    ),
    counter(
        "genops_operations_total",
        Unit::Count,
        OPERATION,
        None,
        Fact::Operations,
        "LLM exchanges, failed and aborted ones included",
    ),
    counter(
        "genops_operation_errors_total",
        Unit::Count,
        OPERATION,
        Some(Label::ErrorType),
        Fact::Errors,
        "LLM exchanges that failed, by kind of failure",
    ),
    histogram(
        "genops_operation_latency_seconds",
        OPERATION,
        LATENCY,
        Fact::Latency,
        "Request headers to end of the response stream",
    ),
    counter(
        "genops_usage_outcomes_total",
        Unit::Count,
        &[Label::Provider],
        Some(Label::Outcome),
        Fact::Outcomes,
        "Every exchange seen, by how its accounting ended",
    ),
    counter(
        "genops_cost_unpriced_total",
        Unit::Count,
        &[Label::Provider],
        Some(Label::Reason),
        Fact::Unpriced,
        "LLM exchanges without a cost, by reason: absence is counted, never a silent zero",
    ),
    counter(
        "genops_cost_drift_total",
        Unit::Count,
        &[Label::Provider, Label::Model],
        Some(Label::Kind),
        Fact::Drift,
        "Exchanges whose provider stated a cost, by where the price book's lies: none, small (1 %), over, under, unpriced",
    ),
    histogram(
        "genops_time_to_first_event_seconds",
        MODEL_TEAM,
        FIRST,
        Fact::TimeToFirstEvent,
        "Request headers to the first event of a streamed response",
    ),
    histogram(
        "genops_time_to_first_token_seconds",
        MODEL_TEAM,
        FIRST,
        Fact::TimeToFirstToken,
        "Request headers to the first generated token of a streamed response",
    ),
    histogram(
        "genops_time_per_output_token_seconds",
        MODEL_TEAM,
        PER_TOKEN,
        Fact::TimePerOutputToken,
        "First generated token to end of stream, over the tokens after the first",
    ),
];

/// Label sets beyond `max_label_cardinality` or `max_stats`, by the label folded to `other`.
pub const SERIES_OVERFLOW: &str = "genops_series_overflow_total";
/// Label values that were not taken, by label and reason.
pub const LABEL_REJECTED: &str = "genops_label_rejected_total";
/// Requests that `include_usage` covers, by [`crate::inject::InjectOutcome`] (label `outcome`).
pub const INCLUDE_USAGE: &str = "genops_include_usage_total";
/// 1, with the versions of the filter and of its price book.
pub const FILTER_INFO: &str = "genops_filter_info";
/// Workers that hold deltas which are not in Envoy's stats yet: 0 means a scrape shows everything.
pub const STATS_PENDING: &str = "genops_stats_pending";

/// 1 while a configuration was refused and the filter only passes traffic (`GENOPS_INVALID_CONFIG=inert`).
pub const CONFIG_INVALID: &str = "genops_config_invalid";

/// The labels of the filter's own families above.
pub(super) const SELF_LABELS: &[Label] =
    &[Label::FoldedLabel, Label::RejectedLabel, Label::Reason, Label::Version, Label::Book];
