//! What the schemas of services make of exchanges: names by the route map, status words, end points of latency, gauges.

use std::collections::BTreeMap;
use std::rc::Rc;

use genops_core::schema::{Fact, Label, observations};
use genops_core::{Config, End, Exchange, Head, Record};

/// Nanoseconds: 2026-01-01.
const START: u64 = 1_767_225_600_000_000_000;
const MS: u64 = 1_000_000;

const CONFIG: &str = r#"{
    "schemas": ["tta", "prompter", "kosmos", "genops-kubernetes"],
    "http": {
        "default": {"service": "prompter-api", "env": "dev", "agent": "gateway", "probe_header": "X-Prompter-Probe"},
        "routes": {
            "POST /api/prompt-templates": {"table": "prompt_templates"},
            "POST /api/prompt-templates/{template_id}/run": {"counts": ["results_insert"], "agent": "runner",
                "task_type": {"header": "x-task"}, "primitive_name": "api_process", "primitive_type": "api"},
            "POST /api/prompt-templates/{template_id}/ensure-version": {"counts": ["ensure_version"],
                "provider": {"body": "provider"}},
            "/v1/chat/completions": {"primitive_name": "ask", "primitive_type": "llm", "category": "llm_call"}
        },
        "slo": {"api_process": {"target": 0.99, "latency_seconds": 0.5}}
    }
}"#;

/// One exchange of these tests.
struct Ask<'a> {
    head: Vec<(&'a str, &'a str)>,
    body: &'a str,
    /// Status and body; `None`: none came.
    answer: Option<(&'a str, &'a str)>,
    end: End,
    /// From the request to response head and end, milliseconds.
    took: (u64, u64),
}

impl<'a> Ask<'a> {
    fn new(method: &'a str, path: &'a str, status: &'a str) -> Self {
        let head = vec![(":method", method), (":authority", "api.openai.com"), (":path", path)];
        Self { head, body: "", answer: Some((status, "{}")), end: End::Client, took: (20, 70) }
    }

    fn run(&self, config: &str) -> (Rc<Config>, Record) {
        let config = Rc::new(Config::parse(config.as_bytes()).expect("a configuration"));
        let head: Head<'_> = self.head.iter().copied().collect();
        let mut exchange = Exchange::new(Rc::clone(&config), &head, START);
        for cut in self.body.as_bytes().chunks(3) {
            if exchange.wants_request_body() {
                exchange.request_body(cut);
            }
        }
        if let Some((status, body)) = self.answer {
            exchange.response_head(&[(":status", status), ("content-type", "application/json")].into_iter().collect());
            assert!(exchange.times_response_head());
            exchange.response_head_at(START + self.took.0 * MS);
            exchange.response_body(body.as_bytes(), || START);
            if self.end == End::Client {
                exchange.response_end();
            }
        }
        let record = exchange.finish(self.end, START + self.took.1 * MS);
        (config, record)
    }

    /// What it adds, as `family{labels}` by value.
    fn counts(&self) -> BTreeMap<String, u64> {
        let (config, record) = self.run(CONFIG);
        let table = &config.table;
        let mut all = BTreeMap::new();
        observations(table, &record, |seen| {
            let family = &table.fed()[seen.family];
            let told = family.fact.variable().map(|label| (label, family.fact.variants()[seen.variant]));
            let of = |label: &Label| record.dimensions.value(family.fact, *label).map(|value| (*label, value));
            let labels: Vec<String> = family
                .labels
                .iter()
                .filter_map(of)
                .chain(told)
                .map(|(label, value)| format!("{}={value}", table.label_name(label)))
                .collect();
            all.insert(format!("{}{{{}}}", family.name, labels.join(",")), seen.value);
        });
        all
    }
}

#[track_caller]
fn has(all: &BTreeMap<String, u64>, series: &str, value: u64) {
    assert_eq!(all.get(series), Some(&value), "{series} in {all:#?}");
}

#[track_caller]
fn has_none(all: &BTreeMap<String, u64>, family: &str) {
    assert!(!all.keys().any(|series| series.starts_with(family)), "{family} in {all:#?}");
}

