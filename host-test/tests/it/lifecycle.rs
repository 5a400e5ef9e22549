//! Modules that do not load, callbacks and their order, timers, updates.

use genops_host::{ChunkPlan, Cut, Exchange, Host, HostError, HostOptions, Kind, Plugin, PrometheusQuery, TagRules};

use super::guests::{COUNTER, guest, host, module, stats_configuration};

const BASE: &str = r#"(memory (export "memory") 1)
  (func (export "malloc") (param i32) (result i32) (i32.const 4096))
  (func (export "proxy_abi_version_0_2_1"))"#;

fn start(text: &str) -> Result<Host, HostError> {
    let module = module(text)?;
    Host::start(&module, Plugin::new(b"".as_slice()), TagRules::default(), HostOptions::default())
}

#[track_caller]
fn refused(text: &str, word: &str) {
    let error = start(text).err().expect("refused").to_string();
    assert!(error.contains(word), "{error}");
}

#[test]
fn modules_that_envoy_would_not_load_are_refused() {
    refused("(module)", "no proxy-wasm ABI version");
    refused(
        &format!(r#"(module (import "env" "proxy_make_coffee" (func)) {BASE})"#),
        "imports env.proxy_make_coffee, which no proxy-wasm host offers",
    );
    refused(r#"(module (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1")))"#, "malloc");
    refused(&format!(r#"(module {BASE} (func (export "proxy_on_log") (result i64) (i64.const 0)))"#), "proxy_on_log");
    refused(&format!(r#"(module {BASE} (func (export "_initialize") unreachable))"#), "_initialize");
}

#[test]
fn an_unknown_wasi_call_is_linked_and_answers_enosys() {
    let text = format!(
        r#"(module (import "wasi_snapshot_preview1" "path_rename" (func $rename (param i32) (result i32)))
        (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
        {BASE}
        (func (export "proxy_on_configure") (param i32 i32) (result i32)
          (i32.store8 (i32.const 0) (call $rename (i32.const 0)))
          (drop (call $log (i32.const 2) (i32.const 0) (i32.const 1)))
          (i32.const 1)))"#
    );
    let log = start(&text).expect("starts").take_log();
    assert_eq!(log.first().map(|line| line.text.as_str()), Some("4"), "52 is the digit 4");
}

#[test]
fn metrics_may_not_be_defined_before_the_vm_has_started() {
    let text = format!(
        r#"(module (import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
        {BASE}
        (func (export "_initialize")
          (drop (call $define (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))))"#
    );
    refused(&text, "restricted_callback");
}

#[test]
fn a_refused_configuration_carries_the_guest_s_words_and_leaves_no_stat() {
    let text = format!(
        r#"(module (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
        {BASE} (data (i32.const 64) "team: expected a string")
        (func (export "proxy_on_configure") (param i32 i32) (result i32)
          (drop (call $log (i32.const 4) (i32.const 64) (i32.const 23)))
          (i32.const 0)))"#
    );
    refused(&text, "[error] team: expected a string");

    // As a live update: the old workers stay, and what the refused canary defined is gone.
    let stats = guest("stats.wat");
    let mut host = host(&stats, &stats_configuration(&[(COUNTER, b"kept", 1)]), TagRules::default());
    let refusing = module(&text).expect("loads");
    assert!(matches!(host.update(&refusing, Plugin::new(b"".as_slice())), Err(HostError::Refused { .. })));
    assert_eq!(host.process().stats().stats(Kind::Counter).len(), 1);
}

#[test]
fn an_update_keeps_the_stats_that_the_new_vms_define_again() {
    let stats = guest("stats.wat");
    let old = stats_configuration(&[(COUNTER, b"kept", 1), (COUNTER, b"lost", 1)]);
    let mut host = host(&stats, &old, TagRules::default());
    let shown = |host: &Host| String::from_utf8(host.prometheus(&PrometheusQuery::default())).expect("text");
    assert!(shown(&host).contains("kept{} 3\n") && shown(&host).contains("lost{} 3\n"));
    let new = stats_configuration(&[(COUNTER, b"kept", 1)]);
    let draining = host.update(&stats, Plugin::new(new)).expect("updates");
    assert!(shown(&host).contains("kept{} 6\n") && shown(&host).contains("lost{} 3\n"), "both live while draining");
    draining.shut_down();
    assert!(shown(&host).contains("kept{} 6\n") && !shown(&host).contains("lost"));
}

/// Logs a letter per callback, with sizes and end-of-stream flags as digits; ticks every 10 ms until it has ticked 3
/// times, and counts ticks in a stat.
const TRACE: &str = r#"(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_set_tick_period_milliseconds" (func $period (param i32) (result i32)))
  (import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))
  (memory (export "memory") 1)
  (global $ticks (mut i32) (i32.const 0))
  (data (i32.const 100) "ticks")
  (func (export "malloc") (param i32) (result i32) (i32.const 4096))
  (func (export "proxy_abi_version_0_2_1"))
  (func $say (param $letter i32) (param $a i32) (param $b i32)
    (i32.store8 (i32.const 0) (local.get $letter))
    (i32.store8 (i32.const 1) (i32.add (local.get $a) (i32.const 48)))
    (i32.store8 (i32.const 2) (i32.add (local.get $b) (i32.const 48)))
    (drop (call $log (i32.const 2) (i32.const 0) (i32.const 3))))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (drop (call $define (i32.const 0) (i32.const 100) (i32.const 5) (i32.const 8)))
    (drop (call $period (i32.const 10)))
    (i32.const 1))
  (func (export "proxy_on_context_create") (param i32 i32) (call $say (i32.const 67) (local.get 0) (local.get 1)))
  (func (export "proxy_on_tick") (param i32)
    (global.set $ticks (i32.add (global.get $ticks) (i32.const 1)))
    (drop (call $increment (i32.load (i32.const 8)) (i64.const 1)))
    (if (i32.eq (global.get $ticks) (i32.const 3)) (then (drop (call $period (i32.const 0))))))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $say (i32.const 72) (local.get 1) (local.get 2)) (i32.const 0))
  (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
    (call $say (i32.const 66) (local.get 1) (local.get 2)) (i32.const 0))
  (func (export "proxy_on_request_trailers") (param i32 i32) (result i32)
    (call $say (i32.const 84) (local.get 1) (i32.const 0)) (i32.const 0))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
    (call $say (i32.const 104) (local.get 1) (local.get 2)) (i32.const 0))
  (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32)
    (call $say (i32.const 98) (local.get 1) (local.get 2))
    ;; pauses on the first piece of a body that begins with it, and lets go at its end
    (i32.and (i32.eq (local.get 1) (i32.const 3)) (i32.eqz (local.get 2))))
  (func (export "proxy_on_response_trailers") (param i32 i32) (result i32)
    (call $say (i32.const 116) (local.get 1) (i32.const 0)) (i32.const 0))
  (func (export "proxy_on_log") (param i32) (call $say (i32.const 76) (local.get 0) (i32.const 0)))
  (func (export "proxy_on_done") (param i32) (result i32)
    (call $say (i32.const 68) (local.get 0) (i32.const 0)) (i32.const 1))
  (func (export "proxy_on_delete") (param i32) (call $say (i32.const 88) (local.get 0) (i32.const 0))))"#;

