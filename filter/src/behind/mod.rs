//! Counters and gauges on their way to Envoy: an exchange adds to pending deltas, a tick writes them.
//!
//! Why (seen on Envoy 1.40): one increment costs 0.11 us, but defining a stat costs 8 to 13 us per declared tag, on the
//! worker. So known series cost one hostcall per tick whatever the load, and new ones are defined in slices. Pending
//! deltas wait; nothing is lost.

mod define;
mod gauges;
mod series;

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use foldhash::quality::RandomState;
use genops_core::config::Config;
use genops_core::schema::Own;

pub(crate) use self::series::Form;

use self::gauges::Active;
use self::series::{Group, Series};
use crate::admitted::Admitted;
use crate::host::{self, Level, Status};
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

/// All series of this VM and what waits.
#[derive(Debug)]
pub(crate) struct Behind {
    series: Vec<Series>,
    by_name: HashMap<Rc<str>, SeriesIndex, RandomState>,
    /// Label sets over the process.
    admitted: Admitted,
    dirty: Vec<SeriesIndex>,
    backlog: VecDeque<Group>,
    /// How many exchanges wait to be counted, of all configurations.
    awaiting: usize,
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
            awaiting: 0,
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

    pub(crate) fn knows(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
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

    /// An exchange waits to be counted at the next tick, which comes soon. Whether ticks come here.
    pub(crate) fn await_tick(&mut self) -> bool {
        self.awaiting = self.awaiting.saturating_add(1);
        self.set_armed();
        self.timers
    }

    /// So many have been counted.
    pub(crate) fn awaited(&mut self, exchanges: usize) {
        self.awaiting = self.awaiting.saturating_sub(exchanges);
        self.settle();
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
        } else if self.dirty.is_empty() && !orphans && self.awaiting == 0 {
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
}
