//! Why a run broke, for pictures and pages.

use leasehold_draw::Extras;
use leasehold_sim::{Explained, explain};
use leasehold_world::{Claim, Replay, ReplayError, Trace};

/// The claim that a run is about and the first step, from 1, that breaks it: the one that the
/// trace says it breaks, or else the first one.
pub(crate) fn broken(trace: &Trace, replayed: &Replay) -> Option<(usize, Claim)> {
    let own = replayed.broken.iter().find(|(_, claim)| trace.breaks == Some(*claim));
    own.or(replayed.broken.first()).copied()
}

/// The "lock already taken" or the lost lease that is told in the step that breaks the claim, or
/// with which the trace ends.
pub(crate) fn told(trace: &Trace, replayed: &Replay) -> Result<Option<Explained>, ReplayError> {
    let Some((step, _)) = broken(trace, replayed) else { return Ok(None) };
    let explained = explain(trace)?;
    let told_in = |step| explained.iter().rfind(|explained| explained.step == step).cloned();
    Ok(told_in(step).or_else(|| told_in(trace.steps.len())))
}

/// The root cause in one line.
pub(crate) fn sentence(told: &Explained) -> String {
    format!("Root cause: {}: {}", told.cause.name(), told.explanation())
}

/// What a picture shows of it.
pub(crate) fn extras(told: Option<&Explained>) -> Extras {
    let reasons = told.map(|told| told.chain.as_slice()).unwrap_or_default();
    Extras {
        cause: told.map(sentence),
        reasons: reasons.iter().map(|reason| (reason.step, reason.sentence.clone())).collect(),
        links: false,
    }
}
