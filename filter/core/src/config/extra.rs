//! Labels of the user's own, labels that are not wanted, and how many values a label may have.

use std::rc::Rc;

use super::ConfigError;
use crate::detect::matches;
use crate::price::book::UniqueMap;
use crate::schema::{Family, Feed, Label, Table};

/// Never a label, whoever asks for it: each exchange has another one. They may be named all the same, as the sources do.
const NEVER: [&str; 2] = ["operation_id", "trace_id"];

/// A label that requests can be given, with its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Named {
    pub(crate) label: Label,
    pub(crate) name: Rc<str>,
}

/// A family by its name, or a pattern in which `*` stands for one or more characters; `*` alone is all of them.
fn takes(pattern: &str, family: &Family) -> bool {
    family.fact.feed() == Feed::Record && (pattern == "*" || matches(pattern, &family.name))
}

/// Adds the user's labels to the families that are to show them.
pub(super) fn add(table: &mut Table, extra: &UniqueMap<Vec<String>>) -> Result<Vec<Named>, ConfigError> {
    let mut added = Vec::new();
    for (name, patterns) in extra.iter() {
        let path = format!("extra_labels.{name}");
        for (at, pattern) in patterns.iter().enumerate() {
            if !table.families().iter().any(|family| takes(pattern, family)) {
                let all: Vec<&str> = table.fed().iter().map(|family| &*family.name).collect();
                let allowed = format!("a family or a pattern such as `*_tokens_*`, of {}", all.join(", "));
                return Err(ConfigError::new(format!("{path}[{at}]"), format!("{pattern:?}"), allowed));
            }
        }
        let label = table
            .add_label(name, |family| patterns.iter().any(|pattern| takes(pattern, family)))
            .map_err(|allowed| ConfigError::new(&path, format!("{name:?}"), allowed))?;
        added.push(Named { name: name.into(), label });
    }
    Ok(added)
}

/// Takes away the labels that are not wanted: all that `include` does not name (where it names any), then those that
/// `exclude` does.
pub(super) fn choose(table: &mut Table, include: &[String], exclude: &[String]) -> Result<(), ConfigError> {
    let known = |key: &str, names: &[String]| -> Result<Vec<Label>, ConfigError> {
        let mut labels = Vec::new();
        for (at, name) in names.iter().enumerate().filter(|(_, name)| !NEVER.contains(&name.as_str())) {
            labels.push(attributed(table, &format!("{key}[{at}]"), name)?);
        }
        Ok(labels)
    };
    let (wanted, unwanted) = (known("include_labels", include)?, known("exclude_labels", exclude)?);
    if include.is_empty() && exclude.is_empty() {
        return Ok(());
    }
    let shown = |label: &Label| {
        !label.is_attributed() || ((include.is_empty() || wanted.contains(label)) && !unwanted.contains(label))
    };
    table.edit(|family| {
        if family.fact.feed() == Feed::Record {
            family.labels.retain(shown);
        }
    });
    Ok(())
}

/// How many values labels may have.
pub(super) fn limits(table: &Table, limits: &UniqueMap<u32>) -> Result<Vec<(Label, u32)>, ConfigError> {
    let limit = |(name, most): (&str, &u32)| {
        let path = format!("label_limits.{name}");
        let label = attributed(table, &path, name)?;
        match *most {
            1..=1_000_000 => Ok((label, *most)),
            _ => Err(ConfigError::new(path, most, "a whole number from 1 to 1000000")),
        }
    };
    limits.iter().map(limit).collect()
}

/// The label of this name that exchanges have by themselves.
fn attributed(table: &Table, path: &str, name: &str) -> Result<Label, ConfigError> {
    table.attributed().find(|label| table.label_name(*label) == name).ok_or_else(|| {
        let all: Vec<&str> = table.attributed().map(|label| table.label_name(label)).collect();
        ConfigError::new(path, format!("{name:?}"), format!("one of {}", all.join(", ")))
    })
}
