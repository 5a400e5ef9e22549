//! What each task does.

use std::env;
use std::num::NonZero;
use std::path::Path;
use std::process::Command;
use std::thread::{self, ScopedJoinHandle};

use genops_tools::tool::{self, Resolved, Tool};
use genops_tools::{pins, python, wasm, workspace_root};

use crate::{
    Extent, Part, cargo,
    step::{Failure, Steps},
};

/// Packages outside the workspace: only ever built for wasm (see their Cargo.toml).
const WASM_ONLY: &[(&str, &str)] = &[("genops-noop", "tests/bench/noop/Cargo.toml")];

/// Test binaries that take minutes and need tools that only they need; `cargo test` passes over them (`test = false` in
/// their Cargo.toml). Asked for with the whole workspace: by its package alone each would have its dependencies, with
/// fewer features, built once more.
const SLOW: &[&str] = &["mesh"];

/// Packages beside the filter and its host, with tests of their own and dependencies that only they have: a newcomer does
/// not wait for some hundred packages more to be built.
const BESIDE: &[&str] = &[
    "genops-acceptance",
    "genops-bench",
    "genops-component",
    "genops-component-tests",
    "genops-editors",
    "genops-image",
    "genops-mesh",
];

/// Lints that fail the run; a warning that nobody has to look at is noise.
const DENY: &str = "-Dwarnings";

/// `cargo xtask test`.
///
/// # Errors
/// The first failing step.
pub(crate) fn test(extent: Extent) -> Result<(), Failure> {
    let mut steps = Steps::new();
    if extent >= Extent::Slow {
        // First what fails fast.
        lint_formatting(&mut steps)?;
    }
    // What is fetched waits for the network as long as for this machine: so beside the compiler.
    thread::scope(|scope| {
        let python = scope.spawn(|| said(resolve_python()));
        let tools = scope.spawn(move || said(resolve_tools_of(extent)));
        let checked = said(check(&mut steps, extent));
        let fetched = steps.run("the rest of the tools", || {
            let joined = |fetched: ScopedJoinHandle<'_, Result<(), Failure>>| {
                fetched.join().unwrap_or_else(|_| Err("it panicked".to_owned()))
            };
            joined(python).and(joined(tools))
        });
        checked.and(fetched)
    })?;
    // Generated files are among what they check. All of them run, whatever fails: a run takes minutes.
    steps.run(if extent >= Extent::Slow { "tests, the slow ones too" } else { "tests" }, || {
        let mut test = tests_of(extent);
        test.push("--no-fail-fast");
        let threads = test_threads();
        let mut variables = vec![("GENOPS_WORKSPACE_BUILT", "1")];
        if extent >= Extent::Slow {
            test.extend(["--", "--include-ignored"]);
        } else {
            variables.push(("RUST_TEST_THREADS", &threads));
        }
        cargo::run_with(&test, &variables)
    })?;
    if extent >= Extent::Mesh {
        steps.run("mesh", || {
            // What the tests pull and serve is built by the sources of this moment.
            SLOW.iter().try_for_each(|t| cargo::run(&["test", "--workspace", "--test", t, "--locked"]))
        })?;
    }
    println!("{}", steps.summary(extent.command()));
    if extent < Extent::Slow {
        println!(
            "    Not run: formatting, lints and docs (`cargo xtask lint`), tests marked `slow tier` and those of {BESIDE:?} \
             (`cargo xtask test --slow` runs these, too)."
        );
    }
    if extent < Extent::Mesh {
        println!("    Not run: tests/mesh (`cargo xtask test --mesh` runs everything).");
    }
    Ok(())
}

/// Tells a failure where it happens: what runs beside it may take minutes more.
fn said(done: Result<(), Failure>) -> Result<(), Failure> {
    done.inspect_err(|reason| eprintln!("error: {reason}"))
}

/// `cargo test` of all packages, or of those that a newcomer waits for.
fn tests_of(extent: Extent) -> Vec<&'static str> {
    let beside = BESIDE.iter().filter(|_| extent < Extent::Slow).flat_map(|package| ["--exclude", package]);
    ["test", "--workspace", "--locked"].into_iter().chain(beside).collect()
}

/// Tests at once for who waits for them, unless the caller says how many: twice the cores, because half of them wait, for
/// scrapes and timers of real programs.
fn test_threads() -> String {
    if let Ok(threads) = env::var("RUST_TEST_THREADS") {
        return threads;
    }
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    (2 * cores).to_string()
}

/// What needs the compiler and nothing else.
fn check(steps: &mut Steps, extent: Extent) -> Result<(), Failure> {
    steps.run("wasm", wasm)?;
    if extent >= Extent::Slow {
        steps.run("component", component)?;
        lint_code(steps)?;
    }
    steps.run("build of the tests", || cargo::run(&[&tests_of(extent)[..], &["--no-run"]].concat()))
}

