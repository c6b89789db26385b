//! When a lease is renewed.
//!
//! The machine may renew at any time while it believes: that is what the checker searches, since a
//! tick may come late by any amount. *When* is a matter of politeness to the nodes and of how many
//! failures a lease survives, and is settled here. It cannot make a lease unsafe: a renewal is
//! accepted only before the old end, by the same rule as ever.

use super::instant::{Instant, Span};

/// When the next renewal is due after a round that began at `begun` and was won: `every` later, or
/// up to a tenth of that sooner. `random` is uniform over all of `u32`, so that leases which began
/// together are not renewed together for ever.
pub fn due<I: Instant>(begun: I, every: Span, random: u32) -> I {
    let sooner = i128::from(every) * i128::from(random) / (10 << 32);
    begun.plus(every - i64::try_from(sooner).unwrap_or(0))
}

/// The delay after a renewal that failed, with `left` of the lease: `retry` after the first failure
/// in a row and twice as long after each further one, but short enough that there is time for
/// another before the end. `failures` counts this one.
pub fn backoff(retry: Span, failures: u32, left: Span) -> Span {
    let doubled = retry.saturating_mul(1 << (failures.clamp(1, 17) - 1));
    doubled.min((left / 3).max(retry / 4)).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::Micros;

    #[test]
    fn failures_in_a_row_are_further_and_further_apart() {
        let delays = [1, 2, 3, 4].map(|failures| backoff(100, failures, 1_200));
        assert_eq!(delays, [100, 200, 400, 400]);
        assert_eq!(backoff(100, 1, 60), 25);
        assert_eq!(backoff(1, 40, 0), 1);
    }

    proptest! {
        #[test]
        fn a_renewal_is_due_within_a_tenth(every in 1..1_i64 << 50, random: u32) {
            let Micros(due) = due(Micros(7), every, random);
            prop_assert!(due <= 7 + every && due >= 7 + every - every / 10 - 1, "{}", due);
        }

        #[test]
        fn a_failure_leaves_time_for_another(
            retry in 1..1_i64 << 50,
            failures in 1..100_u32,
            left in 0..1_i64 << 50,
        ) {
            let delay = backoff(retry, failures, left);
            prop_assert!(delay >= 1 && delay <= (left / 3).max(retry / 4).max(1));
        }
    }
}
