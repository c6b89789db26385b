//! One clock: it runs at a fixed rate, shows whole microseconds, and loses nothing to rounding.

use leasehold::protocol::Span;

/// True time, in nanoseconds. Finer than any clock, so that a clock never skips a microsecond and
/// a deadline on it is always met exactly.
pub(crate) type TrueTime = i64;

/// Nanoseconds per microsecond.
pub(crate) const NANOS: i64 = 1_000;

/// The carried remainder counts parts of a microsecond: nanoseconds times parts per million.
const WHOLE: i64 = 1_000_000_000;

/// A clock that runs at `rate` millionths of true time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    rate: i64,
    carried: i64,
    /// Whether it stands still, as in a machine that is suspended.
    pub(crate) stands_still: bool,
}

impl Clock {
    /// A clock that has just shown a whole microsecond.
    pub(crate) fn new(rate: i64) -> Clock {
        Clock { rate, carried: 0, stands_still: false }
    }

    /// How many microseconds it shows more after `nanos` of true time.
    pub(crate) fn advance(&mut self, nanos: TrueTime) -> Span {
        if self.stands_still {
            return 0;
        }
        let parts = self.carried + nanos * self.rate;
        self.carried = parts % WHOLE;
        parts / WHOLE
    }

    /// The least true time after which it shows `micros` more, if it does not stand still.
    pub(crate) fn until(&self, micros: Span) -> TrueTime {
        let parts = micros * WHOLE - self.carried;
        if parts <= 0 { 0 } else { (parts + self.rate - 1) / self.rate }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_met_exactly() {
        for rate in [900_000, 994_000, 1_000_000, 1_005_126, 1_100_000] {
            let mut clock = Clock::new(rate);
            for step in [1, 7, 999, 1_000, 123_456_789] {
                let _ = clock.advance(step);
                for micros in [1, 2, 3, 1_000_000] {
                    let nanos = clock.until(micros);
                    assert_eq!(clock.clone().advance(nanos), micros);
                    assert_eq!(clock.clone().advance(nanos - 1), micros - 1);
                }
            }
        }
    }

    #[test]
    fn nothing_is_lost_to_rounding() {
        let mut clock = Clock::new(1_000_001);
        let shown: i64 = (0..1_000_000).map(|_| clock.advance(1_000)).sum();
        assert_eq!(shown, 1_000_001);
    }
}