/// `cargo xtask lint`: what a change must pass beside the tests. Whoever only wants to see them pass need not wait for it:
/// on a fresh machine it checks some three hundred packages.
///
/// # Errors
/// The first failing step.
pub(crate) fn lint() -> Result<(), Failure> {
    let mut steps = Steps::new();
    lint_formatting(&mut steps)?;
    lint_code(&mut steps)?;
    println!("{}", steps.summary("cargo xtask lint"));
    Ok(())
}

fn lint_formatting(steps: &mut Steps) -> Result<(), Failure> {
    steps.run("toolchain", components)?;
    steps.run("formatting", || {
        cargo::run(&["fmt", "--all", "--check"])?;
        WASM_ONLY.iter().try_for_each(|(_, m)| cargo::run(&["fmt", "--manifest-path", m, "--check"]))
    })
}

fn lint_code(steps: &mut Steps) -> Result<(), Failure> {
    steps.run("lints", || {
        cargo::run(&["clippy", "--workspace", "--all-targets", "--locked", "--", DENY])?;
        SLOW.iter().try_for_each(|t| cargo::run(&["clippy", "--workspace", "--test", t, "--locked", "--", DENY]))?;
        // Into the module's own target directory, where its dependencies are already built for this target.
        let wasm = ["clippy", "--release", "--target", wasm::TARGET, "--target-dir", "target/wasm"];
        cargo::run(&[&wasm[..], &["-p", "genops-filter", "--locked", "--", DENY]].concat())?;
        WASM_ONLY.iter().try_for_each(|(p, m)| {
            cargo::run(&[&wasm[..], &["-p", p, "--manifest-path", m, "--locked", "--", DENY]].concat())
        })
    })?;
    steps.run("docs", || {
        let doc = ["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"];
        cargo::run_with(&doc, &[("RUSTDOCFLAGS", DENY)])
    })
}

/// `cargo xtask generate`.
///
/// # Errors
/// A generated file differs (`check`), or the generator fails.
pub(crate) fn generate(check: bool) -> Result<(), Failure> {
    let generate = ["run", "--quiet", "-p", "genops-tests", "--bin", "generate"];
    if !check {
        return cargo::run(&generate);
    }
    cargo::run(&[&generate[..], &["--", "--check"]].concat())
        .map_err(|reason| format!("{reason}; if a generated file is out of date, run `cargo xtask generate`"))
}

/// `cargo xtask generate --for CONFIG`.
///
/// # Errors
/// The configuration is refused, or the generator fails.
pub(crate) fn tags_for(config: &Path) -> Result<(), Failure> {
    let config = config.canonicalize().map_err(|e| format!("{}: {e}", config.display()))?;
    let config = config.to_str().ok_or("the path is no UTF-8")?;
    cargo::run(&["run", "--quiet", "-p", "genops-tests", "--bin", "generate", "--", "--for", config])
}

/// `cargo xtask layout`.
///
/// # Errors
/// The filter cannot be built or does not run.
pub(crate) fn layout() -> Result<(), Failure> {
    cargo::run(&["run", "--quiet", "-p", "genops-tests", "--example", "layout"])
}

/// `cargo xtask bench`.
///
/// # Errors
/// The bench fails; never because of what it measured.
pub(crate) fn bench(options: &[String]) -> Result<(), Failure> {
    let mut arguments = vec!["run", "--quiet", "--release", "-p", "genops-bench", "--"];
    arguments.extend(options.iter().map(String::as_str));
    cargo::run(&arguments)
}

/// `cargo xtask acceptance`.
///
/// # Errors
/// An answer is wrong, or the list of expressions is not there.
pub(crate) fn acceptance(options: &[String]) -> Result<(), Failure> {
    let mut arguments = vec!["run", "--quiet", "-p", "genops-acceptance", "--"];
    arguments.extend(options.iter().map(String::as_str));
    cargo::run(&arguments)
}

/// `cargo xtask image`.
///
/// # Errors
/// The images cannot be built, or the registry refuses them.
pub(crate) fn image(options: &[String]) -> Result<(), Failure> {
    let mut arguments = vec!["run", "--quiet", "-p", "genops-image", "--"];
    arguments.extend(options.iter().map(String::as_str));
    cargo::run(&arguments)
}

