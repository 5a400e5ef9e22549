//! One exchange as the route map sees it, from head to end.

use super::{HttpLabels, HttpMap, Name};
use crate::body::fact::Fact;
use crate::body::json::{End, Sink, Skimmer, Want};
use crate::body::word;
use crate::config::is_id;
use crate::schema::Label;
use crate::{Nanos, OTHER};

/// The one field that is read of a request to a service: it names the provider that the request is about.
static PROVIDER: Want = Want::object(&[("provider", Want::scalar(Fact::Upstream))]);

/// What is known so far.
#[derive(Debug)]
pub struct HttpSeen {
    labels: HttpLabels,
    probe: bool,
    head: Option<Nanos>,
    /// Reads the request's body, where the map says so.
    body: Option<Box<Skimmer>>,
}

/// What one exchange comes to, beside its record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HttpFacts {
    /// Request head to response head, nanoseconds.
    pub head: Option<u64>,
    /// An LLM exchange with an error, or any other that was answered with 500 and above or not answered at all. A client
    /// that goes away is no failure.
    pub failed: bool,
    /// It is a probe of a provider.
    pub probe: bool,
    /// A task of an agent.
    pub task: bool,
    /// Whether a result was inserted, where the route inserts them.
    pub inserted: Option<bool>,
    /// The route ensures a version.
    pub ensures_version: bool,
    /// Whether it was a conflict (409), where the route has a table.
    pub conflict: Option<bool>,
    /// The service refused it for its rate (429).
    pub limited: bool,
    /// What is promised of the step, in billionths, and whether this one was in time.
    pub objective: Option<(u64, bool)>,
}

struct Provider(Option<String>);

impl Sink for Provider {
    fn value(&mut self, _: Fact, raw: &[u8]) {
        // A client writes it: what is no id is not shown.
        let id = || word(raw).map(|id| if is_id(&id) { id } else { OTHER.to_owned() });
        self.0 = self.0.take().or_else(id);
    }
    fn too_large(&mut self, _: Fact) {
        self.0.get_or_insert_with(|| OTHER.to_owned());
    }
    fn mark(&mut self, _: Fact) {}
}

impl HttpSeen {
    pub(super) fn new(labels: HttpLabels, probe: bool) -> Self {
        let reads = labels.place().names.iter().any(|(_, name)| *name == Name::Body);
        Self { labels, probe, head: None, body: reads.then(|| Box::new(Skimmer::new(&PROVIDER))) }
    }

    /// What it counts under.
    pub fn labels(&self) -> &HttpLabels {
        &self.labels
    }

    /// Whether more of the request's body is of use.
    pub fn wants_request_body(&self) -> bool {
        self.body.as_ref().is_some_and(|body| matches!(body.end(), End::Empty | End::Cut))
    }

    /// A cut of the request's body.
    pub fn request_body(&mut self, cut: &[u8]) {
        let Some(body) = &mut self.body else { return };
        let mut provider = Provider(None);
        body.feed(cut, &mut provider);
        if let Some(id) = provider.0 {
            self.labels.tell(Label::Provider, id);
            self.body = None;
        }
    }

    /// The response's head has come.
    pub fn answered(&mut self, status: Option<u16>, at: Nanos) {
        if let Some(status) = status {
            self.labels.answered(status);
        }
        self.head = Some(at);
    }

    /// What it comes to. `total` nanoseconds after `started`, with `failed` as [`HttpFacts`] has it.
    pub fn finish(&self, map: &HttpMap, status: Option<u16>, started: Nanos, total: u64, failed: bool) -> HttpFacts {
        let (labels, place) = (&self.labels, self.labels.place());
        let objective = labels.get(Label::PrimitiveName).and_then(|name| map.objective(name));
        HttpFacts {
            head: self.head.map(|at| at.saturating_sub(started)),
            failed,
            probe: self.probe,
            task: labels.get(Label::TaskType).is_some(),
            inserted: place.inserts.then_some(status.is_some_and(|s| (200..300).contains(&s)) && !failed),
            ensures_version: place.ensures_version,
            conflict: labels.get(Label::Table).map(|_| status == Some(409)),
            limited: status == Some(429),
            objective: objective.map(|o| (o.target, total <= o.within)),
        }
    }
}
