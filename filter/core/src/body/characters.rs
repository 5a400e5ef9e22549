//! Counting the characters of a text inside JSON.

/// Unicode characters of one JSON string, counted as its text passes. Exact where the string is sound JSON.
#[derive(Debug, Default)]
pub(super) struct Characters {
    count: u64,
    escape: Escape,
    /// The last character was the first half of a surrogate pair.
    half: bool,
    ended: bool,
}

/// How much of an escape has come.
#[derive(Clone, Copy, Debug, Default)]
enum Escape {
    #[default]
    None,
    Backslash,
    /// Digits of `\uXXXX` and their value.
    Unicode(u8, u32),
}

impl Characters {
    /// A run of the string's text, escapes and all.
    pub(super) fn feed(&mut self, text: &[u8]) {
        if !self.ended {
            text.iter().for_each(|byte| self.byte(*byte));
        }
    }

    /// The string has ended. What comes then is of another one and does not count.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// The count, once the string has ended.
    pub(super) fn count(&self) -> Option<u64> {
        self.ended.then_some(self.count)
    }

    fn byte(&mut self, byte: u8) {
        self.escape = match self.escape {
            Escape::None if byte == b'\\' => Escape::Backslash,
            // All but the first byte of a character in UTF-8.
            Escape::None if byte & 0xC0 == 0x80 => Escape::None,
            Escape::Backslash if byte == b'u' => Escape::Unicode(0, 0),
            Escape::None | Escape::Backslash => {
                self.add(false);
                Escape::None
            }
            Escape::Unicode(digits, value) => {
                let value = value << 4 | char::from(byte).to_digit(16).unwrap_or(0);
                if digits < 3 {
                    Escape::Unicode(digits + 1, value)
                } else {
                    // The second half makes one character with the first.
                    if self.half && (0xDC00..=0xDFFF).contains(&value) {
                        self.half = false;
                    } else {
                        self.add((0xD800..=0xDBFF).contains(&value));
                    }
                    Escape::None
                }
            }
        };
    }

    fn add(&mut self, half: bool) {
        self.count = self.count.saturating_add(1);
        self.half = half;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_counted_as_json_means_them() {
        for text in [
            "",
            "plain",
            "zw\u{f6}lf B\u{e4}ume",
            "\u{1f600}\u{1f1e9}\u{1f1ea}",
            "tab\tquote\"back\\slash\n",
            "\u{2028}",
        ] {
            let expected = text.chars().count() as u64;
            let plain = serde_json::to_string(text).expect("a string");
            let units: Vec<String> = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
            for json in [plain.trim_matches('"').to_owned().replace("\\\\\"", "\\\""), units.concat()] {
                let mut whole = Characters::default();
                whole.feed(json.as_bytes());
                assert_eq!(whole.count(), None, "it has not ended");
                whole.end();
                whole.feed(b"another");
                let mut bytes = Characters::default();
                json.bytes().for_each(|byte| bytes.feed(&[byte]));
                bytes.end();
                assert_eq!((whole.count(), bytes.count()), (Some(expected), Some(expected)), "{json}");
            }
        }
    }
}
