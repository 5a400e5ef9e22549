//! A usage object by itself, outside of any exchange.

use super::{Family, Tally, Usage};
use crate::body::fact::Fact;
use crate::detect::Api;

/// What a usage object says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The figures.
    pub usage: Usage,
    /// Tier that served the request, lower case, where the object names it.
    pub service_tier: Option<String>,
    /// Anthropic's `speed`.
    pub speed: Option<String>,
    /// Anthropic's `inference_geo`.
    pub geo: Option<String>,
}

/// Reads a usage object as an API writes it: JSON text of `usage`, `usageMetadata` and the like. `None` where it holds
/// no figure that is known.
pub fn read(api: Api, json: &str) -> Option<Reading> {
    let mut tally = Tally::new(Family::of(api));
    tally.object(Fact::Usage, json.trim().as_bytes());
    let stated = tally.read();
    Some(Reading { usage: stated.usage?, service_tier: stated.tier, speed: stated.speed, geo: stated.geo })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_read_as_their_api_counts() {
        let anthropic = r#" {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 2, "speed": "fast"}"#;
        let reading = read(Api::Messages, anthropic).expect("figures");
        assert_eq!(
            (reading.usage.input, reading.usage.cache_read, reading.speed.as_deref()),
            (Some(15), Some(5), Some("fast"))
        );
        let openai = r#"{"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 5}, "completion_tokens": 2}"#;
        let reading = read(Api::ChatCompletions, openai).expect("figures");
        assert_eq!((reading.usage.input, reading.usage.cache_read), (Some(10), Some(5)));
        assert_eq!(read(Api::ChatCompletions, "{}"), None);
        assert_eq!(read(Api::ChatCompletions, "no JSON"), None);
    }
}
