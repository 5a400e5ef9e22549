//! `cargo xtask bench`: CPU time per exchange of a real Envoy, with our filter and with other ways to read the same
//! traffic. It prints; it never judges: a machine's timing is no test.
//!
//! One Envoy per variant, all on one core, client and upstream on another. Rounds alternate between the variants, so
//! that whatever else the machine does hits all of them.

mod cores;
mod envoy;
mod load;
mod process;
mod report;
mod upstream;
mod variant;
mod workload;

use std::{
    fs,
    path::{Path, PathBuf},
    rc::Rc,
    time::Instant,
};

use anyhow::Context;
use clap::Parser;
use genops_tools::{tool, workspace_root};
use tokio::{runtime, task::LocalSet};

use crate::{
    cores::Cores,
    envoy::Envoy,
    report::{Samples, Spread},
    upstream::Gates,
    variant::{Filter, Genops, Variant},
    workload::Workload,
};

/// Rounds per workload that stay in a few minutes and give quartiles a meaning.
const ROUNDS: usize = 9;

/// Rounds before the first that counts: V8 compiles hot functions again in the background while they run.
const WARM_UP: usize = 2;

/// Load average that a machine with nothing else to do stays under; the build just before counts, too.
const QUIET: f64 = 1.5;

/// CPU time per exchange of a real Envoy, by variant and workload.
#[derive(Parser)]
struct Options {
    /// Rounds that count, per workload
    #[arg(long, default_value_t = ROUNDS)]
    rounds: usize,
    /// Exchanges per round and variant, where the workload's own number is not wanted: on a noisy machine many short
    /// rounds compare better than few long ones
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    per_round: Option<u32>,
    /// Variants; bare Envoy always runs, as the base of the ratios
    #[arg(long, value_enum, value_delimiter = ',')]
    variants: Vec<Variant>,
    /// Workloads
    #[arg(long, value_enum, value_delimiter = ',')]
    workloads: Vec<Workload>,
    /// Plugin configuration of the GenOps filter
    #[arg(long, default_value = "envoy/genops.json")]
    config: PathBuf,
    /// Other builds of the GenOps filter to run beside ours, each a variant `other` of its own
    #[arg(long, value_name = "WASM", value_delimiter = ',')]
    other_module: Vec<PathBuf>,
    /// Another configuration of it; implies the variant `other`
    #[arg(long, value_name = "JSON")]
    other_config: Option<PathBuf>,
}

/// A variant under test.
struct Subject {
    variant: Variant,
    name: String,
    filter: Filter,
    envoy: Envoy,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    // Builds and fetches use both cores; only then this process keeps to one.
    let program = tool::envoy()?;
    let chosen = |v: &Variant| *v != Variant::Other && (options.variants.is_empty() || options.variants.contains(v));
    // A relative path is one of the workspace: that is where `cargo xtask` may be called from any folder.
    let config = workspace_root().join(&options.config);
    let shipped = Genops { module: None, config: &config };
    let mut candidates: Vec<(Variant, String, Filter)> = Variant::ALL
        .into_iter()
        .filter(|v| *v == Variant::Bare || chosen(v))
        .map(|v| anyhow::Ok((v, v.name().to_owned(), v.filter(shipped)?)))
        .collect::<Result<_, _>>()?;
    let other_config = options.other_config.as_ref().map(|path| workspace_root().join(path));
    let mut other = |module: Option<&Path>| {
        let filter = Variant::Other.filter(Genops { module, config: other_config.as_ref().unwrap_or(&config) })?;
        let stem = module.and_then(Path::file_stem).unwrap_or_default().to_string_lossy();
        candidates.push((Variant::Other, format!("{} {stem}", Variant::Other.name()).trim_end().to_owned(), filter));
        anyhow::Ok(())
    };
    match options.other_module.as_slice() {
        [] if other_config.is_none() => {}
        [] => other(None)?,
        modules => modules.iter().try_for_each(|module| other(Some(module)))?,
    }
    let cores = Cores::choose()?;
    cores.take_load()?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, run(&options, &program, candidates, cores))
}

