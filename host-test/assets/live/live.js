// The live page: asks for live.json once a second and draws it. No build step: this file is what browsers run.
"use strict";

const PERIOD_MS = 1000;
// Groups that a chart shows; more cannot be told apart.
const GROUPS_MAX = 12;
const SHADES = ["#2e90fa", "#12b76a", "#f79009", "#ee46bc", "#7a5af8", "#06aed4", "#f04438", "#667085", "#84caff", "#a6f4c5"];
// Outcomes keep their colours whichever there are.
const OUTCOMES = {
  complete: "#12b76a", partial: "#f79009", estimated: "#06aed4", missing: "#fdb022", unparsable: "#7a5af8",
  unsupported: "#98a2b3", too_large: "#b692f6", not_llm: "#667085", refused: "#ee46bc", error: "#f04438",
};

const byId = (id) => document.getElementById(id);
const count = new Intl.NumberFormat("en");
// As exact as it is stated: costs of one exchange are small.
const dollars = (text) => (text === null || text === undefined ? "-" : text.includes("+") ? text : trimmed(text));
const trimmed = (text) => {
  const [whole, part = ""] = text.split(".");
  return part.length > 9 ? `${whole}.${part.slice(0, 9)}…` : text;
};
const number = (text) => (text === null || text === undefined ? 0 : Number.parseFloat(text) || 0);
const span = (ms) => (ms === null || ms === undefined ? "-" : ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(2)} s`);
const clock = (ms) => new Date(ms).toLocaleTimeString([], { hour12: false });

let charts = {};
let last = null;

function chart(id, type, options) {
  const ink = getComputedStyle(document.documentElement).getPropertyValue("color") || "#667085";
  Chart.defaults.color = ink;
  return new Chart(byId(id), {
    type,
    data: { labels: [], datasets: [] },
    options: { animation: false, responsive: true, maintainAspectRatio: false, ...options },
  });
}

function begin() {
  const time = { scales: { x: { ticks: { maxTicksLimit: 6 } }, y: { beginAtZero: true } } };
  const stackedTime = { scales: { x: { stacked: true, ticks: { maxTicksLimit: 6 } }, y: { stacked: true, beginAtZero: true } } };
  const across = { indexAxis: "y", scales: { x: { beginAtZero: true } } };
  const stackedAcross = { indexAxis: "y", scales: { x: { stacked: true, beginAtZero: true }, y: { stacked: true } } };
  charts = {
    spend: chart("spend", "line", time),
    tokens: chart("tokens", "bar", stackedTime),
    spendBy: chart("spend-by", "bar", { ...across, plugins: { legend: { display: false } } }),
    outcomesBy: chart("outcomes-by", "bar", stackedAcross),
    latencyBy: chart("latency-by", "bar", across),
    firstBy: chart("first-by", "bar", across),
  };
  byId("by").addEventListener("change", () => last && draw(last));
}

// New values into a chart that stays.
function put(target, labels, datasets) {
  target.data.labels = labels;
  datasets.forEach((next, at) => {
    target.data.datasets[at] = Object.assign(target.data.datasets[at] || {}, next);
  });
  target.data.datasets.length = datasets.length;
  target.update("none");
}

// Rows summed by one of their names. Quantiles cannot be summed: the group shows those of its largest row.
function grouped(rows, name) {
  const groups = new Map();
  for (const row of rows) {
    const key = row[name];
    const sum = groups.get(key) || { key, cost: 0, exchanges: 0, outcomes: {}, most: null };
    sum.cost += number(row.cost_usd);
    sum.exchanges += row.exchanges;
    for (const [outcome, times] of Object.entries(row.outcomes)) {
      sum.outcomes[outcome] = (sum.outcomes[outcome] || 0) + times;
    }
    if (sum.most === null || row.exchanges > sum.most.exchanges) sum.most = row;
    groups.set(key, sum);
  }
  return [...groups.values()].sort((a, b) => b.cost - a.cost || b.exchanges - a.exchanges).slice(0, GROUPS_MAX);
}

function drawCharts(data, name) {
  const steps = data.timeline;
  const at = steps.map((step) => clock(step.at_ms));
  let sum = 0;
  const spent = steps.map((step) => (sum += number(step.cost_usd)));
  put(charts.spend, at, [{ label: "spent", data: spent, borderColor: SHADES[0], backgroundColor: `${SHADES[0]}33`, fill: true, pointRadius: spent.length < 3 ? 3 : 0 }]);
  put(charts.tokens, at, [
    { label: "in", data: steps.map((step) => step.input_tokens), backgroundColor: SHADES[0] },
    { label: "out", data: steps.map((step) => step.output_tokens), backgroundColor: SHADES[1] },
  ]);
  const groups = grouped(data.rows, name);
  const names = groups.map((group) => group.key);
  put(charts.spendBy, names, [{ data: groups.map((group) => group.cost), backgroundColor: names.map((_, n) => SHADES[n % SHADES.length]) }]);
  const outcomes = [...new Set(groups.flatMap((group) => Object.keys(group.outcomes)))].sort();
  put(charts.outcomesBy, names, outcomes.map((outcome) => ({
    label: outcome, data: groups.map((group) => group.outcomes[outcome] || 0), backgroundColor: OUTCOMES[outcome] || "#98a2b3",
  })));
  const quantiles = (of) => ["p50", "p95"].map((which, n) => ({
    label: which, backgroundColor: SHADES[n], data: groups.map((group) => (group.most[of][which] ?? 0) / 1000),
  }));
  put(charts.latencyBy, names, quantiles("latency_ms"));
  put(charts.firstBy, names, quantiles("first_token_ms"));
}

// Text only, never markup: names come from clients.
function fill(body, rows) {
  body.replaceChildren(...rows.map((cells) => {
    const row = document.createElement("tr");
    for (const [text, kind] of cells) {
      const cell = document.createElement("td");
      cell.textContent = text ?? "-";
      if (kind) cell.className = kind;
      row.append(cell);
    }
    return row;
  }));
}

function drawTables(data) {
  fill(byId("rows").tBodies[0], data.rows.map((row) => [
    [row.provider], [row.model], [row.team], [count.format(row.exchanges), "number"],
    [Object.entries(row.outcomes).map(([outcome, times]) => `${outcome} ${times}`).join(", ")],
    [count.format(row.input_tokens), "number"], [count.format(row.output_tokens), "number"],
    [dollars(row.cost_usd), "number"], [span(row.latency_ms.p50), "number"], [span(row.latency_ms.p95), "number"],
  ]));
  fill(byId("recent").tBodies[0], data.recent.map((one) => [
    [clock(one.at_ms)], [one.provider], [one.canonical_model ?? one.model], [one.labels?.team], [one.api],
    [one.status, one.status >= 400 ? "bad" : ""], [one.error_type ? `${one.outcome}: ${one.error_type}` : one.outcome, one.outcome === "error" ? "bad" : ""],
    [one.input_tokens === null ? "-" : count.format(one.input_tokens), "number"],
    [one.output_tokens === null ? "-" : count.format(one.output_tokens), "number"],
    [one.cost_usd === null ? one.unpriced_reason ?? "-" : dollars(one.cost_usd), "number"],
    [span(one.took_ms), "number"], [span(one.time_to_first_token_ms), "number"],
  ]));
}

function drawTotals(data) {
  const { total } = data;
  const shown = {
    "US dollars": dollars(total.cost_usd),
    exchanges: count.format(total.exchanges),
    "tokens in": count.format(total.input_tokens),
    "tokens out": count.format(total.output_tokens),
    "latency p50": span(total.latency_ms.p50),
    "latency p95": span(total.latency_ms.p95),
    "open now": count.format(data.open),
    "without a cost": count.format(total.exchanges - total.priced),
  };
  byId("totals").replaceChildren(...Object.entries(shown).map(([name, value]) => {
    const box = document.createElement("div");
    const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
    dt.textContent = name;
    dd.textContent = value;
    box.append(dt, dd);
    return box;
  }));
}

function draw(data) {
  last = data;
  const name = byId("by").value;
  document.querySelectorAll(".by").forEach((place) => { place.textContent = name; });
  const alarm = byId("alarm");
  alarm.hidden = !data.crash && data.unmetered === 0;
  alarm.textContent = data.crash
    ? `The filter crashed and traffic passes unmetered: ${data.crash}`
    : `${data.unmetered} exchanges passed without a record`;
  const to = data.upstreams.map((upstream) => (upstream.route === "/" ? upstream.url : `${upstream.route} to ${upstream.url}`));
  byId("state").textContent = `since ${clock(data.started_ms)}; ${to.join(", ")}`;
  drawTotals(data);
  drawTables(data);
  drawCharts(data, name);
}

async function poll() {
  if (!document.hidden) {
    try {
      const answer = await fetch("live.json", { cache: "no-store" });
      if (!answer.ok) throw new Error(`${answer.status}`);
      draw(await answer.json());
    } catch (error) {
      byId("state").textContent = `no figures: ${error.message}`;
    }
  }
  setTimeout(poll, PERIOD_MS);
}

begin();
poll();
