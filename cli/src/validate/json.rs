//! What was found, for machines.

use std::path::PathBuf;

use leasehold_rig::perform::{Disagreement, Performance, Verdict};
use leasehold_rig::violations::Outcome;
use serde_json::{Value, json};

use super::programme::{CaseRow, Found, Row};

/// Traces that were named, with every step.
pub(super) fn traces(performed: &[(PathBuf, Performance)], truncated: bool) -> Value {
    let trace = |(path, performance): &(PathBuf, Performance)| {
        let steps = performance.steps.iter().map(|step| {
            json!({
                "elapsed": step.elapsed, "step": step.step, "note": step.note,
                "reply": step.reply, "stored": step.stored,
            })
        });
        let mut told = told(performance);
        told["file"] = json!(path.display().to_string());
        told["steps"] = steps.collect();
        told
    };
    json!({ "traces": performed.iter().map(trace).collect::<Vec<_>>(), "truncated": truncated })
}

/// All that was done without a trace being named.
pub(super) fn programme(found: &Found) -> Value {
    let row = |row: &Row| {
        json!({
            "trace": format!("{}/{}", row.folder, row.name),
            "must_differ": row.must_differ,
            "as_expected": row.is_as_expected(),
            "results": row.results.iter().map(told).collect::<Vec<_>>(),
        })
    };
    let case = |row: &CaseRow| {
        let result = |outcome: &Outcome| {
            json!({
                "happened": outcome.happened, "evidence": outcome.evidence,
                "measured": outcome.measured,
            })
        };
        json!({
            "case": row.case.name(),
            "violation": row.case.violation(),
            "must_happen": row.case.must_happen(),
            "as_expected": row.is_as_expected(),
            "results": row.results.iter().map(result).collect::<Vec<_>>(),
        })
    };
    json!({
        "servers": found.servers,
        "traces": found.traces.iter().map(row).collect::<Vec<_>>(),
        "violations": found.cases.iter().map(case).collect::<Vec<_>>(),
        "truncated": found.truncated,
    })
}

fn told(performance: &Performance) -> Value {
    let broken = performance.broken.iter();
    let broken = broken.map(|(step, claim)| json!({ "step": step, "claim": claim.name() }));
    let observations = performance.observations.iter().map(ToString::to_string);
    json!({
        "server": performance.server,
        "verdict": kind(&performance.verdict),
        "told": performance.verdict.to_string(),
        "broken": broken.collect::<Vec<_>>(),
        "observed": observations.collect::<Vec<_>>(),
        "disagreement": disagreement(&performance.verdict),
    })
}

/// What a verdict is called.
fn kind(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Same { .. } => "same",
        Verdict::Nothing => "none",
        Verdict::Otherwise { .. } => "otherwise",
        Verdict::Unseen { .. } => "unseen",
        Verdict::Disagrees(_) => "disagrees",
        Verdict::Differs(..) => "known difference",
    }
}

fn disagreement(verdict: &Verdict) -> Value {
    let told = |why: &Disagreement| {
        json!({
            "step": why.step, "node": why.node, "about": why.about,
            "expected": why.expected.0, "got": why.got.0,
        })
    };
    match verdict {
        Verdict::Disagrees(why) => told(why),
        Verdict::Differs(difference, why) => {
            let mut told = told(why);
            told["difference"] = json!(difference.name());
            told
        }
        Verdict::Same { .. }
        | Verdict::Nothing
        | Verdict::Otherwise { .. }
        | Verdict::Unseen { .. } => Value::Null,
    }
}
