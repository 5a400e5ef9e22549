//! Scrapes that the filter answers itself: any worker, all series (DESIGN 4).
//!
//! Reading and writing 10,000 series takes milliseconds, on a thread that serves traffic. So it is done in slices: the
//! first when the request comes, the others from ticks, while the request waits.

use std::cell::RefCell;
use std::collections::VecDeque;

use genops_core::Head;
use genops_core::config::Scrape;
use genops_core::schema::{Kind, Table};
use genops_core::scrape::{Asked, Catalog, Progress, Rendering, SeriesId, Values};

use crate::behind::{self, Behind, Form};
use crate::host;

/// Longest stretch of a scrape at a time: with a slice of new stats (1 ms) in the same tick it stays below 5 ms.
const SLICE_NANOS: u64 = 3_000_000;
/// Between two slices: as soon as the host's timer can, others first.
const TICK_MILLIS: u32 = 1;
/// Series put into the catalog between two looks at the time: some 10 us of work.
const LOOK: usize = 16;
/// Most scrapes that wait in one VM: each may hold a body of megabytes. Prometheus and a person or two need no more.
const WAITING_MAX: usize = 4;
/// Marks numbers of gauges that stand in no list; the others are of listed series.
const GAUGE: SeriesId = 1 << 31;

thread_local! {
    static SCRAPES: RefCell<Scrapes> = RefCell::default();
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is for others, or the host takes no answer of ours.
    Elsewhere,
    /// Answered.
    Sent,
    /// The answer comes from a tick.
    Later,
}

/// The scrapes of this VM.
#[derive(Default)]
struct Scrapes {
    catalog: Catalog,
    /// How many listed series and other gauges of this VM are in the catalog.
    listed: usize,
    gauges: usize,
    /// The catalog's, when they were put in.
    generation: u32,
    waiting: VecDeque<Waiting>,
    /// Bytes of the last body: the next one is about as long.
    size: usize,
}

struct Waiting {
    stream: u32,
    rendering: Rendering,
}

/// Series as the catalog numbers them.
struct Series<'a>(&'a mut Behind);

/// A configuration counts under these families.
pub(crate) fn learn(table: &Table) {
    SCRAPES.with_borrow_mut(|scrapes| scrapes.catalog.learn(table));
}

/// Answers a request for the configured path.
pub(crate) fn answer(stream: u32, scrape: &Scrape, head: &Head<'_>) -> Answer {
    match Asked::of(head, scrape.path()) {
        Asked::Elsewhere => Answer::Elsewhere,
        Asked::Refused(refusal) => respond(refusal.status, refusal.headers, &refusal.text),
        Asked::Scrape(query) => SCRAPES.with_borrow_mut(|scrapes| scrapes.start(stream, Rendering::new(query))),
    }
}

/// Writes on for a slice. `root` is the context that ticks. Returns whether a scrape still waits.
pub(crate) fn tick(root: u32) -> bool {
    SCRAPES.with_borrow_mut(|scrapes| {
        if !scrapes.waiting.is_empty() {
            scrapes.work(Some(host::now().saturating_add(SLICE_NANOS)), root);
        }
        !scrapes.waiting.is_empty()
    })
}

/// Answers all that wait, at once: no tick will come. `current` is the context that calls.
pub(crate) fn finish(current: u32) {
    SCRAPES.with_borrow_mut(|scrapes| scrapes.work(None, current));
}

/// A stream has ended, answered or not.
pub(crate) fn gone(stream: u32) {
    SCRAPES.with_borrow_mut(|scrapes| scrapes.waiting.retain(|waiting| waiting.stream != stream));
}

/// Has the current context's root tick soon. Returns whether the host does.
pub(crate) fn hurry() -> bool {
    host::set_tick_period(TICK_MILLIS).is_ok()
}

impl Scrapes {
    fn start(&mut self, stream: u32, mut rendering: Rendering) -> Answer {
        if self.waiting.len() >= WAITING_MAX {
            return respond(503, &[("retry-after", "1")], "too many scrapes at a time\n");
        }
        behind::with(Behind::look);
        rendering.reserve(self.size);
        // A tick must be able to answer; a host that knows no other contexts is answered from here.
        let until = host::set_effective_context(stream).ok().map(|()| host::now().saturating_add(SLICE_NANOS));
        if self.waiting.is_empty() {
            match self.advance(&mut rendering, until) {
                Progress::More => {}
                ended => return self.send(ended, rendering),
            }
        }
        self.waiting.push_back(Waiting { stream, rendering });
        Answer::Later
    }

    /// Writes on until then (`None`: to the end), and answers what is whole.
    fn work(&mut self, until: Option<u64>, current: u32) {
        while let Some(Waiting { stream, mut rendering }) = self.waiting.pop_front() {
            match self.advance(&mut rendering, until) {
                Progress::More => {
                    self.waiting.push_front(Waiting { stream, rendering });
                    return;
                }
                ended => {
                    // One that is gone is answered into the void.
                    if host::set_effective_context(stream).is_ok() {
                        self.send(ended, rendering);
                        let _back = host::set_effective_context(current);
                    }
                    if until.is_some_and(|until| host::now() >= until) {
                        return;
                    }
                }
            }
        }
    }

    fn advance(&mut self, rendering: &mut Rendering, until: Option<u64>) -> Progress {
        let time_left = || until.is_none_or(|until| host::now() < until);
        if self.generation != self.catalog.generation() {
            (self.listed, self.gauges, self.generation) = (0, 0, self.catalog.generation());
        }
        behind::with(|behind| {
            while self.listed < behind.len() {
                let Ok(index) = SeriesId::try_from(self.listed) else { break };
                let kind = if behind.form(index) == Some(Form::Counter) { Kind::Counter } else { Kind::Gauge };
                if let Some(name) = behind.name(index) {
                    self.catalog.insert(index, name, kind);
                }
                self.listed += 1;
                if self.listed.is_multiple_of(LOOK) && !time_left() {
                    return Progress::More;
                }
            }
            for (at, (name, _)) in behind.gauges().iter().enumerate().skip(self.gauges) {
                let Ok(index) = SeriesId::try_from(at) else { break };
                self.catalog.insert(GAUGE | index, name, Kind::Gauge);
                self.gauges += 1;
            }
            rendering.advance(&self.catalog, &mut Series(behind), time_left)
        })
    }

    fn send(&mut self, progress: Progress, rendering: Rendering) -> Answer {
        let format = rendering.query().format;
        let body = rendering.into_body();
        self.size = body.len();
        match progress {
            Progress::TooLarge => respond(500, &[], "larger than 64 MiB: select families by `?name[]=`\n"),
            _ => respond(200, &[("content-type", format.content_type())], &body),
        }
    }
}

impl Values for Series<'_> {
    fn name(&self, series: SeriesId) -> Option<&str> {
        match series & GAUGE {
            0 => self.0.name(series),
            _ => self.0.gauges().get((series & !GAUGE) as usize).map(|(name, _)| &**name),
        }
    }

    fn value(&mut self, series: SeriesId) -> Option<u64> {
        match series & GAUGE {
            0 => self.0.value(series),
            _ => self.0.gauges().get((series & !GAUGE) as usize).and_then(|(_, id)| host::metric(*id).ok()),
        }
    }
}

/// Answers the current stream. A host that takes no answer lets the request pass.
fn respond(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    match host::local_response(status, headers, body.as_bytes()) {
        Ok(()) => Answer::Sent,
        Err(_) => Answer::Elsewhere,
    }
}
