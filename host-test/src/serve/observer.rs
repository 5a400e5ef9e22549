//! What the workers tell: ended exchanges, the filter's own words, its crash.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::ledger::Ledger;
use crate::abi::LogLine;
use crate::exchange::ExchangeReport;
use crate::replay::{Summary, record_line};

/// An exchange that has ended.
pub(super) struct Ended {
    pub(super) report: ExchangeReport,
    pub(super) upstream: Arc<str>,
    pub(super) took: Duration,
}

/// Where record lines go.
pub type RecordSink = Box<dyn Write + Send>;

/// Listens to all workers.
pub(super) struct Observer {
    ledger: Mutex<Ledger>,
    records: Mutex<Option<RecordSink>>,
    /// Exchanges of which the filter left no record.
    unmetered: AtomicU64,
    crash: Mutex<Option<String>>,
}

impl Observer {
    pub(super) fn new(records: Option<RecordSink>) -> Self {
        Self {
            ledger: Mutex::new(Ledger::new()),
            records: Mutex::new(records),
            unmetered: AtomicU64::new(0),
            crash: Mutex::default(),
        }
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    /// Sums over all records, by provider and model.
    pub(super) fn summary(&self) -> Summary {
        self.ledger().summary()
    }

    /// How many exchanges passed without a record.
    pub(super) fn unmetered(&self) -> u64 {
        self.unmetered.load(Ordering::Relaxed)
    }

    /// Why the filter died, if it did.
    pub(super) fn crash(&self) -> Option<String> {
        lock(&self.crash).clone()
    }

    pub(super) fn ended(&self, ended: &Ended) {
        let id = ended.report.request_headers.first(b"x-request-id").unwrap_or_default();
        match record_line(&String::from_utf8_lossy(id), &ended.report) {
            Ok(line) => {
                // `record_line` has read it as JSON already.
                let record: Value = serde_json::from_str(&line).unwrap_or_default();
                self.ledger().add(&record, &ended.upstream, ended.took);
                self.write(&line);
            }
            Err(_absent) => {
                self.unmetered.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn write(&self, line: &str) {
        let mut records = lock(&self.records);
        let Some(sink) = records.as_mut() else { return };
        if let Err(problem) = writeln!(sink, "{line}").and_then(|()| sink.flush()) {
            eprintln!("genops-host: no more records are written: {problem}");
            *records = None;
        }
    }

    pub(super) fn log<'a>(&self, lines: impl Iterator<Item = &'a LogLine>) {
        for line in lines {
            eprintln!("filter: {line}");
        }
    }

    /// Said once: every later exchange would say the same.
    pub(super) fn crashed(&self, trap: &str) {
        let mut crash = lock(&self.crash);
        if crash.is_none() {
            eprintln!("genops-host: the filter crashed, traffic passes unmetered from here on: {trap}");
            *crash = Some(trap.to_owned());
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
