//! What the usage figures of one response come to, update by update.
//!
//! Streams repeat their usage cumulatively: updates replace, never add. Figures are kept as text and read once, at the
//! end, since only the last of them counts.

use super::{
    Family, Nano, Share, Usage, anthropic, bare, cohere, converse, cost, decimal, figures::Figures, gemini,
    interactions, invoke, lists::Lists, openai, responses, shares, value::Object,
};
use crate::body::fact::{Fact, Figure, Keep};

/// The figures of one response so far. Memory: six usage objects and one name at most.
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
    counts: [Option<u64>; Figure::COUNT],
    lists: Lists,
    /// Usage of other models, beside or inside the usage object.
    breakdown: Vec<u8>,
    tool_usage: Vec<u8>,
    svg_usage: Vec<u8>,
    /// The model behind a tool.
    tool_model: Option<String>,
    duration: Option<Nano>,
    video_duration: Option<Nano>,
    /// Plain decimal USD.
    credits: Option<String>,
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
    /// Perplexity's `search_context_size`.
    pub(crate) search_context: Option<String>,
}

impl Tally {
    pub(crate) fn new(family: Family) -> Self {
        Self {
            family,
            last: Vec::new(),
            aside: Vec::new(),
            metrics: Vec::new(),
            merged: Object::default(),
            counts: [None; Figure::COUNT],
            lists: Lists::default(),
            breakdown: Vec::new(),
            tool_usage: Vec::new(),
            svg_usage: Vec::new(),
            tool_model: None,
            duration: None,
            video_duration: None,
            credits: None,
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
            Fact::Breakdown => &mut self.breakdown,
            Fact::ToolUsage => &mut self.tool_usage,
            Fact::SvgUsage => &mut self.svg_usage,
            _ => &mut self.metrics,
        };
        slot.clear();
        slot.extend_from_slice(raw);
    }

    /// A bare count, as JSON text.
    pub(crate) fn count(&mut self, figure: Figure, keep: Keep, raw: &[u8]) {
        let Some(count) = serde_json::from_slice(raw).ok().and_then(|v| super::figures::count(&v)) else {
            return;
        };
        if let Some(slot) = self.counts.get_mut(figure as usize) {
            *slot = Some(match (keep, *slot) {
                (Keep::Sum, Some(before)) => before.saturating_add(count),
                (Keep::Max, Some(before)) => before.max(count),
                _ => count,
            });
        }
    }

    /// Seconds of media, as JSON text. The last counts.
    pub(crate) fn duration(&mut self, fact: Fact, raw: &[u8]) {
        let slot = if fact == Fact::VideoDuration { &mut self.video_duration } else { &mut self.duration };
        *slot = decimal::nano(raw).or(*slot);
    }

    /// A cost in nano AI credits, as JSON text. The last counts.
    pub(crate) fn credits(&mut self, raw: &[u8]) {
        self.credits = cost::credits(raw).or(self.credits.take());
    }

    /// Something is there.
    pub(crate) fn mark(&mut self, fact: Fact) {
        match fact {
            Fact::One(figure) => self.lists.one(figure),
            Fact::Part => self.lists.end_part(),
            Fact::Item | Fact::EventItem => self.lists.begin_item(fact == Fact::EventItem),
            Fact::ItemStatus => self.lists.item_done(),
            _ => {}
        }
    }

    /// A word beside the figures.
    pub(crate) fn word(&mut self, fact: Fact, word: &str) {
        match fact {
            Fact::ToolModel => self.tool_model = Some(word.to_owned()),
            Fact::ImageEvent if word.ends_with(".completed") => self.lists.event(Figure::Images),
            _ => self.lists.item_word(fact, word),
        }
    }

    /// Whether any figure came.
    pub(crate) fn is_empty(&self) -> bool {
        self.last.is_empty()
            && self.aside.is_empty()
            && self.metrics.is_empty()
            && self.merged.is_empty()
            && self.counts.iter().all(Option::is_none)
    }

