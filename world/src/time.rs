//! What the world asks of a clock beyond what the protocol asks.

use leasehold::protocol::{Instant, Micros, Span, Ticks};

/// A clock of the world: ticks for the checker, microseconds for the simulator.
pub trait WorldTime: Instant + Send + Sync + 'static {
    /// The unit's name in trace files.
    const UNIT: &'static str;

    /// Whether the unit is the checker's tick, in which clocks slip by whole units and by budget.
    const IN_TICKS: bool;

    /// The first moment at which a key set now with `ttl` is gone.
    ///
    /// Redis stores the expiry as absolute milliseconds, and the key lives while the current
    /// millisecond is not past it: its life is longer than `ttl` by up to one millisecond. A tick
    /// is *guaranteed* life, so there it is exactly `ttl`.
    fn key_gone_at(self, ttl: Span) -> Self;

    /// The moment `span` after the origin.
    fn at(span: Span) -> Self;

    /// How far this moment is from the origin.
    fn offset(self) -> Span {
        self.since(Self::at(0))
    }
}

impl WorldTime for Ticks {
    const UNIT: &'static str = "ticks";
    const IN_TICKS: bool = true;

    fn key_gone_at(self, ttl: Span) -> Self {
        self.plus(ttl)
    }

    fn at(span: Span) -> Self {
        Ticks::default().plus(span)
    }
}

impl WorldTime for Micros {
    const UNIT: &'static str = "us";
    const IN_TICKS: bool = false;

    fn key_gone_at(self, ttl: Span) -> Self {
        const MILLI: i64 = 1000;
        let set_ms = self.0.div_euclid(MILLI);
        let ttl_ms = ttl.div_euclid(MILLI);
        Micros(set_ms.saturating_add(ttl_ms).saturating_add(1).saturating_mul(MILLI))
    }

    fn at(span: Span) -> Self {
        Micros(span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_lives_its_ttl_and_at_most_a_millisecond_more() {
        for set in [0, 1, 999, 1000, 123_456] {
            let life = Micros(set).key_gone_at(5_000).0 - set;
            assert!(life > 5_000 && life <= 6_000, "set at {set}: {life}");
        }
    }
}
