//! The `genops` schema (S0). Names as the source document prints them (`reference/schema.md` 1.1: the documents, not the
//! upstream exporter, are the contract), and what this filter tells beyond it.

use super::computed::{Computed, Formula, Ratio, Term};
use super::family::{Bounds, Definition, Schema, counter, gauge, histogram};
use super::{Fact, Label, Unit};

/// The schema.
pub(crate) static SCHEMA: Schema = Schema { name: "genops", families: FAMILIES };

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

/// Per policy.
const POLICY: &[Label] = &[
    Label::PolicyName,
    Label::PolicyType,
    Label::Provider,
    Label::Model,
    Label::Team,
    Label::Project,
    Label::CustomerId,
    Label::Environment,
    Label::Feature,
];

/// Per evaluation (reference/schema.md 7.8).
const EVALUATION: &[Label] = &[Label::EvaluationType, Label::Evaluator, Label::Provider, Label::Model];

/// Per budget (reference/schema.md 7.8).
const BUDGET: &[Label] = &[Label::BudgetPeriod, Label::Team, Label::Project];

/// Operation latency, DESIGN 12. Seconds as `le`, nanoseconds.
const LATENCY: Bounds = &[
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
const FIRST: Bounds = &[
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
const PER_TOKEN: Bounds = &[
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

/// Scores from 0 to 1, DESIGN 12, in billionths.
const SCORE: Bounds = &[
    ("0.1", 100_000_000),
    ("0.2", 200_000_000),
    ("0.3", 300_000_000),
    ("0.4", 400_000_000),
    ("0.5", 500_000_000),
    ("0.6", 600_000_000),
    ("0.7", 700_000_000),
    ("0.8", 800_000_000),
    ("0.85", 850_000_000),
    ("0.9", 900_000_000),
    ("1.0", 1_000_000_000),
];

/// Tokens for a dollar; absent where nothing was spent.
static EFFICIENCY: Computed = Computed {
    unit: Unit::Count,
    formula: Formula::Ratio(Ratio {
        of: Term::of("genops_tokens_total"),
        over: Term::of("genops_cost_total_usd"),
        complement: false,
        empty: None,
    }),
};

/// What part of all decisions of a policy was no violation; all of them before the first.
static COMPLIANCE: Computed = Computed {
    unit: Unit::Ratio,
    formula: Formula::Ratio(Ratio {
        of: Term::of("genops_policy_violations_total"),
        over: Term::of("genops_policy_evaluations_total"),
        complement: true,
        empty: Some(1),
    }),
};

/// The families that an exchange feeds.
const FAMILIES: &[Definition] = &[
    counter(
        "genops_cost_total_usd",
        STANDARD,
        Fact::Cost,
        "Cost of LLM exchanges in US dollars, at list prices of the price book or as the provider stated it",
    ),
    counter("genops_cost_by_operation_usd", STANDARD_OPERATION, Fact::Cost, "Cost in US dollars by kind of operation"),
    counter("genops_tokens_input_total", STANDARD, Fact::InputTokens, "Prompt tokens, cached ones included"),
    counter("genops_tokens_output_total", STANDARD, Fact::OutputTokens, "Generated tokens, reasoning included"),
    counter("genops_tokens_total", STANDARD, Fact::TokensByType, "Tokens by type: input and output, which sum to all"),
    counter(
        "genops_tokens_detail_total",
        MODEL_TEAM,
        Fact::TokensByKind,
        "Tokens by disjoint kind: text, cache read and write by lifetime, audio, image, video, tool, reasoning",
    ),
    counter(
        "genops_tokens_estimated_total",
        STANDARD,
        Fact::EstimatedTokens,
        "Tokens by rule of thumb of exchanges that never said theirs (opt-in); in no other family and in no cost",
    ),
    counter("genops_operations_total", OPERATION, Fact::Operations, "LLM exchanges, failed and aborted ones included"),
    counter("genops_operation_errors_total", OPERATION, Fact::Errors, "LLM exchanges that failed, by kind of failure"),
    histogram(
        "genops_operation_latency_seconds",
        OPERATION,
        LATENCY,
        Fact::Latency,
        "Request headers to end of the response stream",
    ),
    counter(
        "genops_usage_outcomes_total",
        &[Label::Provider],
        Fact::Outcomes,
        "Every exchange seen, by how its accounting ended",
    ),
    counter(
        "genops_cost_unpriced_total",
        &[Label::Provider],
        Fact::Unpriced,
        "LLM exchanges without a cost, by reason: absence is counted, never a silent zero",
    ),
    counter(
        "genops_cost_drift_total",
        &[Label::Provider, Label::Model],
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
    gauge(
        "genops_token_efficiency_tokens_per_usd",
        STANDARD,
        Fact::Computed(&EFFICIENCY),
        "Tokens for each US dollar spent",
    ),
    counter(
        "genops_policy_violations_total",
        POLICY,
        Fact::Elsewhere(Unit::Count),
        "Decisions of a policy other than allowed",
    ),
    counter("genops_policy_evaluations_total", POLICY, Fact::Elsewhere(Unit::Count), "Decisions of a policy"),
    counter(
        "genops_policy_enforcement_actions",
        &[Label::PolicyName, Label::PolicyType, Label::ActionType, Label::Team],
        Fact::Elsewhere(Unit::Count),
        "What was done about violations: block, throttle, warn",
    ),
    gauge(
        "genops_policy_compliance_rate_ratio",
        &[Label::PolicyName, Label::PolicyType],
        Fact::Computed(&COMPLIANCE),
        "Part of a policy's decisions that were no violation",
    ),
    histogram(
        "genops_evaluation_score",
        EVALUATION,
        SCORE,
        Fact::Elsewhere(Unit::Ratio),
        "Scores of evaluations, 0 to 1",
    ),
    histogram(
        "genops_evaluation_latency_seconds",
        EVALUATION,
        LATENCY,
        Fact::Elsewhere(Unit::Seconds),
        "How long evaluations took",
    ),
    counter(
        "genops_evaluation_failures_total",
        EVALUATION,
        Fact::Elsewhere(Unit::Count),
        "Evaluations that were not passed",
    ),
    gauge(
        "genops_budget_utilization_ratio",
        BUDGET,
        Fact::Elsewhere(Unit::Ratio),
        "Spent part of the budget of a period, 1 is all of it",
    ),
    gauge(
        "genops_budget_remaining_usd",
        BUDGET,
        Fact::Elsewhere(Unit::Usd),
        "What is left of the budget of a period in US dollars, never below 0",
    ),
    counter(
        "genops_budget_exceeded_total",
        BUDGET,
        Fact::Elsewhere(Unit::Count),
        "Requests refused because a budget was spent",
    ),
];
