//! What is sent, and what one who only reads the sources knows of it: whom it is for, what it used, what that costs by
//! the list prices written down here. Nothing of the filter is used.

mod answers;
mod plan;
mod prices;

use std::time::Duration;

use genops_tests::client::{Leave, Request};
use genops_tests::upstream::{Answer, Upstream};

pub use plan::{AGENT_HEADER, PHASES, PROBE_HEADER, kinds};
pub use prices::{Money, Price, price};

/// Who asks.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the labels of the same names")]
pub struct Caller {
    pub team: &'static str,
    pub project: &'static str,
    pub customer: &'static str,
    pub environment: &'static str,
    pub feature: &'static str,
}

/// What an LLM exchange is to whoever pays for it.
#[derive(Clone, Debug)]
pub struct Llm {
    /// Whom it is paid to.
    pub provider: &'static str,
    /// What is billed, by the name in the price list.
    pub model: &'static str,
    /// `completion`, `embedding`.
    pub operation: &'static str,
    /// Who asks.
    pub caller: Caller,
    /// Tokens in and out, where the answer says them.
    pub tokens: Option<(u64, u64)>,
    /// What it costs, where that can be known.
    pub cost: Option<Money>,
    /// What the part that a cache served would have cost more.
    pub saved: Option<Money>,
    /// Why it failed.
    pub error: Option<&'static str>,
    /// Whether the answer names OpenAI's `system_fingerprint`.
    pub fingerprint: bool,
}

/// What an exchange is to whoever watches HTTP.
#[derive(Clone, Copy, Debug)]
pub struct Web {
    /// The path as its template has it: `route` of Prompter, `endpoint` of KOSMOS.
    pub template: &'static str,
    /// Name and type of the primitive of TTA.dev.
    pub primitive: (&'static str, &'static str),
    /// The agent of KOSMOS.
    pub agent: Option<&'static str>,
    /// What Prompter counts beside it.
    pub prompter: Prompter,
}

/// What Prompter counts of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prompter {
    /// Nothing but the request.
    Nothing,
    /// An answer 409 is a row that was there already, in this table.
    Creates(&'static str),
    /// A result is stored, where it goes well.
    Stores,
    /// The version is ensured of a model of this provider.
    Ensures(&'static str),
    /// It is a probe of a provider.
    Probes,
}

/// One kind of exchange; all of a kind are the same.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// What is sent.
    pub request: Request,
    /// What the upstream answers.
    pub answer: Answer,
    /// When the client goes.
    pub leave: Leave,
    /// As LLM traffic.
    pub llm: Option<Llm>,
    /// As HTTP traffic.
    pub web: Web,
    /// How many in each phase; the first is the warm-up, in which nobody waits.
    pub counts: [usize; PHASES],
}

impl Kind {
    /// How long the upstream takes to the head and to the end.
    pub fn held(&self) -> (Duration, Duration) {
        (self.answer.wait, self.answer.wait + self.answer.tail)
    }

    /// Whether it failed: an LLM exchange by its error, any other by the status.
    pub fn failed(&self) -> bool {
        self.llm.as_ref().map_or(self.status() >= 500, |llm| llm.error.is_some())
    }

    /// Status of the answer.
    pub fn status(&self) -> u16 {
        self.answer.status.as_u16()
    }

    /// Puts the answer up, without its waits in the warm-up.
    pub fn put_up(&self, upstream: &Upstream, phase: usize) {
        let answer = self.answer.clone();
        upstream.answer(self.name, if phase == 0 { answer.after(Duration::ZERO, Duration::ZERO) } else { answer });
    }
}
