//! Sessions over web sockets through the real Envoy: bytes pass as they are, each session is one exchange, and its
//! responses are counted and priced however it ends.

use std::net::SocketAddr;
use std::sync::Mutex;

use anyhow::{Context, Result, ensure};
use flate2::{Compress, Compression, FlushCompress};
use futures_util::{SinkExt, StreamExt};
use genops_tests::envoy::{Bootstrap, Envoy, Setup};
use genops_tests::scrape::{parse, sum};
use genops_tests::socket::{Script, SocketUpstream, Step, Wire, behind_head, connect, read_until};
use genops_tests::upstream::REPLAY_ID;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::envoy_support::{Logged, field, filter, logged, native, native_line};

const REALTIME: &str = "ws://api.openai.com/v1/realtime?model=gpt-realtime";
const LIVE: &str = "ws://generativelanguage.googleapis.com/ws/\
                    google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent?key=k";

/// Events of OpenAI's published shapes.
fn created() -> String {
    json!({"type": "session.created", "event_id": "event_1", "session": {"type": "realtime", "id": "sess_1",
        "object": "realtime.session", "model": "gpt-realtime-2025-08-28", "output_modalities": ["audio"],
        "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}, "transcription": null},
            "output": {"voice": "marin"}}}})
    .to_string()
}

fn begun(id: &str) -> String {
    json!({"type": "response.created", "event_id": "event_2", "response": {"object": "realtime.response", "id": id,
        "status": "in_progress", "output": [], "usage": null}})
    .to_string()
}

fn delta(length: usize) -> String {
    json!({"type": "response.output_audio.delta", "event_id": "event_3", "response_id": "r", "item_id": "i",
        "output_index": 0, "content_index": 0, "delta": "A".repeat(length)})
    .to_string()
}

/// A response that costs 0.04052 USD at gpt-realtime (prices.md 6.3).
fn done(id: &str) -> String {
    json!({"type": "response.done", "event_id": "event_4", "response": {"object": "realtime.response", "id": id,
        "status": "completed", "status_details": null, "output": [{"type": "message", "role": "assistant",
            "content": [{"type": "output_audio", "transcript": "hello"}]}],
        "usage": {"total_tokens": 1400, "input_tokens": 1000, "output_tokens": 400,
            "input_token_details": {"text_tokens": 200, "audio_tokens": 800, "image_tokens": 0, "cached_tokens": 300,
                "cached_tokens_details": {"text_tokens": 100, "audio_tokens": 200, "image_tokens": 0}},
            "output_token_details": {"text_tokens": 100, "audio_tokens": 300}}}})
    .to_string()
}

fn text(messages: impl IntoIterator<Item = String>) -> Vec<Step> {
    messages.into_iter().map(Step::Text).collect()
}

fn script(steps: Vec<Step>) -> Script {
    Script { steps, ..Script::default() }
}

/// What must be in the record: outcome, input tokens, output tokens, cost, model.
pub(crate) type Expected = [&'static str; 5];

const ONE: [&str; 4] = ["1000", "400", "0.04052", "gpt-realtime"];
const TWO: [&str; 4] = ["2000", "800", "0.08104", "gpt-realtime"];

fn expect(outcome: &'static str, [input, output, cost, model]: [&'static str; 4]) -> Expected {
    [outcome, input, output, cost, model]
}

fn said(line: &Logged) -> [String; 5] {
    ["outcome", "input_tokens", "output_tokens", "cost_usd", "canonical_model"].map(|name| field(line, name))
}

