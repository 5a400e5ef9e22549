//! A real Envoy with one variant in it.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, bail};
use http_body_util::{BodyExt, Empty};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpStream, task, time};

use crate::{
    cores::Cores,
    load,
    upstream::Gates,
    variant::{Filter, Variant},
    workload::Workload,
};

/// How long Envoy may take to be ready: compiling a wasm module on a busy machine takes seconds, not a minute.
const READY: Duration = Duration::from_secs(60);

/// How long a line may take to reach the access log: several of [`FLUSH_MS`].
const LOGGED: Duration = Duration::from_secs(10);

/// Interval at which Envoy writes its access log to the file. Its default, 10 s, would make the probes slow.
const FLUSH_MS: &str = "200";

/// Between two looks at something that is not there yet.
const POLL: Duration = Duration::from_millis(20);

/// Lines of Envoy's own log that an error repeats.
const LOG_LINES: usize = 12;

/// A running Envoy; killed on drop.
pub(crate) struct Envoy {
    child: Child,
    directory: PathBuf,
    admin: SocketAddr,
    /// Where it takes requests.
    pub(crate) address: SocketAddr,
}

impl Envoy {
    /// Starts `program` with `filter` in front of `upstream`; its files go into `directory`.
    ///
    /// # Errors
    /// It does not become ready; the error repeats the end of its log.
    pub(crate) async fn start(
        program: &std::path::Path,
        filter: &Filter,
        upstream: SocketAddr,
        directory: PathBuf,
        cores: Cores,
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(&directory)?;
        let config = directory.join("envoy.json");
        fs::write(&config, bootstrap(filter, upstream, &directory).to_string())?;
        let log = File::create(directory.join("envoy.log"))?;
        let admin_file = directory.join("admin");
        let mut command = Command::new(program);
        command
            .arg("--config-path")
            .arg(&config)
            .arg("--admin-address-path")
            .arg(&admin_file)
            .args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"])
            .args(["--file-flush-interval-msec", FLUSH_MS])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let child = cores.spawn_proxy(&mut command)?;
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut envoy = Self { child, directory, admin: nowhere, address: nowhere };
        let deadline = Instant::now() + READY;
        while let Err(reason) = envoy.look(&admin_file).await {
            let ended = envoy.child.try_wait()?;
            if ended.is_some() || Instant::now() > deadline {
                let ended = ended.map_or("not ready".to_owned(), |status| format!("ended with {status}"));
                bail!("Envoy: {ended} ({reason:#}):\n{}", envoy.log());
            }
            time::sleep(POLL).await;
        }
        Ok(envoy)
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends one exchange of `workload` and looks for the signs that `variant` found its tokens.
    ///
    /// # Errors
    /// There is none: the variant does not do its work, and its cost would say nothing.
    pub(crate) async fn probe(&self, variant: Variant, workload: Workload, gates: &Rc<Gates>) -> anyhow::Result<()> {
        let (counted, logged) = (self.counter(variant).await?, self.access_log().lines().count());
        load::probe(self.address, workload, gates).await?;
        let deadline = Instant::now() + LOGGED;
        while self.access_log().lines().count() == logged {
            if Instant::now() > deadline {
                bail!("nothing in the access log\n{}", self.log());
            }
            time::sleep(POLL).await;
        }
        let log = self.access_log();
        let last = log.lines().last().unwrap_or_default();
        let line: Value = serde_json::from_str(last).with_context(|| format!("access log: {last}"))?;
        if !variant.has_found(&line) || self.counter(variant).await? != counted.map(|n| n + 1) {
            bail!("it did not find the tokens; the access log has {last}\n{}", self.log());
        }
        Ok(())
    }

    /// The counter that shows what `variant` found, where there is one.
    async fn counter(&self, variant: Variant) -> anyhow::Result<Option<u64>> {
        let Some(name) = variant.found_counter() else { return Ok(None) };
        let stats = get(self.admin, &format!("/stats?filter=^{name}$")).await?;
        let value = stats.trim().strip_prefix(name).and_then(|rest| rest.trim_start_matches(':').trim().parse().ok());
        value.map(Some).with_context(|| format!("no counter {name} in {stats:?}"))
    }

    fn access_log(&self) -> String {
        fs::read_to_string(self.directory.join("access.log")).unwrap_or_default()
    }

    /// Learns the ports; an error while Envoy is not ready.
    async fn look(&mut self, admin_file: &std::path::Path) -> anyhow::Result<()> {
        self.admin = fs::read_to_string(admin_file)?.trim().parse()?;
        if get(self.admin, "/ready").await?.trim() != "LIVE" {
            bail!("not live yet");
        }
        let listeners: Value = serde_json::from_str(&get(self.admin, "/listeners?format=json").await?)?;
        let socket = listeners.pointer("/listener_statuses/0/local_address/socket_address");
        let port = socket.and_then(|s| s.get("port_value")).and_then(Value::as_u64);
        let port = u16::try_from(port.ok_or_else(|| anyhow!("no listener in {listeners}"))?)?;
        self.address.set_port(port);
        Ok(())
    }

    fn log(&self) -> String {
        let text = fs::read_to_string(self.directory.join("envoy.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines.iter().skip(lines.len().saturating_sub(LOG_LINES)).copied().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        // Nothing to do about a process that is already gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn get(address: SocketAddr, path: &str) -> anyhow::Result<String> {
    let socket = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
    task::spawn_local(connection);
    let request = Request::builder().uri(path).header("host", "admin").body(Empty::<Bytes>::new())?;
    let body = sender.send_request(request).await?.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8_lossy(&body).into_owned())
}

fn bootstrap(filter: &Filter, upstream: SocketAddr, directory: &std::path::Path) -> Value {
    let socket = |address: SocketAddr| json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}});
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
    });
    let filters: Vec<Value> = filter.http.iter().cloned().chain([router]).collect();
    let mut bootstrap = json!({
        "admin": {"address": socket(any_port)},
        "static_resources": {
            "listeners": [{
                "name": "llm",
                "address": socket(any_port),
                "filter_chains": [{"filters": [{
                    "name": "envoy.filters.network.http_connection_manager",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3\
                                  .HttpConnectionManager",
                        "stat_prefix": "llm",
                        "access_log": [access_log(directory)],
                        "http_filters": filters,
                        "route_config": {"virtual_hosts": [{
                            "name": "llm",
                            "domains": ["*"],
                            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "llm", "timeout": "600s"}}],
                        }]},
                    },
                }]}],
            }],
            "clusters": [{
                "name": "llm",
                "type": "STATIC",
                "load_assignment": {
                    "cluster_name": "llm",
                    "endpoints": [{"lb_endpoints": [{"endpoint": {"address": socket(upstream)}}]}],
                },
            }],
        },
    });
    if let (Some(root), false) = (bootstrap.as_object_mut(), filter.stats_tags.is_null()) {
        root.insert("stats_config".to_owned(), json!({"stats_tags": filter.stats_tags}));
    }
    bootstrap
}

/// A log of the probes alone: writing a line for each request would be a cost of its own.
fn access_log(directory: &std::path::Path) -> Value {
    json!({
        "name": "envoy.access_loggers.file",
        "filter": {"header_filter": {"header": {"name": load::PROBE, "present_match": true}}},
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": directory.join("access.log"),
            "log_format": {"json_format": Variant::log_fields()},
        },
    })
}
