//! The live native host against what a real Envoy does with the same traffic: the same figures, the same ends, the same
//! bytes.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use genops_tests::client::{Connection, Leave, Reply, Request, send_all};
use genops_tests::envoy::{Bootstrap, Envoy, Setup};
use genops_tests::scrape::{difference, parse, sum, timeless};
use genops_tests::socket::SocketUpstream;
use genops_tests::upstream::{Answer, Cuts, Ending, REPLAY_ID, Upstream};
use http_body_util::{BodyExt, Full};
use hyper::StatusCode;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::envoy_support::{ask, chat, chat_stream, field, filter, recorded};
use crate::serve_support::{self, Served};
use crate::{envoy_aborts, envoy_websocket};

const MODEL: &str = "gpt-4o-mini";

fn page(path: &str, headers: &[(&str, &[u8])]) -> Request {
    Request::new("page", ("GET", "127.0.0.1", path), headers.iter().copied(), "")
}

async fn get(served: &Served, request: &Request) -> Reply {
    Connection::new(served.address()).send(request, Leave::AtEnd).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_scrape_is_envoy_s() -> Result<()> {
    let answers = [
        ("unary", chat(MODEL, 1_000, 500)),
        ("stream", chat_stream(MODEL, 2_000, 700).cut(Cuts::Seeded(3))),
        ("bytes", chat_stream("gpt-4o", 30, 4).cut(Cuts::Bytes(1))),
        ("error", Answer::new(StatusCode::TOO_MANY_REQUESTS, [("content-type", "application/json")], "{}")),
        ("broken", Answer::new(StatusCode::OK, [("content-type", "application/json")], "{\"usage\":")),
    ];
    let requests = || {
        answers
            .iter()
            .map(|(id, _)| (ask(*id, MODEL, &[("x-genops-team", b"search")]), Leave::AtEnd))
            .collect::<Vec<_>>()
    };
    let upstream = Upstream::start().await?;
    for (id, answer) in &answers {
        upstream.answer(*id, answer.clone());
    }
    let envoy = Envoy::start(&Setup::new(Bootstrap::shipped(&filter()?, upstream.address())?)).await?;
    let theirs = send_all(envoy.address(), requests(), 1).await;
    let envoys = envoy.settled(answers.len()).await?;
    envoy.quit().await?;
    let served = Served::start(serve_support::Setup::new(upstream.address())).await?;
    let ours = send_all(served.address(), requests(), 1).await;
    let scrape = served.settled(answers.len()).await?;
    ensure!(timeless(&scrape) == timeless(&envoys), "{}", difference(&timeless(&scrape), &timeless(&envoys), 20));
    for ((id, answer), (ours, theirs)) in answers.iter().zip(ours.iter().zip(&theirs)) {
        ensure!(ours.whole && ours.body == answer.body && ours.status == theirs.status, "{id}: {ours:?}");
        let received = upstream.received(id);
        let [envoys, ours] = received.as_slice() else { anyhow::bail!("{id}: asked {} times", received.len()) };
        ensure!(ours.body == envoys.body && ours.path == envoys.path && ours.method == envoys.method, "{id}");
    }

    // The pages, as a scraper and a browser ask for them.
    let text = get(&served, &page("/metrics?filter=genops", &[])).await;
    ensure!(text.body == scrape.as_bytes(), "/metrics is another scrape");
    ensure!(text.headers["content-type"] == "text/plain; charset=UTF-8", "{:?}", text.headers);
    let openmetrics = get(&served, &page("/metrics", &[("accept", b"application/openmetrics-text")])).await;
    ensure!(openmetrics.body.ends_with(b"# EOF\n"), "no OpenMetrics");
    ensure!(get(&served, &page("/metrics?filter=(", &[])).await.status == Some(400));
    let live: Value = serde_json::from_slice(&get(&served, &page("/_genops/live.json", &[])).await.body)?;
    ensure!(live["total"]["exchanges"] == 5 && live["open"] == 0 && live["crash"] == Value::Null, "{live}");
    ensure!(live["recent"].as_array().is_some_and(|all| all.len() == 5), "{live}");
    ensure!(!live.to_string().contains("hello"), "a prompt is on the page");
    served.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_end_is_counted_as_in_envoy() -> Result<()> {
    let upstream = Upstream::start().await?;
    let mut setup = serve_support::Setup::new(upstream.address());
    setup.timeout = Duration::from_millis(500);
    let served = Served::start(setup).await?;
    let cases = envoy_aborts::cases();
    envoy_aborts::send(&upstream, served.address(), &cases).await;
    let scrape = served.settled(cases.len()).await?;
    let lines: Result<Vec<_>> = served.records()?.iter().map(recorded).collect();
    envoy_aborts::judge(&cases, &lines?, &scrape)?;
    served.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_are_counted_as_in_envoy() -> Result<()> {
    let upstream = SocketUpstream::start().await?;
    let served = Served::start(serve_support::Setup::new(upstream.address())).await?;
    let expected = envoy_websocket::hold(&upstream, served.address()).await?;
    let scrape = served.settled(expected.len()).await?;
    let lines: Result<Vec<_>> = served.records()?.iter().map(recorded).collect();
    envoy_websocket::judge(&expected, &lines?, &scrape)?;
    served.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_is_down_is_said_and_counted() -> Result<()> {
    // A port that was free a moment ago.
    let nobody = TcpListener::bind(("127.0.0.1", 0)).await?.local_addr()?;
    let mut setup = serve_support::Setup::new(nobody);
    setup.upstreams = vec![format!("/openai=http://{nobody}")];
    let served = Served::start(setup).await?;
    let mut request = ask("down", MODEL, &[]);
    request.path = "/openai/v1/chat/completions".parse()?;
    let reply = get(&served, &request).await;
    ensure!(reply.status == Some(502) && reply.whole, "{reply:?}");
    let body: Value = serde_json::from_slice(&reply.body)?;
    let message = body["error"]["message"].as_str().unwrap_or_default();
    ensure!(message.contains(&nobody.to_string()) && message.to_lowercase().contains("refused"), "{message}");
    let reply = get(&served, &ask("nowhere", MODEL, &[])).await;
    ensure!(reply.status == Some(404) && String::from_utf8_lossy(&reply.body).contains("/openai"), "{reply:?}");
    served.settled(2).await?;
    let records: Result<Vec<_>> = served.records()?.iter().map(recorded).collect();
    let records = records?;
    let down = records.iter().find(|r| r.id == "down").context("a record")?;
    ensure!([field(down, "outcome"), field(down, "error_type")] == ["error", "reset"], "{}", down.record);
    served.stop().await;
    Ok(())
}

/// HTTP/2 without TLS, as gRPC-minded clients and `curl --http2-prior-knowledge` speak it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_may_speak_http_2() -> Result<()> {
    let upstream = Upstream::start().await?;
    let served = Served::start(serve_support::Setup::new(upstream.address())).await?;
    let socket = TcpStream::connect(served.address()).await?;
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket)).await?;
    let driving = tokio::spawn(connection);
    let mut answers = Vec::new();
    for n in 0..20 {
        let id = format!("h2-{n}");
        let answer = chat_stream(MODEL, 10, 5).cut(Cuts::Seeded(n));
        upstream.answer(&id, answer.clone());
        let body = json!({"model": MODEL, "stream": true, "messages": []}).to_string();
        let request = hyper::Request::post("http://api.openai.com/v1/chat/completions")
            .header("content-type", "application/json")
            .header(REPLAY_ID, &id)
            .body(Full::new(Bytes::from(body)))?;
        answers.push((answer, sender.send_request(request)));
    }
    for (answer, response) in answers {
        let response = response.await?;
        ensure!(response.status() == 200, "{:?}", response.status());
        ensure!(response.into_body().collect().await?.to_bytes() == answer.body, "another body");
    }
    let samples = parse(&served.settled(20).await?).map_err(anyhow::Error::msg)?;
    ensure!(sum(&samples, "genops_usage_outcomes_total", &[("outcome", "complete")]) == 20);
    ensure!(sum(&samples, "genops_tokens_input_total", &[]) == 200);
    driving.abort();
    served.stop().await;
    Ok(())
}

/// A request whose head waits for its body keeps a true length.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn held_requests_go_on_with_their_length() -> Result<()> {
    let upstream = Upstream::start().await?;
    for hold in [0, 65_536] {
        let mut setup = serve_support::Setup::new(upstream.address());
        let include_usage = if hold > 0 {
            json!({"providers": ["openai"], "hold_request_bytes": hold})
        } else {
            json!({"providers": ["openai"]})
        };
        setup.configuration = Some(json!({"provider": "openai", "include_usage": include_usage}).to_string());
        let served = Served::start(setup).await?;
        let id = format!("hold-{hold}");
        let answer = chat_stream(MODEL, 1_000, 500);
        upstream.answer(&id, answer);
        let mut request = ask(&id, MODEL, &[]);
        request.body = json!({"model": MODEL, "messages": [{"role": "user", "content": "x".repeat(20_000)}],
            "stream": true})
        .to_string()
        .into();
        let reply = get(&served, &request).await;
        ensure!(reply.whole && !reply.body.is_empty(), "{reply:?}");
        ensure!(!String::from_utf8_lossy(&reply.body).contains("\"choices\":[]"), "the extra event is left in");
        let received = upstream.received(&id).pop().context("a request")?;
        let length = received.headers.get("content-length").and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
        let sent = received.body.context("a whole body")?.length;
        ensure!(sent > request.body.len() && length == (hold > 0).then_some(sent), "{length:?} for {sent}");
        let samples = parse(&served.settled(1).await?).map_err(anyhow::Error::msg)?;
        ensure!(sum(&samples, "genops_include_usage_total", &[("outcome", "injected")]) == 1);
        served.stop().await;
    }
    Ok(())
}

