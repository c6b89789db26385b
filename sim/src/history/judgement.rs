//! Who is told what, and its one cause, decided from what the observer has seen.
//!
//! A denied renewal is judged by what its nodes have told the client: what had become of the
//! lease's value there, and who held the key instead. One node too few is enough to deny, so the
//! gravest of them is the cause. A lease that expired is judged by what kept its renewals from
//! succeeding: the client itself, or its nodes.

use leasehold::protocol::{Answer, LossCause, NodeSet, Phase, Round, Rules};
use leasehold_world::{Effects, Program, Report, Scope, Step, Value, World, WorldTime};

use super::{Denial, Fate, History};
use crate::cause::Cause;
use crate::counts::Told;

/// Who held the key where a renewal was denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    /// Nobody; or an earlier lease of the same client, which is over.
    Nobody,
    /// A later lease of the same client.
    OwnNext,
    /// Another client.
    Another,
}

impl Denial {
    fn held_by(&self, own: Value) -> Holder {
        if self.holder.is_none() {
            Holder::Nobody
        } else if self.holder.client() != own.client() {
            Holder::Another
        } else if self.holder.generation() > own.generation() {
            Holder::OwnNext
        } else {
            Holder::Nobody
        }
    }

    fn shows(&self, cause: Cause, own: Value) -> bool {
        let another = self.held_by(own) == Holder::Another;
        match cause {
            Cause::NodeLostState => self.fate == Fate::Forgotten,
            Cause::NodeClockAhead => self.fate == Fate::ExpiredEarly,
            Cause::DeletedByAnother => self.fate == Fate::Deleted,
            Cause::OwnNextLease => self.held_by(own) == Holder::OwnNext,
            Cause::TakenByAnother => self.fate == Fate::Expired && another,
            Cause::RealContention => another,
            Cause::StrayRenewalAfterRelease => self.fate == Fate::Released,
            Cause::ExpiredNobodyHolds => self.fate == Fate::Expired,
            Cause::LateOrRepeatedCommand => {
                matches!(self.fate, Fate::Released | Fate::NeverStored)
            }
        }
    }
}

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

impl<I: WorldTime, const N: usize, const C: usize> History<I, N, C> {
    /// Who is told in this step that the lock is taken or that a lease is lost, and why.
    #[inline]
    pub(crate) fn verdicts<R: Rules>(
        &self,
        world: &World<R, I, N, C>,
        scope: &Scope,
        step: &Step<I, N, C>,
        effects: &Effects<I>,
    ) -> [Option<Verdict>; C] {
        match &effects.report {
            Some(report) => self.verdicts_on(world, scope, step, Told::of(report)),
            None => [None; C],
        }
    }

