//! Counts that stand outside any usage object: Ollama, Titan, Llama, watsonx, TGI, Aleph Alpha.

use super::Usage;

/// Input, output and cached input as they were counted.
pub(super) fn read([input, output, cache_read]: [Option<u64>; 3]) -> Usage {
    Usage { input, output, cache_read, ..Usage::default() }
}
