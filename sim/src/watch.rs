//! What is noted of every step: its hash, its text, its counts, the claims it breaks and the
//! dangers it approaches.

use leasehold::protocol::Mutated;
use leasehold_world::trace::Line;
use leasehold_world::{
    CLAIMS, Claim, ClaimSet, Effects, Scope, Step, World, WorldTime, approached, concerned,
    dangers, suspects,
};

use crate::counts::{Counts, Hazard, Told};
use crate::history::Verdict;
use crate::outcome::{Broken, Taken, TraceHash};
use crate::plan::Plan;

/// The most steps of one run, unless it is to last.
pub(crate) const STEPS: u32 = 1_000;

/// What is noted of a run.
#[derive(Debug)]
pub(crate) struct Watch {
    /// How many steps were taken.
    pub(crate) steps: u32,
    /// Over all of them.
    pub(crate) hash: TraceHash,
    /// What happened.
    pub(crate) counts: Counts,
    /// The first claim broken.
    pub(crate) broken: Option<Broken>,
    /// The first "lock already taken".
    pub(crate) taken: Option<Taken>,
    /// The claim broken by the last step, if the run ended with it.
    pub(crate) ended_by: Option<Claim>,
    /// The steps as text, if they are wanted.
    pub(crate) lines: Option<Vec<Line>>,
    /// Whether the run ends here.
    pub(crate) over: bool,
    /// Claims that say something about this scope and have not been broken yet.
    unbroken: ClaimSet,
    /// Dangers that were not approached yet.
    unseen: ClaimSet,
    /// Whether a run goes on after the first broken claim, until somebody reads "lock already
    /// taken".
    goes_on: bool,
    /// Whether it goes on after that too.
    to_the_end: bool,
    most_steps: u32,
}

impl Watch {
    /// Nothing was noted yet of a run of at most so many steps.
    pub(crate) fn new(plan: &Plan, most_steps: u32, recording: bool) -> Watch {
        Watch {
            most_steps,
            steps: 0,
            hash: TraceHash::default(),
            counts: Counts::of_one_run(),
            broken: None,
            taken: None,
            ended_by: None,
            lines: recording.then(Vec::new),
            over: false,
            unbroken: applicable(&plan.scope),
            unseen: ClaimSet::ALL,
            goes_on: plan.goes_on,
            to_the_end: plan.in_ticks,
        }
    }

    /// Whether the run is over.
    pub(crate) fn is_over(&self) -> bool {
        self.over || self.steps >= self.most_steps
    }

    /// Notes a step.
    pub(crate) fn note<I: WorldTime, const N: usize, const C: usize>(
        &mut self,
        world: &World<Mutated, I, N, C>,
        scope: &Scope,
        step: &Step<I, N, C>,
        effects: &Effects<I>,
    ) {
        self.steps += 1;
        take_in(&mut self.hash, step);
        if let Some(lines) = &mut self.lines {
            lines.push(Line { number: 0, step: step.to_string(), note: String::new() });
        }
        self.count(step, effects);
        let among = concerned(step, effects);
        for claim in approached(self.unseen.and(dangers(step, effects)), among.clients, world) {
            self.unseen.remove(claim);
            self.counts.witnessed(claim);
        }
        for claim in self.unbroken.and(suspects(step, effects, world.breaches)) {
            if !claim.holds_among(among, world, scope) {
                self.note_broken(claim);
            }
        }
    }

    fn note_broken(&mut self, claim: Claim) {
        self.unbroken.remove(claim);
        self.counts.broke(claim);
        if self.broken.is_none() {
            self.broken = Some(Broken { claim, step: self.steps });
            self.ended_by = (!self.goes_on).then_some(claim);
            self.over = !self.goes_on;
        }
    }