    /// Reads the figures.
    pub(crate) fn read(&self) -> Stated {
        let raw = if self.last.is_empty() { &self.aside } else { &self.last };
        let parsed = if self.merged.is_empty() { Object::parse(raw) } else { None }.unwrap_or_default();
        let parsed = if self.merged.is_empty() { &parsed } else { &self.merged };
        let figures = Figures::new(parsed);
        let decimals = cost::stated(raw);
        let mut usage = self.tokens(parsed);
        usage.input_audio_seconds = decimals.seconds;
        usage.pages = usage.pages.or(self.counted(Figure::Pages));
        if usage.input.is_none() && usage.output.is_none() {
            usage.input_audio_seconds = usage.input_audio_seconds.or(self.duration);
            usage.images = usage.images.or(self.lists.len(Figure::Images));
            usage.video_seconds = self.video_duration;
        }
        // What tools did is no usage by itself: a stream that was cut before its usage would look cheap.
        if usage != Usage::default() {
            self.add_tools(&mut usage);
            usage.shares = self.shares(figures, &usage);
        }
        Stated {
            usage: (usage != Usage::default()).then_some(usage),
            tier: figures.word("service_tier").or_else(|| gemini::tier(figures)),
            speed: figures.word("speed"),
            geo: figures.word("inference_geo").filter(|geo| geo != anthropic::NO_GEO),
            cost: decimals.cost.or_else(|| self.credits.clone()),
            search_context: figures.word("search_context_size"),
        }
    }

    fn tokens(&self, parsed: &Object<'_>) -> Usage {
        let figures = Figures::new(parsed);
        let bare = [Figure::Input, Figure::Output, Figure::CacheRead].map(|figure| self.counted(figure));
        match self.family {
            Family::OpenAi => openai::read(figures),
            Family::Responses => responses::read(figures),
            Family::Anthropic => anthropic::read(figures),
            Family::Gemini => gemini::read(figures),
            Family::Interactions => interactions::read(figures),
            Family::Converse => converse::read(figures),
            Family::Invoke if parsed.is_empty() && bare == [None; 3] => {
                let metrics = Object::parse(&self.metrics).unwrap_or_default();
                invoke::read_metrics(Figures::new(&metrics))
            }
            Family::Invoke if parsed.is_empty() => bare::read(bare),
            Family::Invoke => invoke::read(figures),
            Family::Cohere => cohere::read(figures),
            Family::Bare => bare::read(bare),
        }
    }

    fn counted(&self, figure: Figure) -> Option<u64> {
        self.counts.get(figure as usize).copied().flatten().or_else(|| self.lists.len(figure))
    }

    fn add_tools(&self, usage: &mut Usage) {
        let tools = Object::parse(&self.tool_usage).unwrap_or_default();
        let stated = Figures::new(&tools).at("web_search").count("num_requests");
        usage.web_searches = usage.web_searches.or(stated).or(self.counted(Figure::WebSearches));
        usage.storage_searches = usage.storage_searches.or(self.counted(Figure::StorageSearches));
    }

    fn shares(&self, figures: Figures<'_>, usage: &Usage) -> Vec<Share> {
        match self.family {
            Family::Anthropic | Family::Invoke => shares::of_iterations(figures, usage),
            Family::OpenAi if !self.breakdown.is_empty() => {
                let parts = Object::parse(&self.breakdown).unwrap_or_default();
                shares::of_breakdown(Figures::new(&parts), usage)
            }
            Family::OpenAi if !self.svg_usage.is_empty() => {
                let svg = Object::parse(&self.svg_usage).unwrap_or_default();
                shares::with_vector_images(Figures::new(&svg), usage)
            }
            Family::Responses => {
                let tools = Object::parse(&self.tool_usage).unwrap_or_default();
                let calls = self.lists.len(Figure::ImageCalls);
                shares::with_image_tool(Figures::new(&tools).at("image_gen"), calls, self.tool_model.as_deref(), usage)
            }
            _ => Vec::new(),
        }
    }
}

/// Whether this is `{}`, `null` or no object at all.
fn is_empty(raw: &[u8]) -> bool {
    let Some((b'{', inside)) = raw.split_first() else { return true };
    inside.iter().find(|b| !b.is_ascii_whitespace()).is_none_or(|b| *b == b'}')
}
