//! The real Envoy and the native host over the whole corpus: the same bytes on the scrape, the same records, and not a
//! byte of the traffic changed.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use genops_host::{ChunkPlan, Cut};
use genops_tests::client::{Leave, Reply, Request, send_all};
use genops_tests::client_recorded::Recorded;
use genops_tests::envoy::{Bootstrap, Envoy, Setup};
use genops_tests::scrape;
use genops_tests::upstream::{Answer, Cuts, Ending, Upstream};
use genops_tests::upstream_digest::Digest;

use crate::envoy_support::{Native, a_stranger_agrees, corpus, filter, logged, native, native_line, timeless_record};

/// Connections to Envoy: enough that the kernel gives some to each worker.
const CONNECTIONS: usize = 24;
/// Of so many exchanges, one is left by its client and one is reset by its upstream.
const ABORTS: usize = 7;

/// One exchange as it is sent, and as it must come out.
struct Sent {
    request: Request,
    leave: Leave,
    answer: Answer,
    native: Native,
}

/// Attribution that follows from the provider, so that the number of label sets stays that of the models: caps are
/// not the subject here.
fn labels(id: &str) -> Vec<(&'static str, String)> {
    let provider = id.split('-').next().unwrap_or_default();
    let mut labels = vec![
        ("x-genops-team", format!("Team-{provider}")),
        ("x-genops-environment", "production".to_owned()),
        ("x-genops-feature", format!("{provider} answers; all=of.them")),
    ];
    if provider.len().is_multiple_of(2) {
        labels.push(("x-genops-customer-id", format!("{provider}_1")));
        labels.push(("x-genops-project", "cache.hit \u{fc}ber".to_owned()));
    }
    labels
}

/// Every exchange once whole, and some a second time broken off in the middle.
fn traffic(corpus: &[Recorded]) -> Result<Vec<Sent>> {
    let mut all = Vec::new();
    for (index, recorded) in corpus.iter().enumerate() {
        all.push(sent(recorded, &recorded.id, index, Ending::Whole)?);
        // Behind the head of the body at least, before its end at most.
        let middle = recorded.answer()?.body.len() * (1 + index % 9) / 10;
        match index % ABORTS {
            _ if middle == 0 => {}
            0 => all.push(sent(recorded, &format!("{}.left", recorded.id), index, Ending::StallAfter(middle))?),
            1 => all.push(sent(recorded, &format!("{}.reset", recorded.id), index, Ending::ResetAfter(middle))?),
            _ => {}
        }
    }
    Ok(all)
}

fn sent(recorded: &Recorded, id: &str, index: usize, ending: Ending) -> Result<Sent> {
    let mut recorded = recorded.clone();
    id.clone_into(&mut recorded.id);
    let labels = labels(id);
    let labels: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let cuts = [Cuts::Whole, Cuts::Bytes(100), Cuts::Seeded(index as u64)];
    let answer = recorded.answer()?.cut(cuts[index % cuts.len()]).ending(ending);
    let (leave, cut) = match ending {
        Ending::StallAfter(after) => (Leave::AfterBody(after), Some(Cut::DownstreamGone { after })),
        Ending::ResetAfter(after) => (Leave::AtEnd, Some(Cut::UpstreamReset { after })),
        _ => (Leave::AtEnd, None),
    };
    let native = native_line(&recorded.line(&labels), cut)?;
    Ok(Sent { request: recorded.request(&labels)?, leave, answer, native })
}

/// Traffic passed byte for byte: the upstream got the client's request once, the client got what the upstream sent.
fn passed(upstream: &Upstream, request: &Request, answer: &Answer, reply: &Reply) -> Result<()> {
    let received = upstream.received(&request.id);
    ensure!(received.len() == 1, "{}: received {} times", request.id, received.len());
    let received = received.first().context("one request")?;
    ensure!(received.body == Some(Digest::of(&request.body)), "{}: request body {:?}", request.id, received.body);
    ensure!(received.method == request.method.as_str() && received.path == request.path.to_string(), "{}", request.id);
    ensure!(reply.status == Some(answer.status.as_u16()), "{}: {:?} {:?}", request.id, reply.status, reply.broken);
    let (body, whole) = match answer.ending {
        Ending::ResetAfter(n) | Ending::StallAfter(n) => (answer.body.slice(..n), false),
        _ => (answer.body.clone(), true),
    };
    ensure!(Digest::of(&reply.body) == Digest::of(&body), "{}: got {} of {}", request.id, reply.body.len(), body.len());
    ensure!(reply.whole == whole, "{}: whole {} {:?}", request.id, reply.whole, reply.broken);
    Ok(())
}

