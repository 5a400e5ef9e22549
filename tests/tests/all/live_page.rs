//! The live page in a headless Chromium: what it shows is what was counted, every chart is drawn, nothing fails, and
//! names from clients stay text.

use std::collections::VecDeque;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use futures_util::{SinkExt, StreamExt};
use genops_tests::client::{Leave, send_all};
use genops_tests::upstream::{Cuts, Upstream};
use genops_tools::{ToolError, chromium, workspace_root};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::envoy_support::{ask, chat, chat_stream};
use crate::serve_support::{self, Served};

/// The version that `host-test/assets/README.md` names.
const CHART_VERSION: &str = "4.6.1";
/// Longest wait for anything: a browser starts slowly on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);
/// The charts of the page.
const CHARTS: [&str; 6] = ["spend", "tokens", "spend-by", "outcomes-by", "latency-by", "first-by"];

/// A browser and its page, over the DevTools protocol.
struct Browser {
    child: Child,
    /// Its files; removed when it has ended.
    _profile: TempDir,
    page: WebSocketStream<TcpStream>,
    calls: u64,
    /// What the page did wrong.
    complaints: VecDeque<String>,
}

impl Browser {
    async fn start(browser: &chromium::Chromium) -> Result<Self> {
        let profile = TempDir::with_prefix("genops-chromium-")?;
        let mut command = browser.headless(profile.path());
        command.arg("--window-size=1400,1600").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let port_file = profile.path().join("DevToolsActivePort");
        let until = Instant::now() + PATIENCE;
        let port: u16 = loop {
            let text = std::fs::read_to_string(&port_file).unwrap_or_default();
            // Two lines; the first alone may be half a number.
            if let (Some(port), Some(_)) = (text.lines().next(), text.lines().nth(1)) {
                break port.parse()?;
            }
            if let Some(status) = child.try_wait()? {
                bail!("Chromium ended: {status}");
            }
            ensure!(Instant::now() < until, "Chromium opens no debugging port");
            sleep(LOOK).await;
        };
        let at = SocketAddr::from(([127, 0, 0, 1], port));
        let targets = genops_tests::client::Request::new("t", ("GET", "127.0.0.1", "/json/list"), [], "");
        let reply = genops_tests::client::Connection::new(at).send(&targets, Leave::AtEnd).await;
        let targets: Vec<Value> = serde_json::from_slice(&reply.body).context("a list of pages")?;
        let page = targets.iter().find(|t| t["type"] == "page").context("a page")?;
        let url = page["webSocketDebuggerUrl"].as_str().context("its address")?;
        let (page, _) = client_async(url, TcpStream::connect(at).await?).await?;
        let mut browser = Self { child, _profile: profile, page, calls: 0, complaints: VecDeque::new() };
        for domain in ["Runtime", "Log", "Page"] {
            browser.call(&format!("{domain}.enable"), json!({})).await?;
        }
        Ok(browser)
    }

    async fn call(&mut self, method: &str, params: Value) -> Result<Value> {
        self.calls += 1;
        let id = self.calls;
        self.page.send(Message::text(json!({"id": id, "method": method, "params": params}).to_string())).await?;
        loop {
            let message = timeout(PATIENCE, self.page.next()).await?.context("the browser ended")??;
            let Message::Text(text) = message else { continue };
            let said: Value = serde_json::from_str(&text)?;
            if said["id"] == id {
                ensure!(said.get("error").is_none(), "{method}: {said}");
                return Ok(said["result"].clone());
            }
            let level = said.pointer("/params/entry/level").and_then(Value::as_str);
            if said["method"] == "Runtime.exceptionThrown" || level == Some("error") {
                self.complaints.push_back(text.to_string());
            }
        }
    }

    /// The value of an expression in the page.
    async fn evaluate(&mut self, expression: &str) -> Result<Value> {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let said = self.call("Runtime.evaluate", params).await?;
        ensure!(said.get("exceptionDetails").is_none(), "{expression}: {said}");
        Ok(said.pointer("/result/value").cloned().unwrap_or_default())
    }