/// The filter's own endpoint answers through the host: with the schema's names, in slices of its ticks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_filter_s_own_scrape_is_answered() -> Result<()> {
    let upstream = Upstream::start().await?;
    let mut setup = serve_support::Setup::new(upstream.address());
    setup.configuration = Some(json!({"provider": "openai", "scrape": {"path": "/genops/metrics"}}).to_string());
    let served = Served::start(setup).await?;
    upstream.answer("one", chat(MODEL, 1_000, 500));
    get(&served, &ask("one", MODEL, &[])).await;
    served.settled(1).await?;
    for (accept, end) in [("text/plain", ""), ("application/openmetrics-text; version=1.0.0", "# EOF\n")] {
        let reply = get(&served, &page("/genops/metrics", &[("accept", accept.as_bytes())])).await;
        let text = String::from_utf8(reply.body.to_vec())?;
        ensure!(reply.status == Some(200) && reply.whole && text.ends_with(end), "{accept}: {reply:?}");
        let cost = text.lines().find(|line| line.starts_with("genops_cost_total_usd{"));
        ensure!(cost.is_some_and(|line| line.ends_with(" 0.00045")), "{accept}: {text}");
    }
    ensure!(upstream.counts().0 == 1, "a scrape went upstream");
    served.stop().await;
    Ok(())
}

