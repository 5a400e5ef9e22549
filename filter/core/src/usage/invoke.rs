//! Bedrock invoke: whatever the model's own family says.

use super::{Convention, Usage, anthropic, converse, figures::Figures, openai};
use crate::head::Head;

/// Headers of an invoke response. The input is the part that was not cached; AI21 and Cohere models may leave them out.
const INPUT: &str = "x-amzn-bedrock-input-token-count";
const OUTPUT: &str = "x-amzn-bedrock-output-token-count";
const CACHE_READ: &str = "x-amzn-bedrock-cache-read-input-token-count";
const CACHE_WRITE: &str = "x-amzn-bedrock-cache-write-input-token-count";

/// Reads a native usage object by the names in it.
pub(super) fn read(usage: Figures<'_>) -> Usage {
    if usage.has("inputTokens") || usage.has("outputTokens") {
        converse::read(usage)
    } else if usage.has("prompt_tokens") || usage.has("completion_tokens") {
        openai::read(usage)
    } else {
        anthropic::read(usage)
    }
}

/// Reads `amazon-bedrock-invocationMetrics`.
pub(super) fn read_metrics(metrics: Figures<'_>) -> Usage {
    uncached(
        metrics.count("inputTokenCount"),
        metrics.count("outputTokenCount"),
        metrics.count("cacheReadInputTokenCount"),
        metrics.count("cacheWriteInputTokenCount"),
    )
}

/// Reads the response's headers; `None` where they say nothing.
pub(crate) fn read_head(head: &Head<'_>) -> Option<Usage> {
    let count = |name| head.text(name).and_then(|v| v.trim().parse::<u64>().ok());
    let usage = uncached(count(INPUT), count(OUTPUT), count(CACHE_READ), count(CACHE_WRITE));
    (usage != Usage::default()).then_some(usage)
}

fn uncached(input: Option<u64>, output: Option<u64>, cache_read: Option<u64>, cache_write: Option<u64>) -> Usage {
    Usage {
        input: Convention::ANTHROPIC.input(input, [cache_read, cache_write], None),
        output,
        cache_read,
        cache_write,
        ..Usage::default()
    }
}
