//! A scrape in Prometheus' text form 0.0.4, read for figures and made comparable where only time differs.

use std::collections::{BTreeMap, BTreeSet};

/// One sample of a scrape.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sample {
    /// Name with its suffix.
    pub name: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Value as written; Envoy writes whole numbers for counters and gauges.
    pub value: String,
}

impl Sample {
    /// The value as a whole number.
    pub fn number(&self) -> Option<u64> {
        self.value.parse().ok()
    }
}

/// Reads a scrape, strictly: one TYPE per family, before its samples, and no sample twice.
///
/// # Errors
/// The first line that is not of the form, in words.
pub fn parse(text: &str) -> Result<Vec<Sample>, String> {
    let (mut samples, mut seen, mut types) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for line in text.lines().filter(|line| !line.starts_with("# HELP ")) {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or_else(|| format!("no type: {line}"))?;
            if !["counter", "gauge", "histogram", "summary"].contains(&kind) || !is_name(name) {
                return Err(format!("bad TYPE: {line}"));
            }
            if !types.insert(name.to_owned()) {
                return Err(format!("TYPE again: {line}"));
            }
            continue;
        }
        let sample = sample(line).ok_or_else(|| format!("no sample: {line}"))?;
        let typed = |suffix| sample.name.strip_suffix(suffix).is_some_and(|family| types.contains(family));
        if !types.contains(&sample.name) && !["_bucket", "_sum", "_count"].into_iter().any(typed) {
            return Err(format!("no TYPE before: {line}"));
        }
        if !seen.insert((sample.name.clone(), sample.labels.clone())) {
            return Err(format!("twice: {line}"));
        }
        samples.push(sample);
    }
    Ok(samples)
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn sample(line: &str) -> Option<Sample> {
    // Without labels Envoy writes `{}`, others nothing.
    let bare = line.find(['{', ' ']).filter(|at| line[*at..].starts_with(' '));
    let (name, rest) = match bare {
        Some(at) => (&line[..at], format!("}}{}", &line[at..])),
        None => line.split_once('{').map(|(name, rest)| (name, rest.to_owned()))?,
    };
    let rest = rest.as_str();
    let mut labels = BTreeMap::new();
    let mut rest = rest;
    while !rest.starts_with('}') {
        let (label, tail) = rest.split_once("=\"")?;
        let (value, tail) = quoted(tail)?;
        if !is_name(label) || labels.insert(label.to_owned(), value).is_some() {
            return None;
        }
        rest = tail.strip_prefix(',').unwrap_or(tail);
    }
    let value = rest.strip_prefix("} ")?;
    value.parse::<f64>().ok()?;
    is_name(name).then(|| Sample { name: name.to_owned(), labels, value: value.to_owned() })
}

/// A label value up to its closing quote, unescaped, and what stands behind.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                c @ ('\\' | '"') => c,
                _ => return None,
            }),
            c => value.push(c),
        }
    }
    None
}

/// The sum of all samples called `name` whose labels hold `with`.
pub fn sum(samples: &[Sample], name: &str, with: &[(&str, &str)]) -> u64 {
    let holds = |s: &&Sample| with.iter().all(|(label, value)| s.labels.get(*label).is_some_and(|v| v == value));
    samples.iter().filter(|s| s.name == name).filter(holds).filter_map(Sample::number).sum()
}

/// The scrape with the figures of time taken out: of the families of seconds the names, labels and `_count` stay, for two
/// runs never take equally long. So do the names of what is in use: any worker says it, as far as it has read what others
/// list.
pub fn timeless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let name = line.split_once('{').map_or(line, |(name, _)| name);
        let timed = !line.starts_with('#') && name.contains("_seconds");
        let in_use = ["genops_series_active", "genops_stats_active"].contains(&name);
        match line.rsplit_once(' ') {
            Some((series, _)) if in_use => out.push_str(series),
            Some((series, _)) if timed && !name.ends_with("_count") => out.push_str(series),
            _ => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

/// The lines in which two texts differ, at most `limit` of each, for a failed test's message.
pub fn difference(ours: &str, theirs: &str, limit: usize) -> String {
    let lines = |text: &str| text.lines().map(ToOwned::to_owned).collect::<BTreeSet<_>>();
    let (a, b) = (lines(ours), lines(theirs));
    let only = |mark: &str, x: &BTreeSet<String>, y: &BTreeSet<String>| {
        let missing: Vec<String> = x.difference(y).map(|line| format!("{mark} {line}\n")).collect();
        let more = missing.len().saturating_sub(limit);
        let tail = if more > 0 { format!("{mark} ... and {more} more\n") } else { String::new() };
        missing.into_iter().take(limit).collect::<String>() + &tail
    };
    let order = if a == b && ours != theirs { "the same lines in another order\n" } else { "" };
    only("-", &a, &b) + &only("+", &b, &a) + order
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# TYPE a counter\na{} 1\na{x=\"q\\\"\\\\\\n\"} 2\n# TYPE genops_x_seconds_count counter\n\
                        genops_x_seconds_count{} 3\n# TYPE genops_x_seconds_bucket counter\ngenops_x_seconds_bucket{le=\"1.0\"} 2\n";

    #[test]
    fn reads_labels_and_sums() {
        let samples = parse(TEXT).expect("well formed");
        assert_eq!(samples.get(1).and_then(|s| s.labels.get("x")).map(String::as_str), Some("q\"\\\n"));
        assert_eq!(sum(&samples, "a", &[]), 3);
        assert_eq!(sum(&samples, "a", &[("x", "q\"\\\n")]), 2);
        let bare = parse("# HELP a b\n# TYPE a gauge\na 7\n").expect("well formed");
        assert_eq!((bare.len(), sum(&bare, "a", &[])), (1, 7));
    }

    #[test]
    fn refuses_what_a_scraper_would() {
        for bad in [
            "a{} 1\n",
            "# TYPE a counter\na{} 1\na{} 1\n",
            "# TYPE a counter\n# TYPE a counter\n",
            "# TYPE a counter\na{x=\"1\",x=\"2\"} 1\n",
            "# TYPE a counter\na{x=\"1} 1\n",
            "# TYPE a counter\na{} x\n",
            "# TYPE 1a counter\n",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_figures_of_time_are_taken_out() {
        let text = timeless(TEXT);
        assert!(text.contains("a{} 1\n") && text.contains("genops_x_seconds_count{} 3\n"));
        assert!(text.contains("genops_x_seconds_bucket{le=\"1.0\"}\n"));
        assert_eq!(difference(TEXT, TEXT, 5), "");
        assert!(difference(TEXT, &TEXT.replace("a{} 1", "a{} 9"), 5).contains("- a{} 1"));
    }
}
