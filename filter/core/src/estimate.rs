//! Tokens by rule of thumb, for exchanges that never say theirs (opt-in `estimate`): the bytes of text over four,
//! rounded up, each side by itself. English text of current models lies between 3.5 and 5 bytes a token; code and other
//! languages lie lower. It is a size, not a bill: nothing of it ever enters token counts or cost.
//!
//! Text is what stands in the string values of a few keys, wherever they are: prompts, messages, generated text,
//! reasoning, arguments of tool calls. Images, audio, tool definitions and the provider's own additions are not in it.

use memchr::memchr3;

use crate::detect::{Api, RequestBody, Route};
use crate::usage::Family;

/// Bytes of UTF-8 text a token.
const BYTES_PER_TOKEN: u64 = 4;

/// Longest key that is compared, bytes: `reasoning_content` has 17.
const KEY_LIMIT: usize = 20;

/// Keys of text in requests.
const REQUEST: &[&str] = &[
    "content",
    "text",
    "prompt",
    "input",
    "inputs",
    "inputText",
    "system",
    "instructions",
    "message",
    "preamble",
    "query",
    "arguments",
];

/// Keys of generated text. Where a stream tells its text piece by piece and as a whole, only the pieces count. `None`:
/// frames that are no text (AWS event streams).
const fn response_keys(api: Api, streamed: bool) -> Option<&'static [&'static str]> {
    Some(match Family::of(api) {
        Family::OpenAi if matches!(api, Api::Completions) => &["text"],
        Family::OpenAi => &["content", "reasoning_content", "reasoning", "refusal", "arguments"],
        Family::Responses if streamed => &["delta"],
        Family::Responses => &["text", "arguments"],
        Family::Anthropic => &["text", "thinking", "partial_json", "completion"],
        Family::Gemini | Family::Interactions => &["text"],
        Family::Cohere => &["text", "tool_plan", "thinking", "arguments"],
        Family::Bare => &["content", "response", "thinking", "generated_text"],
        Family::Converse | Family::Invoke => return None,
    })
}

/// Estimated tokens of text of so many bytes.
const fn tokens(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN)
}

/// The request's side of an estimate.
#[derive(Debug)]
pub(crate) struct Estimate(Option<TextMeter>);

/// Estimated tokens of one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Estimated {
    /// `None`: the request body cannot be read.
    pub(crate) input: Option<u64>,
    pub(crate) output: u64,
}

impl Estimate {
    pub(crate) fn new(route: &Route) -> Option<Box<Self>> {
        let measured = route.api.generates() && !route.api.is_socket();
        measured.then(|| Box::new(Self((route.body == RequestBody::Json).then(|| TextMeter::new(REQUEST)))))
    }

    pub(crate) fn reads_request(&self) -> bool {
        self.0.is_some()
    }

    /// A cut of the request body.
    pub(crate) fn request(&mut self, cut: &[u8]) {
        if let Some(meter) = &mut self.0 {
            meter.feed(cut);
        }
    }

    /// Characters of text in the request so far. `None`: the request body cannot be read.
    pub(crate) fn prompt_length(&self) -> Option<u64> {
        self.0.as_ref().map(|meter| meter.characters)
    }

    /// What it comes to, where any text was generated.
    pub(crate) fn finish(&self, generated: u64) -> Option<Estimated> {
        let input = self.0.as_ref().map(|meter| tokens(meter.bytes));
        (generated > 0).then(|| Estimated { input, output: tokens(generated) })
    }
}

/// What the next string is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// A key or a value of no interest.
    Any,
    /// A key of text came: a colon, and then its value.
    Colon,
    Text,
    /// An element of a list of texts.
    Element,
}

/// Where in an escape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    None,
    Backslash,
    /// So many digits of `\uXXXX` have come, which make this so far.
    Hex(u8, u16),
}

/// Counts the bytes and characters of text in JSON, whatever stands around it (SSE, lines), cut anywhere. Memory: a key.
#[derive(Debug)]
pub(crate) struct TextMeter {
    keys: &'static [&'static str],
    in_string: bool,
    escape: Escape,
    next: Next,
    string: Vec<u8>,
    bytes: u64,
    characters: u64,
}

