//! Costs and other fractional figures inside a usage object: read from their text, digit by digit.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::{
    Nano,
    decimal::{nano, plain},
};
use crate::body::{
    fact::Fact,
    json::{Sink, Skimmer, Want},
};

/// xAI states its bill in ticks of 10^-10 USD (docs.x.ai, "cost_in_usd_ticks").
const TICK_DIGITS: i32 = 10;

/// GitHub Copilot bills AI credits of a cent (docs.github.com, "Usage-based billing for organizations and enterprises":
/// 1 AI credit = $0.01 USD) and states them in billionths, so one is 10^-11 USD: gpt-5.3-codex is told at 1.75e11 and
/// 1.4e12 for a million tokens, its list price is 1.75 and 14 dollars. 2026-11-21.
const NANO_CREDIT_DIGITS: i32 = 11;

/// `copilot_usage.total_nano_aiu` in plain decimal USD. 0 is what models cost that a subscription includes.
pub(super) fn credits(raw: &[u8]) -> Option<String> {
    plain(raw, NANO_CREDIT_DIGITS)
}

/// Where a usage object states a cost: a figure (OpenRouter, Vercel), an object with a total (Perplexity), ticks (xAI).
/// Estimates of gateways are no statement of the provider.
static DECIMALS: Want = Want::object(&[
    ("cost", Want::object(&[("total_cost", Want::scalar(Fact::Cost))]).and_scalar(Fact::Cost)),
    ("cost_in_usd_ticks", Want::scalar(Fact::CostTicks)),
    ("is_byok", Want::scalar(Fact::OwnKey)),
    // Transcription by OpenAI (`type` is `duration`), and by Mistral beside its tokens.
    ("seconds", Want::scalar(Fact::Seconds)),
    ("prompt_audio_seconds", Want::scalar(Fact::Seconds)),
]);

#[derive(Default)]
struct Decimals {
    cost: Option<String>,
    ticks: Option<String>,
    own_key: bool,
    seconds: Option<Nano>,
}

impl Sink for Decimals {
    fn value(&mut self, fact: Fact, raw: &[u8]) {
        match fact {
            Fact::Cost => self.cost = plain(raw, 0),
            // 0 ticks is what resellers of xAI's models print (Azure).
            Fact::CostTicks => self.ticks = plain(raw, TICK_DIGITS).filter(|t| t != "0"),
            Fact::OwnKey => self.own_key = raw == b"true",
            Fact::Seconds => self.seconds = nano(raw).or(self.seconds),
            _ => {}
        }
    }

    fn too_large(&mut self, _: Fact) {}

    fn mark(&mut self, _: Fact) {}
}

/// What a usage object (as JSON text) states in fractions.
#[derive(Debug, Default)]
pub(super) struct Stated {
    /// Plain decimal USD: digits as printed. `None` where none is stated, or where the customer's own key paid a part of
    /// it elsewhere.
    pub(super) cost: Option<String>,
    /// Audio heard.
    pub(super) seconds: Option<Nano>,
}

/// Parts of the keys that state fractions. Prepared once: that takes longer than to search a usage object.
static KEYS: LazyLock<[Finder<'static>; 2]> = LazyLock::new(|| ["cost", "seconds"].map(Finder::new));

/// Reads a usage object's fractional figures.
pub(super) fn stated(raw: &[u8]) -> Stated {
    // Most usage objects state none; a key could hide behind an escape.
    let hidden = || memchr::memchr(b'\\', raw).is_some();
    if KEYS.iter().all(|key| key.find(raw).is_none()) && !hidden() {
        return Stated::default();
    }
    let mut found = Decimals::default();
    Skimmer::new(&DECIMALS).feed(raw, &mut found);
    let Decimals { cost, ticks, own_key, seconds } = found;
    Stated { cost: ticks.or(cost).filter(|_| !own_key), seconds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_keep_their_digits() {
        let cost = |json: &str| stated(json.as_bytes()).cost;
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(cost(r#"{"cost":0.001008,"is_byok":false}"#), is("0.001008"));
        assert_eq!(cost(r#"{"cost":1.13e-05}"#), is("0.0000113"));
        assert_eq!(cost(r#"{"cost":1.5E+3}"#), is("1500"));
        assert_eq!(cost(r#"{"cost":0}"#), is("0"));
        assert_eq!(cost(r#"{"cost":0.00019199999999999998}"#), is("0.00019199999999999998"));
        assert_eq!(cost(r#"{"cost":{"request_cost":0.005,"total_cost":0.00501}}"#), is("0.00501"));
        assert_eq!(cost(r#"{"cost_in_usd_ticks":2488500}"#), is("0.00024885"));
        assert_eq!(cost(r#"{"cost_in_usd_ticks":0}"#), None);
        assert_eq!(cost(r#"{"cost":0.1,"is_byok":true}"#), None);
        for hostile in
            [r#"{"cost":-1}"#, r#"{"cost":"1"}"#, r#"{"cost":1e999}"#, r#"{"cost":1e99999999999}"#, r#"{"cost":}"#]
        {
            assert_eq!(cost(hostile), None, "{hostile}");
        }
        assert_eq!(cost(r#"{"cost":0e999}"#), is("0"));
    }
}
