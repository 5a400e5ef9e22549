//! Cohere, both versions.

use super::{Usage, figures::Figures};

/// Reads `meta` (version 1) or `usage` (version 2). `tokens` is what the model saw, with Cohere's own preamble, and
/// feeds the token counts; `billed_units` is what the customer pays for and feeds the cost.
pub(super) fn read(usage: Figures<'_>) -> Usage {
    let tokens = usage.at("tokens");
    let billed = usage.at("billed_units");
    let billed_input = billed.count("input_tokens");
    let billed_output = billed.count("output_tokens");
    Usage {
        // Embeddings and generate only say what is billed.
        input: tokens.count("input_tokens").or(billed_input),
        output: tokens.count("output_tokens").or(billed_output),
        cache_read: usage.count("cached_tokens"),
        input_image: billed.count("image_tokens"),
        billed_input,
        billed_output,
        search_units: billed.count("search_units"),
        pages: billed.count("pages"),
        // The older embedding models bill images apiece, the newer ones their tokens.
        images: billed.count("images").filter(|_| !billed.has("image_tokens")),
        ..Usage::default()
    }
}
