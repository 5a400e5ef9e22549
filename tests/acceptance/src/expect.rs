//! What the sources' families must hold after the traffic, reckoned from what was sent (`../shared/reference/schema.md`
//! 6.2 and 7.8: names, labels and units), and from nothing that the filter said.
//!
//! What took time is known between two bounds: the upstream held it at least so long, the client waited at most so long.
//! So every figure has two; they differ only where time is in it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::promql::{Labels, NAME, Series};
use crate::traffic::{Kind, Llm, PHASES, Prompter};

/// The job that keeps KOSMOS' families, and no other.
pub const KOSMOS_JOB: &str = "kosmos-agents";
/// The job of everything else.
pub const GENOPS_JOB: &str = "genops-ai";

/// Bounds of the histograms' buckets, seconds as `le` has them. From the sources' code, or DESIGN 12 where they are silent.
const OPERATION: &[&str] =
    &["0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "15.0", "30.0", "60.0", "120.0", "300.0"];
const KUBERNETES: &[&str] = &["0.1", "0.5", "1.0", "2.0", "5.0", "10.0", "30.0", "60.0"];
const TTA: &[&str] = &["0.001", "0.01", "0.1", "0.5", "1.0", "2.0", "5.0", "10.0", "30.0", "60.0"];
const PYTHON: &[&str] =
    &["0.005", "0.01", "0.025", "0.05", "0.075", "0.1", "0.25", "0.5", "0.75", "1.0", "2.5", "5.0", "7.5", "10.0"];
const HTTP: &[&str] = &["0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0"];

/// Labels with a closed set of values: other values of theirs may stand at 0 beside what was counted.
const VARIABLE: &[&str] = &["type", "status", "error_type", "category"];

/// Service and environment of Prompter's families, as the configuration of the run has them.
pub const PROMPTER: [(&str, &str); 2] = [("service", "prompter-api"), ("env", "test")];

/// The category of what a primitive costs, as the configuration of the run has it.
pub const CATEGORY: &str = "llm_call";

/// A service level: primitive, target, seconds within which a request is fast enough.
pub const TARGETS: &[(&str, f64, f64)] = &[("api_process", 0.95, 0.5), ("critical_workflow", 0.95, 1.0)];

/// How long an exchange took, between two bounds.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// To the response head.
    pub head: (Duration, Duration),
    /// To its end.
    pub total: (Duration, Duration),
}

/// The family that Prometheus itself makes of every scrape.
pub const UP: &str = "up";

/// Which of two bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// All was as fast as it can have been.
    Fast,
    /// All was as slow as it can have been.
    Slow,
}

/// The moment that a sample shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// All traffic up to this phase is counted; beyond the last one Envoy has ended.
    pub phase: usize,
    /// Whether the request that is held is under way.
    pub held: bool,
}

/// Whole numbers of the family's smallest unit, in each phase, by bound.
type Cells = [[i128; 2]; PHASES];

/// What one family counts.
#[derive(Clone, Debug, Default)]
struct Family {
    /// How many of the smallest unit make one.
    scale: f64,
    series: BTreeMap<Labels, Cells>,
}

/// The books.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    families: BTreeMap<String, Family>,
    /// Labels of the gauge of requests under way.
    active: BTreeMap<String, BTreeSet<Labels>>,
    /// The gauge's labels of the request that is held.
    held: BTreeMap<String, Labels>,
}

const PICO: f64 = 1e12;
const NANO: f64 = 1e9;

/// Both bounds the same.
fn both(value: u64) -> [i128; 2] {
    [i128::from(value); 2]
}

