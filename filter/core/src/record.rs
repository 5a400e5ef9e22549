//! What one exchange came to: the last type of the flow, and the JSON that access logs print.

mod line;

use std::borrow::Cow;

use crate::http::{HttpFacts, HttpLabels};
use crate::label::Attribution;
use crate::outcome::{ErrorType, Outcome, UnpricedReason};
use crate::price::Drift;
use crate::schema::{Fact, Label};
use crate::usage::{Buckets, Usage};

/// Where a cost comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CostSource {
    /// Usage times the price book.
    Computed,
    /// The provider stated it in its response.
    Reported,
    /// Usage times the rate that the configuration gives for whatever no list knows.
    Fallback,
    /// Nothing: capacity was bought.
    Provisioned,
    /// Nothing: a gateway answered from its cache.
    Cached,
}

impl CostSource {
    /// Its word in the record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Computed => "computed",
            Self::Reported => "reported",
            Self::Fallback => "fallback",
            Self::Provisioned => "provisioned",
            Self::Cached => "cached",
        }
    }
}

/// A cost in whole pico-USD (1e-12 US dollars), rounded once, half-even.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PicoUsd(pub u64);

/// One exchange, accounted. [`Record::to_json`] is the record line of access logs and of `genops-host --records`.
///
/// Token figures are `null` where the provider did not say; texts are as seen, bounded by the reader.
#[derive(Clone, Debug)]
pub struct Record {
    /// Provider id, `null` where nothing named it.
    pub provider: Option<String>,
    /// Id of the gateway between, `null` where none is known of.
    pub gateway: Option<String>,
    /// Whom that gateway asked, where it says so: an id, or the gateway's own name for it.
    pub upstream_provider: Option<String>,
    /// API family (`chat.completions`, `messages`, `converse-stream`, ...).
    pub api: &'static str,
    /// As the response names it, else as the request does.
    pub model: Option<String>,
    /// As the request names it, in its body or path.
    pub request_model: Option<String>,
    /// The price book's id for the model, where it knows it.
    pub canonical_model: Option<Cow<'static, str>>,
    /// How the exchange ended.
    pub outcome: Outcome,
    /// Kind of failure; set if and only if the exchange failed.
    pub error_type: Option<ErrorType>,
    /// HTTP status of the response, `null` where none came.
    pub status: Option<u16>,
    /// Whether the response was a stream of events.
    pub streamed: bool,
    /// Why generation ended, in the provider's word.
    pub finish_reason: Option<String>,
    /// All prompt tokens, cached ones included.
    pub input_tokens: Option<u64>,
    /// All generated tokens, reasoning included.
    pub output_tokens: Option<u64>,
    /// The provider's own total.
    pub total_tokens: Option<u64>,
    /// Part of `input_tokens` read from a cache.
    pub cache_read_tokens: Option<u64>,
    /// Part of `input_tokens` written to a cache.
    pub cache_write_tokens: Option<u64>,
    /// Part of `output_tokens` that is reasoning.
    pub reasoning_tokens: Option<u64>,
    /// By rule of thumb (`estimate`), where the outcome is `estimated`; left out elsewhere.
    pub estimated_input_tokens: Option<u64>,
    /// The same for what was generated.
    pub estimated_output_tokens: Option<u64>,
    /// Characters of text in the request, where filter state asks for `prompt_length`; left out elsewhere.
    pub prompt_length: Option<u64>,
    /// Exact, in US dollars; `null` where unknown, and then `unpriced_reason` says why.
    pub cost_usd: Option<PicoUsd>,
    /// Where the cost comes from.
    pub cost_source: Option<CostSource>,
    /// What the price book makes of the usage, where the cost is the provider's own statement.
    pub computed_cost_usd: Option<PicoUsd>,
    /// Why there is no cost.
    pub unpriced_reason: Option<UnpricedReason>,
    /// The tier that the response says it was served in.
    pub service_tier: Option<String>,
    /// Version of the price book that priced it.
    pub price_book: Cow<'static, str>,
    /// Milliseconds from request headers to the first generated token of a stream.
    pub time_to_first_token_ms: Option<u64>,
    /// What it counts under. The record shows its attribution, as `labels`.
    pub dimensions: Dimensions,

    /// The usage behind the figures above.
    pub usage: Option<Usage>,
    /// Disjoint parts, where the provider's figures allow them.
    pub buckets: Option<Buckets>,
    /// Whether histograms and access logs show it (`sampling_rate`).
    pub sampled: bool,
    /// How far the computed cost lies from the stated one.
    pub drift: Option<Drift>,
    /// When it happened.
    pub timing: Timing,
    /// What only some schemas ask for; `None` where no active one does.
    pub schema_facts: Option<Box<SchemaFacts>>,
}

/// Facts that only some schemas ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaFacts {
    /// What cached tokens would have cost more, pico-USD.
    pub savings: Option<u64>,
    /// What 1,000 tokens in and out cost, pico-USD.
    pub token_prices: [Option<u64>; 2],
    /// Whether OpenAI's answer names the version of its system; `None`: not an answer of OpenAI's.
    pub fingerprint: Option<bool>,
    /// By the route map.
    pub http: Option<HttpFacts>,
}

/// The label values of one exchange that are not a closed set by themselves: what its series are looked up by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dimensions {
    /// Provider id; `unknown` for LLM traffic that nothing names, absent for other traffic.
    pub provider: Option<String>,
    /// Value of the `model` label.
    pub model: Option<String>,
    /// completion, embedding, image, audio, moderation, rerank, other.
    pub operation_type: &'static str,
    /// Who spent it.
    pub attribution: Attribution,
    /// What the route map calls it, where a schema asks for that.
    pub http: Option<Box<HttpLabels>>,
}

impl Dimensions {
    /// The value of `label`, if it is one of these and known.
    pub fn get(&self, label: Label) -> Option<&str> {
        match label {
            Label::Provider => self.provider.as_deref(),
            Label::Model => self.model.as_deref(),
            Label::OperationType => Some(self.operation_type),
            // What kind of use the money was for, unless the map has another word.
            Label::Category => self.http.as_ref()?.get(label).or(Some(self.operation_type)),
            other => self.attribution.get(other).or_else(|| self.http.as_ref()?.get(other)),
        }
    }

    /// The value of `label` in a family of `fact`. A check of a provider's version names the provider that the request is
    /// about, in the client's word; every other family names whom the proxy asked.
    pub fn value(&self, fact: Fact, label: Label) -> Option<&str> {
        match (fact, label) {
            (Fact::EnsureVersion, Label::Provider) => self.asked_about().or(self.get(label)),
            _ => self.get(label),
        }
    }

    /// The provider that a request to a service is about.
    pub fn asked_about(&self) -> Option<&str> {
        self.http.as_ref()?.get(Label::Provider)
    }

    /// Forgets the value of `label`.
    pub fn clear(&mut self, label: Label) {
        match label {
            Label::Provider => self.provider = None,
            Label::Model => self.model = None,
            Label::OperationType => self.operation_type = "",
            other => self.attribution.set(other, None),
        }
    }
}

/// Spans of one exchange in nanoseconds, from its request headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// To the end of the stream.
    pub total: u64,
    /// To the first event of a streamed response.
    pub first_event: Option<u64>,
    /// To the first generated token of a streamed response.
    pub first_token: Option<u64>,
}
