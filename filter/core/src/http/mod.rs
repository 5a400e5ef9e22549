//! HTTP by itself: what the route map calls an exchange, LLM traffic or not, and what that comes to.
//!
//! The schemas of services (`tta`, `prompter`, `kosmos`) count requests by names that no request carries: a step, an
//! agent, a task, a table. The configuration's `http` gives them by method and path template. All label values are
//! bounded: a path that no template fits is `other`.

mod labels;
mod seen;
mod template;

use std::rc::Rc;

pub use labels::HttpLabels;
pub use seen::{HttpFacts, HttpSeen};
pub use template::{MAX_TEMPLATE_BYTES, Template};

use crate::OTHER;
use crate::head::Head;
use crate::label::validate;
use crate::schema::Label;

/// The route map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpMap {
    /// In the order in which they are tried.
    routes: Vec<Route>,
    unmatched: Rc<Place>,
    objectives: Vec<Objective>,
}

/// A place for requests of one method, or of all, and one path template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// `None`: any.
    pub method: Option<&'static str>,
    /// The path.
    pub path: Template,
    /// What is said of it.
    pub place: Rc<Place>,
}

/// What the map says of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Tells it from all others of the map.
    pub index: u16,
    /// The template's text; `other` where none fits.
    pub route: String,
    /// Where label values come from.
    pub names: Vec<(Label, Name)>,
    /// A success inserts a result.
    pub inserts: bool,
    /// It ensures a version.
    pub ensures_version: bool,
    /// Its LLM calls are probes.
    pub probes: bool,
    /// A request with this header is a probe.
    pub probe_header: Option<String>,
}

impl Default for Place {
    /// What is said of a path that no template fits, where nothing else is.
    fn default() -> Self {
        Self {
            index: 0,
            route: OTHER.to_owned(),
            names: Vec::new(),
            inserts: false,
            ensures_version: false,
            probes: false,
            probe_header: None,
        }
    }
}

/// Where a label value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// The configuration.
    Constant(String),
    /// A request header.
    Header(String),
    /// The field `provider` of a JSON request.
    Body,
}

/// What is promised of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objective {
    /// The step's `primitive_name`.
    pub name: String,
    /// The part of its requests that shall succeed in time, in billionths; below 1.
    pub target: u64,
    /// How long a request may take, nanoseconds.
    pub within: u64,
}

/// The methods of RFC 9110 and PATCH; all else is `other`.
pub const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

impl HttpMap {
    /// A map; `unmatched` is what no route fits.
    pub fn new(mut routes: Vec<Route>, unmatched: Place, objectives: Vec<Objective>) -> Self {
        routes.sort_by(|a, b| a.path.precedence(&b.path).then(a.method.is_none().cmp(&b.method.is_none())));
        Self { routes, unmatched: Rc::new(unmatched), objectives }
    }

    /// What a request is called.
    pub fn meet(&self, head: &Head<'_>) -> HttpSeen {
        let said = head.text(":method").unwrap_or_default();
        let method = METHODS.into_iter().find(|m| *m == said).unwrap_or(OTHER);
        let path = head.text(":path").unwrap_or_default().split(['?', '#']).next().unwrap_or_default();
        let fits = |route: &&Route| route.method.is_none_or(|m| m == method) && route.path.fits(path);
        let place = Rc::clone(self.routes.iter().find(fits).map_or(&self.unmatched, |route| &route.place));
        let told = |(label, name): &(Label, Name)| match name {
            Name::Header(name) => validate(*label, head.text(name)?).ok().map(|value| (*label, value)),
            Name::Constant(_) | Name::Body => None,
        };
        let told = place.names.iter().filter_map(told).collect();
        let marked = |name: &String| head.text(name).is_some_and(|v| !matches!(v, "" | "0" | "false"));
        let probe = place.probes || place.probe_header.as_ref().is_some_and(marked);
        HttpSeen::new(HttpLabels::new(place, method, told), probe)
    }

    /// What is promised of a step.
    pub fn objective(&self, name: &str) -> Option<&Objective> {
        self.objectives.iter().find(|objective| objective.name == name)
    }
}
