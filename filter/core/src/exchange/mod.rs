//! One exchange's life: head, body cuts, end; one [`Record`](crate::Record).

mod cost;
mod finish;

use std::hash::{Hash, Hasher};
use std::rc::Rc;

use crate::body::{Reader, RequestScan};
use crate::config::{Config, FilterStateKey};
use crate::detect::{Destination, Proxy, Route, provider};
use crate::estimate::Estimate;
use crate::head::Head;
use crate::http::{HttpLabels, HttpSeen};
use crate::inject::Injection;
use crate::label::{Attribution, MAX_LABEL_BYTES, Rejection, attribution};
use crate::price::PriceBook;
use crate::record::Dimensions;
use crate::schema::Label;

/// The value of a label whose real value may not be shown: unknown to the book on an error, too long, or folded.
pub const OTHER: &str = "other";
/// The provider label of LLM traffic that nothing names.
pub const UNKNOWN_PROVIDER: &str = "unknown";

/// How much of a request body is scanned between two looks at whether it has told enough, bytes: nearly all clients
/// write the model first, before the prompt.
const REQUEST_PART: usize = 256;

/// Nanoseconds since the Unix epoch, from the host's clock.
pub type Nanos = u64;

/// Who ended the stream, as the host knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The upstream's answer did, or the client went away first; or nobody knows.
    Client,
    /// The upstream broke off, or could not be reached.
    Reset,
    /// The proxy's patience with the upstream was over.
    Timeout,
}

/// One exchange being read. Feed it in the order of the wire; then [`Exchange::finish`].
#[derive(Debug)]
pub struct Exchange {
    config: Rc<Config>,
    route: Route,
    to: Destination,
    /// Whose prices hold where the provider only routes: a price-book id.
    routed_to: Option<String>,
    started: Nanos,
    attribution: Attribution,
    rejected: Vec<(Label, Rejection)>,
    sampled: bool,
    request: RequestScan,
    response: Option<Response>,
    estimate: Option<Box<Estimate>>,
    /// As the route map sees it, where there is one.
    http: Option<Box<HttpSeen>>,
}

#[derive(Debug)]
struct Response {
    status: Option<u16>,
    reader: Reader,
    first_event: Option<Nanos>,
    first_token: Option<Nanos>,
    ended: bool,
}

impl Exchange {
    /// Starts with the request head. `at` is its arrival: latency starts here and prices are those of this moment.
    pub fn new(config: Rc<Config>, head: &Head<'_>, at: Nanos) -> Self {
        Self::behind(config, head, at, &())
    }

    /// The same behind a proxy that knows where the request goes.
    pub fn behind(config: Rc<Config>, head: &Head<'_>, at: Nanos, proxy: &impl Proxy) -> Self {
        let (to, route) = Destination::new(&config, head, proxy);
        let routed_to = to.provider().and_then(|p| routed_to(p, head.text(":path").unwrap_or_default()));
        let mut rejected = Vec::new();
        let attribution = match route.api.generates() || to.may_generate(&config) {
            true => attribution(&config.labels, head, proxy, |label, reason| rejected.push((label, reason))),
            // What is no LLM exchange has no spender: do not mint series for it.
            false => Attribution::default(),
        };
        let sampled = config.sampling_rate.keeps(|| head.get("x-request-id"), at);
        let request = RequestScan::new(&route);
        let measured = config.estimate || config.filter_state.contains(&FilterStateKey::PromptLength);
        let estimate = measured.then(|| Estimate::new(&route)).flatten();
        let http = config.http_map.as_ref().map(|map| Box::new(map.meet(head)));
        Self {
            config,
            route,
            to,
            routed_to,
            started: at,
            attribution,
            rejected,
            sampled,
            request,
            response: None,
            estimate,
            http,
        }
    }

    /// The edit of this exchange that the configuration asks for; `head` is the request head.
    pub fn injection(&self, head: &Head<'_>) -> Option<Injection> {
        let wanted = self.config.include_usage.as_ref()?;
        let provider = self.to.provider();
        let covered = wanted.covers(provider, head.text(":authority").unwrap_or_default());
        let hold = u64::from(wanted.hold_request_bytes);
        covered.then(|| Injection::new(self.route.api, self.route.body, provider, hold, head)).flatten()
    }

    /// Whether any more of the request body is of use; a host may skip fetching it otherwise.
    pub fn wants_request_body(&self) -> bool {
        if self.route.api.is_socket() {
            return self.response.as_ref().is_some_and(|r| r.reader.wants_client());
        }
        self.scans_request()
            || self.estimate.as_ref().is_some_and(|e| e.reads_request())
            || self.http.as_ref().is_some_and(|http| http.wants_request_body())
    }

    fn scans_request(&self) -> bool {
        self.route.api.generates() && self.request.needs_more()
    }

    /// A cut of the request body.
    pub fn request_body(&mut self, cut: &[u8]) {
        if self.route.api.is_socket() {
            // After a 101 these are the client's frames.
            if let Some(response) = &mut self.response {
                response.reader.feed_client(cut);
            }
            return;
        }
        if let Some(estimate) = &mut self.estimate {
            estimate.request(cut);
        }
        if let Some(http) = &mut self.http {
            http.request_body(cut);
        }
        for part in cut.chunks(REQUEST_PART) {
            if !self.scans_request() {
                return;
            }
            self.request.feed(part);
        }
    }

    /// The response head. Informational (1xx) heads are not to be given, save the 101 that begins a session over a web
    /// socket; its frames are the bodies then.
    pub fn response_head(&mut self, head: &Head<'_>) {
        self.response_head_behind(head, &());
    }

