//! The advice for people: what was assumed, the table, and a sentence for each number.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use leasehold_sim::advise::{Measured, Situation};

use super::Report;
use super::sentences::{change, sentences};
use super::units::{amount, length, per_day};
use crate::exit::Failure;
use crate::layout::wrapped;

/// All of it.
pub(super) fn text(report: &Report<'_>) -> Result<String, Failure> {
    let advice = report.advice;
    let mut text = format!("{}\n\n", wrapped(&assumed(report.situation), 0));
    text += "     TTL    renewed   time-out     retry  lost in    hours  lost per day (95 %)\
             \x20    closest  failed\n";
    for (number, row) in advice.rows.iter().enumerate() {
        let mark = match number {
            _ if number == advice.chosen => "→",
            _ if number == advice.given => "·",
            _ => " ",
        };
        text += &painted(number == advice.chosen, &line(mark, row));
    }
    text += "\n→ recommended, · given. closest: the least that was left of a lease when it was \
             renewed, of its\nTTL. failed: renewals that failed, per hour.\n";
    if !advice.what_ifs.is_empty() {
        text += "\nWhat would have to change, and what would come of it under the setting \
                 marked:\n";
        for what_if in &advice.what_ifs {
            let rate = per_day(what_if.measured.rate());
            let _ = writeln!(text, "  {:<62} {rate:>24} a day", change(what_if.change));
        }
    }
    for sentence in sentences(report)? {
        let _ = write!(text, "\n{}", wrapped(&sentence, 2));
    }
    if advice.truncated {
        text += "\nTRUNCATED: stopped before the end";
    }
    Ok(text)
}

fn line(mark: &str, row: &Measured) -> String {
    let setting = &row.setting;
    let closest = row.tenure.least_left_us.map_or("-".to_owned(), |left| {
        format!("{} %", amount(left as f64 * 100.0 / setting.ttl as f64))
    });
    let cut = if row.truncated { "!" } else { "" };
    format!(
        "{mark} {:>7} {:>9} {:>10} {:>9}  {:>7} {:>8} {:>22} {:>9} {:>7}",
        length(setting.ttl),
        length(setting.renew_every),
        length(setting.node_timeout),
        length(setting.renew_retry),
        row.tenure.losses,
        format!("{:.0}{cut}", row.hours()),
        per_day(row.rate()),
        closest,
        amount(row.failing_per_hour()),
    )
}

fn painted(chosen: bool, line: &str) -> String {
    let green = Style::new().fg_color(Some(AnsiColor::Green.into()));
    if chosen { format!("{green}{line}{green:#}\n") } else { format!("{line}\n") }
}

/// What the lease has to live with, in one sentence each.
fn assumed(situation: &Situation) -> String {
    let Situation { nodes, round_trip, pause_length, .. } = situation;
    let three = |quantiles: &leasehold_sim::Quantiles| {
        let at = |ppm| length(quantiles.exceeded_by_ppm(ppm));
        format!("{} (p50), {} (p99), {} (max)", at(500_000), at(10_000), at(0))
    };
    let mut text = format!("{nodes} nodes. Round trips: {}.", three(round_trip));
    if situation.loss_ppm > 0 {
        let _ = write!(
            text,
            " Of a million messages {} are lost, and their connection is silent for {}.",
            situation.loss_ppm,
            length(situation.silence)
        );
    }
    if situation.reset_every > 0 {
        let _ = write!(text, " A connection fails every {}.", length(situation.reset_every));
    }
    if situation.pause_every > 0 {
        let _ = write!(
            text,
            " The client is paused every {}, for {}.",
            length(situation.pause_every),
            three(pause_length)
        );
    }
    let _ = write!(
        text,
        " Clocks are off by up to {} ppm. Leases are held for {}.",
        situation.clocks_off_ppm,
        length(situation.held_for)
    );
    text
}
