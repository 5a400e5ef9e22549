//! Streams that are asked for their usage, on the real Envoy: what the provider gets, what the client gets, what is
//! counted; and that nothing is touched where it must not be.

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use genops_tests::client::{Leave, Reply, Request, send_all};
use genops_tests::envoy::{Bootstrap, Envoy, Setup};
use genops_tests::scrape::{Sample, parse, sum};
use genops_tests::upstream::{Answer, Cuts, Received, Upstream};
use genops_tests::upstream_digest::Digest;
use hyper::StatusCode;
use hyper::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use std::io::Write;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::envoy_support::{chat, chat_stream, field, filter, logged};

const MODEL: &str = "gpt-4o-mini";
/// The shipped configuration's provider, and the option.
const ASKING: &str = r#"{"provider": "openai", "include_usage": {"providers": ["openai"]}}"#;
/// Requests of up to 2000 bytes wait.
const HOLDING: &str =
    r#"{"provider": "openai", "include_usage": {"providers": ["openai"], "hold_request_bytes": 2000}}"#;
/// What the filter adds.
const MEMBER: &str = r#","stream_options":{"include_usage":true}"#;

/// One exchange, and what must come of it.
struct Case {
    id: &'static str,
    request: Request,
    answer: Answer,
    /// What the provider must get, and the client.
    sent: String,
    got: Vec<u8>,
    /// Value of the counter's label; empty: not counted.
    counted: &'static str,
    /// Of the record.
    outcome: &'static str,
}

fn post(id: &str, body: &str, more: &[(&str, &[u8])]) -> Request {
    let json: (&str, &[u8]) = ("content-type", b"application/json");
    let headers = more.iter().copied().chain([json]);
    Request::new(id, ("POST", "api.openai.com", "/v1/chat/completions"), headers, body.to_owned())
}

/// A request of about so many bytes that asks for a stream, and in which numbers, spaces and order would show a
/// rewriting.
fn streaming(size: usize) -> String {
    let text = "lorem ".repeat(size / 6);
    format!(
        r#"{{"temperature": 1.50e0, "model":"{MODEL}", "messages":[{{"role":"user","content":"{text}\u00e9"}}],"stream" : true }}"#
    )
}

fn asking(body: &str) -> String {
    let end = body.rfind('}').unwrap_or(body.len());
    format!("{}{MEMBER}{}", &body[..end], &body[end..])
}

/// The answer without its usage event.
fn without_usage(answer: &Answer) -> Vec<u8> {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let events = text.split_inclusive("\n\n").filter(|event| !event.contains(r#""choices":[]"#));
    events.collect::<String>().into_bytes()
}

fn gzip(answer: Answer) -> Result<Answer> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&answer.body)?;
    let headers =
        [("content-type", "text/event-stream"), ("content-encoding", "gzip"), ("transfer-encoding", "chunked")];
    Ok(Answer::new(StatusCode::OK, headers, encoder.finish()?))
}

