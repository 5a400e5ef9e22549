//! From exchanges to series: what a record adds to which counters, within the caps. [`Behind`] writes them to Envoy.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use foldhash::quality::RandomState;
use genops_core::config::Config;
use genops_core::label::Rejection;
use genops_core::record::{Dimensions, Record};
use genops_core::schema::stat_name::{clean, push_label};
use genops_core::schema::{self, Kind, Label, Observation, Own, Table};
use genops_core::{Exchange, OTHER};

use crate::admitted::Known;
use crate::behind::{self, Behind, Form};
use crate::expected::Expected;
use crate::host::{self, Level};
use crate::scrape;
use crate::series::{Layout, SeriesIndex, Slots, fold, fold_label, name_of};

/// How many exchanges wait for the next tick at most: 1 to 2 kB each, and counting a few dozen in one go already costs each
/// of them next to no code that is not cached.
const MOST_WAITING: usize = 64;

/// After so many folds nothing is kept any more: customer, feature, project, team, model.
const MOST_FOLDS: u32 = 5;

/// What the streams of one configuration count under. Several can live in one VM; their series are one and the same
/// where their names are.
#[derive(Debug)]
pub(crate) struct Stats {
    config: Rc<Config>,
    layout: Layout,
    seen: RefCell<Seen>,
    expected: Expected,
    waiting: RefCell<Vec<Waiting>>,
}

/// What waits for the next tick to be counted. Why: counting touches code and tables that nothing else between two
/// exchanges does, so they would be fetched anew each time; many at once fetch them once.
#[derive(Debug)]
enum Waiting {
    /// An exchange will most likely count under these; whether it is of LLM traffic.
    Expected(Box<Dimensions>, bool),
    /// An exchange that has ended.
    Ended(Box<Record>),
}

/// Label combinations seen under this configuration.
#[derive(Debug, Default)]
struct Seen {
    /// As indexes into `slots`.
    combinations: HashMap<Dimensions, usize, RandomState>,
    slots: Vec<Slots>,
}

/// All that counting needs at hand.
struct Counting<'a> {
    config: &'a Config,
    layout: &'a Layout,
    seen: &'a mut Seen,
    behind: &'a mut Behind,
}

/// A gauge that is 1 while a configuration was refused and the filter only passes traffic.
pub(crate) fn inert() {
    behind::with(|behind| {
        if let Some(id) = behind.define_gauge(Own::ConfigInvalid.name()) {
            let _refused = host::record_metric(id, 1);
        }
    });
}

impl Stats {
    /// Starts to count under a configuration. Runs once per worker and once more on a VM that is thrown away
    /// (envoy.md 3).
    pub(crate) fn new(config: Rc<Config>) -> Self {
        let layout = Layout::new(&config.table);
        scrape::learn(&config.table);
        behind::with(|behind| {
            // Who only reads leaves it to who meters to say how, and at which prices.
            if config.scrape.as_ref().is_some_and(|scrape| scrape.dedicated) {
                return behind.start_reader(&config);
            }
            behind.start(&config);
            filter_info(behind, &config);
        });
        Self { config, layout, seen: RefCell::default(), expected: Expected::default(), waiting: RefCell::default() }
    }

    /// The configuration.
    pub(crate) fn config(&self) -> &Rc<Config> {
        &self.config
    }

