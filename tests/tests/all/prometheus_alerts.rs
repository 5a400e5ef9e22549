//! Every shipped alert fires when it should, and no other does: promtool runs the rules over series of a real scrape, made
//! to grow in a given way. Every recording rule gives something.
//!
//! Series that nothing serves yet (governance), or that other exporters serve, are written here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use genops_core::schema::{NAMESPACE, SCHEMAS, Table, stat_name::tag_rules};
use genops_host::replay::{Encoding, Recorded, ReplayOptions, quickstart, replay};
use genops_host::{ChunkPlan, FilterModule, Host, HostOptions, Plugin, PrometheusQuery, TagRule, TagRules};
use genops_tests::generated::workspace;
use serde_json::{Value, json};

use crate::envoy_support::filter;
use crate::prometheus_rules::passes;

/// Steps before something begins to change. At the common pace windows of an hour are full then.
const BEFORE: usize = 140;
/// Steps that the change then lasts: the longest `for` is an hour.
const AFTER: usize = 150;
/// How often the quickstart is repeated in healthy traffic, a minute: few enough that nobody spends too much.
const REPEATED: f64 = 0.25;

/// How time passes: seconds between two samples of a series, and between two evaluations.
#[derive(Clone, Copy)]
struct Pace {
    sampled: usize,
    evaluated: usize,
}

/// Two samples within a minute, the shortest window of a rule. Evaluated half as often as Prometheus does it: promtool computes
/// for half a minute as it is, and what is looked at lasts longer than any rule's `for`.
const COMMON: Pace = Pace { sampled: 30, evaluated: 120 };
/// For rules that look a day back: a sample every 13 minutes, [`BEFORE`] is 30 hours.
const DAYS: Pace = Pace { sampled: 780, evaluated: 780 };

/// Envoy's surface, or the filter's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Surface {
    Envoy,
    Own,
}

/// A series as scraped.
#[derive(Clone, Debug)]
struct Scraped {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
    gauge: bool,
}

/// What a series does; what grows is told by the minute at the common pace.
#[derive(Clone, Copy, Debug)]
enum Course {
    /// A counter that grows so much.
    Grows(f64),
    /// Grows so much until the change, and then so much.
    Turns(f64, f64),
    /// A gauge.
    Stays(f64),
    /// A counter that is not there before the change, and then has this value.
    Born(f64),
}

impl Course {
    /// In promtool's notation.
    fn values(self) -> String {
        let step = |a_minute: f64| a_minute * COMMON.sampled as f64 / 60.0;
        match self {
            Self::Grows(growth) => format!("0+{}x{}", step(growth), BEFORE + AFTER),
            Self::Turns(before, after) => {
                let (before, after) = (step(before), step(after));
                let turned = before * BEFORE as f64;
                format!("0+{before}x{BEFORE} {}+{after}x{}", turned + after, AFTER - 1)
            }
            Self::Stays(value) => format!("{value}x{}", BEFORE + AFTER),
            Self::Born(value) => format!("_x{BEFORE} {value}x{AFTER}"),
        }
    }
}

/// Everything that goes into one run of promtool.
#[derive(Clone, Default)]
struct Series(BTreeMap<String, Course>);

impl Series {
    fn set(&mut self, name: &str, labels: &[(&str, &str)], course: Course) {
        let mut all = BTreeMap::from([("job", "genops-ai"), ("instance", "envoy:9901")]);
        all.extend(labels.iter().copied());
        self.0.insert(written(name, all), course);
    }
}

fn written<'a>(name: &str, labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let labels: Vec<String> = labels.into_iter().map(|(label, value)| format!("{label}={value:?}")).collect();
    format!("{name}{{{}}}", labels.join(", "))
}

