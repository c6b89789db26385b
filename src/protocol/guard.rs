//! The restart guard: how long a node that may have lost its memory counts for nothing.
//!
//! A node that restarts without its data has forgotten whom it granted the lock to. Counted at
//! once, it helps a second client to a quorum while the first one still believes. So its answers
//! count only when every lease it may have forgotten has ended: when its process has been up for
//! the longest TTL that **any** client uses. A client's own TTL is not enough: A holds for 60 s on
//! nodes {x, y}, x restarts, B with a TTL of 5 s waits 5 s and then counts x.
//!
//! A client learns the uptime when it connects, before it sends anything else, and its answers
//! count within that connection only: a later process of the node needs a later connection.
//! Assumes that every client of the nodes keeps to the same `max_ttl`, and that an uptime is never
//! overstated: whole seconds are rounded down.

use super::instant::{Instant, Span};

/// When, on the client's clock, a node starts to count whose process had been up for `uptime` at
/// `now`.
pub fn counts_from<I: Instant>(now: I, uptime: Span, max_ttl: Span) -> I {
    now.plus((max_ttl - uptime).max(0))
}

/// The uptime that is certain, in seconds, of a process that told `told_s` whole seconds: what it
/// tells is the difference of two whole seconds, each rounded down, so it may be most of a second
/// too long.
pub fn certain_uptime_s(told_s: i64) -> i64 {
    told_s.saturating_sub(1).max(0)
}

/// When a quorum counts, of nodes that count after `waits`; `None` if there are fewer. Sorts them.
pub fn quorum_counts_in<T: Copy + Ord>(waits: &mut [T], quorum: u8) -> Option<T> {
    waits.sort_unstable();
    waits.get(usize::from(quorum).checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Micros;

    #[test]
    fn a_told_second_may_have_just_begun() {
        assert_eq!([-1, 0, 1, 2].map(certain_uptime_s), [0, 0, 0, 1]);
    }

    #[test]
    fn leases_can_start_when_a_quorum_counts() {
        assert_eq!(quorum_counts_in(&mut [9, 0, 5], 2), Some(5));
        assert_eq!(quorum_counts_in(&mut [9], 2), None);
    }

    #[test]
    fn a_node_counts_once_it_is_older_than_any_lease() {
        assert_eq!(counts_from(Micros(100), 0, 60), Micros(160));
        assert_eq!(counts_from(Micros(100), 45, 60), Micros(115));
        assert_eq!(counts_from(Micros(100), 3600, 60), Micros(100));
    }
}
