//! The expressions that the sources ask users to run.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::promql::{Expr, parse};

/// Where an expression's data comes from, as the list says.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Proxied traffic and static configuration.
    Traffic,
    /// An evaluation or task report.
    Feedback,
    /// Somebody else's exporter.
    OtherExporter,
    /// No expression.
    Skip,
}

/// One entry of `queries.json`.
#[derive(Clone, Debug, Deserialize)]
pub struct Entry {
    /// `0-Q01`.
    pub id: String,
    /// Which of the sources.
    pub system: String,
    /// query, recording, alert, panel.
    pub kind: String,
    /// Name of rule or panel.
    pub name: Option<String>,
    /// The expression.
    pub expr: String,
    /// Where its data comes from.
    pub source: Source,
}

/// Families that come with policies and budgets.
const GOVERNED: [&str; 2] = ["genops_policy_", "genops_budget_"];

/// Why an entry is not asked; `None`: it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Left {
    /// It needs policies or budgets.
    Governance,
    /// It needs reports of evaluations or tasks.
    Feedback,
    /// Another exporter's family.
    OtherExporter,
    /// No expression.
    NoExpression,
}

impl Left {
    /// In words.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Governance => "policies or budgets: they arrive with governance",
            Self::Feedback => "needs reports of evaluations or tasks",
            Self::OtherExporter => "another exporter's families",
            Self::NoExpression => "a template for a shell, no expression",
        }
    }
}

impl Entry {
    /// Why it is not asked.
    pub fn left(&self) -> Option<Left> {
        match self.source {
            Source::Feedback => Some(Left::Feedback),
            Source::OtherExporter => Some(Left::OtherExporter),
            Source::Skip => Some(Left::NoExpression),
            Source::Traffic => GOVERNED.iter().any(|family| self.expr.contains(family)).then_some(Left::Governance),
        }
    }

    /// The expression, read.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn parsed(&self) -> Result<Expr> {
        parse(&self.expr).with_context(|| self.id.clone())
    }

    /// An alert, whose answer may rightly be empty.
    pub fn is_alert(&self) -> bool {
        self.kind == "alert"
    }
}

/// Reads the list.
///
/// # Errors
/// It is not there or not of its form.
pub fn read(path: &Path) -> Result<Vec<Entry>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}
