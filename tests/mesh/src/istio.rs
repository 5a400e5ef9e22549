//! A real istiod and real agents, with the Envoy that the other tests run.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use genops_tests::client::{Connection, Leave, Reply, Request};
use genops_tests::scrape::{Sample, parse, sum};
use genops_tools::tool::{Tool, module_file};
use genops_tools::{pins, tool};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::kube::Cluster;
use crate::process::{Process, until};

/// Where istiod serves discovery.
const DISCOVERY: &str = "127.0.0.1:15010";
/// Where it serves its readiness.
const ISTIOD_HTTP: &str = "127.0.0.1:8080";

/// Ports of the first proxy; the next ones have theirs a hundred apart.
const ADMIN: u16 = 15000;
const MERGED: u16 = 15020;
const READY: u16 = 15021;
const PROMETHEUS: u16 = 15090;
const NEXT: u16 = 100;

/// The gauge that is 0 when all that was counted is in the scrape.
const PENDING: &str = "genops_stats_pending";

/// How long a listener may take to open before it counts as absent. The agent gives a module 30 s.
const SETTLED: Duration = Duration::from_secs(12);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(300);

/// A control plane over a cluster that holds what a test puts there.
pub struct Mesh {
    /// The cluster.
    pub cluster: Cluster,
    istiod: Process,
    directory: TempDir,
}

/// What a proxy is.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Name of its pod and directory.
    pub name: &'static str,
    /// `router` or `sidecar`.
    pub role: &'static str,
    /// Namespace.
    pub namespace: &'static str,
    /// Labels that selectors see.
    pub labels: Value,
    /// Address.
    pub address: &'static str,
    /// How many proxies stand before it.
    pub number: u16,
    /// A bootstrap override, as the annotation `sidecar.istio.io/bootstrapOverride` mounts it.
    pub bootstrap: Option<PathBuf>,
}

/// An agent and its Envoy; both end when dropped.
pub struct Proxy {
    agent: Process,
    workload: Workload,
}

impl Workload {
    /// A gateway with Istio's own labels for one.
    pub fn gateway(name: &'static str, label: &str) -> Self {
        Self {
            name,
            role: "router",
            namespace: "istio-system",
            labels: json!({"istio": label}),
            address: "127.0.0.1",
            number: 0,
            bootstrap: None,
        }
    }

    /// A sidecar of the application `app` in namespace `default`.
    pub fn sidecar(app: &'static str) -> Self {
        Self { name: app, role: "sidecar", namespace: "default", labels: json!({"app": app}), ..Self::gateway(app, "") }
    }

    /// With a bootstrap override.
    #[must_use]
    pub fn bootstrap(self, path: PathBuf) -> Self {
        Self { bootstrap: Some(path), ..self }
    }
}

