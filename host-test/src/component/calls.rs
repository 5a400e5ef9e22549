//! The calls that one exchange makes of a meter, in the order and at the times of the proxy-wasm callbacks.

use crate::clock::Clock;
use crate::exchange::{Cut, Exchange, Headers};
use crate::plan::ChunkPlan;

/// Who ended an exchange that broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client, or nobody did.
    Client,
    /// The upstream's connection.
    Reset,
}

/// One call of the WIT's `meter` and `exchange`. Times are Unix times in nanoseconds.
#[derive(Clone, Debug)]
pub enum Call<'a> {
    /// `begin`.
    Begin {
        /// The request's head.
        head: &'a Headers,
        /// Now.
        at: u64,
    },
    /// `request-body`.
    RequestBody(&'a [u8]),
    /// `response-head`.
    ResponseHead(&'a Headers),
    /// `response-body`.
    ResponseBody {
        /// Part of the body.
        piece: &'a [u8],
        /// Now.
        at: u64,
    },
    /// `response-end`.
    ResponseEnd,
    /// `finish`.
    Finish {
        /// Who ended it.
        end: End,
        /// Now.
        at: u64,
    },
}

/// The calls of `exchange`, bodies cut by `plan`. `clock` moves as it does beneath a proxy-wasm filter: a step at each
/// callback, that which makes the stream's context included.
pub fn calls<'a>(exchange: &'a Exchange, plan: ChunkPlan, clock: &mut Clock) -> Vec<Call<'a>> {
    if let Some(at) = exchange.at_ns {
        clock.set_wall(at);
    }
    clock.step();
    let mut calls = vec![Call::Begin { head: &exchange.request_headers, at: clock.wall_ns() }];
    clock.step();
    request(&mut calls, exchange, plan, clock);
    if exchange.cut.is_none_or(Cut::leaves_a_response) {
        response(&mut calls, exchange, plan, clock);
    }
    let end = match exchange.cut {
        Some(Cut::UpstreamReset { .. }) => End::Reset,
        _ => End::Client,
    };
    calls.push(Call::Finish { end, at: clock.wall_ns() });
    calls
}

fn request<'a>(calls: &mut Vec<Call<'a>>, exchange: &'a Exchange, plan: ChunkPlan, clock: &mut Clock) {
    let whole = exchange.request_body.as_slice();
    let (body, ends) = match exchange.cut {
        Some(Cut::RequestGone { after }) => (whole.get(..after).unwrap_or(whole), false),
        _ => (whole, exchange.request_trailers.is_none()),
    };
    if body.is_empty() && ends {
        return;
    }
    for (piece, _) in plan.cut(body, ends) {
        calls.push(Call::RequestBody(piece));
        clock.step();
    }
    if exchange.request_trailers.is_some() && !matches!(exchange.cut, Some(Cut::RequestGone { .. })) {
        clock.step();
    }
}

fn response<'a>(calls: &mut Vec<Call<'a>>, exchange: &'a Exchange, plan: ChunkPlan, clock: &mut Clock) {
    let whole = exchange.response_body.as_slice();
    let (body, ends) = match exchange.cut {
        Some(Cut::DownstreamGone { after } | Cut::UpstreamReset { after }) => {
            (whole.get(..after).unwrap_or(whole), false)
        }
        _ => (whole, exchange.response_trailers.is_none()),
    };
    calls.push(Call::ResponseHead(&exchange.response_headers));
    clock.step();
    if !(body.is_empty() && ends) {
        for (piece, _) in plan.cut(body, ends) {
            calls.push(Call::ResponseBody { piece, at: clock.wall_ns() });
            clock.step();
        }
    }
    // Trailers end a message as well as its last byte does.
    if exchange.cut.is_none() {
        calls.push(Call::ResponseEnd);
    }
}
