//! Dates at the end of model names: what `"dated": "any"` lets in.

/// Years that a snapshot's date can have: everything else is a number that belongs to the name.
const YEARS: std::ops::RangeInclusive<u16> = 2020..=2099;

/// Digits of the shortest form of date.
const MIN_DATE_DIGITS: usize = 4;

/// A form of date: pattern bytes are `Y`, `M`, `D` and `N` for digits of year, month, day and version, and themselves
/// otherwise. What stands before it is the name.
const FORMS: [&str; 12] = [
    "-YYYY-MM-DD",      // OpenAI
    "-YYYYMMDD",        // Anthropic, xAI, OpenRouter
    "@YYYYMMDD",        // Vertex
    "@YYYY-MM-DD",      // Vertex, partner models
    "@default",         // Vertex: the version in force
    "-MMDD",            // Moonshot, DeepSeek
    "-preview-MM-DD",   // Gemini
    "-preview-MMDD",    // Gemini
    "-preview-MM-YYYY", // Gemini
    "-exp-MM-DD",       // Gemini
    "-exp-MMDD",        // Gemini
    ":YYYYMMDD-vN",     // OpenAI's older completions
];

/// `name` without a date at its end, once for each form of date that it can be read as.
pub fn without_date(name: &str) -> impl Iterator<Item = &str> {
    FORMS.iter().filter_map(move |form| {
        let at = name.len().checked_sub(form.len()).filter(|at| *at > 0)?;
        let (base, tail) = name.split_at_checked(at)?;
        is_date(tail.as_bytes(), form.as_bytes()).then_some(base)
    })
}

/// Whether a date may follow a name: not one that ends in a date itself, and not a pointer to the newest.
pub fn takes_date(name: &str) -> bool {
    let digits = name.bytes().rev().take_while(u8::is_ascii_digit).count();
    digits < MIN_DATE_DIGITS && !name.ends_with("-latest")
}

fn is_date(tail: &[u8], form: &[u8]) -> bool {
    let (mut year, mut month, mut day) = (0u16, 0u16, 0u16);
    for (byte, pattern) in tail.iter().zip(form) {
        let part = match pattern {
            b'Y' => &mut year,
            b'M' => &mut month,
            b'D' => &mut day,
            b'N' if byte.is_ascii_digit() => continue,
            _ if byte == pattern => continue,
            _ => return false,
        };
        if !byte.is_ascii_digit() {
            return false;
        }
        *part = *part * 10 + u16::from(byte - b'0');
    }
    let has = |pattern| form.contains(&pattern);
    (!has(b'Y') || YEARS.contains(&year))
        && (!has(b'M') || (1..=12).contains(&month))
        && (!has(b'D') || (1..=31).contains(&day))
}

#[cfg(test)]
mod tests {
    use super::{takes_date, without_date};

    fn base(name: &str) -> Option<&str> {
        without_date(name).next()
    }

    #[test]
    fn dates_of_every_form_come_off() {
        for (name, expected) in [
            ("gpt-5.6-sol-2026-08-21", "gpt-5.6-sol"),
            ("claude-opus-5-20260801", "claude-opus-5"),
            ("claude-opus-5@20260801", "claude-opus-5"),
            ("claude-opus-5@default", "claude-opus-5"),
            ("kimi-k2-0905", "kimi-k2"),
            ("gemini-2.5-pro-preview-06-05", "gemini-2.5-pro"),
            ("gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash"),
            ("gemini-2.5-pro-exp-03-25", "gemini-2.5-pro"),
            ("gemini-exp-1206", "gemini"),
            ("gpt-3.5-turbo-instruct:20230824-v2", "gpt-3.5-turbo-instruct"),
        ] {
            assert!(without_date(name).any(|base| base == expected), "{name}");
        }
    }

    #[test]
    fn a_date_follows_no_date() {
        assert!(takes_date("claude-opus-5") && takes_date("gpt-5.6-sol") && takes_date("kimi-k2"));
        assert!(
            !takes_date("claude-opus-5-20260801") && !takes_date("gpt-4-0613") && !takes_date("claude-opus-5-latest")
        );
    }

    #[test]
    fn numbers_that_are_no_dates_stay() {
        for name in [
            "gpt-5",
            "claude-opus-4-55",
            "mistral-large-2402",
            "magistral-small-2509",
            "gpt-4-1306",
            "gpt-4-0132",
            "x-20261301",
            "x-19991231",
            "-2026-08-21",
            "claude-haiku-4-5-whatever",
            "é-2026-08-2é",
        ] {
            assert_eq!(base(name), None, "{name}");
        }
    }
}