    /// Waits until an expression is true.
    async fn until(&mut self, expression: &str) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        while self.evaluate(expression).await? != json!(true) {
            if Instant::now() > until {
                let body = self.evaluate("document.body.innerText").await?;
                bail!("never: {expression}\n{}", body.as_str().unwrap_or_default());
            }
            sleep(LOOK).await;
        }
        Ok(())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The browser, or `None` where none can be had for this machine, said in words that no test harness swallows. In CI
/// there must be one.
async fn browser() -> Result<Option<Browser>> {
    match spawn_blocking(chromium::chromium).await? {
        Ok(found) => Browser::start(&found).await.map(Some),
        Err(problem @ ToolError::NoProgram { .. }) => {
            ensure!(std::env::var("CI").as_deref() != Ok("true"), "{problem}, and in CI there must be one");
            writeln!(std::io::stderr(), "NOT RUN: the live page in a browser: {problem}")?;
            Ok(None)
        }
        Err(problem) => Err(problem.into()),
    }
}

/// Pixels of a canvas that are neither transparent nor one colour only.
fn is_drawn(chart: &str) -> String {
    format!(
        "(() => {{ const c = document.getElementById('{chart}'); if (!c.width || !c.height) return false; \
         const d = new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer); \
         return new Set(d).size > 3; }})()"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_live_page_shows_what_was_counted() -> Result<()> {
    let Some(mut browser) = browser().await? else { return Ok(()) };
    let upstream = Upstream::start().await?;
    let served = Served::start(serve_support::Setup::new(upstream.address())).await?;
    let address = served.address();
    browser.call("Page.navigate", json!({"url": format!("http://{address}/_genops/")})).await?;
    browser.until("document.getElementById('state')?.textContent.startsWith('since')").await?;
    ensure!(browser.evaluate("Chart.version").await? == CHART_VERSION);

    // A name that would be markup, if anybody took it for that.
    let forged = "<img src=x onerror=window.forged=1>";
    upstream.answer("unary", chat("gpt-4o", 1_200, 340));
    upstream.answer("stream", chat_stream("gpt-4o-mini", 2_000, 700).cut(Cuts::Seeded(3)));
    upstream.answer("forged", chat(forged, 7, 3));
    let requests = ["unary", "stream", "forged"]
        .map(|id| (ask(id, "gpt-4o", &[("x-genops-team", b"search")]), Leave::AtEnd))
        .to_vec();
    send_all(address, requests, 1).await;
    served.settled(3).await?;

    // The page asks by itself.
    browser.until("document.querySelectorAll('#recent tbody tr').length === 3").await?;
    let text = |selector: &str| format!("[...document.querySelectorAll('{selector}')].map(e => e.textContent)");
    let totals = browser.evaluate(&text("#totals dd")).await?;
    let total = |n: usize| totals.get(n).and_then(Value::as_str).unwrap_or_default().to_owned();
    // 1,200 and 340 tokens of gpt-4o, 2,000 and 700 of gpt-4o-mini at list prices.
    ensure!(total(0) == "0.00712", "{totals}");
    ensure!([total(1), total(2), total(3)] == ["3", "3,207", "1,043"], "{totals}");
    let rows = browser.evaluate(&text("#rows tbody tr")).await?.to_string();
    ensure!(rows.contains("gpt-4o-mini") && rows.contains("search") && rows.contains(forged), "{rows}");
    ensure!(browser.evaluate("window.forged === undefined && !document.querySelector('td img')").await? == true);
    for chart in CHARTS {
        browser.until(&is_drawn(chart)).await?;
    }

    // Another grouping is drawn at once.
    let choose = "(() => { const by = document.getElementById('by'); by.value = 'team'; \
                  by.dispatchEvent(new Event('change')); \
                  return Chart.getChart('spend-by').data.labels.join(); })()";
    ensure!(browser.evaluate(choose).await? == "search");
    ensure!(browser.complaints.is_empty(), "{:?}", browser.complaints);

    let shot = browser.call("Page.captureScreenshot", json!({"format": "png"})).await?;
    let picture = shot["data"].as_str().context("a picture")?;
    let png = base64::engine::general_purpose::STANDARD.decode(picture).map_err(|e| anyhow::anyhow!("{e}"))?;
    ensure!(png.starts_with(b"\x89PNG") && png.len() > 10_000, "an empty picture");
    let target = workspace_root().join("target");
    if target.is_dir() {
        std::fs::write(target.join("live-page.png"), png)?;
    }

    // A host that ends is said, and breaks nothing.
    served.stop().await;
    browser.until("document.getElementById('state').textContent.startsWith('no figures')").await?;
    Ok(())
}
