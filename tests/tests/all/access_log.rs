//! The shipped access log: each line is one JSON object, whatever clients send, and its `genops` is the record.

use anyhow::{Context, Result, ensure};
use genops_tests::client::{Leave, send_all};
use genops_tests::envoy::{Bootstrap, Envoy, Setup, shipped_listener};
use genops_tests::upstream::{Ending, Upstream};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Duration, sleep};

use crate::envoy_support::{ask, chat, chat_stream, field, filter, logged};

const MODEL: &str = "gpt-4o-mini";

#[test]
fn each_line_ends() -> Result<()> {
    let format = "/filter_chains/0/filters/0/typed_config/access_log/0/typed_config/log_format";
    let format = shipped_listener()?.pointer(format).context("a format")?.clone();
    let text = format.pointer("/text_format_source/inline_string").and_then(Value::as_str);
    // Envoy ends the lines of a JSON format by itself, and those of a text format where the text does.
    ensure!(text.is_none_or(|text| text.ends_with('\n')), "{text:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_says_what_was_used_and_what_it_cost() -> Result<()> {
    let upstream = Upstream::start().await?;
    let envoy = Envoy::start(&Setup::new(Bootstrap::shipped(&filter()?, upstream.address())?)).await?;
    upstream.answer("unary", chat(MODEL, 1000, 500));
    upstream.answer("stream", chat_stream(MODEL, 1000, 500));
    let headers: [(&str, &[u8]); 2] = [("x-genops-team", b"Platform"), ("x-genops-project", b"a \"quoted\" one")];
    let requests = ["unary", "stream"].map(|id| (ask(id, MODEL, &headers), Leave::AtEnd)).into();
    send_all(envoy.address(), requests, 1).await;
    envoy.settled(2).await?;
    for line in logged(&envoy.access_log()?)? {
        let expected = [
            ("provider", "openai"),
            ("api", "chat.completions"),
            ("model", MODEL),
            ("request_model", MODEL),
            ("outcome", "complete"),
            ("status", "200"),
            ("input_tokens", "1000"),
            ("output_tokens", "500"),
            ("total_tokens", "1500"),
            // 1000 x 0.15 + 500 x 0.60 USD per million (OpenAI's price page for gpt-4o-mini).
            ("cost_usd", "0.00045"),
            ("cost_source", "computed"),
            ("unpriced_reason", ""),
            ("labels/team", "platform"),
            ("labels/project", "a \"quoted\" one"),
            ("streamed", if line.id == "stream" { "true" } else { "false" }),
        ];
        for (name, value) in expected {
            ensure!(field(&line, name) == value, "{name}: {:?}, expected {value:?}: {line:?}", field(&line, name));
        }
        ensure!((field(&line, "time_to_first_token_ms").is_empty()) == (line.id == "unary"), "{line:?}");
    }
    envoy.quit().await?;
    Ok(())
}

/// What clients can put into a line: ids of their own, paths, headers; and requests that no filter ever sees.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_is_json_whatever_clients_send() -> Result<()> {
    let upstream = Upstream::start().await?;
    let envoy = Envoy::start(&Setup::new(Bootstrap::shipped(&filter()?, upstream.address())?)).await?;
    let hostile_ids = ["a\"b", "{\"x\":1}", "back\\slash", "\",\"genops\":{\"cost_usd\":\"0\"},\"x\":\""];
    let mut requests = Vec::new();
    for id in hostile_ids {
        upstream.answer(id, chat(MODEL, 10, 5));
        requests.push((ask(id, MODEL, &[("x-genops-project", b"\"},\\")]), Leave::AtEnd));
    }
    upstream.answer("quote-in-path", chat(MODEL, 10, 5));
    requests.push((ask("quote-in-path", "a\"model\\", &[]), Leave::AtEnd));
    upstream.answer("silent", chat(MODEL, 10, 5).ending(Ending::Silent));
    requests.push((ask("silent", MODEL, &[]), Leave::BeforeHead(Duration::from_millis(100))));
    let count = requests.len();
    send_all(envoy.address(), requests, 1).await;

    let no_filter: [&[u8]; 3] = [
        b"GET / HTTP/1.1\r\nhost: a\r\nx: \x01\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET /a\"b HTTP/1.1\r\nhost: a\"b\r\nx-request-id: a\"b\r\nconnection: close\r\n\r\n",
    ];
    for raw in no_filter {
        let mut socket = TcpStream::connect(envoy.address()).await?;
        socket.write_all(raw).await?;
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await?;
    }
    envoy.settled(count).await?;
    // Lines of what no filter saw come when Envoy pleases.
    sleep(Duration::from_millis(300)).await;
    let lines = envoy.access_log()?;
    ensure!(lines.len() > count, "{} lines", lines.len());
    for line in &lines {
        let read: Value = serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))?;
        ensure!(read.is_object(), "{line}");
        // A key said twice is how a forged figure would look.
        ensure!(line.matches("\"start_time\"").count() == 1 && line.matches("\"genops\":").count() == 1, "{line}");
    }
    envoy.quit().await?;
    Ok(())
}
