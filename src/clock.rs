//! Time. The only file that reads a clock: everything else is handed a [`Clock`].
//!
//! Two clocks, for two questions. *What time is it?* ([`Clock::now`]) is the wall clock: deadlines
//! that outlive the process are written in it. *How long has it been?* ([`Clock::boot_now`]) is
//! `CLOCK_BOOTTIME`, which goes on while the machine sleeps and which nobody can set; waits and
//! local limits are measured in it.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use jiff::Timestamp;

/// Time since the machine started, sleep included. Comparable only within one boot.
pub type BootTime = Duration;

/// Where the time comes from.
pub trait Source: Send + Sync + 'static {
    /// The wall clock.
    fn now(&self) -> Timestamp;
    /// The clock that only goes forward, also through a suspend.
    fn boot_now(&self) -> BootTime;
    /// Completes once [`Source::boot_now`] has reached `at`.
    fn sleep_until(&self, at: BootTime) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// A handle on the time, cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<dyn Source>);

impl Clock {
    /// The machine's own clocks.
    pub fn system() -> Self {
        Self(Arc::new(System))
    }

    /// Time from elsewhere: a test or a simulation.
    pub fn from_source(source: Arc<dyn Source>) -> Self {
        Self(source)
    }

    /// The wall clock.
    pub fn now(&self) -> Timestamp {
        self.0.now()
    }

    /// The clock that only goes forward, also through a suspend.
    pub fn boot_now(&self) -> BootTime {
        self.0.boot_now()
    }

    /// Waits until [`Clock::boot_now`] has reached `at`.
    pub async fn sleep_until(&self, at: BootTime) {
        self.0.sleep_until(at).await;
    }

    /// Waits for `span`.
    pub async fn sleep(&self, span: Duration) {
        self.0.sleep_until(self.0.boot_now() + span).await;
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

struct System;

impl Source for System {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn boot_now(&self) -> BootTime {
        // macOS has no CLOCK_BOOTTIME; its monotonic clock runs through sleep.
        #[cfg(target_os = "linux")]
        const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;
        #[cfg(not(target_os = "linux"))]
        const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;
        let time = rustix::time::clock_gettime(CLOCK);
        // Neither part of a clock that started at boot is negative.
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
    }

    fn sleep_until(&self, at: BootTime) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            // tokio's timer stands still in a suspend, so look again when it fires.
            while let Some(left) = at.checked_sub(self.boot_now()).filter(|left| !left.is_zero()) {
                tokio::time::sleep(left).await;
            }
        })
    }
}

/// A clock that moves only when told to. For tests and simulations.
#[derive(Clone)]
pub struct Manual(Arc<tokio::sync::watch::Sender<Duration>>, Timestamp);

impl Manual {
    /// A clock that shows `start`.
    pub fn starting_at(start: Timestamp) -> Self {
        Self(Arc::new(tokio::sync::watch::Sender::new(Duration::from_secs(1))), start)
    }

    /// Moves both clocks on by `span` and wakes whoever waited for that.
    pub fn advance(&self, span: Duration) {
        self.0.send_modify(|elapsed| *elapsed += span);
    }

    /// A [`Clock`] that shows this time.
    pub fn clock(&self) -> Clock {
        Clock::from_source(Arc::new(self.clone()))
    }
}

impl Source for Manual {
    fn now(&self) -> Timestamp {
        self.1.saturating_add(*self.0.borrow()).unwrap_or(Timestamp::MAX)
    }

    fn boot_now(&self) -> BootTime {
        *self.0.borrow()
    }

    fn sleep_until(&self, at: BootTime) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut elapsed = self.0.subscribe();
        Box::pin(async move {
            // The sender lives in `self`, which outlives this future.
            let _ = elapsed.wait_for(|elapsed| *elapsed >= at).await;
        })
    }
}
