//! The end of an exchange: what was seen becomes a [`Record`].

use super::{End, Exchange, Nanos, OTHER};
use crate::body::{BodyState, Reading};
use crate::config::{Asks, FilterStateKey, ModelLabel};
use crate::detect::{Api, provider};
use crate::estimate::Estimated;
use crate::label::MAX_LABEL_BYTES;
use crate::outcome::{ErrorType, Outcome};
use crate::price::{Drift, Priced, decimal_to_pico};
use crate::record::{CostSource, PicoUsd, Record, SchemaFacts, Timing};
use crate::usage::Usage;

impl Exchange {
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
            prompt_length: self.prompt_length(),
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

    fn prompt_length(&self) -> Option<u64> {
        let asked = self.config.filter_state.contains(&FilterStateKey::PromptLength);
        self.estimate.as_ref().filter(|_| asked).and_then(|estimate| estimate.prompt_length())
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

    /// What was used: as the response says, else as the request does where a response never says it.
    fn used(&self, status: Option<u16>, reading: &mut Reading) -> Option<Usage> {
        let accepted = status.is_some_and(|s| s < 400) && reading.error.is_none();
        match (self.route.api, reading.usage.take()) {
            (Api::AudioSpeech, None) if accepted => {
                self.request.characters().map(|n| Usage { characters: Some(n), ..Usage::default() })
            }
            // The answer to a job of Veo is its name.
            (Api::Videos, None) if accepted => {
                self.request.video_seconds().map(|n| Usage { video_seconds: Some(n), ..Usage::default() })
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
            // A session over a web socket ends when either side leaves, and a stream with the event that says so: SDKs hang
            // up on `[DONE]` (Mistral's Python SDK, seen 2026-11-22) before the last chunk has told the proxy of an end.
            BodyState::Complete if ended || reading.streamed || self.route.api.is_socket() => Outcome::Complete,
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
}
