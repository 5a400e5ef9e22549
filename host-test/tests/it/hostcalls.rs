//! Statuses of hostcalls, as Envoy gives them.
//!
//! Each test is a script: hostcalls in WebAssembly text, run one after the other in one callback of a guest. Their
//! statuses come back as letters, A for OK (0), B for NOT_FOUND (1), C for BAD_ARGUMENT (2), and so on.

use genops_host::{ChunkPlan, Exchange, ExchangeReport, Headers, Host, HostOptions, Plugin, TagRules};

use super::guests::module;

/// Where a script runs.
#[derive(Clone, Copy, PartialEq)]
enum In {
    Configure,
    ResponseBody,
    Log,
}

/// Strings of the scripts, each at its address: `(i32.const 100) (i32.const 5)` is "count".
const DATA: &str = r#"
  (data (i32.const 100) "count") (data (i32.const 110) "key") (data (i32.const 120) "value")
  (data (i32.const 130) "x-two") (data (i32.const 140) "absent") (data (i32.const 150) "genops.record")
  (data (i32.const 170) "request\00path") (data (i32.const 190) "response\00code") (data (i32.const 210) "X-TWO")
  (data (i32.const 220) "plugin_root_id")"#;

const IMPORTS: &str = r#"
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))
  (import "env" "proxy_record_metric" (func $record (param i32 i64) (result i32)))
  (import "env" "proxy_get_metric" (func $metric (param i32 i32) (result i32)))
  (import "env" "proxy_get_shared_data" (func $shared (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_shared_data" (func $share (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_property" (func $property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_property" (func $set_property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_buffer_bytes" (func $set_buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_value" (func $header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_pairs" (func $headers (param i32 i32 i32) (result i32)))
  (import "env" "proxy_add_header_map_value" (func $add_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_replace_header_map_value" (func $replace_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_remove_header_map_value" (func $remove_header (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))
  (import "env" "proxy_http_call" (func $http_call
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_log_level" (func $log_level (param i32) (result i32)))"#;

/// A guest that runs `calls` in one callback and logs their statuses as letters. `(show N)` logs what the pointer and
/// size at 0 and 4 give instead of a status.
fn guest(place: In, calls: &[&str]) -> String {
    let mut body = String::new();
    for (index, call) in calls.iter().enumerate() {
        let at = 1024 + index;
        body.push_str(&format!("(i32.store8 (i32.const {at}) (i32.add (i32.const 65) {call}))\n"));
    }
    body.push_str(&format!("(drop (call $log (i32.const 2) (i32.const 1024) (i32.const {})))\n", calls.len()));
    let of = |wanted: In| if place == wanted { "(call $script)" } else { "" };
    format!(
        r#"(module {IMPORTS} (memory (export "memory") 2) {DATA}
  (global $free (mut i32) (i32.const 65536))
  (func (export "malloc") (param $size i32) (result i32)
    (global.get $free) (global.set $free (i32.add (global.get $free) (local.get $size))))
  (func (export "proxy_abi_version_0_2_1"))
  (func $show (drop (call $log (i32.const 2) (i32.load (i32.const 0)) (i32.load (i32.const 4)))))
  (func $script {body})
  (func (export "proxy_on_configure") (param i32 i32) (result i32) {} (i32.const 1))
  (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32) {} (i32.const 0))
  (func (export "proxy_on_log") (param i32) {}))"#,
        of(In::Configure),
        of(In::ResponseBody),
        of(In::Log)
    )
}

fn start(place: In, calls: &[&str]) -> Host {
    let module = module(&guest(place, calls)).expect("the guest loads");
    let plugin = Plugin::new(b"configuration".as_slice());
    Host::start(&module, plugin, TagRules::default(), HostOptions::default()).expect("starts")
}

fn exchange() -> Exchange {
    Exchange {
        request_headers: [(":path", "/p?q"), (":method", "POST"), ("X-Two", "1"), ("x-two", "2")].into_iter().collect(),
        request_body: b"question".to_vec(),
        response_headers: [(":status", "200")].into_iter().collect(),
        response_body: b"answer".to_vec(),
        ..Exchange::default()
    }
}

/// The letters of `calls` run in `place`, and everything else that it logged.
fn run(place: In, calls: &[&str]) -> (Vec<String>, ExchangeReport) {
    let mut host = start(place, calls);
    let started: Vec<String> = host.take_log().into_iter().map(|line| line.text).collect();
    if place == In::Configure {
        // Canary, main thread and worker run it; they may differ by what they share.
        return (started, ExchangeReport::default());
    }
    let report = host.exchange(0, &exchange(), ChunkPlan::Whole);
    assert_eq!(report.trap, None);
    (report.log.iter().map(|line| line.text.clone()).collect(), report)
}

#[track_caller]
fn letters(place: In, calls: &[&str], expected: &str) -> ExchangeReport {
    let (log, report) = run(place, calls);
    assert_eq!(log.last().map(String::as_str), Some(expected), "{log:?}");
    report
}

const DEFINE: [&str; 3] = [
    "(call $define (i32.const 0) (i32.const 100) (i32.const 5) (i32.const 8))",
    "(call $define (i32.const 1) (i32.const 100) (i32.const 5) (i32.const 12))",
    "(call $define (i32.const 2) (i32.const 100) (i32.const 5) (i32.const 16))",
];

#[test]
fn metric_ids_are_new_each_time_and_carry_their_type() {
    // Ids are shown as letters too: A is 0, E is 4.
    let id = "(i32.load (i32.const 8))";
    let calls = [DEFINE[0], id, DEFINE[0], id, DEFINE[1], "(i32.load (i32.const 12))", DEFINE[2]];
    let calls = [&calls[..], &["(i32.load (i32.const 16))"]].concat();
    letters(In::Configure, &calls, "AEAIAFAG");
}

#[test]
fn counters_gauges_and_histograms_take_what_envoy_lets_them_take() {
    let calls = [
        DEFINE[0],
        DEFINE[1],
        DEFINE[2],
        // counter 4: increments by 0 and below are refused, record adds
        "(call $increment (i32.const 4) (i64.const 3))",
        "(call $increment (i32.const 4) (i64.const 0))",
        "(call $increment (i32.const 4) (i64.const -1))",
        "(call $record (i32.const 4) (i64.const 0))",
        // gauge 5: any increment
        "(call $increment (i32.const 5) (i64.const 0))",
        "(call $increment (i32.const 5) (i64.const -1))",
        // histogram 6: record only
        "(call $increment (i32.const 6) (i64.const 1))",
        "(call $metric (i32.const 6) (i32.const 24))",
        "(call $record (i32.const 6) (i64.const 1))",
        // unknown ids, and ids of no type
        "(call $increment (i32.const 400) (i64.const 1))",
        "(call $record (i32.const 400) (i64.const 1))",
        "(call $metric (i32.const 400) (i32.const 24))",
        "(call $increment (i32.const 7) (i64.const 1))",
        "(call $record (i32.const 7) (i64.const 1))",
        "(call $metric (i32.const 7) (i32.const 24))",
        // no such type; a name outside of memory
        "(call $define (i32.const 3) (i32.const 100) (i32.const 5) (i32.const 8))",
        "(call $define (i32.const 0) (i32.const 131070) (i32.const 5) (i32.const 8))",
    ];
    letters(In::Configure, &calls, "AAAACCAAACCABBBCBCCG");
}

#[test]
fn record_on_a_counter_adds_and_get_sees_the_whole_process() {
    let value = "(i32.wrap_i64 (i64.load (i32.const 24)))";
    let calls = [
        DEFINE[0],
        "(call $increment (i32.const 4) (i64.const 1))",
        "(call $record (i32.const 4) (i64.const 2))",
        "(call $metric (i32.const 4) (i32.const 24))",
        value,
    ];
    // The canary sees 3, the main thread's VM 6, the worker 9.
    let (log, _) = run(In::Configure, &calls);
    assert_eq!(log, ["AAAAD", "AAAAG", "AAAAJ"]);
}

#[test]
fn shared_data_is_compared_and_swapped() {
    let get = "(call $shared (i32.const 110) (i32.const 3) (i32.const 0) (i32.const 4) (i32.const 8))";
    let set = "(call $share (i32.const 110) (i32.const 3) (i32.const 120) (i32.const 5) (i32.const 0))";
    let calls = [
        get,
        set,
        get,
        "(i32.load (i32.const 4))",
        "(call $share (i32.const 110) (i32.const 3) (i32.const 120) (i32.const 1) (i32.const 999))",
        "(call $share (i32.const 110) (i32.const 3) (i32.const 120) (i32.const 1) (i32.load (i32.const 8)))",
    ];
    letters(In::Log, &calls, "BAAFIA");
}

#[test]
fn filter_state_is_the_stream_s() {
    let set = "(call $set_property (i32.const 150) (i32.const 13) (i32.const 120) (i32.const 5))";
    let get = "(call $property (i32.const 150) (i32.const 13) (i32.const 0) (i32.const 4))";
    let report = letters(In::Log, &[get, set, get, "(i32.load (i32.const 4))"], "BAAF");
    assert_eq!(report.filter_state.get(b"wasm.genops.record".as_slice()), Some(&b"value".to_vec()));
    // A root context has nowhere to put it.
    letters(In::Configure, &[set, get], "BB");
}

#[test]
fn attributes_are_there_when_envoy_has_them() {
    let path = "(call $property (i32.const 170) (i32.const 12) (i32.const 0) (i32.const 4))";
    let code = "(call $property (i32.const 190) (i32.const 13) (i32.const 0) (i32.const 4))";
    let root = "(call $property (i32.const 220) (i32.const 14) (i32.const 0) (i32.const 4))";
    let absent = "(call $property (i32.const 140) (i32.const 6) (i32.const 0) (i32.const 4))";
    let size = "(i32.load (i32.const 4))";
    letters(In::ResponseBody, &[path, size, code, absent], "AEBB");
    // A status code is 8 bytes, little-endian: 200 is 0xc8, beyond letters, so its size is shown.
    letters(In::Log, &[path, code, size, absent], "AAIB");
    letters(In::Configure, &[path, root, size, absent], "BAGB");
}

#[test]
fn headers_are_found_in_any_case_and_the_first_value_counts() {
    let two = "(call $header (i32.const 0) (i32.const 210) (i32.const 5) (i32.const 0) (i32.const 4))";
    let first = "(i32.sub (i32.load8_u (i32.load (i32.const 0))) (i32.const 48))";
    let absent = "(call $header (i32.const 0) (i32.const 140) (i32.const 6) (i32.const 0) (i32.const 4))";
    letters(In::ResponseBody, &[two, first, absent], "ABB");
    // Maps that are not there: an error while the stream runs, not found in the log, always empty as pairs.
    let trailers = "(call $header (i32.const 3) (i32.const 140) (i32.const 6) (i32.const 0) (i32.const 4))";
    let pairs = "(call $headers (i32.const 3) (i32.const 0) (i32.const 4))";
    let size = "(i32.load (i32.const 4))";
    letters(In::ResponseBody, &[trailers, pairs, size], "CAA");
    letters(In::Log, &[trailers, pairs, size], "BAA");
    letters(In::Configure, &[two, trailers, pairs], "CCA");
    // No such map type.
    letters(In::Log, &["(call $headers (i32.const 8) (i32.const 0) (i32.const 4))"], "C");
}

#[test]
fn header_writes_reach_the_other_side() {
    let edits = [
        "(call $add_header (i32.const 2) (i32.const 110) (i32.const 3) (i32.const 120) (i32.const 5))",
        "(call $replace_header (i32.const 0) (i32.const 130) (i32.const 5) (i32.const 120) (i32.const 1))",
        "(call $remove_header (i32.const 0) (i32.const 140) (i32.const 6))",
        "(call $add_header (i32.const 3) (i32.const 110) (i32.const 3) (i32.const 120) (i32.const 5))",
    ];
    let report = letters(In::ResponseBody, &edits, "AAAC");
    let expected: Headers = [(":status", "200"), ("key", "value")].into_iter().collect();
    assert_eq!(report.response_headers, expected);
    let all: Vec<&[u8]> = report.request_headers.all(b"x-two").collect();
    assert_eq!(all, [b"v"]);
}

#[test]
fn buffers_are_clamped_and_bodies_change_only_in_their_callback() {
    let get = |start: u32, max: u32| {
        format!("(call $buffer (i32.const 1) (i32.const {start}) (i32.const {max}) (i32.const 0) (i32.const 4))")
    };
    let (whole, end, beyond, past) = (get(0, 4_000_000_000), get(4, 100), get(6, 1), get(7, 1));
    let size = "(i32.load (i32.const 4))";
    // "answer" has 6 bytes: all of it, its last 2, none (OK, pointers untouched), and out of range.
    letters(In::ResponseBody, &[&whole, size, &end, size, &beyond, size, &past], "AGACACG");
    // Prepend, append, refuse the middle.
    let set = |start: u32, length: u32| {
        format!(
            "(call $set_buffer (i32.const 1) (i32.const {start}) (i32.const {length}) (i32.const 120) (i32.const 1))"
        )
    };
    let report = letters(In::ResponseBody, &[&set(0, 0), &set(100, 0), &set(3, 1)], "AAC");
    assert_eq!(report.response_body, b"vanswerv");
    let report = letters(In::ResponseBody, &[&set(0, 99)], "A");
    assert_eq!(report.response_body, b"v");
    let report = letters(In::Log, &[&whole, &set(0, 0)], "AC");
    assert_eq!(report.response_body, b"answer");
    // The plugin configuration is there in configure and nowhere else; unknown buffers are refused.
    let config = "(call $buffer (i32.const 7) (i32.const 0) (i32.const 100) (i32.const 0) (i32.const 4))";
    letters(In::Configure, &[config, size], "AN");
    letters(In::Log, &[config], "B");
    letters(In::Log, &["(call $buffer (i32.const 9) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 4))"], "C");
}

#[test]
fn pointers_outside_of_memory_are_refused() {
    let calls = [
        "(call $now (i32.const 131069))",
        "(call $log (i32.const 2) (i32.const 131000) (i32.const 1000))",
        "(call $log (i32.const 9) (i32.const 0) (i32.const 0))",
        "(call $set_property (i32.const -1) (i32.const -1) (i32.const 0) (i32.const 0))",
        "(call $header (i32.const 0) (i32.const 130) (i32.const 5) (i32.const 131070) (i32.const 4))",
        "(call $log_level (i32.const 8))",
        "(i32.load (i32.const 8))",
    ];
    letters(In::Log, &calls, "GGCGGAC");
}

#[test]
fn calls_that_are_not_offered_say_so() {
    let zero = "(i32.const 0) ".repeat(10);
    letters(In::Log, &[&format!("(call $http_call {zero})")], "M");
}
