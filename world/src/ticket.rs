//! What one client has handed over, on its way to another.
//!
//! It travels by a way of its own, about which nothing is assumed: it may be adopted at any moment
//! from then on, long after the lease has run out too, by anybody, more than once, or never.

use std::hash::{Hash, Hasher};

use leasehold::protocol::Rules;

use crate::effects::{Breach, Report};
use crate::message::Value;
use crate::time::WorldTime;
use crate::world::World;

/// The token that was handed over last, and what an observer remembers of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket {
    /// The giver's token; none if nothing was handed over yet.
    pub value: Value,
    /// Whether somebody has believed since.
    pub(crate) interloped: bool,
    /// Whether an adoption of it has succeeded.
    pub(crate) adopted: bool,
}

/// Where nothing is handed over there is nothing to hash.
impl Hash for Ticket {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Ticket { value, interloped, adopted } = self;
        if !value.is_none() {
            value.hash(state);
            state.write_u8(u8::from(*interloped) << 1 | u8::from(*adopted));
        }
    }
}

impl<R: Rules, I: WorldTime, const N: usize, const C: usize> World<R, I, N, C> {
    /// Whether another lease may be handed over: no node stores what was handed over last. One
    /// ticket at a time is enough to be adopted late or twice.
    pub(crate) fn ticket_is_free(&self) -> bool {
        let ticket = self.ticket.value;
        ticket.is_none() || self.nodes.iter().all(|node| node.key != ticket)
    }

    /// Notes what was handed over, and what has been adopted.
    pub(crate) fn note_hand_over(&mut self, c: u8, generation: u8, report: &Report<I>) {
        let ticket = &mut self.ticket;
        match report {
            Report::HandedOver { .. } => {
                let value = Value::new(c, generation);
                *ticket = Ticket { value, ..Ticket::default() };
            }
            Report::Acquired { .. } => {
                let adopted = self.clients[usize::from(c)].adopted();
                if adopted == Some(ticket.value) {
                    if ticket.adopted {
                        self.breaches.insert(Breach::AdoptedTwice);
                    }
                    ticket.adopted = true;
                }
            }
            Report::Denied { .. }
            | Report::Extended { .. }
            | Report::RenewalFailed
            | Report::AlreadyTaken
            | Report::Lost(_)
            | Report::Released { .. } => {}
        }
    }
}
