//! Schemas are data: tables of families, their labels and the fact of the [`Record`](crate::Record) that feeds each.
//!
//! A schema is one file with its table ([`Schema`]), listed in [`SCHEMAS`]; adding one touches no other room. What a
//! configuration makes active becomes one [`Table`], and everything that must agree on names is generated or checked from
//! it: stats, `stats_tags`, recording rules, HELP, docs.

mod computed;
mod fact;
mod family;
pub(crate) mod genops;
mod genops_kubernetes;
mod kosmos;
mod label;
mod observe;
mod own;
mod prompter;
pub mod stat_name;
mod table;
mod tta;

pub use computed::{Computed, Formula, Ratio, Term};
pub use fact::{Fact, Feed};
pub use family::{Bounds, Definition, Kind, Schema, Unit};
pub use label::Label;
pub use observe::{Observation, observations};
pub use own::Own;
pub use table::{Bound, Family, MAX_EXTRA_LABELS, MAX_NAME_BYTES, NAMESPACE, StatPart, Table, is_name};

/// The built-in schemas, by their names in configurations.
pub static SCHEMAS: &[&Schema] =
    &[&genops::SCHEMA, &genops_kubernetes::SCHEMA, &tta::SCHEMA, &prompter::SCHEMA, &kosmos::SCHEMA];

/// The built-in schema of this name.
pub fn named(name: &str) -> Option<&'static Schema> {
    SCHEMAS.iter().copied().find(|schema| schema.name == name)
}

#[cfg(test)]
mod tests;
