//! The time that the guest sees. The host owns it: it starts where told and moves a fixed step at each callback, so
//! that a run gives the same figures every time.

/// Virtual time of one VM, in nanoseconds.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Unix time at `elapsed_ns` 0.
    base_ns: u64,
    elapsed_ns: u64,
    step_ns: u64,
    read_ns: u64,
}

impl Clock {
    /// A clock at `wall_ns` (Unix time) that moves `step_ns` at each callback.
    pub fn new(wall_ns: u64, step_ns: u64) -> Self {
        Self { base_ns: wall_ns, elapsed_ns: 0, step_ns, read_ns: 0 }
    }

    /// The same, with a guest that takes `read_ns` from one look at the clock to the next: else a callback takes no time,
    /// and nothing that a guest does in stretches ever runs out of time.
    #[must_use]
    pub fn reading(self, read_ns: u64) -> Self {
        Self { read_ns, ..self }
    }

    /// Unix time in nanoseconds, as the guest reads it.
    pub(crate) fn read_ns(&mut self) -> u64 {
        let now = self.wall_ns();
        self.advance(self.read_ns);
        now
    }

    /// Unix time in nanoseconds.
    pub fn wall_ns(&self) -> u64 {
        self.base_ns.saturating_add(self.elapsed_ns)
    }

    /// Time since the start, which never jumps: timers run on it.
    pub fn elapsed_ns(&self) -> u64 {
        self.elapsed_ns
    }

    /// Puts the wall clock at `wall_ns` without moving timers.
    pub fn set_wall(&mut self, wall_ns: u64) {
        self.base_ns = wall_ns.saturating_sub(self.elapsed_ns);
    }

    /// One callback later.
    pub fn step(&mut self) {
        self.advance(self.step_ns);
    }

    /// `ns` later.
    pub fn advance(&mut self, ns: u64) {
        self.elapsed_ns = self.elapsed_ns.saturating_add(ns);
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
}
