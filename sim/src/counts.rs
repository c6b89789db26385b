//! What happened in one run or in many: added up, in a fixed order.

use leasehold::protocol::LossCause;
use leasehold_world::{CLAIMS, Claim, Report, WITNESSES};

use crate::cause::Cause;
use crate::cause_counts::{CauseCount, Causes};
use crate::expected::{expects_hazard, expects_report, expects_witness};
use crate::named::named;
use crate::options::Options;

named! {
    /// A fault that the simulator put in, or a hazard that came of it.
    Hazard {
        /// A message was under way for longer than the client waits for a node.
        Delay => "delays beyond the time-out",
        /// A message was never delivered.
        Loss => "messages lost",
        /// A connection failed.
        Reset => "connections reset",
        /// A command of a failed connection ran.
        StrayRan => "strays that ran",
        /// A `CLIENT KILL` ran.
        Kill => "kills",
        /// A server died and kept what it stored.
        CrashKeeping => "crashes keeping state",
        /// A connection fell silent, and nobody knew.
        HalfOpen => "half-open connections",
        /// A wall rose between clients and nodes.
        Partition => "partitions",
        /// A server died and lost what it stored.
        CrashLosing => "crashes losing state",
        /// A server stood still for a while.
        Freeze => "servers frozen",
        /// A server lost its scripts.
        ScriptsLost => "script caches lost",
        /// A server's wall clock jumped ahead.
        JumpAhead => "wall clocks jumped ahead",
        /// A server's wall clock jumped back.
        JumpBack => "wall clocks jumped back",
        /// A client library sent a command twice.
        Resend => "commands sent twice",
        /// An acquisition was given up before it was decided.
        Cancel => "acquisitions given up",
        /// A lease began while the renewer of the last one still ran.
        Overlap => "leases begun too soon",
        /// A client's machine was suspended.
        Suspend => "clients suspended",
        /// A client was not scheduled for a while.
        Pause => "clients paused",
        /// A renewer was not scheduled in mid-step.
        Stall => "renewers stalled",
        /// A command ran before an earlier one of the same client at the same node.
        Overtaking => "overtakings",
        /// A command ran after its client had stopped to wait for it.
        LateExecution => "executions after the time-out",
    }
}

named! {
    /// What a client told its user.
    Told {
        /// The lock is held.
        Acquired => "acquired",
        /// The lock was not acquired.
        Denied => "denied",
        /// A renewal succeeded.
        Extended => "extended",
        /// A renewal failed for want of answers.
        RenewalFailed => "renewal failed",
        /// "lock already taken".
        AlreadyTaken => "lock already taken",
        /// The lease ended before a renewal succeeded.
        LostExpired => "lost: expired",
        /// A quorum of nodes does not store the key.
        LostGone => "lost: gone",
        /// The same, and somebody else's value was seen.
        LostTaken => "lost: taken",
        /// The lock is released.
        Released => "released",
        /// The release was not acknowledged by every node in time.
        Unsettled => "released, unsettled",
        /// The lease is another's to adopt.
        HandedOver => "handed over",
    }
}

impl Told {
    /// The kind of a report.
    pub fn of<I>(report: &Report<I>) -> Told {
        match report {
            Report::Acquired { .. } => Told::Acquired,
            Report::Denied { .. } => Told::Denied,
            Report::Extended { .. } => Told::Extended,
            Report::RenewalFailed => Told::RenewalFailed,
            Report::AlreadyTaken => Told::AlreadyTaken,
            Report::Lost(LossCause::Expired) => Told::LostExpired,
            Report::Lost(LossCause::Gone) => Told::LostGone,
            Report::Lost(LossCause::Taken) => Told::LostTaken,
            Report::Released { unsettled } if unsettled.is_empty() => Told::Released,
            Report::Released { .. } => Told::Unsettled,
            Report::HandedOver { .. } => Told::HandedOver,
        }
    }

    /// Whether a lease was lost: only the shipped lifecycle tells.
    pub fn is_loss(self) -> bool {
        match self {
            Told::LostExpired | Told::LostGone | Told::LostTaken => true,
            Told::Acquired
            | Told::Denied
            | Told::Extended
            | Told::RenewalFailed
            | Told::AlreadyTaken
            | Told::Released
            | Told::Unsettled
            | Told::HandedOver => false,
        }
    }

    /// Whether a redsync user would read "lock already taken".
    pub fn says_taken(self) -> bool {
        match self {
            Told::AlreadyTaken | Told::LostGone | Told::LostTaken => true,
            Told::Acquired
            | Told::Denied
            | Told::Extended
            | Told::RenewalFailed
            | Told::LostExpired
            | Told::Released
            | Told::Unsettled
            | Told::HandedOver => false,
        }
    }
}

/// What happened, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Runs.
    pub runs: u64,
    /// Steps of the world.
    pub steps: u64,
    /// Virtual time, in microseconds.
    pub virtual_us: u64,
    hazards: [u64; Hazard::ALL.len()],
    told: [u64; Told::ALL.len()],
    messages: Causes,
    losses: Causes,
    witnesses: [u64; WITNESSES.len()],
    broken: [u64; CLAIMS.len()],
}

impl Counts {
    /// Of one run in which nothing has happened yet.
    pub(crate) fn of_one_run() -> Counts {
        Counts { runs: 1, ..Counts::default() }
    }

    /// Notes a hazard.
    pub(crate) fn met(&mut self, hazard: Hazard) {
        self.hazards[hazard as usize] += 1;
    }

