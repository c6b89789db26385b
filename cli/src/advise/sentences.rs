//! Each number of the advice in a sentence: what it is, and why.

use leasehold_sim::advise::{Change, Measured, Setting, Situation, Survives, Verdict};

use super::Report;
use super::units::{amount, length, per_day};
use crate::exit::Failure;

/// The sentences, in the order in which they are read.
pub(super) fn sentences(report: &Report<'_>) -> Result<Vec<String>, Failure> {
    let row = &report.advice.rows[report.advice.chosen];
    let (situation, setting) = (report.situation, &row.setting);
    let survives = Survives::of(situation, setting)?;
    let mut sentences = vec![
        of_choice(report),
        of_ttl(setting, &survives),
        of_drift(situation, setting, &survives),
        of_interval(situation, setting, &survives)?,
        of_timeout(situation, setting, row),
        of_retry(setting),
    ];
    sentences.extend(of_pauses(situation, &survives));
    sentences.extend(of_silence(situation, setting));
    sentences.push(of_losses(row));
    sentences.extend(of_target(report, row));
    Ok(sentences)
}

fn of_choice(report: &Report<'_>) -> String {
    let advice = report.advice;
    let given = advice.chosen == advice.given;
    let choice = match advice.verdict {
        Verdict::NoTarget if given => "the given setting: none with its TTL is clearly better",
        Verdict::NoTarget => "the setting marked: with the same TTL it clearly loses less",
        Verdict::Met if given => "the given setting: no shorter TTL is known to meet the target",
        Verdict::Met => "the setting marked: the shortest TTL that is known to meet the target",
        Verdict::NotShown { .. } => "the setting marked: the shortest TTL that may meet the target",
        Verdict::NotMet => "the setting marked: none meets the target, and this one loses least",
    };
    format!("Recommended is {choice}.")
}

fn of_ttl(setting: &Setting, survives: &Survives) -> String {
    format!(
        "TTL {}: when the holder dies, the others wait for its key, up to {} by the clock of a \
         node. Only a shorter TTL makes that shorter, and it survives less.",
        length(setting.ttl),
        length(survives.others_wait),
    )
}

fn of_drift(situation: &Situation, setting: &Setting, survives: &Survives) -> String {
    let drift = situation.drift;
    let allowance = drift.allowance(setting.ttl);
    let tolerated = drift.tolerated_ppb(setting.ttl);
    let off = i64::from(situation.clocks_off_ppm) * 1_000;
    let ppm = |ppb: i64| amount(ppb as f64 / 1e3);
    let within = if off <= tolerated {
        format!("yours are off by {} at most, which is within it", ppm(off))
    } else {
        format!(
            "yours are off by up to {}, which is NOT: two clients can hold the lock at once. \
             Steer the clocks less, or give every client a larger drift allowance",
            ppm(off)
        )
    };
    format!(
        "Drift: {} of the TTL ({} %) are the allowance for clocks that run at different rates, so \
         a lease is believed for {} from when its renewal began. That does for clocks that are off \
         by {} ppm, d / (2T - d); {within}.",
        length(allowance),
        amount(allowance as f64 * 100.0 / setting.ttl as f64),
        length(survives.validity),
        ppm(tolerated),
    )
}

fn of_interval(
    situation: &Situation,
    setting: &Setting,
    survives: &Survives,
) -> Result<String, Failure> {
    let mut others = Vec::new();
    for (part, name) in [(2, "a half"), (3, "a third"), (4, "a quarter")] {
        let other = Setting { renew_every: setting.ttl / part, ..*setting };
        if (other.renew_every - setting.renew_every).abs() > 1_000 {
            let survives = Survives::of(situation, &other)?;
            others.push(format!("with {name} of the TTL {}", survives.failed_renewals));
        }
    }
    Ok(format!(
        "Renewed every {} ({} % of the TTL), a lease survives {} renewals in a row that fail by \
         time-out, each tried again after the retry; {}. Each renewal is a command to every node.",
        length(setting.renew_every),
        amount(setting.renew_every as f64 * 100.0 / setting.ttl as f64),
        survives.failed_renewals,
        others.join(", "),
    ))
}

