//! The kinds of exchange and how many of each: few enough for a minute, different enough that no two labels, prices or
//! counts can be taken for each other.
//!
//! Phases: 0 is the warm-up, 1 becomes yesterday in the backfilled data base, 2 an hour ago, 3 half an hour ago, 4 the
//! last minutes, 5 an excess that only alerts are asked about.

use std::time::Duration;

use genops_tests::client::{Leave, Request};
use genops_tests::upstream::{Answer, Ending};
use hyper::header::HeaderValue;
use serde_json::json;

use super::answers::{
    anthropic_error, chat, chat_stream, embedding, generate_content, google_error, message, messages_stream,
    openai_error, plain,
};
use super::{Caller, Kind, Llm, Money, Prompter, Web, price};

/// How many phases there are.
pub const PHASES: usize = 6;

const SEARCH: Caller =
    Caller { team: "search", project: "assistant", customer: "acme", environment: "production", feature: "chat" };
const RESEARCH: Caller =
    Caller { team: "research", project: "crawler", customer: "globex", environment: "staging", feature: "rag" };
const SUPPORT: Caller =
    Caller { team: "support", project: "helpdesk", customer: "initech", environment: "production", feature: "triage" };
const LEGAL: Caller =
    Caller { team: "legal", project: "contracts", customer: "umbrella", environment: "production", feature: "review" };

const OPENAI: (&str, &str) = ("api.openai.com", "/v1/chat/completions");
const EMBEDDINGS: (&str, &str) = ("api.openai.com", "/v1/embeddings");
const ANTHROPIC: (&str, &str) = ("api.anthropic.com", "/v1/messages");
const GOOGLE: (&str, &str) = ("generativelanguage.googleapis.com", "/v1beta/models/gemini-2.5-flash:generateContent");
const MISTRAL: (&str, &str) = ("api.mistral.ai", "/v1/chat/completions");
const OPENROUTER: (&str, &str) = ("openrouter.ai", "/api/v1/chat/completions");

/// The billed tokens of one exchange.
#[derive(Clone, Copy, Default)]
struct Tokens {
    fresh: u64,
    cached: u64,
    written: u64,
    output: u64,
}

impl Tokens {
    fn input(self) -> u64 {
        self.fresh + self.cached + self.written
    }

    /// By the list, and what the cached part would have cost more.
    fn cost(self, model: &str) -> (Option<Money>, Option<Money>) {
        let Some(price) = price(model) else { return (None, None) };
        let Self { fresh, cached, written, output } = self;
        let cost =
            fresh * price.input + cached * price.cache_read + written * price.cache_write + output * price.output;
        (Some(cost), Some(cached * (price.input - price.cache_read)))
    }
}

