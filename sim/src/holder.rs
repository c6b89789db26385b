//! Who believed last, and until when, in true time: what only the simulator knows.
//!
//! Three measures are taken of it. *Slack* is how long after the end of one client's belief the
//! next client's begins; below zero, two believe at once. *Spare* is how long after the end of a
//! belief no majority of nodes could have granted the lock to anybody else: the least that the
//! slack could have been. *Tenure* is how long leases are held in a run that lasts, and how many
//! are lost.

use leasehold::protocol::{Mutated, Span};
use leasehold_world::{Client, Program, Report, Step, WorldTime};

use crate::clock::TrueTime;
use crate::run::Run;
use crate::tenure::{End, Tenure};

/// The client that began to believe last.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Holder {
    /// Which; nobody yet, at first.
    client: Option<u8>,
    /// When its belief ended, and how, if it has.
    ended: Option<(TrueTime, End)>,
    /// Every client that believes, as bits: one at most, if all is well.
    believers: u64,
    /// When it began.
    began: TrueTime,
    /// When its first validity ends: before that, its lease cannot be lost.
    at_risk_from: TrueTime,
    /// The end of its belief on its own clock, as it was reported last.
    until: Span,
    /// The least slack so far.
    pub(crate) slack: Option<TrueTime>,
    /// The least that any slack could have been, so far, if that is measured.
    pub(crate) spare: Option<TrueTime>,
    /// How long leases were held.
    pub(crate) tenure: Tenure,
}

impl Holder {
    /// Nobody yet; of leases, what is before `observed_from` does not count.
    pub(crate) fn observed_from(observed_from: TrueTime) -> Holder {
        Holder { tenure: Tenure { observed_from, ..Tenure::default() }, ..Holder::default() }
    }
}