fn cases() -> Result<Vec<Case>> {
    let stream = || chat_stream(MODEL, 1000, 500);
    let touched = |id, body: String, answer: Answer| Case {
        id,
        request: post(id, &body, &[]),
        sent: asking(&body),
        got: without_usage(&answer),
        answer,
        counted: "injected",
        outcome: "complete",
    };
    let untouched = |id, body: String, answer: Answer, counted, outcome| Case {
        id,
        request: post(id, &body, &[]),
        sent: body,
        got: answer.body.to_vec(),
        answer,
        counted,
        outcome,
    };
    let asks = asking(&streaming(50));
    let unary = format!(r#"{{"model":"{MODEL}","messages":[]}}"#);
    let length = |answer: Answer| {
        let mut answer = answer;
        answer.headers.insert(CONTENT_LENGTH, answer.body.len().into());
        answer
    };
    let plain =
        Answer::new(StatusCode::BAD_REQUEST, [("content-type", "application/json")], r#"{"error":{"code":"x"}}"#);
    let encoded = gzip(stream())?;
    let mut left = touched("gzip-answer", streaming(50), encoded.clone());
    (left.got, left.counted) = (encoded.body.to_vec(), "injected_left_in");
    let mut refused = touched("refused", streaming(50), plain.clone());
    (refused.got, refused.counted, refused.outcome) = (plain.body.to_vec(), "injected_refused", "error");
    let mut packed = untouched("gzip-request", streaming(50), stream(), "skipped_encoded", "complete");
    packed.request = post("gzip-request", &streaming(50), &[("content-encoding", b"gzip")]);
    let other = Request::new("other", ("POST", "api.openai.com", "/v1/responses"), [], streaming(50));
    let mut not_covered = untouched("other", streaming(50), chat(MODEL, 1, 1), "", "complete");
    not_covered.request = other;
    Ok(vec![
        touched("silent", streaming(50), stream()),
        touched("cut-by-bytes", streaming(50), stream().cut(Cuts::Bytes(1))),
        touched("cut-by-seed", streaming(50), stream().cut(Cuts::Seeded(7))),
        touched("announced", streaming(50), length(stream())),
        // Far more than Envoy keeps in one buffer (1 MiB by default): nothing waits, so nothing is too large.
        touched("large", streaming(3 << 20), stream()),
        untouched("asks", asks, stream(), "present", "complete"),
        untouched("unary", unary, chat(MODEL, 1000, 500), "not_streamed", "complete"),
        untouched("no-json", "stream=true&model=x".to_owned(), plain, "skipped_not_json", "error"),
        untouched("twice", r#"{"stream":true,"stream":true}"#.to_owned(), stream(), "skipped_unclear", "complete"),
        left,
        refused,
        packed,
        not_covered,
    ])
}

fn received(upstream: &Upstream, id: &str) -> Result<Received> {
    upstream.received(id).pop().with_context(|| format!("{id}: nothing came upstream"))
}

/// What provider and client got.
fn passed(upstream: &Upstream, case: &Case, reply: &Reply) -> Result<()> {
    let at = received(upstream, case.id)?;
    ensure!(at.body == Some(Digest::of(case.sent.as_bytes())), "{}: the provider got {:?}", case.id, at.body);
    ensure!(reply.status == Some(case.answer.status.as_u16()) && reply.whole, "{}: {reply:?}", case.id);
    let got = String::from_utf8_lossy(&reply.body).into_owned();
    ensure!(reply.body == case.got, "{}: the client got\n{got}", case.id);
    Ok(())
}

async fn send(envoy: &Envoy, upstream: &Upstream, cases: &[Case]) -> Result<Vec<Sample>> {
    for case in cases {
        upstream.answer(case.id, case.answer.clone());
    }
    let requests = cases.iter().map(|case| (case.request.clone(), Leave::AtEnd)).collect();
    let replies = send_all(envoy.address(), requests, 4).await;
    for (case, reply) in cases.iter().zip(&replies) {
        passed(upstream, case, reply)?;
    }
    let scrape = envoy.settled(cases.len()).await?;
    let lines = logged(&envoy.access_log()?)?;
    for case in cases {
        let line = lines.iter().find(|l| l.id == case.id).with_context(|| case.id.to_owned())?;
        ensure!(field(line, "outcome") == case.outcome, "{}: {}", case.id, line.record);
    }
    parse(&scrape).map_err(anyhow::Error::msg)
}

fn counts(samples: &[Sample], cases: &[Case]) -> Result<()> {
    for case in cases.iter().filter(|case| !case.counted.is_empty()) {
        let expected = cases.iter().filter(|other| other.counted == case.counted).count() as u64;
        let counted = sum(samples, "genops_include_usage_total", &[("outcome", case.counted), ("provider", "openai")]);
        ensure!(counted == expected, "{}: {counted}, expected {expected}", case.counted);
    }
    let all = cases.iter().filter(|case| !case.counted.is_empty()).count() as u64;
    ensure!(sum(samples, "genops_include_usage_total", &[]) == all, "{samples:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_are_asked_and_clients_see_nothing_of_it() -> Result<()> {
    let upstream = Upstream::start().await?;
    let mut bootstrap = Bootstrap::shipped(&filter()?, upstream.address())?;
    bootstrap.listener.configure(ASKING)?;
    let envoy = Envoy::start(&Setup::new(bootstrap).workers(2)).await?;
    let cases = cases()?;
    let samples = send(&envoy, &upstream, &cases).await?;
    counts(&samples, &cases)?;
    // Metering saw the event that the client did not.
    let silent = logged(&envoy.access_log()?)?.into_iter().find(|l| l.id == "silent").context("a line")?;
    ensure!(field(&silent, "input_tokens") == "1000" && !field(&silent, "cost_usd").is_empty(), "{}", silent.record);
    // The edited body has no length to be wrong: HTTP/1.1 sends it in chunks.
    let at = received(&upstream, "silent")?;
    ensure!(at.headers.get(CONTENT_LENGTH).is_none() && at.headers.get(TRANSFER_ENCODING).is_some(), "{at:?}");
    // A request that is not covered keeps its own.
    ensure!(received(&upstream, "other")?.headers.get(CONTENT_LENGTH).is_some(), "the length of `other` is gone");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn off_nothing_is_touched() -> Result<()> {
    let upstream = Upstream::start().await?;
    let bootstrap = Bootstrap::shipped(&filter()?, upstream.address())?;
    let envoy = Envoy::start(&Setup::new(bootstrap)).await?;
    let mut cases = cases()?;
    for case in &mut cases {
        (case.sent, case.got) = (String::from_utf8_lossy(&case.request.body).into_owned(), case.answer.body.to_vec());
    }
    let samples = send(&envoy, &upstream, &cases).await?;
    ensure!(sum(&samples, "genops_include_usage_total", &[]) == 0, "{samples:?}");
    for case in &cases {
        let at = received(&upstream, case.id)?;
        let length = at.headers.get(CONTENT_LENGTH).and_then(|l| l.to_str().ok()?.parse::<usize>().ok());
        ensure!(length == Some(case.sent.len()), "{}: content-length {length:?}", case.id);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_wait_keep_a_length() -> Result<()> {
    let upstream = Upstream::start().await?;
    let mut bootstrap = Bootstrap::shipped(&filter()?, upstream.address())?;
    bootstrap.listener.configure(HOLDING)?;
    bootstrap.listener.allow_on_headers_stop_iteration()?;
    let envoy = Envoy::start(&Setup::new(bootstrap)).await?;
    let mut cases = cases()?;
    for case in cases.iter_mut().filter(|case| case.id == "large") {
        (case.sent, case.got) = (String::from_utf8_lossy(&case.request.body).into_owned(), case.answer.body.to_vec());
        case.counted = "skipped_too_large";
    }
    let samples = send(&envoy, &upstream, &cases).await?;
    counts(&samples, &cases)?;
    for case in &cases {
        let at = received(&upstream, case.id)?;
        let length = at.headers.get(CONTENT_LENGTH).and_then(|l| l.to_str().ok()?.parse::<usize>().ok());
        ensure!(length == Some(case.sent.len()), "{}: content-length {length:?}", case.id);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_buffer_filter_behind_gives_a_length_too() -> Result<()> {
    let upstream = Upstream::start().await?;
    let mut bootstrap = Bootstrap::shipped(&filter()?, upstream.address())?;
    bootstrap.listener.configure(ASKING)?;
    bootstrap.listener.buffer_behind(1 << 20)?;
    let envoy = Envoy::start(&Setup::new(bootstrap)).await?;
    let mut cases = cases()?;
    cases.retain(|case| case.id != "large");
    let samples = send(&envoy, &upstream, &cases).await?;
    counts(&samples, &cases)?;
    let silent = cases.iter().find(|case| case.id == "silent").context("a case")?;
    let at = received(&upstream, "silent")?;
    let length = at.headers.get(CONTENT_LENGTH).and_then(|l| l.to_str().ok()?.parse::<usize>().ok());
    ensure!(length == Some(silent.sent.len()), "content-length {length:?}");
    Ok(())
}

/// A request whose body comes in pieces that Envoy reads apart, in chunks or with a length.
async fn piecewise(envoy: &Envoy, id: &str, pieces: &[&str], chunked: bool) -> Result<String> {
    let mut socket = TcpStream::connect(envoy.address()).await?;
    socket.set_nodelay(true)?;
    let length = match chunked {
        true => "transfer-encoding: chunked".to_owned(),
        false => format!("content-length: {}", pieces.concat().len()),
    };
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: api.openai.com\r\nx-request-id: {id}\r\nx-replay-id: {id}\r\n\
         connection: close\r\n{length}\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await?;
    for piece in pieces {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let wire = if chunked { format!("{:x}\r\n{piece}\r\n", piece.len()) } else { (*piece).to_owned() };
        socket.write_all(wire.as_bytes()).await?;
    }
    if chunked {
        // A body that ends with trailers has no last piece of data that says so.
        socket.write_all(b"0\r\nx-trailer: 1\r\n\r\n").await?;
    }
    let mut reply = Vec::new();
    socket.read_to_end(&mut reply).await?;
    Ok(String::from_utf8_lossy(&reply).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_in_pieces_wait_only_as_long_as_they_must() -> Result<()> {
    let upstream = Upstream::start().await?;
    let mut bootstrap = Bootstrap::shipped(&filter()?, upstream.address())?;
    bootstrap.listener.configure(ASKING)?;
    let envoy = Envoy::start(&Setup::new(bootstrap)).await?;
    let options = [r#"{"stream_options":{"inclu"#, r#"de_usage":fal"#, r#"se},"model":"m""#, r#","stream":true} "#];
    let asked = options.concat().replace("false", "true");
    let broken = [r#"{"stream":true,"stream_options":{"#, r#""x":"#];
    let usual = [r#"{"stream":true,"#, r#""model":"m"}"#];
    let expected = [
        ("options", options.as_slice(), asked),
        ("broken", broken.as_slice(), broken.concat()),
        ("usual", usual.as_slice(), asking(&usual.concat())),
    ];
    let mut sent = 0;
    for (name, pieces, body) in expected {
        for chunked in [false, true] {
            let id = format!("{name}-{chunked}");
            upstream.answer(id.as_str(), chat_stream(MODEL, 1000, 500));
            let reply = piecewise(&envoy, &id, pieces, chunked).await?;
            sent += 1;
            let at = received(&upstream, &id)?;
            ensure!(at.body == Some(Digest::of(body.as_bytes())), "{id}: the provider got {:?}", at.body);
            let event = reply.contains(r#""choices":[]"#);
            ensure!(reply.starts_with("HTTP/1.1 200") && event == (name == "broken"), "{id}: {reply}");
        }
    }
    let samples = parse(&envoy.settled(sent).await?).map_err(anyhow::Error::msg)?;
    ensure!(sum(&samples, "genops_include_usage_total", &[("outcome", "injected")]) == 4, "{samples:?}");
    ensure!(sum(&samples, "genops_include_usage_total", &[("outcome", "skipped_not_json")]) == 2, "{samples:?}");
    Ok(())
}
