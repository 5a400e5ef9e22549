//! A host that refuses, and traffic that lies, on the native host: the filter neither traps nor touches a byte, and
//! every exchange is still counted once.

use std::cell::RefCell;
use std::sync::{LazyLock, OnceLock};

use anyhow::{Context, Result, anyhow, ensure};
use genops_core::Outcome;
use genops_host::{
    ChunkPlan, Cut, Exchange, ExchangeReport, Family, Fault, FilterModule, Headers, Host, HostOptions, Plugin,
    PrometheusQuery, Status, TagRules, Workers,
};
use genops_tests::scrape::{parse, sum};
use genops_tests::upstream::Answer;
use hyper::StatusCode;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::Value;

use crate::envoy_support::{ask, chat, chat_stream, filter, native_exchange};

/// Most memory of a VM under thousands of label sets that nobody but an attacker makes: some 4 kB each (names, slots,
/// hash tables). They are far below the default cap of 10,000 sets; ordinary traffic stays at 2 MB.
const MEMORY: usize = 32 << 20;
const MODEL: &str = "gpt-4o-mini";
/// Exchanges of [`exchanges`] that run while a single call fails: enough to come by every place that calls the host.
const FEW: usize = 3;
/// A status that no list foresees.
const UNHEARD_OF: Status = Status(4_294_967_295);
const CONFIGURATION: &str = r#"{"provider": "openai", "labels": {"team": [{"header": "x-genops-team"}]}}"#;

fn module() -> Result<&'static FilterModule> {
    static MODULE: OnceLock<FilterModule> = OnceLock::new();
    if let Some(module) = MODULE.get() {
        return Ok(module);
    }
    let module = FilterModule::from_file(&filter()?)?;
    Ok(MODULE.get_or_init(|| module))
}

fn host() -> Result<Host> {
    let tags = TagRules::new(&[], true)?;
    Ok(Host::start(module()?, Plugin::new(CONFIGURATION), tags, HostOptions::default())?)
}

/// One exchange of each kind that takes another way through the filter.
fn exchanges() -> Vec<Exchange> {
    let team: [(&str, &[u8]); 1] = [("x-genops-team", b"platform")];
    let hostile: [(&str, &[u8]); 1] = [("x-genops-team", b"\xff;.;")];
    let stream = chat_stream(MODEL, 10, 5);
    let half = stream.body.len() / 2;
    let error = Answer::new(StatusCode::TOO_MANY_REQUESTS, [("content-type", "application/json")], "{}");
    [
        native_exchange(&ask("unary", MODEL, &team), &chat(MODEL, 10, 5), None),
        native_exchange(&ask("stream", MODEL, &hostile), &stream, None),
        native_exchange(&ask("left", MODEL, &team), &stream, Some(Cut::DownstreamGone { after: half })),
        native_exchange(&ask("reset", MODEL, &team), &stream, Some(Cut::UpstreamReset { after: half })),
        native_exchange(&ask("gone", MODEL, &team), &stream, Some(Cut::RequestGone { after: 10 })),
        native_exchange(&ask("silent", MODEL, &team), &stream, Some(Cut::NoResponse)),
        native_exchange(&ask("error", MODEL, &team), &error, None),
    ]
    .map(|(_, exchange)| exchange)
    .into()
}

fn passed(exchange: &Exchange, report: &ExchangeReport) -> Result<()> {
    ensure!(report.trap.is_none(), "{:?}", report.trap);
    ensure!(!report.stalled, "the filter paused");
    // Attribution ends at the proxy, where the host lets it.
    let passing = |headers: &Headers| -> Vec<(Vec<u8>, Vec<u8>)> {
        headers.pairs().iter().filter(|(name, _)| !name.starts_with(b"x-genops-")).cloned().collect()
    };
    ensure!(passing(&report.request_headers) == passing(&exchange.request_headers), "request headers changed");
    let request = match exchange.cut {
        Some(Cut::RequestGone { after }) => exchange.request_body.get(..after).unwrap_or(&exchange.request_body),
        _ => &exchange.request_body,
    };
    ensure!(report.request_body == request, "the request body changed");
    let body = match exchange.cut {
        Some(Cut::NoResponse | Cut::RequestGone { .. }) => &[][..],
        Some(Cut::DownstreamGone { after } | Cut::UpstreamReset { after }) => {
            exchange.response_body.get(..after).unwrap_or(&exchange.response_body)
        }
        None => &exchange.response_body,
    };
    ensure!(report.response_body == body, "the response body changed");
    Ok(())
}

