//! `genops-host serve`.

use std::fs::File;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use genops_host::HostOptions;
use genops_host::serve::{RecordSink, ServeOptions, Server, Stopped, Upstream};
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::CliError;
use super::filter::Filter;
use super::output::{Destination, stdout};
use super::table::table;

/// Threads of the reactor: it only moves bytes, the filter runs on threads of its own.
const REACTOR_THREADS: usize = 2;

#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// Where clients connect
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where requests go; several: /PREFIX=URL by path (the prefix is taken off), HOST=URL by the request's host
    #[arg(long, value_name = "[MATCH=]URL", required = true)]
    upstream: Vec<Upstream>,
    /// Serve /metrics and the live page here, and pass these paths on. Default: at the listener itself
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<SocketAddr>,
    #[command(flatten)]
    filter: Filter,
    /// Worker VMs; they take the exchanges in turn and share one stat store
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: u16,
    /// How long an exchange may take, as the timeout of the shipped Envoy route; not for web sockets
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = seconds)]
    timeout: Duration,
    /// How long running exchanges may go on when the host is told to stop (SIGINT, SIGTERM; a second one ends it at once)
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    drain: Duration,
    /// Where record lines go, one JSON object per exchange as it ends; - is standard output
    #[arg(long, value_name = "FILE|-")]
    records: Option<Destination>,
    /// Where the scrape goes when the host stops; - is standard output
    #[arg(long, value_name = "FILE|-")]
    scrape: Option<Destination>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text:?} is no number of seconds from 0.001 to 86400");
    let seconds: f64 = text.parse().map_err(|_| bad())?;
    if (0.001..=86_400.0).contains(&seconds) { Ok(Duration::from_secs_f64(seconds)) } else { Err(bad()) }
}

impl Serve {
    pub(crate) fn run(self) -> Result<ExitCode, CliError> {
        let records = self.records.as_ref().map(sink).transpose()?;
        let options = HostOptions { workers: usize::from(self.workers), live: true, ..HostOptions::default() };
        let host = self.filter.host(options, |_| {})?;
        let runtime = Builder::new_multi_thread().worker_threads(REACTOR_THREADS).enable_all().build();
        let runtime = runtime.map_err(CliError::Runtime)?;
        let stopped = runtime.block_on(async {
            let (mut interrupt, mut terminate) = signals()?;
            let options = ServeOptions {
                listen: self.listen,
                admin: self.admin,
                upstreams: self.upstream.clone(),
                timeout: self.timeout,
                drain: self.drain,
                records,
            };
            let server = Server::start(host, options).await?;
            self.greet(&server);
            told(&mut interrupt, &mut terminate).await;
            eprintln!("genops-host: stopping; running exchanges may take {} s", self.drain.as_secs_f64());
            Ok::<_, CliError>(server.stop(told(&mut interrupt, &mut terminate)).await)
        })?;
        // What is left are idle connections to upstreams.
        runtime.shutdown_background();
        self.leave(&stopped)?;
        Ok(ExitCode::SUCCESS)
    }

    fn greet(&self, server: &Server) {
        let (at, pages) = (server.address(), server.admin());
        eprintln!("genops-host: listening on http://{at}");
        for upstream in &self.upstream {
            eprintln!("  {:<24} -> {}", upstream.route(), upstream.url());
        }
        eprintln!(
            "  live page                http://{pages}/_genops/\n  scrape                   http://{pages}/metrics"
        );
        if let Some(upstream) = self.upstream.iter().find(|u| u.url().contains("openai.com")) {
            eprintln!("  OPENAI_BASE_URL=http://{at}{}/v1", upstream.route().trim_end_matches('/'));
        }
    }

    fn leave(&self, stopped: &Stopped) -> Result<(), CliError> {
        let shown = table(&stopped.summary);
        if [&self.records, &self.scrape].into_iter().any(|to| *to == Some(Destination::Stdout)) {
            eprint!("{shown}");
        } else {
            stdout(shown.as_bytes())?;
        }
        if stopped.unmetered > 0 {
            eprintln!("genops-host: {} exchanges passed without a record", stopped.unmetered);
        }
        self.scrape.as_ref().map_or(Ok(()), |to| to.write(&stopped.scrape))
    }
}

fn sink(to: &Destination) -> Result<RecordSink, CliError> {
    Ok(match to {
        Destination::Stdout => Box::new(std::io::stdout()),
        Destination::File(path) => {
            let file = File::options().create(true).append(true).open(path);
            Box::new(file.map_err(|source| CliError::Write { path: path.clone(), source })?)
        }
    })
}

fn signals() -> Result<(Signal, Signal), CliError> {
    let of = |kind| signal(kind).map_err(CliError::Runtime);
    Ok((of(SignalKind::interrupt())?, of(SignalKind::terminate())?))
}

/// Somebody wants it to stop.
async fn told(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_read() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for bad in ["0", "-1", "x", "NaN", "inf", "1e9"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
