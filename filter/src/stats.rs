//! From exchanges to series: what a record adds to which counters, within the caps. [`Behind`] writes them to Envoy.
//!
//! State is per VM, not per root context: several configurations can live in one VM.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;

use foldhash::quality::RandomState;
use genops_core::config::Config;
use genops_core::label::Rejection;
use genops_core::record::{Dimensions, Record};
use genops_core::schema::stat_name::push_label;
use genops_core::schema::{self, FAMILIES, Fact, Kind, Label, Observation};

use crate::behind::Behind;
use crate::host::{self, Level};
use crate::series::{Layout, SeriesIndex, Slots, fold};

thread_local! {
    static STATS: RefCell<Stats> = RefCell::new(Stats::new());
}

/// Runs `with` on this VM's stats.
pub(crate) fn with<T>(with: impl FnOnce(&mut Stats) -> T) -> T {
    STATS.with_borrow_mut(with)
}

/// The series of this VM, by what exchanges count under.
#[derive(Debug)]
pub(crate) struct Stats {
    layout: Layout,
    /// Label combinations seen in this VM, as indexes into `slots`.
    combinations: HashMap<Dimensions, usize, RandomState>,
    slots: Vec<Slots>,
    behind: Behind,
    max_sets: u32,
    max_stats: u32,
}

impl Stats {
    fn new() -> Self {
        Self {
            layout: Layout::new(),
            combinations: HashMap::default(),
            slots: Vec::new(),
            behind: Behind::new(),
            max_sets: 0,
            max_stats: 0,
        }
    }

    /// Takes the limits of a configuration. Runs once per worker and once more on a VM that is thrown away (envoy.md 3).
    pub(crate) fn configure(&mut self, config: &Config) {
        (self.max_sets, self.max_stats) = (config.max_label_cardinality, config.max_stats);
        self.behind.start(config.flush_interval_ms);
        self.filter_info(config);
    }

    /// Writes what is pending.
    pub(crate) fn tick(&mut self) {
        self.behind.tick();
    }

    /// A root context goes away.
    pub(crate) fn root_done(&mut self) {
        self.behind.root_done();
    }

    /// A gauge that is 1 while a configuration was refused and the filter only passes traffic.
    pub(crate) fn inert(&mut self) {
        if let Some(id) = self.behind.define_gauge(schema::CONFIG_INVALID) {
            let _refused = host::record_metric(id, 1);
        }
    }

    fn filter_info(&mut self, config: &Config) {
        let mut name = String::new();
        push_label(&mut name, Label::Version, env!("CARGO_PKG_VERSION"));
        push_label(&mut name, Label::Book, &config.price_book.version());
        name.push_str(schema::FILTER_INFO);
        let Some(id) = self.behind.define_gauge(&name) else { return };
        let _refused = host::record_metric(id, 1);
        if host::metric(id) != Ok(1) {
            let warning = "genops: stats are not kept: does the bootstrap's stats_matcher reject `wasmcustom.`?";
            host::log(Level::Warn, warning);
        }
    }

    /// Queues the series that an exchange will most likely feed, so that a scrape can see them at 0 first.
    pub(crate) fn expect(&mut self, dimensions: &Dimensions) {
        if self.combinations.contains_key(dimensions) {
            return;
        }
        let dimensions = self.within_cap(dimensions.clone(), false);
        let at = self.combination(&dimensions);
        for (family, table) in FAMILIES.iter().enumerate() {
            let variants = match table.fact {
                Fact::Cost | Fact::InputTokens | Fact::OutputTokens | Fact::Operations => 1,
                Fact::TokensByType => 2,
                _ => 0,
            };
            for variant in 0..variants {
                self.series_of(at, family, variant, &dimensions);
            }
        }
        self.behind.arm();
    }

