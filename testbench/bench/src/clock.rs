//! Time: on the wall, and on the processor.

use std::time::{Duration, Instant};

/// What a speed is measured against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeBase {
    /// The time that passed.
    #[default]
    Wall,
    /// The time that this thread had a processor: for machines that others use, too. Engines with threads of their own get
    /// more than their share.
    Thread,
}

impl TimeBase {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Wall => "wall",
            Self::Thread => "thread",
        }
    }
}

/// A running measurement.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    wall: Instant,
    thread: Duration,
}

/// A finished measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed {
    /// The time that passed.
    pub wall: Duration,
    /// The time that this thread ran.
    pub thread: Duration,
}

fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

impl Stopwatch {
    /// Starts.
    #[must_use]
    pub fn start() -> Self {
        Self { thread: thread_time(), wall: Instant::now() }
    }

    /// What has passed since.
    #[must_use]
    pub fn elapsed(&self) -> Elapsed {
        let wall = self.wall.elapsed();
        Elapsed { wall, thread: thread_time().saturating_sub(self.thread) }
    }
}

impl Elapsed {
    /// Seconds against `base`; never zero.
    #[must_use]
    pub fn seconds(&self, base: TimeBase) -> f64 {
        let time = match base {
            TimeBase::Wall => self.wall,
            TimeBase::Thread => self.thread,
        };
        time.as_secs_f64().max(1e-9)
    }
}
