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
        // A new field must be thought of here.
        let Self {
            provider,
            gateway,
            upstream_provider,
            api,
            model,
            request_model,
            canonical_model,
            outcome,
            error_type,
            status,
            streamed,
            finish_reason,
            input_tokens,
            output_tokens,
            total_tokens,
            cache_read_tokens,
            cache_write_tokens,
            reasoning_tokens,
            estimated_input_tokens,
            estimated_output_tokens,
            prompt_length,
            cost_usd,
            cost_source,
            computed_cost_usd,
            unpriced_reason,
            service_tier,
            price_book,
            time_to_first_token_ms,
            dimensions,
            usage: _,
            buckets: _,
            sampled: _,
            drift: _,
            timing: _,
            schema_facts: _,
        } = self;
        let mut line = Line(Vec::with_capacity(USUAL_LINE));
        line.text(r#"{"provider":"#, provider.as_deref());
        line.text(r#","gateway":"#, gateway.as_deref());
        line.text(r#","upstream_provider":"#, upstream_provider.as_deref());
        line.text(r#","api":"#, Some(api));
        line.text(r#","model":"#, model.as_deref());
        line.text(r#","request_model":"#, request_model.as_deref());
        line.text(r#","canonical_model":"#, canonical_model.as_deref());
        line.text(r#","outcome":"#, Some(outcome.as_str()));
        line.text(r#","error_type":"#, error_type.map(ErrorType::as_str));
        line.count(r#","status":"#, status.map(u64::from));
        line.raw(if *streamed { r#","streamed":true"# } else { r#","streamed":false"# });
        line.text(r#","finish_reason":"#, finish_reason.as_deref());
        line.count(r#","input_tokens":"#, *input_tokens);
        line.count(r#","output_tokens":"#, *output_tokens);
        line.count(r#","total_tokens":"#, *total_tokens);
        line.count(r#","cache_read_tokens":"#, *cache_read_tokens);
        line.count(r#","cache_write_tokens":"#, *cache_write_tokens);
        line.count(r#","reasoning_tokens":"#, *reasoning_tokens);
        line.known_count(r#","estimated_input_tokens":"#, *estimated_input_tokens);
        line.known_count(r#","estimated_output_tokens":"#, *estimated_output_tokens);
        line.known_count(r#","prompt_length":"#, *prompt_length);
        let usd = |cost: Option<super::PicoUsd>| cost.map(|cost| pico_to_decimal(cost.0));
        line.text(r#","cost_usd":"#, usd(*cost_usd).as_deref());
        line.text(r#","cost_source":"#, cost_source.map(super::CostSource::as_str));
        line.text(r#","computed_cost_usd":"#, usd(*computed_cost_usd).as_deref());
        line.text(r#","unpriced_reason":"#, unpriced_reason.map(UnpricedReason::as_str));
        line.text(r#","service_tier":"#, service_tier.as_deref());
        line.text(r#","price_book":"#, Some(price_book));
        line.count(r#","time_to_first_token_ms":"#, *time_to_first_token_ms);
        line.raw(r#","labels":{"#);
        let mut between = "";
        for (name, value) in dimensions.attribution.known() {
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
