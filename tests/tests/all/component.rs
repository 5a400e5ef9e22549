//! One meter, four shells: the core itself, the proxy-wasm filter, the component in the native host and the component in
//! a host that is not ours. The same exchanges give the same records, byte for byte.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use genops_core::{Config, Exchange as CoreExchange, Head};
use genops_host::component::{Call, End, Meter, calls};
use genops_host::replay::{quickstart, read_lines};
use genops_host::{ChunkPlan, Clock, Cut, Exchange, FilterModule, Headers, Host, HostOptions, Plugin, TagRules};
use genops_tests::generated::workspace;
use genops_tools::{python, wasm};
use serde_json::{Value, json};

use crate::envoy_support::{corpus, cut_off, filter, native_line};

/// Where exchanges begin that do not say when they happened.
const AT_NS: u64 = 1_794_000_000_000_000_000;

/// A configuration and what runs under it.
struct Case {
    name: String,
    configuration: String,
    exchanges: Vec<(String, Exchange)>,
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
fn cases() -> Result<Vec<Case>> {
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
            exchanges.push((format!("{} {cut:?}", recorded.id), cut_off(recorded.exchange.clone(), Some(cut))));
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

/// Its records through the proxy-wasm filter.
fn proxy_wasm(case: &Case, module: &FilterModule, plan: ChunkPlan) -> Result<Vec<String>> {
    let plugin = Plugin::new(case.configuration.clone());
    let mut host = Host::start(module, plugin, TagRules::new(&[], true)?, HostOptions::default())?;
    let mut record = |(id, exchange): &(String, Exchange)| {
        let report = host.exchange(0, exchange, plan);
        let record =
            report.filter_state.get(b"wasm.genops.record".as_slice()).with_context(|| format!("{id}: none"))?;
        Ok(String::from_utf8(record.clone())?)
    };
    case.exchanges.iter().map(&mut record).collect()
}

fn clock() -> Clock {
    Clock::new(AT_NS, HostOptions::default().step_ns)
}

/// Its records through the component in the native host.
fn component(case: &Case, module: &Path, plan: ChunkPlan) -> Result<Vec<String>> {
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

/// Its records by the core itself, as a program has them that links it.
fn core(case: &Case, plan: ChunkPlan) -> Result<Vec<String>> {
    let config = Rc::new(Config::parse(case.configuration.as_bytes())?);
    let mut clock = clock();
    let record = |(id, exchange): &(String, Exchange)| {
        run(&config, &calls(exchange, plan, &mut clock)).with_context(|| format!("{id}: no end"))
    };
    case.exchanges.iter().map(record).collect()
}

fn run(config: &Rc<Config>, calls: &[Call<'_>]) -> Option<String> {
    let mut begun: Option<CoreExchange> = None;
    for call in calls {
        if let Call::Begin { head: request, at } = call {
            begun = Some(CoreExchange::new(Rc::clone(config), &head(request), *at));
        }
        let exchange = begun.as_mut()?;
        match call {
            Call::Begin { .. } => {}
            Call::RequestBody(piece) => exchange.request_body(piece),
            Call::ResponseHead(response) => exchange.response_head(&head(response)),
            Call::ResponseBody { piece, at } => exchange.response_body(piece, || *at),
            Call::ResponseEnd => exchange.response_end(),
            Call::Finish { end: End::Client, at } => {
                return Some(exchange.finish(genops_core::End::Client, *at).to_json());
            }
            Call::Finish { end: End::Reset, at } => {
                return Some(exchange.finish(genops_core::End::Reset, *at).to_json());
            }
        }
    }
    None
}

fn head(headers: &Headers) -> Head<'_> {
    headers.pairs().iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect()
}

fn same(case: &Case, plan: ChunkPlan, shell: &str, ours: &[String], theirs: &[String]) -> Result<()> {
    ensure!(ours.len() == theirs.len() && !ours.is_empty(), "{}, {shell}: {} records", case.name, theirs.len());
    for (((id, _), ours), theirs) in case.exchanges.iter().zip(ours).zip(theirs) {
        ensure!(ours == theirs, "{}: {id}, {plan:?}\n  proxy-wasm {ours}\n  {shell} {theirs}", case.name);
    }
    Ok(())
}

/// Cases through core, filter and component, cut in each of these ways.
fn agree(cases: &[Case], plans: &[ChunkPlan]) -> Result<()> {
    let (module, component_file) = (FilterModule::from_file(&filter()?)?, wasm::build_component()?);
    for case in cases {
        for plan in plans.iter().copied() {
            let filters = proxy_wasm(case, &module, plan)?;
            same(case, plan, "core", &filters, &core(case, plan)?)?;
            same(case, plan, "component", &filters, &component(case, &component_file, plan)?)?;
        }
    }
    Ok(())
}

#[test]
fn core_filter_and_component_give_the_same_records() -> Result<()> {
    agree(&cases()?, &[ChunkPlan::Whole, ChunkPlan::Bytes, ChunkPlan::Every(7), ChunkPlan::Seeded(6)])
}

#[test]
fn core_filter_and_component_give_the_same_records_of_the_corpus() -> Result<()> {
    let Some(corpus) = corpus("component")? else { return Ok(()) };
    let exchanges = corpus.iter().map(|recorded| native_line(&recorded.line(&[]), None)).collect::<Result<_>>()?;
    agree(&[Case::new("corpus", "{}".to_owned(), exchanges)], &[ChunkPlan::Seeded(1)])
}

/// A line of the script: a call with its arguments, bytes as base64.
fn line(call: &Call<'_>) -> Value {
    let pairs = |headers: &Headers| -> Vec<Value> {
        let pair = |(name, value): &(Vec<u8>, Vec<u8>)| json!([String::from_utf8_lossy(name), STANDARD.encode(value)]);
        headers.pairs().iter().map(pair).collect()
    };
    match call {
        Call::Begin { head, at } => json!(["begin", pairs(head), at]),
        Call::RequestBody(piece) => json!(["request-body", STANDARD.encode(piece)]),
        Call::ResponseHead(head) => json!(["response-head", pairs(head)]),
        Call::ResponseBody { piece, at } => json!(["response-body", STANDARD.encode(piece), at]),
        Call::ResponseEnd => json!(["response-end"]),
        Call::Finish { end: End::Client, at } => json!(["finish", "client", at]),
        Call::Finish { end: End::Reset, at } => json!(["finish", "reset", at]),
    }
}

/// What wasmtime for Python says to each of these lines.
fn foreign(lines: &[Value]) -> Result<Vec<Value>> {
    let mut child = Command::new(python::venv()?)
        .arg(workspace().join("tests/tests/all/component/foreign.py"))
        .arg(wasm::build_component()?)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().context("a pipe")?;
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = BufReader::new(child.stdout.take().context("a pipe")?);
    let answers: Vec<Value> = output.lines().map(|line| Ok(serde_json::from_str(&line?)?)).collect::<Result<_>>()?;
    ensure!(child.wait()?.success() && answers.len() == lines.len(), "it broke off after {} lines", answers.len());
    writer.join().map_err(|_| anyhow::anyhow!("the writer"))??;
    Ok(answers)
}

#[test]
fn a_foreign_host_gets_the_same_records() -> Result<()> {
    let plan = ChunkPlan::Seeded(3);
    let module = FilterModule::from_file(&filter()?)?;
    let cases = cases()?;
    let (mut lines, mut expected) = (Vec::new(), Vec::new());
    for case in &cases {
        lines.push(json!({"configuration": case.configuration}));
        expected.push(None);
        let mut clock = clock();
        for ((id, exchange), record) in case.exchanges.iter().zip(proxy_wasm(case, &module, plan)?) {
            let calls = calls(exchange, plan, &mut clock);
            lines.push(json!({"calls": calls.iter().map(line).collect::<Vec<_>>()}));
            expected.push(Some((id, record)));
        }
    }
    for (answer, expected) in foreign(&lines)?.iter().zip(&expected) {
        match expected {
            None => ensure!(answer.is_null(), "{answer}"),
            Some((id, record)) => {
                ensure!(answer.get("json").and_then(Value::as_str) == Some(record), "{id}\n  {record}\n  {answer}");
            }
        }
    }
    Ok(())
}

#[test]
fn calls_in_any_order_are_answered() -> Result<()> {
    let body = STANDARD.encode(r#"{"model":"gpt-4o","usage":{"prompt_tokens":1,"completion_tokens":1}}"#);
    let head = |name: &str, value: &str| json!([[name, STANDARD.encode(value)]]);
    let begin = json!(["begin", head(":path", "/v1/chat/completions"), AT_NS]);
    let (response, finish) = (json!(["response-head", head(":status", "200")]), json!(["finish", "timeout", 0]));
    let piece = json!(["response-body", body, 0]);
    let answers = foreign(&[
        json!({"configuration": "{}"}),
        json!({"calls": [begin, piece, ["response-end"], finish]}),
        json!({"calls": [begin, response, response, piece, ["request-body", body], response, finish]}),
        json!({"calls": [["begin", [], 0], finish, piece, response, ["response-end"], finish]}),
        json!({"calls": [["begin", head(":path", "\u{fffd}"), u64::MAX], finish]}),
    ])?;
    ensure!(answers.iter().skip(1).all(|answer| answer.get("outcome").is_some()), "{answers:?}");
    Ok(())
}

#[test]
fn a_configuration_is_refused_in_the_same_words() -> Result<()> {
    let bad = r#"{"labels": {"team": 7}}"#;
    let ours = Config::parse(bad.as_bytes()).err().context("refused")?.to_string();
    let natives = Meter::from_file(&wasm::build_component()?, bad, clock()).err().context("refused")?.to_string();
    ensure!(natives.ends_with(&ours) && ours.contains("labels.team"), "{ours}\n{natives}");
    ensure!(foreign(&[json!({"configuration": bad})])? == [Value::from(ours)]);
    Ok(())
}

/// A reader of the WIT has nothing else.
#[test]
fn every_item_of_the_wit_is_documented() -> Result<()> {
    let text = fs::read_to_string(workspace().join("filter/component/wit/meter.wit"))?;
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let item = |line: &&str| !line.is_empty() && !["///", "}"].iter().any(|other| line.starts_with(other));
    let bare: Vec<&str> = lines.windows(2).filter(|w| item(&w[1]) && !w[0].starts_with("///")).map(|w| w[1]).collect();
    ensure!(bare.is_empty() && lines.iter().filter(|line| item(line)).count() > 20, "undocumented: {bare:?}");
    Ok(())
}