    /// The same behind a proxy that knows by now whom it asked.
    pub fn response_head_behind(&mut self, head: &Head<'_>, proxy: &impl Proxy) {
        self.to.answered(&self.config, head, proxy, &mut self.route);
        let status = head.status();
        let mut reader = Reader::new(self.route.api, status.unwrap_or(0), head);
        if self.config.estimate && self.estimate.is_some() {
            reader.measure_text();
        }
        self.response = Some(Response { status, reader, first_event: None, first_token: None, ended: false });
    }

    /// Whether it is of use to know when the response's head came: [`Exchange::response_head_at`].
    pub fn times_response_head(&self) -> bool {
        self.http.is_some()
    }

    /// The response's head came at this instant.
    pub fn response_head_at(&mut self, at: Nanos) {
        let status = self.response.as_ref().and_then(|response| response.status);
        if let Some(http) = &mut self.http {
            http.answered(status, at);
        }
    }

    /// Whether the response body is of use.
    pub fn wants_response_body(&self) -> bool {
        self.route.api.generates() && self.response.is_some()
    }

    /// A cut of the response body. `now` is asked only when an instant of interest falls into this cut.
    pub fn response_body(&mut self, cut: &[u8], now: impl Fn() -> Nanos) {
        let Some(response) = self.response.as_mut().filter(|_| self.route.api.generates()) else { return };
        response.reader.feed(cut);
        // Only streams have first events to be timed, and the clock is a hostcall.
        if response.first_token.is_none() && response.reader.is_streamed() {
            if response.first_event.is_none() && response.reader.seen_event() {
                response.first_event = Some(now());
            }
            if response.reader.seen_token() {
                response.first_token = Some(now());
            }
        }
    }

    /// The response ended as it should (its last byte or its trailers were seen).
    pub fn response_end(&mut self) {
        if let Some(response) = &mut self.response {
            response.ended = true;
        }
    }

    /// Whether the response has ended as it should.
    pub fn response_ended(&self) -> bool {
        self.response.as_ref().is_some_and(|r| r.ended)
    }

    /// Label values that were not taken, to be counted.
    pub fn rejected(&self) -> &[(Label, Rejection)] {
        if self.route.api.generates() { &self.rejected } else { &[] }
    }

    /// Whether it is LLM traffic, as far as is known.
    pub fn is_llm(&self) -> bool {
        self.route.api.generates()
    }

    /// What the exchange counts under while it lasts; `None` where nothing asks for it.
    pub fn active_dimensions(&self) -> Option<Dimensions> {
        let http = self.http.as_ref()?;
        Some(Dimensions { http: Some(Box::new(self.http_labels(http))), ..Dimensions::default() })
    }

    /// Hashes what [`Exchange::expected_dimensions`] are found out from, without the look-up in the book: who expected the
    /// same before need not ask again.
    pub fn hash_expected(&self, state: &mut impl Hasher) {
        let names = [self.route.model.as_deref(), self.request.model()];
        (names, self.priced_as(), self.to.provider(), self.route.api, &self.attribution).hash(state);
        self.to.hash_model(&self.config, names, state);
        self.http.as_ref().map(|http| http.labels()).hash(state);
    }

    /// What the exchange will most likely count under, known at the end of the request: lets a scrape see the series
    /// at 0 before the first count. `None` where the model is not one that the book knows.
    pub fn expected_dimensions(&self) -> Option<Dimensions> {
        if !self.route.api.generates() {
            return self.active_dimensions();
        }
        let name = self.route.model.as_deref().or(self.request.model())?;
        let provider = self.priced_as()?;
        let book = |name: &str| self.book().canonical_model(provider, name);
        let name = self.to.model(&self.config, Some(name), [self.request.model(), None], |n| book(n).is_some())?;
        Some(self.dimensions(Some(book(&name)?.into_owned())))
    }

    /// The prices that hold.
    fn book(&self) -> &PriceBook {
        &self.config.price_book
    }

    /// The price book's provider.
    fn priced_as(&self) -> Option<&str> {
        self.routed_to.as_deref().or(self.to.provider())
    }

    fn dimensions(&self, model: Option<String>) -> Dimensions {
        let llm = self.route.api.generates();
        let http = self.http.as_ref().map(|http| Box::new(self.http_labels(http)));
        let provider = self.to.provider().or_else(|| llm.then_some(UNKNOWN_PROVIDER));
        Dimensions {
            provider: provider.map(ToOwned::to_owned),
            model,
            operation_type: self.route.api.operation(),
            attribution: if llm { self.attribution.clone() } else { Attribution::default() },
            http,
        }
    }

    fn http_labels(&self, http: &HttpSeen) -> HttpLabels {
        let mut labels = http.labels().clone();
        if self.route.api.generates() {
            labels.call_by_api(self.route.api.as_str());
        }
        labels
    }

    /// Whether it is of use to know who ended the stream: it was broken off, or the answer may be the proxy's own.
    pub fn asks_who_ended(&self) -> bool {
        self.response.as_ref().is_none_or(|r| !r.ended || r.status.is_none_or(|s| s >= 500))
    }
}

/// Hugging Face's router names in its path who serves, and prices are theirs (`router.huggingface.co/together/v1/...`,
/// checked 2026-11-21); `/v1/...` leaves it to the router, which does not say.
fn routed_to(provider: &str, path: &str) -> Option<String> {
    let first = path.trim_start_matches('/').split('/').next().filter(|_| provider == provider::HUGGINGFACE)?;
    let named = !matches!(first, "" | "v1" | "models" | "hf-inference") && first.len() <= MAX_LABEL_BYTES;
    named.then(|| format!("{provider}-{first}"))
}