impl<I: WorldTime, const N: usize, const C: usize> Run<'_, I, N, C> {
    /// When the holder's belief ends if nothing else happens before.
    pub(crate) fn outlook(&self) -> TrueTime {
        let left = self.believer().map(|client| self.belief_left(client));
        self.now + left.unwrap_or(0)
    }

    /// The holder, if it believes.
    fn believer(&self) -> Option<u8> {
        self.holder.client.filter(|client| self.holder.believers & 1 << client != 0)
    }

    /// Before time passes until `next`: how long after the end of the holder's belief a majority of
    /// nodes will be free, if it ends in that time.
    #[cold]
    #[inline(never)]
    pub(crate) fn note_spare(&mut self, next: TrueTime) {
        let Some(client) = self.believer() else { return };
        let left = self.belief_left(client);
        if self.now + left <= next {
            let spare = self.free_after(client) - left;
            self.holder.spare = self.holder.spare.into_iter().chain([spare]).min();
        }
    }

    /// How much longer a client will believe, in true time.
    fn belief_left(&self, client: u8) -> TrueTime {
        let c = usize::from(client);
        let state = &self.world.clients[c];
        let left = valid_until(state).map_or(0, |until| until.since(state.now));
        self.client_clocks[c].until(left)
    }

    /// After a step that lets no time pass: somebody may have begun or ceased to believe.
    pub(crate) fn note_belief(&mut self, step: &Step<I, N, C>, report: Option<Report<I>>) {
        if I::IN_TICKS {
            return;
        }
        let client = match *step {
            Step::Start(client)
            | Step::Tick(client)
            | Step::Stop(client)
            | Step::HandOver(client)
            | Step::Adopt(client)
            | Step::Task(client, _)
            | Step::Reply { client, .. }
            | Step::Reset { client, .. }
            | Step::Connect { client, .. } => client,
            Step::Crash { .. } => return self.note_ends(self.now, End::Gone),
            // Who held the lock is dead, or alone.
            Step::Heal(_) => {
                (self.holder.client, self.holder.believers) = (None, 0);
                return;
            }
            Step::Stall(_)
            | Step::Pause(_)
            | Step::Resume(_)
            | Step::Run { .. }
            | Step::Resend { .. }
            | Step::Restart(_)
            | Step::LoseScripts(_)
            | Step::Advance { .. } => return,
        };
        let believes = self.world.clients[usize::from(client)].believes();
        let believed = self.holder.believers & 1 << client != 0;
        if believes && !believed {
            self.note_begin(client);
        } else if believed && !believes {
            let stops = matches!(step, Step::Stop(_) | Step::HandOver(_) | Step::Task(..));
            self.note_end(client, self.now, if stops { End::Stopped } else { End::Gone });
        }
        if let Some(Report::Acquired { valid_until } | Report::Extended { valid_until }) = report {
            let now = self.world.clients[usize::from(client)].now.offset();
            let renewed = believed.then_some(self.holder.until - now);
            self.holder.tenure.renewed(renewed);
            self.holder.until = valid_until.offset();
        }
    }

    /// After time has passed: beliefs may have run out, that of the holder at `ends_at`.
    pub(crate) fn note_ends(&mut self, ends_at: TrueTime, how: End) {
        let mut left = self.holder.believers;
        while left != 0 {
            let client = left.trailing_zeros() as u8;
            left &= left - 1;
            if !self.world.clients[usize::from(client)].believes() {
                let at = if self.holder.client == Some(client) { ends_at } else { self.now };
                self.note_end(client, at.min(self.now), how);
            }
        }
    }

    fn note_begin(&mut self, client: u8) {
        if let Some(other) = self.holder.client.filter(|&other| other != client) {
            let slack = match self.holder.ended {
                None => Some(-self.belief_left(other)),
                // What follows a stop follows from the release, and tells nothing.
                Some((_, End::Stopped)) => None,
                Some((at, End::Expired | End::Gone)) => Some(self.now - at),
            };
            self.holder.slack = self.holder.slack.into_iter().chain(slack).min();
        }
        self.holder.believers |= 1 << client;
        self.holder.client = Some(client);
        self.holder.ended = None;
        self.holder.began = self.now;
        self.holder.at_risk_from = self.now + self.belief_left(client);
    }

    fn note_end(&mut self, client: u8, at: TrueTime, how: End) {
        self.holder.believers &= !(1 << client);
        if self.holder.client == Some(client) {
            self.holder.ended = Some((at, how));
            let paused = self.world.clients[usize::from(client)].paused;
            self.holder.tenure.ended(self.holder.began, at, how, paused);
        }
    }

    /// How long it will be until a majority of nodes could grant the lock to somebody else than
    /// this client. A node that is down could not for long.
    fn free_after(&self, client: u8) -> TrueTime {
        let value = self.world.clients[usize::from(client)].value(client);
        let mut each: [TrueTime; N] = std::array::from_fn(|n| {
            let (node, clock) = (&self.world.nodes[n], &self.node_clocks[n]);
            let key = clock.until(node.gone_at.since(node.now));
            let guard = clock.until(node.young_until.since(node.now));
            match (node.down, node.key == value) {
                (true, _) => TrueTime::MAX,
                (false, true) => key.max(guard),
                (false, false) => guard,
            }
        });
        each.sort_unstable();
        // So many free nodes are a quorum.
        each[N / 2]
    }

    /// At the end of the run.
    pub(crate) fn tenure(&self) -> Tenure {
        let mut tenure = self.holder.tenure;
        if self.holder.client.is_some() && self.holder.ended.is_none() {
            tenure.held(self.holder.at_risk_from, self.now);
        }
        tenure
    }
}

/// The end of a client's belief, on its own clock.
fn valid_until<I: WorldTime>(client: &Client<Mutated, I>) -> Option<I> {
    match &client.program {
        Program::Joined(joined) => joined.lease.valid_until(),
        Program::Threaded(threaded) => Some(threaded.valid_until),
    }
}
