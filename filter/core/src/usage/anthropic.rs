//! Anthropic messages, wherever they are served.

use super::{
    Convention, Usage,
    figures::{Figures, sum},
};

/// What `inference_geo` says where it does not apply.
pub(super) const NO_GEO: &str = "not_available";

/// Reads `usage` of a message, or the merged usage of a stream. `usage.iterations` is not added: its entries are the
/// parts of the totals, and those of other models are a matter for the price.
pub(super) fn read(usage: Figures<'_>) -> Usage {
    let written = usage.at("cache_creation");
    let cache_write_5m = written.count("ephemeral_5m_input_tokens");
    let cache_write_1h = written.count("ephemeral_1h_input_tokens");
    let cache_read = usage.count("cache_read_input_tokens");
    let cache_write = usage.count("cache_creation_input_tokens").or_else(|| sum([cache_write_5m, cache_write_1h]));
    Usage {
        input: Convention::ANTHROPIC.input(usage.count("input_tokens"), [cache_read, cache_write], None),
        output: usage.count("output_tokens"),
        total: usage.count("total_tokens"),
        cache_read,
        cache_write,
        cache_write_5m,
        cache_write_1h,
        reasoning: usage.at("output_tokens_details").count("thinking_tokens"),
        web_searches: usage.at("server_tool_use").count("web_search_requests"),
        ..Usage::default()
    }
}
