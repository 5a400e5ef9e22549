//! What a request body says about itself.

use super::{
    fact::Fact,
    facts::word,
    json::{End, Sink, Skimmer},
    tree::REQUEST,
};
use crate::{
    detect::{RequestBody, Route},
    usage::Family,
};

/// Reads a request body as it passes, for its model. Memory: one name.
#[derive(Debug)]
pub struct RequestScan {
    skim: Option<Skimmer>,
    said: Said,
}

/// What was found.
#[derive(Debug, Default)]
struct Said {
    model: Option<String>,
    stream: Option<bool>,
    include_usage: Option<bool>,
}

impl Sink for Said {
    fn value(&mut self, fact: Fact, raw: &[u8]) {
        let flag = || match raw {
            b"true" => Some(true),
            b"false" => Some(false),
            _ => None,
        };
        match fact {
            // The first of duplicate keys holds: a caller stops reading at the first, wherever the body is cut.
            Fact::Model if self.model.is_none() => self.model = word(raw).filter(|_| raw.first() == Some(&b'"')),
            Fact::Stream => self.stream = flag(),
            Fact::IncludeUsage => self.include_usage = flag(),
            _ => {}
        }
    }

    fn too_large(&mut self, _: Fact) {}

    fn mark(&mut self, _: Fact) {}
}

impl RequestScan {
    /// A scan of the request that `route` describes. Encoded and binary bodies are not read, nor those of APIs whose
    /// path has named the model; only OpenAI's shapes name it in both (an Azure deployment and the model behind it).
    pub fn new(route: &Route) -> Self {
        let unnamed = route.model.is_none() || matches!(Family::of(route.api), Family::OpenAi | Family::Responses);
        let reads = route.body == RequestBody::Json && route.api.generates() && unnamed;
        Self { skim: reads.then(|| Skimmer::new(&REQUEST)), said: Said::default() }
    }

    /// The next bytes of the body, cut anywhere.
    pub fn feed(&mut self, cut: &[u8]) {
        if let Some(skim) = &mut self.skim {
            skim.feed(cut, &mut self.said);
        }
    }

    /// Whether more of the body could still tell something. A caller that needs no more than the model may stop as soon
    /// as [`RequestScan::model`] has one.
    pub fn wants_more(&self) -> bool {
        let all = self.said.model.is_some() && self.said.stream.is_some() && self.said.include_usage.is_some();
        !all && self.skim.as_ref().is_some_and(|s| matches!(s.end(), End::Empty | End::Cut))
    }

    /// The model that is asked for, at most 256 bytes.
    pub fn model(&self) -> Option<&str> {
        self.said.model.as_deref()
    }

    /// Whether a stream is asked for.
    pub fn stream(&self) -> Option<bool> {
        self.said.stream
    }

    /// Whether the stream shall end with its usage (OpenAI's `stream_options.include_usage`).
    pub fn include_usage(&self) -> Option<bool> {
        self.said.include_usage
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{detect, head::Head};

    fn route(path: &str, extra: &[(&str, &str)]) -> Route {
        let head = [(":method", "POST"), (":authority", "gateway"), (":path", path)];
        detect::route(&head.iter().chain(extra).copied().collect::<Head<'_>>())
    }

    /// Scans a body whole and byte by byte.
    #[track_caller]
    fn scan(route: &Route, body: &[u8]) -> RequestScan {
        let (mut whole, mut bytes) = (RequestScan::new(route), RequestScan::new(route));
        whole.feed(body);
        body.iter().for_each(|b| bytes.feed(&[*b]));
        assert_eq!(
            (whole.model(), whole.stream(), whole.include_usage(), whole.wants_more()),
            (bytes.model(), bytes.stream(), bytes.include_usage(), bytes.wants_more()),
        );
        whole
    }

    #[test]
    fn model_and_stream_are_found_wherever_they_stand() {
        let chat = route("/v1/chat/completions", &[]);
        let body = br#"{"messages":[{"content":"\"model\":\"no\"","model":"no"}],"model":"a\/b","stream":true,
            "stream_options":{"include_usage":false}}"#;
        let found = scan(&chat, body);
        assert_eq!((found.model(), found.stream(), found.include_usage()), (Some("a/b"), Some(true), Some(false)));
        assert!(!found.wants_more());
        assert!(scan(&chat, br#"{"model":"a","#).wants_more());
        assert!(!scan(&chat, br#"{"model":"a"}"#).wants_more());
        assert!(!scan(&chat, b"<xml/>").wants_more());
        assert_eq!(scan(&chat, br#"{"model":{"id":"x"}}"#).model(), None);
        assert_eq!(scan(&chat, br#"{"model":7}"#).model(), None);
        let long = format!(r#"{{"model":"{}"}}"#, "x".repeat(100_000));
        assert_eq!(scan(&chat, long.as_bytes()).model(), None);
    }

    #[test]
    fn bodies_that_tell_nothing_are_not_read() {
        let body = br#"{"model":"m"}"#;
        for (path, head) in [
            ("/v1/chat/completions", ("content-encoding", "gzip")),
            ("/v1/audio/transcriptions", ("content-type", "multipart/form-data; boundary=x")),
            ("/v1/files", ("accept", "*/*")),
            ("/model/m/converse", ("accept", "*/*")),
            ("/v1beta/models/g:generateContent", ("accept", "*/*")),
        ] {
            let found = scan(&route(path, &[head]), body);
            assert_eq!((found.model(), found.wants_more()), (None, false), "{path}");
        }
        // An Azure deployment does not tell the model behind it.
        assert_eq!(scan(&route("/openai/deployments/prod/chat/completions", &[]), body).model(), Some("m"));
    }
}
