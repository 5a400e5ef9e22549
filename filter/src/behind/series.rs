//! One stat on its way to Envoy.

use std::rc::Rc;

use crate::host::MetricType;
use crate::series::SeriesIndex;

/// What a series is to Envoy, and how deltas become its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Only goes up.
    Counter,
    /// A gauge that goes up and down. All workers share one value, so each adds what changed with it, and never sets it:
    /// the last writer would win.
    Level,
    /// A gauge that is set: to what every worker would set it to.
    Value,
}

impl Form {
    /// Mark before the name of a level in the registry: no stat begins with it.
    const LEVEL: char = '+';
    /// The same of a value.
    const VALUE: char = '=';

    /// What Envoy keeps it as.
    pub(super) fn kind(self) -> MetricType {
        match self {
            Self::Counter => MetricType::Counter,
            Self::Level | Self::Value => MetricType::Gauge,
        }
    }

    /// A name as the registry lists it.
    pub(super) fn listed(self, name: &str) -> String {
        match self {
            Self::Counter => name.to_owned(),
            Self::Level => format!("{}{name}", Self::LEVEL),
            Self::Value => format!("{}{name}", Self::VALUE),
        }
    }

    /// Form and name of what the registry lists.
    pub(crate) fn of_listed(listed: &str) -> (Self, &str) {
        match (listed.strip_prefix(Self::LEVEL), listed.strip_prefix(Self::VALUE)) {
            (Some(name), _) => (Self::Level, name),
            (_, Some(name)) => (Self::Value, name),
            _ => (Self::Counter, listed),
        }
    }
}

/// One Envoy stat.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) name: Rc<str>,
    pub(super) form: Form,
    /// Envoy's id, once defined in this VM.
    pub(super) id: Option<u32>,
    /// Not in Envoy's stats yet: what to add; of a level in two's complement; of a value, itself.
    pub(super) pending: u64,
    /// Of a value: it is not what was written last.
    pub(super) fresh: bool,
    /// No delta before this instant.
    pub(super) not_before: u64,
    /// Stands in `dirty` or in a queued group.
    pub(super) queued: bool,
    /// Listed in the registry.
    pub(super) listed: bool,
}

/// Series that become visible together: no delta before all are defined.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) series: Vec<SeriesIndex>,
    pub(super) defined: usize,
}
