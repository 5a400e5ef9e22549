//! What the tests and the generator share.

pub mod client;
pub mod client_recorded;
pub mod envoy;
pub mod envoy_bootstrap;
pub mod generated;
mod generated_rules;
pub mod grafana;
pub mod host_command;
pub mod identity;
pub mod kubernetes;
pub mod openai;
pub mod prometheus;
pub mod promql;
pub mod reference;
pub mod refused;
pub mod scrape;
pub mod socket;
pub mod upstream;
pub mod upstream_answer;
mod upstream_body;
pub mod upstream_digest;