fn labels<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Labels {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

impl Ledger {
    fn add(&mut self, name: &str, scale: f64, phase: usize, labels: Labels, value: [i128; 2]) {
        let family = self.families.entry(name.to_owned()).or_default();
        family.scale = scale;
        let cell = family.series.entry(labels).or_insert([[0; 2]; PHASES]);
        if let Some(cell) = cell.get_mut(phase) {
            *cell = [cell[0] + value[0], cell[1] + value[1]];
        }
    }

    fn count(&mut self, name: &str, phase: usize, labels: Labels, value: u64) {
        self.add(name, 1.0, phase, labels, both(value));
    }

    fn observe(&mut self, name: &str, phase: usize, base: &Labels, bounds: &[&str], took: (Duration, Duration)) {
        let inside = |took: Duration, le: &str| {
            let bound = le.parse().unwrap_or(f64::INFINITY);
            i128::from(took.as_secs_f64() <= bound)
        };
        for le in bounds.iter().copied().chain(["+Inf"]) {
            let mut labels = base.clone();
            labels.insert("le".to_owned(), le.to_owned());
            self.add(&format!("{name}_bucket"), 1.0, phase, labels, [inside(took.0, le), inside(took.1, le)]);
        }
        self.count(&format!("{name}_count"), phase, base.clone(), 1);
        let nanos = |took: Duration| i128::try_from(took.as_nanos()).unwrap_or(i128::MAX);
        self.add(&format!("{name}_sum"), NANO, phase, base.clone(), [nanos(took.0), nanos(took.1)]);
    }

    /// Books one exchange.
    pub fn book(&mut self, phase: usize, kind: &Kind, took: Took) {
        if let Some(llm) = &kind.llm {
            self.language_model(phase, llm, took);
            self.primitive_cost(phase, kind, llm);
        }
        self.web(phase, kind, took);
    }

    fn language_model(&mut self, phase: usize, llm: &Llm, took: Took) {
        let who = llm.caller;
        let two = [("provider", llm.provider), ("model", llm.model)];
        let standard = labels(two.into_iter().chain([
            ("team", who.team),
            ("project", who.project),
            ("customer_id", who.customer),
            ("environment", who.environment),
            ("feature", who.feature),
        ]));
        let operation = labels(two.into_iter().chain([
            ("team", who.team),
            ("environment", who.environment),
            ("operation_type", llm.operation),
        ]));
        let with = |base: &Labels, name: &str, value: &str| {
            let mut all = base.clone();
            all.insert(name.to_owned(), value.to_owned());
            all
        };
        let model = labels(two);
        if let Some(cost) = llm.cost {
            let both = both(cost);
            self.add("genops_cost_total_usd", PICO, phase, standard.clone(), both);
            let by_operation = with(&standard, "operation_type", llm.operation);
            self.add("genops_cost_by_operation_usd", PICO, phase, by_operation, both);
            self.add("genops_cost_by_model_usd", PICO, phase, model.clone(), both);
            self.add("llm_cost_dollars", PICO, phase, model.clone(), both);
        }
        if let Some((input, output)) = llm.tokens {
            self.count("genops_tokens_input_total", phase, standard.clone(), input);
            self.count("genops_tokens_output_total", phase, standard.clone(), output);
            for (kind, tokens) in [("input", input), ("output", output)] {
                self.count("genops_tokens_total", phase, with(&standard, "type", kind), tokens);
                self.count("llm_tokens_total", phase, with(&model, "type", kind), tokens);
            }
        }
        self.count("genops_operations_total", phase, operation.clone(), 1);
        if let Some(error) = llm.error {
            self.count("genops_operation_errors_total", phase, with(&operation, "error_type", error), 1);
        }
        self.observe("genops_operation_latency_seconds", phase, &operation, OPERATION, took.total);
        let status = if llm.error.is_some() { "error" } else { "success" };
        self.count("genops_requests_total", phase, with(&model, "status", status), 1);
        self.observe("genops_request_duration_seconds", phase, &model, KUBERNETES, took.total);
        self.count("llm_requests_total", phase, model.clone(), 1);
        self.observe("llm_request_duration_seconds", phase, &model, KUBERNETES, took.total);
    }

    fn primitive_cost(&mut self, phase: usize, kind: &Kind, llm: &Llm) {
        let (name, of) = kind.web.primitive;
        let Some(cost) = llm.cost else { return };
        let labels = labels([("primitive_name", name), ("primitive_type", of), ("category", CATEGORY)]);
        self.add("primitive_cost_total", PICO, phase, labels.clone(), both(cost));
        // Both or none (DESIGN 12): a savings rate of what saves nothing is 0, not absent.
        self.add("primitive_cost_savings", PICO, phase, labels, both(llm.saved.unwrap_or(0)));
    }

    fn web(&mut self, phase: usize, kind: &Kind, took: Took) {
        let web = kind.web;
        let status = kind.status();
        let code = status.to_string();
        let primitive = labels([("primitive_name", web.primitive.0), ("primitive_type", web.primitive.1)]);
        self.observe("primitive_duration_seconds", phase, &primitive, TTA, took.total);
        let mut counted = primitive.clone();
        counted.insert("status".to_owned(), if kind.failed() { "failure" } else { "success" }.to_owned());
        self.count("primitive_requests_total", phase, counted, 1);
        self.active.entry("primitive_active_requests".to_owned()).or_default().insert(primitive);

        let method = kind.request.method.as_str();
        let agent = web.agent.map(|a| ("agent", a));
        let endpoint = labels([("method", method), ("endpoint", web.template)].into_iter().chain(agent));
        self.observe("http_request_duration_seconds", phase, &endpoint, HTTP, took.head);
        let mut counted = endpoint;
        counted.insert("status".to_owned(), code.clone());
        self.count("http_requests_total", phase, counted, 1);
        self.active.entry("active_connections".to_owned()).or_default().insert(labels(agent));

        let route = labels(PROMPTER.into_iter().chain([("method", method), ("route", web.template)]));
        self.observe("starlette_requests_processing_seconds", phase, &route, PYTHON, took.head);
        let mut counted = route;
        counted.insert("status".to_owned(), code);
        self.count("starlette_requests_total", phase, counted, 1);
        self.prompter(phase, kind, took);
    }

    fn prompter(&mut self, phase: usize, kind: &Kind, took: Took) {
        let with = |pairs: &[(&str, &str)]| labels(PROMPTER.into_iter().chain(pairs.iter().copied()));
        match kind.web.prompter {
            Prompter::Nothing => {}
            Prompter::Creates(table) => {
                let violations = u64::from(kind.status() == 409);
                self.count("prompter_db_unique_violation_total", phase, with(&[("table", table)]), violations);
            }
            Prompter::Stores => {
                self.count("prompter_prompt_results_insert_total", phase, with(&[]), u64::from(!kind.failed()));
            }
            Prompter::Ensures(provider) => {
                let labels = with(&[("provider", provider)]);
                self.observe("prompter_ensure_version_seconds", phase, &labels, PYTHON, took.total);
            }
            Prompter::Probes => {
                if let Some(llm) = &kind.llm {
                    let labels = with(&[("provider", llm.provider), ("model", llm.model)]);
                    self.count("prompter_probe_attempts_total", phase, labels.clone(), 1);
                    self.count("prompter_probe_failures_total", phase, labels, u64::from(kind.failed()));
                }
            }
        }
        // A probe stores no result, so its fingerprint is in no ratio of them.
        if let Some(llm) = kind.llm.as_ref().filter(|l| l.provider == "openai" && kind.web.prompter != Prompter::Probes)
        {
            let present = "prompter_openai_fingerprint_present_total";
            self.count(present, phase, with(&[]), u64::from(llm.fingerprint));
        }
    }

    /// Says which request is under way while one is held.
    pub fn hold(&mut self, kind: &Kind) {
        let (name, of) = kind.web.primitive;
        self.held
            .insert("primitive_active_requests".to_owned(), labels([("primitive_name", name), ("primitive_type", of)]));
        self.held.insert("active_connections".to_owned(), labels(kind.web.agent.map(|a| ("agent", a))));
    }

    /// Whether the books know the family; those that follow from others are named, too.
    pub fn knows(&self, name: &str) -> bool {
        self.families.contains_key(name) || self.active.contains_key(name) || DERIVED.contains(&name)
    }

    /// The family's label sets.
    pub fn sets(&self, name: &str) -> Vec<Labels> {
        match name {
            "genops_token_efficiency_tokens_per_usd" => self.sets("genops_cost_total_usd"),
            UP => vec![Labels::new()],
            "primitive_slo_compliance" | "primitive_error_budget_remaining" => {
                let target = |l: &Labels| TARGETS.iter().any(|(n, ..)| l.get("primitive_name").is_some_and(|p| p == n));
                self.sets("primitive_active_requests").into_iter().filter(target).collect()
            }
            _ => match (self.families.get(name), self.active.get(name)) {
                (Some(family), _) => family.series.keys().cloned().collect(),
                (None, Some(sets)) => sets.iter().cloned().collect(),
                (None, None) => Vec::new(),
            },
        }
    }

    /// The value of one series; 0 for a label set that was never counted.
    pub fn value(&self, name: &str, set: &Labels, state: State, bound: Bound) -> f64 {
        match name {
            UP => f64::from(u8::from(state.phase < PHASES)),
            "genops_token_efficiency_tokens_per_usd" => {
                let tokens = self.summed("genops_tokens_total", set, state, bound);
                tokens / self.value("genops_cost_total_usd", set, state, bound)
            }
            "primitive_slo_compliance" => self.level(set, state, bound).0,
            "primitive_error_budget_remaining" => {
                let (level, target) = self.level(set, state, bound);
                if level >= target { 1.0 } else { (1.0 - (target - level) / (1.0 - target)).max(0.0) }
            }
            _ if self.active.contains_key(name) => {
                f64::from(u8::from(state.held && self.held.get(name).is_some_and(|held| held == set)))
            }
            _ => {
                let Some(family) = self.families.get(name) else { return f64::NAN };
                let column = usize::from(bound == Bound::Slow);
                let cells = family.series.get(set).copied().unwrap_or_default();
                let sum: i128 = cells.iter().take(state.phase + 1).filter_map(|cell| cell.get(column)).sum();
                sum as f64 / family.scale
            }
        }
    }

    /// The family's series that hold all of `set`, together.
    fn summed(&self, name: &str, set: &Labels, state: State, bound: Bound) -> f64 {
        let holds = |l: &&Labels| set.iter().all(|(n, v)| l.get(n) == Some(v));
        let all = self.families.get(name).into_iter().flat_map(|f| f.series.keys()).filter(holds);
        all.map(|l| self.value(name, l, state, bound)).sum()
    }

    /// The lower of availability and of the part that was fast enough, and the target (reference/schema.md 3).
    fn level(&self, set: &Labels, state: State, bound: Bound) -> (f64, f64) {
        let name = set.get("primitive_name").map(String::as_str).unwrap_or_default();
        let Some((_, target, within)) = TARGETS.iter().find(|(n, ..)| *n == name) else { return (f64::NAN, f64::NAN) };
        let with = |name: &str, value: &str| {
            let mut all = set.clone();
            all.insert(name.to_owned(), value.to_owned());
            all
        };
        let all = self.summed("primitive_requests_total", set, state, bound);
        let good = self.value("primitive_requests_total", &with("status", "success"), state, bound);
        let fast = self.value("primitive_duration_seconds_bucket", &with("le", &format!("{within:?}")), state, bound);
        if all == 0.0 { (1.0, *target) } else { (good.min(fast) / all, *target) }
    }

    /// Whether a series that was never counted may stand at 0: another value of a closed label beside one that was.
    pub fn may_be_zero(&self, name: &str, set: &Labels) -> bool {
        let open = |l: &Labels| -> Labels {
            l.iter().filter(|(n, _)| !VARIABLE.contains(&n.as_str())).map(|(n, v)| (n.clone(), v.clone())).collect()
        };
        self.families.contains_key(name) && self.sets(name).iter().any(|known| open(known) == open(set))
    }

    /// Names of all families.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.families.keys().chain(self.active.keys()).map(String::as_str).chain(DERIVED.iter().copied())
    }
}

