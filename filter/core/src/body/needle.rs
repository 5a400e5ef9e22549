//! Telling at memchr speed that an event has nothing to say.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::{
    facts::Facts,
    tree::{self, When},
};
use crate::{detect::Api, usage::Family};

/// Needles of one family, prepared for searching.
#[derive(Debug)]
pub(crate) struct Needles(Vec<(Finder<'static>, When)>);

static OPENAI: LazyLock<Needles> = LazyLock::new(|| Needles::of(Family::OpenAi));
static RESPONSES: LazyLock<Needles> = LazyLock::new(|| Needles::of(Family::Responses));
static ANTHROPIC: LazyLock<Needles> = LazyLock::new(|| Needles::of(Family::Anthropic));
static COHERE: LazyLock<Needles> = LazyLock::new(|| Needles::of(Family::Cohere));

/// The needles of an API whose events are worth skipping. Events of image and speech streams are few and large.
pub(crate) fn of(api: Api) -> Option<&'static Needles> {
    match Family::of(api) {
        _ if matches!(api, Api::Images | Api::AudioSpeech | Api::CloudflareRun | Api::DashscopeGeneration) => None,
        Family::OpenAi => Some(&OPENAI),
        Family::Responses => Some(&RESPONSES),
        Family::Anthropic => Some(&ANTHROPIC),
        Family::Cohere => Some(&COHERE),
        _ => None,
    }
}

impl Needles {
    fn of(family: Family) -> Self {
        let needles = tree::needles(family).unwrap_or_default();
        Self(needles.iter().map(|n| (Finder::new(n.text), n.when)).collect())
    }

    /// Whether `event` holds one that counts.
    pub(crate) fn hit(&self, event: &[u8], facts: &Facts) -> bool {
        self.0.iter().any(|(finder, when)| match when {
            When::Until(fact) if facts.knows(*fact) => false,
            When::Always => finder.find(event).is_some(),
            When::NotNull | When::Until(_) => {
                let mut rest = event;
                while let Some(at) = finder.find(rest) {
                    rest = rest.get(at + finder.needle().len()..).unwrap_or_default();
                    if !is_null(rest) {
                        return true;
                    }
                }
                false
            }
        })
    }
}

/// Whether `: null` follows a key.
fn is_null(after_key: &[u8]) -> bool {
    after_key.trim_ascii_start().strip_prefix(b":").is_some_and(|value| value.trim_ascii_start().starts_with(b"null"))
}
