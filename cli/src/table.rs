//! The verdict table, for a terminal and for the report.

use anstyle::{AnsiColor, Style};
use comfy_table::Table;
use leasehold_model::scopes::{Cell, Group, ScopeName, pairs};
use leasehold_world::{CLAIMS, Claim, Faults, Settings};

use crate::layout::{self, wrapped};
use crate::verdict::Verdict;

/// What hurts a user, as it is called in a table; the rest is how it comes about.
const HAZARDS: [&str; 6] =
    ["two holders", "interloper", "#158 message", "false message", "orphan", "zombie"];

/// A claim as it is called in a table when it breaks.
fn short(claim: &str) -> &str {
    match Claim::named(claim) {
        Some(Claim::WindowExclusion) => "two holders",
        Some(Claim::ValidityBacked) => "belief without backing",
        Some(Claim::Continuity) => "interloper",
        Some(Claim::NoRenewalAfterStop) => "late renewal",
        Some(Claim::OrderAtNode) => "extend after release",
        Some(Claim::NothingReportedAfter) => "late report",
        Some(Claim::NoOrphan) => "orphan",
        Some(Claim::NoZombie) => "zombie",
        Some(Claim::NoLeftover) => "leftover",
        Some(Claim::TrueCause) => "false message",
        Some(Claim::NoStrayMessage) => "#158 message",
        Some(Claim::QuietHandOver) => "command after hand-over",
        Some(Claim::AdoptedOnce) => "adopted twice",
        Some(Claim::Succession) => "interloper before adoption",
        Some(Claim::Residue | Claim::OwnKeysOnly | Claim::LossTold) => claim,
        Some(Claim::BoundedRelease | Claim::BoundedAcquire | Claim::RoomForMessages) | None => {
            claim
        }
    }
}

fn verdict_text(verdict: &Verdict) -> String {
    if verdict.truncated {
        let broken: Vec<&str> = (verdict.broken.iter().map(|broken| broken.claim))
            .chain(verdict.unmeasured.iter().copied())
            .map(short)
            .collect();
        let until_then = if broken.is_empty() { "nothing".to_owned() } else { broken.join(", ") };
        return format!("TRUNCATED; until then broke: {until_then}");
    }
    if verdict.states.is_none() {
        return "not searched".to_owned();
    }
    if verdict.broken.is_empty() {
        return "holds".to_owned();
    }
    // The hazards first; a hard space keeps a name and its number together.
    let is_detail = |name: &str| !HAZARDS.contains(&name);
    let mut each: Vec<(&str, usize)> =
        verdict.broken.iter().map(|broken| (short(broken.claim), broken.steps)).collect();
    each.sort_by_key(|(name, _)| is_detail(name));
    let each = each.iter().map(|(name, steps)| format!("{name} {steps}").replace(' ', "\u{a0}"));
    each.collect::<Vec<_>>().join(", ")
}

fn states_text(verdict: &Verdict) -> String {
    let mark = if verdict.confirmed { " ✓" } else { "  " };
    verdict.states.map_or("-".to_owned(), |states| format!("{states}{mark}"))
}

/// The tables as they are printed, in colour if the terminal has any.
pub(crate) fn for_terminal(cells: &[Cell], verdicts: &[Verdict]) -> String {
    let mut text = String::new();
    for group in Group::ALL {
        let rows: Vec<(&Cell, &Verdict)> =
            cells.iter().zip(verdicts).filter(|(cell, _)| cell.group == group).collect();
        if rows.is_empty() {
            continue;
        }
        let header = ["lifecycle", "extend", "transport", "verdict", "states", "s"];
        let mut table = layout::table(&header, &[]);
        for (cell, verdict) in &rows {
            table.add_row([
                lifecycle_text(cell),
                cell.extend.name().to_owned(),
                cell.transport.name().to_owned(),
                verdict_text(verdict),
                states_text(verdict),
                format!("{:.1}", verdict.seconds),
            ]);
        }
        let bold = Style::new().bold();
        text += &format!(
            "{bold}{}{bold:#}\n{}\n{}\n",
            group.title(),
            constants(&rows),
            coloured(&table)
        );
    }
    text + "Numbers behind a hazard: steps of its shortest counterexample. ✓: a second, exact\n\
            search counted the same states and broke the same claims."
}

