//! A real Envoy Gateway without a cluster: resources from files, its Envoy as a child process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use genops_tests::scrape::{parse, sum};
use genops_tools::tool::Tool;
use genops_tools::{pins, tool};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::istio::{get, ours};
use crate::process::{Process, until};

/// Admin of the Envoy that it starts; without a cluster the port would be any.
const ADMIN: u16 = 19901;
/// Namespace of the control plane.
const SYSTEM: &str = "envoy-gateway-system";

/// A running Envoy Gateway; it and its Envoy end when dropped.
pub struct EnvoyGateway {
    process: Process,
    directory: TempDir,
}

impl EnvoyGateway {
    /// Starts it with `resources`, which hold a Gateway named `gateway` in `namespace` and one EnvoyProxy.
    ///
    /// # Errors
    /// It cannot be had, or does not start.
    pub async fn start(resources: &[Value], (namespace, gateway): (&str, &str)) -> Result<Self> {
        let directory = TempDir::with_prefix("genops-gateway-")?;
        let at = |name: &str| directory.path().join(name);
        let program = Tool::EnvoyGateway.resolve()?.path;
        let mut certgen = Command::new(&program);
        certgen.args(["certgen", "--local", "--config-home"]).arg(at("config")).env("HOME", at("home"));
        let output = certgen.output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        envoy_where_it_looks(&at("data"))?;
        fs::create_dir(at("resources"))?;
        let mut all: Vec<Value> = resources.to_vec();
        all.iter_mut().filter(|r| r.get("kind") == Some(&json!("EnvoyProxy"))).try_for_each(on_this_host)?;
        all.extend(module_server(directory.path(), namespace, gateway)?);
        let directory_name = at("resources");
        write(&directory_name, &all)?;
        let config = json!({
            "apiVersion": "gateway.envoyproxy.io/v1alpha1",
            "kind": "EnvoyGateway",
            "gateway": {"controllerName": "gateway.envoyproxy.io/gatewayclass-controller"},
            "provider": {
                "type": "Custom",
                "custom": {
                    "resource": {"type": "File", "file": {"paths": [directory_name]}},
                    "infrastructure": {
                        "type": "Host",
                        "host": {
                            "configHome": at("config"),
                            "dataHome": at("data"),
                            "stateHome": at("state"),
                            "runtimeDir": at("run"),
                        },
                    },
                },
            },
            "extensionApis": {"enableBackend": true, "enableEnvoyPatchPolicy": true},
        });
        fs::write(at("envoy-gateway.yaml"), config.to_string())?;
        fs::create_dir_all(at("home"))?;
        let mut command = Command::new(program);
        // Its cache of modules is below HOME.
        command.arg("server").arg("--config-path").arg(at("envoy-gateway.yaml")).env("HOME", at("home"));
        let process = Process::start("envoy-gateway", directory.path(), &mut command)?;
        Ok(Self { process, directory })
    }

    /// What it and its Envoy have written.
    pub fn log(&self) -> String {
        let mut log = self.process.log();
        for entry in walk(&self.directory.path().join("state")) {
            log += &fs::read_to_string(entry).unwrap_or_default();
        }
        log
    }

    /// Waits until `look` gives something; the error has the log.
    ///
    /// # Errors
    /// Not in time, or it ended.
    pub async fn until<T>(&mut self, what: &str, look: impl AsyncFnMut(&Process) -> Option<T>) -> Result<T> {
        self.process.until(what, look).await
    }

    /// The filter's part of Envoy's scrape.
    ///
    /// # Errors
    /// No answer, or one that is not 200.
    pub async fn scrape(&self) -> Result<String> {
        Ok(ours(&get(&format!("127.0.0.1:{ADMIN}"), "/stats/prometheus?filter=genops").await?))
    }

