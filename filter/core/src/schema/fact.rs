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
    /// What cached tokens, or an answer from a gateway's cache, would have cost more at the full price.
    Savings,
    /// US dollars for 1,000 tokens, by [`Label::TokenType`]: a gauge of the last exchange's.
    TokenPrices,

    /// One per exchange of whatever kind, by [`Label::Status`]: `success`, `failure`.
    Requests,
    /// Request headers to end of stream of any exchange.
    Duration,
    /// One per exchange that was as fast as its objective wants.
    InTime,
    /// The objective itself: a gauge.
    Target,
    /// One per exchange of whatever kind; its status is a label of its own.
    HttpRequests,
    /// Request headers to response headers.
    TimeToHead,
    /// One per probe of a provider.
    Probes,
    /// One per probe that failed.
    FailedProbes,
    /// Request headers to end of stream, of routes that ensure a version.
    EnsureVersion,
    /// One per result inserted.
    Inserts,
    /// One per answer of OpenAI that names the system's version.
    Fingerprints,
    /// One per conflict (409) of a route with a table.
    Conflicts,
    /// One per request refused for its rate (429).
    RateLimits,
    /// One per task of an agent, by [`Label::Status`]: `success`, `failure`.
    Tasks,
    /// Exchanges under way: a gauge that goes up at the request's headers and down at the exchange's end.
    Active,

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
    /// A stream, while it lasts.
    Stream,
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
        ("savings", Self::Savings),
        ("requests", Self::Requests),
        ("http_requests", Self::HttpRequests),
        ("duration", Self::Duration),
        ("time_to_head", Self::TimeToHead),
        ("tasks", Self::Tasks),
    ];

    /// Who feeds it.
    pub const fn feed(self) -> Feed {
        match self {
            Self::Computed(_) => Feed::Computed,
            Self::Own(_) => Feed::Filter,
            Self::Active => Feed::Stream,
            Self::Elsewhere(_) => Feed::Elsewhere,
            _ => Feed::Record,
        }
    }

    /// The unit of its figures.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Cost | Self::Savings | Self::TokenPrices => Unit::Usd,
            Self::Latency
            | Self::TimeToFirstEvent
            | Self::TimeToFirstToken
            | Self::TimePerOutputToken
            | Self::Duration
            | Self::TimeToHead
            | Self::EnsureVersion => Unit::Seconds,
            Self::Target => Unit::Ratio,
            Self::Computed(computed) => computed.unit,
            Self::Elsewhere(unit) => unit,
            _ => Unit::Count,
        }
    }

    /// The label, with a closed set of values, that the fact itself tells.
    pub const fn variable(self) -> Option<Label> {
        match self {
            Self::TokensByType | Self::EstimatedTokens | Self::TokenPrices => Some(Label::TokenType),
            Self::TokensByKind | Self::Drift => Some(Label::Kind),
            Self::OperationsByStatus | Self::Requests | Self::Tasks => Some(Label::Status),
            Self::Errors => Some(Label::ErrorType),
            Self::Outcomes => Some(Label::Outcome),
            Self::Unpriced => Some(Label::Reason),
            _ => None,
        }
    }

    /// The values that [`Fact::variable`] can take; empty without one.
    pub fn variants(self) -> Vec<&'static str> {
        match self {
            Self::TokensByType | Self::EstimatedTokens | Self::TokenPrices => vec!["input", "output"],
            Self::OperationsByStatus => vec!["success", "error"],
            Self::Requests | Self::Tasks => vec!["success", "failure"],
            Self::TokensByKind => Bucket::ALL.iter().map(|b| b.as_str()).collect(),
            Self::Drift => Drift::ALL.iter().map(|d| d.as_str()).collect(),
            Self::Errors => ErrorType::ALL.iter().map(|e| e.as_str()).collect(),
            Self::Outcomes => Outcome::ALL.iter().map(|o| o.as_str()).collect(),
            Self::Unpriced => UnpricedReason::ALL.iter().map(|r| r.as_str()).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether only LLM exchanges have it.
    pub const fn is_of_llm(self) -> bool {
        !matches!(
            self,
            Self::Outcomes
                | Self::Requests
                | Self::Duration
                | Self::InTime
                | Self::Target
                | Self::HttpRequests
                | Self::TimeToHead
                | Self::EnsureVersion
                | Self::Inserts
                | Self::Conflicts
                | Self::RateLimits
                | Self::Tasks
                | Self::Active
        )
    }

    /// Whether the route map (configuration `http`) is needed to tell it.
    pub const fn is_of_http(self) -> bool {
        matches!(self, Self::Probes | Self::FailedProbes) || (!self.is_of_llm() && !matches!(self, Self::Outcomes))
    }

    /// How many variants are worth a series before the first count: what a scrape should see at 0 once the labels of
    /// an exchange are known, at the end of its request (`rate` loses the first increment of a series that is born
    /// with it).
    pub const fn expected(self) -> usize {
        match self {
            Self::Cost | Self::InputTokens | Self::OutputTokens | Self::Operations | Self::Savings => 1,
            Self::TokensByType | Self::OperationsByStatus | Self::Requests => 2,
            _ => 0,
        }
    }
}
