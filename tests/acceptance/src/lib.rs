//! `cargo xtask acceptance`: traffic through a real Envoy with the filter and all five schemas, scraped by a real
//! Prometheus over each of the two surfaces, and every expression of the sources asked of it. Each answer is compared with
//! figures reckoned from what was sent, by code that shares nothing with the filter: [`traffic`] says what is sent and what
//! it costs by list prices, [`expect`] what the sources' families then hold, [`promql`] what an expression makes of that.

pub mod backfill;
pub mod config;
pub mod dashboards;
pub mod expect;
pub mod judge;
pub mod picture;
pub mod promql;
pub mod queries;
pub mod run;
pub mod serve;
pub mod server;
pub mod stage;
pub mod surface;
pub mod traffic;
