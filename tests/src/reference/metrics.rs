//! The reference of metrics, by schema.

use std::fmt::Write as _;

use genops_core::schema::{
    Computed, Fact, Family, Feed, Formula, Kind, NAMESPACE, Ratio, SCHEMAS, Schema, Table, Term, Unit,
};

const HEAD: &str = "\
<!-- Written by `cargo xtask generate` from filter/core/src/schema. -->
# Metrics reference

Every family of every schema that `schemas` can name, and the filter's own, which are always there. A family has one name on
the filter's scrape and one on Envoy's, whose stats are whole numbers:

| unit | filter's scrape (`scrape`) | Envoy's (`/stats/prometheus`), statsd, OTLP | to convert |
|---|---|---|---|
| count | the name | the name | - |
| USD | the name, dollars | `_pico` behind it, 1e-12 dollars | `/ 1e12` |
| seconds | the name, seconds | `_sum_nano` for a histogram's sum, nanoseconds; its `le` are seconds | `/ 1e9` |
| ratio | the name | `_nano` behind it, 1e-9 | `/ 1e9` |

`envoy/prometheus/rules-envoy` does the converting. A histogram is `_bucket` with `le`, `_count` and `_sum`. Another
`namespace` takes the place of `genops` at the beginning of names. Labels that are not known are left out; `extra_labels` adds
some, `include_labels` and `exclude_labels` take some away.
";

/// Schema, and the document that it is made to.
fn source(schema: &Schema) -> &'static str {
    match schema.name {
        "genops" => {
            "GenOps' Prometheus integration guide, and beyond it what it leaves out: outcomes, reasons, kinds of tokens, first tokens"
        }
        "genops-kubernetes" => "GenOps' guide to observability on Kubernetes",
        "tta" => "TTA.dev's Prometheus setup",
        "prompter" => "Prompter V7's Prometheus metrics",
        "kosmos" => "KOSMOS' Prometheus setup",
        _ => "",
    }
}

/// The page.
pub(super) fn page() -> String {
    let mut page = HEAD.to_owned();
    for schema in SCHEMAS {
        let _ = writeln!(page, "\n## {}\n{}.\n", schema.name, source(schema));
        let table = Table::new(&[schema], NAMESPACE);
        families(&mut page, &table, |family| !family.schemas.is_empty());
    }
    let _ = writeln!(page, "\n## The filter's own\nWith every schema.\n");
    families(&mut page, &Table::default(), |family| family.schemas.is_empty());
    page
}

fn families(page: &mut String, table: &Table, which: impl Fn(&Family) -> bool) {
    page.push_str("| family | on Envoy's surface | type, unit | labels | fed by |\n|---|---|---|---|---|\n");
    for family in table.families().iter().filter(|family| which(family)) {
        let labels: Vec<String> = family
            .labels
            .iter()
            .map(|label| format!("`{}`", table.label_name(*label)))
            .chain(variable(family))
            .collect();
        let _ = writeln!(
            page,
            "| `{}` | {} | {}, {} | {} | {}: {} |",
            family.name,
            on_envoy(family),
            kind(family.kind),
            unit(family.fact.unit()),
            if labels.is_empty() { "-".to_owned() } else { labels.join(" ") },
            feed(family.fact),
            family.help,
        );
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    }
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "count",
        Unit::Usd => "USD",
        Unit::Seconds => "seconds",
        Unit::Ratio => "ratio",
    }
}

/// The label that the fact tells, with its values.
fn variable(family: &Family) -> Option<String> {
    let label = family.fact.variable()?;
    Some(format!("`{}` ({})", label.name(), family.fact.variants().join(", ")))
}

fn on_envoy(family: &Family) -> String {
    match family.fact.feed() {
        Feed::Computed => "recording rule of the same name".to_owned(),
        Feed::Elsewhere => "-".to_owned(),
        Feed::Record | Feed::Stream | Feed::Filter => {
            let mut suffixes: Vec<&str> = family.stats().map(|part| part.suffix).collect();
            suffixes.dedup();
            match suffixes.as_slice() {
                [""] => "the same".to_owned(),
                several => several.iter().map(|suffix| format!("`{suffix}`")).collect::<Vec<_>>().join(" "),
            }
        }
    }
}

/// What feeds a family, where its help does not say it.
fn feed(fact: Fact) -> String {
    match fact {
        Fact::Computed(computed) => format!("computed, {}", formula(computed)),
        _ => match fact.feed() {
            Feed::Record if fact.is_of_llm() => "each LLM exchange, at its end".to_owned(),
            Feed::Record => "each exchange, at its end".to_owned(),
            Feed::Stream => "each exchange, while it lasts".to_owned(),
            Feed::Filter => "the filter itself".to_owned(),
            Feed::Elsewhere | Feed::Computed => "nothing yet".to_owned(),
        },
    }
}

fn formula(computed: &Computed) -> String {
    match &computed.formula {
        Formula::Ratio(one) => ratio(one),
        Formula::Lowest(all, target) => format!("the lowest of {}, where there is {}", ratios(all), term(target)),
        Formula::ErrorBudget(all, target) => {
            format!("what the lowest of {} leaves of 1 - {}", ratios(all), term(target))
        }
    }
}

fn ratios(all: &[Ratio]) -> String {
    all.iter().map(ratio).collect::<Vec<_>>().join(" and ")
}

fn ratio(Ratio { of, over, complement, empty }: &Ratio) -> String {
    let one_minus = if *complement { "1 - " } else { "" };
    let empty = empty.map_or("absent".to_owned(), |value| value.to_string());
    format!("{one_minus}{} / {} (0 / 0: {empty})", term(of), term(over))
}

fn term(term: &Term) -> String {
    match term.only {
        Some((label, value)) => format!("`{}{{{}=\"{value}\"}}`", term.family, label.name()),
        None => format!("`{}`", term.family),
    }
}