    fn with(&self, with: impl FnOnce(Counting<'_>)) {
        let (config, layout, seen) = (&*self.config, &self.layout, &mut *self.seen.borrow_mut());
        behind::with(|behind| with(Counting { config, layout, seen, behind }));
    }

    /// Queues the series that an exchange will most likely feed, so that a scrape can see them at 0 first. Nothing to do
    /// for one whose like was expected before.
    pub(crate) fn expect(&self, exchange: &Exchange) {
        let Some(dimensions) = self.expected.new_of(exchange) else { return };
        self.wait(Waiting::Expected(Box::new(dimensions), exchange.is_llm()));
    }

    /// Counts an exchange as under way, until what this gives is dropped.
    pub(crate) fn begin(&self, dimensions: &Dimensions) -> Active {
        let mut series = Vec::new();
        self.with(|mut counting| series = counting.levels(dimensions));
        Active::new(series)
    }

    /// Counts one exchange.
    pub(crate) fn count(&self, record: Box<Record>) {
        self.wait(Waiting::Ended(record));
    }

    fn wait(&self, what: Waiting) {
        self.waiting.borrow_mut().push(what);
        let ticks = behind::with(Behind::await_tick);
        if !ticks || self.waiting.borrow().len() >= MOST_WAITING {
            self.count_waiting();
        }
    }

    /// Counts what waits for that.
    pub(crate) fn count_waiting(&self) {
        let waiting = self.waiting.take();
        if waiting.is_empty() {
            return;
        }
        self.with(|mut counting| {
            for what in &waiting {
                match what {
                    Waiting::Expected(dimensions, llm) => counting.expect(dimensions, *llm),
                    Waiting::Ended(record) => counting.count(record),
                }
            }
            counting.behind.awaited(waiting.len());
        });
    }

    /// Counts label values that were not taken.
    pub(crate) fn count_rejected(&self, rejected: &[(Label, Rejection)]) {
        if rejected.is_empty() {
            return;
        }
        let table = &self.config.table;
        behind::with(|behind| {
            for (label, reason) in rejected {
                let labels = [(Label::Reason, reason.as_str()), (Label::RejectedLabel, table.label_name(*label))];
                add_own(behind, table, Own::LabelRejected, &labels);
            }
        });
    }

    /// Counts what came of asking one stream for its usage.
    pub(crate) fn count_include_usage(&self, record: &Record, outcome: &str) {
        let provider = record.dimensions.provider.as_deref().unwrap_or_default();
        let labels = [(Label::Provider, provider), (Label::Outcome, outcome)];
        behind::with(|behind| add_own(behind, &self.config.table, Own::IncludeUsage, &labels));
    }
}

impl Drop for Stats {
    /// A configuration that another takes the place of: what its last streams left is counted.
    fn drop(&mut self) {
        self.count_waiting();
    }
}

/// An exchange under way: up at its begin, down exactly once, when it is dropped.
#[derive(Debug)]
pub(crate) struct Active(Vec<SeriesIndex>);

impl Active {
    fn new(series: Vec<SeriesIndex>) -> Self {
        shift(&series, 1);
        Self(series)
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        shift(&self.0, -1);
    }
}

fn shift(series: &[SeriesIndex], delta: i64) {
    behind::with(|behind| {
        for index in series {
            behind.shift(*index, delta);
        }
        behind.settle();
    });
}

fn own_name(table: &Table, own: Own, labels: &[(Label, &str)]) -> String {
    let mut name = String::new();
    for (label, value) in labels {
        push_label(&mut name, label.key(), value);
    }
    name + &table.own(own)
}

fn add_own(behind: &mut Behind, table: &Table, own: Own, labels: &[(Label, &str)]) {
    behind.add_by_name(&own_name(table, own, labels), 1);
}

fn filter_info(behind: &mut Behind, config: &Config) {
    let labels = [(Label::Version, env!("CARGO_PKG_VERSION")), (Label::Book, &config.price_book.version())];
    let Some(id) = behind.define_gauge(&own_name(&config.table, Own::FilterInfo, &labels)) else { return };
    let _refused = host::record_metric(id, 1);
    if host::metric(id) != Ok(1) {
        let warning = "genops: stats are not kept: does the bootstrap's stats_matcher reject `wasmcustom.`?";
        host::log(Level::Warn, warning);
    }
}

/// How many label sets there may be before one more is folded that has been folded so often. A tenth is kept for folded
/// ones, so that a full house costs customers their names and not teams.
fn room(most: u32, folds: u32) -> usize {
    let kept = most.saturating_mul(MOST_FOLDS.saturating_sub(folds)) / (10 * MOST_FOLDS);
    (most - kept) as usize
}

impl Counting<'_> {
    fn expect(&mut self, dimensions: &Dimensions, llm: bool) {
        let dimensions = &*self.layout.shown(dimensions);
        if self.seen.combinations.contains_key(dimensions) {
            return;
        }
        let dimensions = self.within_cap(dimensions.clone(), false);
        let at = self.combination(&dimensions);
        for (family, table) in self.config.table.fed().iter().enumerate() {
            let expected = if llm || !table.fact.is_of_llm() { table.fact.expected() } else { 0 };
            for variant in 0..expected {
                self.series_of(at, family, variant, &dimensions);
            }
        }
    }

    /// The gauges of streams under way, made if need be.
    fn levels(&mut self, dimensions: &Dimensions) -> Vec<SeriesIndex> {
        let dimensions = self.within_cap(dimensions.clone(), false);
        let table = &self.config.table;
        let of = |family| {
            let name = name_of(table, family, &dimensions);
            let known = self.behind.knows(&name);
            let index = self.behind.series_named(&name, Form::Level);
            if !known {
                self.behind.queue(vec![index]);
            }
            index
        };
        table.active().map(of).collect()
    }