fn lifecycle_text(cell: &Cell) -> String {
    let table = matches!(cell.group, Group::Hazards | Group::Exclusion | Group::Faults);
    if !table {
        cell.note.clone()
    } else if cell.note.is_empty() {
        cell.lifecycle.name().to_owned()
    } else {
        format!("{}: {}", cell.lifecycle, cell.note)
    }
}

/// Green for what holds, red for what breaks; the layout was made before, so widths are right.
fn coloured(table: &Table) -> String {
    let paint = |colour: AnsiColor, word: &str| {
        let style = Style::new().fg_color(Some(colour.into()));
        format!("{style}{word}{style:#}")
    };
    let mut text = table.to_string();
    text = text.replace(" holds ", &format!(" {} ", paint(AnsiColor::Green, "holds")));
    for word in HAZARDS.iter().chain(&["TRUNCATED"]) {
        let word = word.replace(' ', "\u{a0}");
        text = text.replace(&word, &paint(AnsiColor::Red, &word));
    }
    text
}

/// The constants of the rows, each with the rows that have them; together if all have the same.
fn constants(rows: &[(&Cell, &Verdict)]) -> String {
    let mut kinds: Vec<(String, Vec<String>)> = Vec::new();
    for (cell, _) in rows {
        let Some(settings) = &cell.settings else { continue };
        let (text, label) = (constants_of(settings), lifecycle_text(cell));
        match kinds.iter_mut().find(|(known, _)| *known == text) {
            Some((_, labels)) if labels.contains(&label) => {}
            Some((_, labels)) => labels.push(label),
            None => kinds.push((text, vec![label])),
        }
    }
    let lines: Vec<String> = match kinds.as_slice() {
        [(text, _)] => vec![text.clone()],
        _ => kinds.iter().map(|(text, of)| format!("{}: {text}", of.join("; "))).collect(),
    };
    lines.iter().map(|line| wrapped(line, 0)).collect::<Vec<_>>().join("\n")
}

/// All constants of one scope in words. Times are in ticks.
pub(crate) fn constants_of(settings: &Settings) -> String {
    let mut parts = vec![format!("nodes {}", settings.nodes)];
    for (index, role) in settings.roles.iter().enumerate() {
        let ttl = role.ttl.map_or(String::new(), |ttl| format!(", TTL {ttl}"));
        let stops = if role.stops { ", stops" } else { "" };
        let gives = if role.hands_over { ", hands over" } else { "" };
        let adopts = if role.adopts { ", adopts" } else { "" };
        let (leases, renewals) = (role.starts, role.renewals);
        let does = format!("{stops}{gives}{adopts}{ttl}");
        parts.push(format!("c{index}: leases {leases}, renewals {renewals}{does}"));
    }
    let Settings { ttl, renew_every, node_timeout, release_within, .. } = settings;
    parts.push(format!(
        "TTL {ttl}, drift {}, renewal every {renew_every} (again after {}), node time-out \
         {node_timeout}, release within {release_within}",
        settings.drift_floor, settings.renew_retry
    ));
    if let Some(timeout) = settings.renewal_timeout {
        parts.push(format!("renewal time-out {timeout}"));
    }
    if settings.restart_delay > 0 {
        parts.push(format!("a dead server is down for {} at least", settings.restart_delay));
    }
    if let Some(max_ttl) = settings.max_ttl {
        parts.push(format!("restart guard {max_ttl}"));
    }
    if settings.repair {
        parts.push("repair".to_owned());
    }
    if let Some(mutant) = &settings.mutant {
        parts.push(format!("mutant {mutant}"));
    }
    parts.push(faults_of(&settings.faults));
    parts.join("; ")
}

