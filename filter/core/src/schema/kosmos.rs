//! The `kosmos` schema (S4): agents, their requests and tasks, and the LLM calls behind them. Agents and tasks come from
//! the configuration's `http`.

use super::family::{Bounds, Definition, Schema, counter, gauge, histogram};
use super::{Fact, Label};

/// The schema.
pub(super) static SCHEMA: Schema = Schema { name: "kosmos", families: FAMILIES };

const MODEL: &[Label] = &[Label::Provider, Label::Model];

const HTTP: Bounds = &[
    ("0.01", 10_000_000),
    ("0.025", 25_000_000),
    ("0.05", 50_000_000),
    ("0.1", 100_000_000),
    ("0.25", 250_000_000),
    ("0.5", 500_000_000),
    ("1.0", 1_000_000_000),
    ("2.5", 2_500_000_000),
    ("5.0", 5_000_000_000),
    ("10.0", 10_000_000_000),
];

const LLM: Bounds = &[
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
        "http_requests_total",
        &[Label::Method, Label::Endpoint, Label::Status, Label::Agent],
        Fact::HttpRequests,
        "HTTP requests by route template and status",
    ),
    // The source observes it when the response starts.
    histogram(
        "http_request_duration_seconds",
        &[Label::Method, Label::Endpoint, Label::Agent],
        HTTP,
        Fact::TimeToHead,
        "Request headers to response headers",
    ),
    counter("llm_requests_total", MODEL, Fact::Operations, "LLM exchanges"),
    histogram(
        "llm_request_duration_seconds",
        MODEL,
        LLM,
        Fact::Latency,
        "Request headers to end of the response stream",
    ),
    counter("llm_tokens_total", MODEL, Fact::TokensByType, "Tokens by type: input and output"),
    counter("llm_cost_dollars", MODEL, Fact::Cost, "Cost of LLM exchanges in US dollars"),
    counter(
        "agent_tasks_total",
        &[Label::Agent, Label::TaskType],
        Fact::Tasks,
        "Tasks of agents by status: success, failure",
    ),
    gauge("active_connections", &[Label::Agent], Fact::Active, "Requests under way"),
];
