//! Why somebody read "lock already taken": the one root cause, found by an observer who has
//! followed every value at every node.

use leasehold::protocol::{Answer, Command, NodeSet, Rules};
use leasehold_world::{Effects, Executed, Step, Value, World, WorldTime};

/// The root cause of a "lock already taken".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A renewal was sent after the stop and ran after the release.
    StrayRenewalAfterRelease,
    /// Another lease of the same client held the key.
    OwnNextLease,
    /// The lease had expired, and somebody else had taken the lock since.
    TakenByAnother,
    /// The lease had expired, and nobody held the lock.
    ExpiredNobodyHolds,
    /// A node had lost what it stored.
    NodeLostState,
    /// A node's clock had leapt ahead.
    NodeClockAhead,
    /// A command ran late, twice or never.
    LateOrRepeatedCommand,
    /// Somebody else held the lock all along.
    RealContention,
}

impl Cause {
    /// All of them, in the order of the tables.
    pub const ALL: [Cause; 8] = [
        Cause::StrayRenewalAfterRelease,
        Cause::OwnNextLease,
        Cause::TakenByAnother,
        Cause::ExpiredNobodyHolds,
        Cause::NodeLostState,
        Cause::NodeClockAhead,
        Cause::LateOrRepeatedCommand,
        Cause::RealContention,
    ];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Cause::StrayRenewalAfterRelease => "stray renewal after own release",
            Cause::OwnNextLease => "own next lease",
            Cause::TakenByAnother => "taken by another after expiry",
            Cause::ExpiredNobodyHolds => "expired, nobody holds",
            Cause::NodeLostState => "node lost its state",
            Cause::NodeClockAhead => "node clock ran ahead or jumped",
            Cause::LateOrRepeatedCommand => "late or repeated command",
            Cause::RealContention => "real contention",
        }
    }

    /// What happened, in one sentence.
    pub fn explanation(self) -> &'static str {
        match self {
            Cause::StrayRenewalAfterRelease => {
                "the renewal was sent after the stop and ran after the lease's own release: nobody \
                 had taken the lock"
            }
            Cause::OwnNextLease => {
                "the renewal met another lease of the same client: it is its own taker"
            }
            Cause::TakenByAnother => {
                "the key had expired before the renewal ran, and another client had taken the lock"
            }
            Cause::ExpiredNobodyHolds => {
                "the key had expired before the renewal ran, and nobody held the lock"
            }
            Cause::NodeLostState => "a node had lost what it stored, so the key was gone early",
            Cause::NodeClockAhead => "a node's clock had leapt ahead, so the key was gone early",
            Cause::LateOrRepeatedCommand => {
                "a command sent in time ran too late, twice or never, so the renewal found no key"
            }
            Cause::RealContention => "another client held the lock where this one never did",
        }
    }
}

/// What became of a value at a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fate {
    #[default]
    NeverStored,
    Stored,
    /// A release of it has run, whatever it found.
    Released,
    Expired,
    /// It expired because the clock had leapt.
    Leapt,
    /// The node lost it.
    Forgotten,
}

/// A renewal that ran and did not find its value.
#[derive(Clone, Copy, Debug)]
struct Denial {
    /// What the node held instead.
    holder: Value,
    /// What had become of the renewal's own value there.
    fate: Fate,
    /// Whether the client has heard of it.
    heard: bool,
}

/// What the observer remembers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct History<const N: usize, const C: usize> {
    /// What each node held after the last step.
    keys: [Value; N],
    /// Nodes whose clock has leapt since they last stored anything.
    leapt: NodeSet,
    /// Of the present lease of each client and of the one before it.
    fates: [[[Fate; 2]; N]; C],
    /// In the present renewal of each client.
    denials: [[Option<Denial>; N]; C],
    /// Clients whose present renewal was sent after the stop.
    sent_after_stop: [bool; C],
}

