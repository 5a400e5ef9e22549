//! Envoy's stats, written behind: an exchange adds to pending deltas, a tick writes them.
//!
//! Why (seen on Envoy 1.40): one increment costs 0.11 us, but defining a stat costs 8 to 13 us per declared tag, on the
//! worker. So known series cost one hostcall per tick whatever the load, and new ones are defined in slices. Pending
//! deltas wait; nothing is lost. State is per VM, not per root context: several configurations can live in one VM.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::rc::Rc;

use genops_core::config::Config;
use genops_core::label::Rejection;
use genops_core::record::{Dimensions, Record};
use genops_core::schema::stat_name::push_label;
use genops_core::schema::{self, FAMILIES, Fact, Kind, Label, Observation};

use crate::host::{self, Level, MetricType, Status};
use crate::registry::{self, Registry};
use crate::series::{Layout, SeriesIndex, Slots, fold};

/// Longest stretch of defining new stats at a time: the worker serves traffic on the same thread.
const SLICE_NANOS: u64 = 1_000_000;
/// Between two slices while there is a backlog.
const BACKLOG_MILLIS: u32 = 10;
/// Between two looks at the registry while nothing is pending: a new generation of VMs must see what a draining one
/// still defines, and take over what it leaves. A look costs a hostcall or two.
const IDLE_MILLIS: u32 = 100;
/// How long a series that this VM defined waits for its first delta: every other VM looks at the registry in that time
/// and defines it too. So no count can go down with a generation that ends right then, and a scrape can see 0 first.
const GRACE_NANOS: u64 = 3 * IDLE_MILLIS as u64 * 1_000_000;

/// The clock for what waits: without one nothing does.
fn patience() -> u64 {
    match host::now() {
        0 => u64::MAX,
        now => now,
    }
}

thread_local! {
    static STATS: RefCell<Stats> = RefCell::new(Stats::new());
}

/// Runs `with` on this VM's stats.
pub(crate) fn with<T>(with: impl FnOnce(&mut Stats) -> T) -> T {
    STATS.with_borrow_mut(with)
}

/// One Envoy counter.
#[derive(Debug)]
struct Series {
    name: Rc<str>,
    /// Envoy's id, once defined in this VM.
    id: Option<u32>,
    /// Not in Envoy's stats yet.
    pending: u64,
    /// No delta before this instant.
    not_before: u64,
    /// Stands in `dirty` or in a queued group.
    queued: bool,
    /// Listed in the registry.
    listed: bool,
}

/// Series that become visible together: no delta before all are defined.
#[derive(Debug)]
struct Group {
    series: Vec<SeriesIndex>,
    defined: usize,
}

/// All series of this VM and what waits.
#[derive(Debug)]
pub(crate) struct Stats {
    layout: Layout,
    /// Label combinations seen in this VM, as indexes into `slots`.
    combinations: HashMap<Dimensions, usize>,
    slots: Vec<Slots>,
    series: Vec<Series>,
    by_name: HashMap<Rc<str>, SeriesIndex>,
    /// Label sets per family, over the process as far as the registry was read.
    sets: Vec<u32>,
    dirty: Vec<SeriesIndex>,
    backlog: VecDeque<Group>,
    registry: Registry,
    pending_gauge: Option<u32>,
    /// The tick period in force, milliseconds; 0 before the first.
    period: u32,
    armed: bool,
    timers: bool,
    warned: bool,
    max_sets: u32,
    max_stats: u32,
    flush_millis: u32,
}

impl Stats {
    fn new() -> Self {
        Self {
            layout: Layout::new(),
            combinations: HashMap::new(),
            slots: Vec::new(),
            series: Vec::new(),
            by_name: HashMap::new(),
            sets: vec![0; FAMILIES.len()],
            dirty: Vec::new(),
            backlog: VecDeque::new(),
            registry: Registry::default(),
            pending_gauge: None,
            period: 0,
            armed: false,
            timers: true,
            warned: false,
            max_sets: 0,
            max_stats: 0,
            flush_millis: 0,
        }
    }

