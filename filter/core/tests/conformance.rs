//! What is covered, from the recorded traffic: `CONFORMANCE.md` beside the crate is this test's output.
//!
//! The corpus is not part of this repository. Where it is absent the test says so and passes, except in CI.
//! `UPDATE_CONFORMANCE=1 cargo test -p genops-core --test conformance` writes the table anew.

mod build;
#[path = "corpus/record.rs"]
mod record;

use std::{collections::BTreeMap, fmt::Write, fs, path::PathBuf, rc::Rc};

use build::Coding;
use genops_core::{Config, End, Exchange, Head, Record};
use record::Exchange as Recorded;

/// 2026-11-20T12:00:00Z: prices are those of one day.
const AT: u64 = 1_795_176_000_000_000_000;

/// Exchanges whose expectation is arguable, with the reason.
const ARGUABLE: &[(&str, &str)] = &[(
    "huggingface-84ab65e34d26",
    "the corpus looks at bodies only; the count of prompt tokens stands in the header x-prompt-tokens",
)];

/// What one row counts.
#[derive(Default)]
struct Row {
    exchanges: usize,
    with_usage: usize,
    exact: usize,
    priced: usize,
    /// Exchanges whose record is the same under all of [`Coding::ALL`].
    encoded: usize,
}

fn run(exchange: &Recorded, coding: Option<Coding>) -> Record {
    let config = Rc::new(Config::parse(b"").expect("the default"));
    let mut response = exchange.response.head.clone();
    response.insert(0, (":status".to_owned(), exchange.status.to_string()));
    let mut body = exchange.response.body.clone();
    if let Some(coding) = coding {
        response.retain(|(name, _)| name != "content-encoding");
        response.push(("content-encoding".to_owned(), coding.name().to_owned()));
        body = coding.encode(&body);
    }
    let mut run = Exchange::new(config, &borrowed(&exchange.request.head), AT);
    run.request_body(&exchange.request.body);
    run.response_head(&borrowed(&response));
    run.response_body(&body, || AT);
    run.response_end();
    run.finish(End::Client, AT + 1_000_000_000)
}

fn borrowed(pairs: &[(String, String)]) -> Head<'_> {
    pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect()
}

fn is_exact(exchange: &Recorded, record: &Record) -> bool {
    let want = &exchange.expected;
    // A record falls back to the request's model where the response names none.
    let model = want.model.as_ref().is_none_or(|m| record.model.as_ref() == Some(m));
    model
        && (record.input_tokens, record.output_tokens) == (want.input, want.output)
        && (record.cache_read_tokens, record.cache_write_tokens) == (want.cache_read, want.cache_write)
        && record.reasoning_tokens == want.reasoning
}

fn is_arguable(exchange: &Recorded) -> bool {
    ARGUABLE.iter().any(|(id, _)| *id == exchange.id)
}

fn framing(exchange: &Recorded) -> &'static str {
    let kind = exchange.response.head.iter().find(|(n, _)| n == "content-type").map_or("", |(_, v)| v.as_str());
    let first = exchange.response.body.iter().find(|b| !b.is_ascii_whitespace());
    match (kind, first) {
        (k, _) if k.starts_with("text/event-stream") => "SSE",
        (k, _) if k.starts_with("application/vnd.amazon.eventstream") => "AWS event stream",
        (k, _) if k.contains("ndjson") || k.contains("stream+json") => "NDJSON",
        (_, Some(b'[')) if exchange.api == "streamGenerateContent" => "JSON array",
        (_, Some(b'{' | b'[')) => "JSON",
        (_, Some(b'd' | b'e' | b':')) => "SSE",
        _ => "other",
    }
}

fn table(rows: &BTreeMap<(String, String, &'static str), Row>) -> String {
    let mut out = String::from(
        "# Conformance\n\n\
         Made by `filter/core/tests/conformance.rs` from recorded traffic of real providers (1,439 exchanges that are not part of\n\
         this repository). *Exact*: model, input, output, cache read, cache write and reasoning tokens are what an independent\n\
         reading of the recording gives. *Priced*: the record has a cost, computed from the price book of 2026-11-20 or stated by\n\
         the provider. *Encodings*: without a coding of its own, and re-encoded as gzip, deflate, br and zstd it gives the same record each time.\n\
         Exchanges without usage are errors, lists, token counts and answers that say none: they count as such.\n\n\
         | provider | api | framing | exchanges | with usage | exact | priced | encodings |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    let mut line = |provider: &str, api: &str, framing: &str, row: &Row| {
        let Row { exchanges, with_usage, exact, priced, encoded } = row;
        let _ = writeln!(
            out,
            "| {provider} | {api} | {framing} | {exchanges} | {with_usage} | {exact} | {priced} | {encoded} |"
        );
    };
    let mut sum = Row::default();
    for ((provider, api, framing), row) in rows {
        line(provider, api, framing, row);
        sum.exchanges += row.exchanges;
        sum.with_usage += row.with_usage;
        sum.exact += row.exact;
        sum.priced += row.priced;
        sum.encoded += row.encoded;
    }
    line("**all**", "", "", &sum);
    out.push_str("\nNot exact, and why:\n");
    out.push_str(
        "- lookups of stored responses and runs: their use was counted when it happened, so they are `not_llm`;\n",
    );
    for (id, why) in ARGUABLE {
        let _ = writeln!(out, "- `{id}`: {why}.");
    }
    out
}

#[test]
fn the_table_is_what_the_recordings_give() {
    let Some(corpus) = record::load() else { return };
    let mut rows: BTreeMap<_, Row> = BTreeMap::new();
    let mut faults = Vec::new();
    for exchange in &corpus {
        let record = run(exchange, None);
        let row = rows.entry((exchange.provider.clone(), exchange.api.clone(), framing(exchange))).or_default();
        row.exchanges += 1;
        row.priced += usize::from(record.cost_usd.is_some());
        if exchange.has_usage {
            row.with_usage += 1;
            // Lookups of what was counted before are no new use (CONTRIBUTING, decisions).
            if is_exact(exchange, &record) {
                row.exact += 1;
            } else if record.outcome != genops_core::Outcome::NotLlm && !is_arguable(exchange) {
                faults.push(format!("{}: {}", exchange.id, record.to_json()));
            }
        }
        let plain = !exchange.response.head.iter().any(|(n, _)| n == "content-encoding");
        let same = |coding: &Coding| run(exchange, Some(*coding)).to_json() == record.to_json();
        if plain && Coding::ALL.iter().all(same) {
            row.encoded += 1;
        } else if plain {
            faults.push(format!("{}: not the same under every encoding", exchange.id));
        }
    }
    assert!(faults.is_empty(), "{} differences:\n{}", faults.len(), faults.join("\n"));
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("CONFORMANCE.md");
    let text = table(&rows);
    if std::env::var_os("UPDATE_CONFORMANCE").is_some() {
        fs::write(&path, text).expect("CONFORMANCE.md is written");
        return;
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "CONFORMANCE.md is not what the recordings give: UPDATE_CONFORMANCE=1 writes it anew");
}
