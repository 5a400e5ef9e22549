//! What is shipped for clusters: manifests against the definitions of the Prometheus operator, and the service discovery
//! against pods as Kubernetes describes them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use genops_tests::envoy::yaml;
use genops_tests::generated::workspace;
use genops_tests::kubernetes::Definitions;
use serde_json::{Value, json};

use crate::prometheus_rules::files;

fn conform(manifests: &[PathBuf]) -> Result<String> {
    // Kubernetes' own kinds are checked with the chart, in the slow tier: their description is 40 MB.
    let skip = ["Service", "ServiceAccount", "ClusterRole", "ClusterRoleBinding"];
    Definitions::operator()?.conform(manifests, &skip)
}

#[test]
#[ignore = "slow tier: kubeconform is built for a minute"]
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
#[ignore = "slow tier: kubeconform is built for a minute"]
fn a_misspelt_field_does_not_conform() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("monitors.yaml");
    let text = fs::read_to_string(workspace().join("envoy/prometheus/kubernetes/monitors.yaml"))?;
    fs::write(&file, text.replacen("honorLabels:", "honourLabels:", 1))?;
    let problem = conform(&[file]).expect_err("it has no such field").to_string();
    ensure!(problem.contains("honourLabels"), "{problem}");
    Ok(())
}

/// The labels that a target gets by a job of the shipped configuration, or nothing where it is dropped.
fn discovered(job: &str, address: &str, meta: &[(&str, &str)]) -> Result<Option<BTreeMap<String, String>>> {
    let mut document = yaml(&fs::read_to_string(workspace().join("envoy/prometheus/prometheus-kubernetes.yml"))?)?;
    let jobs = document.get_mut("scrape_configs").and_then(Value::as_array_mut).context("jobs")?;
    let config = jobs.iter_mut().find(|j| j.get("job_name") == Some(&json!(job))).and_then(Value::as_object_mut);
    let config = config.context("the job")?;
    config.remove("kubernetes_sd_configs").context("discovery")?;
    let labels: BTreeMap<String, &str> =
        meta.iter().map(|(name, value)| (format!("__meta_kubernetes_{name}"), *value)).collect();
    config.insert("static_configs".to_owned(), json!([{"targets": [address], "labels": labels}]));
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("prometheus.yml");
    fs::write(&file, json!({"scrape_configs": [config]}).to_string())?;
    let mut promtool = Command::new(genops_tools::tool::promtool()?);
    let output = promtool.args(["check", "service-discovery", "--timeout=2s"]).arg(&file).arg(job).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Vec<Value> = serde_json::from_slice(&output.stdout)?;
    let [one] = &found[..] else { anyhow::bail!("{found:?}") };
    let labels: BTreeMap<String, String> =
        serde_json::from_value(one.get("labels").cloned().unwrap_or_default()).unwrap_or_default();
    Ok((!labels.is_empty()).then_some(labels))
}

const POD: [(&str, &str); 8] = [
    ("namespace", "genops-system"),
    ("pod_name", "gateway-0"),
    ("pod_ip", "10.1.2.3"),
    ("pod_phase", "Running"),
    ("pod_label_genops_ai_team", "platform"),
    ("pod_annotation_prometheus_io_scrape", "true"),
    ("pod_annotation_prometheus_io_port", "15020"),
    ("pod_annotation_prometheus_io_path", "/stats/prometheus"),
];

fn pod<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all: BTreeMap<&str, &str> = POD.into_iter().collect();
    all.extend(changes.iter().copied());
    all.into_iter().collect()
}

#[test]
#[ignore = "slow tier: promtool is built for minutes"]
fn pods_are_found_by_the_sources_annotations_and_labels() -> Result<()> {
    let found = discovered("genops-ai", "10.1.2.3:8080", &pod(&[]))?.context("kept")?;
    let label = |name: &str| found.get(name).map(String::as_str);
    ensure!(label("__address__") == Some("10.1.2.3:15020") && label("__metrics_path__") == Some("/stats/prometheus"));
    ensure!(label("kubernetes_pod_name") == Some("gateway-0") && label("job") == Some("genops-ai"), "{found:?}");
    // The team is a fact of each exchange, not of the proxy.
    ensure!(label("team").is_none(), "{found:?}");

    let v6 = discovered("genops-ai", "[fd00::7]:8080", &pod(&[("pod_ip", "fd00::7")]))?.context("kept")?;
    ensure!(v6.get("__address__").map(String::as_str) == Some("[fd00::7]:15020"), "{v6:?}");

    let elsewhere = ("namespace", "shop");
    for (changes, kept) in [
        (&[elsewhere][..], false),
        (&[elsewhere, ("pod_label_app", "genops-ai")], true),
        (&[elsewhere, ("pod_label_app", "prompter-api")], true),
        (&[elsewhere, ("pod_label_app_kubernetes_io_part_of", "kosmos")], true),
        (&[("pod_annotation_prometheus_io_scrape", "false")], false),
        (&[("pod_phase", "Succeeded")], false),
    ] {
        let found = discovered("genops-ai", "10.1.2.3:8080", &pod(changes))?;
        ensure!(found.is_some() == kept, "{changes:?}: {found:?}");
    }
    Ok(())
}

#[test]
#[ignore = "slow tier: promtool is built for minutes"]
fn kosmos_services_are_found_by_their_label() -> Result<()> {
    let service = [
        ("namespace", "kosmos-core"),
        ("service_name", "zeus"),
        ("service_label_app_kubernetes_io_part_of", "kosmos"),
        ("endpointslice_port_name", "metrics"),
        ("pod_name", "zeus-0"),
    ];
    let found = discovered("kosmos-agents", "10.1.2.3:8000", &service)?.context("kept")?;
    let label = |name: &str| found.get(name).map(String::as_str);
    ensure!(label("service") == Some("zeus") && label("job") == Some("kosmos-agents"), "{found:?}");
    ensure!(label("__metrics_path__") == Some("/metrics"), "{found:?}");
    let other = service.map(|(name, value)| (name, if value == "metrics" { "http" } else { value }));
    ensure!(discovered("kosmos-agents", "10.1.2.3:8000", &other)?.is_none());
    Ok(())
}
