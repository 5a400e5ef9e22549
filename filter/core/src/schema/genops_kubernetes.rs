//! The `genops-kubernetes` schema (S1): what the Kubernetes guide's exporter shows and its dashboards ask for. Families
//! that S0 has too are one family with the labels of both where both schemas are active. Cost is a counter here as there:
//! the guide calls it a gauge and then asks for its rate.

use super::family::{Bounds, Definition, Schema, counter, gauge, histogram};
use super::{Fact, Label, Unit};

/// The schema.
pub(super) static SCHEMA: Schema = Schema { name: "genops-kubernetes", families: FAMILIES };

const MODEL: &[Label] = &[Label::Provider, Label::Model];

/// Request duration, as the guide has it.
const DURATION: Bounds = &[
    ("0.1", 100_000_000),
    ("0.5", 500_000_000),
    ("1.0", 1_000_000_000),
    ("2.0", 2_000_000_000),
    ("5.0", 5_000_000_000),
    ("10.0", 10_000_000_000),
    ("30.0", 30_000_000_000),
    ("60.0", 60_000_000_000),
];

const FAMILIES: &[Definition] = &[
    counter(
        "genops_cost_total_usd",
        &[Label::Provider, Label::Team, Label::Project],
        Fact::Cost,
        "Cost of LLM exchanges in US dollars, at list prices of the price book or as the provider stated it",
    ),
    counter("genops_cost_by_model_usd", MODEL, Fact::Cost, "Cost in US dollars by model"),
    counter("genops_tokens_total", MODEL, Fact::TokensByType, "Tokens by type: input and output, which sum to all"),
    gauge("genops_token_cost_per_1k", MODEL, Fact::TokenPrices, "What 1,000 tokens cost in US dollars, by type"),
    counter("genops_requests_total", MODEL, Fact::OperationsByStatus, "LLM exchanges by status: success, error"),
    histogram(
        "genops_request_duration_seconds",
        MODEL,
        DURATION,
        Fact::Latency,
        "Request headers to end of the response stream",
    ),
    counter(
        "genops_policy_violations_total",
        &[Label::PolicyType, Label::Severity, Label::Team],
        Fact::Elsewhere(Unit::Count),
        "Decisions of a policy other than allowed",
    ),
    counter(
        "genops_policy_enforcements_total",
        &[Label::Action],
        Fact::Elsewhere(Unit::Count),
        "What was done about violations: block, throttle, warn",
    ),
    gauge(
        "genops_budget_utilization_percent",
        &[Label::Team],
        Fact::Elsewhere(Unit::Ratio),
        "Spent part of a team's budget in percent",
    ),
    gauge(
        "genops_budget_remaining_usd",
        &[Label::Team, Label::Project],
        Fact::Elsewhere(Unit::Usd),
        "What is left of the budget of a period in US dollars, never below 0",
    ),
    gauge(
        "genops_eval_quality_score",
        &[Label::Model, Label::Metric],
        Fact::Elsewhere(Unit::Ratio),
        "The last score of a model, 0 to 1",
    ),
    histogram(
        "genops_eval_latency_seconds",
        &[Label::Model],
        &[],
        Fact::Elsewhere(Unit::Seconds),
        "How long evaluations took",
    ),
];
