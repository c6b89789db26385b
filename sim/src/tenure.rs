//! How long leases were held, and how many were lost: the sums of a run that lasts.

use leasehold::protocol::Span;

use crate::clock::{NANOS, TrueTime};

/// How a belief ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Its time ran out.
    Expired,
    /// An answer showed that the key is gone.
    Gone,
    /// The user stopped.
    Stopped,
}

/// How long leases were held, and how many were lost.
///
/// Two pieces of time do not count. One is the beginning of a run, until its connections are as old
/// as they usually are ([`Lasting::observed_from`](crate::Lasting::observed_from)). The other is
/// the first validity of the lease that is still held when the run ends: within it no lease can be
/// lost, whatever fails, so with it the chance of a loss would look smaller than it is, and the
/// more so the shorter the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tenure {
    /// How long leases were held, in microseconds of true time.
    pub held_us: u64,
    /// How many leases were lost.
    pub losses: u64,
    /// How many of them ended while their client was not scheduled.
    pub losses_paused: u64,
    /// How many of them ended because a quorum no longer stored the key.
    pub losses_gone: u64,
    /// How many renewals succeeded.
    pub renewals: u64,
    /// The closest call: the least that was left of a lease, on its client's clock, when a renewal
    /// succeeded; in microseconds.
    pub least_left_us: Option<Span>,
    /// From when on it is observed, in nanoseconds.
    pub(crate) observed_from: TrueTime,
}

impl Tenure {
    /// Adds what happened elsewhere.
    pub fn add(&mut self, other: &Tenure) {
        self.held_us += other.held_us;
        self.losses += other.losses;
        self.losses_paused += other.losses_paused;
        self.losses_gone += other.losses_gone;
        self.renewals += other.renewals;
        self.least_left_us = self.least_left_us.into_iter().chain(other.least_left_us).min();
    }

    /// A lease was acquired, or renewed when so much of it was left.
    pub(crate) fn renewed(&mut self, left: Option<Span>) {
        self.renewals += u64::from(left.is_some());
        self.least_left_us = self.least_left_us.into_iter().chain(left).min();
    }

    /// A lease was held from the one moment to the other.
    pub(crate) fn held(&mut self, from: TrueTime, to: TrueTime) {
        let nanos = to - from.max(self.observed_from);
        self.held_us += (nanos.max(0) / NANOS).unsigned_abs();
    }

    /// A lease has ended.
    pub(crate) fn ended(&mut self, from: TrueTime, to: TrueTime, how: End, paused: bool) {
        self.held(from, to);
        if how != End::Stopped && to >= self.observed_from {
            self.losses += 1;
            self.losses_paused += u64::from(paused);
            self.losses_gone += u64::from(how == End::Gone);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_observed_counts() {
        let mut tenure = Tenure { observed_from: 10_000, ..Tenure::default() };
        tenure.ended(2_000, 9_000, End::Expired, true);
        assert_eq!((tenure.held_us, tenure.losses), (0, 0));
        tenure.ended(5_000, 14_000, End::Expired, false);
        assert_eq!((tenure.held_us, tenure.losses), (4, 1));
        tenure.ended(20_000, 22_000, End::Gone, true);
        tenure.ended(30_000, 31_000, End::Stopped, false);
        tenure.held(50_000, 45_000);
        assert_eq!((tenure.held_us, tenure.losses), (7, 2));
        assert_eq!((tenure.losses_paused, tenure.losses_gone), (1, 1));
        let mut both = tenure;
        tenure.renewed(None);
        tenure.renewed(Some(7));
        tenure.renewed(Some(9));
        both.add(&tenure);
        assert_eq!((both.losses, both.renewals, both.least_left_us), (4, 2, Some(7)));
    }
}
