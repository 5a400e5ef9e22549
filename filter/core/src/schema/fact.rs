//! What can feed a family, and what follows from it: the unit, the label that the fact itself tells, its values.

use super::{Computed, Label, Own, Unit};
use crate::{ErrorType, Outcome, UnpricedReason, price::Drift, usage::Bucket};

/// Which fact feeds the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Cost of an LLM exchange, where there is one.
    Cost,
    /// Tokens in.
    InputTokens,
    /// Tokens out.
    OutputTokens,
    /// Tokens in and out, by [`Label::TokenType`].
    TokensByType,
    /// Tokens in and out by rule of thumb, by [`Label::TokenType`].
    EstimatedTokens,
    /// Tokens by disjoint kind, by [`Label::Kind`].
    TokensByKind,
    /// One per LLM exchange.
    Operations,
    /// One per LLM exchange, by [`Label::Status`]: `success`, `error`.
    OperationsByStatus,
    /// One per failed LLM exchange, by [`Label::ErrorType`].
    Errors,
    /// Request headers to end of stream of an LLM exchange.
    Latency,
    /// Request headers to the first event of a stream.
    TimeToFirstEvent,
    /// Request headers to the first generated token of a stream.
    TimeToFirstToken,
    /// First token to end of stream, over the tokens after the first.
    TimePerOutputToken,
    /// One per exchange, by [`Label::Outcome`].
    Outcomes,
    /// One per exchange that should have a cost and has none, by [`Label::Reason`].
    Unpriced,
    /// One per exchange whose provider stated a cost, by [`Label::Kind`]: how far the computed one lies from it.
    Drift,

    /// Computed from other families, on the filter's own surface and by recording rules: never a stat.
    Computed(&'static Computed),
    /// The filter's own.
    Own(Own),
    /// Somebody else will feed it (policies, budgets, evaluations), or a probe from outside: named here, so that tables are
    /// whole, and emitted by nobody yet.
    Elsewhere(Unit),
}

/// Who feeds a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// The record of an exchange, at its end: [`observations`](super::observations).
    Record,
    /// The filter itself, by name.
    Filter,
    /// Nobody: whoever renders or queries computes it.
    Computed,
    /// Nobody yet.
    Elsewhere,
}

impl Fact {
    /// Facts of a record by their names in configurations, for families of the user's own.
    pub const NAMED: &'static [(&'static str, Self)] = &[
        ("cost", Self::Cost),
        ("input_tokens", Self::InputTokens),
        ("output_tokens", Self::OutputTokens),
        ("tokens_by_type", Self::TokensByType),
        ("tokens_by_kind", Self::TokensByKind),
        ("operations", Self::Operations),
        ("operations_by_status", Self::OperationsByStatus),
        ("errors", Self::Errors),
        ("latency", Self::Latency),
        ("time_to_first_event", Self::TimeToFirstEvent),
        ("time_to_first_token", Self::TimeToFirstToken),
        ("time_per_output_token", Self::TimePerOutputToken),
        ("outcomes", Self::Outcomes),
    ];

    /// Who feeds it.
    pub const fn feed(self) -> Feed {
        match self {
            Self::Computed(_) => Feed::Computed,
            Self::Own(_) => Feed::Filter,
            Self::Elsewhere(_) => Feed::Elsewhere,
            _ => Feed::Record,
        }
    }

    /// The unit of its figures.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Cost => Unit::Usd,
            Self::Latency | Self::TimeToFirstEvent | Self::TimeToFirstToken | Self::TimePerOutputToken => Unit::Seconds,
            Self::Computed(computed) => computed.unit,
            Self::Elsewhere(unit) => unit,
            _ => Unit::Count,
        }
    }

    /// The label, with a closed set of values, that the fact itself tells.
    pub const fn variable(self) -> Option<Label> {
        match self {
            Self::TokensByType | Self::EstimatedTokens => Some(Label::TokenType),
            Self::TokensByKind | Self::Drift => Some(Label::Kind),
            Self::OperationsByStatus => Some(Label::Status),
            Self::Errors => Some(Label::ErrorType),
            Self::Outcomes => Some(Label::Outcome),
            Self::Unpriced => Some(Label::Reason),
            _ => None,
        }
    }

    /// The values that [`Fact::variable`] can take; empty without one.
    pub fn variants(self) -> Vec<&'static str> {
        match self {
            Self::TokensByType | Self::EstimatedTokens => vec!["input", "output"],
            Self::OperationsByStatus => vec!["success", "error"],
            Self::TokensByKind => Bucket::ALL.iter().map(|b| b.as_str()).collect(),
            Self::Drift => Drift::ALL.iter().map(|d| d.as_str()).collect(),
            Self::Errors => ErrorType::ALL.iter().map(|e| e.as_str()).collect(),
            Self::Outcomes => Outcome::ALL.iter().map(|o| o.as_str()).collect(),
            Self::Unpriced => UnpricedReason::ALL.iter().map(|r| r.as_str()).collect(),
            _ => Vec::new(),
        }
    }

    /// How many variants are worth a series before the first count: what a scrape should see at 0 once the labels of
    /// an exchange are known, at the end of its request (`rate` loses the first increment of a series that is born
    /// with it).
    pub const fn expected(self) -> usize {
        match self {
            Self::Cost | Self::InputTokens | Self::OutputTokens | Self::Operations => 1,
            Self::TokensByType | Self::OperationsByStatus => 2,
            _ => 0,
        }
    }
}
