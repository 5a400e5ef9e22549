//! One exchange: from a client's request through the filter to an upstream, and back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Request, Response, StatusCode, response};
use hyper::body::{Body as _, Incoming};
use hyper::upgrade::OnUpgrade;
use hyper_util::client::legacy;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::Phase;
use super::body::{Pump, empty, full};
use super::local::Local;
use super::stream::{Lease, Meter, details, properties};
use super::upgrade::Session;
use super::upstream::{ProxyBody, Upstream, Upstreams};
use super::{head, local};
use crate::exchange::{Headers, LocalReply};
use crate::stream::Way;

/// Most bytes of a request body that wait for its head: Envoy's default `per_connection_buffer_limit_bytes`.
const HELD_BYTES_MAX: usize = 1024 * 1024;

/// What passes requests on.
pub(super) struct Proxy {
    pub(super) meter: Meter,
    pub(super) upstreams: Upstreams,
    /// How long an exchange may take, as a route's `timeout`.
    pub(super) timeout: Duration,
    /// Web sockets end when the server is over.
    pub(super) phase: watch::Receiver<Phase>,
}

/// A client's request, taken apart.
struct Asked {
    headers: Headers,
    body: Incoming,
    /// It opens a web socket.
    upgrade: Option<OnUpgrade>,
}

impl Proxy {
    /// The response to `request`, whatever happens.
    pub(super) async fn exchange(&self, mut request: Request<Incoming>, peer: SocketAddr) -> Response<ProxyBody> {
        let upgrade = head::opens_web_socket(request.headers()).then(|| hyper::upgrade::on(&mut request));
        let (parts, body) = request.into_parts();
        let authority = head::authority(&parts);
        let upstream = self.upstreams.choose(&authority, head::path(&parts)).cloned();
        let scheme = upstream.as_deref().map_or("http", Upstream::scheme);
        let asked = Asked { headers: head::of_request(&parts, scheme, upgrade.is_some()), body, upgrade };
        let known = properties([
            (b"xds\0cluster_name", upstream.as_deref().map_or_else(String::new, Upstream::cluster_name)),
            (b"xds\0route_name", upstream.as_deref().map_or_else(String::new, |u| u.route().to_owned())),
            (b"source\0address", peer.to_string()),
            (b"request\0protocol", format!("{:?}", parts.version)),
        ]);
        let name = upstream.as_deref().map_or_else(|| Arc::from("-"), |u| Arc::from(u.authority()));
        let mut lease = self.meter.open(known, name);
        let until = Instant::now() + self.timeout;
        match self.forward(&mut lease, asked, upstream.as_deref(), until).await {
            Ok(Answer::Plain(head, body)) => respond(lease, head, body, until).await,
            Ok(Answer::Filter(reply)) => answered(lease, reply).await,
            Ok(Answer::Session(head, session)) => session.begin(lease, head, self.phase.clone()).await,
            Err(local) => local.send(lease).await,
        }
    }

    /// Sends the request on and waits for the upstream's head.
    async fn forward(
        &self,
        lease: &mut Lease,
        asked: Asked,
        upstream: Option<&Upstream>,
        until: Instant,
    ) -> Result<Answer, Local> {
        let Asked { headers, body, upgrade } = asked;
        let stream = Arc::clone(&lease.stream);
        let upgrades = upgrade.is_some();
        let end = body.is_end_stream() && !upgrades;
        let verdict = match timeout_at(until, stream.headers(Way::Request, headers.clone(), end)).await {
            Ok(verdict) => verdict,
            Err(_) => return Err(local::held_for_ever()),
        };
        if let Some(reply) = verdict.reply {
            return Ok(Answer::Filter(reply));
        }
        let Some(upstream) = upstream else {
            return Err(local::no_route(head::path_of(&headers), self.upstreams.all()));
        };
        let mut headers = verdict.headers.unwrap_or(headers);
        let body = if end || upgrades {
            empty()
        } else {
            let mut pump = Pump::of_request(Arc::clone(&stream), body, Bytes::new(), false);
            if !verdict.flows
                && let Some(reply) = hold(&mut pump, &mut headers).await?
            {
                return Ok(Answer::Filter(reply));
            }
            pump.into_body()
        };
        let uri = upstream.uri(head::path_of(&headers)).map_err(|error| local::unsendable(&error))?;
        let request = head::to_request(&headers, uri, body).map_err(|error| local::unsendable(error.as_ref()))?;
        let response = match timeout_at(until, self.upstreams.pool(upgrades).request(request)).await {
            Err(_) => return Err(local::timeout(upstream)),
            Ok(Err(error)) => return Err(failed(&error, stream.is_client_gone(), upstream)),
            Ok(Ok(response)) => response,
        };
        Ok(match upgrade.filter(|_| response.status() == StatusCode::SWITCHING_PROTOCOLS) {
            Some(client) => {
                let (session, head) = Session::new(client, response);
                Answer::Session(head, session)
            }
            None => {
                let (head, body) = response.into_parts();
                Answer::Plain(head, body)
            }
        })
    }
}

