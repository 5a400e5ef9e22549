//! Who spent it: attribution labels from what proxy and request know, validated.

mod baggage;
mod peer;
mod validate;
mod value;

pub use peer::PeerPart;
pub(crate) use validate::validate;
pub use validate::{MAX_LABEL_BYTES, Rejection};

use std::borrow::Cow;
use std::cell::OnceCell;
use std::rc::Rc;

use crate::config::{LabelSource, Labels, Named, Origin, Trust};
use crate::detect::{Known, Proxy, matches};
use crate::head::Head;
use crate::schema::Label;

/// The attribution of one exchange: only what is known; never an empty value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attribution {
    /// Lower-case, `a-z0-9-`.
    pub team: Option<String>,
    /// Free text within bounds.
    pub project: Option<String>,
    /// `A-Za-z0-9_-`.
    pub customer_id: Option<String>,
    /// Free text within bounds.
    pub environment: Option<String>,
    /// 2 to 50 characters.
    pub feature: Option<String>,
    /// Labels of the user's own that are known, in the order in which they were found out.
    pub extra: Vec<Extra>,
}

/// The value of a label of the user's own (`extra_labels`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Extra {
    /// The label.
    pub label: Label,
    /// Its name.
    pub name: Rc<str>,
    /// Free text within bounds.
    pub value: String,
}

impl Attribution {
    /// The built-in labels that a request can be given, in tag order.
    pub const LABELS: [Label; 5] = [Label::Team, Label::Project, Label::CustomerId, Label::Environment, Label::Feature];

    /// The value of one attribution label.
    pub fn get(&self, label: Label) -> Option<&str> {
        match label {
            Label::Team => self.team.as_deref(),
            Label::Project => self.project.as_deref(),
            Label::CustomerId => self.customer_id.as_deref(),
            Label::Environment => self.environment.as_deref(),
            Label::Feature => self.feature.as_deref(),
            Label::Extra(_) => self.extra.iter().find(|extra| extra.label == label).map(|extra| extra.value.as_str()),
            _ => None,
        }
    }

    /// Names and values of what is known, in tag order.
    pub fn known(&self) -> impl Iterator<Item = (&str, &str)> {
        let built_in = Self::LABELS.into_iter().filter_map(|label| Some((label.name(), self.get(label)?)));
        built_in.chain(self.extra.iter().map(|extra| (&*extra.name, extra.value.as_str())))
    }

    /// Sets one attribution label. Other labels are not attribution and are left alone, and so is one of the user's own
    /// that is not known.
    pub fn set(&mut self, label: Label, value: Option<String>) {
        match label {
            Label::Team => self.team = value,
            Label::Project => self.project = value,
            Label::CustomerId => self.customer_id = value,
            Label::Environment => self.environment = value,
            Label::Feature => self.feature = value,
            Label::Extra(_) => match value {
                Some(value) => {
                    self.extra.iter_mut().filter(|e| e.label == label).for_each(|e| e.value.clone_from(&value));
                }
                None => self.extra.retain(|extra| extra.label != label),
            },
            _ => {}
        }
    }
}

/// Reads the attribution of a request. Per label the first source that is believed and has a value decides; an invalid
/// value drops the label (a forged one must not fall back to somebody else's constant) and is told to `reject`.
///
/// The proxy is asked only for what no earlier source of the label has.
pub fn attribution(
    labels: &Labels,
    head: &Head<'_>,
    proxy: &impl Proxy,
    mut reject: impl FnMut(Label, Rejection),
) -> Attribution {
    let mut attribution = Attribution::default();
    let request = Request { head, proxy, peer: OnceCell::new() };
    for (Named { label, name }, rule) in labels.in_order() {
        let label = *label;
        for source in &rule.sources {
            let Some(found) = request.read(source, &attribution) else { continue };
            if !request.believes(&source.trust) {
                reject(label, Rejection::Untrusted);
                continue;
            }
            match found.and_then(|text| rule.value(label, &text)) {
                Ok(value) if matches!(label, Label::Extra(_)) => {
                    attribution.extra.push(Extra { label, name: Rc::clone(name), value });
                }
                Ok(value) => attribution.set(label, Some(value)),
                Err(reason) => reject(label, reason),
            }
            break;
        }
    }
    attribution
}

/// What sources are read from.
struct Request<'a, P> {
    head: &'a Head<'a>,
    proxy: &'a P,
    peer: OnceCell<Option<String>>,
}

impl<'a, P: Proxy> Request<'a, P> {
    /// What a source says; `None` where it says nothing.
    fn read<'s>(&'s self, source: &'s LabelSource, known: &'s Attribution) -> Option<Result<Cow<'s, str>, Rejection>> {
        let bytes = |bytes: &'s [u8]| str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| Rejection::InvalidUtf8);
        let told = |of: Known<'_>| {
            let value = self.proxy.value(of).filter(|v| !v.is_empty())?;
            Some(value::text(&value).map(|text| Cow::Owned(text.into_owned())))
        };
        match &source.origin {
            Origin::Constant(text) => Some(Ok(Cow::Borrowed(text))),
            Origin::Header(name) => self.head.get(name).filter(|v| !v.is_empty()).map(bytes),
            Origin::Baggage(key) => {
                let value = baggage::value(self.head, key).filter(|v| !v.is_empty())?;
                Some(String::from_utf8(value).map(Cow::Owned).map_err(|_| Rejection::InvalidUtf8))
            }
            Origin::Metadata(path) => told(Known::Metadata(path)),
            Origin::RouteMetadata(path) => told(Known::RouteMetadata(path)),
            Origin::ClusterMetadata(path) => told(Known::ClusterMetadata(path)),
            Origin::WorkloadLabel(name) => told(Known::WorkloadLabel(name)),
            Origin::CallerLabel(name) => told(Known::CallerLabel(name)),
            Origin::Peer(part) => part.of(self.peer()?).map(|text| Ok(Cow::Borrowed(text))),
            Origin::Label(other) => known.get(*other).map(|text| Ok(Cow::Borrowed(text))),
        }
    }

    /// The client's certificate names it so. Asked for once.
    fn peer(&self) -> Option<&str> {
        self.peer
            .get_or_init(|| self.proxy.value(Known::PeerId).and_then(|id| String::from_utf8(id).ok()))
            .as_deref()
            .filter(|id| !id.is_empty())
    }

    fn believes(&self, trust: &Trust) -> bool {
        match trust {
            Trust::Anyone => true,
            Trust::Peers(patterns) => self.peer().is_some_and(|id| patterns.iter().any(|pattern| matches(pattern, id))),
        }
    }
}

#[cfg(test)]
mod tests;
