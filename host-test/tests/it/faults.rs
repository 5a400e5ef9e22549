//! Fault injection: any status on any call, where it was asked for and nowhere else.

use genops_host::{ChunkPlan, Exchange, Family, Fault, Status, TagRules, When};

use super::guests::{host, module};

/// Reads the clock three times at the end of each stream and logs the statuses as letters.
const CLOCK: &str = r#"(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "malloc") (param i32) (result i32) (i32.const 4096))
  (func (export "proxy_abi_version_0_2_0"))
  (func (export "proxy_on_log") (param i32)
    (i32.store8 (i32.const 0) (i32.add (i32.const 65) (call $now (i32.const 16))))
    (i32.store8 (i32.const 1) (i32.add (i32.const 65) (call $now (i32.const 16))))
    (i32.store8 (i32.const 2) (i32.add (i32.const 65) (call $now (i32.const 16))))
    (drop (call $log (i32.const 2) (i32.const 0) (i32.const 3)))))"#;

fn statuses(faults: &[Fault]) -> String {
    let mut host = host(&module(CLOCK).expect("loads"), b"", TagRules::default());
    host.faults().set(faults.iter().cloned());
    let report = host.exchange(0, &Exchange::default(), ChunkPlan::Whole);
    assert_eq!(report.trap, None);
    report.log.first().map(|line| line.text.clone()).unwrap_or_default()
}

#[test]
fn every_status_can_be_had_on_any_call() {
    for (letter, status) in ('A'..).zip(Status::ALL) {
        let all = String::from_iter([letter; 3]);
        assert_eq!(statuses(&[Fault::always(Family::Clock, status)]), all);
        assert_eq!(statuses(&[Fault::nth(Family::Clock, 2, status)]), format!("A{letter}A"));
    }
    let from = Fault { when: When::From(2), ..Fault::always(Family::Clock, Status::NOT_FOUND) };
    assert_eq!(statuses(&[from]), "ABB");
    // Beyond what the ABI names.
    assert_eq!(statuses(&[Fault::nth(Family::Clock, 1, Status(25))]), "ZAA");
}

#[test]
fn other_families_and_functions_are_left_alone() {
    for family in Family::ALL.into_iter().filter(|family| !matches!(family, Family::Clock | Family::Log)) {
        assert_eq!(statuses(&[Fault::always(family, Status::INTERNAL_FAILURE)]), "AAA", "{family:?}");
    }
    let other = Fault { function: Some("proxy_no_such"), ..Fault::always(Family::Clock, Status::EMPTY) };
    assert_eq!(statuses(&[other]), "AAA");
    let this =
        Fault { function: Some("proxy_get_current_time_nanoseconds"), ..Fault::nth(Family::Clock, 3, Status::EMPTY) };
    assert_eq!(statuses(&[this]), "AAH");
    // A log that fails drops the line.
    assert_eq!(statuses(&[Fault::always(Family::Log, Status::INTERNAL_FAILURE)]), "");
}
