//! One HTTP stream: callbacks in, one record out, accounted exactly once.

use std::cell::Cell;
use std::rc::Rc;

use genops_core::config::FilterStateKey;
use genops_core::{Config, End, Exchange, Head, Record};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::edit::Edit;
use crate::host::{self, Buffer, Map};
use crate::scrape::{self, Answer};
use crate::stats::{Active, Stats};
use crate::strip;

/// How much of a request body is fetched at first, bytes: nearly all clients write the model before the prompt, and the
/// rest need not be copied then.
const FIRST_LOOK: usize = 1024;

/// One stream. It always continues: observing never pauses and never edits. Only an [`Edit`] does, where one is
/// configured, and a scrape that the filter answers itself.
pub(crate) struct Stream {
    id: u32,
    /// What it counts under. `None`: the configuration was refused, or this is no exchange: only pass.
    stats: Option<Rc<Stats>>,
    /// Of the root context: its timer runs fast for a scrape.
    hurried: Rc<Cell<bool>>,
    /// A scrape whose answer comes from a tick.
    waits: bool,
    exchange: Option<Exchange>,
    edit: Option<Box<Edit>>,
    /// While it is under way, where a schema has a gauge of that.
    active: Option<Active>,
    /// Made at the end of the response, or of the stream when that comes first.
    record: Option<Box<Record>>,
    accounted: bool,
}

impl Stream {
    pub(crate) fn new(id: u32, stats: Option<Rc<Stats>>, hurried: Rc<Cell<bool>>) -> Self {
        Self {
            id,
            stats,
            hurried,
            waits: false,
            exchange: None,
            edit: None,
            active: None,
            record: None,
            accounted: false,
        }
    }

    /// Answers a scrape where the configuration says so. `None`: the request is for others.
    fn scrape(&mut self) -> Option<Action> {
        let scrape = self.stats.as_ref()?.config().scrape.as_ref()?;
        let map = host::header_map(Map::RequestHeaders);
        let answer = scrape::answer(self.id, scrape, &host::pairs(&map).collect());
        if answer == Answer::Elsewhere && !scrape.dedicated {
            return None;
        }
        // No exchange, whatever comes of it.
        (self.stats, self.accounted) = (None, true);
        match answer {
            Answer::Elsewhere => Some(Action::Continue),
            Answer::Sent => Some(Action::Pause),
            Answer::Later => {
                self.waits = true;
                match scrape::hurry() {
                    true => self.hurried.set(true),
                    false => scrape::finish(self.id),
                }
                Some(Action::Pause)
            }
        }
    }

    /// Nothing on this listener or route is an exchange.
    fn only_scrapes(&self) -> bool {
        let config = self.stats.as_ref().map(|stats| stats.config());
        config.and_then(|config| config.scrape.as_ref()).is_some_and(|scrape| scrape.dedicated)
    }

    /// `passes_on`: the head goes on from here, and can be changed.
    fn request_head(&mut self, passes_on: bool) {
        let Some(config) = self.stats.as_ref().map(|stats| Rc::clone(stats.config())) else { return };
        let map = host::header_map(Map::RequestHeaders);
        let head: Head<'_> = host::pairs(&map).collect();
        let exchange = Exchange::behind(Rc::clone(&config), &head, host::now(), &host::Upstream);
        self.edit = Edit::new(&exchange, &head);
        self.exchange = Some(exchange);
        if passes_on {
            strip::request_head(&config, &head);
        }
    }

    fn response_head(&mut self) {
        let Some(exchange) = &mut self.exchange else { return };
        let map = host::header_map(Map::ResponseHeaders);
        let head = host::pairs(&map).collect();
        exchange.response_head_behind(&head, &host::Upstream);
        if exchange.times_response_head() {
            exchange.response_head_at(host::now());
        }
        if let Some(edit) = &mut self.edit {
            edit.response_head(&head);
        }
    }

    /// From now on it is under way.
    fn begin(&mut self) {
        let (Some(exchange), Some(stats)) = (&self.exchange, &self.stats) else { return };
        self.active = exchange.active_dimensions().map(|dimensions| stats.begin(&dimensions));
    }

    /// The request is whole: what it will count under is known.
    fn request_end(&self) {
        let (Some(exchange), Some(stats)) = (&self.exchange, &self.stats) else { return };
        stats.expect(exchange);
    }

    /// The response is whole. Trace tags are read before `on_log` (Envoy finalises the span first), so filter state is
    /// set here; the record does not change any more.
    fn response_end(&mut self) {
        if let Some(exchange) = &mut self.exchange {
            exchange.response_end();
        }
        self.finish();
    }

    fn finish(&mut self) {
        if self.record.is_some() {
            return;
        }
        let (Some(exchange), Some(stats)) = (&mut self.exchange, &self.stats) else { return };
        let end = if exchange.asks_who_ended() { ended_by() } else { End::Client };
        let record = exchange.finish(end, host::now());
        set_filter_state(stats.config(), &record);
        self.record = Some(Box::new(record));
    }

