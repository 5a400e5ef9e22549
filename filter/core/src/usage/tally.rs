//! What the usage figures of one response come to, update by update.
//!
//! Streams repeat their usage cumulatively: updates replace, never add. Figures are kept as text and read once, at the
//! end, since only the last of them counts.

use super::{
    Family, Usage, anthropic, bare, cohere, converse, figures::Figures, gemini, interactions, invoke, openai,
    responses, value::Object,
};
use crate::body::fact::{Fact, Keep, Side};

/// The figures of one response so far. Memory: three usage objects at most.
#[derive(Debug)]
pub(crate) struct Tally {
    family: Family,
    /// The last usage object that was not empty.
    last: Vec<u8>,
    /// The same from places that count only without it.
    aside: Vec<u8>,
    metrics: Vec<u8>,
    /// Where fields replace each other one by one: the last value of each that was not null.
    merged: Object<'static>,
    counts: [Option<u64>; 3],
}

/// What the figures say, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stated {
    pub(crate) usage: Option<Usage>,
    /// Tier that served the request, lower case.
    pub(crate) tier: Option<String>,
    /// Anthropic's `speed`.
    pub(crate) speed: Option<String>,
    /// Anthropic's `inference_geo`.
    pub(crate) geo: Option<String>,
    /// What the provider says that it charged: plain decimal USD.
    pub(crate) cost: Option<String>,
}

impl Tally {
    pub(crate) fn new(family: Family) -> Self {
        Self {
            family,
            last: Vec::new(),
            aside: Vec::new(),
            metrics: Vec::new(),
            merged: Object::default(),
            counts: [None; 3],
        }
    }

    /// A usage object, as JSON text.
    pub(crate) fn object(&mut self, fact: Fact, raw: &[u8]) {
        if is_empty(raw) {
            return;
        }
        if fact == Fact::Usage
            && self.family.merges()
            && let Some(fields) = Object::parse(raw)
        {
            self.merged.update(fields);
        }
        let slot = match fact {
            Fact::Usage => &mut self.last,
            Fact::Aside => &mut self.aside,
            _ => &mut self.metrics,
        };
        slot.clear();
        slot.extend_from_slice(raw);
    }

    /// A bare count, as JSON text.
    pub(crate) fn count(&mut self, side: Side, keep: Keep, raw: &[u8]) {
        let Some(count) = serde_json::from_slice(raw).ok().and_then(|v| super::figures::count(&v)) else {
            return;
        };
        if let Some(slot) = self.counts.get_mut(side as usize) {
            *slot = Some(match (keep, *slot) {
                (Keep::Sum, Some(before)) => before.saturating_add(count),
                (Keep::Max, Some(before)) => before.max(count),
                _ => count,
            });
        }
    }

    /// Whether any figure came.
    pub(crate) fn is_empty(&self) -> bool {
        self.last.is_empty()
            && self.aside.is_empty()
            && self.metrics.is_empty()
            && self.merged.is_empty()
            && self.counts == [None; 3]
    }

    /// Reads the figures.
    pub(crate) fn read(&self) -> Stated {
        let raw = if self.last.is_empty() { &self.aside } else { &self.last };
        let parsed = if self.merged.is_empty() { Object::parse(raw) } else { None }.unwrap_or_default();
        let parsed = if self.merged.is_empty() { &parsed } else { &self.merged };
        let figures = Figures::new(parsed);
        let usage = match self.family {
            Family::OpenAi => openai::read(figures),
            Family::Responses => responses::read(figures),
            Family::Anthropic => anthropic::read(figures),
            Family::Gemini => gemini::read(figures),
            Family::Interactions => interactions::read(figures),
            Family::Converse => converse::read(figures),
            Family::Invoke if parsed.is_empty() && self.counts == [None; 3] => {
                let metrics = Object::parse(&self.metrics).unwrap_or_default();
                invoke::read_metrics(Figures::new(&metrics))
            }
            Family::Invoke if parsed.is_empty() => bare::read(self.counts),
            Family::Invoke => invoke::read(figures),
            Family::Cohere => cohere::read(figures),
            Family::Bare => bare::read(self.counts),
        };
        Stated {
            usage: (usage != Usage::default()).then_some(usage),
            tier: figures.word("service_tier").or_else(|| gemini::tier(figures)),
            speed: figures.word("speed"),
            geo: figures.word("inference_geo").filter(|geo| geo != anthropic::NO_GEO),
            cost: super::cost::stated(raw),
        }
    }
}

/// Whether this is `{}`, `null` or no object at all.
fn is_empty(raw: &[u8]) -> bool {
    let Some((b'{', inside)) = raw.split_first() else { return true };
    inside.iter().find(|b| !b.is_ascii_whitespace()).is_none_or(|b| *b == b'}')
}
