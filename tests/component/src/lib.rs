//! What goes through every shell of the meter, and through the component in the native host. `tests/mesh` puts the same
//! through a component that `cargo component` made.

use std::fs;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Result, ensure};
use genops_host::component::Meter;
use genops_host::replay::{quickstart, read_lines};
use genops_host::{ChunkPlan, Clock, Cut, Exchange, Headers, HostOptions};
use genops_tests::client_recorded::corpus;
use genops_tests::generated::workspace;
use serde_json::Value;

/// Ways to cut bodies.
pub const PLANS: [ChunkPlan; 4] = [ChunkPlan::Whole, ChunkPlan::Bytes, ChunkPlan::Every(7), ChunkPlan::Seeded(6)];

/// Where exchanges begin that do not say when they happened.
pub const AT_NS: u64 = 1_794_000_000_000_000_000;

/// A configuration and what runs under it.
pub struct Case {
    /// Where it is from.
    pub name: String,
    /// JSON.
    pub configuration: String,
    /// Each with its id.
    pub exchanges: Vec<(String, Exchange)>,
}

impl Case {
    fn new(name: &str, configuration: String, mut exchanges: Vec<(String, Exchange)>) -> Self {
        for (_, exchange) in &mut exchanges {
            exchange.at_ns.get_or_insert(AT_NS);
        }
        Self { name: name.to_owned(), configuration, exchanges }
    }
}

/// The examples, and the quickstart with all ways to break off.
///
/// # Errors
/// A file that cannot be read.
pub fn cases() -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for entry in fs::read_dir(workspace().join("examples"))? {
        let case = entry?.path();
        if case.is_dir() {
            let input = BufReader::new(fs::File::open(case.join("exchanges.jsonl"))?);
            let exchanges = read_lines("exchanges.jsonl", input)?.into_iter().map(|r| (r.id, r.exchange)).collect();
            cases.push(Case::new(&case.to_string_lossy(), fs::read_to_string(case.join("config.json"))?, exchanges));
        }
    }
    ensure!(cases.len() >= 3, "only {} examples were found", cases.len());
    let mut exchanges = Vec::new();
    for recorded in quickstart()? {
        let (request, response) = (recorded.exchange.request_body.len() / 2, recorded.exchange.response_body.len() / 2);
        let cuts = [
            Cut::DownstreamGone { after: response },
            Cut::UpstreamReset { after: response },
            Cut::RequestGone { after: request },
            Cut::NoResponse,
        ];
        for cut in cuts {
            exchanges.push((format!("{} {cut:?}", recorded.id), recorded.exchange.clone().cut_off(Some(cut))));
        }
        let trailers = Some(Headers::from_iter([("x-checksum", "1")]));
        let trailed =
            Exchange { request_trailers: trailers.clone(), response_trailers: trailers, ..recorded.exchange.clone() };
        exchanges.push((format!("{} with trailers", recorded.id), trailed));
        exchanges.push((recorded.id, recorded.exchange));
    }
    cases.push(Case::new("quickstart", fs::read_to_string(workspace().join("envoy/genops.json"))?, exchanges));
    Ok(cases)
}

/// The recorded corpus, where it is there (`test` says so where it is not).
///
/// # Errors
/// It cannot be read, or is not there in CI.
pub fn recorded(test: &str) -> Result<Option<Case>> {
    let Some(corpus) = corpus(test)? else { return Ok(None) };
    let mut exchanges = Vec::new();
    for recorded in &corpus {
        let line = recorded.line(&[]).to_string();
        exchanges.extend(read_lines("line", line.as_bytes())?.into_iter().map(|r| (r.id, r.exchange)));
    }
    Ok(Some(Case::new("corpus", "{}".to_owned(), exchanges)))
}

/// A clock that steps as it does beneath the filter.
pub fn clock() -> Clock {
    Clock::new(AT_NS, HostOptions::default().step_ns)
}

/// Its records through the component in the native host.
///
/// # Errors
/// A trap, or an account that contradicts its record.
pub fn component(case: &Case, module: &Path, plan: ChunkPlan) -> Result<Vec<String>> {
    let mut meter = Meter::from_file(module, &case.configuration, clock())?;
    let mut record = |(id, exchange): &(String, Exchange)| {
        let account = meter.exchange(exchange, plan).map_err(|trap| anyhow::anyhow!("{id}: {trap}"))?;
        let record: Value = serde_json::from_str(&account.json)?;
        let at = |name: &str| record.get(name).filter(|value| !value.is_null()).cloned();
        let figures = (account.input_tokens.map(Value::from), account.output_tokens.map(Value::from));
        ensure!(figures == (at("input_tokens"), at("output_tokens")), "{id}: {account:?}");
        ensure!(account.cost_usd.clone().map(Value::from) == at("cost_usd"), "{id}: {account:?}");
        let texts = (account.provider.clone().map(Value::from), Some(account.outcome.clone().into()));
        ensure!(texts == (at("provider"), at("outcome")), "{id}: {account:?}");
        Ok(account.json)
    };
    case.exchanges.iter().map(&mut record).collect()
}

/// The records of two shells, each with its name, are the same, byte for byte.
///
/// # Errors
/// They are not.
pub fn same(case: &Case, plan: ChunkPlan, ours: (&str, &[String]), theirs: (&str, &[String])) -> Result<()> {
    let ((our_name, ours), (their_name, theirs)) = (ours, theirs);
    ensure!(ours.len() == theirs.len() && !ours.is_empty(), "{}, {their_name}: {} records", case.name, theirs.len());
    for (((id, _), ours), theirs) in case.exchanges.iter().zip(ours).zip(theirs) {
        ensure!(ours == theirs, "{}: {id}, {plan:?}\n  {our_name} {ours}\n  {their_name} {theirs}", case.name);
    }
    Ok(())
}