    fn count(&mut self, record: &Record) {
        let mut dimensions = self.layout.shown(&record.dimensions);
        let at = match self.seen.combinations.get(&*dimensions) {
            Some(at) => *at,
            None => {
                dimensions = Cow::Owned(self.within_cap(dimensions.into_owned(), true));
                self.combination(&dimensions)
            }
        };
        let dimensions = &*dimensions;
        let table = &*self.config.table;
        schema::observations(table, record, |Observation { family, variant, value }| {
            let range = self.series_of(at, family, variant, dimensions);
            let Some(family) = table.fed().get(family) else { return };
            let histogram = family.kind == Kind::Histogram;
            for (part, slot) in range.enumerate() {
                // A histogram's parts: +Inf, the bounds in order, count, sum.
                let delta = match part {
                    0 if histogram => 1,
                    _ if !histogram => value,
                    _ => match family.bounds.get(part - 1) {
                        Some(bound) => u64::from(value <= bound.at),
                        None if part == family.bounds.len() + 1 => 1,
                        None => value,
                    },
                };
                if let Some(index) = self.seen.slots.get(at).and_then(|slots| slots.get(slot)) {
                    match family.kind {
                        Kind::Gauge => self.behind.set(index, delta),
                        _ => self.behind.add(index, delta),
                    }
                }
            }
        });
    }

    /// `dimensions`, or what they fold to where there are too many values of a label, or label sets.
    fn within_cap(&mut self, mut dimensions: Dimensions, count: bool) -> Dimensions {
        let (config, mut folds) = (self.config, 0);
        let table = &config.table;
        loop {
            self.limit_values(&mut dimensions, count);
            let most = room(config.max_label_cardinality, folds);
            let fits = |known: &Known| {
                let value_fits = |(label, most): &(Label, u32)| match dimensions.get(*label) {
                    Some(value) if value != OTHER => known.value_fits(table.label_key(*label), &clean(value), *most),
                    _ => true,
                };
                known.len() < most && config.limits.iter().all(value_fits)
            };
            if self.behind.admitted().admit(&Layout::set(table, &dimensions), fits) {
                return dimensions;
            }
            if self.limit_values(&mut dimensions, count) {
                // Another worker was faster with the last value that fitted.
                continue;
            }
            let Some(label) = fold(&mut dimensions) else { return dimensions };
            folds += 1;
            if count {
                self.count_overflow(table.label_name(label));
            }
        }
    }

    /// Folds values that are one too many for their label; whether any was.
    fn limit_values(&mut self, dimensions: &mut Dimensions, count: bool) -> bool {
        let table = &self.config.table;
        let mut folded = false;
        for (label, most) in &self.config.limits {
            let Some(value) = dimensions.get(*label).filter(|value| *value != OTHER) else { continue };
            let value = clean(value);
            if !self.behind.admitted().known().value_fits(table.label_key(*label), &value, *most) {
                fold_label(dimensions, *label);
                folded = true;
                if count {
                    self.count_overflow(table.label_name(*label));
                }
            }
        }
        folded
    }

    fn count_overflow(&mut self, folded: &str) {
        add_own(self.behind, &self.config.table, Own::SeriesOverflow, &[(Label::FoldedLabel, folded)]);
    }

    fn combination(&mut self, dimensions: &Dimensions) -> usize {
        if let Some(at) = self.seen.combinations.get(dimensions) {
            return *at;
        }
        let at = self.seen.slots.len();
        self.seen.slots.push(Slots::new(self.layout));
        self.seen.combinations.insert(dimensions.clone(), at);
        at
    }

    /// The slots of one label set of a family, its series made if need be.
    fn series_of(&mut self, at: usize, family: usize, variant: usize, dimensions: &Dimensions) -> Range<usize> {
        let range = self.layout.slots(family, variant);
        if self.seen.slots.get(at).is_some_and(|slots| slots.filled(&range)) {
            return range;
        }
        let table = &self.config.table;
        let histogram = table.fed().get(family).is_some_and(|family| family.kind == Kind::Histogram);
        let most = self.config.max_stats as usize;
        // Histograms have most of the stats: they fold first, and the counters still tell who spent what. A twentieth is
        // kept for what is folded.
        let most = if histogram { most / 4 * 3 } else { most - most / 20 };
        let full = self.behind.len() + range.len() > most;
        let mut names = self.layout.names(table, family, variant, dimensions);
        let mut known = names.first().is_some_and(|n| self.behind.knows(n));
        if full && !known {
            let mut folded = dimensions.clone();
            while fold(&mut folded).is_some() {}
            self.count_overflow("max_stats");
            names = self.layout.names(table, family, variant, &folded);
            known = names.first().is_some_and(|n| self.behind.knows(n));
        }
        let gauge = table.fed().get(family).is_some_and(|family| family.kind == Kind::Gauge);
        let form = if gauge { Form::Value } else { Form::Counter };
        let series: Vec<SeriesIndex> = names.iter().map(|name| self.behind.series_named(name, form)).collect();
        if let Some(slots) = self.seen.slots.get_mut(at) {
            slots.fill(&range, &series);
        }
        if !known {
            self.behind.queue(series);
        }
        range
    }
}
