//! Child processes with a log file, and waiting for what they do.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep};

/// Longest wait for anything: compiling the module takes Envoy seconds, on a machine that may be building something.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// Lines of a log that an error repeats.
const LAST_LINES: usize = 40;

/// A program that runs until it is dropped.
pub struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it with both streams in `NAME.log` of `directory`.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(name: &'static str, directory: &Path, command: &mut Command) -> Result<Self> {
        let log = directory.join(format!("{name}.log"));
        let out = File::create(&log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("{command:?}"))?;
        Ok(Self { name, child, log })
    }

    /// What it has written so far.
    pub fn log(&self) -> String {
        fs::read(&self.log).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()
    }

    /// Waits until `look` gives something.
    ///
    /// # Errors
    /// Not in time, or the program ended; the error has the end of its log.
    pub async fn until<T>(&mut self, what: &str, mut look: impl AsyncFnMut(&Self) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look(self).await {
                return Ok(found);
            }
            let ended = self.child.try_wait()?.map(|status| format!("it ended: {status}"));
            let late = (Instant::now() > deadline).then(|| format!("not in {PATIENCE:?}"));
            if let Some(reason) = ended.or(late) {
                let log = self.log();
                let lines: Vec<&str> = log.lines().collect();
                let tail = lines.get(lines.len().saturating_sub(LAST_LINES)..).unwrap_or_default().join("\n");
                bail!("{}: waiting for {what}: {reason}; its log ends:\n{tail}", self.name);
            }
            sleep(LOOK).await;
        }
    }

    /// Ends it as an operator would, and waits for it.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let pid = self.child.id().to_string();
        // SIGTERM, so that what it has started itself ends with it.
        let asked = Command::new("kill").arg(&pid).status().is_ok_and(|status| status.success());
        for _ in 0..100 {
            if !asked || matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                break;
            }
            std::thread::sleep(LOOK);
        }
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// Waits until `look` gives something, where no single program is to blame.
///
/// # Errors
/// Not in time; the error has the last thing that `look` complained of.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look().await {
            Ok(found) => return Ok(found),
            Err(e) if Instant::now() > deadline => return Err(e.context(format!("{what}: not in {PATIENCE:?}"))),
            Err(_) => sleep(LOOK).await,
        }
    }
}
