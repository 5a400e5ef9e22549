//! Running recorded exchanges through a host.

use crate::abi::{LogLevel, LogLine};
use crate::host::Host;
use crate::plan::ChunkPlan;

use super::encoding::{Encoding, encode_response};
use super::input::Recorded;
use super::record::{NoRecord, record_line};
use super::summary::Summary;

/// How exchanges are driven.
#[derive(Clone, Copy, Debug)]
pub struct ReplayOptions {
    /// Where bodies are cut.
    pub chunks: ChunkPlan,
    /// Coding of response bodies.
    pub encode: Encoding,
    /// Workers; exchange `i` goes to worker `i` modulo this.
    pub workers: usize,
    /// Unix time in nanoseconds of exchanges that do not say their own.
    pub at_ns: u64,
}

/// What a replay gives.
#[derive(Debug, Default)]
pub struct Outcomes {
    /// Record lines in input order, without line ends.
    pub records: Vec<String>,
    /// Exchanges without a record: id and reason.
    pub missing: Vec<(String, NoRecord)>,
    /// Sums over the records.
    pub summary: Summary,
    /// Warnings and errors of the filter.
    pub log: Vec<LogLine>,
    /// The filter never came to rest: the scrape may lack what it still holds.
    pub restless: bool,
}

/// Drives `exchanges` in order, each on its worker, then lets timers run until the filter has written everything.
/// `progress` is called after each.
///
/// # Errors
/// A body that cannot be encoded.
pub fn replay(
    host: &mut Host,
    exchanges: Vec<Recorded>,
    options: ReplayOptions,
    mut progress: impl FnMut(),
) -> std::io::Result<Outcomes> {
    let mut outcomes = Outcomes { log: loud(host.take_log()), ..Outcomes::default() };
    for (index, Recorded { id, mut exchange }) in exchanges.into_iter().enumerate() {
        exchange.at_ns = exchange.at_ns.or(Some(options.at_ns));
        encode_response(&mut exchange, options.encode)?;
        let report = host.exchange(index % options.workers.max(1), &exchange, options.chunks);
        outcomes.add(record_line(&id, &report), id);
        outcomes.log.extend(loud(report.log));
        progress();
    }
    outcomes.restless = !host.drain_ticks();
    for vm in host.workers().vms() {
        outcomes.log.extend(loud(vm.take_log()));
    }
    Ok(outcomes)
}

impl Outcomes {
    pub(crate) fn add(&mut self, line: Result<String, NoRecord>, id: String) {
        match line {
            Ok(line) => {
                // It was read as JSON already.
                self.summary.add(&serde_json::from_str(&line).unwrap_or_default());
                self.records.push(line);
            }
            Err(reason) => self.missing.push((id, reason)),
        }
    }
}

fn loud(mut log: Vec<LogLine>) -> Vec<LogLine> {
    log.retain(|line| line.level >= LogLevel::Warn);
    log
}
