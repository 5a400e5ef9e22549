//! The whole run: traffic, questions, verdicts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use genops_tests::prometheus::Prometheus;

use crate::backfill;
use crate::expect::{Bound, Ledger, State, UP, series};
use crate::judge::Expected;
use crate::promql::{Element, Expr, Labels, NAME, Series, evaluate};
use crate::queries::Entry;
use crate::server::{ask, gone, scraped, start};
use crate::stage::{HELD, HELD_LONG, Stage, now};
use crate::surface::{Surface, Which};

/// What looks back further than this is asked of the backfilled one.
const SHORT: i64 = 10 * 60_000;
/// Scrapes before the traffic and behind it.
const SCRAPES: usize = 3;
/// How long rules may lag behind the scrape that they read.
const LAG: Duration = Duration::from_millis(2_200);

/// How an answer was had and judged.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Entry.
    pub id: String,
    /// Surface.
    pub which: Which,
    /// Instants asked about, in words.
    pub way: String,
    /// What is wrong; `None`: right.
    pub wrong: Option<String>,
}

/// How an expression asks whether a target is scraped.
const UP_OF: &str = "up{";

/// An instant that is asked about.
#[derive(Clone)]
struct Moment {
    /// In words.
    name: &'static str,
    at: i64,
    /// Whether only alerts are asked.
    alerts: bool,
}

/// One Prometheus and what its samples should be.
struct Court<'a> {
    prometheus: &'a Prometheus,
    surface: &'a Surface,
    ledger: &'a Ledger,
    /// What a sample at an instant shows.
    state: &'a dyn Fn(i64) -> State,
    /// How far back samples matter, milliseconds.
    back: i64,
    /// Series of families by instant and name.
    cache: BTreeMap<(i64, String), Rc<[Vec<Series>; 2]>>,
    /// Our own scrape, for the one expression that counts families of all names.
    scrape: &'a str,
}

impl Court<'_> {
    async fn family(&mut self, name: &str, at: i64) -> Result<Rc<[Vec<Series>; 2]>> {
        let key = (at, name.to_owned());
        if let Some(known) = self.cache.get(&key) {
            return Ok(Rc::clone(known));
        }
        let mut points = self.prometheus.points(name, at, self.back).await?;
        if points.is_empty() && self.ledger.knows(name) {
            // It is not there at all: then it is missed where the scrapes were.
            points = self.prometheus.points(UP, at, self.back).await?;
        }
        let seen: Vec<(Labels, Vec<i64>)> =
            points.into_iter().map(|p| (p.labels, p.points.into_iter().map(|(t, _)| t).collect())).collect();
        let instance = self.surface.target.to_string();
        let of = |bound| series(self.ledger, (name, &instance), &seen, self.state, bound);
        let both = Rc::new([of(Bound::Fast), of(Bound::Slow)]);
        self.cache.insert(key, Rc::clone(&both));
        Ok(both)
    }

    async fn expected(&mut self, expr: &Expr, at: i64) -> Result<Expected> {
        let mut names = BTreeSet::new();
        expr.names(&mut |name| {
            names.insert(name.map(ToOwned::to_owned));
        });
        let mut families = Vec::new();
        for name in names {
            match name {
                Some(name) => families.push(self.family(&name, at).await?),
                None => families.extend(self.everything(at).await?),
            }
        }
        let of = |bound: usize| -> Result<Vec<Element>> {
            let series: Vec<&Series> = families.iter().filter_map(|f| f.get(bound)).flatten().collect();
            evaluate(expr, &series, at)
        };
        Ok(Expected { fast: of(0)?, slow: of(1)? })
    }

    /// All families: those of the sources as the books have them, others as our own scrape counts them.
    async fn everything(&mut self, at: i64) -> Result<Vec<Rc<[Vec<Series>; 2]>>> {
        let known: Vec<String> = self.ledger.names().map(ToOwned::to_owned).collect();
        let mut all = Vec::new();
        for name in &known {
            all.push(self.family(name, at).await?);
        }
        let mut others = Vec::new();
        for line in self.scrape.lines().filter(|l| !l.starts_with('#')) {
            let Some((series, _)) = line.rsplit_once(' ') else { continue };
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let mut names = vec![name];
            // What the conversions make of it.
            if self.surface.which == Which::Envoy {
                names.extend(name.strip_suffix("_pico").or_else(|| name.strip_suffix("_nano")));
            }
            for name in names.into_iter().filter(|n| !known.iter().any(|k| k == n)) {
                let pairs = [(NAME, name), ("series", labels)];
                let labels: Labels = pairs.iter().map(|(l, v)| ((*l).to_owned(), (*v).to_owned())).collect();
                others.push(Series { labels, points: vec![(at, 1.0)] });
            }
        }
        all.push(Rc::new([others.clone(), others]));
        Ok(all)
    }

    /// Asks an entry at an instant; tells what is wrong, and how it was compared.
    async fn judge(&mut self, entry: &Entry, moment: &Moment) -> Result<(Option<String>, String)> {
        let expr = entry.parsed()?;
        let expected = self.expected(&expr, moment.at).await?;
        let got = ask(self.prometheus, &entry.expr, moment.at).await?;
        let empty = expected.is_empty() && !entry.is_alert();
        let wrong = if empty { Some("nothing was expected: the traffic does not test it".to_owned()) } else { None };
        let wrong = wrong.or_else(|| expected.difference(&got)).map(|w| format!("{}: {w}", moment.name));
        let how = match (entry.is_alert(), expected.is_empty()) {
            (true, true) => "quiet",
            (true, false) => "fires",
            (false, _) if expected.is_exact() => "exact",
            (false, _) => "within the time it took",
        };
        Ok((wrong, format!("{}: {how}", moment.name)))
    }

    async fn judge_all(&mut self, entries: &[&Entry], moments: &[Moment], verdicts: &mut Vec<Verdict>) -> Result<()> {
        for entry in entries {
            let mut ways = Vec::new();
            let mut wrong = None;
            for moment in moments.iter().filter(|m| !m.alerts || entry.is_alert()) {
                let (problem, way) = self.judge(entry, moment).await.with_context(|| entry.id.clone())?;
                ways.push(way);
                wrong = wrong.or(problem);
            }
            let (id, which) = (entry.id.clone(), self.surface.which);
            verdicts.push(Verdict { id, which, way: ways.join(", "), wrong });
        }
        Ok(())
    }
}