fn trace(exchange: &Exchange, plan: ChunkPlan) -> String {
    let mut host = start(TRACE).expect("starts");
    let report = host.exchange(0, exchange, plan);
    assert_eq!(report.trap, None);
    report.log.iter().map(|line| line.text.clone()).collect::<Vec<_>>().join(" ")
}

fn exchange(request: &[u8], response: &[u8]) -> Exchange {
    Exchange {
        request_headers: [(":path", "/"), (":method", "POST")].into_iter().collect(),
        request_body: request.to_vec(),
        response_headers: [(":status", "200")].into_iter().collect(),
        response_body: response.to_vec(),
        ..Exchange::default()
    }
}

#[test]
fn callbacks_come_in_envoy_s_order() {
    // Context 2 is the first stream of root 1. Letters: C create, H B T request, h b t response, L log,
    // D done, X delete.
    assert_eq!(trace(&exchange(b"", b""), ChunkPlan::Whole), "C21 H21 h11 L20 D20 X20");
    assert_eq!(trace(&exchange(b"ab", b"abcd"), ChunkPlan::Whole), "C21 H20 B21 h10 b41 L20 D20 X20");
    assert_eq!(trace(&exchange(b"ab", b"abcd"), ChunkPlan::Every(2)), "C21 H20 B21 h10 b20 b21 L20 D20 X20");
    let mut trailers = exchange(b"ab", b"abcd");
    trailers.request_trailers = Some([("t", "1")].into_iter().collect());
    trailers.response_trailers = Some([("t", "1")].into_iter().collect());
    assert_eq!(trace(&trailers, ChunkPlan::Whole), "C21 H20 B20 T10 h10 b40 t10 L20 D20 X20");
}