#[test]
fn a_request_of_a_service_counts_by_its_route() {
    let all = Ask::new("POST", "/api/prompt-templates?x=1", "201").counts();
    let place = "service=prompter-api,env=dev,method=POST,route=/api/prompt-templates";
    has(&all, &format!("starlette_requests_total{{{place},status=201}}"), 1);
    // Prompter and Kosmos stop their clocks when the response starts.
    has(&all, &format!("starlette_requests_processing_seconds{{{place}}}"), 20 * MS);
    has(&all, "http_requests_total{method=POST,endpoint=/api/prompt-templates,status=201,agent=gateway}", 1);
    has(&all, "http_request_duration_seconds{method=POST,endpoint=/api/prompt-templates,agent=gateway}", 20 * MS);
    has(&all, "primitive_requests_total{primitive_name=other,primitive_type=http,status=success}", 1);
    // TTA times the whole.
    has(&all, "primitive_duration_seconds{primitive_name=other,primitive_type=http}", 70 * MS);
    has(&all, "prompter_db_unique_violation_total{service=prompter-api,env=dev,table=prompt_templates}", 0);
    for family in ["llm_", "genops_", "primitive_cost", "agent_tasks", "prompter_rate_limit", "prompter_probe"] {
        has_none(&all, family);
    }
    let conflict = Ask::new("POST", "/api/prompt-templates", "409").counts();
    has(&conflict, "prompter_db_unique_violation_total{service=prompter-api,env=dev,table=prompt_templates}", 1);
    has(&conflict, "primitive_requests_total{primitive_name=other,primitive_type=http,status=success}", 1);
}

#[test]
fn what_the_map_does_not_know_stays_bounded() {
    for path in ["/users/1", "/users/2/../../etc", "*", "", "/api/prompt-templates/1/2/run"] {
        let all = Ask::new("BREW", path, "200").counts();
        has(&all, "http_requests_total{method=other,endpoint=other,status=200,agent=gateway}", 1);
    }
    let all = Ask::new("GET", "/x", "777").counts();
    has(&all, "http_requests_total{method=GET,endpoint=other,status=other,agent=gateway}", 1);
}

#[test]
fn a_run_is_a_step_an_insert_and_a_task() {
    let mut run = Ask::new("POST", "/api/prompt-templates/42/run", "200");
    run.head.push(("x-task", "summary"));
    let all = run.counts();
    has(&all, "prompter_prompt_results_insert_total{service=prompter-api,env=dev}", 1);
    has(&all, "agent_tasks_total{agent=runner,task_type=summary,status=success}", 1);
    has(&all, "primitive_requests_total{primitive_name=api_process,primitive_type=api,status=success}", 1);
    has(&all, "primitive_slo_within_latency_total{primitive_name=api_process,primitive_type=api}", 1);
    has(&all, "primitive_slo_target{primitive_name=api_process,primitive_type=api}", 990_000_000);

    (run.answer, run.took) = (Some(("503", "{}")), (600, 700));
    let failed = run.counts();
    has(&failed, "prompter_prompt_results_insert_total{service=prompter-api,env=dev}", 0);
    has(&failed, "agent_tasks_total{agent=runner,task_type=summary,status=failure}", 1);
    has(&failed, "primitive_requests_total{primitive_name=api_process,primitive_type=api,status=failure}", 1);
    has(&failed, "primitive_slo_within_latency_total{primitive_name=api_process,primitive_type=api}", 0);

    // No header, no task; and nobody answered.
    run.head.pop();
    (run.answer, run.end) = (None, End::Timeout);
    let silent = run.counts();
    has_none(&silent, "agent_tasks");
    has_none(&silent, "starlette_requests_processing");
    let place = "service=prompter-api,env=dev,method=POST,route=/api/prompt-templates/{template_id}/run";
    has(&silent, &format!("starlette_requests_total{{{place}}}"), 1);
    has(&silent, "primitive_requests_total{primitive_name=api_process,primitive_type=api,status=failure}", 1);
    run.end = End::Client;
    let left = run.counts();
    has(&left, "primitive_requests_total{primitive_name=api_process,primitive_type=api,status=success}", 1);
}