fn faults_of(faults: &Faults) -> String {
    let Faults { resets, crashes_keeping, crashes_losing, node_slips, client_slips, .. } = *faults;
    let Faults { pauses, heals, stalls, resends, script_losses, cancels, overlaps, .. } = *faults;
    let each = [
        (resets, "reset"),
        (crashes_keeping, "crash with data"),
        (crashes_losing, "crash without data"),
        (node_slips, "node slip"),
        (client_slips, "client slip"),
        (pauses, "pause"),
        (heals, "heal"),
        (stalls, "stall"),
        (resends, "command sent again"),
        (script_losses, "loss of scripts"),
        (cancels, "cancelled acquisition"),
        (overlaps, "lease begun before the last renewer ended"),
    ];
    let named = each.iter().filter(|(budget, _)| *budget > 0);
    let words: Vec<String> = named.map(|(budget, name)| format!("{budget} {name}")).collect();
    let budget = if words.is_empty() { "none".to_owned() } else { words.join(", ") };
    format!("faults: {budget}; any message late or lost")
}

/// The report: the same tables in Markdown, what each claim says, and the times at the end.
pub(crate) fn for_report(scope: ScopeName, cells: &[Cell], verdicts: &[Verdict]) -> String {
    let truncated = verdicts.iter().filter(|verdict| verdict.truncated).count();
    let mut text =
        format!("# Verdicts, scope `{scope}`\n\nWritten by `leasehold check --scope {scope}`. ");
    if truncated == 0 {
        text += "Every search ended by itself: each line speaks of every\nreachable state of its \
                 scope, up to the collision of two 64-bit fingerprints (n states: n²/2⁶⁵).";
    } else {
        text += &format!(
            "**TRUNCATED**: {truncated} of {} searches were stopped\nbefore their end, and say \
             nothing of what lies beyond.",
            verdicts.len()
        );
    }
    text += " The number\nbehind a hazard is the length of its shortest counterexample, which lies \
             in `counterexamples/`. ✓ marks\ncounts that a second, exact search confirmed. Times \
             are in ticks.\n";
    for group in Group::ALL {
        let rows: Vec<(&Cell, &Verdict)> =
            cells.iter().zip(verdicts).filter(|(cell, _)| cell.group == group).collect();
        if rows.is_empty() {
            continue;
        }
        let constants = constants(&rows).replace('\n', "  \n");
        text += &format!("\n## {}\n\n{constants}\n\n", group.title());
        text += "| lifecycle | extend | transport | verdict | states |\n|---|---|---|---|---|\n";
        for (cell, verdict) in rows {
            text += &format!(
                "| {} | {} | {} | {} | {} |\n",
                lifecycle_text(cell),
                cell.extend,
                cell.transport,
                verdict_text(verdict),
                states_text(verdict).trim_end()
            );
        }
    }
    if scope == ScopeName::Nightly {
        text += &never_combined(verdicts);
    }
    text += "\n## What the words mean\n\n";
    for claim in CLAIMS {
        text +=
            &format!("- **{}** ({}): {}.\n", short(claim.name()), claim.name(), claim.verdict());
    }
    text += "\nAny message may be delayed without bound or never arrive; every other fault has the \
             budget that is named.\nThe broken programs neither tell of a loss nor bound a \
             release, so those two claims are not asked of them.\n\n## Times\n\nSeconds, on the \
             machine that wrote this; not compared.\n\n";
    for verdict in verdicts.iter().filter(|verdict| verdict.states.is_some()) {
        text += &format!("- {}: {:.1}\n", verdict.cell, verdict.seconds);
    }
    text
}

/// The pairs of faults that no search has combined to its end.
fn never_combined(verdicts: &[Verdict]) -> String {
    let mut text = "\n## Pairs of faults that were never combined\n\n".to_owned();
    for pair in pairs() {
        let name = pair.cell.as_ref().map(Cell::name);
        let verdict = verdicts.iter().find(|verdict| name.as_ref() == Some(&verdict.cell));
        match (&pair.cell, verdict) {
            (None, _) => text += &format!("- {}: they cannot meet\n", pair.name),
            (Some(_), None) => text += &format!("- {}: not searched\n", pair.name),
            (Some(_), Some(verdict)) if verdict.truncated => {
                text += &format!("- {}: searched, not to the end\n", pair.name);
            }
            (Some(_), Some(_)) => {}
        }
    }
    text
}
