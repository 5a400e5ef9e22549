//! The label values that the route map gives.

use std::hash::{Hash, Hasher};
use std::rc::Rc;

use super::{Name, Place};
use crate::OTHER;
use crate::schema::Label;

/// What one exchange counts under by the route map.
#[derive(Clone, Debug)]
pub struct HttpLabels {
    place: Rc<Place>,
    method: &'static str,
    status: Status,
    /// Values that the request brought.
    told: Vec<(Label, String)>,
    /// Name and kind of the step where the map names none.
    step: [&'static str; 2],
}

/// The status of the response as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Status {
    /// There was no response.
    None,
    Code([u8; 3]),
    /// Folded.
    Other,
}

/// Places are told apart by their index: one configuration has one map.
impl PartialEq for HttpLabels {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key() && self.told == other.told
    }
}

impl Eq for HttpLabels {}

impl Hash for HttpLabels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.key(), &self.told).hash(state);
    }
}

impl HttpLabels {
    pub(super) fn new(place: Rc<Place>, method: &'static str, told: Vec<(Label, String)>) -> Self {
        Self { place, method, status: Status::None, told, step: [OTHER, "http"] }
    }

    /// All but what the request brought.
    fn key(&self) -> (u16, &'static str, Status, [&'static str; 2]) {
        (self.place.index, self.method, self.status, self.step)
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// The response has come.
    pub(super) fn answered(&mut self, status: u16) {
        let digit = |n: u16| b'0' + u8::try_from(n % 10).unwrap_or(0);
        self.status = match status {
            100..=599 => Status::Code([digit(status / 100), digit(status / 10), digit(status)]),
            _ => Status::Other,
        };
    }

    pub(super) fn tell(&mut self, label: Label, value: String) {
        self.told.push((label, value));
    }

    /// It is LLM traffic: a step is called by its API unless the map names it.
    pub(crate) fn call_by_api(&mut self, api: &'static str) {
        self.step = [api, "llm"];
    }

    /// The value of a label; `None` where it is none of these, or not known.
    pub fn get(&self, label: Label) -> Option<&str> {
        match label {
            Label::Method => return Some(self.method),
            Label::Route | Label::Endpoint => return Some(&self.place.route),
            Label::Status => {
                return match &self.status {
                    Status::None => None,
                    Status::Code(digits) => str::from_utf8(digits).ok(),
                    Status::Other => Some(OTHER),
                };
            }
            _ => {}
        }
        if let Some((_, value)) = self.told.iter().find(|(told, _)| *told == label) {
            return Some(value);
        }
        let constant = self.place.names.iter().find_map(|(named, name)| match name {
            Name::Constant(text) if *named == label => Some(text.as_str()),
            _ => None,
        });
        constant.or(match label {
            Label::PrimitiveName => Some(self.step[0]),
            Label::PrimitiveType => Some(self.step[1]),
            _ => None,
        })
    }

    /// Folds one more value that traffic decides to `other`; tells which.
    pub fn fold(&mut self) -> Option<Label> {
        if let Some((label, value)) = self.told.iter_mut().find(|(_, value)| value != OTHER) {
            OTHER.clone_into(value);
            return Some(*label);
        }
        matches!(self.status, Status::Code(_)).then(|| {
            self.status = Status::Other;
            Label::Status
        })
    }
}
