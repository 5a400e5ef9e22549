//! Gateways in front of providers: which one answered, and whom it says it asked.
//!
//! A gateway that bills by its own list (OpenRouter, Vercel, Copilot) is the provider; one that only passes on (LiteLLM,
//! Portkey, Cloudflare, Kong) is not: the provider is the upstream that it names, where it names one. Response headers
//! come from the upstream that the proxy was told to ask and are believed; request headers are the client's own words.

use super::{
    host::{CLOUDFLARE_GATEWAY_HOST as CLOUDFLARE_HOST, Host},
    provider,
};
use crate::config::is_id;
use crate::head::Head;

/// Providers that are gateways.
const BILLING: &[&str] = &[
    provider::OPENROUTER,
    provider::VERCEL,
    provider::GITHUB_COPILOT,
    provider::GITHUB_MODELS,
    provider::HUGGINGFACE,
    provider::REQUESTY,
    provider::HELICONE,
    provider::POE,
    provider::NANO_GPT,
];

/// Gateways that bill nothing themselves, or what the upstream does.
pub(crate) const PORTKEY: &str = provider::PORTKEY;
pub(crate) const CLOUDFLARE: &str = provider::CLOUDFLARE;
pub(crate) const LITELLM: &str = "litellm";
pub(crate) const HELICONE: &str = provider::HELICONE;
pub(crate) const KONG: &str = "kong";
pub(crate) const PYDANTIC: &str = "pydantic";
pub(crate) const NGROK: &str = "ngrok";

/// What is known of a gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gateway {
    /// Its id.
    pub(crate) id: Option<&'static str>,
    /// The provider that it asked: an id of the table where the name is one of the known, else the name if it may be
    /// an id.
    pub(crate) upstream: Option<String>,
}

/// The gateway that a provider is, and whether it bills by itself.
pub(crate) fn of_provider(id: &str) -> Option<(&'static str, bool)> {
    let billing = BILLING.iter().find(|gateway| **gateway == id).map(|gateway| (*gateway, true));
    billing.or_else(|| (id == PORTKEY).then_some((PORTKEY, false)))
}

/// The gateway that a host is in front of an owner of another name.
pub(crate) fn of_host(head: &Head<'_>) -> Option<&'static str> {
    let authority = head.get(":authority")?;
    let host = authority.rsplit(|b| *b == b':').next_back().unwrap_or(authority);
    let under = |domain: &str| {
        let tail = host.len().checked_sub(domain.len()).and_then(|at| host.get(at..));
        tail.is_some_and(|tail| tail.eq_ignore_ascii_case(domain.as_bytes()))
    };
    if under(CLOUDFLARE_HOST) {
        return Some(CLOUDFLARE);
    }
    (under(".helicone.ai") || under(".hconeai.com")).then_some(HELICONE)
}

/// What a request's headers tell the gateway to ask. Any client can send them.
pub(crate) fn in_request(head: &Head<'_>) -> Gateway {
    if let Some(name) = head.text("x-portkey-provider") {
        return Gateway { id: Some(PORTKEY), upstream: named(name.trim_start_matches('@')) };
    }
    if let Some(url) = head.text("helicone-target-url") {
        return Gateway { id: Some(HELICONE), upstream: owner_of_url(url) };
    }
    Gateway::default()
}

/// What a response's headers say of the gateway that wrote them. One pass: few of the headers of any response are of
/// interest.
pub(crate) fn in_response(head: &Head<'_>) -> Gateway {
    let mut seen = Gateway::default();
    for (name, value) in head.iter() {
        let (id, upstream): (&'static str, Option<String>) = match name {
            b"x-litellm-version" | b"x-litellm-call-id" | b"x-litellm-model-id" => (LITELLM, None),
            b"x-litellm-model-api-base" => (LITELLM, text(value).and_then(owner_of_url)),
            b"x-portkey-trace-id" => (PORTKEY, None),
            b"x-portkey-provider" => (PORTKEY, text(value).and_then(named)),
            b"cf-aig-log-id" | b"cf-aig-event-id" | b"cf-aig-cache-status" => (CLOUDFLARE, None),
            b"cf-aig-provider" => (CLOUDFLARE, text(value).and_then(|v| behind_cloudflare(v).or_else(|| named(v)))),
            b"helicone-id" => (HELICONE, None),
            b"pydantic-ai-gateway-price-estimate" => (PYDANTIC, None),
            b"ngrok-aig-request-id" => (NGROK, None),
            // `openai/gpt-4o`: whom Kong's plugin asked, and for what.
            b"x-kong-llm-model" => (KONG, text(value).and_then(|v| named(v.split_once('/')?.0))),
            b"x-provider-name" => {
                seen.upstream = text(value).and_then(named);
                continue;
            }
            _ => continue,
        };
        seen.id = seen.id.or(Some(id));
        seen.upstream = upstream.or(seen.upstream);
    }
    seen
}

/// Pydantic's gateway has one path per upstream: `/anthropic/v1/messages`, `/bedrock/model/...`. `first` is the
/// path's first segment.
pub(crate) fn by_path(gateway: &str, first: &str) -> Option<String> {
    known(first).filter(|_| gateway == PYDANTIC).map(ToOwned::to_owned)
}

/// `google-ai-studio/gemini-2.5-flash` at Cloudflare's `compat` endpoint.
pub(crate) fn by_model(gateway: &str, model: &str) -> Option<&'static str> {
    let (owner, _) = model.split_once('/').filter(|_| gateway == CLOUDFLARE)?;
    provider::behind_cloudflare(owner)
}