impl Mesh {
    /// Starts istiod with `mesh` in its mesh configuration, beside what an installation without a cluster needs.
    ///
    /// # Errors
    /// It cannot be had, or does not get ready.
    pub async fn start(mesh: &Value) -> Result<Self> {
        let directory = TempDir::with_prefix("genops-istio-")?;
        let cluster = Cluster::start(&[&module_file(&pins::ISTIO, "crd-all.gen.yaml")?]).await?;
        let at = |name: &str| directory.path().join(name);
        fs::write(at("kubeconfig"), cluster.kubeconfig())?;
        fs::write(at("mesh.yaml"), mesh_config(mesh)?.to_string())?;
        let mut command = Command::new(Tool::PilotDiscovery.resolve()?.path);
        command
            .args(["discovery", "--registries=Kubernetes", "--networksConfig", "none", "--ctrlz_port", "0"])
            .args(["--grpcAddr", DISCOVERY, "--secureGRPCAddr=", "--httpAddr", ISTIOD_HTTP, "--httpsAddr="])
            .args(["--monitoringAddr", "127.0.0.1:15014"])
            .arg("--kubeconfig")
            .arg(at("kubeconfig"))
            .arg("--meshConfig")
            .arg(at("mesh.yaml"))
            .current_dir(directory.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", directory.path())
            // No certificates are issued here, and stock Envoy has none of Istio's own filters.
            .envs([("ENABLE_CA_SERVER", "false"), ("PILOT_ENABLE_METADATA_EXCHANGE", "false")])
            .env("PILOT_ENABLE_ALPN_FILTER", "false");
        let mut istiod = Process::start("istiod", directory.path(), &mut command)?;
        istiod.until("readiness", async |_| get(ISTIOD_HTTP, "/ready").await.ok()).await?;
        Ok(Self { cluster, istiod, directory })
    }

    /// Where tests may put files.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// What istiod has written.
    pub fn log(&self) -> String {
        self.istiod.log()
    }

    /// Starts an agent with its Envoy.
    ///
    /// # Errors
    /// It cannot be had, or does not get ready.
    pub async fn proxy(&self, workload: Workload) -> Result<Proxy> {
        let directory = self.directory.path().join(workload.name);
        if directory.exists() {
            fs::remove_dir_all(&directory)?;
        }
        fs::create_dir(&directory)?;
        let shift = workload.number * NEXT;
        let ports = json!({"proxyAdminPort": ADMIN + shift, "statusPort": MERGED + shift});
        let mut command = Command::new(Tool::PilotAgent.resolve()?.path);
        command
            .args(["proxy", workload.role, "--proxyLogLevel=warning", "--proxyComponentLogLevel=wasm:info"])
            .args(["--domain", &format!("{}.svc.cluster.local", workload.namespace)])
            .arg("--meshConfig")
            .arg(self.directory.path().join("mesh.yaml"))
            .current_dir(&directory)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &directory)
            .envs([("INSTANCE_IP", workload.address), ("POD_NAMESPACE", workload.namespace)])
            .env("POD_NAME", format!("{}-0", workload.name))
            .envs([("ISTIO_META_CLUSTER_ID", "Kubernetes"), ("ISTIO_META_WORKLOAD_NAME", workload.name)])
            .env("ISTIO_METAJSON_LABELS", workload.labels.to_string())
            .env("FILE_MOUNTED_CERTS", "true")
            .env("ENVOY_STATUS_PORT", (READY + shift).to_string())
            .env("ENVOY_PROMETHEUS_PORT", (PROMETHEUS + shift).to_string());
        if workload.number > 0 {
            command.env("PROXY_CONFIG", ports.to_string());
        }
        if workload.role == "sidecar" {
            // Nothing redirects connections here: listeners bind where clients connect.
            command.env("ISTIO_META_INTERCEPTION_MODE", "NONE");
        }
        if let Some(path) = &workload.bootstrap {
            command.env("ISTIO_BOOTSTRAP_OVERRIDE", path);
        }
        let mut agent = Process::start("agent", &directory, &mut command)?;
        let ready = format!("127.0.0.1:{}", READY + shift);
        agent.until("readiness", async |_| get(&ready, "/healthz/ready").await.ok()).await?;
        Ok(Proxy { agent, workload })
    }
}

fn mesh_config(mesh: &Value) -> Result<Value> {
    let mut config = json!({
        "enableAutoMtls": false,
        "enablePrometheusMerge": true,
        "defaultConfig": {
            "discoveryAddress": DISCOVERY,
            "controlPlaneAuthPolicy": "NONE",
            "binaryPath": tool::envoy()?,
            "proxyBootstrapTemplatePath": module_file(&pins::ISTIO, "envoy_bootstrap.json")?,
            "terminationDrainDuration": "1s",
            "concurrency": 1,
        },
    });
    merge(&mut config, mesh);
    Ok(config)
}

/// Merges maps; anything else of `more` stands in place of what was there.
fn merge(into: &mut Value, more: &Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more.clone(),
    }
}

impl Proxy {
    /// What agent and Envoy have written.
    pub fn log(&self) -> String {
        self.agent.log()
    }

    fn port(&self, first: u16) -> String {
        format!("127.0.0.1:{}", first + self.workload.number * NEXT)
    }

    /// A page of Envoy's admin.
    ///
    /// # Errors
    /// No answer, or one that is not 200.
    pub async fn admin(&self, path: &str) -> Result<String> {
        get(&self.port(ADMIN), path).await
    }

    /// The filter's part of the merged scrape: what the agent serves of itself, of Envoy and of the application.
    ///
    /// # Errors
    /// No answer, or one that is not 200.
    pub async fn merged(&self) -> Result<String> {
        Ok(ours(&get(&self.port(MERGED), "/stats/prometheus").await?))
    }

    /// The filter's part of Envoy's own scrape.
    ///
    /// # Errors
    /// No answer, or one that is not 200.
    pub async fn scrape(&self) -> Result<String> {
        Ok(ours(&get(&self.port(PROMETHEUS), "/stats/prometheus").await?))
    }

