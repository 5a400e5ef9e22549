//! Counters and gauges on their way to Envoy: an exchange adds to pending deltas, a tick writes them.
//!
//! Why (seen on Envoy 1.40): one increment costs 0.11 us, but defining a stat costs 8 to 13 us per declared tag, on the
//! worker. So known series cost one hostcall per tick whatever the load, and new ones are defined in slices. Pending
//! deltas wait; nothing is lost.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use foldhash::quality::RandomState;
use genops_core::config::Config;
use genops_core::schema::Own;

use crate::admitted::Admitted;
use crate::host::{self, Level, MetricType, Status};
use crate::registry::{self, Registry};
use crate::series::SeriesIndex;

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

thread_local! {
    static BEHIND: RefCell<Behind> = RefCell::new(Behind::new());
}

/// Runs `with` on this VM's series: one state for all its root contexts.
pub(crate) fn with<T>(with: impl FnOnce(&mut Behind) -> T) -> T {
    BEHIND.with_borrow_mut(with)
}

/// The clock for what waits: without one nothing does.
fn patience() -> u64 {
    match host::now() {
        0 => u64::MAX,
        now => now,
    }
}

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
    fn kind(self) -> MetricType {
        match self {
            Self::Counter => MetricType::Counter,
            Self::Level | Self::Value => MetricType::Gauge,
        }
    }

    /// A name as the registry lists it.
    fn listed(self, name: &str) -> String {
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
struct Series {
    name: Rc<str>,
    form: Form,
    /// Envoy's id, once defined in this VM.
    id: Option<u32>,
    /// Not in Envoy's stats yet: what to add; of a level in two's complement; of a value, itself.
    pending: u64,
    /// Of a value: it is not what was written last.
    fresh: bool,
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

/// A gauge of what is in use.
#[derive(Debug, Default)]
struct Active {
    id: Option<u32>,
    shown: Option<usize>,
}

/// All series of this VM and what waits.
#[derive(Debug)]
pub(crate) struct Behind {
    series: Vec<Series>,
    by_name: HashMap<Rc<str>, SeriesIndex, RandomState>,
    /// Label sets over the process.
    admitted: Admitted,
    dirty: Vec<SeriesIndex>,
    backlog: VecDeque<Group>,
    registry: Registry,
    pending_gauge: Option<u32>,
    /// Label sets and stats in use.
    active: [Active; 2],
    /// Gauges of this VM, with Envoy's ids.
    gauges: Vec<(Rc<str>, u32)>,
    /// The tick period in force, milliseconds; 0 before the first.
    period: u32,
    armed: bool,
    timers: bool,
    warned: bool,
    flush_millis: u32,
}

impl Behind {
    fn new() -> Self {
        Self {
            series: Vec::new(),
            by_name: HashMap::default(),
            admitted: Admitted::new(),
            dirty: Vec::new(),
            backlog: VecDeque::new(),
            registry: Registry::default(),
            pending_gauge: None,
            active: Default::default(),
            gauges: Vec::new(),
            period: 0,
            armed: false,
            timers: true,
            warned: false,
            flush_millis: 0,
        }
    }

    /// Defines every counter that the registry lists, and starts to tick. It never increments: it runs once more on a VM
    /// that is thrown away (envoy.md 3).
    pub(crate) fn start(&mut self, config: &Config) {
        self.flush_millis = config.flush_interval_ms;
        self.admitted.start(config.limits.iter().map(|(label, _)| config.table.label_key(*label)));
        self.read_registry();
        self.define_backlog(None);
        self.show_limits(config);
        self.pending_gauge = self.pending_gauge.or_else(|| self.define_gauge(&config.table.own(Own::StatsPending)));
        self.start_ticking();
    }

    fn start_ticking(&mut self) {
        // Each root context has a timer of its own: start this one's, whatever another's period is.
        self.period = 0;
        self.set_period(IDLE_MILLIS);
    }

    /// As [`start`](Self::start), for a configuration that only reads: one that meters says how, before or after.
    pub(crate) fn start_reader(&mut self, config: &Config) {
        if self.flush_millis == 0 {
            self.flush_millis = config.flush_interval_ms;
        }
        self.read_registry();
        self.define_backlog(None);
        self.start_ticking();
    }

    /// Sees what other VMs have listed, as a scrape must.
    pub(crate) fn look(&mut self) {
        self.read_registry();
    }

    /// The name of a series.
    pub(crate) fn name(&self, index: SeriesIndex) -> Option<&str> {
        self.series.get(index as usize).map(|series| &*series.name)
    }

    /// What a series is.
    pub(crate) fn form(&self, index: SeriesIndex) -> Option<Form> {
        self.series.get(index as usize).map(|series| series.form)
    }

    /// The process-wide value of a series, `None` while it is not among Envoy's stats. One that only other VMs have
    /// defined so far is defined here, too (1.4 us: Envoy knows its name).
    pub(crate) fn value(&mut self, index: SeriesIndex) -> Option<u64> {
        let series = self.series.get_mut(index as usize).filter(|series| series.listed)?;
        let id = match series.id {
            Some(id) => id,
            None => {
                let id = host::define_metric(series.form.kind(), &series.name).ok()?;
                *series.id.insert(id)
            }
        };
        host::metric(id).ok()
    }

    /// Gauges of this VM, with Envoy's ids.
    pub(crate) fn gauges(&self) -> &[(Rc<str>, u32)] {
        &self.gauges
    }

    /// Somebody else has set this root's timer: what it is set to next must be told to the host.
    pub(crate) fn forget_period(&mut self) {
        self.period = 0;
    }

    /// Series in this VM.
    pub(crate) fn len(&self) -> usize {
        self.series.len()
    }

    /// Label sets over the process.
    pub(crate) fn admitted(&mut self) -> &mut Admitted {
        &mut self.admitted
    }

    fn show_limits(&mut self, config: &Config) {
        let limits = [
            (Own::SeriesLimit, u64::from(config.max_label_cardinality)),
            (Own::StatsLimit, u64::from(config.max_stats)),
        ];
        for (own, limit) in limits {
            if let Some(id) = self.define_gauge(&config.table.own(own)) {
                let _refused = host::record_metric(id, limit);
            }
        }
        for (at, own) in [Own::SeriesActive, Own::StatsActive].into_iter().enumerate() {
            if self.active.get(at).is_some_and(|gauge| gauge.id.is_none()) {
                let id = self.define_gauge(&config.table.own(own));
                self.active.iter_mut().skip(at).take(1).for_each(|gauge| gauge.id = id);
            }
        }
        self.show_active();
    }

    /// What is in use, where it has changed. Every VM knows of all, so any may say it.
    fn show_active(&mut self) {
        let now = [self.admitted.known().len(), self.series.len()];
        for (gauge, now) in self.active.iter_mut().zip(now) {
            if let Some(id) = gauge.id.filter(|_| gauge.shown != Some(now)) {
                gauge.shown = Some(now);
                let _refused = host::record_metric(id, now as u64);
            }
        }
    }

    pub(crate) fn knows(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    pub(crate) fn define_gauge(&mut self, name: &str) -> Option<u32> {
        match host::define_metric(MetricType::Gauge, name) {
            Ok(id) => {
                match self.gauges.iter_mut().find(|(known, _)| **known == *name) {
                    Some((_, known)) => *known = id,
                    None => self.gauges.push((name.into(), id)),
                }
                Some(id)
            }
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

    pub(crate) fn series_named(&mut self, name: &str, form: Form) -> SeriesIndex {
        if let Some(index) = self.by_name.get(name) {
            return *index;
        }
        let index = SeriesIndex::try_from(self.series.len()).unwrap_or(SeriesIndex::MAX - 1);
        let name: Rc<str> = name.into();
        self.series.push(Series {
            name: name.clone(),
            form,
            id: None,
            pending: 0,
            fresh: false,
            not_before: 0,
            queued: false,
            listed: false,
        });
        self.by_name.insert(name, index);
        index
    }

    pub(crate) fn queue(&mut self, series: Vec<SeriesIndex>) {
        for index in &series {
            if let Some(s) = self.series.get_mut(*index as usize) {
                s.queued = true;
            }
        }
        self.backlog.push_back(Group { series, defined: 0 });
    }

    /// Adds to a counter.
    pub(crate) fn add(&mut self, index: SeriesIndex, delta: u64) {
        let Some(series) = self.series.get_mut(index as usize).filter(|_| delta > 0) else { return };
        series.pending = series.pending.saturating_add(delta);
        self.touch(index);
    }

    /// Moves a level up or down.
    pub(crate) fn shift(&mut self, index: SeriesIndex, delta: i64) {
        let Some(series) = self.series.get_mut(index as usize) else { return };
        series.pending = series.pending.wrapping_add_signed(delta);
        self.touch(index);
    }

    /// Sets a value.
    pub(crate) fn set(&mut self, index: SeriesIndex, value: u64) {
        let Some(series) = self.series.get_mut(index as usize).filter(|s| s.pending != value) else { return };
        (series.pending, series.fresh) = (value, true);
        self.touch(index);
    }

    fn touch(&mut self, index: SeriesIndex) {
        let Some(series) = self.series.get_mut(index as usize) else { return };
        if !std::mem::replace(&mut series.queued, true) {
            match series.id {
                Some(_) => self.dirty.push(index),
                None => self.backlog.push_back(Group { series: vec![index], defined: 0 }),
            }
        }
    }

    pub(crate) fn add_by_name(&mut self, name: &str, delta: u64) {
        let index = self.series_named(name, Form::Counter);
        self.add(index, delta);
        self.arm();
    }

    pub(crate) fn settle(&mut self) {
        self.arm();
        if !self.timers {
            // A host without timers: write through.
            self.flush();
            self.define_backlog(None);
            self.show_active();
        }
    }

    /// Something is pending: tick soon, and say so.
    pub(crate) fn arm(&mut self) {
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
            let index = self.series_named(name, Form::Counter);
            self.add(index, delta);
        });
        self.read_registry();
        self.admitted.read();
        self.show_active();
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
        // Levels are back where they were when their last stream ended, and values are set again by others.
        let waiting = || self.series.iter().filter(|s| s.form == Form::Counter && s.pending > 0);
        if waiting().next().is_some() {
            if registry::leave_orphans(host::now(), waiting().map(|s| (&*s.name, s.pending))) {
                self.series.iter_mut().filter(|s| s.form == Form::Counter).for_each(|s| s.pending = 0);
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
        let delta = match series.form {
            Form::Counter => i64::try_from(series.pending).unwrap_or(i64::MAX),
            Form::Level => series.pending.cast_signed(),
            Form::Value => 0,
        };
        let written = match series.form {
            Form::Value if !series.fresh => return true,
            Form::Value => host::record_metric(id, series.pending),
            _ if delta == 0 => return true,
            _ => host::increment_metric(id, delta),
        };
        match written {
            Ok(()) if series.form == Form::Value => series.fresh = false,
            Ok(()) => series.pending = series.pending.wrapping_sub(delta.cast_unsigned()),
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
    fn listed(&mut self, listed: &str) {
        let (form, name) = Form::of_listed(listed);
        let index = self.series_named(name, form);
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
                let counts = series.form == Form::Counter;
                let id = host::define_metric(series.form.kind(), &series.name)?;
                series.id = Some(id);
                // One that another VM listed has waited there. A host without timers is written through to. What a VM adds to
                // a level it takes away again.
                series.not_before = match series.listed || !self.timers || !counts {
                    true => 0,
                    false => host::now().saturating_add(GRACE_NANOS),
                };
                if counts {
                    // Keeps a zero visible under `?usedonly` (envoy.md 1.3: adds 0 and marks the counter used).
                    let _refused = host::record_metric(id, 0);
                }
                if !std::mem::replace(&mut series.listed, true) {
                    names.push(series.form.listed(&series.name));
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
