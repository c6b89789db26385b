//! A lease handed over to another process.
//!
//! The **giver** stops believing, begins no renewal any more, and waits until none of its commands
//! may run any more: each was answered, or its connection was killed. Then it tells its user, and
//! sends nothing for this lease ever again: no release either. Its token is now a **ticket**, which
//! travels by whatever way to the adopter, and may arrive late or never.
//!
//! The **adopter** begins a lease of its own, with a token of its own. In its first round every
//! node is asked to put the new token in the place of the old one, for a TTL, if it still stores
//! that. Done at a quorum, the lease is held as after any acquisition, counted from the adopter's
//! own `t0`; what the giver said of the time left plays no part. Anything less is a denial, and
//! what was exchanged is released. No key is ever created.
//!
//! Why an exchange of tokens, and not the giver's token extended by somebody else:
//!
//! - no two leases share a token, so whatever else is true of leases stays true;
//! - a ticket can be adopted **once**: the second adopter finds at a quorum the token of the first,
//!   however often the ticket was delivered. (Two who adopt it at once may both be denied.)
//! - a command of the giver that ran late could not touch the adopter's key.
//!
//! What is left of the old token where an adoption has failed is gone a TTL after its last extend.

use super::super::instant::Instant;
use super::super::nodes::NodeSet;
use super::super::rules::Rules;
use super::{Event, Lease, Phase, Step};

impl<R: Rules, I: Instant, V: Copy> Lease<R, I, V> {
    /// Belief ends here; `valid_until` is kept for what is told.
    pub(super) fn hand_over(&mut self, step: &mut Step<'_, I>) {
        if self.phase != Phase::Held {
            return;
        }
        let until = self.valid_until;
        self.end(Phase::HandingOver);
        self.valid_until = until;
        let bound = step.moment.now.plus(step.config.settings().release_within);
        self.wake = if bound < until { bound } else { until };
        self.give_once_drained(step);
    }

    /// HandingOver -> HandedOver, once nothing may run any more. What has run out by then is no
    /// longer worth giving: it is released.
    pub(super) fn give_once_drained(&mut self, step: &mut Step<'_, I>) {
        if self.phase != Phase::HandingOver {
            return;
        }
        if step.moment.now >= self.wake {
            return self.begin_release(step);
        }
        if !self.pending.is_empty() && self.rules.drains_before_hand_over() {
            return;
        }
        let valid_until = self.valid_until;
        self.end(Phase::HandedOver);
        if self.rules.releases_after_hand_over() {
            self.send_releases(step);
        }
        if self.rules.believes_after_hand_over() {
            self.valid_until = valid_until;
        }
        self.owed = NodeSet::EMPTY;
        step.output.event = Some(Event::HandedOver { valid_until });
    }
}