impl<const N: usize, const C: usize> History<N, C> {
    /// Nothing has happened.
    pub(crate) fn new() -> Self {
        History {
            keys: [Value::NONE; N],
            leapt: NodeSet::EMPTY,
            fates: [[[Fate::default(); 2]; N]; C],
            denials: [[None; N]; C],
            sent_after_stop: [false; C],
        }
    }

    /// The clock of `node` is about to leap.
    pub(crate) fn leaps(&mut self, node: u8) {
        self.leapt.insert(node);
    }

    /// Follows one step, which has just been taken.
    pub(crate) fn note<R: Rules, I: WorldTime>(
        &mut self,
        world: &World<R, I, N, C>,
        step: &Step<I, N, C>,
        effects: &Effects<I>,
    ) {
        match *step {
            Step::Advance { .. } => self.note_gone(world, false),
            Step::Crash { .. } => self.note_gone(world, true),
            Step::Reply { client, node, .. } => {
                let heard = matches!(effects.heard, Some((Command::Extend, _)));
                let denial = &mut self.denials[usize::from(client)][usize::from(node)];
                if let Some(denial) = denial.as_mut().filter(|_| heard) {
                    denial.heard = true;
                }
            }
            Step::Start(client) => {
                let present = usize::from(world.clients[usize::from(client)].generation % 2);
                for fates in &mut self.fates[usize::from(client)] {
                    fates[present] = Fate::NeverStored;
                }
            }
            Step::Tick(client) | Step::Task(client, _) => {
                let c = usize::from(client);
                if !effects.sent.extend.is_empty() {
                    self.denials[c] = [None; N];
                    self.sent_after_stop[c] = world.clients[c].stopped();
                }
            }
            Step::Stop(_)
            | Step::Stall(_)
            | Step::Pause(_)
            | Step::Resume(_)
            | Step::Run { .. }
            | Step::Reset { .. }
            | Step::Connect { .. }
            | Step::Restart(_)
            | Step::Resend { .. }
            | Step::LoseScripts(_)
            | Step::Heal(_) => {}
        }
        if let Some(executed) = effects.executed {
            self.note_executed(world, executed);
        }
    }

    /// The fate of a value that is still followed.
    fn fate<R: Rules, I: WorldTime>(
        &mut self,
        world: &World<R, I, N, C>,
        node: usize,
        value: Value,
    ) -> Option<&mut Fate> {
        let c = usize::from(value.client());
        let present = world.clients[c].generation;
        let followed = present - value.generation().min(present) < 2;
        followed.then(|| &mut self.fates[c][node][usize::from(value.generation() % 2)])
    }

    /// Keys that have gone without a command.
    fn note_gone<R: Rules, I: WorldTime>(&mut self, world: &World<R, I, N, C>, died: bool) {
        for n in 0..N {
            let (before, now) = (self.keys[n], world.nodes[n].key);
            if before == now {
                continue;
            }
            self.keys[n] = now;
            let leapt = self.leapt.contains(n as u8);
            if let Some(fate) = self.fate(world, n, before) {
                *fate = match (died, leapt) {
                    (true, _) => Fate::Forgotten,
                    (false, true) => Fate::Leapt,
                    (false, false) => Fate::Expired,
                };
            }
        }
    }

    fn note_executed<R: Rules, I: WorldTime>(
        &mut self,
        world: &World<R, I, N, C>,
        executed: Executed,
    ) {
        let Executed { client, node, command, value, answer, .. } = executed;
        let (c, n) = (usize::from(client), usize::from(node));
        let holder = self.keys[n];
        self.keys[n] = world.nodes[n].key;
        let Some(fate) = self.fate(world, n, value) else { return };
        match command {
            Command::Release => *fate = Fate::Released,
            Command::Extend if answer.denies() => {
                let denial = Denial { holder, fate: *fate, heard: false };
                if value.generation() == world.clients[c].generation {
                    self.denials[c][n] = Some(denial);
                }
            }
            Command::Set | Command::Extend if answer == Answer::Done => {
                *fate = Fate::Stored;
                self.leapt.remove(node);
            }
            Command::Set | Command::Extend | Command::Kill => {}
        }
    }

