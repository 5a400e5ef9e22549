//! What the live page shows: sums by provider, model and team, a timeline, and the last exchanges. Everything comes from
//! the filter's records, which hold no text of any message.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use crate::replay::{Summary, SummaryRow};

/// Rows that are kept apart, a page that a person reads; what comes beyond is summed under `other`.
const ROWS_MAX: usize = 500;
/// Exchanges that are listed.
const RECENT_MAX: usize = 100;
/// Latencies that a row keeps for its quantiles: the last ones, so that the page shows how it is now.
const SAMPLES_MAX: usize = 512;
/// Width of a step of the timeline, milliseconds.
const STEP_MS: u64 = 10_000;
/// Steps of the timeline: an hour.
const STEPS_MAX: usize = 360;

/// Fields of a record that the page lists. Names as the record has them.
const LISTED: [&str; 15] = [
    "provider",
    "gateway",
    "api",
    "model",
    "canonical_model",
    "outcome",
    "error_type",
    "status",
    "streamed",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "unpriced_reason",
    "time_to_first_token_ms",
    "labels",
];

/// Provider, model, team.
type Key = [String; 3];

#[derive(Default)]
struct Row {
    sums: SummaryRow,
    latency_ms: Samples,
    first_token_ms: Samples,
}

/// The last values of a latency.
#[derive(Default)]
struct Samples(VecDeque<u64>);

struct Step {
    at_ms: u64,
    sums: SummaryRow,
}

/// All that is shown.
pub(super) struct Ledger {
    started_ms: u64,
    rows: BTreeMap<Key, Row>,
    total: Row,
    steps: VecDeque<Step>,
    recent: VecDeque<Value>,
}

impl Samples {
    fn add(&mut self, value: u64) {
        if self.0.len() >= SAMPLES_MAX {
            self.0.pop_front();
        }
        self.0.push_back(value);
    }

    /// Nearest rank; `null` without a sample.
    fn quantiles(&self) -> Value {
        let mut sorted: Vec<u64> = self.0.iter().copied().collect();
        sorted.sort_unstable();
        let rank = |percent: usize| {
            let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
            sorted.get(at).copied()
        };
        json!({"p50": rank(50), "p95": rank(95), "max": sorted.last()})
    }
}

impl Row {
    fn add(&mut self, record: &Value, took_ms: u64) {
        self.sums.add(record);
        self.latency_ms.add(took_ms);
        if let Some(first) = record.get("time_to_first_token_ms").and_then(Value::as_u64) {
            self.first_token_ms.add(first);
        }
    }

    fn to_json(&self) -> Value {
        let mut row = sums(&self.sums);
        row.insert("latency_ms".to_owned(), self.latency_ms.quantiles());
        row.insert("first_token_ms".to_owned(), self.first_token_ms.quantiles());
        row.into()
    }
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self {
            started_ms: now_ms(),
            rows: BTreeMap::new(),
            total: Row::default(),
            steps: VecDeque::new(),
            recent: VecDeque::new(),
        }
    }

    /// Sums by provider and model.
    pub(super) fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for ([provider, model, _], row) in &self.rows {
            summary.add_row(provider, model, &row.sums);
        }
        summary
    }

    /// Adds the record of an exchange that took so long.
    pub(super) fn add(&mut self, record: &Value, upstream: &str, took: Duration) {
        self.add_at(record, upstream, took, now_ms());
    }

    fn add_at(&mut self, record: &Value, upstream: &str, took: Duration, now: u64) {
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.total.add(record, took_ms);
        let mut key = key(record);
        if !self.rows.contains_key(&key) && self.rows.len() >= ROWS_MAX {
            key = ["other"; 3].map(str::to_owned);
        }
        self.rows.entry(key).or_default().add(record, took_ms);

        let at_ms = now - now % STEP_MS;
        if self.steps.back().is_none_or(|step| step.at_ms != at_ms) {
            if self.steps.len() >= STEPS_MAX {
                self.steps.pop_front();
            }
            self.steps.push_back(Step { at_ms, sums: SummaryRow::default() });
        }
        if let Some(step) = self.steps.back_mut() {
            step.sums.add(record);
        }

        if self.recent.len() >= RECENT_MAX {
            self.recent.pop_back();
        }
        let mut listed: Map<String, Value> =
            LISTED.iter().filter_map(|field| Some(((*field).to_owned(), record.get(*field)?.clone()))).collect();
        listed.insert("at_ms".to_owned(), now.into());
        listed.insert("took_ms".to_owned(), took_ms.into());
        listed.insert("upstream".to_owned(), upstream.into());
        self.recent.push_front(listed.into());
    }

    /// The page's data.
    pub(super) fn to_json(&self) -> Map<String, Value> {
        let rows = self.rows.iter().map(|([provider, model, team], row)| {
            let mut row = row.to_json();
            for (name, value) in [("provider", provider), ("model", model), ("team", team)] {
                row[name] = value.as_str().into();
            }
            row
        });
        let steps = self.steps.iter().map(|step| {
            let mut sums = sums(&step.sums);
            sums.insert("at_ms".to_owned(), step.at_ms.into());
            Value::from(sums)
        });
        let Value::Object(document) = json!({
            "now_ms": now_ms(),
            "started_ms": self.started_ms,
            "step_ms": STEP_MS,
            "total": self.total.to_json(),
            "rows": rows.collect::<Vec<_>>(),
            "timeline": steps.collect::<Vec<_>>(),
            "recent": self.recent,
        }) else {
            return Map::new();
        };
        document
    }
}

