//! What the handle of a lease sees.

use std::sync::Arc;

use super::Entry;
use crate::driver::error::Loss;
use crate::driver::leases::{Shown, Standing};
use crate::driver::votes::Votes;
use crate::protocol::{Micros, NodeSet};

impl Entry {
    pub(super) fn shown_end(&self) -> Option<Micros> {
        self.ask.as_ref()?.handle.look(|shown| shown.standing.valid_until())
    }

    pub(super) fn show_held(&self, valid_until: Micros) {
        let until = self.hold_until.map_or(valid_until, |hold| hold.min(valid_until));
        // What failed before is past.
        self.show_votes(None);
        self.show(Standing::Held { valid_until: until, at_most: until < valid_until });
    }

    /// The handle sees only the latest: an end is never replaced by what follows it. Whether it
    /// was replaced.
    pub(super) fn show(&self, standing: Standing) -> bool {
        let Some(ask) = &self.ask else { return false };
        ask.handle.send_if_modified(|shown| match shown.standing {
            Standing::Asked | Standing::Held { .. } | Standing::Stopping => {
                shown.standing = standing;
                true
            }
            Standing::Failed(_)
            | Standing::Lost(_)
            | Standing::HandedOver { .. }
            | Standing::Released => false,
        })
    }

    /// What came of the release. Only whoever's client has ended waits for that alone.
    pub(super) fn show_unsettled(&self, unsettled: NodeSet) {
        if let Some(ask) = &self.ask {
            ask.handle.send_if_modified(|shown: &mut Shown| {
                shown.unsettled = Some(unsettled);
                shown.standing == Standing::Lost(Loss::Closed)
            });
        }
    }

    /// Without waking anybody.
    pub(super) fn show_votes(&self, votes: Option<Arc<Votes>>) {
        if let Some(ask) = &self.ask {
            ask.handle.send_if_modified(|shown: &mut Shown| {
                shown.votes = votes;
                false
            });
        }
    }

    /// A handle believes no longer than its lease, also where the machine has nothing to tell yet.
    pub(super) fn end_belief(&mut self) {
        if self.machine.valid_until().is_some() {
            return;
        }
        if self.shown_end().is_some() {
            self.show(Standing::Stopping);
        }
        self.wanting.clear();
        self.answer_awaiting(|| Err(None));
    }
}
