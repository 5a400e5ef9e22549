//! Who spent it: attribution labels from the request head and from config, validated.

mod validate;

pub use validate::{MAX_LABEL_BYTES, Rejection};

use serde::Serialize;

use crate::config::{LabelSource, Labels};
use crate::head::Head;
use crate::schema::Label;

/// The attribution of one exchange: only what is known; never an empty value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Attribution {
    /// Lower-case, `a-z0-9-`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Free text within bounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// `A-Za-z0-9_-`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// Free text within bounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// 2 to 50 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feature: Option<String>,
}

impl Attribution {
    /// The labels that a request can be given, in tag order.
    pub const LABELS: [Label; 5] = [Label::Team, Label::Project, Label::CustomerId, Label::Environment, Label::Feature];

    /// The value of one attribution label.
    pub fn get(&self, label: Label) -> Option<&str> {
        match label {
            Label::Team => self.team.as_deref(),
            Label::Project => self.project.as_deref(),
            Label::CustomerId => self.customer_id.as_deref(),
            Label::Environment => self.environment.as_deref(),
            Label::Feature => self.feature.as_deref(),
            _ => None,
        }
    }

    /// Sets one attribution label; other labels are not attribution and are left alone.
    pub fn set(&mut self, label: Label, value: Option<String>) {
        match label {
            Label::Team => self.team = value,
            Label::Project => self.project = value,
            Label::CustomerId => self.customer_id = value,
            Label::Environment => self.environment = value,
            Label::Feature => self.feature = value,
            _ => {}
        }
    }
}

/// Reads the attribution of a request. Per label the first source that has a value decides; an invalid value drops
/// the label (a forged one must not fall back to somebody else's constant) and is told to `reject`.
pub fn attribution(labels: &Labels, head: &Head<'_>, mut reject: impl FnMut(Label, Rejection)) -> Attribution {
    let mut attribution = Attribution::default();
    for label in Attribution::LABELS {
        for source in labels.sources(label) {
            let value = match source {
                LabelSource::Constant(text) => Some(text.as_bytes()),
                LabelSource::Header(name) => head.get(name),
            };
            let Some(value) = value.filter(|v| !v.is_empty()) else { continue };
            match validate::validate(label, value) {
                Ok(text) => attribution.set(label, Some(text)),
                Err(reason) => reject(label, reason),
            }
            break;
        }
    }
    attribution
}