    /// Waits until so many exchanges are counted and nothing is pending; gives the scrape.
    ///
    /// # Errors
    /// Not in time, or more are counted.
    pub async fn settled(&self, exchanges: u64) -> Result<String> {
        until("the counts", async || {
            let scrape = self.scrape().await?;
            let samples = parse(&scrape).map_err(anyhow::Error::msg)?;
            let counted = sum(&samples, "genops_usage_outcomes_total", &[]);
            let pending = samples.iter().find(|s| s.name == "genops_stats_pending").and_then(|s| s.number());
            ensure!(pending == Some(0) && counted == exchanges, "{counted} of {exchanges}, {pending:?}\n{scrape}");
            Ok(scrape)
        })
        .await
        .with_context(|| self.log())
    }

    /// Ends it, and waits until its Envoy is gone.
    ///
    /// # Errors
    /// Envoy stays.
    pub async fn stop(self) -> Result<()> {
        self.process.stop();
        until("the end of Envoy", async || {
            let gone = tokio::net::TcpStream::connect(("127.0.0.1", ADMIN)).await.is_err();
            ensure!(gone, "it still listens");
            Ok(())
        })
        .await
    }
}

/// It takes `data/envoy-versions/VERSION/bin/envoy` where that is there, and would download one otherwise.
fn envoy_where_it_looks(data: &Path) -> Result<()> {
    let bin = data.join("envoy-versions").join(pins::ENVOY.version).join("bin");
    fs::create_dir_all(&bin)?;
    std::os::unix::fs::symlink(tool::envoy()?, bin.join("envoy")).context("a link to Envoy")
}

/// Without a cluster: which Envoy to start, and an admin port that tests know. The shipped part stays as it is.
fn on_this_host(proxy: &mut Value) -> Result<()> {
    let spec = proxy.pointer_mut("/spec").and_then(Value::as_object_mut).context("a specification")?;
    spec.insert("provider".to_owned(), json!({"type": "Host", "host": {"envoyVersion": pins::ENVOY.version}}));
    spec.insert("concurrency".to_owned(), json!(1));
    spec.insert("extraArgs".to_owned(), json!(["--disable-hot-restart"]));
    let admin = format!("admin:\n  address:\n    socket_address: {{port_value: {ADMIN}}}\n");
    match spec.get_mut("bootstrap").and_then(|bootstrap| bootstrap.get_mut("value")) {
        Some(Value::String(text)) => text.push_str(&admin),
        _ => drop(spec.insert("bootstrap".to_owned(), json!({"type": "Merge", "value": admin}))),
    }
    Ok(())
}

/// What makes its server of modules reachable without a cluster: its certificate as a Secret, and its address.
fn module_server(directory: &Path, namespace: &str, gateway: &str) -> Result<Vec<Value>> {
    let certificates = directory.join("config/certs/envoy");
    let read = |name: &str| fs::read(certificates.join(name)).map(|b| BASE64.encode(b)).context(name.to_owned());
    let replace = |path: &str, value: Value| {
        json!({
            "type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            "name": "wasm_cluster",
            "operation": {"op": "replace", "path": path, "value": value},
        })
    };
    let address = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address/address";
    let trusted = "/transport_socket/typed_config/common_tls_context/validation_context/trusted_ca/filename";
    Ok(vec![
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "envoy", "namespace": SYSTEM},
            "type": "kubernetes.io/tls",
            // Not `stringData`, which only an API server turns into this.
            "data": {"tls.crt": read("tls.crt")?, "tls.key": read("tls.key")?},
        }),
        json!({
            "apiVersion": "gateway.envoyproxy.io/v1alpha1",
            "kind": "EnvoyPatchPolicy",
            "metadata": {"name": "module-server", "namespace": namespace},
            "spec": {
                "targetRef": {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": gateway},
                "type": "JSONPatch",
                "jsonPatches": [
                    replace(address, json!("127.0.0.1")),
                    replace(trusted, json!(certificates.join("ca.crt"))),
                ],
            },
        }),
    ])
}

/// One file with all resources: an error in it would load nothing.
fn write(directory: &Path, resources: &[Value]) -> Result<()> {
    let text: String = resources.iter().map(|resource| format!("---\n{resource}\n")).collect();
    fs::write(directory.join("resources.yaml"), text).context("resources.yaml")
}

/// All files below a directory.
fn walk(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
