//! List prices as the providers' own pages print them, US dollars for a million tokens. Read on 2026-11-21; small
//! models change least, and a page that changes is seen here as a wrong answer of the filter's price book or of ours.

/// Micro-dollars for a million tokens, and so pico-dollars a token: whole numbers, nothing is ever rounded here.
#[derive(Clone, Copy, Debug)]
pub struct Price {
    /// Of a prompt's token.
    pub input: u64,
    /// Of a prompt's token that a cache served.
    pub cache_read: u64,
    /// Of a prompt's token that went to a cache for five minutes.
    pub cache_write: u64,
    /// Of a generated token.
    pub output: u64,
}

/// Pico-dollars.
pub type Money = u64;

/// Model, then dollars for a million tokens: input, cache read, cache write, output.
const LIST: &[(&str, [f64; 4])] = &[
    // https://openai.com/api/pricing/
    ("gpt-4o", [2.50, 1.25, 2.50, 10.00]),
    ("gpt-4o-mini", [0.15, 0.075, 0.15, 0.60]),
    ("text-embedding-3-small", [0.02, 0.02, 0.02, 0.0]),
    // https://claude.com/pricing
    ("claude-sonnet-4-5", [3.00, 0.30, 3.75, 15.00]),
    ("claude-opus-4-1", [15.00, 1.50, 18.75, 75.00]),
    // https://ai.google.dev/gemini-api/docs/pricing
    ("gemini-2.5-flash", [0.30, 0.03, 0.30, 2.50]),
    // https://mistral.ai/pricing
    ("mistral-large", [2.00, 2.00, 2.00, 6.00]),
];

/// The list price of `model`; `None` where it stands in no list.
pub fn price(model: &str) -> Option<Price> {
    let (_, dollars) = LIST.iter().find(|(name, _)| *name == model)?;
    // Prices have at most six decimals: the product is a whole number, and f64 is off by far less than one half.
    let [input, cache_read, cache_write, output] = dollars.map(|usd| (usd * 1e6).round() as u64);
    Some(Price { input, cache_read, cache_write, output })
}
