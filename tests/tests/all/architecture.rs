//! The walls of DESIGN 2, held by `cargo metadata`: who may depend on whom.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand, PackageId};
use genops_tests::generated::workspace;
use genops_tools::wasm::{self, layout, layout::Profile};

/// Package, and what must never be among its dependencies, however indirect.
const WALLS: &[(&str, &[&str])] = &[
    // The pure heart never sees a host, a clock or a network.
    (
        "genops-core",
        &["proxy-wasm", "wasmtime", "tokio", "hyper", "clap", "genops-host", "genops-filter", "time", "chrono", "jiff"],
    ),
    // The shell knows no JSON, no prices and no host but the ABI.
    ("genops-filter", &["wasmtime", "tokio", "hyper", "clap", "genops-host", "genops-prices", "regex"]),
    // The component is a shell of its own: no proxy, no host.
    (
        "genops-component",
        &["proxy-wasm", "wasmtime", "tokio", "hyper", "clap", "genops-host", "genops-filter", "genops-prices", "regex"],
    ),
    // The native host is an honest stand-in for Envoy: it knows nothing of LLMs.
    ("genops-host", &["genops-core", "genops-filter", "genops-component", "genops-prices", "proxy-wasm"]),
    ("genops-prices", &["proxy-wasm", "wasmtime", "genops-host", "genops-filter"]),
    ("xtask", &["wasmtime", "genops-core", "genops-host", "tokio"]),
];

/// What the shell may name itself, a hash for its tables and an allocator besides: everything else is somebody else's room.
const FILTER_DIRECT: &[&str] = &["foldhash", "genops-core", "proxy-wasm", "rlsf"];

/// And the component's shell.
const COMPONENT_DIRECT: &[&str] = &["genops-core", "wit-bindgen"];

fn normal_dependencies() -> (BTreeMap<PackageId, String>, BTreeMap<PackageId, BTreeSet<PackageId>>) {
    let metadata = MetadataCommand::new()
        .manifest_path(workspace().join("Cargo.toml"))
        .exec()
        .expect("cargo metadata of the workspace");
    let names = metadata.packages.iter().map(|p| (p.id.clone(), p.name.to_string())).collect();
    let resolve = metadata.resolve.expect("a resolved graph");
    let normal = |d: &&cargo_metadata::NodeDep| d.dep_kinds.iter().any(|k| k.kind == DependencyKind::Normal);
    let edges = resolve
        .nodes
        .iter()
        .map(|n| (n.id.clone(), n.deps.iter().filter(normal).map(|d| d.pkg.clone()).collect()))
        .collect();
    (names, edges)
}

#[test]
fn walls_between_rooms_hold() {
    let (names, edges) = normal_dependencies();
    for (package, banned) in WALLS {
        let start = names.iter().find(|(_, n)| n == package).map(|(id, _)| id).expect(package);
        let (mut seen, mut todo) = (BTreeSet::new(), vec![start]);
        while let Some(id) = todo.pop() {
            if seen.insert(id) {
                todo.extend(edges.get(id).into_iter().flatten());
            }
        }
        let reached: BTreeSet<&str> = seen.iter().filter_map(|id| names.get(*id)).map(String::as_str).collect();
        assert!(
            reached.len() > 1 || edges.get(start).is_some_and(BTreeSet::is_empty),
            "{package}: the walk went nowhere"
        );
        for dependency in *banned {
            assert!(!reached.contains(dependency), "{package} must not depend on {dependency}, however indirectly");
        }
    }
}

#[test]
fn the_shells_name_only_the_core_and_their_interface() {
    let (names, edges) = normal_dependencies();
    for (package, allowed) in [("genops-filter", FILTER_DIRECT), ("genops-component", COMPONENT_DIRECT)] {
        let shell = names.iter().find(|(_, n)| *n == package).map(|(id, _)| id).expect(package);
        let direct: BTreeSet<&str> = edges[shell].iter().filter_map(|id| names.get(id)).map(String::as_str).collect();
        assert_eq!(direct, allowed.iter().copied().collect());
    }
}

#[test]
fn only_one_room_names_a_hostcall() {
    let files = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        entries.collect()
    };
    let mut waiting = files(&workspace().join("filter/src"));
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(files(&path));
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("source");
        let names_one = text.contains("hostcalls") || text.contains("proxy_define_metric");
        assert_eq!(names_one, path.ends_with("host.rs") || path.ends_with("host/abi.rs"), "{}", path.display());
    }
}

/// Native builds unify the features of all packages; the wasm has only its own. What the core is tested with must be
/// what the filter ships: `arbitrary_precision` or `preserve_order` of serde_json would change what is read.
#[test]
fn serde_json_has_the_same_features_native_and_in_the_wasm() {
    let features = |target: &[&str]| {
        let out = std::process::Command::new(env!("CARGO"))
            .current_dir(workspace())
            .args(["tree", "-e", "features,normal", "-i", "serde_json", "--prefix", "none", "-f", "{p} {f}"])
            .args(target)
            .output()
            .expect("cargo tree");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        // `alloc` is a part of `std`: whoever asks for it besides changes nothing.
        let line = text.lines().find(|l| l.starts_with("serde_json v")).expect("serde_json in the tree");
        line.replace("alloc,", "")
    };
    // The image builder reads `cargo metadata`, whose library asks for more; it is never built together with the core.
    let native = features(&["--workspace", "--exclude", "genops-image", "--exclude", "genops-mesh"]);
    for (package, target) in [("genops-filter", "wasm32-wasip1"), ("genops-component", "wasm32-wasip2")] {
        assert_eq!(native, features(&["-p", package, "--target", target]));
    }
}

/// Who describes the configuration to editors is no part of what runs in Envoy.
#[test]
fn the_wasm_holds_no_json_schema() {
    let out = std::process::Command::new(env!("CARGO"))
        .current_dir(workspace())
        .args(["tree", "-e", "normal,build", "--prefix", "none", "-p", "genops-filter", "--target", "wasm32-wasip1"])
        .output()
        .expect("cargo tree");
    let tree = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success() && tree.contains("serde_json v"), "{tree}");
    assert!(!tree.contains("schemars"), "{tree}");
}

/// `filter/layout.txt` may lag behind the code, and another compiler makes other functions of it; but one that knows
/// less than half of them does not do its work any more.
#[test]
fn the_layout_is_one_of_this_filter() {
    let linked = std::fs::read(wasm::build_linked().expect("the filter")).expect("a module");
    let text = std::fs::read_to_string(workspace().join(wasm::LAYOUT)).expect("a layout");
    let profile = Profile::parse(&text).expect("a layout");
    let known = layout::known(&linked, &profile).expect("a module with names");
    assert!(
        !profile.is_empty() && known * 2 >= profile.len(),
        "{known} of {}: run `cargo xtask layout`",
        profile.len()
    );
}

#[test]
fn what_follows_from_the_tables_is_up_to_date() {
    for (path, text) in genops_tests::generated::files().expect("templates") {
        let now = std::fs::read_to_string(workspace().join(&path)).expect("a generated file");
        assert_eq!(now, text, "{}: run `cargo xtask generate`", path.display());
    }
}
