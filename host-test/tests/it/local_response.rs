//! Responses that a filter makes itself: at once, or later from a tick on behalf of the stream.

use genops_host::{ChunkPlan, Exchange, Headers, Host, HostOptions, Plugin, Status, TagRules};

use super::guests::module;

/// Answers 418 with `x: y` and the body "tea": when the request's path is known (`now`), or from the third tick.
fn guest(now: bool) -> String {
    let (at_request, at_tick) = if now { ("(call $answer)", "") } else { ("", "(call $later)") };
    format!(
        r#"(module
  (import "env" "proxy_send_local_response" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_effective_context" (func $effective (param i32) (result i32)))
  (import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32)))
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 100) "why") (data (i32.const 110) "tea")
  ;; one pair: x: y
  (data (i32.const 200) "\01\00\00\00\01\00\00\00\01\00\00\00x\00y\00")
  (global $free (mut i32) (i32.const 65536))
  (global $stream (mut i32) (i32.const 0))
  (global $ticks (mut i32) (i32.const 0))
  (func (export "malloc") (param $size i32) (result i32)
    (global.get $free) (global.set $free (i32.add (global.get $free) (local.get $size))))
  (func (export "proxy_abi_version_0_2_1"))
  (func $answer
    (drop (call $send (i32.const 418) (i32.const 100) (i32.const 3) (i32.const 110) (i32.const 3)
      (i32.const 200) (i32.const 16) (i32.const -1))))
  (func $later
    (global.set $ticks (i32.add (global.get $ticks) (i32.const 1)))
    ;; The context 7 does not exist: its status, as a letter (A is OK).
    (i32.store8 (i32.const 300) (i32.add (i32.const 65) (call $effective (i32.const 7))))
    (if (i32.eq (global.get $ticks) (i32.const 3)) (then
      (drop (call $log (i32.const 4) (i32.const 300) (i32.const 1)))
      (drop (call $effective (global.get $stream)))
      (call $answer))))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (drop (call $tick (i32.const 10))) (i32.const 1))
  (func (export "proxy_on_tick") (param i32) {at_tick})
  (func (export "proxy_on_request_headers") (param $context i32) (param i32 i32) (result i32)
    (global.set $stream (local.get $context)) {at_request} (i32.const 1))
  (func (export "proxy_on_response_headers") (param i32) (param $count i32) (param i32) (result i32)
    ;; How many headers it sees of its own answer.
    (i32.store8 (i32.const 301) (i32.add (i32.const 48) (local.get $count)))
    (drop (call $log (i32.const 4) (i32.const 301) (i32.const 1)))
    (i32.const 0)))"#
    )
}

fn exchange(method: &str) -> Exchange {
    Exchange {
        request_headers: Headers::from_iter([(":method", method), (":path", "/"), (":authority", "a")]),
        response_headers: Headers::from_iter([(":status", "200")]),
        response_body: b"from the upstream".to_vec(),
        ..Exchange::default()
    }
}

fn start(now: bool) -> Host {
    let module = module(&guest(now)).expect("the guest loads");
    Host::start(&module, Plugin::new(""), TagRules::default(), HostOptions::default()).expect("starts")
}

#[test]
fn an_answer_takes_the_upstream_s_place() {
    for now in [true, false] {
        let report = start(now).exchange(0, &exchange("GET"), ChunkPlan::Whole);
        let reply = report.local_reply.expect("an answer");
        assert_eq!((reply.status, reply.body.as_slice(), reply.details.as_str()), (418, b"tea".as_slice(), "why"));
        assert!(!report.stalled && report.trap.is_none());
        assert_eq!(report.response_body, b"tea");
        let head = &report.response_headers;
        for (name, value) in [(":status", "418"), ("x", "y"), ("content-length", "3"), ("content-type", "text/plain")] {
            assert_eq!(head.first(name.as_bytes()), Some(value.as_bytes()), "{name}");
        }
        let log: Vec<&str> = report.log.iter().map(|line| line.text.as_str()).collect();
        let refused = char::from(b'A' + u8::try_from(Status::BAD_ARGUMENT.0).expect("small")).to_string();
        let expected: &[&str] = if now { &["4"] } else { &[&refused, "4"] };
        assert_eq!(log, expected);
    }
}

#[test]
fn head_gets_the_length_and_no_body() {
    let report = start(true).exchange(0, &exchange("HEAD"), ChunkPlan::Whole);
    assert_eq!(report.response_headers.first(b"content-length"), Some(b"3".as_slice()));
    assert_eq!(report.response_body, b"");
}

#[test]
fn the_next_stream_is_answered_too() {
    let mut host = start(false);
    let first = host.exchange(0, &exchange("GET"), ChunkPlan::Whole);
    assert!(first.local_reply.is_some());
    // Its third tick is over: this one waits for ever.
    assert!(host.exchange(0, &exchange("GET"), ChunkPlan::Whole).stalled);
    assert!(start(true).get(0, "/", &[]).local_reply.is_some());
}
