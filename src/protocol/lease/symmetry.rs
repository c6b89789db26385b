//! The symmetries of a lease, and its hash.
//!
//! The checker merges states that differ only by the origin of the clock, by the names of the
//! nodes or by the name of the client. Each commutes with [`Lease::handle`], which tests show.

use core::hash::{Hash, Hasher};

use super::super::instant::{Instant, Span};
use super::super::nodes::NodeSet;
use super::super::round::{Tally, bits_of};
use super::super::rules::Rules;
use super::{Lease, Phase};

/// Every field, the sets of nodes four at a time: the checker hashes each state it meets.
impl<R: Hash, I: Hash, V: Hash> Hash for Lease<R, I, V> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Lease { rules, phase, token, valid_until, wake, round, adopted, .. } = self;
        let Tally { done, missing, foreign, failed } = round.tally;
        let (pending, stray, owed, releasing) =
            (self.pending, self.stray, self.owed, self.releasing);
        state.write_u64(NodeSet::in_one_word([pending, stray, owed, releasing]));
        state.write_u64(NodeSet::in_one_word([done, missing, foreign, failed]));
        round.asked.hash(state);
        rules.hash(state);
        state.write_u8(*phase as u8 | u8::from(adopted.is_some()) << 7);
        token.hash(state);
        if let Some(adopted) = adopted {
            adopted.hash(state);
        }
        valid_until.hash(state);
        wake.hash(state);
        round.t0.hash(state);
    }
}

impl<R: Rules, I: Instant, V: Copy> Lease<R, I, V> {
    /// The same lease on a clock that shows `by` more, with every moment before `oldest` moved to
    /// `oldest`. It behaves the same from then on if `oldest` lies more than a TTL in the past.
    #[must_use]
    pub fn shift(mut self, by: Span, oldest: I) -> Self {
        if self.deadline().is_some() {
            self.wake = self.wake.plus(by).max(oldest);
        }
        let kept = match self.phase {
            Phase::Held | Phase::HandingOver => true,
            Phase::HandedOver => self.rules.believes_after_hand_over(),
            Phase::Idle
            | Phase::Acquiring
            | Phase::Stopping
            | Phase::Draining
            | Phase::Releasing
            | Phase::Released
            | Phase::Lost => false,
        };
        if kept {
            self.valid_until = self.valid_until.plus(by).max(oldest);
        }
        self.round = self.round.shift(by, oldest);
        self
    }

    /// The same lease with the nodes renamed: node `i` of the result is node `order[i]` of this.
    #[must_use]
    pub fn permute(self, order: &[u8]) -> Self {
        Lease {
            round: self.round.permute(order),
            pending: self.pending.permute(order),
            stray: self.stray.permute(order),
            owed: self.owed.permute(order),
            releasing: self.releasing.permute(order),
            ..self
        }
    }

    /// The same lease with another token. The token that it took over stays as it is.
    #[must_use]
    pub fn relabel(mut self, token: V) -> Self {
        self.token = token;
        self
    }

    /// All that this lease knows of one node, as bits: equal for two nodes exactly if the lease
    /// treats them alike.
    pub fn view_of(&self, node: u8) -> u16 {
        let sets = [self.pending, self.stray, self.owed, self.releasing];
        self.round.view_of(node) << 4 | bits_of(&sets, node)
    }
}
