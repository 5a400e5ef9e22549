//! The store as text: Envoy's own scrape, and OpenMetrics.

mod conversion;
mod number;
mod openmetrics;
mod prometheus;

pub use openmetrics::openmetrics;
pub use prometheus::{PrometheusQuery, prometheus};