    /// Takes the limits of a configuration and defines every counter that the registry lists. Runs once per worker
    /// and once more on a VM that is thrown away (envoy.md 3): it defines, it never increments.
    pub(crate) fn configure(&mut self, config: &Config) {
        (self.max_sets, self.max_stats) = (config.max_label_cardinality, config.max_stats);
        self.flush_millis = config.flush_interval_ms;
        self.read_registry();
        self.define_backlog(None);
        self.pending_gauge = self.pending_gauge.or_else(|| self.define_gauge(schema::STATS_PENDING));
        self.filter_info();
        // Each root context has a timer of its own: start this one's, whatever another's period is.
        self.period = 0;
        self.set_period(IDLE_MILLIS);
    }

    /// A gauge that is 1 while a configuration was refused and the filter only passes traffic.
    pub(crate) fn inert(&mut self) {
        if let Some(id) = self.define_gauge(schema::CONFIG_INVALID) {
            let _refused = host::record_metric(id, 1);
        }
    }

    fn filter_info(&mut self) {
        let mut name = String::new();
        push_label(&mut name, Label::Version, env!("CARGO_PKG_VERSION"));
        push_label(&mut name, Label::Book, genops_core::price::BOOK_VERSION);
        name.push_str(schema::FILTER_INFO);
        let Some(id) = self.define_gauge(&name) else { return };
        let _refused = host::record_metric(id, 1);
        if host::metric(id) != Ok(1) {
            let warning = "genops: stats are not kept: does the bootstrap's stats_matcher reject `wasmcustom.`?";
            host::log(Level::Warn, warning);
        }
    }

    fn define_gauge(&mut self, name: &str) -> Option<u32> {
        match host::define_metric(MetricType::Gauge, name) {
            Ok(id) => Some(id),
            Err(status) => {
                self.warn_once("metrics", status);
                None
            }
        }
    }

