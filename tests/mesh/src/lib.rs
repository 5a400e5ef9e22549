//! Real control planes without a cluster: what the slow tier starts, and where.
//!
//! Everything listens where it always does (15000, 15020, 443 ...), so the tests run in a network namespace of their own
//! ([`space`]), which has loopback and nothing else. There `api.openai.com` is an upstream of ours with a certificate
//! that the namespace trusts, so what is shipped is executed as it is shipped.
#![forbid(unsafe_code)]

pub mod certs;
pub mod collector;
pub mod gateway;
pub mod istio;
pub mod kube;
pub mod process;
pub mod registry;
pub mod space;
pub mod tls;
