//! A failing run reduced to the few steps that matter.
//!
//! [`shrink`] takes steps, time, clients, nodes and constants away as long as the same claim breaks
//! for the same root cause (delta debugging). Whether it does is never guessed: every attempt is
//! taken again in the world from its beginning, by the same steps and under the same rules as any
//! other run. What is left is a trace like every other, so it can be kept and replayed for ever.
//!
//! It draws no random numbers and looks at no clock: the same trace shrinks to the same bytes.

mod act;
mod attempt;
mod keeps;
mod pace;
mod schedule;
mod search;
mod sizes;
mod steps;
mod times;

use leasehold::protocol::Span;
use leasehold_world::trace::Line;
use leasehold_world::{Claim, Replay, ReplayError, Trace, TraceError, replay};

use crate::cause::Cause;
use crate::explain::Explained;
use act::Manner;
use attempt::{Goal, Read, Unit, attempt};
use pace::Pace;
use schedule::Schedule;
use search::Search;

pub use search::{Pass, Progress};

/// A schedule that nothing can be taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shrunk {
    /// It, with what each step does written beside it; its last step breaks the claim.
    pub trace: Trace,
    /// The claim that it breaks.
    pub claim: Claim,
    /// The "lock already taken" or the lost lease that is told in its last step, with its root
    /// cause and the steps that show it; none if nothing of the kind is told there.
    pub told: Option<Explained>,
    /// How large the trace was.
    pub before: Extent,
    /// How large this one is.
    pub after: Extent,
    /// How many schedules were taken again.
    pub attempts: u64,
    /// Whether it is finished: not if the caller wanted to stop before.
    pub finished: bool,
}

/// How large a trace is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// How many steps it has.
    pub steps: usize,
    /// How many clients.
    pub clients: usize,
    /// How many nodes.
    pub nodes: u8,
    /// How much time passes on the first client's clock after the first step that is not time: in
    /// the unit of the trace.
    pub elapsed: Span,
}

/// Why a trace cannot be shrunk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShrinkError {
    /// It cannot be taken again.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// It breaks no claim.
    #[error(
        "{}its {steps} steps break no claim, and only a failing run can be shrunk; \
         `leasehold sim` and `leasehold check` find some", at(*.line)
    )]
    BreaksNothing {
        /// How many steps it has.
        steps: usize,
        /// The line of the last one; 0 if it came from no file.
        line: usize,
    },
    /// It does not break the claim that it says it breaks.
    #[error(
        "{}up to here the steps {}, and not \"{}\" as the header says; a step was changed or \
         removed: put it back, or leave the line \"breaks {}\" out",
        at(*.line), broken_instead(*.found), .said.name(), .said.name()
    )]
    BreaksOther {
        /// The claim in its header.
        said: Claim,
        /// The first claim that breaks, if any does.
        found: Option<Claim>,
        /// The line of the last step; 0 if it came from no file.
        line: usize,
    },
    /// What is left does not show the same failure: a fault of this program.
    #[error(
        "the shortened schedule does not break \"{}\" in its last step for the same cause; this is \
         a fault of this program, keep the trace as it was",
        .0.name()
    )]
    NotTheSame(Claim),
    /// What is left cannot be read again: a fault of this program.
    #[error("the shortened schedule cannot be read again ({0}); keep the trace as it was")]
    Unreadable(TraceError),
}

