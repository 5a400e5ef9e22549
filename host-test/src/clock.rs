//! The time that the guest sees. In replays the host owns it: it starts where told and moves a fixed step at each
//! callback, so that a run gives the same figures every time. A live host shows the machine's.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Time of one VM, in nanoseconds.
#[derive(Clone, Debug)]
pub struct Clock(Time);

#[derive(Clone, Debug)]
enum Time {
    Virtual {
        /// Unix time at `elapsed_ns` 0.
        base_ns: u64,
        elapsed_ns: u64,
        step_ns: u64,
        read_ns: u64,
    },
    /// The machine's. Nothing moves or sets it.
    System { started: Instant },
}

impl Clock {
    /// A clock at `wall_ns` (Unix time) that moves `step_ns` at each callback.
    pub fn new(wall_ns: u64, step_ns: u64) -> Self {
        Self(Time::Virtual { base_ns: wall_ns, elapsed_ns: 0, step_ns, read_ns: 0 })
    }

    /// The same, with a guest that takes `read_ns` from one look at the clock to the next: else a callback takes no time,
    /// and nothing that a guest does in stretches ever runs out of time.
    #[must_use]
    pub fn reading(mut self, read: u64) -> Self {
        if let Time::Virtual { read_ns, .. } = &mut self.0 {
            *read_ns = read;
        }
        self
    }

    /// The machine's clock, for live traffic.
    pub fn system() -> Self {
        Self(Time::System { started: Instant::now() })
    }

    /// Unix time in nanoseconds, as the guest reads it.
    pub(crate) fn read_ns(&mut self) -> u64 {
        let now = self.wall_ns();
        if let Time::Virtual { read_ns, .. } = self.0 {
            self.advance(read_ns);
        }
        now
    }

    /// Unix time in nanoseconds.
    pub fn wall_ns(&self) -> u64 {
        match self.0 {
            Time::Virtual { base_ns, elapsed_ns, .. } => base_ns.saturating_add(elapsed_ns),
            Time::System { .. } => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
            }
        }
    }

    /// Time since the start, which never jumps: timers run on it.
    pub fn elapsed_ns(&self) -> u64 {
        match self.0 {
            Time::Virtual { elapsed_ns, .. } => elapsed_ns,
            Time::System { started } => u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX),
        }
    }

    /// Puts the wall clock at `wall_ns` without moving timers.
    pub fn set_wall(&mut self, wall_ns: u64) {
        if let Time::Virtual { base_ns, elapsed_ns, .. } = &mut self.0 {
            *base_ns = wall_ns.saturating_sub(*elapsed_ns);
        }
    }

    /// One callback later.
    pub fn step(&mut self) {
        if let Time::Virtual { step_ns, .. } = self.0 {
            self.advance(step_ns);
        }
    }

    /// `ns` later.
    pub fn advance(&mut self, ns: u64) {
        if let Time::Virtual { elapsed_ns, .. } = &mut self.0 {
            *elapsed_ns = elapsed_ns.saturating_add(ns);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_the_wall_moves_no_timer() {
        let mut clock = Clock::new(1_000, 10);
        clock.step();
        assert_eq!((clock.wall_ns(), clock.elapsed_ns()), (1_010, 10));
        clock.set_wall(500);
        assert_eq!((clock.wall_ns(), clock.elapsed_ns()), (500, 10));
        clock.step();
        assert_eq!((clock.wall_ns(), clock.elapsed_ns()), (510, 20));
    }

    #[test]
    fn a_wall_before_the_elapsed_time_stops_at_the_epoch() {
        let mut clock = Clock::new(1_000, 10);
        clock.advance(5_000);
        clock.set_wall(1);
        assert_eq!(clock.wall_ns(), 5_000);
    }

    #[test]
    fn the_machine_s_clock_goes_by_itself() {
        let mut clock = Clock::system();
        let (wall, elapsed) = (clock.wall_ns(), clock.elapsed_ns());
        clock.set_wall(1);
        clock.advance(u64::MAX);
        clock.step();
        assert!(clock.wall_ns() >= wall && clock.wall_ns() < wall + 60_000_000_000);
        assert!(clock.elapsed_ns() >= elapsed && clock.elapsed_ns() < 60_000_000_000);
    }
}
