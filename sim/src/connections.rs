//! Connections: they fail, their requests stray, and there are new ones.

use leasehold_world::message::Link;
use leasehold_world::{Step, WorldTime};

use crate::agenda::{Event, Parcel};
use crate::clock::NANOS;
use crate::counts::Hazard;
use crate::dice::Question;
use crate::run::Run;

/// A connection with more messages than this under way is not reset: the world has room for eight,
/// and a new connection brings three. See also [`Run::room_for_reset`].
pub(crate) const ROOM_FOR_RESET: usize = 3;

impl<I: WorldTime, const N: usize, const C: usize> Run<'_, I, N, C> {
    /// A connection has fallen silent. Sooner or later it is given up.
    pub(crate) fn notice_silence(&mut self, parcel: &Parcel) {
        if !self.scope().ordered() {
            return;
        }
        self.watch.counts.met(Hazard::HalfOpen);
        let Parcel { client, node, epoch, .. } = *parcel;
        let settings = self.scope().config.settings();
        let usual = (settings.node_timeout, settings.ttl * 2);
        let lasting = self.plan.arranged.lasting;
        let (soon, late) = lasting.map_or(usual, |lasting| (lasting.silence, lasting.silence));
        let after = self.roll(Question::ResetDelay, parcel).between(soon, late);
        self.note(self.now + after * NANOS, Event::Reset { client, node, epoch });
    }

    /// A connection fails, if it is still the one that was meant.
    pub(crate) fn reset(&mut self, client: u8, node: u8, epoch: u32) {
        let (c, n) = (usize::from(client), usize::from(node));
        if self.waits_for_resume(client, Event::Reset { client, node, epoch }) {
            return;
        }
        let pipe = &self.world.pipes[c][n];
        let meant = self.world.faults.resets > 0
            && self.lanes[c][n].epoch == epoch
            && pipe.link == Link::Up;
        if !meant {
            return;
        }
        if pipe.len() > self.room_for_reset() {
            self.try_later(Event::Reset { client, node, epoch });
            return;
        }
        let mut known = self.lengths(client);
        let effects = self.take(Step::Reset { client, node });
        self.lanes[c][n].renew(self.now);
        let pipe = &self.world.pipes[c][n];
        known[n] = pipe.iter().filter(|message| message.age() > 0).count();
        self.schedule_strays(client, node, epoch);
        self.await_connection(client, node);
        self.follow(client, known, &effects);
    }

    /// Of the commands on a connection that has just failed, a prefix still runs, in order, later.
    fn schedule_strays(&mut self, client: u8, node: u8, epoch: u32) {
        let pipe = self.world.pipes[usize::from(client)][usize::from(node)];
        let options = &self.plan.weather.reset;
        let mut at = self.now;
        for (index, message) in pipe.iter().enumerate().filter(|(_, message)| message.age() == 1) {
            let parcel = Parcel {
                client,
                node,
                command: message.command(),
                generation: message.generation(),
                epoch,
                ordinal: index as u32,
                sent_at: self.now,
            };
            let identity = parcel.identity() | u64::from(epoch) << 40;
            if !self.dice.roll(Question::StrayRuns, identity).chance(options.stray_ppm) {
                break;
            }
            let delay = self.dice.roll(Question::StrayDelay, identity).below(options.stray_max);
            at = (self.now + delay * NANOS).max(at + 1);
            self.agenda.note(at, Event::Stray(parcel));
        }
    }

    /// The shipped lifecycle's driver connects again after a while; the broken programs' library
    /// has done so at once.
    pub(crate) fn await_connection(&mut self, client: u8, node: u8) {
        let (c, n) = (usize::from(client), usize::from(node));
        if self.world.pipes[c][n].link == Link::Up {
            return;
        }
        let identity =
            u64::from(client) | u64::from(node) << 8 | u64::from(self.lanes[c][n].epoch) << 16;
        let longest = self.plan.weather.reset.connect_max;
        let after = self.dice.roll(Question::Connect, identity).below(longest);
        let from = self.now.max(self.restart_at[n]);
        self.note(from + after * NANOS + 1, Event::Connect { client, node });
    }

    /// There is a connection again, unless the server is down: then its restart brings one.
    pub(crate) fn connect(&mut self, client: u8, node: u8) {
        let (c, n) = (usize::from(client), usize::from(node));
        if self.waits_for_resume(client, Event::Connect { client, node }) {
            return;
        }
        if !self.world.nodes[n].down && self.world.pipes[c][n].link != Link::Up {
            self.act(client, Step::Connect { client, node });
        }
    }

    /// The client library does not wait any longer, and sends the command again.
    pub(crate) fn resend(&mut self, parcel: Parcel) {
        let Parcel { client, node, .. } = parcel;
        let (c, n) = (usize::from(client), usize::from(node));
        let current = self.lanes[c][n].epoch == parcel.epoch && self.world.faults.resends > 0;
        let Some(index) = self.position(&parcel, false).filter(|_| current) else { return };
        if !self.world.pipes[c][n].may_resend(index) {
            return;
        }
        // Its first copy is on no connection that anybody listens to any more.
        let stray = Parcel { epoch: parcel.epoch - crate::post::FORGOTTEN, ..parcel };
        let mut known = self.lengths(client);
        let effects = self.take(Step::Resend { client, node, index: index as u8 });
        known[n] = self.world.pipes[c][n].len() - 1;
        let delay =
            self.roll(Question::StrayDelay, &parcel).below(self.plan.weather.delay.slow_max);
        self.note(self.now + delay * NANOS, Event::Stray(stray));
        self.follow(client, known, &effects);
    }
}
