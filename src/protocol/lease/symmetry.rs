//! The symmetries of a lease.
//!
//! The checker merges states that differ only by the origin of the clock, by the names of the
//! nodes or by the name of the client. Each commutes with [`Lease::handle`], which tests show.

use super::super::instant::{Instant, Span};
use super::super::round::bits_of;
use super::super::rules::Rules;
use super::{Lease, Phase};

impl<R: Rules, I: Instant, V: Copy> Lease<R, I, V> {
    /// The same lease on a clock that shows `by` more, with every moment before `oldest` moved to
    /// `oldest`. It behaves the same from then on if `oldest` lies more than a TTL in the past.
    #[must_use]
    pub fn shift(mut self, by: Span, oldest: I) -> Self {
        if self.deadline().is_some() {
            self.wake = self.wake.plus(by).max(oldest);
        }
        if self.phase == Phase::Held {
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

    /// The same lease with another token.
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
