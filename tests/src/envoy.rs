//! A real Envoy as a child process.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::client::{Connection, Leave, Request};
pub use crate::envoy_bootstrap::{Bootstrap, Listener, shipped_listener, yaml};

/// Longest wait for Envoy to be up or to take an update: it compiles the module once per worker, on a
/// machine that may be building something else.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest wait until all is in the scrape. The filter defines new series for at most 1 ms in 10, and Envoy takes 0.2 ms
/// for each with the shipped tags: the corpus has some 20,000 and so needs half a minute of an idle machine.
const SETTLING: Duration = Duration::from_secs(180);
/// Between two looks while that is awaited.
const SETTLING_LOOK: Duration = Duration::from_millis(50);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// How soon access-log lines are in the file, milliseconds; Envoy's default is 10 s.
const LOG_FLUSH_MS: &str = "50";
/// How long a graceful end may take before the process is killed.
const GRACE: Duration = Duration::from_secs(10);

/// The gauge that is 0 when all that was counted is in the scrape.
const PENDING: &str = "genops_stats_pending";

/// How Envoy is started.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The bootstrap.
    pub bootstrap: Bootstrap,
    /// Workers.
    pub workers: u32,
    /// Whether the listener comes from a discovery file, and so can be replaced.
    pub live: bool,
    /// Seconds that an old listener drains.
    pub drain_seconds: u32,
    /// Another Envoy than the pinned one.
    pub program: Option<PathBuf>,
}

impl Setup {
    /// One worker and a listener for good.
    pub fn new(bootstrap: Bootstrap) -> Self {
        Self { bootstrap, workers: 1, live: false, drain_seconds: 1, program: None }
    }

    /// With so many workers.
    #[must_use]
    pub fn workers(self, workers: u32) -> Self {
        Self { workers, ..self }
    }

    /// In another Envoy than the pinned one.
    #[must_use]
    pub fn program(self, program: PathBuf) -> Self {
        Self { program: Some(program), ..self }
    }

    /// With a listener that can be replaced.
    #[must_use]
    pub fn live(self) -> Self {
        Self { live: true, ..self }
    }
}

/// A running Envoy; it ends when dropped.
pub struct Envoy {
    child: Child,
    directory: TempDir,
    admin: SocketAddr,
    listener: SocketAddr,
    metrics: Option<SocketAddr>,
    versions: usize,
}

impl Envoy {
    /// Starts it and waits until it serves.
    ///
    /// # Errors
    /// It ends or does not get ready; the error holds its log.
    pub async fn start(setup: &Setup) -> Result<Self> {
        let directory = TempDir::with_prefix("genops-envoy-")?;
        let config = if setup.live {
            let live = directory.path().join("live");
            fs::create_dir(&live)?;
            fs::write(live.join(Listener::FILE), setup.bootstrap.listener.discovery(0)?)?;
            setup.bootstrap.with_live_listener(&live)?
        } else {
            setup.bootstrap.with_static_listener()?
        };
        let program = setup.program.clone().map_or_else(genops_tools::tool::envoy, Ok)?;
        let mut command = command(program, directory.path(), &config)?;
        let child = command
            .args(["--concurrency", &setup.workers.to_string(), "--drain-time-s", &setup.drain_seconds.to_string()])
            .args(["--drain-strategy", "immediate", "--file-flush-interval-msec", LOG_FLUSH_MS])
            .args(["--log-level", "warning", "--component-log-level", "wasm:info"])
            .arg("--admin-address-path")
            .arg(directory.path().join("admin"))
            .stdout(File::create(directory.path().join("access.log"))?)
            .stderr(File::create(directory.path().join("envoy.log"))?)
            .spawn()?;
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut envoy = Self { child, directory, admin: nowhere, listener: nowhere, metrics: None, versions: 1 };
        envoy.ready().await.with_context(|| format!("Envoy did not get ready; its log:\n{}", envoy.log()))?;
        Ok(envoy)
    }

