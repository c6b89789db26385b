//! The observer: follows every value at every node, and every renewal from its sending to its
//! outcome, so that it can name the one [`Cause`] of what a user is told.
//!
//! It looks on and changes nothing. One step costs it no more than a look at every node and every
//! client, and no memory.

use leasehold::protocol::{Answer, Command, NodeSet, Rules};
use leasehold_world::threaded::Renewer;
use leasehold_world::{Effects, Executed, Program, Report, Scope, Step, Value, World, WorldTime};

mod judgement;

pub(crate) use judgement::Verdict;

/// What became of a value at a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fate {
    #[default]
    NeverStored,
    Stored,
    /// The lease's own release deleted it; or has run since, and nobody has taken its place.
    Released,
    Expired,
    /// It had expired, and would not have if the node's clock had kept within the drift allowance
    /// of its owner's.
    ExpiredEarly,
    /// The node lost it.
    Forgotten,
    /// The release of another lease deleted it.
    Deleted,
}

/// A value's past at a node.
#[derive(Clone, Copy, Debug, Default)]
struct Past<I> {
    /// How it was last stored, or how it left.
    fate: Fate,
    /// Whether a release of it has run since it was last stored, whatever it found.
    released: bool,
    /// When it was last set or extended there, on its owner's clock.
    stored_at: I,
}

/// A renewal that ran and did not find its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Denial {
    /// What the node held instead.
    pub(crate) holder: Value,
    /// What had become of the renewal's own value there.
    pub(crate) fate: Fate,
    /// Whether the client has heard of it.
    pub(crate) heard: bool,
}

/// The present renewal of a client, or its last one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Renewal<const N: usize> {
    /// Of which lease.
    pub(crate) value: Value,
    /// At which nodes.
    asked: NodeSet,
    /// Whether it was sent after the stop.
    after_stop: bool,
    /// Whether it was begun since the lease was last acquired or extended.
    fresh: bool,
    /// Nodes that the client has heard to have extended the lease.
    pub(crate) done: NodeSet,
    /// What ran and found another value or none.
    pub(crate) denials: [Option<Denial>; N],
}

/// What the observer remembers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct History<I, const N: usize, const C: usize> {
    /// What each node held after the last step.
    keys: [Value; N],
    /// Of the present lease of each client and of the one before it.
    pasts: [[[Past<I>; 2]; N]; C],
    renewals: [Renewal<N>; C],
    /// Clients that were not scheduled when something was due, and have not had the time that a
    /// renewal takes since.
    held_up: [bool; C],
    /// Clients with a lease that may be lost, or a renewal whose outcome may be told.
    awaiting: [bool; C],
    /// The same before the last server died.
    awaited: [bool; C],
}

impl<I: WorldTime, const N: usize, const C: usize> History<I, N, C> {
    /// Nothing has happened.
    pub(crate) fn new() -> Self {
        let renewal = Renewal {
            value: Value::NONE,
            asked: NodeSet::EMPTY,
            after_stop: false,
            fresh: false,
            done: NodeSet::EMPTY,
            denials: [None; N],
        };
        History {
            keys: [Value::NONE; N],
            pasts: [[[Past::default(); 2]; N]; C],
            renewals: [renewal; C],
            held_up: [false; C],
            awaiting: [false; C],
            awaited: [false; C],
        }
    }

    /// Follows one step, which has just been taken.
    pub(crate) fn note<R: Rules>(
        &mut self,
        world: &World<R, I, N, C>,
        scope: &Scope,
        step: &Step<I, N, C>,
        effects: &Effects<I>,
    ) {
        match *step {
            Step::Advance { .. } => self.note_gone(world, Fate::Expired),
            Step::Run { .. } => {
                if let Some(executed) = effects.executed {
                    self.note_executed(world, scope, executed);
                }
            }
            Step::Crash { .. } => {
                self.note_gone(world, Fate::Forgotten);
                self.awaited = self.awaiting;
                (0..C as u8).for_each(|client| self.note_awaiting(world, client));
            }
            Step::Reply { client, node, .. } => {
                self.note_heard(world, client, node, effects);
                self.note_awaiting(world, client);
            }
            Step::Start(client) | Step::Adopt(client) => {
                let present = usize::from(world.clients[usize::from(client)].generation % 2);
                for pasts in &mut self.pasts[usize::from(client)] {
                    pasts[present] = Past::default();
                }
                self.held_up[usize::from(client)] = false;
                self.note_awaiting(world, client);
            }
            Step::Tick(client) | Step::Task(client, _) => {
                if !effects.sent.extend.is_empty() {
                    self.note_sent(world, client, effects.sent.extend);
                }
                self.note_told(world, client, effects);
                self.note_awaiting(world, client);
            }
            Step::Resume(client) => {
                let late = world.clients[usize::from(client)].is_urgent(scope);
                self.held_up[usize::from(client)] |= late;
            }
            Step::Reset { client, .. } => {
                self.note_told(world, client, effects);
                self.note_awaiting(world, client);
            }
            Step::Stop(client) | Step::HandOver(client) | Step::Connect { client, .. } => {
                self.note_awaiting(world, client);
            }
            Step::Stall(_)
            | Step::Pause(_)
            | Step::Restart(_)
            | Step::Resend { .. }
            | Step::LoseScripts(_)
            | Step::Heal(_) => {}
        }
    }