    /// Notes a report.
    pub(crate) fn heard(&mut self, told: Told) {
        self.told[told as usize] += 1;
    }

    /// Notes why somebody was told that a lease is lost, or else "lock already taken".
    pub(crate) fn explained(&mut self, told: Told, cause: Cause) {
        let causes = if told.is_loss() { &mut self.losses } else { &mut self.messages };
        causes.met(cause);
    }

    /// Notes that all this happened in the run of `seed`.
    pub(crate) fn seen_in(&mut self, seed: u64) {
        self.messages.seen_in(seed);
        self.losses.seen_in(seed);
    }

    /// Notes that the danger of `claim` was approached in this run.
    pub(crate) fn witnessed(&mut self, claim: Claim) {
        if let Some(count) = self.witnesses.get_mut(claim as usize) {
            *count += 1;
        }
    }

    /// Notes that this run broke a claim.
    pub(crate) fn broke(&mut self, claim: Claim) {
        self.broken[claim as usize] += 1;
    }

    /// Adds what happened elsewhere. A count that would go beyond 64 bits stays at the largest, so
    /// that sums of sums are the same in every order.
    pub fn add(&mut self, other: &Counts) {
        self.runs = self.runs.saturating_add(other.runs);
        self.steps = self.steps.saturating_add(other.steps);
        self.virtual_us = self.virtual_us.saturating_add(other.virtual_us);
        let pairs: [(&mut [u64], &[u64]); 4] = [
            (&mut self.hazards, &other.hazards),
            (&mut self.told, &other.told),
            (&mut self.witnesses, &other.witnesses),
            (&mut self.broken, &other.broken),
        ];
        for (into, from) in pairs {
            into.iter_mut().zip(from).for_each(|(into, from)| *into = into.saturating_add(*from));
        }
        self.messages.add(&other.messages);
        self.losses.add(&other.losses);
    }

    /// Counts of a file: the rows of its tables, in the order of [`hazards`](Self::hazards),
    /// [`reports`](Self::reports), [`witnesses`](Self::witnesses) and [`breaks`](Self::breaks), and
    /// the causes of messages and of losses. None if a table has too few rows or too many.
    pub(crate) fn from_tables(
        (runs, steps, virtual_us): (u64, u64, u64),
        [hazards, told, witnesses, broken]: [Vec<u64>; 4],
        (messages, losses): (Causes, Causes),
    ) -> Option<Counts> {
        Some(Counts {
            runs,
            steps,
            virtual_us,
            hazards: hazards.try_into().ok()?,
            told: told.try_into().ok()?,
            messages,
            losses,
            witnesses: witnesses.try_into().ok()?,
            broken: broken.try_into().ok()?,
        })
    }

    /// How often a hazard was met.
    pub fn hazard(&self, hazard: Hazard) -> u64 {
        self.hazards[hazard as usize]
    }

    /// How often something was reported.
    pub fn told(&self, told: Told) -> u64 {
        self.told[told as usize]
    }

    /// How often "lock already taken" had this cause.
    pub fn cause(&self, cause: Cause) -> u64 {
        self.messages.count(cause)
    }

    /// How often the loss of a lease had this cause.
    pub fn cause_of_loss(&self, cause: Cause) -> u64 {
        self.losses.count(cause)
    }

    /// In how many runs this claim was broken.
    pub fn broken(&self, claim: Claim) -> u64 {
        self.broken[claim as usize]
    }

    /// The hazards, in order.
    pub fn hazards(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Hazard::ALL.into_iter().map(|kind| (kind.name(), self.hazard(kind)))
    }

    /// The reports, in order.
    pub fn reports(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Told::ALL.into_iter().map(|kind| (kind.name(), self.told(kind)))
    }

    /// The causes of "lock already taken", in order.
    pub fn causes(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Cause::ALL.into_iter().map(|cause| (cause.name(), self.cause(cause)))
    }

    /// The causes of "lock already taken" with their first seeds, in order.
    pub fn message_causes(&self) -> impl Iterator<Item = CauseCount> + '_ {
        self.messages.rows()
    }

    /// The causes of lost leases with their first seeds, in order.
    pub fn loss_causes(&self) -> impl Iterator<Item = CauseCount> + '_ {
        self.losses.rows()
    }

    /// In how many runs each witness was seen, in order.
    pub fn witnesses(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        WITNESSES.into_iter().zip(self.witnesses).map(|(witness, seen)| (witness.name(), seen))
    }

    /// In how many runs each claim was broken, in order. A run of the shipped lifecycle ends with
    /// the first.
    pub fn breaks(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        CLAIMS.into_iter().map(|claim| (claim.name(), self.broken(claim)))
    }

    /// What is zero and should not be after a thousand seeds or more: hazards that were not met,
    /// reports that nobody made, dangers that were not approached.
    pub fn zeroes(&self, options: &Options) -> Vec<&'static str> {
        let hazards = Hazard::ALL.into_iter().filter(|&hazard| expects_hazard(options, hazard));
        let told = Told::ALL.into_iter().filter(|&told| expects_report(options, told));
        let witnesses = WITNESSES.into_iter().zip(self.witnesses);
        let unseen = witnesses
            .filter(|(witness, seen)| *seen == 0 && expects_witness(options, witness.0))
            .map(|(witness, _)| witness.name());
        let hazards = hazards.filter(|&hazard| self.hazard(hazard) == 0).map(Hazard::name);
        let told = told.filter(|&told| self.told(told) == 0).map(Told::name);
        hazards.chain(told).chain(unseen).collect()
    }
}
