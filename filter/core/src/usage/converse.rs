//! Bedrock converse; Nova's own bodies share its names.

use super::{
    Convention, Usage,
    figures::{Figures, sum},
};

/// Reads `usage` of a converse response: cache reads and writes stand beside the input. `...TokenCount` are older
/// duplicates of `...Tokens`: one is read, never both.
pub(super) fn read(usage: Figures<'_>) -> Usage {
    let cache_read = usage.any(&["cacheReadInputTokens", "cacheReadInputTokenCount"]);
    let cache_write = usage.any(&["cacheWriteInputTokens", "cacheWriteInputTokenCount"]);
    let kept = |ttl: &'static str| {
        sum(usage
            .each("cacheDetails")
            .filter(|e| e.word("ttl").as_deref() == Some(ttl))
            .map(|e| e.count("inputTokens")))
    };
    Usage {
        input: Convention::ANTHROPIC.input(usage.count("inputTokens"), [cache_read, cache_write], None),
        output: usage.count("outputTokens"),
        total: usage.count("totalTokens"),
        cache_read,
        cache_write,
        cache_write_5m: kept("5m"),
        cache_write_1h: kept("1h"),
        ..Usage::default()
    }
}
