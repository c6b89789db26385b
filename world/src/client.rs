//! One client: its clock, the program it runs, and what an observer remembers about it.

use std::hash::{Hash, Hasher};

use leasehold::protocol::{Command, NodeSet, Rules};

use crate::joined::Joined;
use crate::message::Value;
use crate::scope::{Lifecycle, Scope};
use crate::threaded::{Main, Threaded};
use crate::time::WorldTime;

/// The program a client runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Program<R, I> {
    /// The shipped lifecycle: the library's own machine.
    Joined(Joined<R, I>),
    /// One of the broken ones: a main task and a renewer.
    Threaded(Threaded<R, I>),
}

/// What an observer outside remembers. No program reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ghost<I> {
    /// Nodes where a release of the present lease has run, and of the one before it.
    pub released: [NodeSet; 2],
    /// Nodes where an extend of the present lease has run after a release of it.
    pub overtaken: NodeSet,
    /// Whether the present lease has been believed.
    pub believed: bool,
    /// Whether somebody else believed after that, while this client did not.
    pub interloped: bool,
    /// Whether a foreign value was heard of since the last round began.
    pub saw_foreign: bool,
    /// The same for a renewal of the lease before that is still under way.
    pub past_saw_foreign: bool,
    /// Whether it has believed since the world healed for it.
    pub served: bool,
    /// How long, on its own clock and while scheduled, the client has been releasing.
    pub releasing_for: I,
}

impl<I> Ghost<I> {
    /// Whether a foreign value was heard of in the round of the lease before, or in the present
    /// one.
    pub(crate) fn saw_foreign_in(&mut self, past: bool) -> &mut bool {
        if past { &mut self.past_saw_foreign } else { &mut self.saw_foreign }
    }
}

/// All of it in one word, and the time.
impl<I: Hash> Hash for Ghost<I> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [even, odd] = self.released;
        let sets = NodeSet::in_one_word([NodeSet::EMPTY, even, odd, self.overtaken]);
        let Ghost { believed, interloped, saw_foreign, past_saw_foreign, served, .. } = *self;
        let flags = [past_saw_foreign, believed, interloped, saw_foreign, served];
        let flags = flags.iter().fold(0, |bits, &flag| bits << 1 | u64::from(flag));
        state.write_u64(flags << 48 | sets);
        self.releasing_for.hash(state);
    }
}

/// One client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Client<R, I> {
    /// Its own clock.
    pub now: I,
    /// What it runs.
    pub program: Program<R, I>,
    /// The number of its present lease, from 1; 0 before the first.
    pub generation: u8,
    /// How many more leases it may try to acquire.
    pub starts_left: u8,
    /// How many more renewals it may begin.
    pub renewals_left: u8,
    /// Whether it is not scheduled.
    pub paused: bool,
    /// What an observer remembers.
    pub ghost: Ghost<I>,
}

impl<R: Rules, I: WorldTime> Client<R, I> {
    /// Client number `client` at the beginning.
    pub fn new(scope: &Scope, client: u8, rules: R) -> Self {
        let role = scope.role(client);
        let program = match scope.lifecycle {
            Lifecycle::Joined => Program::Joined(Joined::new(rules)),
            Lifecycle::Detached | Lifecycle::Sleep | Lifecycle::DoubleCheck => {
                Program::Threaded(Threaded::new(rules))
            }
        };
        Client {
            now: I::default(),
            program,
            generation: 0,
            starts_left: role.starts,
            renewals_left: role.renewals,
            paused: false,
            ghost: Ghost::default(),
        }
    }

    /// The value of its present lease.
    pub fn value(&self, client: u8) -> Value {
        if self.generation == 0 { Value::NONE } else { Value::new(client, self.generation) }
    }

    /// Whether its user believes, now, to hold the lock.
    pub fn believes(&self) -> bool {
        match &self.program {
            Program::Joined(joined) => joined.lease.believes(self.now),
            Program::Threaded(threaded) => threaded.believes(self.now),
        }
    }

    /// Whether the present lease may believe now or later, and what happened before matters then:
    /// to one that is held, or that tries to take over another.
    pub fn may_believe(&self) -> bool {
        match &self.program {
            Program::Joined(joined) => joined.held() || joined.adopting(),
            Program::Threaded(threaded) => threaded.main == Main::Working,
        }
    }

    /// What the present lease took over, or tries to, if it began with an adoption.
    pub fn adopted(&self) -> Option<Value> {
        match &self.program {
            Program::Joined(joined) => joined.adopted(),
            Program::Threaded(_) => None,
        }
    }

    /// Whether the stop of the present lease was accepted.
    pub fn stopped(&self) -> bool {
        match &self.program {
            Program::Joined(joined) => joined.stopped(),
            Program::Threaded(threaded) => threaded.stopped(),
        }
    }

    /// Whether the user waits for a release that is bounded in time.
    pub fn releasing(&self) -> bool {
        match &self.program {
            Program::Joined(joined) => joined.releasing(),
            Program::Threaded(_) => false,
        }
    }

    /// Whether the present lease has been reported as over and only debts remain.
    pub fn only_owes(&self) -> bool {
        match &self.program {
            Program::Joined(joined) => joined.only_owes(),
            Program::Threaded(threaded) => threaded.only_owes(),
        }
    }

    /// Whether any step of it may be one that nobody notices: a cheap first look.
    pub(crate) fn may_be_hastened(&self) -> bool {
        match &self.program {
            Program::Joined(joined) => joined.only_owes(),
            Program::Threaded(_) => true,
        }
    }

    /// Whether the program throws an answer to `command` away, now and later.
    pub fn ignores(&self, command: Command) -> bool {
        match &self.program {
            Program::Joined(_) => false,
            Program::Threaded(threaded) => threaded.ignores(command, self.renewals_left),
        }
    }

    /// Whether lease `generation` is over and all its releases are acknowledged.
    pub fn settled(&self, generation: u8) -> bool {
        match &self.program {
            Program::Joined(joined) => joined.settled(generation, self.generation),
            Program::Threaded(threaded) => threaded.settled(),
        }
    }

    /// Whether something must happen before time may pass for this client.
    pub fn is_urgent(&self, scope: &Scope) -> bool {
        if self.paused {
            return false;
        }
        match &self.program {
            Program::Joined(joined) => {
                joined.due(self.renewals_left).is_some_and(|at| at <= self.now)
            }
            Program::Threaded(threaded) => threaded.is_urgent(scope, self.now, self.renewals_left),
        }
    }

    /// Whether a task of it is not scheduled although it could run.
    pub fn is_stalled(&self) -> bool {
        match &self.program {
            Program::Joined(_) => false,
            Program::Threaded(threaded) => threaded.stalled,
        }
    }

    /// The next moment at which it becomes urgent by itself, if there is one.
    pub fn next_due(&self, scope: &Scope) -> Option<I> {
        match &self.program {
            Program::Joined(joined) => joined.due(self.renewals_left),
            Program::Threaded(threaded) => threaded.due(scope, self.renewals_left),
        }
    }

    /// The observer's slot for lease `generation`; only the present lease and the one before it
    /// are remembered.
    pub fn released_at(&mut self, generation: u8) -> Option<&mut NodeSet> {
        let recent = generation > 0 && self.generation.saturating_sub(generation) <= 1;
        recent.then(|| &mut self.ghost.released[usize::from(generation % 2)])
    }
}