    /// Notes why somebody has just been told that a lease is lost, or "lock already taken". Ends a
    /// run that went on to see the latter.
    pub(crate) fn note_verdict<I: WorldTime, const N: usize, const C: usize>(
        &mut self,
        world: &World<Mutated, I, N, C>,
        scope: &Scope,
        verdict: &Verdict,
    ) {
        let Verdict { client, told, cause } = *verdict;
        self.counts.explained(told, cause);
        if !told.says_taken() {
            return;
        }
        let taken = Taken { client, step: self.steps, cause };
        if self.broken.is_none() || !self.goes_on || self.to_the_end {
            self.taken = self.taken.or(Some(taken));
            return;
        }
        // Of all that this step breaks, the message itself says most.
        let most = [Claim::NoStrayMessage, Claim::TrueCause, Claim::NothingReportedAfter];
        let all = most.into_iter().chain(CLAIMS).filter(|claim| claim.applies(scope));
        self.ended_by = all.into_iter().find(|claim| !claim.holds(world, scope));
        if self.ended_by.is_some() {
            self.taken = Some(taken);
            self.over = true;
        } else {
            self.taken = self.taken.or(Some(taken));
        }
    }

    fn count<I: WorldTime, const N: usize, const C: usize>(
        &mut self,
        step: &Step<I, N, C>,
        effects: &Effects<I>,
    ) {
        if let Some(report) = &effects.report {
            self.counts.heard(Told::of(report));
        }
        let hazard = match step {
            Step::Stall(_) => Hazard::Stall,
            Step::Pause(_) => Hazard::Pause,
            Step::Reset { .. } => Hazard::Reset,
            Step::Crash { keeps: true, .. } => Hazard::CrashKeeping,
            Step::Crash { keeps: false, .. } => Hazard::CrashLosing,
            Step::Resend { .. } => Hazard::Resend,
            Step::LoseScripts(_) => Hazard::ScriptsLost,
            Step::Start(_)
            | Step::Tick(_)
            | Step::Stop(_)
            | Step::HandOver(_)
            | Step::Adopt(_)
            | Step::Task(..)
            | Step::Resume(_)
            | Step::Run { .. }
            | Step::Reply { .. }
            | Step::Connect { .. }
            | Step::Restart(_)
            | Step::Heal(_)
            | Step::Advance { .. } => return,
        };
        self.counts.met(hazard);
    }
}

/// The claims that say something about this scope.
fn applicable(scope: &Scope) -> ClaimSet {
    let mut set = ClaimSet::default();
    CLAIMS.into_iter().filter(|claim| claim.applies(scope)).for_each(|claim| set.insert(claim));
    set
}

/// Takes a step into the hash: see [`TraceHash`].
fn take_in<I: WorldTime, const N: usize, const C: usize>(
    hash: &mut TraceHash,
    step: &Step<I, N, C>,
) {
    let word = |verb: u64, fields: [u8; 3]| {
        let [a, b, c] = fields.map(u64::from);
        verb | a << 8 | b << 16 | c << 24
    };
    let head = match *step {
        Step::Start(client) => word(0, [client, 0, 0]),
        Step::Tick(client) => word(1, [client, 0, 0]),
        Step::Stop(client) => word(2, [client, 0, 0]),
        Step::Task(client, task) => word(3, [client, task as u8, 0]),
        Step::Stall(client) => word(4, [client, 0, 0]),
        Step::Pause(client) => word(5, [client, 0, 0]),
        Step::Resume(client) => word(6, [client, 0, 0]),
        Step::Run { client, node, index } => word(7, [client, node, index]),
        Step::Reply { client, node, index } => word(8, [client, node, index]),
        Step::Reset { client, node } => word(9, [client, node, 0]),
        Step::Connect { client, node } => word(10, [client, node, 0]),
        Step::Crash { node, keeps } => word(11, [node, u8::from(keeps), 0]),
        Step::Restart(node) => word(12, [node, 0, 0]),
        Step::Advance { .. } => word(13, [0, 0, 0]),
        Step::Heal(client) => word(14, [client, 0, 0]),
        Step::Resend { client, node, index } => word(15, [client, node, index]),
        Step::LoseScripts(node) => word(16, [node, 0, 0]),
        Step::HandOver(client) => word(17, [client, 0, 0]),
        Step::Adopt(client) => word(18, [client, 0, 0]),
    };
    hash.add(head);
    if let Step::Advance { nodes, clients } = step {
        hash.add(TraceHash::fold(nodes.iter().chain(clients).map(|by| by.offset())));
    }
}