fn alive(workers: &mut Workers) -> Result<()> {
    for vm in workers.vms() {
        ensure!(vm.trap().is_none(), "{:?}", vm.trap());
    }
    Ok(())
}

fn counted(host: &Host) -> Result<u64> {
    let scrape = host.prometheus(&PrometheusQuery::default());
    let text = String::from_utf8_lossy(&scrape).into_owned();
    // Without tag rules the outcome stands in the family's name; Envoy makes `_` of what a name may not hold.
    let total = text.lines().filter(|l| !l.starts_with('#') && l.contains("genops_usage_outcomes_total"));
    total.map(|l| l.rsplit_once(' ').and_then(|(_, n)| n.parse::<u64>().ok()).context("a number")).sum()
}

/// How many calls of a family are made to fail, each by itself: somewhat more than those few exchanges and the
/// configuration of a generation make.
fn calls(family: Family) -> u64 {
    match family {
        Family::Misc => 4,
        Family::Log => 8,
        Family::Headers | Family::Timer => 16,
        Family::Buffers => 32,
        Family::Properties | Family::SharedData => 48,
        Family::Clock => 64,
        // A histogram alone is sixteen, and each is defined by the canary and by the worker.
        Family::Metrics => 400,
    }
}

/// Under `faults`: a new generation is configured, traffic runs, the old generation ends. Then the host is well again.
fn survives(faults: &[Fault], exchanges: &[Exchange]) -> Result<()> {
    let mut host = host()?;
    let mut sent = 0;
    let mut run = |host: &mut Host| -> Result<()> {
        for exchange in exchanges {
            passed(exchange, &host.exchange(0, exchange, ChunkPlan::Every(256)))?;
            sent += 1;
        }
        Ok(())
    };
    run(&mut host)?;
    if faults.iter().any(|fault| fault.family == Family::Timer) {
        // A host has timers or has none: what waits for a tick is not to meet one that has just lost them.
        host.drain_ticks();
    }
    host.faults().set(faults.iter().cloned());
    let mut old = host.update(module()?, Plugin::new(CONFIGURATION))?;
    run(&mut host)?;
    host.drain_ticks();
    alive(&mut old)?;
    let _log = old.shut_down();
    alive(host.workers())?;
    host.faults().clear();
    run(&mut host)?;
    host.drain_ticks();
    alive(host.workers())?;

    let counted = counted(&host)?;
    ensure!(counted <= sent, "{counted} counted of {sent}");
    // A host that says OK and does nothing, or that takes no metrics, may lose counts; no other one may.
    let honest = |f: &Fault| {
        let keeps = matches!(f.family, Family::Metrics | Family::Timer | Family::SharedData);
        f.family != Family::Metrics && !(keeps && f.status == Status::OK)
    };
    ensure!(!faults.iter().all(honest) || counted == sent, "{counted} counted of {sent}");
    Ok(())
}

fn every_status() -> impl Iterator<Item = Status> {
    Status::ALL.into_iter().chain([UNHEARD_OF])
}

#[test]
fn a_well_host_sees_every_exchange_counted() -> Result<()> {
    survives(&[], &exchanges())
}

#[test]
fn a_family_that_always_answers_any_status_does_no_harm() -> Result<()> {
    let exchanges = exchanges();
    for family in Family::ALL {
        for status in every_status() {
            survives(&[Fault::always(family, status)], &exchanges)
                .with_context(|| format!("{family:?} always {status:?}"))?;
        }
    }
    Ok(())
}