    async fn ready(&mut self) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended: {status}");
            }
            if Instant::now() > until {
                bail!("nothing for {PATIENCE:?}");
            }
            sleep(LOOK).await;
            let Ok(Ok(admin)) = fs::read_to_string(self.directory.path().join("admin")).map(|a| a.parse()) else {
                continue;
            };
            self.admin = admin;
            if self.admin("/ready").await.is_ok_and(|answer| answer.starts_with("LIVE")) {
                self.listener = self.find_listener("llm").await?;
                self.metrics = self.find_listener("metrics").await.ok();
                return Ok(());
            }
        }
    }

    async fn find_listener(&self, name: &str) -> Result<SocketAddr> {
        let listeners: Value = serde_json::from_str(&self.admin("/listeners?format=json").await?)?;
        let all = listeners.pointer("/listener_statuses").and_then(Value::as_array).context("listeners")?;
        let named = all.iter().find(|listener| listener.get("name").and_then(Value::as_str) == Some(name));
        let port = named.and_then(|listener| listener.pointer("/local_address/socket_address/port_value"));
        let port = port.and_then(Value::as_u64).with_context(|| format!("a listener {name}"))?;
        Ok(SocketAddr::from(([127, 0, 0, 1], u16::try_from(port)?)))
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.listener
    }

    /// Where the filter answers scrapes.
    ///
    /// # Errors
    /// The bootstrap has no such listener.
    pub fn metrics_address(&self) -> Result<SocketAddr> {
        self.metrics.context("a listener `metrics`")
    }

    /// Where its admin answers.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// The answer of an admin page.
    ///
    /// # Errors
    /// No answer, or one that is not 200.
    pub async fn admin(&self, path: &str) -> Result<String> {
        let reply = self.ask(("GET", path)).await;
        if reply.status != Some(200) || !reply.whole {
            bail!("{path}: {:?} {:?}", reply.status, reply.broken);
        }
        // Bytes that are no UTF-8 must show in a comparison, and cannot in a panic.
        Ok(String::from_utf8_lossy(&reply.body).into_owned())
    }

    async fn ask(&self, (method, path): (&str, &str)) -> crate::client::Reply {
        let request = Request::new("admin", (method, "admin", path), [], "");
        Connection::new(self.admin).send(&request, Leave::AtEnd).await
    }

    /// The filter's part of the scrape.
    ///
    /// # Errors
    /// As [`Envoy::admin`].
    pub async fn scrape(&self) -> Result<String> {
        self.admin("/stats/prometheus?filter=genops").await
    }

    /// One of Envoy's own stats, by its name in `/stats`; `None` where it does not exist.
    ///
    /// # Errors
    /// As [`Envoy::admin`].
    pub async fn stat(&self, name: &str) -> Result<Option<u64>> {
        let stats = self.admin("/stats").await?;
        Ok(stats.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")?.parse().ok()))
    }

    /// Waits until `exchanges` have been logged since the start and nothing of them is pending; gives the scrape.
    ///
    /// Envoy writes an exchange's line after the filter has accounted it, and the gauge is raised when it does.
    ///
    /// # Errors
    /// Not in time.
    pub async fn settled(&self, exchanges: usize) -> Result<String> {
        let until = Instant::now() + SETTLING;
        loop {
            // In this order: the gauge is not older than the lines.
            let logged = self.access_log()?.len();
            let pending = self.pending().await?;
            if logged >= exchanges && pending == Some(0) {
                return self.scrape().await;
            }
            if Instant::now() > until {
                bail!("{logged} of {exchanges} logged, {PENDING} {pending:?}; Envoy's log:\n{}", self.log());
            }
            sleep(SETTLING_LOOK).await;
        }
    }

    /// Workers that hold what is not in the scrape yet. A page of one stat: a scrape of all would take Envoy's time.
    async fn pending(&self) -> Result<Option<u64>> {
        let page = self.admin(&format!("/stats?filter={PENDING}")).await?;
        Ok(page.lines().find_map(|line| line.split_once(": ")?.1.parse().ok()))
    }

    /// The access log's lines so far.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn access_log(&self) -> Result<Vec<String>> {
        let text = fs::read(self.directory.path().join("access.log"))?;
        let text = String::from_utf8_lossy(&text);
        // A line is there when its end is.
        let whole = text.rfind('\n').and_then(|end| text.get(..end)).unwrap_or_default();
        Ok(whole.lines().map(ToOwned::to_owned).collect())
    }

    /// What Envoy has logged.
    pub fn log(&self) -> String {
        fs::read(self.directory.path().join("envoy.log"))
            .map_or_else(|e| format!("(no log: {e})"), |text| String::from_utf8_lossy(&text).into_owned())
    }

    /// A directory of this Envoy for the test's own files, removed at the end.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Puts another listener in place of the present one and waits until Envoy has taken or refused it. Tells which.
    ///
    /// # Errors
    /// Envoy was not started live, or does neither in time.
    pub async fn replace(&mut self, listener: &Listener) -> Result<bool> {
        let counts = ["listener_manager.lds.update_success", "listener_manager.lds.update_rejected"];
        let before = [self.stat(counts[0]).await?, self.stat(counts[1]).await?];
        let live = self.directory.path().join("live");
        let next = live.join("next");
        fs::write(&next, listener.discovery(self.versions)?)?;
        fs::rename(&next, live.join(Listener::FILE))?;
        self.versions += 1;
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            sleep(LOOK).await;
            let now = [self.stat(counts[0]).await?, self.stat(counts[1]).await?];
            if now != before {
                return Ok(now[0] != before[0]);
            }
        }
        bail!("no update in {PATIENCE:?}; Envoy's log:\n{}", self.log())
    }

    /// Ends it as an operator would and gives its log.
    ///
    /// # Errors
    /// It does not end by itself, or not well.
    pub async fn quit(mut self) -> Result<String> {
        let _answer = self.ask(("POST", "/quitquitquit")).await;
        let until = Instant::now() + GRACE;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait()? {
                let log = self.log();
                return if status.success() { Ok(log) } else { Err(anyhow!("it ended: {status}\n{log}")) };
            }
            sleep(LOOK).await;
        }
        bail!("it did not end in {GRACE:?}")
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("Envoy's log:\n{}", self.log());
        }
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Runs `envoy --mode validate` over a bootstrap.
///
/// # Errors
/// Envoy cannot be run.
pub fn validate(bootstrap: &Bootstrap) -> Result<Output> {
    let directory = TempDir::with_prefix("genops-envoy-")?;
    let mut command = command(genops_tools::tool::envoy()?, directory.path(), &bootstrap.with_static_listener()?)?;
    Ok(command.args(["--mode", "validate"]).stdout(Stdio::piped()).stderr(Stdio::piped()).output()?)
}