/// `cargo xtask start`: until it is ended.
///
/// # Errors
/// The part cannot be had, or ends by itself.
pub(crate) fn start(part: Part) -> Result<(), Failure> {
    let root = workspace_root();
    let mut command = match part {
        Part::Envoy => {
            // envoy.yaml names the module by its place in this tree.
            wasm()?;
            let mut envoy = Command::new(tool::envoy().map_err(|e| e.to_string())?);
            envoy.current_dir(&root).args(["-c", "envoy/envoy.yaml"]);
            // Its hundreds of lines at start, and words on deprecated fields that are meant, would hide the access log.
            envoy.args(["--log-level", "warning", "--component-log-level", "misc:error"]);
            eprintln!(
                "    traffic to api.openai.com: http://127.0.0.1:10000; scrapes: http://127.0.0.1:8000/metrics (the \
                 filter's), http://127.0.0.1:9901/stats/prometheus (Envoy's); Ctrl-C ends it"
            );
            envoy
        }
        Part::Prometheus => {
            let mut prometheus = Command::new(tool::prometheus().map_err(|e| e.to_string())?);
            let data = root.join("target/prometheus");
            prometheus.current_dir(root.join("envoy/prometheus")).arg("--config.file=prometheus.yml");
            prometheus.arg(format!("--storage.tsdb.path={}", data.display()));
            prometheus.arg("--web.listen-address=127.0.0.1:9090").arg("--log.level=warn");
            eprintln!("    http://127.0.0.1:9090, scraping http://127.0.0.1:8000/metrics; Ctrl-C ends it");
            prometheus
        }
        Part::Dashboards => {
            // Not quiet: its first build takes minutes.
            return cargo::run(&["run", "-p", "genops-acceptance", "--", "--serve", "127.0.0.1:3000"]);
        }
    };
    let status = command.status().map_err(|e| format!("{}: {e}", command.get_program().to_string_lossy()))?;
    if status.success() { Ok(()) } else { Err(format!("it ended with {status}")) }
}

/// `cargo xtask wasm`.
///
/// # Errors
/// The module cannot be built.
pub(crate) fn wasm() -> Result<(), Failure> {
    let path = wasm::build().map_err(|e| e.to_string())?;
    let module = wasm::inspect(&path).map_err(|e| e.to_string())?;
    println!("{}", path.display());
    eprintln!("    {} bytes, {} pages of memory at start", module.bytes, module.initial_pages);
    Ok(())
}

/// `cargo xtask component`.
///
/// # Errors
/// The component cannot be built.
pub(crate) fn component() -> Result<(), Failure> {
    let path = wasm::build_component().map_err(|e| e.to_string())?;
    println!("{}", path.display());
    Ok(())
}

/// `cargo xtask tools`.
///
/// # Errors
/// A tool cannot be had.
pub(crate) fn tools(mesh: bool) -> Result<(), Failure> {
    resolve_python()?;
    resolve_tools_of(if mesh { Extent::Mesh } else { Extent::Ordinary })?;
    println!("    workspace: {}", workspace_root().display());
    Ok(())
}

/// `rust-toolchain.toml` names these, but rustup does not everywhere install what it names (`RUSTUP_AUTO_INSTALL=0`).
fn components() -> Result<(), Failure> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if cargo::run(&[subcommand, "--version"]).is_ok() {
            continue;
        }
        let mut rustup = Command::new("rustup");
        let added = rustup.current_dir(workspace_root()).args(["component", "add", component]).status();
        if !added.is_ok_and(|status| status.success()) {
            return Err(format!("`cargo {subcommand}` does not run; install the Rust component {component}"));
        }
    }
    Ok(())
}

fn resolve_tools_of(extent: Extent) -> Result<(), Failure> {
    let mut tools = Tool::ALL.to_vec();
    if extent >= Extent::Slow {
        tools.extend(Tool::SLOW);
    }
    if extent >= Extent::Mesh {
        tools.extend(Tool::MESH);
    }
    let tell = |tool: Tool, found: &Resolved| {
        println!("    {tool} {} ({:?}): {}", found.version, found.origin, found.path.display());
    };
    Tool::resolve_all(&tools, tell).map_err(|(tool, error)| format!("{tool} {}: {error}", tool.pin()))?;
    for wheel in pins::EARLIER_ENVOYS.iter().filter(|_| extent >= Extent::Mesh) {
        let path = tool::earlier_envoy(wheel).map_err(|e| format!("Envoy {}: {e}", wheel.version))?;
        println!("    envoy {}: {}", wheel.version, path.display());
    }
    Ok(())
}

fn resolve_python() -> Result<(), Failure> {
    let python = python::venv().map_err(|e| format!("Python environment: {e}"))?;
    println!("    python environment: {}", python.display());
    let sdks = python::sdks().map_err(|e| format!("Python environment of the SDKs: {e}"))?;
    println!("    SDKs: {}", sdks.display());
    Ok(())
}
