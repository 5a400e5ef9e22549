//! One meter, four shells: the core itself, the proxy-wasm filter, the component in the native host and the component in
//! a host that is not ours. The same exchanges give the same records, byte for byte.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::rc::Rc;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use genops_component_tests::{AT_NS, Case, PLANS, cases, clock, component, recorded, same};
use genops_core::{Config, Exchange as CoreExchange, Head};
use genops_host::component::{Call, End, Meter, calls};
use genops_host::{ChunkPlan, Exchange, FilterModule, Headers, Host, HostOptions, Plugin, TagRules};
use genops_tests::generated::workspace;
use genops_tools::{python, wasm};
use serde_json::{Value, json};

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

/// Cases through core, filter and component, cut in each of these ways.
fn agree(cases: &[Case], plans: &[ChunkPlan]) -> Result<()> {
    let (module, component_file) = (FilterModule::from_file(&wasm::build()?)?, wasm::build_component()?);
    for case in cases {
        for plan in plans.iter().copied() {
            let filters = ("proxy-wasm", &proxy_wasm(case, &module, plan)?[..]);
            same(case, plan, filters, ("core", &core(case, plan)?))?;
            same(case, plan, filters, ("component", &component(case, &component_file, plan)?))?;
        }
    }
    Ok(())
}

#[test]
fn core_filter_and_component_give_the_same_records() -> Result<()> {
    agree(&cases()?, &PLANS)
}

#[test]
fn core_filter_and_component_give_the_same_records_of_the_corpus() -> Result<()> {
    let Some(corpus) = recorded("component")? else { return Ok(()) };
    agree(&[corpus], &[ChunkPlan::Seeded(1)])
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
        .arg(workspace().join("tests/component/tests/foreign.py"))
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
    let module = FilterModule::from_file(&wasm::build()?)?;
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