async fn envoy_and_host_agree(workers: u32) -> Result<()> {
    let Some(corpus) = corpus("parity")? else { return Ok(()) };
    let module = filter()?;
    let upstream = Upstream::start().await?;
    let bootstrap = Bootstrap::shipped(&module, upstream.address())?;
    let envoy = Envoy::start(&Setup::new(bootstrap.clone()).workers(workers)).await?;

    let (mut requests, mut answers, mut natives) = (Vec::new(), Vec::new(), Vec::new());
    for Sent { request, leave, answer, native } in traffic(&corpus)? {
        upstream.answer(&request.id, answer.clone());
        requests.push((request, leave));
        answers.push(answer);
        natives.push(native);
    }
    let count = requests.len();
    let replies = send_all(envoy.address(), requests.clone(), CONNECTIONS).await;
    for (((request, _), answer), reply) in requests.iter().zip(&answers).zip(&replies) {
        passed(&upstream, request, answer, reply)?;
    }
    ensure!(upstream.counts() == (count, 0), "the upstream got {:?}", upstream.counts());

    let started = Instant::now();
    let envoys = envoy.settled(count).await?;
    println!("{} lines of scrape, settled in {:?}", envoys.lines().count(), started.elapsed());
    let host = native(&bootstrap, &module, workers as usize, natives, ChunkPlan::Whole)?;

    let log = logged(&envoy.access_log()?)?;
    let records: BTreeMap<&str, &str> = log.iter().map(|l| (l.id.as_str(), l.record.as_str())).collect();
    ensure!(log.len() == count && records.len() == count, "{} lines, {} ids for {count}", log.len(), records.len());
    let mut differ = Vec::new();
    for (id, ours) in &host.records {
        let theirs = records.get(id.as_str()).with_context(|| format!("{id} is not in the access log"))?;
        if timeless_record(ours)? != timeless_record(theirs)? {
            differ.push(format!("{id}\n  host  {ours}\n  Envoy {theirs}"));
        }
    }
    ensure!(differ.is_empty(), "{} records differ:\n{}", differ.len(), differ.join("\n"));

    let difference = scrape::difference(&scrape::timeless(&host.scrape), &scrape::timeless(&envoys), 30);
    ensure!(difference.is_empty(), "- host, + Envoy:\n{difference}");
    ensure!(scrape::timeless(&host.scrape) == scrape::timeless(&envoys));

    sums_hold(&envoys, count as u64)?;
    a_stranger_agrees(&envoys)?;
    envoy.quit().await?;
    Ok(())
}

/// Every exchange is counted once, and what is not counted as an operation is said to be none.
fn sums_hold(text: &str, sent: u64) -> Result<()> {
    let samples = scrape::parse(text).map_err(anyhow::Error::msg)?;
    let outcomes = scrape::sum(&samples, "genops_usage_outcomes_total", &[]);
    let not_llm = scrape::sum(&samples, "genops_usage_outcomes_total", &[("outcome", "not_llm")]);
    let operations = scrape::sum(&samples, "genops_operations_total", &[]);
    ensure!(outcomes == sent, "outcomes {outcomes}, sent {sent}");
    ensure!(operations + not_llm == sent, "operations {operations}, not_llm {not_llm}, sent {sent}");
    ensure!(not_llm > 0 && operations > 0, "the corpus has both");
    let latencies = scrape::sum(&samples, "genops_operation_latency_seconds_count", &[]);
    ensure!(latencies == operations, "latencies {latencies}, operations {operations}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow tier: the same with two workers is not"]
async fn corpus_with_one_worker() -> Result<()> {
    envoy_and_host_agree(1).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn corpus_with_two_workers() -> Result<()> {
    envoy_and_host_agree(2).await
}