/// Reduces `trace` to a schedule that breaks the same claim for the same root cause and that
/// nothing can be taken from.
///
/// The claim is the one that the trace says it breaks, or else the first one that it does. Steps
/// are taken away first, in chunks and one by one; then time; then clients, nodes, and what the
/// constants allow beyond what is used; until nothing changes any more. Steps that an attempt has
/// made impossible are left out of it.
///
/// `progress` is asked before every attempt; if it says false, the smallest schedule so far is the
/// result, and it is not [finished](Shrunk::finished).
///
/// # Errors
/// If the trace cannot be taken again, breaks nothing, or not what it says.
pub fn shrink(
    trace: &Trace,
    progress: &mut dyn FnMut(&Progress) -> bool,
) -> Result<Shrunk, ShrinkError> {
    let replayed = replay(trace)?;
    let claim = broken_claim(trace, &replayed)?;
    let unit = Unit::of(trace)?;
    let like = Trace { breaks: Some(claim), steps: Vec::new(), ..trace.clone() };
    let (whole, cause) = failing(trace, claim, unit, &like)?;
    let goal = Goal { claim, tells: cause.is_some(), pace: Pace::of(&whole) };
    let mut search = Search::new(whole, unit, (goal, cause), &like, progress);
    search.run();
    let attempts = search.attempts();
    let finished = search.finished();
    let smallest = search.into_smallest();
    let retaken = attempt(&smallest, unit, goal, Manner::Verbatim);
    let (smallest, told) = described(smallest.trace(unit, &like), claim)?;
    let all = retaken.is_some_and(|taken| taken.acts.len() == smallest.steps.len());
    if !all || told.as_ref().map(|told| told.cause) != cause {
        return Err(ShrinkError::NotTheSame(claim));
    }
    Ok(Shrunk {
        before: extent(trace),
        after: extent(&smallest),
        trace: smallest,
        claim,
        told,
        attempts,
        finished,
    })
}

/// The claim to keep broken.
fn broken_claim(trace: &Trace, replayed: &Replay) -> Result<Claim, ShrinkError> {
    let found = replayed.broken.first().map(|(_, claim)| *claim);
    let line = trace.steps.last().map_or(0, |line| line.number);
    match trace.breaks {
        Some(said) if replayed.broken.iter().any(|(_, claim)| *claim == said) => Ok(said),
        Some(said) => Err(ShrinkError::BreaksOther { said, found, line }),
        None => found.ok_or(ShrinkError::BreaksNothing { steps: trace.steps.len(), line }),
    }
}

/// The steps up to the failure, and its root cause. The failure is the first step that breaks the
/// claim and tells somebody that the lock is taken or a lease lost, for a trace may break its claim
/// on the way there; if there is none, it is the first that breaks the claim.
fn failing(
    trace: &Trace,
    claim: Claim,
    unit: Unit,
    like: &Trace,
) -> Result<(Schedule, Option<Cause>), ShrinkError> {
    let Read { acts, first, first_told } = attempt::acts_of(trace, claim, unit)?;
    let mut whole = Schedule { scope: trace.scope.clone(), acts };
    if let Some(steps) = first_told {
        let acts = whole.acts[..steps].to_vec();
        let told = Schedule { scope: trace.scope.clone(), acts };
        if let Some(explained) = keeps::told_last(&told.trace(unit, like))? {
            return Ok((told, Some(explained.cause)));
        }
    }
    whole.acts.truncate(first.unwrap_or(usize::MAX));
    Ok((whole, None))
}

/// Where in a file, if it is one.
fn at(line: usize) -> String {
    if line == 0 { String::new() } else { format!("line {line}: ") }
}

fn broken_instead(found: Option<Claim>) -> String {
    found.map_or("break nothing".to_owned(), |claim| format!("break \"{}\"", claim.name()))
}

/// The trace with what each step does, and what is told in the last one, explained; it is held
/// against what it has to show.
fn described(trace: Trace, claim: Claim) -> Result<(Trace, Option<Explained>), ShrinkError> {
    let replayed = replay(&trace)?;
    if !replayed.broken.iter().any(|(_, broken)| *broken == claim) {
        return Err(ShrinkError::NotTheSame(claim));
    }
    let steps = replayed.moments.into_iter().map(|frame| frame.line).collect();
    let described = Trace { steps, ..trace };
    let read: Trace = described.to_string().parse().map_err(ShrinkError::Unreadable)?;
    if read.to_string() != described.to_string() {
        return Err(ShrinkError::NotTheSame(claim));
    }
    let told = keeps::told_last(&read)?;
    Ok((described, told))
}

/// How large `trace` is.
fn extent(trace: &Trace) -> Extent {
    let is_time = |line: &&Line| line.step.starts_with("advance");
    let on_first_client = |line: &Line| {
        let words = line.step.split_whitespace();
        words.skip_while(|word| *word != "c").nth(1).and_then(|by| by.parse::<Span>().ok())
    };
    let acting = trace.steps.iter().skip_while(is_time);
    Extent {
        steps: trace.steps.len(),
        clients: trace.scope.clients(),
        nodes: trace.scope.config.nodes(),
        elapsed: acting.filter(is_time).filter_map(on_first_client).sum(),
    }
}