    /// Sends until an exchange gets `status`: configuration takes its time. All but this exchange stay unanswered for,
    /// so tests count from a proxy that has settled once.
    ///
    /// # Errors
    /// Not in time.
    pub async fn answers(&self, to: SocketAddr, request: &Request, status: u16) -> Result<Reply> {
        until(&format!("status {status} from {to}"), async || {
            let reply = Connection::new(to).send(request, Leave::AtEnd).await;
            ensure!(
                reply.status == Some(status),
                "{:?} {:?} {:?}\n{}",
                reply.status,
                reply.broken,
                reply.body,
                self.log()
            );
            Ok(reply)
        })
        .await
    }

    /// Waits until the filter runs (Envoy has its gauge) and something listens on `address`.
    ///
    /// # Errors
    /// Not in time.
    pub async fn meters(&self, address: SocketAddr) -> Result<()> {
        until("the filter", async || {
            self.pending().await?.context("no gauge")?;
            TcpStream::connect(address).await.with_context(|| address.to_string())
        })
        .await
        .map(drop)
        .with_context(|| self.log())
    }

    /// The status that clients get for good: the same three times in a row. `None` where nothing listens.
    ///
    /// # Errors
    /// It keeps changing.
    pub async fn status(&self, address: SocketAddr, request: &Request) -> Result<Option<u16>> {
        let deadline = Instant::now() + SETTLED;
        let mut last = Vec::new();
        loop {
            let reply = Connection::new(address).send(request, Leave::AtEnd).await;
            if last.last() != Some(&reply.status) {
                last.clear();
            }
            last.push(reply.status);
            let late = Instant::now() > deadline;
            // A listener may open late, so its absence counts only at the end.
            if last.len() >= 3 && (reply.status.is_some() || late) {
                return Ok(reply.status);
            }
            ensure!(!late || last.len() > 1, "no lasting status; {}", self.log());
            sleep(LOOK).await;
        }
    }

    /// Waits until so many exchanges are counted and nothing is pending; gives the merged scrape.
    ///
    /// # Errors
    /// Not in time.
    pub async fn settled(&self, exchanges: u64) -> Result<String> {
        until("the counts", async || {
            let pending = self.pending().await?;
            let scrape = self.merged().await?;
            let counted: u64 = sum(&parse(&scrape).map_err(anyhow::Error::msg)?, "genops_usage_outcomes_total", &[]);
            ensure!(
                pending == Some(0) && counted >= exchanges,
                "{counted} of {exchanges}, pending {pending:?}\n{scrape}"
            );
            if counted > exchanges {
                bail!("{counted} exchanges counted, {exchanges} sent\n{scrape}");
            }
            Ok(scrape)
        })
        .await
        .with_context(|| self.log())
    }

    async fn pending(&self) -> Result<Option<u64>> {
        let page = self.admin(&format!("/stats?filter={PENDING}")).await?;
        Ok(page.lines().find_map(|line| line.rsplit_once(": ")?.1.parse().ok()))
    }

    /// Ends it, and waits until it is gone.
    pub fn stop(self) {
        self.agent.stop();
    }
}

/// Lines of the filter's own families: the rest of a merged scrape is Istio's matter.
pub fn ours(text: &str) -> String {
    let mine = |line: &&str| line.trim_start_matches("# TYPE ").starts_with("genops_");
    text.lines().filter(mine).fold(String::new(), |out, line| out + line + "\n")
}

/// Samples by name and labels, without those that differ between two runs: times, and what tells versions.
///
/// # Errors
/// It is no scrape.
pub fn comparable(text: &str) -> Result<Vec<Sample>> {
    let timed = |name: &str| name.contains("_seconds") && !name.ends_with("_count");
    let mut samples = parse(text).map_err(anyhow::Error::msg)?;
    for sample in samples.iter_mut().filter(|sample| timed(&sample.name)) {
        sample.value.clear();
    }
    samples.sort();
    Ok(samples)
}

/// The body of a page that answers 200.
///
/// # Errors
/// No answer, or another status.
pub async fn get(address: &str, path: &str) -> Result<String> {
    let address: SocketAddr = address.parse()?;
    let request = Request::new("page", ("GET", &address.to_string(), path), [], "");
    let reply = Connection::new(address).send(&request, Leave::AtEnd).await;
    ensure!(reply.status == Some(200) && reply.whole, "{address}{path}: {:?} {:?}", reply.status, reply.broken);
    Ok(String::from_utf8_lossy(&reply.body).into_owned())
}
