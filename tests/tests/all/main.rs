//! One integration binary: one link, one room per subject.

mod access_log;
mod architecture;
mod caps;
mod config_errors;
mod conversion;
mod envoy_aborts;
mod envoy_attribution;
mod envoy_identity;
mod envoy_inject;
mod envoy_labels;
mod envoy_providers;
mod envoy_scrape;
mod envoy_scrape_load;
mod envoy_shipped;
mod envoy_support;
mod envoy_websocket;
mod examples;
mod faults;
mod parity;
mod prometheus;
mod scrape_support;
mod services;
mod update;
