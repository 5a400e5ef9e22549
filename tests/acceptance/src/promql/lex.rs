//! Text to tokens.

use anyhow::{Context, Result, bail};

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A name or keyword; metric names may hold colons.
    Word(String),
    /// A number.
    Number(f64),
    /// Milliseconds.
    Duration(i64),
    /// A quoted text.
    Text(String),
    /// An operator or bracket.
    Mark(&'static str),
}

/// Longest first: `==` before `=`.
const MARKS: &[&str] = &[
    "==", "!=", "=~", "!~", ">=", "<=", "(", ")", "{", "}", "[", "]", ",", "=", ">", "<", "+", "-", "*", "/", "%", "^",
    ":",
];

/// Units of durations, longest first, in milliseconds.
const UNITS: &[(&str, i64)] =
    &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];

/// Takes an expression apart.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, behind) = if first.is_ascii_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':').unwrap_or(rest.len());
            (Token::Word(rest[..end].to_owned()), &rest[end..])
        } else if first.is_ascii_digit() || first == '.' {
            number(rest)?
        } else if first == '"' || first == '\'' {
            let end = rest[1..].find(first).context("a text without its end")?;
            (Token::Text(rest[1..=end].to_owned()), &rest[end + 2..])
        } else {
            let mark = MARKS.iter().find(|m| rest.starts_with(**m)).with_context(|| format!("what is {rest}"))?;
            (Token::Mark(mark), &rest[mark.len()..])
        };
        tokens.push(token);
        rest = behind.trim_start();
    }
    Ok(tokens)
}

/// A number, or a duration where a unit follows.
fn number(text: &str) -> Result<(Token, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (digits, behind) = text.split_at(end);
    let unit = |text: &str| UNITS.iter().find(|(unit, _)| text.starts_with(unit)).copied();
    if let Some((name, size)) = unit(behind) {
        let whole: i64 = digits.parse().with_context(|| format!("a duration of {digits}"))?;
        let (mut total, mut rest) = (whole * size, &behind[name.len()..]);
        if rest.starts_with(|c: char| c.is_ascii_digit()) {
            match number(rest)? {
                (Token::Duration(more), behind) => (total, rest) = (total + more, behind),
                _ => bail!("a duration that goes on as {rest}"),
            }
        }
        return Ok((Token::Duration(total), rest));
    }
    // 1e9
    if let Some(exponent) = behind.strip_prefix(['e', 'E']) {
        let sign = usize::from(exponent.starts_with(['+', '-']));
        let end = exponent[sign..].find(|c: char| !c.is_ascii_digit()).map_or(exponent.len(), |n| n + sign);
        let all = end + 1 + digits.len();
        return Ok((Token::Number(text[..all].parse()?), &text[all..]));
    }
    Ok((Token::Number(digits.parse().with_context(|| format!("a number {digits}"))?), behind))
}
