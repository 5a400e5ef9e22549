//! `genops-host serve`, run as a user runs it, with a guest in place of the filter.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use super::cli::{Bench, RECORD, SCRAPE};

/// Longest wait for the command, far beyond what it takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The command, listening.
struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    address: SocketAddr,
}

impl Running {
    fn start(bench: &Bench, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = bench
            .command()
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
        let mut said = String::new();
        let address = loop {
            let before = said.len();
            assert!(stderr.read_line(&mut said).expect("text") > 0, "it ended:\n{said}");
            if let Some(address) = said[before..].trim().strip_prefix("genops-host: listening on http://") {
                break address.parse().expect("an address");
            }
        };
        Self { child, stderr, address }
    }

    /// Head and body of the answer to a request.
    fn ask(&self, request: &str) -> (String, String) {
        let mut socket = TcpStream::connect(self.address).expect("connects");
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
        socket.write_all(format!("{request}\r\nhost: h\r\nconnection: close\r\n\r\n").as_bytes()).expect("sends");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        (head.to_owned(), body.to_owned())
    }

    /// Sends a signal and waits for the end: status, standard output and standard error.
    fn end(mut self, signal: &str) -> (ExitStatus, String, String) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().expect("kill");
        assert!(sent.success());
        let (mut out, mut err) = (String::new(), String::new());
        self.child.stdout.take().expect("piped").read_to_string(&mut out).expect("text");
        self.stderr.read_to_string(&mut err).expect("text");
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("waits") {
                return (status, out, err);
            }
            assert!(Instant::now() < until, "it does not end:\n{err}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Answers each connection's first request.
fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let Ok(mut socket) = socket else { return };
            let _head = socket.read(&mut [0; 4096]);
            let _gone = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nanswer");
        }
    });
    address
}

#[test]
fn it_serves_until_it_is_told_to_stop() {
    for signal in ["-TERM", "-INT"] {
        let bench = Bench::new();
        let url = format!("http://{}", upstream());
        let records = bench.path("records.jsonl");
        let scrape = bench.path("scrape.prom");
        let arguments = ["--upstream", &url, "--records", &records, "--scrape", &scrape, "--workers", "2"];
        let running = Running::start(&bench, &arguments, &[]);
        for id in ["a", "b"] {
            let (head, body) = running.ask(&format!("GET /v1/x HTTP/1.1\r\nx-request-id: {id}"));
            assert!(head.starts_with("HTTP/1.1 200"), "{head}");
            assert_eq!(body, "answer");
        }
        let (head, mut body) = running.ask("GET /metrics HTTP/1.1");
        assert!(head.to_lowercase().contains("content-type: text/plain; charset=utf-8"), "{head}");
        // An exchange is counted when its stream is closed, which a client that has its answer does not wait for.
        for _ in 0..100 {
            if body == SCRAPE {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
            body = running.ask("GET /metrics HTTP/1.1").1;
        }
        assert_eq!(body, SCRAPE);
        let (head, body) = running.ask("GET /_genops/ HTTP/1.1");
        assert!(head.contains("default-src 'none'") && body.contains("live.js"), "{head}");
        assert!(running.ask("POST /metrics HTTP/1.1").0.starts_with("HTTP/1.1 405"));
        // The guest leaves no record of this path.
        running.ask("GET /none HTTP/1.1");
        let (status, out, err) = running.end(signal);
        assert!(status.success(), "{status}\n{err}");
        let rows: Vec<Vec<&str>> = out.lines().map(|line| line.split_whitespace().collect()).collect();
        assert!(rows.contains(&vec!["p", "m", "2", "complete", "2", "2,000", "4", "0.200000000002"]), "{out}");
        assert!(err.contains("1 exchanges passed without a record"), "{err}");
        let line = |id: &str| format!("{{\"id\":\"{id}\",{}\n", RECORD.trim_start_matches('{'));
        assert_eq!(bench.read("records.jsonl"), ["a", "b"].map(line).concat());
        assert_eq!(bench.read("scrape.prom"), SCRAPE.replace("} 2", "} 3"));
    }
}

#[test]
fn pages_can_have_an_address_of_their_own() {
    let bench = Bench::new();
    let url = format!("http://{}", upstream());
    let running = Running::start(&bench, &["--upstream", &url, "--admin", "127.0.0.1:0"], &[]);
    // The upstream's own /metrics, and its own everything.
    assert_eq!(running.ask("GET /metrics HTTP/1.1").1, "answer");
    assert_eq!(running.ask("GET /_genops/ HTTP/1.1").1, "answer");
    assert!(running.end("-TERM").0.success());
}

#[test]
fn what_cannot_be_served_is_said() {
    let bench = Bench::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    for (arguments, code, words) in [
        (&["serve"][..], 2, "--upstream"),
        (&["serve", "--upstream", "api.openai.com"], 2, "no scheme"),
        (&["serve", "--upstream", "http://h", "--timeout", "0"], 2, "seconds"),
        (&["serve", "--upstream", "http://h", "--listen", &taken], 1, "cannot listen on"),
        (&["serve", "--upstream", "http://h", "--config", "absent.json"], 2, "cannot read absent.json"),
    ] {
        let output = bench.run(arguments, "");
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {err}");
        assert!(err.contains(words), "{arguments:?}: {err}");
    }
}

/// A server that speaks TLS with a certificate of its own, and says which HTTP it was asked in. Gives its port and its
/// certificate.
fn tls_upstream() -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
    let mut config = builder.with_single_cert(vec![made.cert.der().clone()], key).expect("fits");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (told, port) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            told.send(listener.local_addr().expect("an address").port()).expect("told");
            while let Ok((socket, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(socket) = acceptor.accept(socket).await else { return };
                    let service = service_fn(|request: Request<Incoming>| async move {
                        let host = request.uri().host().unwrap_or_default().to_owned();
                        Ok::<_, std::convert::Infallible>(Response::new(format!("{:?} {host}", request.version())))
                    });
                    let builder = Builder::new(TokioExecutor::new());
                    let _ended = builder.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
    });
    (port.recv().expect("a port"), made.cert.pem())
}

#[test]
fn upstreams_speak_tls_and_http_2() {
    let bench = Bench::new();
    let (port, certificate) = tls_upstream();
    let trusted = bench.file("ca.pem", &certificate);
    let url = format!("https://localhost:{port}");
    let running = Running::start(&bench, &["--upstream", &url], &[("SSL_CERT_FILE", &trusted)]);
    let (head, body) = running.ask("GET /v1/x HTTP/1.1");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}\n{body}");
    assert_eq!(body, "HTTP/2.0 localhost", "by ALPN, under the upstream's own name");
    assert!(running.end("-TERM").0.success());

    // A certificate that nobody vouches for is refused, and the client is told why.
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let other = bench.file("other.pem", &other.cert.pem());
    let running = Running::start(&bench, &["--upstream", &url], &[("SSL_CERT_FILE", &other)]);
    let (head, body) = running.ask("GET /v1/x HTTP/1.1");
    assert!(head.starts_with("HTTP/1.1 502") && body.contains("certificate"), "{head}\n{body}");
    assert!(running.end("-TERM").0.success());

    let nothing = bench.file("none.pem", "");
    let mut command = bench.command();
    command.args(["serve", "--listen", "127.0.0.1:0", "--upstream", &url]).env("SSL_CERT_FILE", nothing);
    let output = command.output().expect("ends");
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && err.contains("no root certificates"), "{err}");
}
