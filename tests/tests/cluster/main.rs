//! What is shipped for a cluster, by tools that only this needs and that take minutes to build: a part of the slow tier.

mod alertmanager;
mod manifests;
