//! Streams that do not end as they should, on the real Envoy: each is counted exactly once, and whoever broke it off is
//! told rightly. A client that goes away is no failure of the provider's.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use genops_tests::client::{Leave, send_all};
use genops_tests::envoy::{Bootstrap, Envoy, Setup};
use genops_tests::scrape::{parse, sum};
use genops_tests::upstream::{Answer, Cuts, Ending, Upstream};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::envoy_support::{Logged, ask, chat, chat_stream, field, filter, logged};

/// A model of the price book: an abort after usage was seen has a cost.
const MODEL: &str = "gpt-4o-mini";
/// Envoy's own limit in these tests; far above what a loopback exchange takes.
const TIMEOUT: &str = "0.5s";

/// A way to end, and what must be said of it.
pub(crate) struct Case {
    pub(crate) id: &'static str,
    pub(crate) answer: Answer,
    pub(crate) leave: Leave,
    outcome: &'static str,
    error: &'static str,
    /// Input tokens of the record; empty: none seen.
    input: &'static str,
}

/// The streamed answer up to the end of the event that holds its usage.
fn through_usage(answer: &Answer) -> usize {
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    body.find("data: [DONE]").unwrap_or(body.len())
}

pub(crate) fn cases() -> Vec<Case> {
    let stream = || chat_stream(MODEL, 1000, 500).cut(Cuts::Bytes(64));
    let seen = through_usage(&stream());
    let unseen = seen / 4;
    let unary = || chat(MODEL, 1000, 500);
    let at_end = Leave::AtEnd;
    let case = |id, answer: Answer, ending, leave, (outcome, error, input)| {
        let answer = answer.ending(ending);
        Case { id, answer, leave, outcome, error, input }
    };
    vec![
        case("whole", stream(), Ending::Whole, at_end, ("complete", "", "1000")),
        case("left-after-usage", stream(), Ending::StallAfter(seen), Leave::AfterBody(seen), ("partial", "", "1000")),
        case("left-before-usage", stream(), Ending::StallAfter(unseen), Leave::AfterBody(unseen), ("missing", "", "")),
        case(
            "left-before-head",
            stream(),
            Ending::Silent,
            Leave::BeforeHead(Duration::from_millis(100)),
            ("missing", "", ""),
        ),
        case("left-in-unary", unary(), Ending::StallAfter(20), Leave::AfterBody(20), ("missing", "", "")),
        case("reset-after-usage", stream(), Ending::ResetAfter(seen), at_end, ("partial", "reset", "1000")),
        case("reset-before-usage", stream(), Ending::ResetAfter(unseen), at_end, ("error", "reset", "")),
        case("reset-in-unary", unary(), Ending::ResetAfter(20), at_end, ("error", "reset", "")),
        case("reset-before-head", stream(), Ending::NoHead, at_end, ("error", "reset", "")),
        case("timeout-before-head", stream(), Ending::Silent, at_end, ("error", "timeout", "")),
        case("timeout-in-stream", stream(), Ending::StallAfter(unseen), at_end, ("error", "timeout", "")),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_end_is_counted_once_and_told_rightly() -> Result<()> {
    let upstream = Upstream::start().await?;
    let mut bootstrap = Bootstrap::shipped(&filter()?, upstream.address())?;
    bootstrap.listener.route_timeout(TIMEOUT)?;
    let envoy = Envoy::start(&Setup::new(bootstrap).workers(2)).await?;

    let cases = cases();
    send(&upstream, envoy.address(), &cases).await;
    let scrape = envoy.settled(cases.len()).await?;
    judge(&cases, &logged(&envoy.access_log()?)?, &scrape)?;
    envoy.quit().await?;
    Ok(())
}

/// Sends all of them through a proxy, each over a connection of its own.
pub(crate) async fn send(upstream: &Upstream, proxy: SocketAddr, cases: &[Case]) {
    for case in cases {
        upstream.answer(case.id, case.answer.clone());
    }
    let requests = cases.iter().map(|case| (ask(case.id, MODEL, &[]), case.leave)).collect();
    send_all(proxy, requests, cases.len()).await;
}

/// What the proxy says of them.
pub(crate) fn judge(cases: &[Case], lines: &[Logged], scrape: &str) -> Result<()> {
    ensure!(lines.len() == cases.len(), "{} lines for {} exchanges", lines.len(), cases.len());

    let mut wrong = Vec::new();
    for case in cases {
        let line = lines.iter().find(|l| l.id == case.id).with_context(|| case.id.to_owned())?;
        let got = [field(line, "outcome"), field(line, "error_type"), field(line, "input_tokens")];
        if got != [case.outcome, case.error, case.input] {
            wrong.push(format!("{}: {got:?}, expected {:?}", case.id, [case.outcome, case.error, case.input]));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));

    let samples = parse(scrape).map_err(anyhow::Error::msg)?;
    let total = cases.len() as u64;
    ensure!(sum(&samples, "genops_usage_outcomes_total", &[]) == total, "{scrape}");
    ensure!(sum(&samples, "genops_operations_total", &[]) == total, "{scrape}");
    for error in ["reset", "timeout"] {
        let expected = cases.iter().filter(|case| case.error == error).count() as u64;
        let counted = sum(&samples, "genops_operation_errors_total", &[("error_type", error)]);
        ensure!(counted == expected, "{error}: {counted}, expected {expected}\n{scrape}");
    }
    let errors = cases.iter().filter(|case| !case.error.is_empty()).count() as u64;
    ensure!(sum(&samples, "genops_operation_errors_total", &[]) == errors, "{scrape}");
    let input = cases.iter().filter(|case| case.input == "1000").count() as u64 * 1000;
    ensure!(sum(&samples, "genops_tokens_input_total", &[]) == input, "{scrape}");
    Ok(())
}

/// A connection that ends while many streams run: none is lost and none is counted twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_clients_leaves_at_once() -> Result<()> {
    const CROWD: usize = 200;
    let upstream = Upstream::start().await?;
    let envoy = Envoy::start(&Setup::new(Bootstrap::shipped(&filter()?, upstream.address())?).workers(2)).await?;
    let answer = chat_stream(MODEL, 10, 5);
    let seen = through_usage(&answer);
    let mut requests = Vec::new();
    for n in 0..CROWD {
        let id = format!("crowd-{n}");
        // Every other one after its usage was seen.
        let after = if n % 2 == 0 { seen } else { seen / 4 };
        upstream.answer(&id, answer.clone().ending(Ending::StallAfter(after)));
        requests.push((ask(id, MODEL, &[]), Leave::AfterBody(after)));
    }
    send_all(envoy.address(), requests, CROWD / 4).await;
    let samples = parse(&envoy.settled(CROWD).await?).map_err(anyhow::Error::msg)?;
    for (outcome, expected) in [("partial", CROWD / 2), ("missing", CROWD / 2)] {
        let counted = sum(&samples, "genops_usage_outcomes_total", &[("outcome", outcome)]);
        ensure!(counted == expected as u64, "{outcome}: {counted}");
    }
    ensure!(sum(&samples, "genops_usage_outcomes_total", &[]) == CROWD as u64);
    ensure!(sum(&samples, "genops_operation_errors_total", &[]) == 0);
    envoy.quit().await?;
    Ok(())
}

/// A request that never becomes whole: the upstream may see its head, no response comes, and it is nobody's failure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_in_its_request_is_counted_once() -> Result<()> {
    let upstream = Upstream::start().await?;
    let envoy = Envoy::start(&Setup::new(Bootstrap::shipped(&filter()?, upstream.address())?)).await?;
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: api.openai.com\r\nx-request-id: gone\r\n\
                content-type: application/json\r\ncontent-length: 100\r\n\r\n{\"model\": \"gpt-4o-mini\"";
    let mut socket = TcpStream::connect(envoy.address()).await?;
    socket.write_all(head.as_bytes()).await?;
    // Envoy must have read it before it learns of the end.
    sleep(Duration::from_millis(100)).await;
    drop(socket);
    let samples = parse(&envoy.settled(1).await?).map_err(anyhow::Error::msg)?;
    let lines = logged(&envoy.access_log()?)?;
    let line = lines.first().context("a line")?;
    ensure!(lines.len() == 1 && line.id == "gone", "{lines:?}");
    ensure!([field(line, "outcome"), field(line, "error_type")] == ["missing", ""], "{line:?}");
    ensure!(sum(&samples, "genops_usage_outcomes_total", &[]) == 1);
    ensure!(sum(&samples, "genops_operations_total", &[]) == 1);
    ensure!(sum(&samples, "genops_operation_errors_total", &[]) == 0);
    envoy.quit().await?;
    Ok(())
}