    fn warn_once(&mut self, what: &str, status: Status) {
        if !std::mem::replace(&mut self.warned, true) {
            host::log(Level::Warn, &format!("genops: this host refuses {what} ({status}); going on without"));
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
        self.arm();
    }

    /// Counts one exchange.
    pub(crate) fn count(&mut self, record: &Record) {
        let folded = match self.combinations.contains_key(&record.dimensions) {
            true => None,
            false => Some(self.within_cap(record.dimensions.clone(), true)),
        };
        let dimensions = folded.as_ref().unwrap_or(&record.dimensions);
        let at = self.combination(dimensions);
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
                    self.add(index, delta);
                }
            }
        });
        self.settle();
    }

    /// Counts label values that were not taken.
    pub(crate) fn count_rejected(&mut self, rejected: &[(Label, Rejection)]) {
        for (label, reason) in rejected {
            let mut name = String::new();
            push_label(&mut name, Label::Reason, reason.as_str());
            push_label(&mut name, Label::RejectedLabel, label.name());
            name.push_str(schema::LABEL_REJECTED);
            self.add_by_name(&name, 1);
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
        self.add_by_name(&name, 1);
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
        self.sets.iter().copied().max().unwrap_or(0).max(here)
    }

    fn count_overflow(&mut self, folded: &str) {
        let mut name = String::new();
        push_label(&mut name, Label::FoldedLabel, folded);
        name.push_str(schema::SERIES_OVERFLOW);
        self.add_by_name(&name, 1);
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
        let full = self.series.len() + range.len() > self.max_stats as usize;
        let names = if full {
            let mut folded = dimensions.clone();
            while fold(&mut folded).is_some() {}
            self.count_overflow("max_stats");
            self.layout.names(family, variant, &folded)
        } else {
            self.layout.names(family, variant, dimensions)
        };
        let known = names.first().is_some_and(|n| self.by_name.contains_key(n.as_str()));
        let series: Vec<SeriesIndex> = names.iter().map(|name| self.series_named(name)).collect();
        if let Some(slots) = self.slots.get_mut(at) {
            slots.fill(&range, &series);
        }
        if !known {
            self.queue(series);
        }
        range
    }

    fn series_named(&mut self, name: &str) -> SeriesIndex {
        if let Some(index) = self.by_name.get(name) {
            return *index;
        }
        let index = SeriesIndex::try_from(self.series.len()).unwrap_or(SeriesIndex::MAX - 1);
        let name: Rc<str> = name.into();
        self.count_set(&name);
        self.series.push(Series {
            name: name.clone(),
            id: None,
            pending: 0,
            not_before: 0,
            queued: false,
            listed: false,
        });
        self.by_name.insert(name, index);
        index
    }

    /// A label set is counted at the one stat that every set of its family has exactly once.
    fn count_set(&mut self, name: &str) {
        let family = name.rsplit(";.;").next().unwrap_or(name);
        let one_per_set = |f: &&schema::Family| match f.kind {
            Kind::Histogram => family.strip_suffix("_count") == Some(f.name),
            _ => f.variable.is_none() && family.strip_suffix("_pico").unwrap_or(family) == f.name,
        };
        if let Some(at) = FAMILIES.iter().position(|f| one_per_set(&f))
            && let Some(sets) = self.sets.get_mut(at)
        {
            *sets += 1;
        }
    }

    fn queue(&mut self, series: Vec<SeriesIndex>) {
        for index in &series {
            if let Some(s) = self.series.get_mut(*index as usize) {
                s.queued = true;
            }
        }
        self.backlog.push_back(Group { series, defined: 0 });
    }

    fn add(&mut self, index: SeriesIndex, delta: u64) {
        let Some(series) = self.series.get_mut(index as usize).filter(|_| delta > 0) else { return };
        series.pending = series.pending.saturating_add(delta);
        if !std::mem::replace(&mut series.queued, true) {
            match series.id {
                Some(_) => self.dirty.push(index),
                None => self.backlog.push_back(Group { series: vec![index], defined: 0 }),
            }
        }
    }

    fn add_by_name(&mut self, name: &str, delta: u64) {
        let index = self.series_named(name);
        self.add(index, delta);
        self.arm();
    }

    fn settle(&mut self) {
        self.arm();
        if !self.timers {
            // A host without timers: write through.
            self.flush();
            self.define_backlog(None);
        }
    }

    /// Something is pending: tick soon, and say so.
    fn arm(&mut self) {
        if !(self.dirty.is_empty() && self.backlog.is_empty()) {
            self.set_armed();
        }
    }

    fn set_armed(&mut self) {
        if !std::mem::replace(&mut self.armed, true) {
            if let Some(id) = self.pending_gauge {
                let _refused = host::increment_metric(id, 1);
            }
            self.set_period(self.flush_millis);
        }
    }

    fn disarm(&mut self) {
        if std::mem::replace(&mut self.armed, false)
            && let Some(id) = self.pending_gauge
        {
            let _refused = host::increment_metric(id, -1);
        }
    }

    fn set_period(&mut self, millis: u32) {
        if self.period != millis && self.timers {
            match host::set_tick_period(millis) {
                Ok(()) => self.period = millis,
                Err(status) => {
                    self.timers = false;
                    self.warn_once("timers", status);
                }
            }
        }
    }

    /// Writes what is pending: all known series, and new ones for one slice.
    pub(crate) fn tick(&mut self) {
        let orphans = registry::adopt_orphans(patience(), |name, delta| {
            let index = self.series_named(name);
            self.add(index, delta);
        });
        self.read_registry();
        self.flush();
        self.define_backlog(Some(SLICE_NANOS));
        if !self.backlog.is_empty() {
            self.arm();
            self.set_period(BACKLOG_MILLIS);
        } else if self.dirty.is_empty() && !orphans {
            self.disarm();
            self.set_period(IDLE_MILLIS);
        } else {
            // Only waiting: for a series' grace, or for orphans to be ripe.
            self.set_armed();
            self.set_period(self.flush_millis.max(IDLE_MILLIS));
        }
    }

    /// A root context goes away, and with it its timer, and perhaps this VM: writes what it can and leaves the rest
    /// to another VM. The next root to tick starts its timer anew.
    pub(crate) fn root_done(&mut self) {
        self.flush();
        let waiting = || self.series.iter().filter(|s| s.pending > 0);
        if waiting().next().is_some() {
            if registry::leave_orphans(host::now(), waiting().map(|s| (&*s.name, s.pending))) {
                self.series.iter_mut().for_each(|s| s.pending = 0);
            } else {
                // Nobody to leave them to.
                self.define_backlog(None);
                self.series.iter_mut().for_each(|s| s.not_before = 0);
                self.flush();
            }
        }
        self.disarm();
        self.period = 0;
    }

    fn flush(&mut self) {
        let now = patience();
        let mut waiting = Vec::new();
        for index in std::mem::take(&mut self.dirty) {
            if !self.write(index, now) {
                waiting.push(index);
            }
        }
        self.dirty = waiting;
    }

    /// Writes one series' delta. Returns whether it is out (or waits to be defined again).
    fn write(&mut self, index: SeriesIndex, now: u64) -> bool {
        let Some(series) = self.series.get_mut(index as usize) else { return true };
        if series.not_before > now && series.pending > 0 {
            return false;
        }
        series.queued = false;
        let Some(id) = series.id else { return true };
        let delta = i64::try_from(series.pending).unwrap_or(i64::MAX);
        if delta == 0 {
            return true;
        }
        match host::increment_metric(id, delta) {
            Ok(()) => series.pending -= delta.unsigned_abs(),
            // The host forgot the id: the next observation defines the series again.
            Err(status @ Status::NOT_FOUND) => {
                series.id = None;
                self.warn_once("metrics", status);
            }
            Err(status) => {
                series.queued = true;
                self.warn_once("metrics", status);
                return false;
            }
        }
        true
    }

    fn read_registry(&mut self) {
        let mut registry = std::mem::take(&mut self.registry);
        registry.read(|name| self.listed(name));
        self.registry = registry;
    }

    /// Another VM, or an earlier generation, has this series.
    fn listed(&mut self, name: &str) {
        let index = self.series_named(name);
        let Some(series) = self.series.get_mut(index as usize) else { return };
        series.listed = true;
        if series.id.is_none() && !series.queued {
            self.queue(vec![index]);
        }
    }

    /// Defines queued series, for at most `nanos` (`None`: all of them), and lists them.
    fn define_backlog(&mut self, nanos: Option<u64>) {
        if self.backlog.is_empty() {
            return;
        }
        let until = nanos.map(|n| host::now().saturating_add(n));
        let mut names = Vec::new();
        while let Some(mut group) = self.backlog.pop_front() {
            let whole = self.define_group(&mut group, until, &mut names);
            match whole {
                Ok(true) => {
                    let now = patience();
                    for index in group.series {
                        if !self.write(index, now) {
                            self.dirty.push(index);
                        }
                    }
                    if until.is_some_and(|t| host::now() >= t) {
                        break;
                    }
                }
                Ok(false) => {
                    self.backlog.push_front(group);
                    break;
                }
                Err(status) => {
                    // Deltas stay; the next observation queues the series again.
                    for index in group.series {
                        if let Some(s) = self.series.get_mut(index as usize) {
                            s.queued = false;
                        }
                    }
                    self.warn_once("metrics", status);
                }
            }
        }
        if !names.is_empty() {
            let mut registry = std::mem::take(&mut self.registry);
            registry.append(names, |name| self.listed(name));
            self.registry = registry;
        }
    }

    fn define_group(&mut self, group: &mut Group, until: Option<u64>, names: &mut Vec<String>) -> Result<bool, Status> {
        while let Some(series) = group.series.get(group.defined).and_then(|i| self.series.get_mut(*i as usize)) {
            if series.id.is_none() {
                let id = host::define_metric(MetricType::Counter, &series.name)?;
                series.id = Some(id);
                // One that another VM listed has waited there. A host without timers is written through to.
                series.not_before = match series.listed || !self.timers {
                    true => 0,
                    false => host::now().saturating_add(GRACE_NANOS),
                };
                // Keeps a zero visible under `?usedonly` (envoy.md 1.3: adds 0 and marks the counter used).
                let _refused = host::record_metric(id, 0);
                if !std::mem::replace(&mut series.listed, true) {
                    names.push(series.name.to_string());
                }
            }
            group.defined += 1;
            if group.defined < group.series.len() && until.is_some_and(|t| host::now() >= t) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
