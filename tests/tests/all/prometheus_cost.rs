//! `genops-host cost-report` and `cost-breakdown` against a real Prometheus: on a history with every case that a counter can
//! have, and on live traffic; and the commands of the runbooks.

use std::fmt::Write as _;
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use genops_tests::client::{Leave, send_all};
use genops_tests::envoy::{Bootstrap, Envoy, Setup};
use genops_tests::generated::workspace;
use genops_tests::host_command::genops_host;
use genops_tests::prometheus::Prometheus;
use genops_tests::upstream::Upstream;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::envoy_support::{ask, chat, filter, now_ns};
use crate::prometheus_rules::files;

/// A scrape and an evaluation, far more than one second each.
const PATIENCE: Duration = Duration::from_secs(30);
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
/// The history begins so long ago; it is asked about the last 6 hours.
const BEGIN: i64 = 8 * HOUR;

fn host(arguments: &[&str]) -> Result<Output> {
    Ok(Command::new(genops_host()?).args(arguments).env_remove("PROMETHEUS_URL").output()?)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The command's JSON.
fn asked(arguments: &[&str]) -> Result<Value> {
    let output = host(arguments)?;
    ensure!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn figure(value: &Value, at: &str) -> Result<f64> {
    value.pointer(at).and_then(Value::as_f64).with_context(|| format!("{at} in {value:#}"))
}

/// A history in OpenMetrics: one sample a minute.
struct History {
    now: i64,
    families: Vec<(&'static str, String)>,
}

impl History {
    /// `value` says what the series has so many seconds before now; nothing where it is not there.
    fn series(&mut self, name: &'static str, labels: &str, value: impl Fn(i64) -> Option<f64>) {
        if !self.families.iter().any(|(family, _)| *family == name) {
            self.families.push((name, String::new()));
        }
        let Some((_, lines)) = self.families.iter_mut().find(|(family, _)| *family == name) else { return };
        for ago in (0..=BEGIN / MINUTE).rev().map(|minutes| minutes * MINUTE) {
            if let Some(value) = value(ago) {
                let _never = writeln!(lines, "{name}{{{labels}}} {value} {}", self.now - ago);
            }
        }
    }

    fn text(&self) -> String {
        self.families.iter().map(|(_, lines)| lines.as_str()).collect::<String>() + "# EOF\n"
    }
}

/// Grows evenly from one value to another between two times before now.
fn ramp(from: f64, to: f64, begin: i64, end: i64) -> impl Fn(i64) -> Option<f64> {
    move |ago| {
        let part = ((begin - ago) as f64 / (begin - end) as f64).clamp(0.0, 1.0);
        Some((from + (to - from) * part).round())
    }
}

fn history(now: i64) -> String {
    const PICO: &str = "genops_cost_total_usd_pico";
    const USD: &str = "genops_cost_total_usd";
    let mut history = History { now, families: Vec::new() };
    let envoy = "job=\"genops-ai\",instance=\"envoy:9901\"";
    let own = "job=\"genops-ai\",instance=\"filter:8000\"";
    let new = "job=\"genops-ai\",instance=\"new:8000\"";
    history.series("up", envoy, |_| Some(1.0));
    history.series("up", own, |_| Some(1.0));
    // Reached only since an hour, though it has long been there.
    history.series("up", new, |ago| Some(if ago > HOUR { 0.0 } else { 1.0 }));

    // There all the time: 2 USD within the period, 1 before.
    let gpt = format!("{envoy},provider=\"openai\",model=\"gpt-4o\",team=\"search\",customer_id=\"acme\"");
    history.series(PICO, &gpt, ramp(1e12, 3e12, 5 * HOUR, 3 * HOUR));
    // Recorded only since two hours, when the rules were loaded: it must not count beside, or in place of, the counter.
    history.series(USD, &gpt, |ago| (ago <= 2 * HOUR).then_some(3.0));
    // Born with its first cost, on a target that was there: 0.75 USD.
    let mini = format!("{envoy},provider=\"openai\",model=\"gpt-4o-mini\",team=\"search\"");
    history.series(PICO, &mini, |ago| (ago < 4 * HOUR).then_some(if ago > 2 * HOUR { 0.5e12 } else { 0.75e12 }));
    // The proxy was restarted: 3 USD before, 1 after.
    let batch = format!("{envoy},provider=\"openai\",model=\"o3\",team=\"batch\"");
    let (before, after) = (ramp(2e12, 5e12, 5 * HOUR, 4 * HOUR), ramp(0.0, 1e12, 3 * HOUR, 2 * HOUR));
    history.series(PICO, &batch, |ago| if ago > 3 * HOUR { before(ago) } else { after(ago) });
    // The filter's own surface, on a proxy that was taken away an hour ago: 2.5 USD.
    let claude =
        format!("{own},provider=\"anthropic\",model=\"claude-sonnet-4-5\",team=\"search\",customer_id=\"acme\"");
    let dollars = ramp(10.0, 20.0, 5 * HOUR, 3 * HOUR);
    history.series(USD, &claude, |ago| (ago >= HOUR).then(|| dollars(ago).map(|d| 10.0 + (d - 10.0) / 4.0)).flatten());
    // What it had counted before it was first scraped is not of this period, as far as anyone knows: 0.5 USD.
    let mistral = format!("{new},provider=\"mistral\",model=\"mistral-large\",team=\"search\"");
    history.series(USD, &mistral, |ago| (ago <= HOUR).then_some(if ago > HOUR / 2 { 7.0 } else { 7.5 }));

    history.series("genops_tokens_input_total", &gpt, ramp(1000.0, 3000.0, 5 * HOUR, 3 * HOUR));
    history.series("genops_tokens_output_total", &gpt, ramp(100.0, 400.0, 5 * HOUR, 3 * HOUR));
    let unpriced = format!("{envoy},provider=\"openai\",reason=\"unknown_model\"");
    history.series("genops_cost_unpriced_total", &unpriced, ramp(5.0, 9.0, 5 * HOUR, 3 * HOUR));
    history.text()
}

fn seconds() -> Result<i64> {
    Ok(i64::try_from(now_ns()? / 1_000_000_000)?)
}

#[tokio::test]
#[ignore = "slow tier: promtool is built for minutes"]
async fn what_was_spent_is_what_the_counters_gained() -> Result<()> {
    let config = json!({"scrape_configs": []});
    let prometheus = Prometheus::with(config, &[], &history(seconds()?)).await?;
    let url = format!("http://{}", prometheus.address());
    let base = ["--prometheus", &url, "--period", "6h", "--json"];

    let report = asked(&[&["cost-report", "--team", "search"][..], &base].concat())?;
    ensure!(figure(&report, "/total/cost_usd")? == 2.0 + 0.75 + 2.5 + 0.5, "{report:#}");
    ensure!(figure(&report, "/total/input_tokens")? == 2000.0 && figure(&report, "/total/output_tokens")? == 300.0);
    let rows = report.pointer("/rows").and_then(Value::as_array).context("rows")?;
    let models: Vec<(&str, f64)> = rows
        .iter()
        .map(|row| Ok((row["model"].as_str().context("model")?, figure(row, "/cost_usd")?)))
        .collect::<Result<_>>()?;
    let expected = [("claude-sonnet-4-5", 2.5), ("gpt-4o", 2.0), ("gpt-4o-mini", 0.75), ("mistral-large", 0.5)];
    ensure!(models == expected, "{models:?}");
    ensure!(report.pointer("/rows/2/input_tokens") == Some(&Value::Null), "absent is not 0: {report:#}");
    ensure!(report.pointer("/unpriced/0/exchanges") == Some(&json!(4.0)), "{report:#}");
    ensure!(figure(&report, "/restarted_counters")? == 0.0, "{report:#}");

    let teams = asked(&[&["cost-breakdown", "--by", "team"][..], &base].concat())?;
    ensure!(figure(&teams, "/rows/0/cost_usd")? == 5.75 && teams.pointer("/rows/1/team") == Some(&json!("batch")));
    let batch = figure(&teams, "/rows/1/cost_usd")?;
    // `increase` stretches what it saw to the ends of the period: two minutes of six hours at most.
    ensure!((batch - 4.0).abs() < 0.03 && figure(&teams, "/restarted_counters")? == 1.0, "{teams:#}");

    let top = asked(&[&["cost-breakdown", "--by", "customer", "--top", "1", "--team", "search"][..], &base].concat())?;
    ensure!(
        top.pointer("/rows/0/customer_id") == Some(&json!("acme")) && figure(&top, "/rows/0/cost_usd")? == 4.5,
        "{top:#}"
    );
    ensure!(figure(&top, "/rest/rows")? == 1.0 && figure(&top, "/rest/cost_usd")? == 1.25, "{top:#}");

    // As a person reads it.
    let printed = host(&["cost-report", "--prometheus", &url, "--period", "6h", "--team", "search"])?;
    let out = text(&printed.stdout);
    let lines: Vec<Vec<&str>> = out.lines().map(|line| line.split_whitespace().collect()).collect();
    ensure!(out.starts_with("team search, ") && out.contains(" UTC\n"), "{out}");
    for line in [
        &["openai", "gpt-4o", "2,000", "300", "2.00", "34.8", "%"][..],
        &["openai", "gpt-4o-mini", "-", "-", "0.750000", "13.0", "%"],
        &["total", "2,000", "300", "5.75", "100.0", "%"],
        &["openai:", "4", "unknown_model"],
    ] {
        ensure!(lines.iter().any(|l| l == line), "no {line:?} in\n{out}");
    }

    let nobody = host(&["cost-report", "--prometheus", &url, "--period", "6h", "--team", "serch"])?;
    let problem = text(&nobody.stderr);
    ensure!(
        nobody.status.code() == Some(2) && problem.contains("\"serch\"") && problem.contains("batch, search"),
        "{problem}"
    );
    Ok(())
}

#[tokio::test]
async fn problems_say_what_to_do() -> Result<()> {
    let prometheus = Prometheus::with(json!({"scrape_configs": []}), &[], "").await?;
    let url = format!("http://{}", prometheus.address());
    let wrong = format!("{url}/nowhere");
    for (arguments, code, needles) in [
        (
            &["cost-report", "--prometheus", &url][..],
            1,
            &["no genops_cost_total_usd", "runbooks/metrics-missing.md"][..],
        ),
        (&["cost-report", "--prometheus", &wrong], 1, &["HTTP 404", "under this path"]),
        (&["cost-report", "--prometheus", "http://127.0.0.1:1"], 1, &["cannot ask", "--prometheus"]),
        (&["cost-report", "--prometheus", "https://prometheus"], 2, &["only http", "port-forward"]),
        (&["cost-report", "--prometheus", &url, "--header", "x"], 2, &["NAME: VALUE"]),
        (&["cost-report", "--period", "fortnight"], 2, &["yesterday", "24h"]),
        (&["cost-breakdown", "--by", "colour"], 2, &["customer", "model"]),
    ] {
        let output = host(arguments)?;
        let problem = text(&output.stderr);
        ensure!(output.status.code() == Some(code), "{arguments:?}: {:?} {problem}", output.status.code());
        for needle in needles {
            ensure!(problem.contains(needle), "{arguments:?}: no {needle:?} in {problem}");
        }
    }
    Ok(())
}

/// The shell blocks of a Markdown text.
fn blocks(markdown: &str) -> Vec<&str> {
    markdown.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow tier: promtool is built for minutes"]
async fn live_traffic_and_the_commands_of_the_runbooks() -> Result<()> {
    let upstream = Upstream::start().await?;
    let envoy = Envoy::start(&Setup::new(Bootstrap::shipped(&filter()?, upstream.address())?).workers(2)).await?;
    let rules = workspace().join("envoy/prometheus/rules-envoy/genops.yml");
    let prometheus = Prometheus::start(envoy.admin_address(), &rules).await?;
    // It must have scraped once before there is anything to see: a newcomer's Prometheus is older than the first request.
    let until = Instant::now() + PATIENCE;
    while prometheus.query("up == 1").await?.is_empty() {
        ensure!(Instant::now() < until, "{}", prometheus.log());
        sleep(Duration::from_millis(100)).await;
    }

    upstream.answer("mini", chat("gpt-4o-mini", 10_000, 1_000));
    let headers: [(&str, &[u8]); 2] = [("x-genops-team", b"search"), ("x-genops-customer-id", b"acme")];
    let requests = (0..10).map(|_| (ask("mini", "gpt-4o-mini", &headers), Leave::AtEnd)).collect();
    send_all(envoy.address(), requests, 4).await;
    envoy.settled(10).await?;

    let url = format!("http://{}", prometheus.address());
    let arguments = ["cost-report", "--prometheus", &url, "--team", "search", "--period", "today", "--json"];
    // 0.15 USD per million in and 0.60 out (OpenAI's list).
    let expected = 10.0 * (10_000.0 * 0.15 + 1_000.0 * 0.60) / 1e6;
    loop {
        let seen = asked(&arguments).and_then(|report| figure(&report, "/total/cost_usd"));
        match seen {
            Ok(cost) if (cost - expected).abs() < 1e-12 => break,
            other => ensure!(Instant::now() < until + PATIENCE, "{other:?}, expected {expected}"),
        }
        sleep(Duration::from_millis(200)).await;
    }

    // Then every command that a runbook tells people to run.
    let tools = [genops_tools::tool::promtool()?, genops_host()?.to_path_buf()];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = tools.iter().filter_map(|tool| tool.parent()).map(std::path::Path::to_path_buf);
    let path = std::env::join_paths(directories.chain(std::env::split_paths(&path)))?;
    let mut run = 0;
    for file in files("runbooks", "md")? {
        let markdown = std::fs::read_to_string(&file)?;
        for block in blocks(&markdown) {
            let output = Command::new("sh")
                .args(["-euc", block])
                .env("PATH", &path)
                .env("PROMETHEUS_URL", &url)
                .env("ENVOY_ADMIN", format!("http://{}", envoy.admin_address()))
                .env("TEAM", "search")
                .output()?;
            ensure!(output.status.success(), "{}:\n{block}\n{}", file.display(), text(&output.stderr));
            run += 1;
        }
    }
    ensure!(run > 15, "only {run} blocks of commands");
    envoy.quit().await?;
    Ok(())
}
