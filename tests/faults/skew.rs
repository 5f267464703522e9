//! A clock that runs too fast or too slow.

use std::{pin::Pin, sync::Arc};

use gatepost::clock::{BootTime, Clock, Source};
use jiff::Timestamp;

/// Below the one percent that is allowed.
pub(crate) const FAST: f64 = 1.009;
pub(crate) const SLOW: f64 = 0.991;

struct Skewed {
    clock: Clock,
    since: BootTime,
    rate: f64,
}

/// The machine's time, of which so much passes while a second does.
pub(crate) fn skewed(rate: f64) -> Clock {
    let clock = Clock::system();
    let since = clock.boot_now();
    Clock::from_source(Arc::new(Skewed { clock, since, rate }))
}

impl Source for Skewed {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn boot_now(&self) -> BootTime {
        self.since + (self.clock.boot_now() - self.since).mul_f64(self.rate)
    }

    fn sleep_until(&self, at: BootTime) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            // Rounding may wake it early.
            while self.boot_now() < at {
                self.clock.sleep((at - self.boot_now()).div_f64(self.rate)).await;
            }
        })
    }
}

#[cfg(test)]
#[tokio::test]
async fn a_skewed_clock_gains_or_loses_on_the_machines() {
    use std::time::Duration;
    for rate in [FAST, SLOW] {
        let (clock, real) = (skewed(rate), Clock::system());
        let (before, began, after) = (real.boot_now(), clock.boot_now(), real.boot_now());
        clock.sleep_until(began + Duration::from_millis(200)).await;
        let (at_least, passed, at_most) = (real.boot_now() - after, clock.boot_now() - began, real.boot_now() - before);
        assert!(passed >= Duration::from_millis(200));
        // Multiplication rounds.
        let rounding = Duration::from_nanos(10);
        assert!(passed + rounding >= at_least.mul_f64(rate) && passed <= at_most.mul_f64(rate) + rounding, "{passed:?}");
    }
}
