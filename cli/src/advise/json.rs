//! The advice for machines.

use leasehold_sim::advise::{Change, Measured, Setting, Survives, Verdict};
use serde_json::{Value, json};

use super::Report;
use super::sentences::{change, sentences};
use crate::exit::Failure;

/// Everything, in microseconds and per hour.
pub(super) fn json(report: &Report<'_>) -> Result<Value, Failure> {
    let advice = report.advice;
    let chosen = advice.rows[advice.chosen].setting;
    let survives = Survives::of(report.situation, &chosen)?;
    let (verdict, hours_needed) = match advice.verdict {
        Verdict::NoTarget => ("no target", None),
        Verdict::Met => ("met", None),
        Verdict::NotMet => ("not met", None),
        Verdict::NotShown { hours } => ("not shown", Some(hours)),
    };
    let what_ifs = advice.what_ifs.iter().map(|what_if| {
        json!({
            "change": change(what_if.change),
            "ttl_us": match what_if.change {
                Change::LongerTtl(ttl) => Some(ttl),
                Change::NoPauses | Change::NoLoss | Change::NoticedSooner | Change::Repair
                | Change::NoResets | Change::MoreNodes => None,
            },
            "measured": row(&what_if.measured),
        })
    });
    Ok(json!({
        "seed": report.seed,
        "nodes": report.situation.nodes,
        "given": setting(&report.goal.given),
        "target_per_hour": report.goal.target_per_hour,
        "settings": advice.rows.iter().map(row).collect::<Vec<_>>(),
        "given_index": advice.given,
        "chosen_index": advice.chosen,
        "verdict": verdict,
        "lease_hours_needed": hours_needed,
        "drift": {
            "allowance_us": report.situation.drift.allowance(chosen.ttl),
            "tolerated_ppb": report.situation.drift.tolerated_ppb(chosen.ttl),
            "clocks_off_ppb": i64::from(report.situation.clocks_off_ppm) * 1_000,
        },
        "survives": {
            "validity_us": survives.validity,
            "failed_renewals": survives.failed_renewals,
            "pause_us": survives.pause,
            "others_wait_us": survives.others_wait,
        },
        "what_would_help": what_ifs.collect::<Vec<_>>(),
        "sentences": sentences(report)?,
        "truncated": advice.truncated,
    }))
}

fn setting(setting: &Setting) -> Value {
    json!({
        "ttl_us": setting.ttl,
        "renew_every_us": setting.renew_every,
        "node_timeout_us": setting.node_timeout,
        "renew_retry_us": setting.renew_retry,
    })
}

fn row(row: &Measured) -> Value {
    let rate = row.rate();
    json!({
        "setting": setting(&row.setting),
        "lease_hours": row.hours(),
        "losses": row.tenure.losses,
        "losses_while_paused": row.tenure.losses_paused,
        "losses_by_missing_keys": row.tenure.losses_gone,
        "losses_per_hour": rate.per_hour,
        "at_least": rate.low,
        "at_most": rate.high,
        "renewals": row.tenure.renewals,
        "renewals_failed": row.renewals_failed,
        "closest_call_us": row.tenure.least_left_us,
        "runs": row.runs,
        "runs_with_a_broken_claim": row.runs_broken,
        "truncated": row.truncated,
    })
}
