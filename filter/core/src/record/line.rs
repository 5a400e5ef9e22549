//! The record as one line of JSON.
//!
//! Written straight instead of by `serde_json`'s serializer: that one takes a text byte by byte and a key in four
//! pieces, which was a fifth of all instructions that an exchange costs (counted 2026-11-21 under valgrind: 17,500 of
//! 80,000). Texts that need an escape are still `serde_json`'s.

use super::Record;
use crate::outcome::{ErrorType, UnpricedReason};
use crate::price::pico_to_decimal;

/// Room for a line of JSON, bytes: nearly all are 600 to 800 long, and growing copies.
const USUAL_LINE: usize = 1024;

/// A line being written. Keys come with what stands around them: `,"api":`.
struct Line(Vec<u8>);

impl Line {
    #[inline(never)]
    fn raw(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    fn text(&mut self, key: &str, text: Option<&str>) {
        self.raw(key);
        match text {
            Some(text) => self.quoted(text),
            None => self.raw("null"),
        }
    }

    fn quoted(&mut self, text: &str) {
        if text.bytes().all(|b| b >= b' ' && b != b'"' && b != b'\\') {
            self.0.push(b'"');
            self.raw(text);
            self.0.push(b'"');
        } else {
            // A text cannot fail to be written into memory.
            let _never = serde_json::to_writer(&mut self.0, text);
        }
    }

    fn count(&mut self, key: &str, count: Option<u64>) {
        self.raw(key);
        match count {
            Some(count) => {
                let _never = serde_json::to_writer(&mut self.0, &count);
            }
            None => self.raw("null"),
        }
    }

    /// A field that is there only where it is known.
    fn known_count(&mut self, key: &str, count: Option<u64>) {
        if count.is_some() {
            self.count(key, count);
        }
    }
}

impl Record {
    /// The line that access logs and `genops-host --records` show: the fields of [`Record`] by name, absent ones `null`
    /// save those that say otherwise; amounts of money are exact decimal texts in US dollars (a JSON number would be read
    /// as a float), times whole milliseconds.
    pub fn to_json(&self) -> String {
        let mut line = Line(Vec::with_capacity(USUAL_LINE));
        line.text(r#"{"provider":"#, self.provider.as_deref());
        line.text(r#","gateway":"#, self.gateway.as_deref());
        line.text(r#","upstream_provider":"#, self.upstream_provider.as_deref());
        line.text(r#","api":"#, Some(self.api));
        line.text(r#","model":"#, self.model.as_deref());
        line.text(r#","request_model":"#, self.request_model.as_deref());
        line.text(r#","canonical_model":"#, self.canonical_model.as_deref());
        line.text(r#","outcome":"#, Some(self.outcome.as_str()));
        line.text(r#","error_type":"#, self.error_type.map(ErrorType::as_str));
        line.count(r#","status":"#, self.status.map(u64::from));
        line.raw(if self.streamed { r#","streamed":true"# } else { r#","streamed":false"# });
        line.text(r#","finish_reason":"#, self.finish_reason.as_deref());
        line.count(r#","input_tokens":"#, self.input_tokens);
        line.count(r#","output_tokens":"#, self.output_tokens);
        line.count(r#","total_tokens":"#, self.total_tokens);
        line.count(r#","cache_read_tokens":"#, self.cache_read_tokens);
        line.count(r#","cache_write_tokens":"#, self.cache_write_tokens);
        line.count(r#","reasoning_tokens":"#, self.reasoning_tokens);
        line.known_count(r#","estimated_input_tokens":"#, self.estimated_input_tokens);
        line.known_count(r#","estimated_output_tokens":"#, self.estimated_output_tokens);
        line.known_count(r#","prompt_length":"#, self.prompt_length);
        let usd = |cost: Option<super::PicoUsd>| cost.map(|cost| pico_to_decimal(cost.0));
        line.text(r#","cost_usd":"#, usd(self.cost_usd).as_deref());
        line.text(r#","cost_source":"#, self.cost_source.map(super::CostSource::as_str));
        line.text(r#","computed_cost_usd":"#, usd(self.computed_cost_usd).as_deref());
        line.text(r#","unpriced_reason":"#, self.unpriced_reason.map(UnpricedReason::as_str));
        line.text(r#","service_tier":"#, self.service_tier.as_deref());
        line.text(r#","price_book":"#, Some(&self.price_book));
        line.count(r#","time_to_first_token_ms":"#, self.time_to_first_token_ms);
        line.raw(r#","labels":{"#);
        let mut between = "";
        for (name, value) in self.dimensions.attribution.known() {
            line.raw(between);
            line.quoted(name);
            line.text(":", Some(value));
            between = ",";
        }
        line.raw("}}");
        String::from_utf8(line.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn texts_are_escaped_as_json_asks() {
        for text in ["", "plain", "caf\u{e9}", "a\"b", "a\\b", "a\nb", "\u{1}", "\u{7f}\u{2028}"] {
            let mut line = Line(Vec::new());
            line.text(r#"{"k":"#, Some(text));
            line.count(r#","n":"#, Some(u64::MAX));
            line.text(r#","none":"#, None);
            line.raw("}");
            let read: Value = serde_json::from_slice(&line.0).expect("JSON");
            assert_eq!(read, json!({"k": text, "n": u64::MAX, "none": null}));
        }
    }
}
