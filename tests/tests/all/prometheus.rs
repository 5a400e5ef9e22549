//! A real Prometheus on a real Envoy: after the shipped rules the schema's own names say what was sent.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use genops_tests::client::{Leave, send_all};
use genops_tests::envoy::{Bootstrap, Envoy, Setup};
use genops_tests::prometheus::{Prometheus, Series};
use genops_tests::upstream::Upstream;
use genops_tools::workspace_root;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::envoy_support::{ask, chat, chat_stream, filter};

/// A scrape, an evaluation, and another evaluation for rules that stand on rules; far more than one second each.
const PATIENCE: Duration = Duration::from_secs(30);
const RULES: &str = "envoy/prometheus/rules-envoy/genops.yml";

/// Model, exchanges, input and output tokens of each, and team.
const TRAFFIC: &[(&str, usize, u64, u64, &str)] = &[
    ("gpt-4o-mini", 7, 1234, 567, "platform"),
    ("gpt-4o", 3, 100_001, 20_003, "research"),
    ("gpt-4.1-nano", 11, 1, 1, "platform"),
    // Not in any price list: it must have no cost, not a cost of 0.
    ("a-model-of-nobody", 5, 10, 10, "platform"),
];

/// What another price list (genai-prices, in its own arithmetic) says that one exchange of each model costs, in USD.
fn prices() -> Result<BTreeMap<String, f64>> {
    const SCRIPT: &str = "\
import json, sys
from genai_prices import Usage, calc_price
costs = {}
for model, tokens_in, tokens_out in json.load(sys.stdin):
    try:
        price = calc_price(Usage(input_tokens=tokens_in, output_tokens=tokens_out), model_ref=model, provider_id='openai')
        costs[model] = float(price.total_price)
    except LookupError:
        pass
json.dump(costs, sys.stdout)
";
    let asked: Vec<Value> = TRAFFIC.iter().map(|(model, _, i, o, _)| json!([model, i, o])).collect();
    let input = tempfile::NamedTempFile::new()?;
    fs::write(input.path(), json!(asked).to_string())?;
    let output = Command::new(genops_tools::python::venv()?)
        .args(["-c", SCRIPT])
        .stdin(fs::File::open(input.path())?)
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn close(a: f64, b: f64) -> bool {
    // Both sides add a few doubles; one part in 10^12 is some thousand roundings.
    (a - b).abs() <= 1e-12 * b.abs()
}

fn by<'a>(series: &'a [Series], label: &str) -> BTreeMap<&'a str, f64> {
    let name = |s: &'a Series| s.labels.get(label).and_then(Value::as_str).unwrap_or_default();
    series.iter().map(|s| (name(s), s.value)).collect()
}

/// Asks until the answer is the expected one, or time is up.
async fn converges(prometheus: &Prometheus, query: &str, label: &str, expected: &BTreeMap<&str, f64>) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        let series = prometheus.query(query).await?;
        let got = by(&series, label);
        let same = got.len() == expected.len()
            && expected.iter().all(|(name, value)| got.get(name).is_some_and(|g| close(*g, *value)));
        if same {
            return Ok(());
        }
        if Instant::now() > until {
            bail!("{query}\n  got      {got:?}\n  expected {expected:?}\n{}", prometheus.log());
        }
        sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schema_s_names_say_what_was_sent() -> Result<()> {
    let upstream = Upstream::start().await?;
    let envoy = Envoy::start(&Setup::new(Bootstrap::shipped(&filter()?, upstream.address())?).workers(2)).await?;
    let prometheus = Prometheus::start(envoy.admin_address(), &workspace_root().join(RULES)).await?;

    let mut requests = Vec::new();
    for (model, count, input, output, team) in TRAFFIC {
        upstream.answer(*model, chat(model, *input, *output));
        upstream.answer(format!("{model}.stream"), chat_stream(model, *input, *output));
        for n in 0..*count {
            let id = if n % 2 == 0 { (*model).to_owned() } else { format!("{model}.stream") };
            requests.push((ask(id, model, &[("x-genops-team", team.as_bytes())]), Leave::AtEnd));
        }
    }
    let sent = requests.len();
    send_all(envoy.address(), requests, 4).await;
    envoy.settled(sent).await?;

    let prices = prices()?;
    ensure!(prices.len() == TRAFFIC.len() - 1, "{prices:?}");
    let (mut cost, mut efficiency, mut by_team) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (model, count, input, output, team) in TRAFFIC {
        let operations = u32::try_from(*count).map(f64::from)?;
        if let Some(price) = prices.get(*model) {
            cost.insert(*model, price * operations);
            let tokens = u32::try_from(input + output).map(f64::from)?;
            efficiency.insert(*model, tokens / price);
            *by_team.entry(*team).or_default() += price * operations;
        }
    }
    converges(&prometheus, "sum by (model) (genops_cost_total_usd)", "model", &cost).await?;
    converges(&prometheus, "sum by (model) (genops_cost_by_operation_usd)", "model", &cost).await?;
    converges(&prometheus, "genops_token_efficiency_tokens_per_usd", "model", &efficiency).await?;
    converges(&prometheus, "sum by (team) (genops_cost_total_usd)", "team", &by_team).await?;
    let unpriced = BTreeMap::from([("unknown_model", 5.0)]);
    converges(&prometheus, "genops_cost_unpriced_total > 0", "reason", &unpriced).await?;

    let count = "sum(genops_operation_latency_seconds_count)";
    let total = BTreeMap::from([("", u32::try_from(sent).map(f64::from)?)]);
    converges(&prometheus, count, "", &total).await?;
    let quantile = "histogram_quantile(0.95, sum by (le) (genops_operation_latency_seconds_bucket))";
    let quantile = prometheus.query(quantile).await?.first().context("a quantile")?.value;
    ensure!(quantile > 0.0 && quantile < 30.0, "{quantile} s");
    let mean = "sum(genops_operation_latency_seconds_sum) / sum(genops_operation_latency_seconds_count)";
    let mean = prometheus.query(mean).await?.first().context("a mean")?.value;
    ensure!(mean > 0.0 && mean < 30.0, "{mean} s");
    envoy.quit().await?;
    Ok(())
}
