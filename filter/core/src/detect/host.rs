//! Hosts: owner and region.

use super::provider;

/// Longest host that is looked at, bytes (DNS allows 253).
const HOST_LIMIT: usize = 253;

/// The port on which Ollama listens, and nobody else by default.
const OLLAMA_PORT: &str = "11434";

/// Cloudflare's AI Gateway: the owner stands in the path.
pub(super) const CLOUDFLARE_GATEWAY_HOST: &str = "gateway.ai.cloudflare.com";

/// An authority, taken apart.
#[derive(Debug, Default)]
pub(super) struct Host {
    /// Lower case, without port.
    pub(super) name: String,
    /// Owner, where the table knows it.
    pub(super) provider: Option<&'static str>,
    /// Region, where the name holds one.
    pub(super) region: Option<String>,
}

impl Host {
    pub(super) fn parse(authority: &str) -> Self {
        let bare = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        // `[::1]:11434` has colons inside the brackets.
        let (name, port) = match bare.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => (name, port),
            _ => (bare, ""),
        };
        let name = name.trim_end_matches('.');
        if name.len() > HOST_LIMIT {
            return Self::default();
        }
        let name = name.to_ascii_lowercase();
        let provider = owner(&name).or((port == OLLAMA_PORT).then_some(provider::OLLAMA));
        let region = provider.and_then(|p| region(p, &name));
        Self { name, provider, region }
    }

    pub(super) fn is_cloudflare_gateway(&self) -> bool {
        self.name == CLOUDFLARE_GATEWAY_HOST
    }
}

fn owner(name: &str) -> Option<&'static str> {
    provider::HOSTS.iter().find(|(pattern, _)| matches(pattern, name)).map(|(_, id)| *id)
}

/// Whether `name` as a whole matches `pattern`, in which each `*` stands for one or more characters.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, mut rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(head) else { return false };
    while let Some((middle, tail)) = rest.split_once('*') {
        // At least one character for the star; the earliest fit leaves the most for the rest.
        let Some(at) = name.get(1..).and_then(|n| n.find(middle)) else { return false };
        name = name.get(1 + at + middle.len()..).unwrap_or_default();
        rest = tail;
    }
    name.len() > rest.len() && name.ends_with(rest)
}

/// The region inside a host: what stands where the owner puts it.
fn region(provider: &str, name: &str) -> Option<String> {
    let between = |head: &str, tail: &str| name.strip_prefix(head)?.strip_suffix(tail);
    let label = match provider {
        provider::AWS_BEDROCK | provider::SAGEMAKER | provider::ANTHROPIC => {
            name.split('.').find(|label| is_aws_region(label))?
        }
        provider::VERTEX => {
            name.strip_suffix("-aiplatform.googleapis.com").or_else(|| between("aiplatform.", ".rep.googleapis.com"))?
        }
        provider::WATSONX => name.strip_suffix(".ml.cloud.ibm.com")?,
        // Hosts that keep data in one place, some at a price of their own.
        provider::OPENAI => name.strip_suffix(".api.openai.com")?,
        provider::TOGETHER => name.strip_suffix("-api.together.ai")?,
        provider::XAI => name.strip_suffix(".api.x.ai")?,
        provider::VOLCENGINE => name.strip_prefix("ark.")?.split('.').next()?,
        provider::OCI => name.strip_prefix("inference.generativeai.")?.split('.').next()?,
        provider::AZURE_OPENAI => name.strip_suffix(".api.cognitive.microsoft.com")?,
        _ => return None,
    };
    Some(label.to_owned())
}

/// `us-east-1`, `ap-southeast-2`, `us-gov-west-1`: words joined by `-`, a number at the end.
fn is_aws_region(label: &str) -> bool {
    let mut parts = label.rsplit('-');
    let number = parts.next().is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    let words: Vec<&str> = parts.collect();
    number && words.len() >= 2 && words.last().is_some_and(|w| w.len() == 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_take_at_least_one_character_and_patterns_are_anchored() {
        assert!(matches("*.openai.azure.com", "a.openai.azure.com"));
        assert!(!matches("*.openai.azure.com", ".openai.azure.com"));
        assert!(!matches("*.openai.azure.com", "a.openai.azure.com.evil.test"));
        assert!(matches("bedrock-runtime.*.amazonaws.com", "bedrock-runtime.us-east-1.amazonaws.com"));
        assert!(matches(
            "*.bedrock-runtime.*.vpce.amazonaws.com",
            "vpce-1.bedrock-runtime.eu-west-1.vpce.amazonaws.com"
        ));
        assert!(!matches("api.openai.com", "xapi.openai.com"));
    }

    #[test]
    fn owner_and_region_of_real_hosts() {
        let host = |h: &str| {
            let h = Host::parse(h);
            (h.provider, h.region)
        };
        assert_eq!(host("API.OpenAI.com:443"), (Some("openai"), None));
        assert_eq!(
            host("bedrock-runtime.us-gov-west-1.amazonaws.com"),
            (Some("aws-bedrock"), Some("us-gov-west-1".into()))
        );
        assert_eq!(host("us-central1-aiplatform.googleapis.com"), (Some("vertex"), Some("us-central1".into())));
        assert_eq!(host("aiplatform.eu.rep.googleapis.com"), (Some("vertex"), Some("eu".into())));
        assert_eq!(host("localhost:11434"), (Some("ollama"), None));
        assert_eq!(host("[::1]:11434"), (Some("ollama"), None));
        assert_eq!(host("[::1]"), (None, None));
        assert_eq!(host("evil.test/api.openai.com"), (None, None));
        assert_eq!(host(&"a".repeat(1 << 16)), (None, None));
    }

    #[test]
    fn every_host_pattern_names_its_own_owner() {
        for (pattern, id) in provider::HOSTS {
            assert_eq!(owner(&pattern.replace('*', "us-east-1")), Some(*id), "{pattern}");
        }
    }
}