#[test]
fn a_cut_stream_is_logged_and_never_ends() {
    let mut cut = exchange(b"ab", b"abcd");
    cut.cut = Some(Cut::DownstreamGone { after: 1 });
    assert_eq!(trace(&cut, ChunkPlan::Whole), "C21 H20 B21 h10 b10 L20 D20 X20");
    cut.cut = Some(Cut::UpstreamReset { after: 100 });
    assert_eq!(trace(&cut, ChunkPlan::Whole), "C21 H20 B21 h10 b40 L20 D20 X20");
    cut.cut = Some(Cut::DownstreamGone { after: 0 });
    assert_eq!(trace(&cut, ChunkPlan::Whole), "C21 H20 B21 h10 L20 D20 X20");
    cut.cut = Some(Cut::NoResponse);
    assert_eq!(trace(&cut, ChunkPlan::Whole), "C21 H20 B21 L20 D20 X20");
    cut.cut = Some(Cut::RequestGone { after: 1 });
    assert_eq!(trace(&cut, ChunkPlan::Whole), "C21 H20 B10 L20 D20 X20");
}

#[test]
fn a_paused_body_piles_up_until_the_filter_lets_go() {
    let mut host = start(TRACE).expect("starts");
    let report = host.exchange(0, &exchange(b"", b"abcde"), ChunkPlan::Every(3));
    let log: Vec<&str> = report.log.iter().map(|line| line.text.as_str()).collect();
    assert!(log.contains(&"b30") && log.contains(&"b51"), "{log:?}");
    assert_eq!(report.response_body, b"abcde");
    assert!(!report.stalled);
    // Never let go: nothing reaches the client.
    let mut stuck = exchange(b"", b"abc");
    stuck.cut = Some(Cut::UpstreamReset { after: 3 });
    let report = host.exchange(0, &stuck, ChunkPlan::Whole);
    assert!(report.stalled && report.response_body.is_empty());
}

#[test]
fn timers_fire_when_due_and_draining_stops_when_they_do() {
    let mut host = start(TRACE).expect("starts");
    let ticks = |host: &Host| host.process().stats().stats(Kind::Counter).first().map(|stat| stat.value());
    assert_eq!(ticks(&host), Some(0));
    // 6 callbacks of 1 ms: not due. Another exchange goes past 10 ms.
    host.exchange(0, &exchange(b"", b""), ChunkPlan::Whole);
    assert_eq!(ticks(&host), Some(0));
    host.exchange(0, &exchange(b"", b""), ChunkPlan::Whole);
    assert_eq!(ticks(&host), Some(1));
    assert!(host.drain_ticks());
    // The worker's VM and the main thread's tick three times each.
    assert_eq!(ticks(&host), Some(6));
}

