//! The `tta` schema (S2, TTA.dev): steps of a workflow ("primitives"), how they fare against their objectives, and what
//! they cost. A step is a route of the configuration's `http`, or an LLM API where no route names one.

use super::computed::{Computed, Formula, Ratio, Term};
use super::family::{Bounds, Definition, Schema, counter, gauge, histogram};
use super::{Fact, Label, Unit};

/// The schema.
pub(super) static SCHEMA: Schema = Schema { name: "tta", families: FAMILIES };

const STEP: &[Label] = &[Label::PrimitiveName, Label::PrimitiveType];
const STEP_CATEGORY: &[Label] = &[Label::PrimitiveName, Label::PrimitiveType, Label::Category];

/// As the source's code has them (reference/schema.md 6.1).
const DURATION: Bounds = &[
    ("0.001", 1_000_000),
    ("0.01", 10_000_000),
    ("0.1", 100_000_000),
    ("0.5", 500_000_000),
    ("1.0", 1_000_000_000),
    ("2.0", 2_000_000_000),
    ("5.0", 5_000_000_000),
    ("10.0", 10_000_000_000),
    ("30.0", 30_000_000_000),
    ("60.0", 60_000_000_000),
];

/// Availability and latency of a step; both hold before the first request.
const RATIOS: &[Ratio] = &[
    Ratio {
        of: Term::only("primitive_requests_total", Label::Status, "success"),
        over: Term::of("primitive_requests_total"),
        complement: false,
        empty: Some(1),
    },
    Ratio {
        of: Term::of("primitive_slo_within_latency_total"),
        over: Term::of("primitive_requests_total"),
        complement: false,
        empty: Some(1),
    },
];
const TARGET: Term = Term::of("primitive_slo_target");

static COMPLIANCE: Computed = Computed { unit: Unit::Ratio, formula: Formula::Lowest(RATIOS, TARGET) };
static ERROR_BUDGET: Computed = Computed { unit: Unit::Ratio, formula: Formula::ErrorBudget(RATIOS, TARGET) };

const FAMILIES: &[Definition] = &[
    histogram(
        "primitive_duration_seconds",
        STEP,
        DURATION,
        Fact::Duration,
        "Request headers to end of the response stream",
    ),
    counter("primitive_requests_total", STEP, Fact::Requests, "Requests by status: success, failure"),
    gauge("primitive_active_requests", STEP, Fact::Active, "Requests under way"),
    counter(
        "primitive_slo_within_latency_total",
        STEP,
        Fact::InTime,
        "Requests that were as fast as the step's objective wants",
    ),
    gauge(
        "primitive_slo_target",
        STEP,
        Fact::Target,
        "The step's objective: the part of its requests that shall succeed in time",
    ),
    gauge(
        "primitive_slo_compliance",
        STEP,
        Fact::Computed(&COMPLIANCE),
        "The lower of the parts of requests that succeeded and that were fast enough, since the start",
    ),
    gauge(
        "primitive_error_budget_remaining",
        STEP,
        Fact::Computed(&ERROR_BUDGET),
        "What is left of the misses that the objective allows: 1 is all, 0 none",
    ),
    counter("primitive_cost_total", STEP_CATEGORY, Fact::Cost, "Cost of LLM exchanges in US dollars"),
    counter(
        "primitive_cost_savings",
        STEP_CATEGORY,
        Fact::Savings,
        "What cached tokens would have cost more at the full price, in US dollars",
    ),
];
