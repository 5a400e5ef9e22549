//! What a request body says about itself.

use super::{
    characters::Characters,
    fact::Fact,
    facts::word,
    form::{Fields, Form},
    json::{End, Sink, Skimmer},
    tree::request,
};
use crate::{
    detect::{Api, MODEL_LIMIT, RequestBody, Route},
    usage::{Family, Nano, decimal::nano},
};

/// Longest word of a form's field, bytes: sizes and qualities have 11 at most.
const WORD_LIMIT: usize = 64;

/// Reads a request body as it passes, for its model and what else the price needs. Memory: a few names.
#[derive(Debug)]
pub struct RequestScan {
    api: Api,
    body: Body,
    said: Said,
}

#[derive(Debug)]
enum Body {
    Json(Skimmer),
    Form(Form),
    Unread,
}

/// What was found.
#[derive(Debug, Default)]
struct Said {
    model: Option<String>,
    stream: Option<bool>,
    include_usage: Option<bool>,
    number: Option<u64>,
    size: Option<String>,
    quality: Option<String>,
    duration: Option<Nano>,
    characters: Characters,
    annotated: bool,
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
            Fact::VideoDuration => self.duration = self.duration.or(nano(raw)),
            _ => {
                if let Some(word) = word(raw) {
                    self.word(fact, &word);
                }
            }
        }
    }

    fn too_large(&mut self, _: Fact) {}

    fn mark(&mut self, fact: Fact) {
        self.annotated |= fact == Fact::Annotated;
    }

    fn pour(&mut self, text: &[u8]) {
        self.characters.feed(text);
    }

    fn poured(&mut self) {
        self.characters.end();
    }
}

impl Said {
    fn word(&mut self, fact: Fact, word: &str) {
        match fact {
            Fact::Number => self.number = self.number.or(word.parse().ok()),
            Fact::Size if self.size.is_none() => self.size = Some(word.to_ascii_lowercase()),
            Fact::Quality if self.quality.is_none() => self.quality = Some(word.to_ascii_lowercase()),
            _ => {}
        }
    }
}

impl Fields for Said {
    fn limit(&self, name: &str) -> Option<usize> {
        match name {
            "model" => Some(MODEL_LIMIT),
            "stream" | "n" | "size" | "quality" => Some(WORD_LIMIT),
            _ => None,
        }
    }

    fn field(&mut self, name: &str, value: &str) {
        match name {
            _ if value.is_empty() => {}
            "model" => self.model = self.model.take().or_else(|| Some(value.to_owned())),
            "stream" => self.stream = value.to_ascii_lowercase().parse().ok(),
            "n" => self.word(Fact::Number, value),
            "size" => self.word(Fact::Size, value),
            "quality" => self.word(Fact::Quality, value),
            _ => {}
        }
    }
}

impl RequestScan {
    /// A scan of the request that `route` describes. Encoded and binary bodies are not read, nor those of APIs whose
    /// path has named the model; only OpenAI's shapes name it in both (an Azure deployment and the model behind it).
    pub fn new(route: &Route) -> Self {
        let unnamed = route.model.is_none() || matches!(Family::of(route.api), Family::OpenAi | Family::Responses);
        let body = match route.body {
            _ if !route.api.generates() || !unnamed => Body::Unread,
            RequestBody::Json => Body::Json(Skimmer::new(request::of(route.api))),
            RequestBody::Form => Body::Form(Form::new()),
            RequestBody::Opaque => Body::Unread,
        };
        Self { api: route.api, body, said: Said::default() }
    }

    /// The next bytes of the body, cut anywhere.
    pub fn feed(&mut self, cut: &[u8]) {
        match &mut self.body {
            Body::Json(skim) => {
                skim.feed(cut, &mut self.said);
            }
            Body::Form(form) => form.feed(cut, &mut self.said),
            Body::Unread => {}
        }
    }

    /// Whether more of the body could still tell something.
    pub fn wants_more(&self) -> bool {
        let flags = self.said.stream.is_some() && self.said.include_usage.is_some();
        self.is_open() && !(self.knows_what_is_billed() && flags)
    }

    /// Whether more of the body could still tell something that the price needs: the model, and of some APIs what is
    /// asked for.
    pub fn needs_more(&self) -> bool {
        self.is_open() && !self.knows_what_is_billed()
    }

    /// Whether the body has been read to its end, so that what it does not say is left open.
    pub fn is_read(&self) -> bool {
        match &self.body {
            Body::Json(skim) => skim.end() == End::Whole,
            Body::Form(form) => form.is_done(),
            Body::Unread => false,
        }
    }

    fn is_open(&self) -> bool {
        match &self.body {
            Body::Json(skim) => matches!(skim.end(), End::Empty | End::Cut),
            Body::Form(form) => !form.is_done(),
            Body::Unread => false,
        }
    }

    fn knows_what_is_billed(&self) -> bool {
        let said = &self.said;
        let more = match self.api {
            Api::AudioSpeech => said.characters.count().is_some(),
            Api::Images => said.number.is_some() && said.size.is_some() && said.quality.is_some(),
            Api::Videos => {
                said.number.is_some() && said.duration.is_some() && said.size.is_some() && said.quality.is_some()
            }
            Api::Ocr => said.annotated,
            _ => true,
        };
        said.model.is_some() && more
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

    /// How many images or videos are asked for.
    pub fn number(&self) -> Option<u64> {
        self.said.number
    }

    /// Size of the images or videos that are asked for, lower case (`1024x1024`, `auto`, `4k`).
    pub fn size(&self) -> Option<&str> {
        self.said.size.as_deref()
    }

    /// Quality of the images that are asked for, lower case (`hd`, `high`, `auto`), or whether a video shall have sound.
    pub fn quality(&self) -> Option<&str> {
        self.said.quality.as_deref()
    }

    /// Seconds of video that are asked for, of all videos together; `None` where length or number is left open: what they
    /// are then is the model's affair.
    pub fn video_seconds(&self) -> Option<Nano> {
        let seconds = self.said.duration?.0.checked_mul(self.said.number?)?;
        (seconds > 0).then_some(Nano(seconds))
    }

    /// Unicode characters to be spoken; `None` until all of them have come.
    pub fn characters(&self) -> Option<u64> {
        self.said.characters.count()
    }

    /// Whether the pages of a document shall be annotated too.
    pub fn annotated(&self) -> bool {
        self.said.annotated
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
            ("/v1/audio/transcriptions", ("content-type", "audio/wav")),
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