/// Who answers, and what.
enum Answer {
    /// None was asked: the filter answers (its own scrape endpoint).
    Filter(LocalReply),
    Plain(response::Parts, Incoming),
    Session(response::Parts, Session),
}

/// The filter keeps the head until it has read enough of the body (`allow_on_headers_stop_iteration` in Envoy).
async fn hold(pump: &mut Pump, headers: &mut Headers) -> Result<Option<LocalReply>, Local> {
    let mut size = 0_usize;
    loop {
        let held = pump.held().await.map_err(|_gone| Local::client_gone())?;
        size = size.saturating_add(held.size);
        if held.flows || held.reply.is_some() {
            if let Some(now) = held.headers {
                *headers = now;
            }
            return Ok(held.reply);
        }
        if size > HELD_BYTES_MAX {
            return Err(local::too_large(HELD_BYTES_MAX));
        }
    }
}

fn failed(error: &legacy::Error, client_gone: bool, upstream: &Upstream) -> Local {
    if client_gone {
        return Local::client_gone();
    }
    let details = if error.is_connect() { details::CANNOT_CONNECT } else { details::RESET_BEFORE };
    local::unreachable(upstream, error, details)
}

/// Sends the upstream's answer through the filter.
async fn respond(mut lease: Lease, parts: response::Parts, body: Incoming, until: Instant) -> Response<ProxyBody> {
    let end = body.is_end_stream();
    let shown = head::of_response(&parts);
    let verdict = lease.stream.headers(Way::Response, shown.clone(), end).await;
    let headers = verdict.headers.unwrap_or(shown);
    if end {
        lease.explain(details::VIA_UPSTREAM);
        return head::to_response(&headers, parts.status, empty());
    }
    let length = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let body = Pump::of_response(lease, body, length, until).into_body();
    head::to_response(&headers, parts.status, body)
}

/// Sends the filter's own answer, through its response callbacks as any other (Envoy `sendLocalReply`).
async fn answered(mut lease: Lease, reply: LocalReply) -> Response<ProxyBody> {
    let shown = reply.head();
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    lease.explain(reply.details);
    let verdict = lease.stream.headers(Way::Response, shown.clone(), reply.body.is_empty()).await;
    let mut body = Bytes::new();
    if !reply.body.is_empty() {
        body = lease.stream.body(Way::Response, reply.body.into(), true, false).await.body;
    }
    head::to_response(&verdict.headers.unwrap_or(shown), status, full(body))
}

impl Local {
    /// Sends an answer of our own through the filter, as Envoy does with its local replies.
    async fn send(self, mut lease: Lease) -> Response<ProxyBody> {
        lease.explain(self.details);
        let stream = Arc::clone(&lease.stream);
        if self.details == details::CLIENT_GONE {
            // There is nobody to answer, and the filter is to see that none was given.
            return head::to_response(&Headers::default(), self.status, empty());
        }
        let shown = self.headers();
        let verdict = stream.headers(Way::Response, shown.clone(), false).await;
        let verdict_body = stream.body(Way::Response, self.body(), true, false).await;
        drop(lease);
        head::to_response(&verdict.headers.unwrap_or(shown), self.status, full(verdict_body.body))
    }
}
