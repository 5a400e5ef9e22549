//! Hostile label values on the real Envoy: they come from client headers, and pass through a stat name, Envoy's tag
//! regexes and its renderer. None may make a label, a family or an unreadable scrape.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use genops_core::schema::{Label, Own, Table};
use genops_host::ChunkPlan;
use genops_tests::client::{Leave, send_all};
use genops_tests::envoy::{Bootstrap, Envoy, Setup};
use genops_tests::scrape::{Sample, difference, parse, sum, timeless};
use genops_tests::upstream::Upstream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::envoy_support::{a_stranger_agrees, ask, chat, filter, native, native_exchange};

const MODEL: &str = "gpt-4o-mini";

/// A header value, and what must become of it as `project` (free text): the label value, or why it is not taken.
const VALUES: &[(&[u8], Result<&str, &str>)] = &[
    (b"plain", Ok("plain")),
    (b"with \"quotes\" and \\ back\\slashes\\", Ok("with \"quotes\" and \\ back\\slashes\\")),
    (b"x;.;model=.=evil;.;genops_cost_total_usd_pico", Ok("x_._model_._evil_._genops_cost_total_usd_pico")),
    // Envoy cuts the dots at the end of a tag's value: with and without them it is one value, and must be one series.
    (b"ends in ;.", Ok("ends in _")),
    (b"dots... and ends...", Ok("dots... and ends")),
    (b"dots... and ends", Ok("dots... and ends")),
    (b";.;", Ok("_._")),
    (b"=.=", Ok("_._")),
    (b"le=.=1.0;.;genops_operation_latency_seconds_bucket", Ok("le_._1.0_._genops_operation_latency_seconds_bucket")),
    (b"my-cache.v1 component.x tag.y wasm_filter.z rbac.w", Ok("my-cache_v1 component_x tag_y wasm_filter_z rbac_w")),
    (b"_rq_503", Ok("_rq_503")),
    (b"http_local_rate_limit.x", Ok("http_local_rate_limit.x")),
    (b"tab\there", Ok("tab_here")),
    (b"{a=\"b\"} 1", Ok("{a_\"b\"} 1")),
    (b"# TYPE x counter", Ok("# TYPE x counter")),
    (b"a,b", Ok("a,b")),
    (
        "\u{44e}\u{43d}\u{438}\u{43a}\u{43e}\u{434} \u{4e2d}\u{6587} \u{1f600}".as_bytes(),
        Ok("\u{44e}\u{43d}\u{438}\u{43a}\u{43e}\u{434} \u{4e2d}\u{6587} \u{1f600}"),
    ),
    // A next-line control and a line separator: the first is a control character, the second is not.
    ("nel\u{85}ls\u{2028}end".as_bytes(), Ok("nel_ls\u{2028}end")),
    (
        b"0123456789012345678901234567890123456789012345678901234567890123",
        Ok("0123456789012345678901234567890123456789012345678901234567890123"),
    ),
    (b"01234567890123456789012345678901234567890123456789012345678901234", Err("too_long")),
    (b"\xff\xfe", Err("invalid_utf8")),
    (b"cut \xe4\xb8", Err("invalid_utf8")),
    (b"overlong \xc0\xaf", Err("invalid_utf8")),
];

/// Bytes that no header may hold (RFC 9110 5.5).
const CONTROLS: [u8; 4] = [0, 1, 0x1b, 0x7f];

/// Every name that the filter may show.
fn families() -> BTreeSet<String> {
    let table = Table::default();
    let stats = table.families().iter().filter(|family| family.is_stat());
    stats.flat_map(|f| f.stats().map(|part| format!("{}{}", f.name, part.suffix)).collect::<Vec<_>>()).collect()
}