/// Gauges that follow from the books.
const DERIVED: &[&str] =
    &["genops_token_efficiency_tokens_per_usd", "primitive_slo_compliance", "primitive_error_budget_remaining"];

/// The job that a family's series have.
pub fn job(name: &str) -> &'static str {
    let kosmos = name.starts_with("http_") || name == "active_connections" || name.starts_with("agent_tasks");
    if kosmos { KOSMOS_JOB } else { GENOPS_JOB }
}

/// What a scrape adds to labels.
pub fn target(name: &str, instance: &str) -> [(String, String); 3] {
    [
        (NAME.to_owned(), name.to_owned()),
        ("job".to_owned(), job(name).to_owned()),
        ("instance".to_owned(), instance.to_owned()),
    ]
}

/// The labels without what a scrape added.
pub fn untargeted(labels: &Labels) -> Labels {
    let added = [NAME, "job", "instance"];
    labels.iter().filter(|(n, _)| !added.contains(&n.as_str())).map(|(n, v)| (n.clone(), v.clone())).collect()
}

/// The series of `name` as they should be at the given instants.
pub fn series(
    ledger: &Ledger,
    (name, instance): (&str, &str),
    seen: &[(Labels, Vec<i64>)],
    state: impl Fn(i64) -> State,
    bound: Bound,
) -> Vec<Series> {
    let mut sets = ledger.sets(name);
    for (labels, _) in seen {
        let set = untargeted(labels);
        if !sets.contains(&set) && ledger.may_be_zero(name, &set) {
            sets.push(set);
        }
    }
    let every: BTreeSet<i64> = seen.iter().flat_map(|(_, times)| times.iter().copied()).collect();
    sets.into_iter()
        .map(|set| {
            let own = seen.iter().find(|(labels, _)| untargeted(labels) == set).map(|(_, times)| times.clone());
            let times = own.unwrap_or_else(|| every.iter().copied().collect());
            let points = times.into_iter().map(|t| (t, ledger.value(name, &set, state(t), bound))).collect();
            let labels = set.into_iter().chain(target(name, instance)).collect();
            Series { labels, points }
        })
        .collect()
}