/// What each end sent is what the other got.
async fn unchanged(upstream: &SocketUpstream, id: &str, client: &Mutex<Wire>) -> Result<()> {
    let far = upstream.ended(id).await?;
    let near = client.lock().map_err(|_| anyhow::anyhow!("poisoned"))?.clone();
    ensure!(behind_head(&near.written) == behind_head(&far.read), "{id}: the client's frames were changed");
    ensure!(behind_head(&far.written) == behind_head(&near.read), "{id}: the server's frames were changed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_are_counted_however_they_end() -> Result<()> {
    let upstream = SocketUpstream::start().await?;
    let bootstrap = Bootstrap::shipped(&filter()?, upstream.address())?;
    let envoy = Envoy::start(&Setup::new(bootstrap).workers(2)).await?;
    let expected = hold(&upstream, envoy.address()).await?;
    let scrape = envoy.settled(expected.len()).await?;
    judge(&expected, &logged(&envoy.access_log()?)?, &scrape)?;
    envoy.quit().await?;
    Ok(())
}

/// Sessions through a proxy, and what must be said of each.
pub(crate) async fn hold(upstream: &SocketUpstream, proxy: SocketAddr) -> Result<Vec<(&'static str, Expected)>> {
    let mut expected: Vec<(&str, Expected)> = Vec::new();

    // Two responses, closed by the server. One piece of sound needs a length of 64 bits.
    let mut steps = text([created()]);
    steps.extend([Step::Await, Step::Await]);
    steps.extend(text([begun("r1"), delta(70_000), delta(400), done("r1")]));
    steps.push(Step::Ping);
    steps.extend(text([begun("r2"), delta(4_000), done("r2")]));
    steps.push(Step::Close);
    upstream.script("whole", script(steps));
    let (mut client, wire) = connect(proxy, "whole", REALTIME).await?;
    let update =
        json!({"type": "session.update", "session": {"type": "realtime", "model": "gpt-5", "instructions": "x"}});
    client.send(Message::text(update.to_string())).await?;
    let sound = json!({"type": "input_audio_buffer.append", "audio": "A".repeat(100_000)});
    client.send(Message::text(sound.to_string())).await?;
    read_until(&mut client, "response.done", 2).await?;
    while let Some(Ok(_)) = client.next().await {}
    unchanged(upstream, "whole", &wire).await?;
    expected.push(("whole", expect("complete", TWO)));

    // The client goes away in the middle of the second response.
    let mut steps = text([created(), begun("r1"), done("r1"), begun("r2"), delta(1_000)]);
    steps.push(Step::UntilGone);
    upstream.script("left-in-response", script(steps));
    let (mut client, _) = connect(proxy, "left-in-response", REALTIME).await?;
    read_until(&mut client, "output_audio.delta", 1).await?;
    drop(client);
    upstream.ended("left-in-response").await?;
    expected.push(("left-in-response", expect("partial", ONE)));

    // Between responses, without and with a word.
    for (id, polite) in [("left", false), ("left-politely", true)] {
        let mut steps = text([created(), begun("r1"), done("r1")]);
        steps.push(Step::UntilGone);
        upstream.script(id, script(steps));
        let (mut client, wire) = connect(proxy, id, REALTIME).await?;
        read_until(&mut client, "response.done", 1).await?;
        if polite {
            client.close(None).await?;
            while let Some(Ok(_)) = client.next().await {}
            unchanged(upstream, id, &wire).await?;
        }
        drop(client);
        upstream.ended(id).await?;
        expected.push((id, expect("complete", ONE)));
    }

    // The upstream's connection ends in the middle of a response.
    let mut steps = text([created(), begun("r1"), done("r1"), begun("r2")]);
    steps.push(Step::Drop);
    upstream.script("dropped", script(steps));
    let (mut client, _) = connect(proxy, "dropped", REALTIME).await?;
    read_until(&mut client, "response.created", 2).await?;
    while let Some(Ok(_)) = client.next().await {}
    expected.push(("dropped", expect("partial", ONE)));

    // Nothing was asked of it.
    let mut steps = text([created()]);
    steps.push(Step::UntilGone);
    upstream.script("quiet", script(steps));
    let (mut client, _) = connect(proxy, "quiet", REALTIME).await?;
    read_until(&mut client, "session.created", 1).await?;
    drop(client);
    expected.push(("quiet", expect("complete", ["0", "0", "0", "gpt-realtime"])));

    // Gemini: binary messages, a model that only the client names.
    let turn = json!({"serverContent": {"turnComplete": true}, "usageMetadata": {"promptTokenCount": 1000,
        "responseTokenCount": 100, "totalTokenCount": 1100,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 400}, {"modality": "TEXT", "tokenCount": 600}],
        "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 100}]}});
    let says =
        json!({"serverContent": {"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm", "data": "AAAA"}}]}}});
    let mut steps = vec![Step::Await];
    steps.extend(
        [json!({"setupComplete": {}}), says.clone(), turn.clone(), says, turn].map(|m| Step::Binary(m.to_string())),
    );
    steps.push(Step::UntilGone);
    upstream.script("live", script(steps));
    let (mut client, wire) = connect(proxy, "live", LIVE).await?;
    let setup = json!({"setup": {"model": "models/gemini-live-2.5-flash", "generationConfig": {"responseModalities": ["AUDIO"]}}});
    client.send(Message::text(setup.to_string())).await?;
    read_until(&mut client, "turnComplete", 2).await?;
    client.close(None).await?;
    while let Some(Ok(_)) = client.next().await {}
    unchanged(upstream, "live", &wire).await?;
    expected.push(("live", expect("complete", ["2000", "200", "0.0054", "gemini-live-2.5-flash"])));

    // Responses over a socket.
    let completed = |id: &str| {
        json!({"type": "response.completed", "sequence_number": 4, "response": {"id": id, "object": "response",
            "status": "completed", "model": "gpt-4o-mini-2024-07-18", "service_tier": "default", "usage": {
                "input_tokens": 1000, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 500,
                "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 1500}}})
        .to_string()
    };
    let mut steps = vec![Step::Await];
    steps.extend(text([completed("resp_1"), completed("resp_2")]));
    steps.push(Step::Close);
    upstream.script("responses", script(steps));
    let (mut client, _) = connect(proxy, "responses", "ws://api.openai.com/v1/responses").await?;
    client.send(Message::text(r#"{"type":"response.create","model":"gpt-4o-mini","input":"hello"}"#)).await?;
    read_until(&mut client, "response.completed", 2).await?;
    while let Some(Ok(_)) = client.next().await {}
    expected.push(("responses", expect("complete", ["2000", "1000", "0.0009", "gpt-4o-mini"])));

    Ok(expected)
}

/// What the proxy says of them.
pub(crate) fn judge(expected: &[(&str, Expected)], lines: &[Logged], scrape: &str) -> Result<()> {
    let mut wrong = Vec::new();
    for (id, expected) in expected {
        let line = lines.iter().find(|l| l.id == *id).with_context(|| (*id).to_owned())?;
        let got = said(line);
        // Only the provider that broke off failed.
        let error = if *id == "dropped" { "reset" } else { "" };
        if got != *expected || field(line, "error_type") != error || field(line, "status") != "101" {
            wrong.push(format!("{id}: {got:?}, expected {expected:?}: {}", line.record));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    ensure!(lines.len() == expected.len(), "{lines:?}");

    let samples = parse(scrape).map_err(anyhow::Error::msg)?;
    let realtime = [("model", "gpt-realtime")];
    for (name, with, value) in [
        ("genops_usage_outcomes_total", &[][..], 8),
        ("genops_operations_total", &[], 8),
        ("genops_operation_errors_total", &[], 1),
        ("genops_tokens_input_total", &realtime, 6_000),
        ("genops_tokens_output_total", &realtime, 2_400),
        ("genops_cost_total_usd_pico", &realtime, 6 * 40_520_000_000),
        ("genops_cost_total_usd_pico", &[("model", "gemini-live-2.5-flash")], 5_400_000_000),
        ("genops_cost_total_usd_pico", &[("model", "gpt-4o-mini")], 900_000_000),
    ] {
        let counted = sum(&samples, name, with);
        ensure!(counted == value, "{name} {with:?}: {counted}, expected {value}\n{scrape}");
    }
    Ok(())
}

/// Compressed by an agreement that the peers made through the proxy, as a client that offers it (Python's `websockets`
/// does by default) would see it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compressed_sessions_are_counted() -> Result<()> {
    let mut compress = Compress::new(Compression::default(), false);
    let mut frames = Vec::new();
    for message in [created(), begun("r1"), delta(3_000), done("r1"), begun("r2"), delta(100), done("r2")] {
        let mut out = Vec::with_capacity(message.len() + 100);
        compress.compress_vec(message.as_bytes(), &mut out, FlushCompress::Sync)?;
        out.truncate(out.len() - 4);
        frames.extend([&[0xC1, 126][..], &u16::try_from(out.len())?.to_be_bytes(), &out].concat());
    }
    // In pieces, and at the end a close frame.
    let mut steps: Vec<Step> = frames.chunks(97).map(|piece| Step::Raw(piece.to_vec())).collect();
    steps.extend([Step::Raw(vec![0x88, 2, 3, 0xE8]), Step::Drop]);
    let upstream = SocketUpstream::start().await?;
    let extensions = "permessage-deflate; server_max_window_bits=15";
    upstream.script("deflated", Script { extensions: Some(extensions), steps });
    let envoy = Envoy::start(&Setup::new(Bootstrap::shipped(&filter()?, upstream.address())?)).await?;
    let mut socket = TcpStream::connect(envoy.address()).await?;
    let head = format!(
        "GET /v1/realtime?model=gpt-realtime HTTP/1.1\r\nhost: api.openai.com\r\nx-request-id: deflated\r\n\
         {REPLAY_ID}: deflated\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-extensions: permessage-deflate\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await?;
    let mut seen = Vec::new();
    socket.read_to_end(&mut seen).await?;
    ensure!(behind_head(&seen) == behind_head(&upstream.ended("deflated").await?.written), "frames were changed");
    envoy.settled(1).await?;
    let lines = logged(&envoy.access_log()?)?;
    let line = lines.first().context("a line")?;
    ensure!(said(line) == expect("complete", TWO), "{}", line.record);
    envoy.quit().await?;
    Ok(())
}

/// The native host runs a recorded session like any other exchange: an upgrade, a `101`, frames in base64.
#[test]
fn the_native_host_replays_a_session() -> Result<()> {
    use base64::Engine as _;
    let frame = |message: String| -> Result<Vec<u8>> {
        Ok([&[0x81, 126][..], &u16::try_from(message.len())?.to_be_bytes(), message.as_bytes()].concat())
    };
    let mut body = Vec::new();
    for message in [created(), begun("r1"), delta(500), done("r1"), begun("r2"), done("r2")] {
        body.extend(frame(message)?);
    }
    let line: Value = json!({"id": "session",
        "request": {"method": "GET", "url": "https://api.openai.com/v1/realtime?model=gpt-realtime",
            "headers": {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}},
        "response": {"status": 101, "headers": {"Upgrade": "websocket", "Connection": "Upgrade"},
            "body": base64::engine::general_purpose::STANDARD.encode(&body), "body_encoding": "base64"}});
    let nowhere = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
    let module = filter()?;
    let bootstrap = Bootstrap::shipped(&module, nowhere)?;
    for plan in [genops_host::ChunkPlan::Whole, genops_host::ChunkPlan::Bytes] {
        let run = native(&bootstrap, &module, 1, vec![native_line(&line, None)?], plan)?;
        let record: Value = serde_json::from_str(run.records.get("session").context("a record")?)?;
        ensure!(record["outcome"] == "complete" && record["input_tokens"] == 2000, "{record}");
        ensure!(record["cost_usd"] == "0.08104", "{record}");
    }
    Ok(())
}
