//! One exchange's life: head, body cuts, end; one [`Record`].

use std::rc::Rc;

use crate::body::{BodyState, Reader, Reading, RequestScan};
use crate::config::{Asks, Config, ModelLabel};
use crate::detect::{Api, Destination, Proxy, Route, provider};
use crate::estimate::{Estimate, Estimated};
use crate::head::Head;
use crate::http::{HttpLabels, HttpSeen};
use crate::inject::Injection;
use crate::label::{Attribution, MAX_LABEL_BYTES, Rejection, attribution};
use crate::outcome::{ErrorType, Outcome, UnpricedReason};
use crate::price::{Charge, Context, Drift, PriceBook, Priced, decimal_to_pico};
use crate::record::{CostSource, Dimensions, PicoUsd, Record, SchemaFacts, Timing};
use crate::schema::Label;
use crate::usage::Usage;

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
        let estimate = config.estimate.then(|| Estimate::new(&route)).flatten();
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
        if self.estimate.is_some() {
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

    /// Ends the exchange. `end` says who broke it off; it is of no matter once the upstream's response has ended.
    pub fn finish(&mut self, end: End, at: Nanos) -> Record {
        let named = self.response.as_ref().and_then(|r| r.reader.client_model());
        let request_model = self.route.model.clone().or_else(|| self.request.model().or(named).map(ToOwned::to_owned));
        let (status, ended, reading, timing) = match &mut self.response {
            Some(r) => {
                // A close frame ends a session as well as the end of its connection does.
                r.ended |= r.reader.is_closed();
                let reading = r.reader.finish(r.ended);
                let span = |t: Nanos| t.saturating_sub(self.started);
                let streamed = reading.streamed;
                let timing = Timing {
                    total: span(at),
                    first_event: r.first_event.filter(|_| streamed).map(span),
                    first_token: r.first_token.filter(|_| streamed).map(span),
                };
                (r.status, r.ended, Some(reading), timing)
            }
            None => (None, false, None, Timing { total: at.saturating_sub(self.started), ..Timing::default() }),
        };
        let mut reading = reading.unwrap_or_default();
        reading.usage = self.used(status, &mut reading);
        let generated = self.response.as_ref().map_or(0, |r| r.reader.text_bytes());
        let estimated = self.estimate.as_ref().filter(|_| reading.usage.is_none()).and_then(|e| e.finish(generated));
        let (outcome, error_type) = self.outcome(status, ended, end, &reading, estimated);
        let estimated = estimated.filter(|_| outcome == Outcome::Estimated);

        let model = reading.model.clone().or_else(|| request_model.clone());
        if let Some(name) = &reading.upstream {
            self.to.served_by(&self.config, name);
        }
        if let Some(model) = request_model.as_deref() {
            self.to.asked_for(&self.config, model);
        }
        let provider = self.priced_as().unwrap_or_default();
        let book = |name: &str| self.book().canonical_model(provider, name);
        let asked = [self.route.model.as_deref(), request_model.as_deref()];
        let billed = self.billed_model(&reading, request_model.as_deref());
        let billed = self.to.model(&self.config, billed, asked, |name| book(name).is_some());
        let canonical_model = billed.as_deref().and_then(book);
        let model_label = self.model_label(canonical_model.as_deref(), &reading, request_model.as_deref());
        let counts = matches!(outcome, Outcome::Complete | Outcome::Partial | Outcome::Estimated | Outcome::Error);
        let usage = reading.usage.take().filter(|_| counts);

        let mut record = Record {
            provider: self.to.provider().map(ToOwned::to_owned),
            gateway: self.to.gateway().map(ToOwned::to_owned),
            upstream_provider: self.to.upstream().map(ToOwned::to_owned),
            api: self.route.api.as_str(),
            model,
            request_model,
            canonical_model,
            outcome,
            error_type,
            status,
            streamed: reading.streamed,
            finish_reason: reading.finish_reason.clone(),
            input_tokens: usage.as_ref().and_then(|u| u.input),
            output_tokens: usage.as_ref().and_then(|u| u.output),
            total_tokens: usage.as_ref().and_then(|u| u.total),
            cache_read_tokens: usage.as_ref().and_then(|u| u.cache_read),
            cache_write_tokens: usage.as_ref().and_then(|u| u.cache_write),
            reasoning_tokens: usage.as_ref().and_then(|u| u.reasoning),
            estimated_input_tokens: estimated.and_then(|e| e.input),
            estimated_output_tokens: estimated.map(|e| e.output),
            cost_usd: None,
            cost_source: None,
            computed_cost_usd: None,
            unpriced_reason: None,
            service_tier: reading.service_tier.clone(),
            price_book: self.book().version(),
            time_to_first_token_ms: timing.first_token.map(|t| t / 1_000_000),
            dimensions: self.dimensions(model_label),
            buckets: usage.as_ref().and_then(|u| u.buckets().ok()),
            usage,
            sampled: self.sampled,
            drift: None,
            timing,
            schema_facts: None,
        };
        let computed = self.cost(&record, &reading, billed.as_deref(), ended);
        let settled = matches!(computed, Some(Ok(Priced { source: CostSource::Provisioned | CostSource::Cached, .. })));
        // What is billed is what the provider says; where it says nothing, what its price list says. A cached body
        // repeats what another exchange cost.
        let stated = reading.stated_cost.as_deref().filter(|_| counts && !settled).and_then(decimal_to_pico);
        match (stated, computed) {
            (Some(stated), computed) => {
                let computed = computed.and_then(Result::ok).map(|priced| priced.pico_usd);
                record.cost_usd = Some(PicoUsd(stated));
                record.cost_source = Some(CostSource::Reported);
                record.computed_cost_usd = computed.map(PicoUsd);
                record.drift = Some(Drift::between(computed, stated));
            }
            (None, Some(Ok(priced))) => {
                record.cost_usd = Some(PicoUsd(priced.pico_usd));
                record.cost_source = Some(priced.source);
            }
            (None, Some(Err(reason))) => record.unpriced_reason = Some(reason),
            (None, None) => {}
        }
        record.schema_facts = self.schema_facts(&record, &reading, billed.as_deref(), end);
        record
    }

    /// What only some schemas ask for.
    fn schema_facts(
        &self,
        record: &Record,
        reading: &Reading,
        model: Option<&str>,
        end: End,
    ) -> Option<Box<SchemaFacts>> {
        let Asks { savings, token_prices, fingerprint } = self.config.asks;
        if !(savings || token_prices || fingerprint || self.http.is_some()) {
            return None;
        }
        let llm = self.route.api.generates();
        let broken = !self.response_ended() && end != End::Client;
        let failed = match llm {
            true => record.error_type.is_some(),
            false => broken || record.status.is_some_and(|s| s >= 500),
        };
        let http = self.http.as_ref().zip(self.config.http_map.as_ref());
        let answered = || record.status.is_some_and(|s| s < 300) && !failed;
        Some(Box::new(SchemaFacts {
            savings: savings.then(|| self.savings(record, reading, model)).flatten(),
            token_prices: if token_prices { self.token_prices(record, reading, model) } else { [None; 2] },
            fingerprint: (fingerprint && llm && self.to.provider() == Some(provider::OPENAI) && answered())
                .then_some(reading.fingerprint),
            http: http.map(|(seen, map)| seen.finish(map, record.status, self.started, record.timing.total, failed)),
        }))
    }

    /// What the cached part of the input would have cost more at the full price, pico-USD, both by the price book. 0 where
    /// nothing was cached; of a gateway's cached answer, all that it would have cost.
    fn savings(&self, record: &Record, reading: &Reading, model: Option<&str>) -> Option<u64> {
        let usage = record.usage.as_ref().filter(|_| record.cost_usd.is_some())?;
        let price = |usage: &Usage, cached: bool| {
            let priced = self.price(usage, cached, record, reading, model).ok()?;
            Some(priced.pico_usd)
        };
        let cached = |usage: &Usage| usage.cache_read.is_some_and(|n| n > 0);
        if !reading.gateway_cached && !cached(usage) && !usage.shares.iter().any(|share| cached(&share.usage)) {
            return Some(0);
        }
        let (paid, full) = (price(usage, reading.gateway_cached)?, price(&uncached(usage), false)?);
        Some(full.saturating_sub(paid))
    }

    /// What 1,000 tokens in and out cost in this exchange, pico-USD.
    fn token_prices(&self, record: &Record, reading: &Reading, model: Option<&str>) -> [Option<u64>; 2] {
        let context = record.input_tokens;
        let thousand = |input: u64, output: u64| {
            let usage = Usage { input: Some(input), output: Some(output), context, ..Usage::default() };
            let priced = self.price(&usage, false, record, reading, model).ok()?;
            (priced.source == CostSource::Computed).then_some(priced.pico_usd)
        };
        match record.cost_usd {
            Some(_) if record.buckets.is_some() => [thousand(1000, 0), thousand(0, 1000)],
            _ => [None; 2],
        }
    }

    /// What was used: as the response says, else as the request does where a response never says it.
    fn used(&self, status: Option<u16>, reading: &mut Reading) -> Option<Usage> {
        let accepted = status.is_some_and(|s| s < 400) && reading.error.is_none();
        match (self.route.api, reading.usage.take()) {
            (Api::AudioSpeech, None) if accepted => {
                self.request.characters().map(|n| Usage { characters: Some(n), ..Usage::default() })
            }
            // A verdict is all there is to say; where the book says free, that is its price.
            (Api::Moderations, None) if accepted && reading.state == BodyState::Complete => Some(Usage::default()),
            (Api::Ocr, Some(usage)) if self.request.annotated() => {
                Some(Usage { annotated_pages: usage.pages, ..usage })
            }
            (_, Some(usage)) => Some(Usage { input: usage.input.or(reading.head_input), ..usage }),
            (_, None) => None,
        }
    }

    /// How the images or the video were made: as the response says, else as they were asked for; `default` where the
    /// request left it open.
    fn asked_or_told<'a>(&self, told: Option<&'a str>, asked: Option<&'a str>) -> Option<&'a str> {
        let pictures = matches!(self.route.api, Api::Images | Api::Videos);
        told.or(asked).or_else(|| (pictures && self.request.is_read()).then_some("default"))
    }

    fn outcome(
        &self,
        status: Option<u16>,
        ended: bool,
        end: End,
        reading: &Reading,
        estimated: Option<Estimated>,
    ) -> (Outcome, Option<ErrorType>) {
        if !self.route.api.generates() {
            return (Outcome::NotLlm, None);
        }
        let used = reading.usage.is_some();
        // Before the status: a proxy answers for an upstream that it could not reach, by 503 or 504.
        let broken = match end {
            End::Client => None,
            End::Reset => Some(ErrorType::Reset),
            End::Timeout => Some(ErrorType::Timeout),
        };
        if broken.is_some() && (!ended || status.is_none_or(|s| s >= 500)) {
            let outcome = match estimated {
                _ if used => Outcome::Partial,
                Some(_) => Outcome::Estimated,
                None => Outcome::Error,
            };
            return (outcome, broken);
        }
        if let Some(error) = status.and_then(ErrorType::from_status) {
            return (Outcome::Error, Some(error));
        }
        if let Some(error) = &reading.error {
            return (Outcome::Error, Some(error.kind));
        }
        let outcome = match reading.state {
            BodyState::Unsupported => Outcome::Unsupported,
            BodyState::TooLarge if !used => Outcome::TooLarge,
            BodyState::Unparsable if !used => Outcome::Unparsable,
            _ if !used && estimated.is_some() => Outcome::Estimated,
            _ if !used => Outcome::Missing,
            // A session over a web socket ends when either side leaves.
            BodyState::Complete if ended || self.route.api.is_socket() => Outcome::Complete,
            // A broken or cut body whose usage had been seen, in full or up to the cut.
            _ => Outcome::Partial,
        };
        (outcome, None)
    }

    /// The name to look up in the price book. A Bedrock or Vertex path names what is billed; elsewhere the response
    /// does (an alias becomes a snapshot, a deployment its model). A response that names an unknown model is not priced
    /// by what was asked for: that would be a guess.
    fn billed_model<'a>(&'a self, reading: &'a Reading, requested: Option<&'a str>) -> Option<&'a str> {
        let provider = self.to.provider().unwrap_or_default();
        let path_bills = matches!(provider, provider::AWS_BEDROCK | provider::VERTEX);
        let in_path = self.route.model.as_deref().filter(|name| {
            path_bills && (reading.model.is_none() || self.book().canonical_model(provider, name).is_some())
        });
        in_path.or(reading.model.as_deref()).or(requested)
    }

    fn model_label(&self, canonical: Option<&str>, reading: &Reading, requested: Option<&str>) -> Option<String> {
        if !self.route.api.generates() {
            return None;
        }
        let name = match self.config.model_label {
            ModelLabel::Canonical => canonical.or(reading.model.as_deref()),
            ModelLabel::Response => reading.model.as_deref().or(canonical),
            ModelLabel::Request => requested.filter(|_| canonical.is_some()),
        };
        match name {
            Some(name) if name.len() <= 2 * MAX_LABEL_BYTES => Some(name.to_owned()),
            // A client can ask for any name: one that neither book nor response knows never becomes a label.
            _ => (name.is_some() || requested.is_some()).then(|| OTHER.to_owned()),
        }
    }

    /// `None` where no cost is due.
    fn cost(
        &self,
        record: &Record,
        reading: &Reading,
        model: Option<&str>,
        ended: bool,
    ) -> Option<Result<Priced, UnpricedReason>> {
        let usage = match (record.outcome, &record.usage) {
            (Outcome::NotLlm | Outcome::Refused, _) | (Outcome::Error, None) => return None,
            (_, Some(usage)) => usage,
            (_, None) if !ended => return Some(Err(UnpricedReason::TruncatedStream)),
            (_, None) => return Some(Err(UnpricedReason::NoUsage)),
        };
        Some(self.price(usage, reading.gateway_cached, record, reading, model))
    }

    /// What `usage` costs, used as this exchange's is.
    fn price(
        &self,
        usage: &Usage,
        cached: bool,
        record: &Record,
        reading: &Reading,
        model: Option<&str>,
    ) -> Result<Priced, UnpricedReason> {
        let provider = self.priced_as().ok_or(UnpricedReason::UnknownProvider)?;
        let context = Context {
            service_tier: reading.service_tier.as_deref(),
            speed: reading.speed.as_deref(),
            geo: reading.geo.as_deref(),
            region: self.route.region.as_deref(),
            deployment: record.request_model.as_deref(),
            search_context: reading.search_context.as_deref(),
            size: self.asked_or_told(reading.size.as_deref(), self.request.size()),
            quality: self.asked_or_told(reading.quality.as_deref(), self.request.quality()),
            provisioned: self.to.provisioned(reading.spilled_over, reading.service_tier.as_deref()),
            cached,
            ..Context::default()
        };
        let at = i64::try_from(self.started / 1_000_000_000).unwrap_or(i64::MAX);
        let charge = Charge { provider, model: model.unwrap_or_default(), at, usage, context };
        self.book().price(&charge)
    }
}

/// The same usage, had no cache been read.
fn uncached(usage: &Usage) -> Usage {
    let mut full = Usage { cache_read: None, ..usage.clone() };
    (full.cache_read_audio, full.cache_read_image, full.cache_read_video) = (None, None, None);
    for share in &mut full.shares {
        share.usage = uncached(&share.usage);
    }
    full
}

/// Hugging Face's router names in its path who serves, and prices are theirs (`router.huggingface.co/together/v1/...`,
/// checked 2026-11-21); `/v1/...` leaves it to the router, which does not say.
fn routed_to(provider: &str, path: &str) -> Option<String> {
    let first = path.trim_start_matches('/').split('/').next().filter(|_| provider == provider::HUGGINGFACE)?;
    let named = !matches!(first, "" | "v1" | "models" | "hf-inference") && first.len() <= MAX_LABEL_BYTES;
    named.then(|| format!("{provider}-{first}"))
}
