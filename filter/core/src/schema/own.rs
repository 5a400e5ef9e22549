//! The filter's own families: whatever schemas are active, they stand in every table.

use super::family::{Definition, counter, gauge};
use super::{Fact, Label};

/// One of the filter's own families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// Label sets beyond `max_label_cardinality` or `max_stats`, by the label folded to `other`.
    SeriesOverflow,
    /// Label values that were not taken, by label and reason.
    LabelRejected,
    /// Requests that `include_usage` covers, by [`crate::inject::InjectOutcome`] (label `outcome`).
    IncludeUsage,
    /// 1, with the versions of the filter and of its price book.
    FilterInfo,
    /// Workers that hold deltas which are not in Envoy's stats yet: 0 means a scrape shows everything.
    StatsPending,
    /// Label sets over the process, of at most [`Own::SeriesLimit`].
    SeriesActive,
    /// `max_label_cardinality`.
    SeriesLimit,
    /// The filter's Envoy stats over the process, of at most [`Own::StatsLimit`].
    StatsActive,
    /// `max_stats`.
    StatsLimit,
    /// 1 while a configuration was refused and the filter only passes traffic (`GENOPS_INVALID_CONFIG=inert`).
    ConfigInvalid,
}

/// All of them, in the order of [`Own`].
pub(super) const OWN: &[Definition] = &[
    counter(
        "genops_series_overflow_total",
        &[Label::FoldedLabel],
        Fact::Own(Own::SeriesOverflow),
        "Label sets beyond the limits, by the label whose value was folded to other",
    ),
    counter(
        "genops_label_rejected_total",
        &[Label::Reason, Label::RejectedLabel],
        Fact::Own(Own::LabelRejected),
        "Label values that were not taken, by label and reason",
    ),
    counter(
        "genops_include_usage_total",
        &[Label::Provider, Label::Outcome],
        Fact::Own(Own::IncludeUsage),
        "Requests that include_usage covers, by what came of asking them for their usage",
    ),
    gauge(
        "genops_filter_info",
        &[Label::Version, Label::Book],
        Fact::Own(Own::FilterInfo),
        "1, with the versions of the filter and of its price book",
    ),
    gauge(
        "genops_stats_pending",
        &[],
        Fact::Own(Own::StatsPending),
        "Workers that hold counts which are not in Envoy's stats yet: 0 means that a scrape shows everything",
    ),
    gauge(
        "genops_series_active",
        &[],
        Fact::Own(Own::SeriesActive),
        "Label sets of exchanges; from nine tenths of genops_series_limit on values of new ones fold to other",
    ),
    gauge("genops_series_limit", &[], Fact::Own(Own::SeriesLimit), "Most label sets: max_label_cardinality"),
    gauge(
        "genops_stats_active",
        &[],
        Fact::Own(Own::StatsActive),
        "Stats that the filter has in Envoy; from three quarters of genops_stats_limit on new histograms fold",
    ),
    gauge("genops_stats_limit", &[], Fact::Own(Own::StatsLimit), "Most stats of the filter in Envoy: max_stats"),
    gauge(
        "genops_config_invalid",
        &[],
        Fact::Own(Own::ConfigInvalid),
        "1 while a configuration was refused and the filter only passes traffic",
    ),
];

impl Own {
    /// Its name under the namespace `genops`. [`Table::own`](super::Table::own) gives the one in use.
    pub fn name(self) -> &'static str {
        OWN.get(self as usize).map_or("", |family| family.name)
    }
}