    /// Counts one exchange.
    pub(crate) fn count(&mut self, record: &Record) {
        let (at, folded) = match self.combinations.get(&record.dimensions) {
            Some(at) => (*at, None),
            None => {
                let folded = self.within_cap(record.dimensions.clone(), true);
                (self.combination(&folded), Some(folded))
            }
        };
        let dimensions = folded.as_ref().unwrap_or(&record.dimensions);
        schema::observations(record, |Observation { family, variant, value }| {
            let Some(table) = FAMILIES.get(family) else { return };
            let range = self.series_of(at, family, variant, dimensions);
            let histogram = table.kind == Kind::Histogram;
            for (part, slot) in range.enumerate() {
                // A histogram's parts: +Inf, the bounds in order, count, sum.
                let delta = match part {
                    0 if histogram => 1,
                    _ if !histogram => value,
                    _ => match table.buckets.get(part - 1) {
                        Some((_, bound)) => u64::from(value <= *bound),
                        None if part == table.buckets.len() + 1 => 1,
                        None => value,
                    },
                };
                if let Some(index) = self.slots.get(at).and_then(|slots| slots.get(slot)) {
                    self.behind.add(index, delta);
                }
            }
        });
        self.behind.settle();
    }

    /// Counts label values that were not taken.
    pub(crate) fn count_rejected(&mut self, rejected: &[(Label, Rejection)]) {
        for (label, reason) in rejected {
            let mut name = String::new();
            push_label(&mut name, Label::Reason, reason.as_str());
            push_label(&mut name, Label::RejectedLabel, label.name());
            name.push_str(schema::LABEL_REJECTED);
            self.behind.add_by_name(&name, 1);
        }
    }

    /// Counts what came of asking one stream for its usage.
    pub(crate) fn count_include_usage(&mut self, record: &Record, outcome: &str) {
        let mut name = String::new();
        if let Some(provider) = &record.dimensions.provider {
            push_label(&mut name, Label::Provider, provider);
        }
        push_label(&mut name, Label::Outcome, outcome);
        name.push_str(schema::INCLUDE_USAGE);
        self.behind.add_by_name(&name, 1);
    }

    /// `dimensions`, or what they fold to where there are too many label sets.
    fn within_cap(&mut self, mut dimensions: Dimensions, count: bool) -> Dimensions {
        while self.sets_in_use() >= self.max_sets && !self.combinations.contains_key(&dimensions) {
            let Some(label) = fold(&mut dimensions) else { break };
            if count {
                self.count_overflow(label.name());
            }
        }
        dimensions
    }

    fn sets_in_use(&self) -> u32 {
        let here = u32::try_from(self.combinations.len()).unwrap_or(u32::MAX);
        self.behind.label_sets().max(here)
    }

    fn count_overflow(&mut self, folded: &str) {
        let mut name = String::new();
        push_label(&mut name, Label::FoldedLabel, folded);
        name.push_str(schema::SERIES_OVERFLOW);
        self.behind.add_by_name(&name, 1);
    }

    fn combination(&mut self, dimensions: &Dimensions) -> usize {
        if let Some(at) = self.combinations.get(dimensions) {
            return *at;
        }
        let at = self.slots.len();
        self.slots.push(Slots::new(&self.layout));
        self.combinations.insert(dimensions.clone(), at);
        at
    }

    /// The slots of one label set of a family, its series made if need be.
    fn series_of(&mut self, at: usize, family: usize, variant: usize, dimensions: &Dimensions) -> Range<usize> {
        let range = self.layout.slots(family, variant);
        if self.slots.get(at).is_some_and(|slots| slots.filled(&range)) {
            return range;
        }
        let full = self.behind.len() + range.len() > self.max_stats as usize;
        let names = if full {
            let mut folded = dimensions.clone();
            while fold(&mut folded).is_some() {}
            self.count_overflow("max_stats");
            self.layout.names(family, variant, &folded)
        } else {
            self.layout.names(family, variant, dimensions)
        };
        let known = names.first().is_some_and(|n| self.behind.knows(n));
        let series: Vec<SeriesIndex> = names.iter().map(|name| self.behind.series_named(name)).collect();
        if let Some(slots) = self.slots.get_mut(at) {
            slots.fill(&range, &series);
        }
        if !known {
            self.behind.queue(series);
        }
        range
    }
}