#[test]
#[ignore = "slow tier: minutes of exchanges in the native host"]
fn each_single_call_may_answer_any_status() -> Result<()> {
    let exchanges: Vec<Exchange> = exchanges().into_iter().take(FEW).collect();
    for family in Family::ALL {
        for n in 1..=calls(family) {
            for status in every_status() {
                let fault = Fault::nth(family, n, status);
                survives(&[fault], &exchanges).with_context(|| format!("call {n} of {family:?} answers {status:?}"))?;
            }
        }
    }
    Ok(())
}

#[test]
fn a_host_that_has_nothing_does_no_harm() -> Result<()> {
    for status in every_status() {
        let faults: Vec<Fault> = Family::ALL.into_iter().map(|family| Fault::always(family, status)).collect();
        survives(&faults, &exchanges()).with_context(|| format!("all {status:?}"))?;
    }
    Ok(())
}

/// Paths of every framing that the filter reads, and some that it does not.
const PATHS: &[&str] = &[
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/embeddings",
    "/v1/messages",
    "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
    "/v1beta/models/gemini-2.5-flash:generateContent?alt=sse",
    "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse-stream",
    "/model/amazon.nova-lite-v1:0/invoke-with-response-stream",
    "/v2/chat",
    "/api/chat",
    "/v1/models",
    "/%ff%00",
];
const HOSTS: &[&str] = &[
    "api.openai.com",
    "api.anthropic.com",
    "generativelanguage.googleapis.com",
    "bedrock-runtime.us-east-1.amazonaws.com",
    "api.cohere.com",
    "localhost:11434",
    "\u{e9}.test",
];
const TYPES: &[&str] = &[
    "application/json",
    "text/event-stream",
    "application/vnd.amazon.eventstream",
    "application/x-ndjson",
    "text/html",
    "",
];
const ENCODINGS: &[&str] = &["", "identity", "gzip", "deflate", "br", "zstd", "gzip, gzip", "x"];

/// Bodies that begin well, in the published shapes.
static BODIES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(bodies);

fn bodies() -> Vec<Vec<u8>> {
    let anthropic = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-x\",\"usage\":\
        {\"input_tokens\":3,\"output_tokens\":1}}}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":\
        {\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":9}}\n\n";
    let gemini = "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}],\"usageMetadata\":{\"promptTokenCount\":2,\
        \"candidatesTokenCount\":3,\"totalTokenCount\":5},\"modelVersion\":\"gemini-2.5-flash\"}]";
    let ollama = "{\"model\":\"llama\",\"done\":false}\n{\"model\":\"llama\",\"done\":true,\"prompt_eval_count\":4,\
        \"eval_count\":5}\n";
    let deep = "[".repeat(5000);
    let frame = b"\0\0\0\x20\0\0\0\x10\0\0\0\0payload that is no frame".to_vec();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let bomb =
        std::io::Write::write_all(&mut gzip, &vec![b' '; 4 << 20]).and_then(|()| gzip.finish()).unwrap_or_default();
    vec![
        chat(MODEL, 10, 5).body.to_vec(),
        chat_stream(MODEL, 10, 5).body.to_vec(),
        anthropic.into(),
        gemini.into(),
        ollama.into(),
        deep.into(),
        frame,
        bomb,
        Vec::new(),
    ]
}

/// What is done to a body.
#[derive(Clone, Debug)]
enum Harm {
    Truncate(prop::sample::Index),
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Repeat(u8),
}

fn harm() -> impl Strategy<Value = Harm> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        at().prop_map(Harm::Truncate),
        (at(), any::<u8>()).prop_map(|(at, byte)| Harm::Flip(at, byte)),
        (at(), prop::collection::vec(any::<u8>(), 1..64)).prop_map(|(at, bytes)| Harm::Insert(at, bytes)),
        (1..20u8).prop_map(Harm::Repeat),
    ]
}

impl Harm {
    fn apply(&self, body: &mut Vec<u8>) {
        match self {
            Self::Truncate(at) => body.truncate(at.index(body.len() + 1)),
            Self::Flip(at, byte) if !body.is_empty() => {
                let at = at.index(body.len());
                if let Some(place) = body.get_mut(at) {
                    *place ^= *byte;
                }
            }
            Self::Flip(..) => {}
            Self::Insert(at, bytes) => {
                let at = at.index(body.len() + 1);
                body.splice(at..at, bytes.iter().copied());
            }
            Self::Repeat(times) => *body = body.repeat(usize::from(*times)),
        }
    }
}

