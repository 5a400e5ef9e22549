//! The body of a scrape, written in stretches.

use memchr::memchr;

use super::catalog::{Catalog, Members, Set};
use super::family::Shown;
use super::request::Query;
use super::write::{push_float, push_help, push_scaled, push_value};
use super::{SeriesId, Values};
use crate::schema::{Kind, Label, stat_name};

/// Most bytes of a body: some 400,000 series. The proxy copies it whole and more than once, so there is an end; who has
/// more selects families by `name[]`.
const MAX_BODY: usize = 64 * 1024 * 1024;
/// Values read between two looks at the time: some 10 us of work.
const LOOK: usize = 32;

/// How far a rendering is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The time was up.
    More,
    /// The body is whole.
    Done,
    /// There is more than fits into one body.
    TooLarge,
}

/// A body on its way.
#[derive(Debug)]
pub struct Rendering {
    query: Query,
    place: Place,
    /// HELP and TYPE of the family at `place` are written.
    headed: bool,
    generation: u32,
    body: String,
}

/// The next member to write: family and label set. New ones only ever come behind the others.
#[derive(Clone, Copy, Debug)]
enum Place {
    Family(usize, usize),
    Gauge(usize, usize),
    End,
}

impl Rendering {
    /// An empty body.
    pub fn new(query: Query) -> Self {
        Self { query, place: Place::Family(0, 0), headed: false, generation: 0, body: String::new() }
    }

    /// Makes room for a body of about `size` bytes.
    pub fn reserve(&mut self, size: usize) {
        self.body.reserve(size.min(MAX_BODY));
    }

    /// What the body is asked to be.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// The body so far; whole after [`Progress::Done`].
    pub fn into_body(self) -> String {
        self.body
    }

    /// Writes on for as long as `time_left` says so, at least a little.
    pub fn advance(
        &mut self,
        catalog: &Catalog,
        values: &mut impl Values,
        mut time_left: impl FnMut() -> bool,
    ) -> Progress {
        if self.generation != catalog.generation() {
            // What stands behind the place is not what it was.
            self.generation = catalog.generation();
            self.go(Place::Family(0, 0));
            self.body.clear();
        }
        let mut read = 0;
        loop {
            if self.body.len() > MAX_BODY {
                return Progress::TooLarge;
            }
            read += match self.place {
                Place::Family(at, member) => self.family(catalog, at, member, values),
                Place::Gauge(at, member) => self.gauge(catalog, at, member, values),
                Place::End => return Progress::Done,
            };
            if read >= LOOK {
                read = 0;
                if !time_left() {
                    return Progress::More;
                }
            }
        }
    }

    fn go(&mut self, place: Place) {
        self.place = place;
        self.headed = false;
    }

    /// Writes one member of a family. Gives how many values that took.
    fn family(&mut self, catalog: &Catalog, at: usize, member: usize, values: &mut impl Values) -> usize {
        let Some(members) = catalog.families.get(at) else {
            self.go(Place::Gauge(0, 0));
            return 0;
        };
        let taken = member > 0 || self.query.selection.takes(&members.shown);
        if let Some(series) = members.series.get(member).filter(|_| taken) {
            self.place = Place::Family(at, member + 1);
            self.sample(catalog, members, *series, values);
            return 1;
        }
        if let Some(set) = members.sets.get(member).filter(|_| taken) {
            self.place = Place::Family(at, member + 1);
            self.histogram(catalog, members, set, values);
            return set.buckets.len() + 2;
        }
        self.go(Place::Family(at + 1, 0));
        0
    }

    fn gauge(&mut self, catalog: &Catalog, at: usize, member: usize, values: &mut impl Values) -> usize {
        let Some(gauge) = catalog.gauges.get(at) else {
            self.place = Place::End;
            if self.query.format.is_open_metrics() {
                self.body.push_str("# EOF\n");
            }
            return 0;
        };
        match gauge.sets.get(member).filter(|_| member > 0 || self.query.selection.takes(&gauge.shown)) {
            None => {
                self.go(Place::Gauge(at + 1, 0));
                0
            }
            Some(set) => {
                self.place = Place::Gauge(at, member + 1);
                if let Some(value) = gauge.value(set, values).filter(|value| value.is_finite()) {
                    self.head(catalog, &gauge.shown);
                    self.body.push_str(&gauge.shown.name);
                    self.labels(catalog, &set.labels, None);
                    push_float(&mut self.body, value);
                    self.body.push('\n');
                }
                set.len()
            }
        }
    }

    fn sample(
        &mut self,
        catalog: &Catalog,
        Members { shown, .. }: &Members,
        series: SeriesId,
        values: &mut impl Values,
    ) {
        let Some(value) = values.value(series) else { return };
        let Some(name) = values.name(series) else { return };
        self.head(catalog, shown);
        self.body.push_str(&shown.name);
        self.labels(catalog, name, None);
        push_scaled(&mut self.body, value, shown.places);
        self.body.push('\n');
    }