    /// Once, in whichever of `on_log` and `on_done` comes first: an upstream filter chain is never logged, and other
    /// hosts turn the order around (envoy.md 4).
    fn account(&mut self) {
        if std::mem::replace(&mut self.accounted, true) || self.only_scrapes() {
            return;
        }
        self.active = None;
        if self.exchange.is_none() {
            // Another filter answered before this one ran: there is nothing to edit.
            self.request_head(false);
            self.edit = None;
            self.response_head();
        }
        self.finish();
        let (Some(exchange), Some(record), Some(stats)) = (&self.exchange, self.record.take(), &self.stats) else {
            return;
        };
        stats.count_rejected(exchange.rejected());
        if let Some(edit) = &self.edit {
            stats.count_include_usage(&record, edit.outcome());
        }
        stats.count(record);
    }
}

/// Who ended a stream. Envoy's code details name the side (`StreamInfo::ResponseCodeDetails`); without them it is the
/// client: that blames nobody wrongly, for a client's abort is no error.
fn ended_by() -> End {
    let details = host::property(&["response", "code_details"]).unwrap_or_default();
    let begins = |words: &[&str]| words.iter().any(|word| details.starts_with(word.as_bytes()));
    let timeouts = [
        "upstream_response_timeout",
        "upstream_per_try_timeout",
        "upstream_max_stream_duration",
        "response_timeout",
        "duration_timeout",
    ];
    if begins(&timeouts) {
        End::Timeout
    } else if begins(&["upstream_reset"]) {
        End::Reset
    } else {
        End::Client
    }
}

fn set_filter_state(config: &Config, record: &Record) {
    for key in &config.filter_state {
        let number = |n: Option<u64>| n.map(|n| n.to_string());
        let value = match key {
            FilterStateKey::Record => record.sampled.then(|| record.to_json()),
            FilterStateKey::Provider => record.provider.clone(),
            FilterStateKey::Model => record.dimensions.model.clone(),
            FilterStateKey::InputTokens => number(record.input_tokens),
            FilterStateKey::OutputTokens => number(record.output_tokens),
            FilterStateKey::TotalTokens => match (record.input_tokens, record.output_tokens) {
                (None, None) => None,
                (i, o) => number(Some(i.unwrap_or(0).saturating_add(o.unwrap_or(0)))),
            },
            FilterStateKey::CostUsd => record.cost_usd.map(|c| genops_core::price::pico_to_decimal(c.0)),
            FilterStateKey::Outcome => Some(record.outcome.as_str().to_owned()),
            FilterStateKey::CostPicoUsd => number(record.cost_usd.map(|c| c.0)),
            FilterStateKey::PromptLength => number(record.prompt_length),
            FilterStateKey::Labels => {
                for (name, value) in record.dimensions.attribution.known() {
                    let _refused = host::set_filter_state(&format!("{}{name}", key.path()), value);
                }
                None
            }
        };
        if let Some(value) = value {
            // A host without filter state has no access log that could read it.
            let _refused = host::set_filter_state(key.path(), &value);
        }
    }
}

impl Context for Stream {
    fn on_done(&mut self) -> bool {
        if std::mem::take(&mut self.waits) {
            scrape::gone(self.id);
        }
        self.account();
        true
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _headers: usize, end_of_stream: bool) -> Action {
        if let Some(action) = self.scrape() {
            return action;
        }
        self.request_head(true);
        self.begin();
        if end_of_stream {
            self.request_end();
        }
        self.edit.as_mut().map_or(Action::Continue, |edit| edit.request_head(end_of_stream))
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        let mut action = Action::Continue;
        if let (Some(edit), Some(exchange)) = (&mut self.edit, &mut self.exchange) {
            action = edit.request_body(exchange, size, end_of_stream);
        } else if let Some(exchange) = &mut self.exchange {
            let (mut at, mut part) = (0, FIRST_LOOK);
            while at < size && exchange.wants_request_body() {
                let cut = host::buffer_from(Buffer::RequestBody, at, part.min(size - at));
                if cut.is_empty() {
                    break;
                }
                exchange.request_body(&cut);
                at = at.saturating_add(cut.len());
                part = size;
            }
        }
        if end_of_stream {
            self.request_end();
        }
        action
    }

    fn on_http_request_trailers(&mut self, _trailers: usize) -> Action {
        self.request_end();
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _headers: usize, end_of_stream: bool) -> Action {
        self.response_head();
        if end_of_stream {
            self.response_end();
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if let Some(exchange) = self.exchange.as_mut().filter(|e| size > 0 && e.wants_response_body()) {
            let cut = host::buffer(Buffer::ResponseBody, size);
            exchange.response_body(&cut, host::now);
            if let Some(edit) = self.edit.as_mut().filter(|e| e.filters()) {
                edit.response_body(&cut, end_of_stream);
            }
        } else if let Some(edit) = self.edit.as_mut().filter(|e| end_of_stream && e.filters()) {
            // What waits goes out with the end.
            edit.response_body(&[], true);
        }
        if end_of_stream {
            self.response_end();
        }
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _trailers: usize) -> Action {
        self.response_end();
        Action::Continue
    }

    fn on_log(&mut self) {
        self.account();
    }
}
