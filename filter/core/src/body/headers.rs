//! What the head of a response says of its usage, tier and cost, beside or in place of its body.

use crate::{
    Usage,
    detect::Api,
    head::Head,
    usage::{Family, decimal::plain, invoke},
};

/// Tier and speed class of Bedrock (AWS API reference, InvokeModel, response headers).
const BEDROCK_TIER: &str = "x-amzn-bedrock-service-tier";
const BEDROCK_LATENCY: &str = "x-amzn-bedrock-performanceconfig-latency";

/// Text generation inference: tokens of the prompt and of the answer.
const TGI_INPUT: &str = "x-prompt-tokens";
const TGI_OUTPUT: &str = "x-generated-tokens";

/// What a LiteLLM proxy charged. It writes 0 where it does not know a price, so 0 says nothing.
const LITELLM_COST: &str = "x-litellm-response-cost";

/// Azure: the deployment with bought capacity that had none left, so that this answer is billed by its tokens.
const AZURE_SPILLOVER_FROM: &str = "x-ms-spillover-from-deployment";
const AZURE_IS_SPILLED_OVER: &str = "x-ms-is-spilled-over";

/// Cloudflare's AI gateway: `HIT` where it answered from its own cache.
const CLOUDFLARE_CACHE: &str = "cf-aig-cache-status";

/// Longest word that is taken from a header, bytes: the longest tier has 24.
const WORD_LIMIT: usize = 64;

/// What a head says.
#[derive(Debug, Default)]
pub(super) struct HeadFacts {
    /// Counts only where the body says none.
    pub(super) usage: Option<Usage>,
    /// Tokens of the prompt.
    pub(super) input: Option<u64>,
    /// Lower case.
    pub(super) tier: Option<String>,
    /// Lower case.
    pub(super) speed: Option<String>,
    /// Plain decimal USD.
    pub(super) cost: Option<String>,
    pub(super) spilled_over: bool,
    pub(super) gateway_cached: bool,
}

impl HeadFacts {
    /// Reads the head of a response to a call of `api`. Failed requests have no usage and no cost.
    pub(super) fn read(api: Api, failed: bool, head: &Head<'_>) -> Self {
        if failed {
            return Self::default();
        }
        let word = |name| head.text(name).map(str::trim).filter(|w| !w.is_empty() && w.len() <= WORD_LIMIT);
        let lower = |name| word(name).map(str::to_ascii_lowercase);
        let count = |name| word(name).and_then(|w| w.parse::<u64>().ok());
        let mut facts = Self {
            tier: lower(BEDROCK_TIER),
            speed: lower(BEDROCK_LATENCY),
            cost: word(LITELLM_COST).and_then(|w| plain(w.as_bytes(), 0)).filter(|cost| cost != "0"),
            spilled_over: word(AZURE_SPILLOVER_FROM).is_some()
                || word(AZURE_IS_SPILLED_OVER).is_some_and(|w| w.eq_ignore_ascii_case("true")),
            gateway_cached: word(CLOUDFLARE_CACHE).is_some_and(|w| w.eq_ignore_ascii_case("hit")),
            ..Self::default()
        };
        match api {
            _ if Family::of(api) == Family::Invoke => facts.usage = invoke::read_head(head),
            Api::HfInference => {
                facts.input = count(TGI_INPUT);
                let usage = Usage { input: facts.input, output: count(TGI_OUTPUT), ..Usage::default() };
                facts.usage = Some(usage).filter(|usage| *usage != Usage::default());
            }
            _ => {}
        }
        facts
    }
}