/// Replays exchanges through the filter in the native host and scrapes.
fn scrape(plugin: Plugin, exchanges: Vec<Recorded>, surface: Surface) -> Result<Vec<Scraped>> {
    let module = FilterModule::from_file(&filter()?)?;
    // The labels of all schemas: the shipped rules are those of the shipped configuration.
    let tags = tag_rules(&Table::new(SCHEMAS, NAMESPACE).tags());
    let rules: Vec<TagRule> = serde_json::from_value(serde_json::to_value(tags)?)?;
    let mut host = Host::start(&module, plugin, TagRules::new(&rules, true)?, HostOptions::default())?;
    let options = ReplayOptions { chunks: ChunkPlan::Whole, encode: Encoding::Identity, workers: 1, at_ns: 0 };
    let outcomes = replay(&mut host, exchanges, options, || {})?;
    ensure!(!outcomes.restless, "{outcomes:?}");
    let text = match surface {
        Surface::Envoy => String::from_utf8(host.prometheus(&PrometheusQuery::default()))?,
        Surface::Own => host.openmetrics().context("OpenMetrics")?,
    };
    samples(&text)
}

/// The samples of either text form.
fn samples(text: &str) -> Result<Vec<Scraped>> {
    let label = regex::Regex::new(r#"([a-z_]+)="((?:\\.|[^"\\])*)""#)?;
    let mut gauges = BTreeSet::new();
    let mut all = Vec::new();
    for line in text.lines() {
        if let Some(family) = line.strip_prefix("# TYPE ").and_then(|rest| rest.strip_suffix(" gauge")) {
            gauges.insert(family.to_owned());
        }
        if line.starts_with('#') {
            continue;
        }
        let (series, value) = line.rsplit_once(' ').with_context(|| line.to_owned())?;
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let labels = label.captures_iter(labels).map(|c| (c[1].to_owned(), c[2].to_owned())).collect();
        all.push(Scraped { gauge: gauges.contains(name), name: name.to_owned(), labels, value: value.parse()? });
    }
    Ok(all)
}

/// A file of rules on a surface, the series of its healthy traffic, and what to change.
struct Bench {
    surface: Surface,
    source: &'static str,
    healthy: Series,
    scraped: Vec<Scraped>,
}

/// Counters that do not move while all is well.
const STILL: &[&str] = &[
    "genops_operation_errors_total",
    "genops_cost_unpriced_total",
    "genops_series_overflow_total",
    "genops_label_rejected_total",
    "genops_cost_drift_total",
];
/// Outcomes that do not happen while all is well.
const BAD_OUTCOMES: &[&str] = &["missing", "unparsable", "unsupported", "too_large", "error"];

impl Bench {
    /// With the quickstart as traffic.
    fn new(surface: Surface, source: &'static str, changes: &Value) -> Result<Self> {
        Self::with(surface, source, scrape(plugin(changes)?, quickstart()?, surface)?)
    }

    fn with(surface: Surface, source: &'static str, scraped: Vec<Scraped>) -> Result<Self> {
        let mut bench = Self { surface, source, healthy: Series::default(), scraped };
        for series in &bench.scraped {
            let bad = series.labels.get("outcome").is_some_and(|outcome| BAD_OUTCOMES.contains(&outcome.as_str()))
                || series.labels.get("status").is_some_and(|status| status == "error");
            let course = match series.gauge {
                true => Course::Stays(series.value),
                false if bad || STILL.contains(&series.name.as_str()) => Course::Grows(0.0),
                false => Course::Grows(series.value * REPEATED),
            };
            let labels: Vec<(&str, &str)> = series.labels.iter().map(|(l, v)| (l.as_str(), v.as_str())).collect();
            bench.healthy.set(&series.name, &labels, course);
        }
        bench.healthy.set("up", &[], Course::Stays(1.0));
        Ok(bench)
    }

    fn file(&self) -> String {
        let directory = if self.surface == Surface::Envoy && self.source != "meter" { "rules-envoy" } else { "rules" };
        workspace().join(format!("envoy/prometheus/{directory}/{}.yml", self.source)).display().to_string()
    }

    /// A family of dollars as this surface has it, and a dollar in its unit.
    fn usd(&self, family: &str) -> (String, f64) {
        match self.surface {
            Surface::Envoy => (format!("{family}_pico"), 1e12),
            Surface::Own => (family.to_owned(), 1.0),
        }
    }

    /// The scraped series of a family that have these labels, the one with the greatest value first.
    fn series(&self, name: &str, with: &[(&str, &str)]) -> Result<Vec<&Scraped>> {
        let holds = |s: &&Scraped| with.iter().all(|(l, v)| s.labels.get(*l).is_some_and(|value| value == v));
        let mut all: Vec<&Scraped> = self.scraped.iter().filter(|s| s.name == name).filter(holds).collect();
        all.sort_by(|a, b| b.value.total_cmp(&a.value));
        ensure!(!all.is_empty(), "{:?}: no {name} {with:?} in the scrape", self.surface);
        Ok(all)
    }

    /// The healthy series, with the first of a family on another course.
    fn with_one(&self, name: &str, with: &[(&str, &str)], course: Course) -> Result<Series> {
        let one = self.series(name, with)?[0];
        let mut series = self.healthy.clone();
        let labels: Vec<(&str, &str)> = one.labels.iter().map(|(l, v)| (l.as_str(), v.as_str())).collect();
        series.set(name, &labels, course);
        Ok(series)
    }

    /// The healthy series and one more.
    fn with_another(&self, name: &str, labels: &[(&str, &str)], course: Course) -> Series {
        let mut series = self.healthy.clone();
        series.set(name, labels, course);
        series
    }

    /// The healthy series, with one latency histogram on another course: `grows` says how much each bucket grows.
    fn with_latency(&self, family: &str, per_minute: f64, slower_than: f64) -> Result<Series> {
        let one = self.series(&format!("{family}_count"), &[])?[0].clone();
        let mut series = self.healthy.clone();
        for bucket in self.series(&format!("{family}_bucket"), &[])? {
            let mut labels = bucket.labels.clone();
            let le = labels.remove("le").context("le")?;
            if labels == one.labels {
                let bound: f64 = if le == "+Inf" { f64::INFINITY } else { le.parse()? };
                let labels: Vec<(&str, &str)> = bucket.labels.iter().map(|(l, v)| (l.as_str(), v.as_str())).collect();
                series.set(&bucket.name, &labels, Course::Grows(if bound > slower_than { per_minute } else { 0.0 }));
            }
        }
        Ok(series)
    }

    /// Operations of the healthy traffic in one minute.
    fn operations(&self) -> Result<f64> {
        Ok(self.series("genops_operations_total", &[])?.iter().map(|s| s.value * REPEATED).sum())
    }
}

/// What one run is to show.
#[derive(Clone)]
struct Scenario<'a> {
    name: &'a str,
    series: Series,
    /// Step at which it is looked at; the change begins at [`BEFORE`].
    at: usize,
    firing: &'a [&'a str],
}

