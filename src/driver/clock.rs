//! The only place of the library that reads a clock.
//!
//! Rust's `Instant` is monotonic, but on Linux it stands still while the machine is suspended, and
//! a lease must not. So there `CLOCK_BOOTTIME` decides, which does not; timers and users get
//! `Instant`s, and a timer that slept through a suspend only wakes late. Elsewhere, and in a
//! virtual machine that is resumed from a snapshot, a lease is believed for too long afterwards.

use std::time::{Duration, Instant};

use crate::protocol::Micros;

/// The client's own clock: microseconds since the client was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    origin: Instant,
    #[cfg(target_os = "linux")]
    origin_since_boot: Duration,
}

/// Two clocks cannot be read at once: a smaller gap between them is no suspend.
const SUSPEND_MIN: Duration = Duration::from_millis(1);

impl Clock {
    pub(super) fn start() -> Clock {
        Clock {
            origin: read(),
            #[cfg(target_os = "linux")]
            origin_since_boot: since_boot(),
        }
    }

    /// The present moment, rounded down. Every moment the protocol computes is a whole number of
    /// microseconds, so comparing with one of them loses nothing to the rounding.
    pub(super) fn now(&self) -> Micros {
        Micros(span_of(self.elapsed()))
    }

    #[cfg(target_os = "linux")]
    fn elapsed(&self) -> Duration {
        since_boot().saturating_sub(self.origin_since_boot)
    }

    #[cfg(not(target_os = "linux"))]
    fn elapsed(&self) -> Duration {
        read().saturating_duration_since(self.origin)
    }

    /// The same moment for users and for timers.
    pub(super) fn instant(&self, at: Micros) -> Instant {
        let running = read().saturating_duration_since(self.origin);
        let suspended = self.elapsed().saturating_sub(running);
        let suspended = if suspended < SUSPEND_MIN { Duration::ZERO } else { suspended };
        let since = duration_of(at.0);
        let awake = since.saturating_sub(suspended);
        self.origin.checked_add(awake).unwrap_or(self.origin)
    }

    /// How long ago `at` is; zero if it is to come.
    pub(super) fn since(&self, at: Micros) -> Duration {
        let then = duration_of(at.0);
        self.elapsed().saturating_sub(then)
    }

    /// How long from now until `at`; zero if it is past.
    pub(super) fn remaining(&self, at: Micros) -> Duration {
        let since = duration_of(at.0);
        since.saturating_sub(self.elapsed())
    }
}

/// A length of time as users know it; one that would be negative is zero.
pub(super) fn duration_of(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// A length of time as the protocol counts it.
pub(super) fn span_of(length: Duration) -> i64 {
    i64::try_from(length.as_micros()).unwrap_or(i64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "the driver gives the protocol its time, here alone")]
fn read() -> Instant {
    Instant::now()
}

#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Instant as _;

    #[test]
    fn moments_are_the_same_to_users() {
        let clock = Clock::start();
        let now = clock.now();
        let later = now.plus(5_000_000);
        let apart = clock.instant(later).saturating_duration_since(clock.instant(now));
        assert_eq!(apart, Duration::from_secs(5));
        assert!(clock.remaining(later) <= Duration::from_secs(5));
        assert_eq!(clock.remaining(now), Duration::ZERO);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_suspend_counts_for_the_lease_and_not_for_timers() {
        let mut clock = Clock::start();
        let before = clock.now();
        let suspended = Duration::from_secs(3_600).min(clock.origin_since_boot);
        clock.origin_since_boot -= suspended;
        assert!(clock.now().since(before) >= span_of(suspended));
        let wait = clock.instant(clock.now().plus(1_000_000));
        assert!(wait <= read() + Duration::from_secs(2));
    }
}