#[test]
fn a_dead_vm_says_so_in_every_exchange() {
    let text = format!(
        r#"(module {BASE} (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) unreachable))"#
    );
    let mut host = start(&text).expect("starts");
    for _ in 0..2 {
        let report = host.exchange(0, &exchange(b"", b"x"), ChunkPlan::Whole);
        assert!(report.trap.is_some_and(|trap| trap.contains("proxy_on_response_headers")));
    }
}

#[test]
fn workers_run_on_threads_of_their_own_and_share_stats() {
    let module = module(TRACE).expect("loads");
    let options = HostOptions { workers: 4, ..HostOptions::default() };
    let mut host = Host::start(&module, Plugin::new(b"".as_slice()), TagRules::default(), options).expect("starts");
    std::thread::scope(|scope| {
        for vm in host.workers().vms() {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(vm.exchange(&exchange(b"a", b"b"), ChunkPlan::Whole).trap, None);
                }
            });
        }
    });
    assert!(host.drain_ticks());
    let total: u64 = host.process().stats().stats(Kind::Counter).iter().map(|stat| stat.value()).sum();
    assert_eq!(total, 3 * 5, "three ticks on each of four workers and the main thread");
}

#[test]
fn the_wall_clock_is_the_exchange_s_and_streams_can_be_driven_in_turns() {
    let mut host = start(TRACE).expect("starts");
    let at = Exchange { at_ns: Some(5_000_000_000), ..exchange(b"", b"x") };
    let vm = &mut host.workers().vms()[0];
    let first = vm.begin_exchange(&at, ChunkPlan::Whole);
    assert_eq!(vm.clock().wall_ns() / 1_000_000_000, 5);
    let second = vm.begin_exchange(&exchange(b"", b"x"), ChunkPlan::Whole);
    let report = vm.end_exchange(first, &at, ChunkPlan::Whole);
    let log: Vec<&str> = report.log.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(
        log,
        ["C11", "C21", "H21", "C31", "H21", "h10", "b11", "L20", "D20", "X20"]
            .into_iter()
            .filter(|line| *line != "C11")
            .collect::<Vec<_>>()
    );
    assert_eq!(vm.end_exchange(second, &at, ChunkPlan::Whole).trap, None);
}

#[test]
fn a_compiled_module_is_kept_and_a_spoilt_one_is_compiled_again() {
    let cache = tempfile::tempdir().expect("a directory");
    let wasm = wat::parse_str(TRACE).expect("valid text");
    let load = || genops_host::FilterModule::with_cache(&wasm, Some(cache.path())).expect("loads");
    load();
    let files = std::fs::read_dir(cache.path()).expect("readable").flatten().map(|e| e.path());
    let files: Vec<_> = files.filter(|file| file.extension().is_some_and(|e| e == "cwasm")).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let whole = std::fs::read(&files[0]).expect("readable");
    let spoilt = [b"".to_vec(), whole[..whole.len() / 2].to_vec(), [&whole[..100], &[0; 64], &whole[164..]].concat()];
    for bytes in spoilt {
        std::fs::write(&files[0], bytes).expect("writable");
        load();
        assert_eq!(std::fs::read(&files[0]).expect("readable").len(), whole.len(), "written anew");
    }
    // Who finds another compiling waits, and takes what that one has made.
    std::fs::write(&files[0], b"").expect("writable");
    let other = std::fs::File::open(cache.path().join("compile.lock")).expect("there since the first");
    other.lock().expect("free");
    std::thread::scope(|scope| {
        let loading = scope.spawn(load);
        std::thread::sleep(std::time::Duration::from_millis(300));
        assert!(!loading.is_finished(), "compiled beside another");
        std::fs::write(&files[0], &whole).expect("writable");
        let made = std::fs::metadata(&files[0]).and_then(|file| file.modified()).expect("a time");
        other.unlock().expect("ours");
        loading.join().expect("loads");
        assert_eq!(std::fs::metadata(&files[0]).and_then(|file| file.modified()).expect("a time"), made);
    });
}
