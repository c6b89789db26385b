//! The passing of time: true time goes on to the next event or deadline, and every clock by its own
//! rate with it.

use leasehold::protocol::Span;
use leasehold_world::{Step, WorldTime};

use crate::agenda::Event;
use crate::clock::{NANOS, TrueTime};
use crate::dice::Question;
use crate::run::Run;
use crate::tenure::End;

/// How often a clock slips by a tick while it may, in a run that is counted in ticks.
const SLIP_PPM: u32 = 200_000;

impl<I: WorldTime, const N: usize, const C: usize> Run<'_, I, N, C> {
    /// When the present instant ends, in true time: what happens before that happens at once, as
    /// far as any clock can tell. In ticks there is room for much in one instant, in any order.
    pub(crate) fn instant_ends(&self) -> TrueTime {
        if I::IN_TICKS { (self.now / NANOS + 1) * NANOS } else { self.now + 1 }
    }

    /// Notes what somebody does at `at`; in ticks, at any point of that instant.
    pub(crate) fn note(&mut self, at: TrueTime, event: Event) {
        let mut at = at;
        if I::IN_TICKS {
            let roll = self.dice.roll(Question::Within, self.agenda.noted().into());
            at += roll.below(NANOS - at % NANOS);
        }
        self.agenda.note(at, event);
    }

    /// Lets time pass until the next event or deadline; in ticks by one tick, since a clock that
    /// slips may make somebody act before that, and until the end of the run, since a key may
    /// still expire when nobody does anything any more.
    pub(crate) fn pass_time(&mut self) -> bool {
        if I::IN_TICKS {
            self.advance_to(self.instant_ends());
            return true;
        }
        let due = self.dues.iter().copied().min().unwrap_or(TrueTime::MAX);
        let next = Some(self.agenda.next_at().map_or(due, |at| at.min(due)));
        let Some(next) = next.filter(|&at| at <= self.horizon) else { return false };
        self.advance_to(next);
        true
    }

    /// Every clock moves on to what it shows at `next`; in ticks that is at most one tick away.
    pub(crate) fn advance_to(&mut self, next: TrueTime) {
        let by = next - self.now;
        if self.plan.arranged.measures_spare {
            self.note_spare(next);
        }
        let outlook = self.outlook();
        self.now = next;
        let nodes = self.node_clocks.each_mut().map(|clock| clock.advance(by));
        let clients = self.client_clocks.each_mut().map(|clock| clock.advance(by));
        let most = nodes.iter().chain(&clients).copied().max().unwrap_or(0);
        if I::IN_TICKS && most > 0 {
            self.tick();
        } else if most > 0 {
            let (nodes, clients) = (nodes.map(I::at), clients.map(I::at));
            let _ = self.take(Step::Advance { nodes, clients });
            self.note_ends(outlook, End::Expired);
        }
    }

    /// One tick passes, and some clock may slip.
    fn tick(&mut self) {
        let (mut nodes, mut clients) = ([I::at(1); N], [I::at(1); C]);
        let roll = self.dice.roll(Question::Slip, self.watch.steps.into());
        if roll.chance(SLIP_PPM) {
            let which = roll.again();
            let by: Span = if which.chance(500_000) { 2 } else { 0 };
            let which = which.again();
            if self.world.faults.node_slips > 0 && which.chance(500_000) {
                nodes[which.again().below(N as i64) as usize] = I::at(by);
            } else if self.world.faults.client_slips > 0 {
                clients[which.again().below(C as i64) as usize] = I::at(by);
            }
        }
        let _ = self.take(Step::Advance { nodes, clients });
    }

    /// The true time at which a client's clock will show `at`; now, if it does already.
    pub(crate) fn when(&self, client: u8, at: I) -> TrueTime {
        let c = usize::from(client);
        self.now + self.client_clocks[c].until(at.since(self.world.clients[c].now))
    }
}