/// Drives the traffic and asks all entries.
///
/// # Errors
/// A part of the machinery fails. A wrong answer is a verdict, not an error.
pub async fn run(module: &Path, entries: &[&Entry]) -> Result<Vec<Verdict>> {
    let (short, long): (Vec<&Entry>, Vec<&Entry>) =
        entries.iter().copied().partition(|e| e.parsed().is_ok_and(|expr| expr.reach() <= SHORT));
    let clock = Instant::now();
    let told = |what: &str| eprintln!("{:>4.0} s  {what}", clock.elapsed().as_secs_f64());
    let mut stage = Stage::start(module).await?;
    told("warmed up");
    let began = now();
    let surfaces = stage.surfaces().to_vec();
    let mut servers = Vec::new();
    for surface in &surfaces {
        servers.push(start(surface).await.with_context(|| format!("{} surface", surface.which))?);
    }
    for server in &servers {
        scraped(server, SCRAPES, began).await?;
    }
    tokio::time::sleep(LAG).await;
    let calm = now();
    told("scraped before the traffic");

    stage.phase(1).await?;
    stage.phase(2).await?;
    let held = stage.hold(HELD, 2).await?;
    stage.let_go(held, 3).await?;
    stage.phase(3).await?;
    stage.phase(4).await?;
    let behind = stage.scrapes.last().cloned().context("a scrape")?;
    let held = stage.hold(HELD_LONG, 4).await?;
    let settled = now();
    for server in &servers {
        scraped(server, SCRAPES, settled).await?;
    }
    tokio::time::sleep(LAG).await;
    let after = now();
    told("traffic, scraped behind it");
    let before_excess = stage.ledger.clone();

    stage.let_go(held, 5).await?;
    stage.phase(5).await?;
    let settled = now();
    for server in &servers {
        scraped(server, SCRAPES, settled).await?;
    }
    tokio::time::sleep(LAG).await;
    let excess = now();
    told("traffic in excess");
    stage.end().await?;
    let ended = now();
    for server in &servers {
        gone(server, ended).await?;
    }
    let end = now();
    told("Envoy ended");

    let moments = [
        Moment { name: "before", at: calm, alerts: true },
        Moment { name: "after", at: after, alerts: false },
        Moment { name: "in excess", at: excess, alerts: true },
    ];
    // What tells that nothing is scraped any more can only be asked when nothing is.
    let last = [Moment { name: "ended", at: end, alerts: true }];
    let mut verdicts = Vec::new();
    for (surface, prometheus) in surfaces.iter().zip(&servers) {
        let state = |at: i64| stage.state(at);
        let scrape = behind.texts.iter().find(|(s, _)| s.which == surface.which).map_or("", |(_, t)| t.as_str());
        let (ledger, cache) = (&stage.ledger, BTreeMap::new());
        let mut court = Court { prometheus, surface, ledger, state: &state, back: SHORT, cache, scrape };
        let (of_up, others): (Vec<&Entry>, Vec<&Entry>) = short.iter().partition(|e| e.expr.contains(UP_OF));
        court.judge_all(&others, &moments, &mut verdicts).await?;
        let moments: Vec<Moment> = moments.iter().chain(&last).cloned().collect();
        court.judge_all(&of_up, &moments, &mut verdicts).await?;
    }

    told("judged live");
    // History ends where the questions stood, so nothing of it lies in the future.
    let names = families(&long)?;
    for surface in &surfaces {
        let instants = backfill::instants(after);
        let prometheus = backfill::start(surface, &stage.scrapes, &names, after).await?;
        let state = |at: i64| backfill::state(after, &instants, at);
        let (ledger, cache) = (&before_excess, BTreeMap::new());
        let back = 27 * 3_600_000;
        let mut court = Court { prometheus: &prometheus, surface, ledger, state: &state, back, cache, scrape: "" };
        let moments = [Moment { name: "backfilled", at: after, alerts: false }];
        court.judge_all(&long, &moments, &mut verdicts).await?;
    }
    told("judged over hours");
    Ok(verdicts)
}

/// Names of the families that the entries ask for.
fn families(entries: &[&Entry]) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in entries {
        entry.parsed()?.names(&mut |name| names.extend(name.map(ToOwned::to_owned)));
    }
    Ok(names)
}