    /// Whether `client` may yet be told that its lease is lost, or that the lock is taken.
    fn note_awaiting<R: Rules>(&mut self, world: &World<R, I, N, C>, client: u8) {
        let c = usize::from(client);
        self.awaiting[c] = match &world.clients[c].program {
            Program::Joined(joined) => joined.held(),
            Program::Threaded(threaded) => threaded.renewer == Renewer::InFlight,
        };
    }

    /// A renewal is sent.
    fn note_sent<R: Rules>(&mut self, world: &World<R, I, N, C>, client: u8, asked: NodeSet) {
        let sender = &world.clients[usize::from(client)];
        self.renewals[usize::from(client)] = Renewal {
            value: sender.value(client),
            asked,
            after_stop: sender.stopped(),
            fresh: true,
            done: NodeSet::EMPTY,
            denials: [None; N],
        };
    }

    fn note_heard<R: Rules>(
        &mut self,
        world: &World<R, I, N, C>,
        client: u8,
        node: u8,
        effects: &Effects<I>,
    ) {
        let renewal = &mut self.renewals[usize::from(client)];
        if let Some((Command::Extend, answer)) = effects.heard {
            // What was sent in an earlier round does not count in this one.
            if answer == Answer::Done && renewal.asked.contains(node) {
                renewal.done.insert(node);
            } else if let Some(denial) = &mut renewal.denials[usize::from(node)] {
                denial.heard = true;
            }
        }
        self.note_told(world, client, effects);
    }

    /// What a client is told of its renewals.
    fn note_told<R: Rules>(&mut self, world: &World<R, I, N, C>, client: u8, effects: &Effects<I>) {
        let c = usize::from(client);
        match effects.report {
            Some(Report::Acquired { .. } | Report::Extended { .. }) => {
                self.renewals[c].fresh = false;
                self.held_up[c] = false;
            }
            Some(Report::RenewalFailed) => {
                if !self.renewals[c].fresh {
                    // There was nobody to send it to.
                    self.note_sent(world, client, NodeSet::EMPTY);
                }
                // It had its time.
                self.held_up[c] = false;
            }
            Some(
                Report::Denied { .. }
                | Report::AlreadyTaken
                | Report::Lost(_)
                | Report::Released { .. }
                | Report::HandedOver { .. },
            )
            | None => {}
        }
    }

    /// The past of a value that is still followed.
    fn past<R: Rules>(
        &mut self,
        world: &World<R, I, N, C>,
        node: usize,
        value: Value,
    ) -> Option<&mut Past<I>> {
        let c = usize::from(value.client());
        let present = world.clients[c].generation;
        let followed = present - value.generation().min(present) < 2;
        followed.then(|| &mut self.pasts[c][node][usize::from(value.generation() % 2)])
    }

    /// Keys that have gone without a command.
    fn note_gone<R: Rules>(&mut self, world: &World<R, I, N, C>, fate: Fate) {
        for n in 0..N {
            let (before, now) = (self.keys[n], world.nodes[n].key);
            if before == now {
                continue;
            }
            self.keys[n] = now;
            if let Some(past) = self.past(world, n, before) {
                past.fate = fate;
            }
        }
    }

    fn note_executed<R: Rules>(
        &mut self,
        world: &World<R, I, N, C>,
        scope: &Scope,
        executed: Executed,
    ) {
        let Executed { client, node, command, value, answer, .. } = executed;
        let (c, n) = (usize::from(client), usize::from(node));
        let holder = self.keys[n];
        self.keys[n] = world.nodes[n].key;
        if holder != value && !holder.is_none() && self.keys[n].is_none() {
            // Not with the scripts that ship: they compare.
            if let Some(past) = self.past(world, n, holder) {
                past.fate = Fate::Deleted;
            }
        }
        let now = world.clients[c].now;
        let Some(past) = self.past(world, n, value) else { return };
        match command {
            Command::Release => {
                past.released = true;
                if past.fate == Fate::Stored {
                    past.fate = Fate::Released;
                }
            }
            Command::Extend if answer.denies() => {
                // Judged now, when the renewal needed it: a key that would be gone by now in any
                // case has not gone early.
                let config = scope.config_of(client);
                let lived = now.since(past.stored_at);
                let early = past.fate == Fate::Expired && lived + config.drift() < config.ttl();
                let taken = !holder.is_none() && holder.client() != client;
                let fate = match (past.released && !taken, early) {
                    // It would have been gone by now in any case.
                    (true, _) => Fate::Released,
                    (false, true) => Fate::ExpiredEarly,
                    (false, false) => past.fate,
                };
                let renewal = &mut self.renewals[c];
                if value == renewal.value && renewal.asked.contains(node) {
                    renewal.denials[n] = Some(Denial { holder, fate, heard: false });
                }
            }
            Command::Set | Command::Adopt | Command::Extend if answer == Answer::Done => {
                *past = Past { fate: Fate::Stored, released: false, stored_at: now };
            }
            Command::Set | Command::Adopt | Command::Extend | Command::Kill => {}
        }
    }

    /// The present renewal of a client, or its last one.
    pub(crate) fn renewal(&self, client: u8) -> &Renewal<N> {
        &self.renewals[usize::from(client)]
    }

    /// The denials that a client has heard, with their nodes.
    pub(crate) fn heard(&self, client: u8) -> impl Iterator<Item = (u8, &Denial)> + Clone {
        let denials = self.renewals[usize::from(client)].denials.iter().zip(0..);
        denials.filter_map(|(denial, n)| denial.as_ref().filter(|d| d.heard).map(|d| (n, d)))
    }
}
