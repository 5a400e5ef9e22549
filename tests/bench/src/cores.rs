//! One core for the proxy and another for everything else, so that the load does not push the proxy off its own.

use std::{
    process::{Child, Command},
    thread,
};

use anyhow::{Context, bail};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The two cores of a bench.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    /// Runs the proxies.
    pub(crate) proxy: usize,
    /// Runs client and upstream.
    pub(crate) load: usize,
}

impl Cores {
    /// The first two cores that this process may run on.
    ///
    /// # Errors
    /// There are fewer than two: the load would be measured with the proxy.
    pub(crate) fn choose() -> anyhow::Result<Self> {
        let allowed = sched_getaffinity(None).context("cannot read the CPU affinity")?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        match (cores.next(), cores.next()) {
            (Some(proxy), Some(load)) => Ok(Self { proxy, load }),
            _ => bail!("the bench needs two cores, one for Envoy and one for client and upstream"),
        }
    }

    /// Keeps the calling thread, and those that it starts, on the load's core.
    pub(crate) fn take_load(self) -> anyhow::Result<()> {
        pin(self.load)
    }

    /// Starts `command` on the proxy's core.
    pub(crate) fn spawn_proxy(self, command: &mut Command) -> anyhow::Result<Child> {
        // A child inherits the affinity of the thread that starts it.
        thread::scope(|scope| {
            let started = scope.spawn(|| {
                pin(self.proxy)?;
                command.spawn().with_context(|| format!("cannot start {}", command.get_program().display()))
            });
            started.join().unwrap_or_else(|_| bail!("the starting thread died"))
        })
    }
}

fn pin(core: usize) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).with_context(|| format!("cannot stay on core {core}"))
}
