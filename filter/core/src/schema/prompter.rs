//! The `prompter` schema (S3): an API for prompt templates and the providers that it probes. Routes, the service and its
//! environment come from the configuration's `http`.

use super::family::{Bounds, Definition, Schema, counter, gauge, histogram};
use super::{Fact, Label, Unit};

/// The schema.
pub(super) static SCHEMA: Schema = Schema { name: "prompter", families: FAMILIES };

const SERVICE: &[Label] = &[Label::Service, Label::Env];
const PROBE: &[Label] = &[Label::Service, Label::Env, Label::Provider, Label::Model];

/// The bounds that Python's client has by default, which the source relies on.
const PYTHON: Bounds = &[
    ("0.005", 5_000_000),
    ("0.01", 10_000_000),
    ("0.025", 25_000_000),
    ("0.05", 50_000_000),
    ("0.075", 75_000_000),
    ("0.1", 100_000_000),
    ("0.25", 250_000_000),
    ("0.5", 500_000_000),
    ("0.75", 750_000_000),
    ("1.0", 1_000_000_000),
    ("2.5", 2_500_000_000),
    ("5.0", 5_000_000_000),
    ("7.5", 7_500_000_000),
    ("10.0", 10_000_000_000),
];

const FAMILIES: &[Definition] = &[
    counter(
        "starlette_requests_total",
        &[Label::Service, Label::Env, Label::Method, Label::Route, Label::Status],
        Fact::HttpRequests,
        "HTTP requests by route template and status",
    ),
    // The source's middleware stops its clock when the response starts.
    histogram(
        "starlette_requests_processing_seconds",
        &[Label::Service, Label::Env, Label::Method, Label::Route],
        PYTHON,
        Fact::TimeToHead,
        "Request headers to response headers",
    ),
    counter("prompter_probe_attempts_total", PROBE, Fact::Probes, "Probes of providers"),
    counter("prompter_probe_failures_total", PROBE, Fact::FailedProbes, "Probes of providers that failed"),
    histogram(
        "prompter_ensure_version_seconds",
        &[Label::Service, Label::Env, Label::Provider],
        PYTHON,
        Fact::EnsureVersion,
        "Request headers to end of the response of routes that ensure a version",
    ),
    counter("prompter_prompt_results_insert_total", SERVICE, Fact::Inserts, "Results that were inserted"),
    counter(
        "prompter_openai_fingerprint_present_total",
        SERVICE,
        Fact::Fingerprints,
        "Answers of OpenAI that name the version of the system that gave them",
    ),
    gauge("prompter_redis_up", SERVICE, Fact::Elsewhere(Unit::Count), "1 while Redis answers"),
    counter(
        "prompter_db_unique_violation_total",
        &[Label::Service, Label::Env, Label::Table],
        Fact::Conflicts,
        "Requests that a table's uniqueness refused (409)",
    ),
    counter(
        "prompter_rate_limit_hit_total",
        &[Label::Service, Label::Env, Label::Endpoint],
        Fact::RateLimits,
        "Requests that were refused for their rate (429)",
    ),
];
