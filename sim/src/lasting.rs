//! Runs that last: faults that come by the clock, without memory.

use leasehold_world::WorldTime;
use leasehold_world::message::CAPACITY;

use crate::agenda::Event;
use crate::clock::{NANOS, TrueTime};
use crate::connections::ROOM_FOR_RESET;
use crate::dice::Question;
use crate::run::Run;

/// When a connection that was too full to fail may have room.
const LATER: TrueTime = 1_000_000 * NANOS;

impl<I: WorldTime, const N: usize, const C: usize> Run<'_, I, N, C> {
    /// Notes the first fault of each kind.
    pub(crate) fn begin_lasting(&mut self) {
        for client in 0..C as u8 {
            self.note_next_pause(client, 0);
            for node in 0..N as u8 {
                self.note_next_reset(client, node, 0);
            }
        }
    }

    fn note_next_reset(&mut self, client: u8, node: u8, number: u32) {
        let every = self.plan.arranged.lasting.map_or(0, |lasting| lasting.reset_every);
        if every > 0 {
            let identity = u64::from(client) | u64::from(node) << 8 | u64::from(number) << 16;
            let after = self.dice.roll(Question::NextReset, identity).wait(every);
            let event = Event::NextReset { client, node, number };
            self.agenda.note(self.now + after.saturating_mul(NANOS), event);
        }
    }

    fn note_next_pause(&mut self, client: u8, number: u32) {
        let every = self.plan.arranged.lasting.map_or(0, |lasting| lasting.pause_every);
        if every > 0 {
            let identity = u64::from(client) | u64::from(number) << 16;
            let after = self.dice.roll(Question::NextPause, identity).wait(every);
            let event = Event::NextPause { client, number };
            self.agenda.note(self.now + after.saturating_mul(NANOS), event);
        }
    }

    /// A connection fails, whether it is used or not.
    pub(crate) fn next_reset(&mut self, client: u8, node: u8, number: u32) {
        let epoch = self.lanes[usize::from(client)][usize::from(node)].epoch;
        self.reset(client, node, epoch);
        self.note_next_reset(client, node, number + 1);
    }

    /// A client is not scheduled for a while.
    pub(crate) fn next_pause(&mut self, client: u8, number: u32) {
        if let Some(lasting) = &self.plan.arranged.lasting {
            let identity = u64::from(client) | u64::from(number) << 16;
            let roll = self.dice.roll(Question::PauseLength, identity);
            let length = lasting.pause_length.sample(roll) / NANOS;
            self.pause(client, length, false);
        }
        self.note_next_pause(client, number + 1);
    }

    /// With how many messages under way a connection can still fail. In a run that lasts as many
    /// as leave room for what the next one brings, for there it must be possible in the end: a
    /// silent connection holds what one lease after another has sent.
    pub(crate) fn room_for_reset(&self) -> usize {
        let lasts = self.plan.arranged.lasting.is_some();
        if lasts { CAPACITY - ROOM_FOR_RESET } else { ROOM_FOR_RESET }
    }

    /// In a run that lasts, notes an event again that is not possible yet. In a short one it never
    /// happens: that changes nothing for long.
    pub(crate) fn try_later(&mut self, event: Event) {
        if self.plan.arranged.lasting.is_some() {
            self.agenda.note(self.now + LATER, event);
        }
    }
}