    /// All of one histogram. Its stats are read one by one while other workers write them one by one, so they may lie a
    /// few observations apart; what is shown is a histogram all the same: buckets only rise, and the last is the count.
    fn histogram(&mut self, catalog: &Catalog, Members { shown, .. }: &Members, set: &Set, values: &mut impl Values) {
        let (Some(count), Some(sum), true) = (set.count, set.sum, set.is_whole()) else { return };
        let (Some(seen), Some(total)) = (values.value(count), values.value(sum)) else { return };
        let mut buckets = Vec::with_capacity(set.buckets.len());
        let mut below = 0;
        for (_, series) in &set.buckets {
            let Some(value) = values.value(*series) else { return };
            below = value.max(below);
            buckets.push((*series, below));
        }
        let seen = seen.max(below);
        if let Some((_, last)) = buckets.last_mut() {
            *last = seen;
        }
        let Some(labels) = values.name(count) else { return };
        self.head(catalog, shown);
        for (series, value) in buckets {
            let bound = values.name(series).and_then(stat_name::decode);
            let Some(le) = bound.as_ref().and_then(|(pairs, _)| pairs.iter().find(|(k, _)| *k == Label::Le.key()))
            else {
                continue;
            };
            self.part(catalog, &shown.name, "_bucket", labels, Some(le.1));
            push_scaled(&mut self.body, value, 0);
            self.body.push('\n');
        }
        self.part(catalog, &shown.name, "_count", labels, None);
        push_scaled(&mut self.body, seen, 0);
        self.body.push('\n');
        self.part(catalog, &shown.name, "_sum", labels, None);
        push_scaled(&mut self.body, total, shown.places);
        self.body.push('\n');
    }

    fn part(&mut self, catalog: &Catalog, family: &str, suffix: &str, labels: &str, le: Option<&str>) {
        self.body.push_str(family);
        self.body.push_str(suffix);
        self.labels(catalog, labels, le);
    }

    /// HELP and TYPE, before the first sample of a family.
    fn head(&mut self, catalog: &Catalog, shown: &Shown) {
        if std::mem::replace(&mut self.headed, true) {
            return;
        }
        let open_metrics = self.query.format.is_open_metrics();
        let (name, kind) =
            if open_metrics { open_metrics_type(catalog, shown) } else { (&*shown.name, text(shown.kind)) };
        self.body.push_str("# HELP ");
        self.body.push_str(name);
        self.body.push(' ');
        push_help(&mut self.body, &shown.help, open_metrics);
        self.body.push_str("\n# TYPE ");
        self.body.push_str(name);
        self.body.push(' ');
        self.body.push_str(kind);
        self.body.push('\n');
    }

    /// `{label="value",...} `, from a stat's name.
    fn labels(&mut self, catalog: &Catalog, name: &str, le: Option<&str>) {
        let mut open = '{';
        let mut rest = name;
        // A value holds neither `;` nor `=`: `stat_name::clean` has seen to it.
        while let Some((pair, tail)) = memchr(b';', rest.as_bytes()).and_then(|at| rest.split_at_checked(at)) {
            let Some(tail) = tail.strip_prefix(stat_name::END) else { break };
            let parts = memchr(b'=', pair.as_bytes()).and_then(|at| pair.split_at_checked(at));
            if let Some((key, value)) = parts.and_then(|(k, v)| Some((k, v.strip_prefix(stat_name::ASSIGN)?))) {
                let label = catalog.renamed.iter().find(|(renamed, _)| renamed == key).map_or(key, |(_, label)| label);
                self.label(&mut open, label, value);
            }
            rest = tail;
        }
        if let Some(le) = le {
            self.label(&mut open, Label::Le.name(), le);
        }
        self.body.push_str(if open == '{' { " " } else { "} " });
    }

    fn label(&mut self, open: &mut char, label: &str, value: &str) {
        self.body.push(*open);
        *open = ',';
        self.body.push_str(label);
        self.body.push_str("=\"");
        push_value(&mut self.body, value);
        self.body.push('"');
    }
}

fn text(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    }
}

/// A counter's sample is `X_total` of family `X`. A counter of any other name, or whose `X` is taken, is of type unknown
/// under its own name, which is then the name of its sample.
fn open_metrics_type<'a>(catalog: &Catalog, shown: &'a Shown) -> (&'a str, &'static str) {
    if shown.kind != Kind::Counter {
        return (&shown.name, text(shown.kind));
    }
    let others = |base: &str| {
        let clashes = |name: &str| name.strip_prefix(base).is_some_and(|rest| ["", "_created"].contains(&rest));
        catalog.families.iter().any(|m| clashes(&m.shown.name))
            || catalog.gauges.iter().any(|gauge| clashes(&gauge.shown.name))
    };
    match shown.name.strip_suffix("_total").filter(|base| !base.is_empty() && !others(base)) {
        Some(base) => (base, "counter"),
        None => (&shown.name, "unknown"),
    }
}
