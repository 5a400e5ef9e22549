//! Usage inside sessions over web sockets: each response states its own, a session is their sum.

use super::{
    Nano, Usage,
    figures::{Figures, sum},
    gemini, responses,
    value::{Object, Value},
};

/// Digits behind the point that [`Nano`] holds.
const NANO_DIGITS: usize = 9;
const BILLION: u64 = 1_000_000_000;

/// `response.usage` of a realtime response or one over the responses API. Voice models that are billed by time say
/// `seconds`.
pub(crate) fn response(raw: &[u8]) -> Usage {
    read(raw, |usage| Usage { audio_seconds: usage.get("seconds").and_then(nano), ..responses::read(usage) })
}

/// `usage` of a transcribed item: tokens, or the seconds of audio that were heard.
pub(crate) fn transcription(raw: &[u8]) -> Usage {
    read(raw, |usage| Usage { input_audio_seconds: usage.get("seconds").and_then(nano), ..responses::read(usage) })
}

/// `usageMetadata` of a turn of the Live API.
pub(crate) fn turn(raw: &[u8]) -> Usage {
    read(raw, gemini::read)
}

fn read(raw: &[u8], of: impl FnOnce(Figures<'_>) -> Usage) -> Usage {
    let object = Object::parse(raw).unwrap_or_default();
    of(Figures::new(&object))
}

/// A non-negative figure in billionths; what is finer is cut off. The shortest decimal text of a float is what its
/// sender wrote, up to 15 digits.
fn nano(value: &Value<'_>) -> Option<Nano> {
    if let Some(count) = value.as_u64() {
        return count.checked_mul(BILLION).map(Nano);
    }
    let text = value.as_f64()?.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.get(..fraction.len().min(NANO_DIGITS))?;
    // A sign is no digit.
    format!("{whole}{fraction:0<NANO_DIGITS$}").parse().ok().map(Nano)
}

impl Usage {
    /// Adds another bill of the same kind. A figure that only one of them tells is what it tells.
    pub(crate) fn add(&mut self, other: &Self) {
        for (mine, its) in [
            (&mut self.input, other.input),
            (&mut self.output, other.output),
            (&mut self.total, other.total),
            (&mut self.cache_read, other.cache_read),
            (&mut self.cache_write, other.cache_write),
            (&mut self.cache_write_5m, other.cache_write_5m),
            (&mut self.cache_write_30m, other.cache_write_30m),
            (&mut self.cache_write_1h, other.cache_write_1h),
            (&mut self.cache_write_12h, other.cache_write_12h),
            (&mut self.input_audio, other.input_audio),
            (&mut self.input_image, other.input_image),
            (&mut self.input_video, other.input_video),
            (&mut self.input_tool, other.input_tool),
            (&mut self.cache_read_audio, other.cache_read_audio),
            (&mut self.cache_read_image, other.cache_read_image),
            (&mut self.cache_read_video, other.cache_read_video),
            (&mut self.reasoning, other.reasoning),
            (&mut self.output_audio, other.output_audio),
            (&mut self.output_image, other.output_image),
            (&mut self.output_video, other.output_video),
            (&mut self.web_searches, other.web_searches),
            (&mut self.storage_searches, other.storage_searches),
        ] {
            *mine = sum([*mine, its]);
        }
        for (mine, its) in
            [(&mut self.input_audio_seconds, other.input_audio_seconds), (&mut self.audio_seconds, other.audio_seconds)]
        {
            *mine = sum([mine.map(|n| n.0), its.map(|n| n.0)]).map(Nano);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_exact() {
        let read = |text: &str| serde_json::from_str(text).ok().as_ref().and_then(nano);
        assert_eq!(read("12.34"), Some(Nano(12_340_000_000)));
        assert_eq!(read("9"), Some(Nano(9_000_000_000)));
        assert_eq!(read("0.1"), Some(Nano(100_000_000)));
        assert_eq!(read("0.12345678912"), Some(Nano(123_456_789)));
        assert_eq!((read("1e-9"), read("1e-12")), (Some(Nano(1)), Some(Nano(0))));
        for hostile in ["-1", "-0.5", "1e300", "\"3\"", "null", "99999999999999999999"] {
            assert_eq!(read(hostile), None, "{hostile}");
        }
    }

    #[test]
    fn sums_saturate_and_keep_what_is_not_said() {
        let mut usage = Usage { input: Some(u64::MAX), output: None, ..Usage::default() };
        usage.add(&Usage { input: Some(1), cache_read: Some(3), ..Usage::default() });
        assert_eq!(usage, Usage { input: Some(u64::MAX), cache_read: Some(3), ..Usage::default() });
    }
}