#[test]
fn the_provider_of_a_version_stands_in_the_requests_body() {
    let mut ensure = Ask::new("POST", "/api/prompt-templates/7/ensure-version", "200");
    for (body, provider) in [
        (r#"{"model_id": "gpt-4o", "provider": "openai"}"#, ",provider=openai"),
        (r#"{"provider": "Open AI; =.="}"#, ",provider=other"),
        (r#"{"nested": {"provider": "google"}}"#, ""),
        ("no json", ""),
    ] {
        ensure.body = body;
        // The authority is no OpenAI here: only the body can name one.
        ensure.head[1] = (":authority", "prompter.internal");
        let series = format!("prompter_ensure_version_seconds{{service=prompter-api,env=dev{provider}}}");
        has(&ensure.counts(), &series, 70 * MS);
    }
}

const COMPLETION: &str = r#"{"model": "gpt-4o", "system_fingerprint": "fp_1", "choices": [{"message": {"content": "hi"}}],
    "usage": {"prompt_tokens": 2000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 1000}}}"#;

fn completion() -> Ask<'static> {
    let mut ask = Ask::new("POST", "/v1/chat/completions", "200");
    (ask.body, ask.answer) = (r#"{"model": "gpt-4o"}"#, Some(("200", COMPLETION)));
    ask
}

#[test]
fn an_llm_exchange_counts_in_the_words_of_every_schema() {
    let all = completion().counts();
    // gpt-4o: 2.50, cached 1.25, out 10.00 dollars per million tokens (the price book).
    let cost = 1_000 * 2_500_000 + 1_000 * 1_250_000 + 100 * 10_000_000;
    has(&all, "llm_requests_total{provider=openai,model=gpt-4o}", 1);
    has(&all, "llm_request_duration_seconds{provider=openai,model=gpt-4o}", 70 * MS);
    has(&all, "llm_tokens_total{provider=openai,model=gpt-4o,type=input}", 2_000);
    has(&all, "llm_tokens_total{provider=openai,model=gpt-4o,type=output}", 100);
    has(&all, "llm_cost_dollars{provider=openai,model=gpt-4o}", cost);
    has(&all, "genops_cost_by_model_usd{provider=openai,model=gpt-4o}", cost);
    has(&all, "genops_requests_total{provider=openai,model=gpt-4o,status=success}", 1);
    has(&all, "genops_token_cost_per_1k{provider=openai,model=gpt-4o,type=input}", 2_500_000_000);
    has(&all, "genops_token_cost_per_1k{provider=openai,model=gpt-4o,type=output}", 10_000_000_000);
    has(&all, "primitive_cost_total{primitive_name=ask,primitive_type=llm,category=llm_call}", cost);
    has(&all, "primitive_cost_savings{primitive_name=ask,primitive_type=llm,category=llm_call}", 1_000 * 1_250_000);
    has(&all, "prompter_openai_fingerprint_present_total{service=prompter-api,env=dev}", 1);
    has_none(&all, "prompter_probe");

    let bare = COMPLETION.replace(r#""fp_1""#, "null").replace("1000", "0");
    let mut ask = completion();
    ask.answer = Some(("200", &bare));
    let all = ask.counts();
    has(&all, "prompter_openai_fingerprint_present_total{service=prompter-api,env=dev}", 0);
    has(&all, "primitive_cost_savings{primitive_name=ask,primitive_type=llm,category=llm_call}", 0);
}

#[test]
fn a_probe_is_marked_by_its_header_and_inserts_nothing() {
    let mut probe = completion();
    probe.head.push(("x-prompter-probe", "1"));
    let all = probe.counts();
    let labels = "service=prompter-api,env=dev,provider=openai,model=gpt-4o";
    has(&all, &format!("prompter_probe_attempts_total{{{labels}}}"), 1);
    has(&all, &format!("prompter_probe_failures_total{{{labels}}}"), 0);
    has_none(&all, "prompter_openai_fingerprint");

    probe.answer = Some(("429", r#"{"error": {"message": "slow down", "code": "rate_limit_exceeded"}}"#));
    let all = probe.counts();
    has(&all, "prompter_probe_failures_total{service=prompter-api,env=dev,provider=openai,model=gpt-4o}", 1);
    has(&all, "prompter_rate_limit_hit_total{service=prompter-api,env=dev,endpoint=/v1/chat/completions}", 1);
    has(&all, "genops_requests_total{provider=openai,model=gpt-4o,status=error}", 1);
    has(&all, "primitive_requests_total{primitive_name=ask,primitive_type=llm,status=failure}", 1);

    probe.head.pop();
    probe.head.push(("x-prompter-probe", "false"));
    has_none(&probe.counts(), "prompter_probe");
}

#[test]
fn the_default_schema_asks_for_nothing_of_this() {
    let config = Rc::new(Config::parse(b"{}").expect("valid"));
    let head: Head<'_> = [(":method", "GET"), (":path", "/x")].into_iter().collect();
    let mut exchange = Exchange::new(Rc::clone(&config), &head, START);
    assert!(!exchange.times_response_head() && exchange.active_dimensions().is_none());
    let record = exchange.finish(End::Client, START);
    assert!(record.schema_facts.is_none() && record.dimensions.http.is_none());
    assert!(!config.table.asks(Fact::Active));
}

#[test]
fn what_is_under_way_keeps_its_labels_to_the_end() {
    let config = Rc::new(Config::parse(CONFIG.as_bytes()).expect("valid"));
    let head = [(":method", "POST"), (":authority", "x"), (":path", "/api/prompt-templates/1/run"), ("x-task", "t")];
    let exchange = Exchange::new(Rc::clone(&config), &head.into_iter().collect::<Head<'_>>(), START);
    let dimensions = exchange.active_dimensions().expect("some");
    let labels = [Label::PrimitiveName, Label::PrimitiveType, Label::Agent, Label::Status];
    let values = labels.map(|label| dimensions.get(label));
    assert_eq!(values, [Some("api_process"), Some("api"), Some("runner"), None]);
}

#[test]
fn errors_of_the_map_say_where_what_and_what_is_allowed() {
    for (json, parts) in [
        (r#"{"http": {"routes": {"FETCH /a": {}}}}"#, ["http.routes.FETCH /a: found \"FETCH /a\"", "GET, HEAD"]),
        (r#"{"http": {"routes": {"GET a": {}}}}"#, ["http.routes.GET a: found \"GET a\"", "/api/{id}/run"]),
        (r#"{"http": {"routes": {"/a/{x}": {}, "/a/{y}": {}}}}"#, ["http.routes./a/{y}: found", "other paths"]),
        (r#"{"http": {"routes": {"/a": {"agnet": "x"}}}}"#, ["http.routes./a.agnet: unknown field", "`agent`"]),
        (
            r#"{"http": {"routes": {"/a": {"agent": {"header": "a b"}}}}}"#,
            ["http.routes./a.agent: found \"a b\"", "a header name"],
        ),
        (
            r#"{"http": {"routes": {"/a": {"agent": {"body": "provider"}}}}}"#,
            ["http.routes./a.agent: found `body`", "a constant"],
        ),
        (
            r#"{"http": {"routes": {"/a": {"provider": {"body": "model"}}}}}"#,
            ["http.routes./a.provider: found \"model\"", "`provider`"],
        ),
        (r#"{"http": {"default": {"env": ""}}}"#, ["http.default.env: found \"\"", "1 to 64 bytes"]),
        (
            r#"{"http": {"slo": {"x": {"target": 1, "latency_seconds": 1}}}}"#,
            ["http.slo.x.target: found 1 or more", "below 1"],
        ),
        (
            r#"{"http": {"slo": {"x": {"target": 0.9, "latency_seconds": 0}}}}"#,
            ["http.slo.x.latency_seconds: found 0", "above 0"],
        ),
        (r#"{"http": {"slo": {"x": {"target": 0.9}}}}"#, ["http.slo.x: missing field", "latency_seconds"]),
    ] {
        let said = Config::parse(json.as_bytes()).expect_err("must be refused").to_string();
        assert!(said.starts_with(parts[0]) && said.contains(parts[1]), "{json}: {said}");
    }
}
