//! The dashboards as a page, drawn anew from a running Prometheus whenever it is loaded: for whoever has no Grafana at
//! hand.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use genops_tests::prometheus::Prometheus;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::dashboards::{Shipped, shipped};
use crate::picture::picture;
use crate::stage::now;

/// How much of the past a page shows, milliseconds.
const SPAN: i64 = 30 * 60_000;
/// How often a page loads itself again, seconds.
const REFRESH: u32 = 15;

/// Serves until it is ended.
///
/// # Errors
/// The address is taken, or the dashboards cannot be read.
pub async fn serve(at: SocketAddr, prometheus: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(at).await.with_context(|| at.to_string())?;
    let boards: Arc<Vec<Shipped>> = Arc::new(shipped()?);
    println!("http://{} shows what http://{prometheus} answers", listener.local_addr()?);
    loop {
        let (socket, _) = listener.accept().await?;
        let boards = Arc::clone(&boards);
        tokio::spawn(async move {
            let answer = service_fn(|request: Request<Incoming>| {
                let boards = Arc::clone(&boards);
                async move { Ok::<_, Infallible>(page(request.uri().path(), &boards, prometheus).await) }
            });
            let _ended =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), answer).await;
        });
    }
}

async fn page(path: &str, boards: &[Shipped], prometheus: SocketAddr) -> Response<Full<Bytes>> {
    let name = path.trim_matches('/');
    let Some((_, board)) = boards.iter().find(|(n, _)| n == name).or(boards.first().filter(|_| name.is_empty())) else {
        return answer(StatusCode::NOT_FOUND, "no such dashboard\n".to_owned(), "text/plain");
    };
    let to = now();
    match picture(board, &Prometheus::at(prometheus), (to - SPAN, to)).await {
        Ok(svg) => {
            let mut links = String::new();
            for (name, board) in boards {
                let title = board.pointer("/title").and_then(serde_json::Value::as_str).unwrap_or(name);
                let _ = write!(links, "<a href=\"/{name}\">{title}</a> ");
            }
            let html = format!(
                "<!doctype html><meta charset=utf-8><meta http-equiv=refresh content={REFRESH}><title>GenOps</title>\
                 <style>body{{background:#111217;font:14px sans-serif;margin:12px}}a{{color:#6e9fff;margin-right:12px}}\
                 svg{{display:block;margin-top:8px}}</style>{links}{svg}"
            );
            answer(StatusCode::OK, html, "text/html; charset=utf-8")
        }
        Err(problem) => {
            let text = format!("Prometheus at {prometheus} does not answer: {problem:#}\n");
            answer(StatusCode::BAD_GATEWAY, text, "text/plain")
        }
    }
}

fn answer(status: StatusCode, body: String, kind: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