fn of_timeout(situation: &Situation, setting: &Setting, row: &Measured) -> String {
    format!(
        "Time-out {}: {} of a million round trips take longer. A renewal is over as soon as a \
         majority has answered, so a longer time-out costs nothing while the nodes are well; \
         {} renewals per hour failed.",
        length(setting.node_timeout),
        situation.round_trip.ppm_beyond(setting.node_timeout),
        amount(row.failing_per_hour()),
    )
}

fn of_retry(setting: &Setting) -> String {
    format!(
        "Retry {}: so long after a failed renewal the next one begins. The library sets it: a \
         twentieth of the TTL, at least 50 ms and at most 500 ms.",
        length(setting.renew_retry),
    )
}

fn of_pauses(situation: &Situation, survives: &Survives) -> Option<String> {
    let lengths = situation.pause_length;
    (situation.pause_every > 0).then(|| {
        format!(
            "Pauses: one of up to {} never ends a lease by itself, whenever it comes; one of {} or \
             more always does. Of a million of yours {} are longer than the one and {} than the \
             other.",
            length(survives.pause),
            length(survives.validity),
            lengths.ppm_beyond(survives.pause),
            lengths.ppm_beyond(survives.validity),
        )
    })
}

fn of_silence(situation: &Situation, setting: &Setting) -> Option<String> {
    let lost = situation.loss_ppm > 0 && situation.silence > setting.ttl;
    lost.then(|| {
        format!(
            "Silence: a connection on which a message was lost is silent for {}, longer than the \
             TTL. Its node drops the key meanwhile, and a renewal does not bring it back: for the \
             rest of its life the lease has one node less.",
            length(situation.silence),
        )
    })
}

fn of_losses(row: &Measured) -> String {
    let losses = row.tenure.losses;
    let mut causes = Vec::new();
    let unanswered = losses - row.tenure.losses_paused - row.tenure.losses_gone;
    for (number, cause) in [
        (row.tenure.losses_paused, "in a pause"),
        (unanswered, "for want of answers in time"),
        (row.tenure.losses_gone, "because a majority had dropped the key"),
    ] {
        if number > 0 {
            causes.push(format!("{number} {cause}"));
        }
    }
    let causes =
        if causes.is_empty() { String::new() } else { format!(" ({})", causes.join(", ")) };
    let rule = if losses == 0 { ", by the rule of three" } else { "" };
    let broken = if row.runs_broken > 0 {
        format!(
            " In {} of {} runs two clients could have held the lock at once: the clocks are \
             beyond what the drift allowance covers.",
            row.runs_broken, row.runs
        )
    } else {
        String::new()
    };
    format!(
        "Losses: {losses}{causes} in {:.0} lease-hours, that is {} per day of holding, in \
         95 of 100 cases{rule}.{broken}",
        row.hours(),
        per_day(row.rate()),
    )
}

fn of_target(report: &Report<'_>, row: &Measured) -> Option<String> {
    let target = amount(report.goal.target_per_hour? * 24.0);
    Some(match report.advice.verdict {
        Verdict::NoTarget => return None,
        Verdict::Met => format!("Target: at most {target} a day. It is met."),
        Verdict::NotMet => format!(
            "Target: at most {target} a day. NOT MET by any setting tried; the one marked loses \
             least, {} a day.",
            per_day(row.rate()),
        ),
        Verdict::NotShown { hours } if row.tenure.losses == 0 => format!(
            "Target: at most {target} a day. NOT SHOWN: that takes at least {} lease-hours without \
             a loss, so give --lease-hours {} or more.",
            amount(hours),
            (hours * 1.6).ceil(),
        ),
        Verdict::NotShown { .. } => format!(
            "Target: at most {target} a day. NOT SHOWN: it is within what the losses seen allow \
             for. To know more, give --lease-hours {} or more.",
            (row.hours() * 4.0).ceil(),
        ),
    })
}

/// A change that is not a matter of settings, in a few words.
pub(super) fn change(change: Change) -> String {
    match change {
        Change::NoPauses => "no pauses".to_owned(),
        Change::NoLoss => "no message lost".to_owned(),
        Change::NoticedSooner => "silent connections given up within a quarter of the TTL".into(),
        Change::Repair => "renewals that bring a dropped key back".to_owned(),
        Change::NoResets => "no connection that fails".to_owned(),
        Change::MoreNodes => "two nodes more".to_owned(),
        Change::LongerTtl(ttl) => format!("a TTL of {}, renewed every third of it", length(ttl)),
    }
}