fn milliseconds(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// An LLM exchange that tells its tokens.
fn used(provider: &'static str, model: &'static str, caller: Caller, tokens: Tokens) -> Llm {
    let (cost, saved) = tokens.cost(model);
    let operation = if model.contains("embedding") { "embedding" } else { "completion" };
    Llm {
        provider,
        model,
        operation,
        caller,
        tokens: Some((tokens.input(), tokens.output)),
        cost,
        saved,
        error: None,
        fingerprint: false,
    }
}

/// The same exchange, gone wrong: no tokens, no cost.
fn failed(of: &Llm, error: &'static str) -> Llm {
    Llm { tokens: None, cost: None, saved: None, error: Some(error), fingerprint: false, ..of.clone() }
}

/// A request for a model.
fn ask(name: &'static str, to: (&str, &str), caller: Caller, model: &str, stream: bool) -> Request {
    let mut body = json!({"model": model, "messages": [{"role": "user", "content": "hello"}]});
    if to == EMBEDDINGS {
        body = json!({"model": model, "input": "hello"});
    }
    if let (true, Some(body)) = (stream, body.as_object_mut()) {
        body.insert("stream".to_owned(), json!(true));
        if to == OPENAI {
            body.insert("stream_options".to_owned(), json!({"include_usage": true}));
        }
    }
    let headers = [
        ("content-type", "application/json"),
        ("x-genops-team", caller.team),
        ("x-genops-project", caller.project),
        ("x-genops-customer-id", caller.customer),
        ("x-genops-environment", caller.environment),
        ("x-genops-feature", caller.feature),
    ];
    let headers = headers.iter().map(|(n, v)| (*n, v.as_bytes()));
    Request::new(name, ("POST", to.0, to.1), headers, body.to_string())
}

/// Marks a probe of a provider, as the run's configuration has it.
pub const PROBE_HEADER: &str = "x-prompter-probe";
/// Names an agent, as the run's configuration has it.
pub const AGENT_HEADER: &str = "x-kosmos-agent";

/// LLM traffic as the watchers of HTTP see it: routed by the run's configuration, but for what goes to OpenRouter, whose
/// primitive is then named after its API.
fn routed(to: (&str, &str)) -> Web {
    let (template, primitive) = match to {
        EMBEDDINGS => ("/v1/embeddings", ("embed", "llm")),
        ANTHROPIC => ("/v1/messages", ("messages", "llm")),
        GOOGLE => ("/v1beta/models/{model}", ("generate", "llm")),
        OPENROUTER => ("other", ("chat.completions", "llm")),
        _ => ("/v1/chat/completions", ("chat", "llm")),
    };
    Web { template, primitive, agent: None, prompter: Prompter::Nothing }
}

struct Draft {
    name: &'static str,
    request: Request,
    answer: Answer,
    llm: Option<Llm>,
    web: Web,
}

impl Draft {
    /// So many in each phase.
    fn times(self, counts: [usize; PHASES]) -> Kind {
        let Self { name, request, answer, llm, web } = self;
        Kind { name, request, answer, leave: Leave::AtEnd, llm, web, counts }
    }
}

fn llm(name: &'static str, to: (&str, &str), (asked, stream): (&str, bool), llm: Llm, answer: Answer) -> Draft {
    Draft { name, request: ask(name, to, llm.caller, asked, stream), answer, llm: Some(llm), web: routed(to) }
}

/// A probe of OpenAI.
fn probe(name: &'static str, of: Llm, answer: Answer) -> Draft {
    let mut draft = llm(name, OPENAI, ("gpt-4o-mini", false), of, answer);
    draft.request.headers.insert(PROBE_HEADER, HeaderValue::from_static("1"));
    draft.web.prompter = Prompter::Probes;
    draft
}

fn language_models() -> Vec<Kind> {
    let chat_tokens = Tokens { fresh: 176, cached: 1024, output: 340, ..Tokens::default() };
    let search = used("openai", "gpt-4o", SEARCH, chat_tokens);
    let mini = used("openai", "gpt-4o-mini", RESEARCH, Tokens { fresh: 4000, output: 900, ..Tokens::default() });
    // `answers::chat` names a fingerprint, as OpenAI does.
    let mini = Llm { fingerprint: true, ..mini };
    let embed = used("openai", "text-embedding-3-small", RESEARCH, Tokens { fresh: 8000, ..Tokens::default() });
    let sonnet_tokens = Tokens { fresh: 900, written: 2000, cached: 5000, output: 1500 };
    let sonnet = used("anthropic", "claude-sonnet-4-5", SUPPORT, sonnet_tokens);
    let opus_tokens = Tokens { fresh: 150_000, output: 30_000, ..Tokens::default() };
    let opus = used("anthropic", "claude-opus-4-1", LEGAL, opus_tokens);
    let gemini_tokens = Tokens { fresh: 2500, output: 1000, ..Tokens::default() };
    let gemini = used("google", "gemini-2.5-flash", SEARCH, gemini_tokens);
    let slow_tokens = Tokens { fresh: 3000, output: 2000, ..Tokens::default() };
    let slow = used("mistral", "mistral-large", RESEARCH, slow_tokens);
    let nobody = used("openai", "a-model-of-nobody", RESEARCH, Tokens { fresh: 10, output: 10, ..Tokens::default() });
    let nobody = Llm { fingerprint: true, ..nobody };
    let broken_off = Llm { tokens: None, cost: None, saved: None, ..search.clone() };
    // OpenRouter says itself what it bills.
    let stated = |dollars: u64| Llm {
        cost: Some(dollars * 1_000_000_000_000),
        ..used("openrouter", "house/own-model", LEGAL, Tokens { fresh: 20, output: 10, ..Tokens::default() })
    };
    let billed = |dollars: u64| chat("house/own-model", (20, 0, 10), &json!({"cost": dollars}));

    let mut gone = llm(
        "chat-left",
        OPENAI,
        ("gpt-4o", true),
        broken_off,
        // It stalls behind its last event, and the client does not wait.
        chat_stream("gpt-4o-2024-08-06", None).ending(Ending::StallAfter(usize::MAX)),
    )
    .times([1, 1, 0, 0, 1, 0]);
    gone.leave = Leave::Lingering(1, milliseconds(300));

    vec![
        llm(
            "chat",
            OPENAI,
            ("gpt-4o", true),
            search,
            chat_stream("gpt-4o-2024-08-06", Some((1200, 1024, 340))).after(milliseconds(150), Duration::ZERO),
        )
        .times([1, 2, 1, 4, 6, 0]),
        gone,
        llm(
            "mini",
            OPENAI,
            ("gpt-4o-mini", false),
            mini.clone(),
            chat("gpt-4o-mini-2024-07-18", (4000, 0, 900), &json!({})).after(milliseconds(650), Duration::ZERO),
        )
        .times([1, 10, 2, 2, 1, 0]),
        llm(
            "mini-limited",
            OPENAI,
            ("gpt-4o-mini", false),
            failed(&mini, "rate_limited"),
            openai_error(429, "rate_limit_exceeded"),
        )
        .times([1, 1, 0, 0, 1, 0]),
        probe("probe", mini.clone(), chat("gpt-4o-mini-2024-07-18", (4000, 0, 900), &json!({})))
            .times([1, 4, 1, 1, 1, 0]),
        probe("probe-failed", failed(&mini, "server_error"), openai_error(500, "server_error"))
            .times([1, 1, 0, 1, 0, 0]),
        llm("embed", EMBEDDINGS, ("text-embedding-3-small", false), embed, embedding("text-embedding-3-small", 8000))
            .times([1, 5, 5, 5, 5, 0]),
        llm(
            "sonnet",
            ANTHROPIC,
            ("claude-sonnet-4-5", true),
            sonnet.clone(),
            messages_stream("claude-sonnet-4-5-20250929", (900, 2000, 5000), 1500)
                .after(milliseconds(300), milliseconds(1200)),
        )
        .times([1, 3, 0, 3, 2, 0]),
        llm(
            "sonnet-overloaded",
            ANTHROPIC,
            ("claude-sonnet-4-5", true),
            failed(&sonnet, "overloaded"),
            anthropic_error(529, "overloaded_error"),
        )
        .times([1, 1, 0, 1, 0, 0]),
        llm("opus", ANTHROPIC, ("claude-opus-4-1", false), opus, message("claude-opus-4-1-20250805", 150_000, 30_000))
            .times([1, 1, 0, 1, 1, 0]),
        llm(
            "gemini",
            GOOGLE,
            ("gemini-2.5-flash", false),
            gemini.clone(),
            generate_content("gemini-2.5-flash", 2500, 700, 300).after(milliseconds(6200), Duration::ZERO),
        )
        .times([1, 2, 0, 0, 0, 0]),
        llm(
            "gemini-quick",
            GOOGLE,
            ("gemini-2.5-flash", false),
            gemini.clone(),
            generate_content("gemini-2.5-flash", 2500, 700, 300).after(milliseconds(70), Duration::ZERO),
        )
        .times([0, 0, 2, 2, 2, 0]),
        llm(
            "gemini-down",
            GOOGLE,
            ("gemini-2.5-flash", false),
            failed(&gemini, "server_error"),
            google_error(500, "INTERNAL"),
        )
        .times([1, 0, 1, 0, 1, 0]),
        llm(
            "slow",
            MISTRAL,
            ("mistral-large-latest", false),
            slow,
            chat("mistral-large-latest", (3000, 0, 2000), &json!({})).after(milliseconds(17_000), Duration::ZERO),
        )
        .times([1, 1, 0, 0, 0, 0]),
        llm("nobody", OPENAI, ("a-model-of-nobody", false), nobody, chat("a-model-of-nobody", (10, 0, 10), &json!({})))
            .times([1, 1, 1, 0, 0, 0]),
        llm("stated", OPENROUTER, ("house/own-model", false), stated(1), billed(1)).times([1, 1, 1, 1, 1, 0]),
        llm("stated-dear", OPENROUTER, ("house/own-model", false), stated(2000), billed(2000))
            .times([0, 0, 0, 0, 0, 1]),
    ]
}

/// A request to an application.
fn call(name: &'static str, method: &str, path: &str, web: Web, status: u16, wait: u64) -> Draft {
    let json: (&str, &[u8]) = ("content-type", b"application/json");
    let mut request = Request::new(name, (method, "apps.internal", path), [json], r#"{"provider": "openai"}"#);
    if let Some(agent) = web.agent {
        request.headers.insert(AGENT_HEADER, HeaderValue::from_static(agent));
    }
    let answer = plain(status, &json!({"status": status})).after(milliseconds(wait), Duration::ZERO);
    Draft { name, request, answer, llm: None, web }
}

fn applications() -> Vec<Kind> {
    let web = |template, primitive, agent, prompter| Web { template, primitive, agent, prompter };
    let process = web("/api/process", ("api_process", "api"), None, Prompter::Nothing);
    let critical = web("/workflows/critical", ("critical_workflow", "workflow"), None, Prompter::Nothing);
    let agent = |name| web("/agents/{agent}/ask", ("agent_ask", "agent"), Some(name), Prompter::Nothing);
    let prompts = |template, prompter| web(template, ("prompter", "api"), None, prompter);
    let create = prompts("/api/prompt-templates", Prompter::Creates("prompt_templates"));
    let run = prompts("/api/prompt-templates/{id}/run", Prompter::Stores);
    let ensure = prompts("/api/prompt-templates/{id}/ensure-version", Prompter::Ensures("openai"));
    vec![
        call("process", "POST", "/api/process", process, 200, 40).times([1, 8, 6, 6, 4, 0]),
        call("process-failed", "POST", "/api/process", process, 500, 40).times([1, 1, 0, 1, 1, 0]),
        call("critical", "POST", "/workflows/critical", critical, 200, 250).times([1, 9, 8, 8, 8, 0]),
        call("critical-failed", "POST", "/workflows/critical", critical, 503, 0).times([1, 0, 1, 0, 0, 0]),
        call("held", "POST", "/agents/hermes/ask", agent("hermes"), 200, 2_000).times([1, 0, 0, 1, 0, 0]),
        call("held-long", "POST", "/agents/hermes/ask", agent("hermes"), 200, 8_000).times([0, 0, 0, 0, 0, 1]),
        call("zeus", "POST", "/agents/zeus/ask", agent("zeus"), 200, 120).times([1, 4, 2, 2, 3, 0]),
        call("zeus-failed", "POST", "/agents/zeus/ask", agent("zeus"), 503, 0).times([1, 1, 0, 0, 1, 0]),
        call("athena", "POST", "/agents/athena/ask", agent("athena"), 200, 350).times([1, 2, 2, 2, 2, 0]),
        call("athena-missing", "POST", "/agents/athena/ask", agent("athena"), 404, 0).times([1, 1, 0, 0, 0, 0]),
        call("create", "POST", "/api/prompt-templates", create, 201, 0).times([1, 3, 2, 0, 0, 0]),
        call("create-again", "POST", "/api/prompt-templates", create, 409, 0).times([1, 1, 1, 0, 0, 0]),
        call("run", "POST", "/api/prompt-templates/3fa85f64/run", run, 200, 0).times([4, 26, 8, 7, 5, 0]),
        call("ensure", "POST", "/api/prompt-templates/3fa85f64/ensure-version", ensure, 200, 600)
            .times([1, 1, 1, 1, 1, 0]),
    ]
}

/// All kinds.
pub fn kinds() -> Vec<Kind> {
    language_models().into_iter().chain(applications()).collect()
}
