//! Every shipped manifest through its own checker.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use genops_tools::tool::Tool;
use genops_tools::workspace_root;
use libtest_mimic::Trial;

use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("istio::istioctl_takes_every_shipped_resource", istioctl_takes_every_shipped_resource)]
}

/// Parts that are no resources of the Kubernetes API: they belong into configuration files.
const FRAGMENTS: [&str; 1] = ["extra-stat-tags.yaml"];

/// What `istioctl validate` says of any EnvoyFilter.
const OF_EVERY_ENVOYFILTER: &str = "EnvoyFilter exposes internal implementation details that may change at any time.";

async fn istioctl_takes_every_shipped_resource() -> Result<()> {
    let istioctl = Tool::Istioctl.resolve()?.path;
    let directory = workspace_root().join("envoy/istio");
    let names: BTreeSet<String> = fs::read_dir(&directory)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<BTreeSet<_>>>()?
        .into_iter()
        .filter(|name| name.ends_with(".yaml") && !FRAGMENTS.contains(&name.as_str()))
        .collect();
    ensure!(names.len() >= 7, "{names:?}");
    let mut problems = String::new();
    for name in names {
        let output = Command::new(&istioctl).arg("validate").arg("-f").arg(directory.join(&name)).output()?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said)?;
        // It exits well with warnings, and they name unknown fields inside patches. One stands for every EnvoyFilter.
        let warns = |line: &&str| line.trim_start().starts_with("* ") && !line.contains(OF_EVERY_ENVOYFILTER);
        if !output.status.success() || said.lines().any(|line| warns(&line)) {
            problems += &format!("{name}: {}\n{said}\n", output.status);
        }
    }
    ensure!(problems.is_empty(), "{problems}");
    // That it would say so.
    let wrong =
        fs::read_to_string(directory.join("wasmplugin.yaml"))?.replace("failStrategy: FAIL_OPEN", "failStrategy: OPEN");
    let file = tempfile::Builder::new().suffix(".yaml").tempfile()?;
    fs::write(file.path(), wrong)?;
    let output = Command::new(&istioctl).arg("validate").arg("-f").arg(file.path()).output().context("istioctl")?;
    ensure!(!output.status.success(), "a wrong value was taken");
    Ok(())
}
