//! From a record to what its families count.

use super::{Fact, Family, Kind, Table};
use crate::record::Record;
use crate::{ErrorType, Outcome, UnpricedReason, price::Drift};

/// One amount for one label set of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Index into [`Table::fed`].
    pub family: usize,
    /// Index into the fact's [`variants`](Fact::variants); 0 without a variable label.
    pub variant: usize,
    /// In the integers of the family's unit (tokens, pico-USD, nanoseconds): what to add to a counter, what a histogram
    /// observes, what a gauge is set to.
    pub value: u64,
}

/// Tells every amount that `record` adds. An absent fact adds nothing (and its absence is an outcome); a counter's
/// zero is told too where the provider stated it, so that the series exists.
pub fn observations(table: &Table, record: &Record, mut each: impl FnMut(Observation)) {
    let llm = record.outcome != Outcome::NotLlm;
    let facts = record.schema_facts.as_deref();
    let http = facts.and_then(|facts| facts.http.as_ref());
    let count = |is: Option<bool>| is.map(u64::from);
    for (family, Family { fact, kind, .. }) in table.fed().iter().enumerate() {
        if !record.sampled && *kind == Kind::Histogram {
            continue;
        }
        let mut tell = |variant: usize, value: Option<u64>| {
            if let Some(value) = value {
                each(Observation { family, variant, value });
            }
        };
        match fact {
            Fact::Outcomes => tell(record.outcome as usize, Some(1)),
            _ if !llm && fact.is_of_llm() => {}
            Fact::Cost => tell(0, record.cost_usd.map(|c| c.0)),
            Fact::InputTokens => tell(0, record.input_tokens),
            Fact::OutputTokens => tell(0, record.output_tokens),
            Fact::TokensByType => {
                tell(0, record.input_tokens);
                tell(1, record.output_tokens);
            }
            Fact::EstimatedTokens => {
                tell(0, record.estimated_input_tokens);
                tell(1, record.estimated_output_tokens);
            }
            Fact::TokensByKind => {
                for (bucket, tokens) in record.buckets.iter().flat_map(|b| b.iter()) {
                    tell(bucket as usize, Some(tokens));
                }
            }
            Fact::Operations => tell(0, Some(1)),
            Fact::OperationsByStatus => tell(usize::from(record.error_type.is_some()), Some(1)),
            Fact::Errors => {
                if let Some(error) = record.error_type {
                    tell(position(&ErrorType::ALL, error), Some(1));
                }
            }
            Fact::Latency => tell(0, Some(record.timing.total)),
            Fact::TimeToFirstEvent => tell(0, record.timing.first_event),
            Fact::TimeToFirstToken => tell(0, record.timing.first_token),
            Fact::TimePerOutputToken => tell(0, per_output_token(record)),
            Fact::Drift => {
                if let Some(drift) = record.drift {
                    tell(position(&Drift::ALL, drift), Some(1));
                }
            }
            Fact::Unpriced => {
                if let Some(reason) = record.unpriced_reason {
                    tell(position(&UnpricedReason::ALL, reason), Some(1));
                }
            }
            Fact::Savings => tell(0, facts.and_then(|f| f.savings)),
            Fact::TokenPrices => {
                for (variant, price) in facts.iter().flat_map(|f| f.token_prices).enumerate() {
                    tell(variant, price);
                }
            }
            Fact::Requests => tell(usize::from(http.is_some_and(|h| h.failed)), http.map(|_| 1)),
            Fact::Duration => tell(0, http.map(|_| record.timing.total)),
            Fact::InTime => tell(0, http.and_then(|h| count(h.objective.map(|(_, in_time)| in_time)))),
            Fact::Target => tell(0, http.and_then(|h| h.objective.map(|(target, _)| target))),
            Fact::HttpRequests => tell(0, http.map(|_| 1)),
            Fact::TimeToHead => tell(0, http.and_then(|h| h.head)),
            Fact::Probes => tell(0, http.filter(|h| h.probe).map(|_| 1)),
            Fact::FailedProbes => tell(0, http.filter(|h| h.probe).map(|h| u64::from(h.failed))),
            Fact::EnsureVersion => tell(0, http.filter(|h| h.ensures_version).map(|_| record.timing.total)),
            Fact::Inserts => tell(0, http.and_then(|h| count(h.inserted))),
            // Probes insert no result: the ratio of the two is of what is inserted.
            Fact::Fingerprints => {
                let inserts = !http.is_some_and(|h| h.probe);
                tell(0, count(facts.and_then(|f| f.fingerprint).filter(|_| inserts)));
            }
            Fact::Conflicts => tell(0, http.and_then(|h| count(h.conflict))),
            Fact::RateLimits => tell(0, http.filter(|h| h.limited).map(|_| 1)),
            Fact::Tasks => tell(usize::from(http.is_some_and(|h| h.failed)), http.filter(|h| h.task).map(|_| 1)),
            Fact::Active | Fact::Computed(_) | Fact::Own(_) | Fact::Elsewhere(_) => {}
        }
    }
}

/// Nanoseconds per generated token after the first (OpenTelemetry `gen_ai.server.time_per_output_token`).
fn per_output_token(record: &Record) -> Option<u64> {
    let after_first = record.output_tokens?.checked_sub(1).filter(|n| *n > 0)?;
    record.timing.total.checked_sub(record.timing.first_token?)?.checked_div(after_first)
}

fn position<T: PartialEq>(all: &[T], one: T) -> usize {
    all.iter().position(|t| *t == one).unwrap_or_default()
}
