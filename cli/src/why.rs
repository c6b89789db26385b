//! Why a run broke, and why anybody was told that the lock is taken or a lease lost: for people,
//! pictures and pages, and as JSON.

use leasehold_draw::{Extras, space_time_with};
use leasehold_sim::{Explained, explain};
use leasehold_world::{Claim, Replay, ReplayError, Trace, replay};

use crate::layout::WIDTH;

/// The claim that a run is about and the first step, from 1, that breaks it: the one that the
/// trace says it breaks, or else the first one.
pub(crate) fn broken(trace: &Trace, replayed: &Replay) -> Option<(usize, Claim)> {
    let own = replayed.broken.iter().find(|(_, claim)| trace.breaks == Some(*claim));
    own.or(replayed.broken.first()).copied()
}

/// What is told in the step that breaks the claim, or with which the trace ends; if nothing breaks,
/// the last that is told.
pub(crate) fn root(explained: &[Explained], trace: &Trace, replayed: &Replay) -> Option<Explained> {
    let Some((step, _)) = broken(trace, replayed) else { return explained.last().cloned() };
    let told_in = |step| explained.iter().rfind(|explained| explained.step == step).cloned();
    told_in(step).or_else(|| told_in(trace.steps.len()))
}

/// The root cause in one line.
pub(crate) fn sentence(told: &Explained) -> String {
    format!("Root cause: {}: {}", told.cause.name(), told.explanation())
}

/// The picture of `trace`, with the root cause and the steps that show it.
pub(crate) fn picture(trace: &Trace) -> Result<String, ReplayError> {
    let (replayed, explained) = (replay(trace)?, explain(trace)?);
    space_time_with(trace, extras(root(&explained, trace, &replayed).as_ref()))
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

/// The causes of all that was told, each with the steps that show it.
pub(crate) fn text(explained: &[Explained]) -> String {
    let each: Vec<String> = explained.iter().map(one).collect();
    each.join("\n")
}

fn one(explained: &Explained) -> String {
    let Explained { told, client, step, cause, chain } = explained;
    let heading = if told.is_loss() {
        format!("Step {step}: c{client} has lost its lease ({}).", told.name())
    } else {
        format!("Step {step}: c{client} reads \"{}\".", told.name())
    };
    let heading = format!("{heading} Cause: {}:", cause.name());
    let mut lines = wrapped(&heading, 0);
    lines.extend(wrapped(explained.explanation(), 4));
    for reason in chain {
        let sentence = wrapped(&reason.sentence, 12);
        for (index, line) in sentence.iter().enumerate() {
            let number = if index == 0 { reason.step.to_string() } else { String::new() };
            lines.push(format!("{number:>10}  {}", line.trim_start()));
        }
    }
    lines.join("\n")
}

fn wrapped(text: &str, indent: usize) -> Vec<String> {
    let margin = " ".repeat(indent);
    let lines = textwrap::wrap(text, WIDTH - indent);
    lines.into_iter().map(|line| format!("{margin}{line}")).collect()
}

/// The same for machines.
pub(crate) fn json(explained: &[Explained]) -> serde_json::Value {
    let one = |explained: &Explained| {
        let reasons = explained
            .chain
            .iter()
            .map(|reason| serde_json::json!({ "step": reason.step, "sentence": reason.sentence }));
        serde_json::json!({
            "step": explained.step,
            "client": explained.client,
            "told": explained.told.name(),
            "cause": explained.cause.name(),
            "explanation": explained.explanation(),
            "chain": reasons.collect::<Vec<_>>(),
        })
    };
    explained.iter().map(one).collect()
}