async fn run(
    options: &Options,
    program: &std::path::Path,
    candidates: Vec<(Variant, String, Filter)>,
    cores: Cores,
) -> anyhow::Result<()> {
    let started = Instant::now();
    let gates = Rc::new(Gates::default());
    let upstream = upstream::start(Rc::clone(&gates)).await?;
    let directory = tempfile::tempdir()?;
    let mut subjects = Vec::new();
    for (variant, name, filter) in candidates {
        let files = directory.path().join(format!("{variant:?}{}", subjects.len()));
        let envoy = Envoy::start(program, &filter, upstream, files, cores).await.with_context(|| name.clone())?;
        subjects.push(Subject { variant, name, filter, envoy });
    }
    if let Some(load) = process::load_average().filter(|load| *load > QUIET) {
        eprintln!(
            "warning: the machine is busy (load average {load}), which makes every variant dearer: look at ratios"
        );
    }
    eprintln!("{} variants on core {}, client and upstream on core {}", subjects.len(), cores.proxy, cores.load);
    let chosen = |w: &Workload| options.workloads.is_empty() || options.workloads.contains(w);
    for workload in Workload::ALL.into_iter().filter(chosen) {
        for Subject { variant, name, envoy, .. } in &subjects {
            let context = || format!("{name}, {}", workload.name());
            envoy.probe(*variant, workload, &gates).await.with_context(context)?;
        }
        let count = options.per_round.map_or_else(|| workload.per_round(), |n| n as usize);
        let samples = measure(&subjects, workload, options.rounds, count, &gates).await?;
        println!("\n{}: CPU per request, {} rounds of {count}", workload.name(), options.rounds);
        println!("{}", costs(&subjects, &samples));
    }
    println!("\nafter all rounds");
    println!("{}", sizes(&subjects)?);
    eprintln!("\n{:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// Samples of each subject. Each round starts with another subject, so that none always follows the same one.
async fn measure(
    subjects: &[Subject],
    workload: Workload,
    rounds: usize,
    count: usize,
    gates: &Rc<Gates>,
) -> anyhow::Result<Vec<Samples>> {
    let mut samples = vec![Samples::new(); subjects.len()];
    for round in 0..WARM_UP + rounds {
        for step in 0..subjects.len() {
            let index = (round + step) % subjects.len();
            let (Some(subject), Some(samples)) = (subjects.get(index), samples.get_mut(index)) else { continue };
            let pid = subject.envoy.pid();
            let before = process::cpu_time(pid)?;
            load::round(subject.envoy.address, workload, count, gates)
                .await
                .with_context(|| format!("{}, {}", subject.name, workload.name()))?;
            let spent = process::cpu_time(pid)?.saturating_sub(before);
            if round >= WARM_UP {
                samples.push(report::per_exchange(spent, count));
            }
        }
    }
    Ok(samples)
}

fn costs(subjects: &[Subject], samples: &[Samples]) -> String {
    let of = |variant: Variant| {
        let index = subjects.iter().position(|s| s.variant == variant)?;
        samples.get(index)
    };
    let against = |samples: &Samples, base| report::ratio(of(base).and_then(|b| Spread::of_ratios(samples, b)));
    let rows: Vec<Vec<String>> = subjects
        .iter()
        .zip(samples)
        .map(|(subject, samples)| {
            let median = Spread::of(samples).map_or_else(|| "-".to_owned(), |s| format!("{:.1} us", s.median));
            let least = samples.iter().copied().fold(f64::INFINITY, f64::min);
            let ratios = [Variant::Bare, Variant::Noop].map(|base| against(samples, base));
            [subject.name.clone(), median, format!("{least:.1} us")].into_iter().chain(ratios).collect()
        })
        .collect();
    report::table(["variant", "median", "least", "x bare (quartiles)", "x wasm that copies (quartiles)"], &rows)
}

fn sizes(subjects: &[Subject]) -> anyhow::Result<String> {
    let mut rows = Vec::new();
    for Subject { name, filter, envoy, .. } in subjects {
        let module = match &filter.module {
            Some(path) => report::mib(fs::metadata(path)?.len()),
            None => "-".to_owned(),
        };
        let memories = process::linear_memories(envoy.pid())?;
        let memories = match memories.as_slice() {
            [] => "-".to_owned(),
            some => some.iter().map(|m| report::mib(*m)).collect::<Vec<_>>().join(", "),
        };
        rows.push(vec![name.clone(), report::mib(process::resident(envoy.pid())?), module, memories]);
    }
    Ok(report::table(["variant", "Envoy RSS", "wasm file", "linear memory per VM"], &rows))
}
