//! The schemas of services (`tta`, `prompter`, `kosmos`) beside `genops`, on the real Envoy and on the native host: what a
//! route map makes of requests, and gauges of what is under way, which must come back to 0 whoever breaks off.

use std::time::Duration;

use anyhow::{Result, ensure};
use genops_core::Config;
use genops_core::schema::stat_name::tag_rules;
use genops_host::ChunkPlan;
use genops_tests::client::{Leave, Request, send_all};
use genops_tests::envoy::{Bootstrap, Envoy, Setup};
use genops_tests::scrape::{Sample, difference, parse, sum, timeless};
use genops_tests::upstream::{Answer, Ending, Upstream};
use hyper::StatusCode;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::envoy_support::{a_stranger_agrees, chat, chat_stream, filter, native, native_exchange};

const MODEL: &str = "gpt-4o-mini";
/// What the filter has on Envoy's surface, whatever its families are called.
const SCRAPE: &str = "/stats/prometheus?filter=wasmcustom";
const CONFIG: &str = r#"{
    "schemas": ["genops", "tta", "prompter", "kosmos"],
    "provider": "openai",
    "http": {
        "default": {"service": "prompter-api", "env": "dev", "agent": "gateway", "probe_header": "x-prompter-probe"},
        "routes": {
            "POST /api/prompt-templates": {"table": "prompt_templates"},
            "POST /api/prompt-templates/{template_id}/run": {"counts": ["results_insert"], "agent": "runner",
                "task_type": {"header": "x-task"}, "primitive_name": "api_process", "primitive_type": "api"},
            "/v1/chat/completions": {"primitive_name": "ask", "primitive_type": "llm"}
        },
        "slo": {"api_process": {"target": 0.99, "latency_seconds": 30}}
    }
}"#;

/// The shipped bootstrap with this configuration and the tags that it needs.
fn bootstrap(upstream: &Upstream) -> Result<Bootstrap> {
    let mut bootstrap = Bootstrap::shipped(&filter()?, upstream.address())?;
    bootstrap.listener.configure(CONFIG)?;
    let config = Config::parse(CONFIG.as_bytes())?;
    bootstrap.declare_tags(serde_json::to_value(tag_rules(&config.table.tags()))?)?;
    Ok(bootstrap)
}

fn answer(status: u16) -> Result<Answer> {
    Ok(Answer::new(StatusCode::from_u16(status)?, [("content-type", "application/json")], "{}"))
}

fn request(id: &str, path: &str, headers: &[(&str, &str)]) -> Request {
    let body = json!({"model": MODEL, "messages": []}).to_string();
    let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let json: (&str, &[u8]) = ("content-type", b"application/json");
    Request::new(id, ("POST", "gateway.internal", path), headers.into_iter().chain([json]), body)
}

