//! JSON with its numbers as text.
//!
//! serde_json reads a number as a float unless one of its features is on, and features are those of the whole build,
//! the filter's too. So numbers are put in quotes before serde_json sees them.

/// The same JSON, every number outside of strings in quotes. What is no JSON stays none.
pub(super) fn quote_numbers(json: &str) -> String {
    let mut quoted = String::with_capacity(json.len() + json.len() / 8);
    let (mut in_string, mut escaped, mut in_number) = (false, false, false);
    for ch in json.chars() {
        let number = !in_string && (ch.is_ascii_digit() || "+-.".contains(ch) || (in_number && "eE".contains(ch)));
        if number != in_number {
            quoted.push('"');
            in_number = number;
        }
        quoted.push(ch);
        match ch {
            _ if escaped => escaped = false,
            '\\' => escaped = in_string,
            '"' => in_string = !in_string,
            _ => {}
        }
    }
    if in_number {
        quoted.push('"');
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::quote_numbers;

    #[test]
    fn numbers_keep_their_digits() {
        let json = r#"{"a-1": [5.0000000000000004e-08, -2E+3, 0], "b\"2": "3 \\", "c": true, "d": null, "e":1}"#;
        let expected =
            r#"{"a-1": ["5.0000000000000004e-08", "-2E+3", "0"], "b\"2": "3 \\", "c": true, "d": null, "e":"1"}"#;
        assert_eq!(quote_numbers(json), expected);
        assert_eq!(quote_numbers("12"), "\"12\"");
    }
}