/// Starts Envoy with a bootstrap that it should refuse, and gives what it printed when it ended.
///
/// # Errors
/// Envoy cannot be run, or has not ended after a while: it took the bootstrap.
pub fn refuse(bootstrap: &Bootstrap) -> Result<Output> {
    let directory = TempDir::with_prefix("genops-envoy-")?;
    let mut command = command(genops_tools::tool::envoy()?, directory.path(), &bootstrap.with_static_listener()?)?;
    let log = directory.path().join("envoy.log");
    let mut child = command.stdout(Stdio::null()).stderr(File::create(&log)?).spawn()?;
    let until = std::time::Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Output { status, stdout: Vec::new(), stderr: fs::read(log)? });
        }
        if std::time::Instant::now() > until {
            child.kill()?;
            child.wait()?;
            bail!("it runs; its log:\n{}", fs::read_to_string(log)?);
        }
        std::thread::sleep(LOOK);
    }
}

fn command(program: PathBuf, directory: &Path, config: &str) -> Result<Command> {
    let path: PathBuf = directory.join("bootstrap.json");
    fs::write(&path, config)?;
    let mut command = Command::new(program);
    // Without hot restart several run side by side; a discovery file needs the node's names.
    command
        .current_dir(genops_tools::workspace_root())
        .args(["--disable-hot-restart", "--service-node", "test", "--service-cluster", "test"])
        .arg("-c")
        .arg(path)
        .stdin(Stdio::null());
    Ok(command)
}