/// Requests, each with its answer.
fn traffic() -> Result<Vec<(Request, Answer)>> {
    let templates = "/api/prompt-templates";
    let run = "/api/prompt-templates/42/run";
    let chat_path = "/v1/chat/completions";
    let fingerprinted = {
        let plain = chat(MODEL, 1000, 10).body;
        let body = String::from_utf8_lossy(&plain).replacen('{', r#"{"system_fingerprint":"fp_1","#, 1);
        Answer::new(StatusCode::OK, [("content-type", "application/json")], body)
    };
    Ok(vec![
        (request("new", templates, &[]), answer(201)?),
        (request("again", templates, &[]), answer(409)?),
        (request("run", run, &[("x-task", "summary")]), answer(200)?),
        (request("run-fails", run, &[("x-task", "summary")]), answer(500)?),
        (request("limited", run, &[]), answer(429)?),
        (request("elsewhere", "/users/7", &[]), answer(404)?),
        (request("asked", chat_path, &[]), fingerprinted),
        (request("probe", chat_path, &[("x-prompter-probe", "1")]), chat(MODEL, 10, 5)),
        (request("probe-fails", chat_path, &[("x-prompter-probe", "1")]), answer(503)?),
    ])
}

/// What the traffic must come to, as its own figures.
fn right(samples: &[Sample], scrape: &str) -> Result<()> {
    let service = [("service", "prompter-api"), ("env", "dev")];
    let template = "/api/prompt-templates";
    let run = "/api/prompt-templates/{template_id}/run";
    let step = [("primitive_name", "api_process"), ("primitive_type", "api")];
    let of_service = |more: &[(&'static str, &'static str)]| [&service[..], more].concat();
    let of_step = |more: &[(&'static str, &'static str)]| [&step[..], more].concat();
    for (family, labels, value) in [
        ("starlette_requests_total", of_service(&[("method", "POST"), ("route", template), ("status", "201")]), 1),
        ("starlette_requests_total", of_service(&[("route", template), ("status", "409")]), 1),
        ("starlette_requests_total", of_service(&[("route", "other"), ("status", "404")]), 1),
        ("starlette_requests_total", of_service(&[]), 9),
        ("starlette_requests_processing_seconds_count", of_service(&[("route", run)]), 3),
        ("starlette_requests_processing_seconds_bucket", of_service(&[("route", run), ("le", "+Inf")]), 3),
        ("prompter_db_unique_violation_total", of_service(&[("table", "prompt_templates")]), 1),
        ("prompter_prompt_results_insert_total", of_service(&[]), 1),
        ("prompter_openai_fingerprint_present_total", of_service(&[]), 1),
        ("prompter_rate_limit_hit_total", of_service(&[("endpoint", run)]), 1),
        ("prompter_probe_attempts_total", of_service(&[("provider", "openai")]), 2),
        ("prompter_probe_failures_total", of_service(&[("provider", "openai")]), 1),
        ("http_requests_total", vec![("agent", "runner"), ("endpoint", run), ("status", "500")], 1),
        ("http_requests_total", vec![("agent", "gateway")], 6),
        ("http_request_duration_seconds_count", vec![("agent", "runner")], 3),
        ("agent_tasks_total", vec![("agent", "runner"), ("task_type", "summary"), ("status", "success")], 1),
        ("agent_tasks_total", vec![("agent", "runner"), ("task_type", "summary"), ("status", "failure")], 1),
        ("llm_requests_total", vec![("provider", "openai")], 3),
        ("llm_tokens_total", vec![("model", MODEL), ("type", "input")], 1010),
        ("primitive_requests_total", of_step(&[("status", "success")]), 2),
        ("primitive_requests_total", of_step(&[("status", "failure")]), 1),
        ("primitive_duration_seconds_count", of_step(&[]), 3),
        ("primitive_slo_within_latency_total", of_step(&[]), 3),
        ("primitive_slo_target_nano", of_step(&[]), 990_000_000),
        ("primitive_cost_savings_pico", vec![("primitive_name", "ask"), ("category", "completion")], 0),
        ("genops_operations_total", vec![("provider", "openai")], 3),
        ("genops_usage_outcomes_total", vec![("outcome", "not_llm")], 6),
    ] {
        let there = samples.iter().any(|s| s.name == family);
        let counted = sum(samples, family, &labels);
        ensure!(there && counted == value, "{family} {labels:?}: {counted}, expected {value}\n{scrape}");
    }
    // One price book, whatever the schema calls it.
    let cost = sum(samples, "genops_cost_total_usd_pico", &[]);
    ensure!(cost > 0 && cost == sum(samples, "llm_cost_dollars_pico", &[]), "{scrape}");
    ensure!(cost == sum(samples, "primitive_cost_total_pico", &[("category", "completion")]), "{scrape}");
    Ok(())
}

fn under_way(samples: &[Sample]) -> [u64; 2] {
    ["primitive_active_requests", "active_connections"].map(|gauge| sum(samples, gauge, &[]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_map_feeds_every_schema_alike_on_envoy_and_on_the_host() -> Result<()> {
    let upstream = Upstream::start().await?;
    let bootstrap = bootstrap(&upstream)?;
    let envoy = Envoy::start(&Setup::new(bootstrap.clone()).workers(2)).await?;
    let (mut requests, mut natives) = (Vec::new(), Vec::new());
    for (request, answer) in traffic()? {
        natives.push(native_exchange(&request, &answer, None));
        upstream.answer(&request.id, answer);
        requests.push((request, Leave::AtEnd));
    }
    let count = requests.len();
    send_all(envoy.address(), requests, 2).await;
    envoy.settled(count).await?;
    let scrape = envoy.admin(SCRAPE).await?;
    let samples = parse(&scrape).map_err(anyhow::Error::msg)?;
    right(&samples, &scrape)?;
    ensure!(under_way(&samples) == [0, 0], "{scrape}");
    for gauge in ["primitive_active_requests", "active_connections", "primitive_slo_target_nano"] {
        ensure!(scrape.contains(&format!("# TYPE {gauge} gauge")), "{gauge}\n{scrape}");
    }
    let host = native(&bootstrap, &filter()?, 2, natives, ChunkPlan::Whole)?;
    let difference = difference(&timeless(&host.scrape), &timeless(&scrape), 20);
    ensure!(difference.is_empty(), "- host, + Envoy:\n{difference}");
    a_stranger_agrees(&scrape)?;
    envoy.quit().await?;
    Ok(())
}

/// Streams under way show as such, over all workers; clients that leave and upstreams that break off leave nothing behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_comes_back_to_nothing_whoever_breaks_off() -> Result<()> {
    /// Of each kind.
    const HELD: usize = 12;
    /// Long enough to look in between on a busy machine.
    const HOLD: Duration = Duration::from_secs(8);
    let upstream = Upstream::start().await?;
    let envoy = Envoy::start(&Setup::new(bootstrap(&upstream)?).workers(2)).await?;
    let path = "/v1/chat/completions";
    let mut requests = Vec::new();
    for n in 0..HELD {
        let (silent, cut, reset) = (format!("silent-{n}"), format!("cut-{n}"), format!("reset-{n}"));
        upstream.answer(&silent, chat_stream(MODEL, 10, 5).ending(Ending::Silent));
        upstream.answer(&cut, chat_stream(MODEL, 10, 5).ending(Ending::StallAfter(40)));
        upstream.answer(&reset, chat_stream(MODEL, 10, 5).ending(Ending::ResetAfter(40)));
        requests.push((request(&silent, path, &[]), Leave::BeforeHead(HOLD)));
        requests.push((request(&cut, path, &[]), Leave::AfterBody(40)));
        requests.push((request(&reset, path, &[]), Leave::AtEnd));
    }
    let (count, address) = (requests.len(), envoy.address());
    let sent = tokio::spawn(async move { send_all(address, requests, count).await });
    let until = Instant::now() + HOLD;
    let mut most = [0, 0];
    // The silent ones are all that stays.
    while most != [HELD as u64; 2] && Instant::now() < until {
        sleep(Duration::from_millis(50)).await;
        let samples = parse(&envoy.admin(SCRAPE).await?).map_err(anyhow::Error::msg)?;
        most = under_way(&samples);
    }
    ensure!(most == [HELD as u64; 2], "under way: {most:?}");
    sent.await?;
    envoy.settled(count).await?;
    let scrape = envoy.admin(SCRAPE).await?;
    let samples = parse(&scrape).map_err(anyhow::Error::msg)?;
    ensure!(under_way(&samples) == [0, 0], "{scrape}");
    ensure!(samples.iter().any(|s| s.name == "primitive_active_requests"), "the gauge stays\n{scrape}");
    ensure!(sum(&samples, "primitive_requests_total", &[]) == count as u64, "{scrape}");
    // A client that leaves is no failure; an upstream that breaks off is.
    ensure!(sum(&samples, "primitive_requests_total", &[("status", "failure")]) == HELD as u64, "{scrape}");
    envoy.quit().await?;
    Ok(())
}
