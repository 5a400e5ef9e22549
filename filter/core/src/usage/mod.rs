//! What an exchange used, in the provider's own figures, normalised to one convention.
//!
//! Providers disagree on whether cached tokens stand inside the input figure and reasoning inside the output figure
//! ([`Convention`]). A [`Usage`] is always inclusive; [`Usage::buckets`] takes it apart into disjoint parts that sum
//! to the totals, which is what money and per-kind counters need. `None` always means: the provider did not say.

mod anthropic;
mod bare;
mod buckets;
mod cohere;
mod converse;
mod cost;
pub(crate) mod decimal;
mod family;
mod figures;
mod gemini;
mod interactions;
pub(crate) mod invoke;
mod lists;
mod openai;
mod read;
mod responses;
pub(crate) mod session;
mod shares;
mod tally;
mod value;

pub use buckets::{Bucket, Buckets, Inconsistent};
pub(crate) use family::Family;
pub use read::{Reading, read};
pub(crate) use tally::Tally;

/// Whether a part stands inside the total that the provider prints beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Already counted in the total.
    Inside,
    /// To be added to get the total.
    Beside,
}

/// How one API counts: decides correctness (reference: `prices.md` 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convention {
    /// Cache reads and writes against the input figure.
    pub cache: Part,
    /// Reasoning against the output figure.
    pub reasoning: Part,
    /// Tokens of tool results against the input figure.
    pub tool: Part,
}

impl Convention {
    /// OpenAI and all that speak it: everything inside.
    pub const OPENAI: Self = Self { cache: Part::Inside, reasoning: Part::Inside, tool: Part::Inside };
    /// Anthropic messages and Bedrock converse: cache beside the input.
    pub const ANTHROPIC: Self = Self { cache: Part::Beside, reasoning: Part::Inside, tool: Part::Inside };
    /// Gemini and Vertex: cache inside, thoughts and tool results beside.
    pub const GEMINI: Self = Self { cache: Part::Inside, reasoning: Part::Beside, tool: Part::Beside };

    /// The inclusive input total. `None` where the provider gave no input figure: its parts alone are no total.
    pub fn input(self, stated: Option<u64>, cache: [Option<u64>; 2], tool: Option<u64>) -> Option<u64> {
        let [read, write] = cache.map(|part| self.cache.beside(part));
        Some([read, write, self.tool.beside(tool)].into_iter().fold(stated?, u64::saturating_add))
    }

    /// The inclusive output total. Reasoning beside the output is a total by itself where there is nothing else.
    pub fn output(self, stated: Option<u64>, reasoning: Option<u64>) -> Option<u64> {
        match (self.reasoning, stated, reasoning) {
            (Part::Beside, None, Some(reasoning)) => Some(reasoning),
            _ => Some(stated?.saturating_add(self.reasoning.beside(reasoning))),
        }
    }
}

impl Part {
    /// What this part adds to the total that stands beside it.
    const fn beside(self, tokens: Option<u64>) -> u64 {
        match (self, tokens) {
            (Self::Beside, Some(tokens)) => tokens,
            _ => 0,
        }
    }
}

/// Token counts of one exchange. Inclusive totals first, then their parts. `None`: not said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// All prompt tokens, cached and tool ones included.
    pub input: Option<u64>,
    /// All generated tokens, reasoning included.
    pub output: Option<u64>,
    /// The provider's own total, as printed.
    pub total: Option<u64>,

    /// Part of `input` that was read from a cache.
    pub cache_read: Option<u64>,
    /// Part of `input` that was written to a cache, all lifetimes together.
    pub cache_write: Option<u64>,
    /// Part of `cache_write` kept for 5 minutes.
    pub cache_write_5m: Option<u64>,
    /// Part of `cache_write` kept for 30 minutes.
    pub cache_write_30m: Option<u64>,
    /// Part of `cache_write` kept for 1 hour.
    pub cache_write_1h: Option<u64>,
    /// Part of `cache_write` kept for 12 hours.
    pub cache_write_12h: Option<u64>,
    /// Part of `input` that is audio.
    pub input_audio: Option<u64>,
    /// Part of `input` that is images.
    pub input_image: Option<u64>,
    /// Part of `input` that is video.
    pub input_video: Option<u64>,
    /// Part of `input` that came from tool results (Gemini).
    pub input_tool: Option<u64>,
    /// Part of `cache_read` that is audio.
    pub cache_read_audio: Option<u64>,
    /// Part of `cache_read` that is images.
    pub cache_read_image: Option<u64>,
    /// Part of `cache_read` that is video.
    pub cache_read_video: Option<u64>,

    /// Part of `output` that is reasoning.
    pub reasoning: Option<u64>,
    /// Part of `output` that is audio.
    pub output_audio: Option<u64>,
    /// Part of `output` that is images.
    pub output_image: Option<u64>,
    /// Part of `output` that is video.
    pub output_video: Option<u64>,
    /// Citation tokens, billed apart (Perplexity deep research); beside `output`.
    pub citation: Option<u64>,

    /// Input tokens that are billed where they differ from `input` (Cohere `billed_units`).
    pub billed_input: Option<u64>,
    /// Output tokens that are billed where they differ from `output` (Cohere `billed_units`).
    pub billed_output: Option<u64>,
    /// Web searches that the provider made for the exchange. Of Gemini these are the queries: Gemini 3 bills each, the
    /// 2.x models one for all of a prompt.
    pub web_searches: Option<u64>,
    /// Searches in the caller's stored files that the provider made for the exchange.
    pub storage_searches: Option<u64>,
    /// Rerank search units.
    pub search_units: Option<u64>,
    /// Characters to be spoken.
    pub characters: Option<u64>,
    /// Document pages read.
    pub pages: Option<u64>,
    /// Part of `pages` that was annotated too.
    pub annotated_pages: Option<u64>,
    /// Images made or embedded, where no tokens are told for them.
    pub images: Option<u64>,
    /// Pixels of images that were embedded, where they are billed beside the tokens (Voyage).
    pub image_pixels: Option<u64>,
    /// Pixels of videos that were embedded.
    pub video_pixels: Option<u64>,
    /// Seconds of audio heard (transcription).
    pub input_audio_seconds: Option<Nano>,
    /// Seconds of audio heard and spoken (voice sessions).
    pub audio_seconds: Option<Nano>,
    /// Seconds of video made.
    pub video_seconds: Option<Nano>,

    /// Input tokens of one request, which decide the context tier, where the figures above are the sum of several
    /// requests of that tier (sessions over a web socket). `None`: `input` decides.
    pub context: Option<u64>,

    /// What is billed, by model, where one exchange used several or used some beside the figures above: Anthropic's
    /// iterations, Groq's compound systems, image tools. Together they are the whole bill, searches too. Empty: the
    /// figures above at the exchange's model are the bill.
    pub shares: Vec<Share>,
}

/// A quantity in billionths of its unit: fractional figures are read from their decimal text, never through a float.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nano(pub u64);

/// One model's part of an exchange's bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// As the response names it; `None`: the exchange's own.
    pub model: Option<String>,
    /// What was used of it. Its own `shares` are empty.
    pub usage: Usage,
}