fn nothing_forged(samples: &[Sample]) -> Result<()> {
    let (families, labels) = (families(), Label::ALL.map(Label::name));
    for sample in samples {
        ensure!(families.contains(&sample.name), "a forged family: {sample:?}");
        for (label, value) in &sample.labels {
            ensure!(labels.contains(&label.as_str()), "a forged label: {sample:?}");
            ensure!(!value.is_empty(), "an empty label: {sample:?}");
        }
        ensure!(sample.labels.get("model").is_none_or(|m| m == MODEL), "a forged model: {sample:?}");
        ensure!(sample.labels.contains_key("le") == sample.name.ends_with("_bucket"), "a forged bucket: {sample:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_values_stay_values() -> Result<()> {
    let upstream = Upstream::start().await?;
    let module = filter()?;
    let bootstrap = Bootstrap::shipped(&module, upstream.address())?;
    let envoy = Envoy::start(&Setup::new(bootstrap.clone())).await?;

    let (mut requests, mut natives) = (Vec::new(), Vec::new());
    for (n, (value, _)) in VALUES.iter().enumerate() {
        let id = format!("value-{n}");
        let answer = chat(MODEL, 10, 5);
        // As free text, and as labels that take only words: these must refuse most of it.
        let headers: [(&str, &[u8]); 3] =
            [("x-genops-project", value), ("x-genops-team", value), ("x-genops-customer-id", value)];
        let request = ask(&id, MODEL, &headers);
        natives.push(native_exchange(&request, &answer, None));
        upstream.answer(&id, answer);
        requests.push((request, Leave::AtEnd));
    }
    let replies = send_all(envoy.address(), requests, 1).await;
    ensure!(replies.iter().all(|r| r.status == Some(200)), "{replies:?}");
    let scrape = envoy.settled(VALUES.len()).await?;
    let samples = parse(&scrape).map_err(anyhow::Error::msg)?;
    nothing_forged(&samples)?;

    for label in VALUES.iter().filter_map(|(_, expected)| expected.ok()) {
        let tokens = sum(&samples, "genops_tokens_input_total", &[("project", label)]);
        let sent = VALUES.iter().filter(|(_, other)| *other == Ok(label)).count() as u64 * 10;
        ensure!(tokens == sent, "{label:?}: {tokens}, expected {sent}\n{scrape}");
    }
    let mut rejected: BTreeMap<&str, u64> = BTreeMap::new();
    for reason in VALUES.iter().filter_map(|(_, expected)| expected.err()) {
        *rejected.entry(reason).or_default() += 1;
    }
    for (reason, count) in rejected {
        let counted = sum(&samples, Own::LabelRejected.name(), &[("label", "project"), ("reason", reason)]);
        ensure!(counted == count, "{reason}: {counted}, expected {count}\n{scrape}");
    }
    // `plain` alone is a team; nothing of what is refused falls back to another source.
    let teams: BTreeSet<&str> = samples.iter().filter_map(|s| s.labels.get("team")).map(String::as_str).collect();
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    ensure!(teams.contains("plain") && teams.iter().all(|t| t.bytes().all(word)), "{teams:?}");

    let host = native(&bootstrap, &module, 1, natives, ChunkPlan::Whole)?;
    let difference = difference(&timeless(&host.scrape), &timeless(&scrape), 20);
    ensure!(difference.is_empty(), "- host, + Envoy:\n{difference}");

    a_stranger_agrees(&scrape)?;
    envoy.quit().await?;
    Ok(())
}

/// Control characters cannot stand in a header: Envoy refuses the request before any filter sees its headers. It still
/// tells the filter of the stream's end, and logs it; nothing is known of it but that it was no LLM exchange.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_envoy_refuses_is_no_operation() -> Result<()> {
    let upstream = Upstream::start().await?;
    let envoy = Envoy::start(&Setup::new(Bootstrap::shipped(&filter()?, upstream.address())?)).await?;
    for control in CONTROLS {
        let mut socket = TcpStream::connect(envoy.address()).await?;
        let head =
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: api.openai.com\r\ncontent-length: 0\r\nx-genops-team: a";
        socket.write_all(&[head, &[control][..], b"b\r\n\r\n"].concat()).await?;
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await?;
        ensure!(answer.starts_with(b"HTTP/1.1 400 "), "{control:#x}: {}", String::from_utf8_lossy(&answer));
    }
    upstream.answer("good", chat(MODEL, 10, 5));
    send_all(envoy.address(), vec![(ask("good", MODEL, &[]), Leave::AtEnd)], 1).await;
    let scrape = envoy.settled(1 + CONTROLS.len()).await?;
    let samples = parse(&scrape).map_err(anyhow::Error::msg)?;
    nothing_forged(&samples)?;
    ensure!(sum(&samples, "genops_tokens_input_total", &[]) == 10, "{scrape}");
    ensure!(upstream.counts() == (1, 0), "{:?}", upstream.counts());
    let outcome = |outcome| sum(&samples, "genops_usage_outcomes_total", &[("outcome", outcome)]);
    ensure!((outcome("complete"), outcome("not_llm")) == (1, CONTROLS.len() as u64), "{scrape}");
    ensure!(sum(&samples, "genops_operations_total", &[]) == 1, "{scrape}");
    envoy.quit().await?;
    Ok(())
}