impl TextMeter {
    const fn new(keys: &'static [&'static str]) -> Self {
        Self {
            keys,
            in_string: false,
            escape: Escape::None,
            next: Next::Any,
            string: Vec::new(),
            bytes: 0,
            characters: 0,
        }
    }

    /// For the response of an API. `None` where its frames are no text.
    pub(crate) fn response(api: Api, streamed: bool) -> Option<Box<Self>> {
        response_keys(api, streamed).map(|keys| Box::new(Self::new(keys)))
    }

    /// Bytes of text so far, as UTF-8.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn feed(&mut self, cut: &[u8]) {
        let mut rest = cut;
        while let Some(&byte) = rest.first() {
            let used = if self.in_string { self.string(byte, rest) } else { self.between(byte) };
            rest = rest.get(used..).unwrap_or_default();
        }
    }

    /// Between strings.
    fn between(&mut self, byte: u8) -> usize {
        self.next = match (byte, self.next) {
            (b'"', next) => {
                self.in_string = true;
                self.string.clear();
                next
            }
            (b' ' | b'\t' | b'\r', next) | (b',', next @ Next::Element) => next,
            (b':', Next::Colon) => Next::Text,
            (b'[', Next::Text) => Next::Element,
            _ => Next::Any,
        };
        1
    }

    fn wanted(&self) -> bool {
        matches!(self.next, Next::Text | Next::Element)
    }

    fn string(&mut self, byte: u8, rest: &[u8]) -> usize {
        match self.escape {
            Escape::None => {}
            Escape::Backslash if byte == b'u' => {
                self.escape = Escape::Hex(0, 0);
                return 1;
            }
            Escape::Backslash => {
                self.count(1, 1);
                self.escape = Escape::None;
                return 1;
            }
            Escape::Hex(digits, unit) => {
                let digit = char::from(byte).to_digit(16).unwrap_or(0);
                let unit = unit << 4 | u16::try_from(digit).unwrap_or(0);
                self.escape = if digits < 3 { Escape::Hex(digits + 1, unit) } else { Escape::None };
                if digits == 3 {
                    match unit {
                        0..=0x7F => self.count(1, 1),
                        // Two halves of a pair make four bytes and one character.
                        0x80..=0x7FF | 0xD800..=0xDBFF => self.count(2, 1),
                        0xDC00..=0xDFFF => self.count(2, 0),
                        _ => self.count(3, 1),
                    }
                }
                return 1;
            }
        }
        // A line end cannot stand in a string: what was broken before it ends there.
        let end = memchr3(b'"', b'\\', b'\n', rest);
        let run = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        if self.wanted() {
            // All bytes of a character but the first begin with 10.
            self.count(run.len() as u64, run.iter().filter(|byte| **byte & 0xC0 != 0x80).count() as u64);
        }
        if !self.wanted() {
            let room = (KEY_LIMIT + 1).saturating_sub(self.string.len());
            self.string.extend(run.iter().take(room));
        }
        let Some(end) = end else { return rest.len() };
        if rest.get(end) == Some(&b'\\') {
            self.escape = Escape::Backslash;
        } else {
            self.in_string = false;
            let key = || self.keys.iter().any(|key| key.as_bytes() == self.string);
            self.next = match self.next {
                Next::Element => Next::Element,
                Next::Text | Next::Colon => Next::Any,
                Next::Any if key() => Next::Colon,
                Next::Any => Next::Any,
            };
        }
        end + 1
    }

    fn count(&mut self, bytes: u64, characters: u64) {
        if self.wanted() {
            self.bytes = self.bytes.saturating_add(bytes);
            self.characters = self.characters.saturating_add(characters);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn text(keys: &'static [&'static str], body: &str, expected: u64) {
        let (mut whole, mut bytes) = (TextMeter::new(keys), TextMeter::new(keys));
        whole.feed(body.as_bytes());
        body.as_bytes().iter().for_each(|b| bytes.feed(&[*b]));
        assert_eq!((whole.bytes, bytes.bytes), (expected, expected), "{body}");
    }

    #[test]
    fn text_is_what_stands_under_its_keys() {
        text(REQUEST, r#"{"model":"content","messages":[{"role":"user","content" : "abcd"}]}"#, 4);
        text(REQUEST, r#"{"content":[{"type":"text","text":"ab"},{"image_url":{"url":"data:xxxx"}}]}"#, 2);
        text(REQUEST, r#"{"input":["ab", "c"],"x":["d"],"prompt":"é"}"#, 5);
        text(REQUEST, r#"{"content":null,"x":"abc","text":7,"y":"z"}"#, 0);
        text(REQUEST, r#"{"a":"text","content":"\"\\\n"}"#, 3);
        text(REQUEST, r#"{"content":"\u0041\u00e9\u4e2d\ud83d\ude00"}"#, 1 + 2 + 3 + 4);
        text(REQUEST, "{\"content\":\"ab\n{\"content\":\"cd\"}", 4);
        text(&["content"], "data: {\"delta\":{\"content\":\"ab\"}}\r\n\r\ndata: {\"content\":\"c\"}\n\n", 3);
        text(&["content"], "", 0);
    }

    #[test]
    fn characters_are_those_of_the_text_however_it_is_written() {
        let text = "zw\u{f6}lf \"B\u{e4}ume\"\n\u{1f600}\u{4e2d}";
        let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        for string in [serde_json::to_string(text).expect("a string"), format!("\"{escaped}\"")] {
            let mut meter = TextMeter::new(REQUEST);
            format!("{{\"model\":\"m\",\"prompt\":{string}}}").bytes().for_each(|byte| meter.feed(&[byte]));
            assert_eq!((meter.characters, meter.bytes), (text.chars().count() as u64, text.len() as u64), "{string}");
        }
    }

    #[test]
    fn four_bytes_are_a_token_rounded_up() {
        assert_eq!([0, 1, 4, 5, u64::MAX].map(tokens), [0, 1, 1, 2, 1 << 62]);
    }
}