    fn verdicts_on<R: Rules>(
        &self,
        world: &World<R, I, N, C>,
        scope: &Scope,
        step: &Step<I, N, C>,
        told: Told,
    ) -> [Option<Verdict>; C] {
        let everybody = matches!(step, Step::Crash { .. });
        if !everybody && !told.is_loss() && told != Told::AlreadyTaken {
            return [None; C];
        }
        let actor = step.client();
        std::array::from_fn(|c| {
            let client = c as u8;
            let told = if everybody {
                self.told_by_a_crash(world, scope, client)?
            } else {
                (actor == Some(client)).then_some(told)?
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
        let c = usize::from(client);
        if !self.awaited[c] || self.awaiting[c] {
            return None;
        }
        let nodes = N as u8;
        let mut round = Round::<I>::begin(I::default(), nodes, NodeSet::all(nodes));
        for (node, denial) in self.heard(client) {
            let nobody = denial.holder.is_none();
            round.count(node, if nobody { Answer::Missing } else { Answer::Foreign });
        }
        let disproved = round.disproves(nodes, scope.mutated.quorum(nodes));
        match &world.clients[c].program {
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

    /// Why `client` has just been told this.
    fn cause<R: Rules>(&self, world: &World<R, I, N, C>, client: u8, told: Told) -> Cause {
        if told == Told::LostExpired {
            self.cause_of_expiry(world, client)
        } else {
            self.cause_of_denial(client)
        }
    }

    /// Why the renewal of `client` has been denied.
    fn cause_of_denial(&self, client: u8) -> Cause {
        let renewal = self.renewal(client);
        let denials = || self.heard(client).map(|(_, denial)| denial);
        let met = |fate: Fate| denials().any(|denial| denial.fate == fate);
        let held_by = |holder| denials().any(|denial| denial.held_by(renewal.value) == holder);
        let taken = |fate: Fate| {
            denials().any(|denial| {
                denial.fate == fate && denial.held_by(renewal.value) == Holder::Another
            })
        };
        if met(Fate::Forgotten) {
            Cause::NodeLostState
        } else if met(Fate::ExpiredEarly) {
            Cause::NodeClockAhead
        } else if met(Fate::Deleted) {
            Cause::DeletedByAnother
        } else if held_by(Holder::OwnNext) {
            Cause::OwnNextLease
        } else if taken(Fate::Expired) {
            Cause::TakenByAnother
        } else if held_by(Holder::Another) {
            Cause::RealContention
        } else if met(Fate::Released) && renewal.after_stop {
            Cause::StrayRenewalAfterRelease
        } else if met(Fate::Released) {
            Cause::LateOrRepeatedCommand
        } else if met(Fate::Expired) {
            Cause::ExpiredNobodyHolds
        } else {
            Cause::LateOrRepeatedCommand
        }
    }

    /// Why the lease of `client` has expired before a renewal succeeded.
    fn cause_of_expiry<R: Rules>(&self, world: &World<R, I, N, C>, client: u8) -> Cause {
        if self.never_renewed(world, client) {
            let mut others = (0..C as u8).zip(&world.clients).filter(|(c, _)| *c != client);
            return if others.any(|(_, other)| other.believes()) {
                Cause::TakenByAnother
            } else {
                Cause::ExpiredNobodyHolds
            };
        }
        let heard = |fate: Fate| self.heard(client).any(|(_, denial)| denial.fate == fate);
        if !self.forgetful(world, client).is_empty() {
            Cause::NodeLostState
        } else if heard(Fate::ExpiredEarly) {
            Cause::NodeClockAhead
        } else if heard(Fate::Deleted) {
            Cause::DeletedByAnother
        } else {
            Cause::LateOrRepeatedCommand
        }
    }

    /// Whether it is the client's own doing that no renewal has succeeded: it has begun none, or
    /// was not scheduled when one was due or to be heard.
    pub(crate) fn never_renewed<R: Rules>(&self, world: &World<R, I, N, C>, client: u8) -> bool {
        let c = usize::from(client);
        !self.renewals[c].fresh || self.held_up[c] || world.clients[c].paused
    }

    /// Nodes that have not extended the lease of `client` because they lost it, or because a guard
    /// withholds them, for they may have.
    pub(crate) fn forgetful<R: Rules>(&self, world: &World<R, I, N, C>, client: u8) -> NodeSet {
        let c = usize::from(client);
        let lease = &world.clients[c];
        let mut nodes = NodeSet::EMPTY;
        for n in (0..N as u8).filter(|&n| !self.renewals[c].done.contains(n)) {
            let past = &self.pasts[c][usize::from(n)][usize::from(lease.generation % 2)];
            let guarded = lease.now < world.guarded_until[c][usize::from(n)];
            if past.fate == Fate::Forgotten || guarded {
                nodes.insert(n);
            }
        }
        nodes
    }

    /// The nodes whose denials show that a renewal of `client` was denied for this cause; no more
    /// of them than it takes, if each shows the same.
    pub(crate) fn evidence(&self, scope: &Scope, client: u8, cause: Cause) -> NodeSet {
        let own = self.renewal(client).value;
        let enough = N - usize::from(scope.mutated.quorum(N as u8)) + 1;
        let shows = self.heard(client).filter(|(_, denial)| denial.shows(cause, own));
        let mut nodes = NodeSet::EMPTY;
        shows.take(enough).for_each(|(node, _)| nodes.insert(node));
        nodes
    }
}

#[cfg(test)]
mod tests {
    use leasehold::protocol::Ticks;

    use super::*;

    const OWN: fn() -> Value = || Value::new(0, 1);

    fn cause_of(denials: [Option<Denial>; 3], after_stop: bool) -> Cause {
        let mut history = History::<Ticks, 3, 2>::new();
        let renewal = &mut history.renewals[0];
        (renewal.value, renewal.denials, renewal.after_stop) = (OWN(), denials, after_stop);
        let cause = history.cause_of_denial(0);
        let shows = |(_, denial): (u8, &Denial)| denial.shows(cause, OWN());
        assert!(history.heard(0).any(shows), "{cause:?} has no evidence");
        cause
    }

    fn denial(holder: Value, fate: Fate) -> Option<Denial> {
        Some(Denial { holder, fate, heard: true })
    }

    #[test]
    fn every_cause_is_told_from_the_others() {
        let (nobody, other, next) = (Value::NONE, Value::new(1, 1), Value::new(0, 2));
        let cases = [
            (nobody, Fate::Released, true, Cause::StrayRenewalAfterRelease),
            (next, Fate::Released, true, Cause::OwnNextLease),
            (next, Fate::Released, false, Cause::OwnNextLease),
            (other, Fate::Released, true, Cause::RealContention),
            (other, Fate::Expired, false, Cause::TakenByAnother),
            (nobody, Fate::Expired, false, Cause::ExpiredNobodyHolds),
            (nobody, Fate::Forgotten, false, Cause::NodeLostState),
            (other, Fate::Forgotten, false, Cause::NodeLostState),
            (nobody, Fate::ExpiredEarly, false, Cause::NodeClockAhead),
            (nobody, Fate::Released, false, Cause::LateOrRepeatedCommand),
            (nobody, Fate::NeverStored, false, Cause::LateOrRepeatedCommand),
            (other, Fate::NeverStored, false, Cause::RealContention),
            (nobody, Fate::Deleted, false, Cause::DeletedByAnother),
        ];
        for (holder, fate, after_stop, wanted) in cases {
            let denials = [None, denial(holder, fate), None];
            assert_eq!(cause_of(denials, after_stop), wanted, "{holder:?} {fate:?}");
        }
        let seen = |cause| cases.iter().any(|case| case.3 == cause);
        assert!(Cause::ALL.into_iter().all(seen));
    }

    #[test]
    fn an_earlier_lease_of_the_same_client_is_nobody() {
        let mut history = History::<Ticks, 1, 1>::new();
        let renewal = &mut history.renewals[0];
        renewal.value = Value::new(0, 2);
        renewal.denials = [denial(Value::new(0, 1), Fate::Expired)];
        assert_eq!(history.cause_of_denial(0), Cause::ExpiredNobodyHolds);
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
