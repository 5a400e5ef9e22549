//! Manifests against the definitions of the Prometheus operator.

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use genops_tests::kubernetes::Definitions;
use genops_tests::shipped::{files, path};

fn conform(manifests: &[PathBuf]) -> Result<String> {
    // Kubernetes' own kinds are checked with the chart: their description is 40 MB.
    let skip = ["Service", "ServiceAccount", "ClusterRole", "ClusterRoleBinding"];
    Definitions::operator()?.conform(manifests, &skip)
}

#[test]
fn manifests_conform() -> Result<()> {
    let mut manifests = files("kubernetes", "yaml")?;
    manifests.extend(files("kubernetes/rules", "yaml")?);
    manifests.extend(files("kubernetes/rules-envoy", "yaml")?);
    let summary = conform(&manifests)?;
    ensure!(summary.contains("Invalid: 0, Errors: 0, Skipped: 4"), "{summary}");
    for kind in ["ServiceMonitor genops-ai", "ServiceMonitor kosmos-agents", "PodMonitor", "PrometheusRule genops"] {
        ensure!(summary.contains(kind), "no {kind} in\n{summary}");
    }
    Ok(())
}

#[test]
fn a_misspelt_field_does_not_conform() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("monitors.yaml");
    let text = fs::read_to_string(path("kubernetes/monitors.yaml"))?;
    fs::write(&file, text.replacen("honorLabels:", "honourLabels:", 1))?;
    let problem = conform(&[file]).expect_err("it has no such field").to_string();
    ensure!(problem.contains("honourLabels"), "{problem}");
    Ok(())
}
