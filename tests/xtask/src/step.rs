//! Steps: announced, timed, and stopped at the first that fails.

use std::time::Instant;

/// Why a task stopped, in words for a person.
pub(crate) type Failure = String;

/// A task's steps so far.
pub(crate) struct Steps {
    started: Instant,
    done: usize,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), done: 0 }
    }

    /// Announces and runs one step.
    ///
    /// # Errors
    /// That of the step, with its name.
    pub(crate) fn run<T>(&mut self, name: &str, step: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        eprintln!("==> {name}");
        let started = Instant::now();
        let value = step().map_err(|reason| format!("step \"{name}\" failed: {reason}"))?;
        self.done += 1;
        eprintln!("    {name}: ok, {:.1} s", started.elapsed().as_secs_f64());
        Ok(value)
    }

    /// The closing line.
    pub(crate) fn summary(&self, task: &str) -> String {
        format!("{task}: all {} steps passed in {:.0} s", self.done, self.started.elapsed().as_secs_f64())
    }
}
