//! The observer: follows every value at every node, and every renewal from its sending to its
//! outcome, so that it can name the one [`Cause`] of what a user is told.
//!
//! It looks on and changes nothing. One step costs it no more than a look at every node and every
//! client, and no memory.

use leasehold::protocol::{Answer, Command, LossCause, NodeSet, Phase, Round, Rules};
use leasehold_world::threaded::Renewer;
use leasehold_world::{
    Client, Effects, Executed, Program, Report, Scope, Step, Value, World, WorldTime,
};

use crate::cause::Cause;
use crate::counts::Told;

mod judgement;

/// What a user is told that needs an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Whose user.
    pub(crate) client: u8,
    /// What.
    pub(crate) told: Told,
    /// Why.
    pub(crate) cause: Cause,
}

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
    /// The same before the last step.
    awaited: [bool; C],
}

impl<I: WorldTime, const N: usize, const C: usize> History<I, N, C> {
    /// Nothing has happened.
    pub(crate) fn new() -> Self {
        let renewal = Renewal {
            value: Value::NONE,
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
            Step::Crash { .. } => self.note_gone(world, Fate::Forgotten),
            Step::Reply { client, node, .. } => self.note_heard(client, node, effects),
            Step::Start(client) => {
                let present = usize::from(world.clients[usize::from(client)].generation % 2);
                for pasts in &mut self.pasts[usize::from(client)] {
                    pasts[present] = Past::default();
                }
                self.held_up[usize::from(client)] = false;
            }
            Step::Tick(client) | Step::Task(client, _) => {
                if !effects.sent.extend.is_empty() {
                    self.note_sent(world, client);
                }
                self.note_told(client, effects);
            }
            Step::Resume(client) => {
                let late = world.clients[usize::from(client)].is_urgent(scope);
                self.held_up[usize::from(client)] |= late;
            }
            Step::Reset { client, .. } => self.note_told(client, effects),
            Step::Stop(_)
            | Step::Stall(_)
            | Step::Pause(_)
            | Step::Run { .. }
            | Step::Connect { .. }
            | Step::Restart(_)
            | Step::Resend { .. }
            | Step::LoseScripts(_)
            | Step::Heal(_) => {}
        }
        if let Some(executed) = effects.executed {
            self.note_executed(world, scope, executed);
        }
        self.awaited = self.awaiting;
        for (awaiting, client) in self.awaiting.iter_mut().zip(&world.clients) {
            *awaiting = may_be_told(client);
        }
    }

    /// A renewal is sent.
    fn note_sent<R: Rules>(&mut self, world: &World<R, I, N, C>, client: u8) {
        let sender = &world.clients[usize::from(client)];
        self.renewals[usize::from(client)] = Renewal {
            value: sender.value(client),
            after_stop: sender.stopped(),
            fresh: true,
            done: NodeSet::EMPTY,
            denials: [None; N],
        };
    }

    fn note_heard(&mut self, client: u8, node: u8, effects: &Effects<I>) {
        let renewal = &mut self.renewals[usize::from(client)];
        if let Some((Command::Extend, answer)) = effects.heard {
            if answer == Answer::Done {
                renewal.done.insert(node);
            } else if let Some(denial) = &mut renewal.denials[usize::from(node)] {
                denial.heard = true;
            }
        }
        self.note_told(client, effects);
    }

    /// What a client is told of its renewals.
    fn note_told(&mut self, client: u8, effects: &Effects<I>) {
        let c = usize::from(client);
        match effects.report {
            Some(Report::Acquired { .. } | Report::Extended { .. }) => {
                self.renewals[c].fresh = false;
                self.held_up[c] = false;
            }
            // This one had its time.
            Some(Report::RenewalFailed) => self.held_up[c] = false,
            Some(
                Report::Denied { .. }
                | Report::AlreadyTaken
                | Report::Lost(_)
                | Report::Released { .. },
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
        let config = scope.config_of(client);
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
                let lived = now.since(past.stored_at);
                let early = past.fate == Fate::Expired && lived + config.drift() < config.ttl();
                let taken = !holder.is_none() && holder.client() != client;
                let fate = match (past.released && !taken, early) {
                    // It would have been gone by now in any case.
                    (true, _) => Fate::Released,
                    (false, true) => Fate::ExpiredEarly,
                    (false, false) => past.fate,
                };
                if value == self.renewals[c].value {
                    self.renewals[c].denials[n] = Some(Denial { holder, fate, heard: false });
                }
            }
            Command::Set | Command::Extend if answer == Answer::Done => {
                *past = Past { fate: Fate::Stored, released: false, stored_at: now };
            }
            Command::Set | Command::Extend | Command::Kill => {}
        }
    }

    /// Who is told in this step that the lock is taken or that a lease is lost, and why.
    pub(crate) fn verdicts<R: Rules>(
        &self,
        world: &World<R, I, N, C>,
        scope: &Scope,
        step: &Step<I, N, C>,
        effects: &Effects<I>,
    ) -> [Option<Verdict>; C] {
        let Some(report) = &effects.report else { return [None; C] };
        std::array::from_fn(|c| {
            if !self.awaited[c] || self.awaiting[c] {
                return None;
            }
            let client = c as u8;
            let told = match step {
                Step::Crash { .. } => self.told_by_a_crash(world, scope, client)?,
                Step::Start(_)
                | Step::Tick(_)
                | Step::Stop(_)
                | Step::Task(..)
                | Step::Stall(_)
                | Step::Pause(_)
                | Step::Resume(_)
                | Step::Run { .. }
                | Step::Reply { .. }
                | Step::Reset { .. }
                | Step::Connect { .. }
                | Step::Restart(_)
                | Step::Resend { .. }
                | Step::LoseScripts(_)
                | Step::Heal(_)
                | Step::Advance { .. } => Told::of(report),
            };
            (told.is_loss() || told == Told::AlreadyTaken).then(|| {
                let cause = self.cause(world, client, told);
                Verdict { client, told, cause }
            })
        })
    }

    /// A server that dies may end the renewals of several clients at once, and the effects hold
    /// the last report only: what each is told follows from what it has heard.
    fn told_by_a_crash<R: Rules>(
        &self,
        world: &World<R, I, N, C>,
        scope: &Scope,
        client: u8,
    ) -> Option<Told> {
        let nodes = N as u8;
        let mut round = Round::<I>::begin(I::default(), nodes, NodeSet::all(nodes));
        for (node, denial) in self.heard(client) {
            let nobody = denial.holder.is_none();
            round.count(node, if nobody { Answer::Missing } else { Answer::Foreign });
        }
        let disproved = round.disproves(nodes, scope.mutated.quorum(nodes));
        match &world.clients[usize::from(client)].program {
            Program::Joined(joined) if joined.lease.phase() == Phase::Lost => {
                let taken = !round.tally.foreign.is_empty();
                Some(Told::of(&Report::<I>::Lost(match (disproved, taken) {
                    (false, _) => LossCause::Expired,
                    (true, false) => LossCause::Gone,
                    (true, true) => LossCause::Taken,
                })))
            }
            Program::Threaded(_) if disproved => Some(Told::AlreadyTaken),
            Program::Joined(_) | Program::Threaded(_) => None,
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

/// Whether a client may yet be told that its lease is lost, or that the lock is taken.
fn may_be_told<R: Rules, I: WorldTime>(client: &Client<R, I>) -> bool {
    match &client.program {
        Program::Joined(joined) => joined.held(),
        Program::Threaded(threaded) => threaded.renewer == Renewer::InFlight,
    }
}
