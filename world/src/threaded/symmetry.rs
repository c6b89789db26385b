//! The symmetries of a broken program (see [`canonical`](crate::canonical)), and what is hashed of
//! it.

use std::hash::{Hash, Hasher};

use leasehold::protocol::round::bits_of;
use leasehold::protocol::{NodeSet, Round, Rules, Span};

use super::{Main, Renewer, Threaded};
use crate::time::WorldTime;

/// A renewal under way of the lease before; mostly there is none, and then nothing is hashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Behind<I>(pub(super) Round<I>);

impl<I: Hash> Hash for Behind<I> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        if !self.0.asked.or(self.0.tally.failed).is_empty() {
            self.0.hash(state);
        }
    }
}

impl<R: Rules, I: WorldTime> Threaded<R, I> {
    /// The same program with every moment moved by `by`, and none before `oldest`.
    #[must_use]
    pub fn shift(mut self, by: Span, oldest: I) -> Self {
        self.round = self.round.shift(by, oldest);
        self.behind.0 = self.behind.0.shift(by, oldest);
        for at in [&mut self.valid_until, &mut self.wake, &mut self.tick_at] {
            *at = at.plus(by).max(oldest);
        }
        self
    }

    /// The same program without what nothing reads any more.
    #[must_use]
    pub fn without_dead(mut self, renewals_left: u8) -> Self {
        if self.main != Main::Working {
            self.valid_until = I::default();
        }
        if !matches!(self.main, Main::Acquiring | Main::Cancelled) {
            self.wake = I::default();
        }
        if renewals_left == 0 || self.renewer == Renewer::Off {
            self.pending = NodeSet::EMPTY;
            self.tick_at = I::default();
        }
        self
    }

    /// The same program with the nodes renamed.
    #[must_use]
    pub fn permute(self, order: &[u8]) -> Self {
        Threaded {
            round: self.round.permute(order),
            behind: Behind(self.behind.0.permute(order)),
            pending: self.pending.permute(order),
            owed: self.owed.permute(order),
            ..self
        }
    }

    /// All that this program knows of one node, as bits.
    pub fn view_of(&self, node: u8) -> u16 {
        let rounds = self.behind.0.view_of(node) << 5 | self.round.view_of(node);
        rounds << 2 | bits_of(&[self.pending, self.owed], node)
    }
}