fn key(record: &Value) -> Key {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("-").to_owned();
    let model = record.get("canonical_model").filter(|model| !model.is_null()).or_else(|| record.get("model"));
    [text(record.get("provider")), text(model), text(record.pointer("/labels/team"))]
}

fn sums(row: &SummaryRow) -> Map<String, Value> {
    let Value::Object(sums) = json!({
        "exchanges": row.exchanges,
        "outcomes": row.outcomes,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        // Exact decimal text; null where nothing has a cost.
        "cost_usd": (row.priced > 0).then(|| row.cost_usd()),
        "priced": row.priced,
    }) else {
        return Map::new();
    };
    sums
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(model: &str, cost: Value) -> Value {
        json!({"provider": "p", "model": model, "canonical_model": null, "outcome": "complete", "status": 200,
            "input_tokens": 10, "output_tokens": 2, "cost_usd": cost, "time_to_first_token_ms": 7,
            "labels": {"team": "t"}, "finish_reason": "stop"})
    }

    #[test]
    fn sums_quantiles_timeline_and_list() {
        let mut ledger = Ledger::new();
        for n in 1..=20 {
            ledger.add_at(&record("m", json!("0.1")), "u", Duration::from_millis(n * 10), 1_000_000 + n * 1_000);
        }
        ledger.add_at(&record("n", Value::Null), "u", Duration::from_millis(5), 2_000_000);
        let shown = Value::from(ledger.to_json());
        assert_eq!(shown["rows"][0]["cost_usd"], "2");
        assert_eq!(shown["rows"][0]["latency_ms"], json!({"p50": 100, "p95": 190, "max": 200}));
        assert_eq!(shown["rows"][0]["team"], "t");
        assert_eq!(shown["rows"][1]["cost_usd"], Value::Null);
        assert_eq!(shown["total"]["exchanges"], 21);
        let steps = shown["timeline"].as_array().expect("a list");
        assert_eq!(steps.iter().map(|s| s["exchanges"].as_u64().unwrap_or(0)).collect::<Vec<_>>(), [9, 10, 1, 1]);
        assert_eq!(shown["recent"][0]["model"], "n");
        assert!(shown["recent"][0].get("finish_reason").is_none());
    }

    #[test]
    fn nothing_grows_without_end() {
        let mut ledger = Ledger::new();
        for n in 0..5_000_u64 {
            ledger.add_at(&record(&n.to_string(), json!("1")), "u", Duration::from_millis(n), n * STEP_MS);
        }
        let shown = Value::from(ledger.to_json());
        let length = |name: &str| shown[name].as_array().map(Vec::len);
        assert_eq!(length("rows"), Some(ROWS_MAX + 1));
        assert_eq!(length("timeline"), Some(STEPS_MAX));
        assert_eq!(length("recent"), Some(RECENT_MAX));
        assert_eq!(shown["total"]["cost_usd"], "5000");
    }
}
