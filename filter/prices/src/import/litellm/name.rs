//! litellm's keys: provider, place, size and quality in front of a model's name.

use genops_core::price::book::Key;

use super::sheet::When;

/// A key taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Name<'a> {
    /// As the provider calls it.
    pub(super) model: &'a str,
    /// The key had its provider in front: it is the entry that litellm itself would take.
    pub(super) qualified: bool,
    /// Where, in which size and quality the entry holds.
    pub(super) when: When,
}

/// Takes a key of `provider` (litellm's id) apart.
///
/// # Errors
/// Why it names no model.
pub(super) fn parse<'a>(key: &'a str, provider: &str) -> Result<Name<'a>, &'static str> {
    let mut name = Name { model: key, ..Name::default() };
    if key.contains(|ch: char| ch.is_whitespace() || ch.is_control()) {
        return Err("its name has white space");
    }
    while let Some((first, rest)) = name.model.split_once('/') {
        match first {
            _ if !name.qualified && is_prefix(first, provider) => name.qualified = true,
            "low" | "medium" | "high" | "standard" | "hd" => name.when.push((Key::Quality, first.to_owned())),
            _ if is_size(first) => name.when.push((Key::Size, first.replace("-x-", "x"))),
            _ if first.ends_with("-steps") => return Err("its price depends on a number of steps"),
            _ if first.ends_with("-commitment") || first == "*" => return Err("its price is that of a commitment"),
            "claude_platform" => return Err("Anthropic's own service in AWS, not Bedrock"),
            "invoke" if provider.starts_with("bedrock") => {}
            "global" | "global-standard" if provider.starts_with("azure") => {}
            "eu" | "us" | "apac" | "us-gov" if provider.starts_with("azure") => {
                name.when.push((Key::Region, first.to_owned()));
            }
            _ if provider.starts_with("bedrock") && is_aws_region(first) => {
                if rest.contains("-commitment/") {
                    return Err("its price is that of a commitment");
                }
                name.when.push((Key::Region, first.to_owned()));
            }
            _ => break,
        }
        name.model = rest;
    }
    // Fireworks' own account: the wire's name is looked up without it.
    if let Some((_, model)) = name.model.strip_prefix("accounts/fireworks/").and_then(|rest| rest.split_once('/')) {
        name.model = model;
    }
    if ["together-ai-", "fireworks-ai-"].iter().any(|class| name.model.starts_with(class)) {
        return Err("a class of sizes, not a model");
    }
    Ok(name)
}

/// `vertex_ai/` stands in front of what `vertex_ai-anthropic_models` sells.
fn is_prefix(first: &str, provider: &str) -> bool {
    provider.strip_prefix(first).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
}

fn is_size(text: &str) -> bool {
    let number = |text: &str| text == "max" || (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()));
    text.split_once("-x-").is_some_and(|(width, height)| number(width) && number(height))
}

/// `us-gov-west-1`, `ap-southeast-2`.
fn is_aws_region(text: &str) -> bool {
    let mut parts = text.split('-');
    let land = parts.next().is_some_and(|land| land.len() == 2);
    land && parts.next_back().is_some_and(|n| n.len() == 1 && n.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_apart() {
        for (key, provider, expected) in [
            ("gpt-4o", "openai", "gpt-4o"),
            ("openai/sora-2-pro", "openai", "sora-2-pro | qualified"),
            ("vertex_ai/claude-opus-4-6@default", "vertex_ai-anthropic_models", "claude-opus-4-6@default | qualified"),
            ("azure/eu/gpt-5", "azure", "gpt-5 | qualified region=eu"),
            ("azure/hd/1024-x-1792/dall-e-3", "azure", "dall-e-3 | qualified quality=hd size=1024x1792"),
            ("low/1024-x-1024/gpt-image-1", "openai", "gpt-image-1 | quality=low size=1024x1024"),
            (
                "bedrock/us-gov-west-1/amazon.nova-pro-v1:0",
                "bedrock",
                "amazon.nova-pro-v1:0 | qualified region=us-gov-west-1",
            ),
            ("fireworks_ai/accounts/fireworks/models/glm-5p2", "fireworks_ai", "glm-5p2 | qualified"),
            ("perplexity/openai/gpt-5.5", "perplexity", "openai/gpt-5.5 | qualified"),
            ("perplexity/perplexity/sonar", "perplexity", "perplexity/sonar | qualified"),
            ("groq/openai/gpt-oss-20b", "groq", "openai/gpt-oss-20b | qualified"),
        ] {
            let name = parse(key, provider).expect(key);
            let mut words: Vec<String> =
                name.when.iter().map(|(key, value)| format!("{}={value}", key.as_str())).collect();
            if name.qualified {
                words.insert(0, "qualified".to_owned());
            }
            let text =
                if words.is_empty() { name.model.to_owned() } else { format!("{} | {}", name.model, words.join(" ")) };
            assert_eq!(text, expected);
        }
        for (key, provider) in [
            ("bedrock/*/1-month-commitment/cohere.command-text-v14", "bedrock"),
            ("bedrock/us-east-1/6-month-commitment/anthropic.claude-v2:1", "bedrock"),
            ("1024-x-1024/50-steps/bedrock/amazon.nova-canvas-v1:0", "bedrock"),
            ("together-ai-81.1b-110b", "together_ai"),
            ("black magic", "openai"),
        ] {
            assert!(parse(key, provider).is_err(), "{key}");
        }
    }
}