fn behind_cloudflare(name: &str) -> Option<String> {
    provider::behind_cloudflare(name).map(ToOwned::to_owned)
}

fn text(value: &[u8]) -> Option<&str> {
    str::from_utf8(value).ok()
}

/// `https://api.openai.com/v1` of LiteLLM: the owner of the host.
fn owner_of_url(url: &str) -> Option<String> {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split(['/', '?']).next()?;
    Host::parse(authority).provider.map(ToOwned::to_owned)
}

/// A provider by the name that a gateway gives it.
pub(crate) fn named(name: &str) -> Option<String> {
    known(name).map(ToOwned::to_owned).or_else(|| {
        let id = name.trim().to_ascii_lowercase().replace([' ', '_', '.'], "-");
        is_id(&id).then_some(id)
    })
}

/// Names that differ from the ids by more than case and punctuation (OpenRouter, Vercel, Portkey, LiteLLM, Kong). Those of
/// OpenRouter and Vercel were seen in recorded responses (2026-11-21); the others are still to be checked.
const NAMES: &[(&str, &str)] = &[
    ("amazonbedrock", provider::AWS_BEDROCK),
    ("bedrock", provider::AWS_BEDROCK),
    ("bedrockconverse", provider::AWS_BEDROCK),
    ("azure", provider::AZURE_OPENAI),
    ("azureai", provider::AZURE_OPENAI),
    ("googlevertex", provider::VERTEX),
    ("googlevertexai", provider::VERTEX),
    ("vertexai", provider::VERTEX),
    ("vertexanthropic", provider::VERTEX),
    ("googleaistudio", provider::GOOGLE),
    ("gemini", provider::GOOGLE),
    ("mistralai", provider::MISTRAL),
    ("grok", provider::XAI),
    ("togetherai", provider::TOGETHER),
    ("fireworksai", provider::FIREWORKS),
    ("perplexityai", provider::PERPLEXITY),
    ("moonshotai", provider::MOONSHOT),
    ("zhipu", provider::ZAI),
    ("dashscope", provider::ALIBABA),
    ("alibabacloud", provider::ALIBABA),
    ("workersai", provider::CLOUDFLARE),
    ("cloudflareworkersai", provider::CLOUDFLARE),
    ("nvidianim", provider::NVIDIA),
    ("voyageai", provider::VOYAGE),
];

/// Longest name that is compared, bytes; the longest known has 20.
const NAME_LIMIT: usize = 64;

/// The id of the table that a name means.
fn known(name: &str) -> Option<&'static str> {
    if name.len() > NAME_LIMIT {
        return None;
    }
    let fold = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let folded = fold(name);
    let id = || provider::ALL.iter().find(|id| fold(id) == folded).copied();
    NAMES.iter().find(|(name, _)| *name == folded).map(|(_, id)| *id).or_else(id)
}

/// Whether prices may be looked up under this id.
pub(crate) fn is_known(id: &str) -> bool {
    provider::ALL.contains(&id)
}