    /// Why `client` has just read "lock already taken". What happened at one node is enough to
    /// deny a renewal, so the gravest of what its nodes tell is the cause.
    pub(crate) fn cause(&self, client: u8) -> Cause {
        let denials = || self.denials[usize::from(client)].iter().flatten().filter(|d| d.heard);
        let met = |fate: Fate| denials().any(|denial| denial.fate == fate);
        let own = |denial: &Denial| !denial.holder.is_none() && denial.holder.client() == client;
        let other = |denial: &Denial| !denial.holder.is_none() && denial.holder.client() != client;
        if met(Fate::Forgotten) {
            Cause::NodeLostState
        } else if met(Fate::Leapt) {
            Cause::NodeClockAhead
        } else if denials().any(own) {
            Cause::OwnNextLease
        } else if met(Fate::Released) {
            if self.sent_after_stop[usize::from(client)] {
                Cause::StrayRenewalAfterRelease
            } else {
                Cause::LateOrRepeatedCommand
            }
        } else if met(Fate::Expired) {
            let taken = denials().any(|denial| denial.fate == Fate::Expired && other(denial));
            if taken { Cause::TakenByAnother } else { Cause::ExpiredNobodyHolds }
        } else if denials().any(other) {
            Cause::RealContention
        } else {
            Cause::LateOrRepeatedCommand
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause_of(denials: [Option<Denial>; 3], sent_after_stop: bool) -> Cause {
        let mut history = History::<3, 2>::new();
        history.denials[0] = denials;
        history.sent_after_stop[0] = sent_after_stop;
        history.cause(0)
    }

    fn denial(holder: Value, fate: Fate) -> Option<Denial> {
        Some(Denial { holder, fate, heard: true })
    }

    #[test]
    fn every_cause_is_told_from_the_others() {
        let (nobody, other, own) = (Value::NONE, Value::new(1, 1), Value::new(0, 2));
        let cases = [
            (nobody, Fate::Released, true, Cause::StrayRenewalAfterRelease),
            (own, Fate::Released, true, Cause::OwnNextLease),
            (other, Fate::Expired, false, Cause::TakenByAnother),
            (nobody, Fate::Expired, false, Cause::ExpiredNobodyHolds),
            (nobody, Fate::Forgotten, false, Cause::NodeLostState),
            (other, Fate::Forgotten, false, Cause::NodeLostState),
            (nobody, Fate::Leapt, false, Cause::NodeClockAhead),
            (nobody, Fate::Released, false, Cause::LateOrRepeatedCommand),
            (nobody, Fate::NeverStored, false, Cause::LateOrRepeatedCommand),
            (other, Fate::NeverStored, false, Cause::RealContention),
        ];
        for (holder, fate, sent_after_stop, wanted) in cases {
            let denials = [None, denial(holder, fate), None];
            assert_eq!(cause_of(denials, sent_after_stop), wanted, "{holder:?} {fate:?}");
        }
    }

    #[test]
    fn what_the_client_has_not_heard_explains_nothing() {
        let unheard = Denial { holder: Value::NONE, fate: Fate::Forgotten, heard: false };
        let denials = [Some(unheard), denial(Value::NONE, Fate::Expired), None];
        assert_eq!(cause_of(denials, false), Cause::ExpiredNobodyHolds);
    }

    #[test]
    fn a_lost_state_is_graver_than_an_expiry_elsewhere() {
        let denials =
            [denial(Value::NONE, Fate::Expired), denial(Value::NONE, Fate::Forgotten), None];
        assert_eq!(cause_of(denials, false), Cause::NodeLostState);
    }
}