/// A client that does not read stops the upstream: nothing piles up in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_holds_the_upstream_back() -> Result<()> {
    /// Kernel buffers of two connections hold a few MB.
    const MOST: usize = 24 << 20;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let served = Served::start(serve_support::Setup::new(listener.local_addr()?)).await?;
    let flood = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await?;
        let _head = socket.read(&mut [0; 4096]).await?;
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n").await?;
        let piece = [b'x'; 16 * 1024];
        let mut written = 0;
        while written < 10 * MOST {
            match timeout(Duration::from_secs(2), socket.write_all(&piece)).await {
                Ok(done) => done?,
                Err(_held_back) => break,
            }
            written += piece.len();
        }
        anyhow::Ok(written)
    });
    let mut client = TcpStream::connect(served.address()).await?;
    client.write_all(b"GET /v1/models HTTP/1.1\r\nhost: api.openai.com\r\nx-request-id: slow\r\n\r\n").await?;
    let written = flood.await??;
    ensure!(written < MOST, "{written} bytes passed although nobody read them");
    drop(client);
    served.settled(1).await?;
    served.stop().await;
    Ok(())
}

/// Told to stop, the host takes no new connection, and what runs comes to its end and is counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_graceful_stop_finishes_what_runs() -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let served = Served::start(serve_support::Setup::new(listener.local_addr()?)).await?;
    let address = served.address();
    let answer = String::from_utf8(chat_stream(MODEL, 1_000, 500).body.to_vec())?;
    let (go_on, wait) = oneshot::channel::<()>();
    let (first, rest) = answer.split_at(answer.len() / 2);
    let (first, rest) = (first.to_owned(), rest.to_owned());
    let upstream = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await?;
        let _head = socket.read(&mut [0; 4096]).await?;
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\n\r\n{first}",
            first.len() + rest.len()
        );
        socket.write_all(head.as_bytes()).await?;
        wait.await?;
        socket.write_all(rest.as_bytes()).await?;
        // The proxy closes when it has read all.
        let _end = socket.read(&mut [0; 16]).await?;
        anyhow::Ok(())
    });
    let client =
        tokio::spawn(async move { Connection::new(address).send(&ask("running", MODEL, &[]), Leave::AtEnd).await });
    sleep(Duration::from_millis(300)).await;
    let stopping = tokio::spawn(served.stop());
    sleep(Duration::from_millis(200)).await;
    ensure!(TcpStream::connect(address).await.is_err(), "a new connection was taken");
    go_on.send(()).ok().context("the upstream is gone")?;
    let reply = client.await?;
    ensure!(reply.whole && reply.body == answer.as_bytes(), "{reply:?}");
    let stopped = stopping.await?;
    let total = stopped.summary.total();
    ensure!((total.exchanges, total.input_tokens, total.output_tokens) == (1, 1_000, 500), "{total:?}");
    let scrape = String::from_utf8(stopped.scrape)?;
    let samples = parse(&scrape).map_err(anyhow::Error::msg)?;
    ensure!(sum(&samples, "genops_tokens_input_total", &[]) == 1_000, "{scrape}");
    upstream.abort();
    Ok(())
}

/// What would run for ever is broken off when the time to drain is over, and counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_does_not_wait_for_ever() -> Result<()> {
    let upstream = Upstream::start().await?;
    let served = Served::start(serve_support::Setup::new(upstream.address())).await?;
    let address = served.address();
    upstream.answer("stalled", chat_stream(MODEL, 1, 1).ending(Ending::StallAfter(20)));
    let client =
        tokio::spawn(async move { Connection::new(address).send(&ask("stalled", MODEL, &[]), Leave::AtEnd).await });
    sleep(Duration::from_millis(300)).await;
    let stopped = timeout(Duration::from_secs(30), served.stop()).await?;
    ensure!(stopped.summary.total().exchanges == 1, "{stopped:?}");
    ensure!(!client.await?.whole);
    Ok(())
}