type Choice = prop::sample::Index;

fn hostile() -> impl Strategy<Value = (Exchange, ChunkPlan)> {
    let choices = prop::collection::vec(any::<Choice>(), 8);
    let harms = prop::collection::vec(harm(), 0..4);
    let value = prop::collection::vec(any::<u8>(), 0..80);
    (choices, harms, value, prop::option::of(any::<Choice>()), any::<u64>(), 0..1000u16).prop_map(
        |(choices, harms, value, cut, seed, status)| {
            let mut choices = choices.into_iter();
            let mut pick = |list: &[&str]| choices.next().map_or("", |c| *c.get(list)).as_bytes().to_vec();
            let request_headers = Headers::from_iter([
                (&b":authority"[..], pick(HOSTS)),
                (b":path", pick(PATHS)),
                (b":method", pick(&["POST", "POST", "POST", "GET"])),
                (b"content-type", pick(TYPES)),
                (b"x-genops-team", value.clone()),
            ]);
            let response_headers = Headers::from_iter([
                (
                    &b":status"[..],
                    if seed.is_multiple_of(3) { status.to_string().into_bytes() } else { b"200".to_vec() },
                ),
                (b"content-type", pick(TYPES)),
                (b"content-encoding", pick(ENCODINGS)),
                (b"x-amzn-bedrock-input-token-count", value.clone()),
            ]);
            let body = |choices: &mut std::vec::IntoIter<Choice>| {
                choices.next().map(|c| c.get(&BODIES).clone()).unwrap_or_default()
            };
            let (request_body, mut response_body) = (body(&mut choices), body(&mut choices));
            for harm in &harms {
                harm.apply(&mut response_body);
            }
            let cut = cut.map(|at| match at.index(response_body.len() + 1) {
                0 => Cut::NoResponse,
                after if after.is_multiple_of(7) => Cut::RequestGone { after },
                after if after.is_multiple_of(2) => Cut::DownstreamGone { after },
                after => Cut::UpstreamReset { after },
            });
            let plan = if seed.is_multiple_of(4) { ChunkPlan::Whole } else { ChunkPlan::Seeded(seed) };
            let exchange =
                Exchange { request_headers, request_body, response_headers, response_body, cut, ..Exchange::default() };
            (exchange, plan)
        },
    )
}

fn one_hostile(host: &mut Host, exchange: &Exchange, plan: ChunkPlan) -> Result<()> {
    let report = host.exchange(0, exchange, plan);
    passed(exchange, &report)?;
    let record = report.filter_state.get(b"wasm.genops.record".as_slice()).context("a record")?;
    let record: Value = serde_json::from_slice(record)?;
    let outcome = record.get("outcome").and_then(Value::as_str).context("an outcome")?;
    ensure!(Outcome::ALL.iter().any(|o| o.as_str() == outcome), "{outcome}");
    let memory = host.workers().vms().iter().map(|vm| vm.memory().len()).max().unwrap_or(0);
    ensure!(memory <= MEMORY, "{memory} bytes of memory");
    Ok(())
}

#[test]
fn truncated_and_hostile_traffic_is_passed_and_counted_once() -> Result<()> {
    const CASES: u32 = 3000;
    let host = RefCell::new(host()?);
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    runner
        .run(&hostile(), |(exchange, plan)| {
            one_hostile(&mut host.borrow_mut(), &exchange, plan).map_err(|e| TestCaseError::fail(format!("{e:#}")))
        })
        .map_err(|e| anyhow!("{e}"))?;
    let mut host = host.into_inner();
    ensure!(host.drain_ticks(), "the filter never came to rest");
    alive(host.workers())?;
    let counted = counted(&host)?;
    ensure!(counted == u64::from(CASES), "{counted} counted of {CASES}");
    let text = String::from_utf8_lossy(&host.prometheus(&PrometheusQuery::default())).into_owned();
    let samples = parse(&text).map_err(anyhow::Error::msg)?;
    ensure!(sum(&samples, "genops_stats_pending", &[]) == 0, "pending");
    Ok(())
}