/// Runs promtool once over all scenarios of a bench, with `also` tests of expressions that hold for healthy traffic.
fn judge(bench: &Bench, scenarios: &[Scenario<'_>], also: &[Value]) -> Result<()> {
    judge_at(COMMON, bench, scenarios, also)
}

fn judge_at(pace: Pace, bench: &Bench, scenarios: &[Scenario<'_>], also: &[Value]) -> Result<()> {
    let mut tests = Vec::new();
    for Scenario { name, series, at, firing } in scenarios {
        let input: Vec<Value> =
            series.0.iter().map(|(series, course)| json!({"series": series, "values": course.values()})).collect();
        let firing: Vec<Value> =
            firing.iter().map(|alert| json!({"labels": format!("{{alertname={alert:?}}}"), "value": 1})).collect();
        let mut expressions = vec![json!({
            "expr": "group by (alertname) (ALERTS{alertstate=\"firing\"})",
            "eval_time": format!("{}s", at * pace.sampled),
            "exp_samples": firing,
        })];
        if *name == "healthy" {
            expressions.extend(also.iter().cloned());
        }
        tests.push(json!({
            "name": format!("{:?} {} {name}", bench.surface, bench.source),
            "interval": format!("{}s", pace.sampled),
            "input_series": input,
            "promql_expr_test": expressions,
        }));
    }
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("test.yml");
    let document =
        json!({"rule_files": [bench.file()], "evaluation_interval": format!("{}s", pace.evaluated), "tests": tests});
    fs::write(&file, document.to_string())?;
    passes(Command::new(genops_tools::tool::promtool()?).args(["test", "rules"]).arg(&file)).map(drop)
}

/// Every alert of `bench`'s file is in some scenario.
fn all_are_tried(bench: &Bench, scenarios: &[Scenario<'_>]) -> Result<()> {
    let text = fs::read_to_string(bench.file())?;
    let alerts: BTreeSet<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let tried: BTreeSet<&str> = scenarios.iter().flat_map(|scenario| scenario.firing.iter().copied()).collect();
    ensure!(alerts == tried, "{}: {:?}", bench.file(), alerts.symmetric_difference(&tried));
    Ok(())
}

/// The shipped configuration with other values under some keys.
fn plugin(changes: &Value) -> Result<Plugin> {
    let mut config: Value = serde_json::from_slice(&fs::read(workspace().join("envoy/genops.json"))?)?;
    let into = config.as_object_mut().context("an object")?;
    into.extend(changes.as_object().context("an object")?.clone());
    Ok(Plugin::new(config.to_string().into_bytes()))
}

/// What holds of the recorded series while traffic is healthy: each name of `records` is there, and no conversion lags.
fn recorded(bench: &Bench, waiting: &[&str]) -> Result<Vec<Value>> {
    let text = fs::read_to_string(bench.file())?;
    let records: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- record: "))
        .filter(|name| name.contains(':') && !waiting.iter().any(|prefix| name.starts_with(prefix)))
        .collect();
    ensure!(!records.is_empty(), "{}", bench.file());
    let names: Vec<Value> = records.iter().map(|name| json!({"labels": name, "value": 1})).collect();
    let mut tests = vec![json!({
        "expr": "group by (__name__) ({__name__=~\"[a-z]+:.+\"})",
        "eval_time": format!("{}s", BEFORE * COMMON.sampled),
        "exp_samples": names,
    })];
    if bench.surface == Surface::Envoy && text.contains("_pico / 1e12\n") {
        tests.push(json!({
            "expr": "count(genops_cost_total_usd == genops_cost_total_usd_pico / 1e12) == count(genops_cost_total_usd_pico)",
            "eval_time": format!("{}s", BEFORE * COMMON.sampled),
            "exp_samples": [{"labels": "{}", "value": bench.series("genops_cost_total_usd_pico", &[])?.len()}],
        }));
    }
    Ok(tests)
}

fn genops(surface: Surface) -> Result<()> {
    let bench = Bench::new(surface, "genops", &json!({}))?;
    let (cost, usd) = bench.usd("genops_cost_total_usd");
    let hourly = |dollars: f64| Course::Grows(dollars / 60.0 * usd);
    let latency = "genops_operation_latency_seconds";
    let monthly = [("team", "search"), ("budget_period", "monthly")];
    let budget = |value| bench.with_another("genops_budget_utilization_ratio", &monthly, Course::Stays(value));
    let policy = [("policy_name", "pii"), ("policy_type", "compliance")];
    let critical = [("policy_name", "pii"), ("policy_type", "critical")];
    let violations = "genops_policy_violations_total";
    let compliance = |value| bench.with_another("genops_policy_compliance_rate_ratio", &policy, Course::Stays(value));
    let mut score = bench.with_another("genops_evaluation_score_sum", &[("evaluator", "human")], Course::Grows(6.0));
    score.set("genops_evaluation_score_count", &[("evaluator", "human")], Course::Grows(10.0));
    let (operations, end) = (bench.operations()?, BEFORE + 60);
    let errors = |share: f64| bench.with_one("genops_operation_errors_total", &[], Course::Grows(operations * share));
    let operation = bench.series("genops_operations_total", &[])?[0].value * REPEATED;

    let scenario = |name, series, firing| Scenario { name, series, at: end, firing };
    let scenarios = [
        scenario("healthy", bench.healthy.clone(), &[][..]),
        scenario("a team at $6 an hour", bench.with_one(&cost, &[], hourly(6.0))?, &["TeamHighCostRate"]),
        scenario("a model at $12", bench.with_one(&cost, &[], hourly(12.0))?, &["HighCostRate", "TeamHighCostRate"]),
        scenario(
            "a model at $60",
            bench.with_one(&cost, &[], hourly(60.0))?,
            &["HighCostRate", "VeryHighCostRate", "TeamHighCostRate", "CustomerHighCostRate"],
        ),
        scenario(
            "tokens for gold",
            bench.with_one(&cost, &[], hourly(60_000.0))?,
            &["HighCostRate", "VeryHighCostRate", "TeamHighCostRate", "CustomerHighCostRate", "LowTokenEfficiency"],
        ),
        Scenario {
            name: "spending tenfold",
            series: bench.with_one(&cost, &[], Course::Turns(0.0005 * usd, 0.005 * usd))?,
            at: BEFORE + 28,
            firing: &["CostSpike"],
        },
        scenario(
            "many tokens",
            bench.with_one("genops_tokens_total", &[("type", "input")], Course::Grows(20_000.0))?,
            &["HighTokenConsumptionRate"],
        ),
        scenario("7 s", bench.with_latency(latency, operation, 5.0)?, &["HighLatency"]),
        scenario(
            "over 15 s",
            bench.with_latency(latency, 1000.0, 15.0)?,
            &["HighLatency", "VeryHighLatency", "ModelLatencySpike"],
        ),
        scenario("0.7 % fail", errors(0.007)?, &["ElevatedErrorRate"]),
        scenario("5 % fail", errors(0.05)?, &["HighErrorRate", "ElevatedErrorRate"]),
        Scenario {
            name: "errors tenfold, still few",
            series: bench.with_one(
                "genops_operation_errors_total",
                &[],
                Course::Turns(0.0003 * operations, 0.003 * operations),
            )?,
            at: BEFORE + 28,
            firing: &["ErrorSpike"],
        },
        scenario(
            "one went quiet",
            bench.with_one("genops_operations_total", &[], Course::Turns(1.0, 0.0))?,
            &["NoOperations"],
        ),
        scenario("not scraped", bench.with_another("up", &[], Course::Stays(0.0)), &["MetricsEndpointDown"]),
        // Governance: series written here.
        scenario("85 % of a budget", budget(0.85), &["BudgetWatch"]),
        scenario("95 % of a budget", budget(0.95), &["BudgetNearlyExceeded"]),
        scenario("120 % of a budget", budget(1.2), &["TeamOverBudget", "BudgetExceeded"]),
        scenario(
            "$50 left",
            bench.with_another("genops_budget_remaining_usd", &monthly, Course::Stays(50.0)),
            &["LowRemainingBudget"],
        ),
        scenario(
            "2 violations a second",
            bench.with_another(violations, &policy, Course::Grows(120.0)),
            &["PolicyViolationSpike"],
        ),
        scenario(
            "critical violations",
            bench.with_another(violations, &critical, Course::Grows(12.0)),
            &["CriticalPolicyViolation"],
        ),
        scenario("93 % comply", compliance(0.93), &["LowComplianceRate"]),
        scenario("80 % comply", compliance(0.8), &["LowComplianceRate", "VeryLowComplianceRate"]),
        scenario("all comply", compliance(1.0), &[]),
        scenario("scores of 0.6", score, &["LowEvaluationScore"]),
        scenario(
            "evaluations fail",
            bench.with_another("genops_evaluation_failures_total", &[("evaluator", "human")], Course::Grows(60.0)),
            &["HighEvaluationFailureRate"],
        ),
    ];
    all_are_tried(&bench, &scenarios)?;
    judge(&bench, &scenarios, &recorded(&bench, &["genops:policy:", "genops:budget:", "genops:evaluation:"])?)
}

#[test]
#[ignore = "slow tier: promtool is built for minutes"]
fn genops_on_envoys_surface() -> Result<()> {
    genops(Surface::Envoy)
}

#[test]
#[ignore = "slow tier: promtool is built for minutes"]
fn genops_on_the_filters_surface() -> Result<()> {
    genops(Surface::Own)
}

fn meter(surface: Surface) -> Result<()> {
    let mut exchanges = quickstart()?;
    // A customer id that no rule of validation takes, and more label sets than the limit.
    for (index, recorded) in exchanges.iter_mut().enumerate() {
        let customer = if index == 1 { "not an id!".to_owned() } else { format!("customer-{index}") };
        recorded.exchange.request_headers.push(b"x-genops-customer", customer.as_bytes());
    }
    let mut scraped = scrape(plugin(&json!({"max_label_cardinality": 5}))?, exchanges, surface)?;
    let mut inert = Plugin::new("{\"no such key\": 1}");
    inert.environment.push(("GENOPS_INVALID_CONFIG".to_owned(), "inert".to_owned()));
    let refused = scrape(inert, quickstart()?, surface)?;
    scraped.extend(refused.into_iter().filter(|series| series.name == "genops_config_invalid"));
    let mut bench = Bench::with(surface, "meter", scraped)?;
    // In good health there is none.
    bench.healthy.0.retain(|series, _| !series.starts_with("genops_config_invalid"));
    for (series, course) in &mut bench.healthy.0 {
        if series.starts_with("genops_series_active") {
            *course = Course::Stays(5.0);
        } else if series.starts_with("genops_series_limit") {
            *course = Course::Stays(10_000.0);
        }
    }

    let invalid = bench.with_one("genops_config_invalid", &[], Course::Stays(1.0))?;
    let (operations, end) = (bench.operations()?, BEFORE + AFTER);
    let scenario = |name, series, firing| Scenario { name, series, at: end, firing };
    let soon = |name, series, firing| Scenario { name, series, at: BEFORE + 4, firing };
    let unpriced = [("provider", "openai"), ("reason", "unknown_model")];
    let drift = |kind| [("provider", "openrouter"), ("model", "gpt-4o"), ("kind", kind)];
    let mut drifting = bench.with_another("genops_cost_drift_total", &drift("none"), Course::Grows(5.0));
    let mut close = drifting.clone();
    close.set("genops_cost_drift_total", &drift("small"), Course::Grows(5.0));
    drifting.set("genops_cost_drift_total", &drift("over"), Course::Grows(1.0));
    let active = |count| bench.with_one("genops_series_active", &[], Course::Stays(count));
    let scenarios = [
        scenario("healthy", bench.healthy.clone(), &[][..]),
        scenario("8,100 of 10,000 series", active(8_100.0)?, &["SeriesNearLimit"]),
        scenario("7,900 of 10,000 series", active(7_900.0)?, &[]),
        soon(
            "first overflow",
            bench.with_one("genops_series_overflow_total", &[], Course::Born(1.0))?,
            &["SeriesOverflow"],
        ),
        scenario("overflow long ago", bench.with_one("genops_series_overflow_total", &[], Course::Born(1.0))?, &[]),
        scenario(
            "overflow",
            bench.with_one("genops_series_overflow_total", &[], Course::Turns(0.0, 1.0))?,
            &["SeriesOverflow"],
        ),
        soon("a bad label", bench.with_one("genops_label_rejected_total", &[], Course::Born(1.0))?, &["LabelRejected"]),
        scenario(
            "bad labels",
            bench.with_one("genops_label_rejected_total", &[], Course::Turns(0.0, 1.0))?,
            &["LabelRejected"],
        ),
        scenario(
            "an unknown model",
            bench.with_another("genops_cost_unpriced_total", &unpriced, Course::Grows(operations)),
            &["UnpricedOperations"],
        ),
        scenario(
            "now and then an unknown model",
            bench.with_another("genops_cost_unpriced_total", &unpriced, Course::Grows(0.01)),
            &[],
        ),
        scenario(
            "streams that do not report",
            bench.with_one("genops_usage_outcomes_total", &[("outcome", "missing")], Course::Grows(operations))?,
            &["UsageNotRead"],
        ),
        scenario("another price", drifting, &["PriceBookDrift"]),
        scenario("nearly the same price", close, &[]),
        scenario("configuration refused", invalid, &["FilterConfigInvalid"]),
        scenario("waiting", bench.with_one("genops_stats_pending", &[], Course::Stays(1.0))?, &["StatsBacklog"]),
    ];
    all_are_tried(&bench, &scenarios)?;
    judge(&bench, &scenarios, &[])
}

#[test]
#[ignore = "slow tier: promtool is built for minutes"]
fn the_meter_on_envoys_surface() -> Result<()> {
    meter(Surface::Envoy)
}

#[test]
#[ignore = "slow tier: promtool is built for minutes"]
fn the_meter_on_the_filters_surface() -> Result<()> {
    meter(Surface::Own)
}

fn kubernetes(surface: Surface) -> Result<()> {
    let bench = Bench::new(surface, "genops-kubernetes", &json!({"schemas": ["genops-kubernetes"]}))?;
    let end = BEFORE + 60;
    let scenario = |name, series, firing| Scenario { name, series, at: end, firing };
    let budget = |percent| {
        bench.with_another("genops_budget_utilization_percent", &[("team", "search")], Course::Stays(percent))
    };
    let policy = [("policy_type", "pii"), ("team", "search")];
    let violations = |step| bench.with_another("genops_policy_violations_total", &policy, Course::Grows(step));
    let openai: f64 =
        bench.series("genops_requests_total", &[("provider", "openai")])?.iter().map(|s| s.value * REPEATED).sum();
    let failed = [("provider", "openai"), ("status", "error")];
    let errors = |share: f64| bench.with_one("genops_requests_total", &failed, Course::Grows(openai * share));
    let namespace = ("namespace", "genops-system");
    let pod = |phase| {
        let labels = [namespace, ("pod", "gateway-0"), ("phase", phase)];
        bench.with_another("kube_pod_status_phase", &labels, Course::Stays(1.0))
    };
    let memory = |used: f64| {
        let labels = [namespace, ("pod", "gateway-0")];
        let mut series = bench.with_another("container_memory_working_set_bytes", &labels, Course::Stays(used));
        series.set("container_spec_memory_limit_bytes", &labels, Course::Stays(1e9));
        series
    };
    let collector = |up| bench.with_another("up", &[("job", "otel-collector")], Course::Stays(up));
    let quality = |score| bench.with_another("genops_eval_quality_score", &[("model", "gpt-4o")], Course::Stays(score));
    let left = |usd| bench.with_another("genops_budget_remaining_usd", &[("team", "search")], Course::Stays(usd));

    let scenarios = [
        scenario("healthy", bench.healthy.clone(), &[][..]),
        scenario("one in ten fails", errors(0.1)?, &["HighErrorRate"]),
        scenario("one in fifty fails", errors(0.02)?, &[]),
        scenario("over 10 s", bench.with_latency("genops_request_duration_seconds", 1000.0, 10.0)?, &["HighLatency"]),
        scenario("5 to 10 s", bench.with_latency("genops_request_duration_seconds", 1000.0, 5.0)?, &[]),
        // Governance and other exporters: series written here.
        scenario("85 % of a budget", budget(85.0), &["BudgetThreshold80Percent"]),
        scenario("97 % of a budget", budget(97.0), &["BudgetThreshold80Percent", "BudgetThreshold95Percent"]),
        scenario("nothing left", left(0.0), &["BudgetExhausted"]),
        scenario("a dollar left", left(1.0), &[]),
        scenario("a violation a minute", violations(1.0), &["PolicyViolationsDetected"]),
        scenario("a violation a second", violations(60.0), &["PolicyViolationsDetected", "HighPolicyViolationRate"]),
        scenario("scores of 0.6", quality(0.6), &["LowQualityScore"]),
        scenario("scores of 0.8", quality(0.8), &[]),
        scenario("a pod failed", pod("Failed"), &["GenOpsPodDown"]),
        scenario("a pod runs", pod("Running"), &[]),
        scenario("95 % of the memory", memory(0.95e9), &["HighMemoryUsage"]),
        scenario("half of the memory", memory(0.5e9), &[]),
        scenario("no collector", collector(0.0), &["OTelCollectorDown"]),
        scenario("a collector", collector(1.0), &[]),
    ];
    let (cost, usd) = bench.usd("genops_cost_total_usd");
    let turns = |before: f64, after: f64| bench.with_one(&cost, &[], Course::Turns(before * usd, after * usd));
    let later = |name, series, firing| Scenario { name, series, at: BEFORE + 10, firing };
    let days = [
        later("twice yesterday", turns(1.0, 2.0)?, &["CostAnomaly"][..]),
        later("a quarter more than yesterday", turns(1.0, 1.25)?, &[]),
    ];
    let tried: Vec<Scenario<'_>> = scenarios.iter().chain(&days).map(Scenario::clone).collect();
    all_are_tried(&bench, &tried)?;
    judge(&bench, &scenarios, &recorded(&bench, &[])?)?;
    judge_at(DAYS, &bench, &days, &[])
}

#[test]
#[ignore = "slow tier: promtool is built for minutes"]
fn genops_on_kubernetes_on_envoys_surface() -> Result<()> {
    kubernetes(Surface::Envoy)
}

#[test]
#[ignore = "slow tier: promtool is built for minutes"]
fn genops_on_kubernetes_on_the_filters_surface() -> Result<()> {
    kubernetes(Surface::Own)
}
