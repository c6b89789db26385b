//! The verdict table, for a terminal and for the report.

use std::collections::BTreeSet;

use anstyle::{AnsiColor, Style};
use comfy_table::{ContentArrangement, Table, presets};
use leasehold_model::scopes::{Cell, Part};
use leasehold_world::{CLAIMS, Claim, Settings};

use crate::verdict::Verdict;

/// The widest line of a table.
const WIDTH: u16 = 100;

const PARTS: [(Part, &str); 3] = [
    (Part::Hazards, "One client: one lease, one renewal, a stop at any moment"),
    (Part::Exclusion, "Two clients: one renews and stops, the other acquires"),
    (Part::Faults, "Faults that the cells above leave out"),
];

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
        Some(Claim::Residue | Claim::OwnKeysOnly | Claim::LossTold) => claim,
        Some(Claim::BoundedRelease | Claim::BoundedAcquire | Claim::RoomForMessages) | None => {
            claim
        }
    }
}

fn verdict_text(verdict: &Verdict) -> String {
    if verdict.truncated {
        return "TRUNCATED".to_owned();
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
    for (part, title) in PARTS {
        let rows: Vec<(&Cell, &Verdict)> =
            cells.iter().zip(verdicts).filter(|(cell, _)| cell.part == part).collect();
        if rows.is_empty() {
            continue;
        }
        let mut table = Table::new();
        table
            .load_style(presets::UTF8_BORDERS_ONLY)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(WIDTH)
            .set_header(["lifecycle", "extend", "transport", "verdict", "states", "s"]);
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
        text += &format!("{bold}{title}{bold:#}\n{}\n{}\n", constants(&rows), coloured(&table));
    }
    text + "Numbers behind a hazard: steps of its shortest counterexample. ✓: a second, exact\n\
            search counted the same states and broke the same claims."
}

fn lifecycle_text(cell: &Cell) -> String {
    if cell.note.is_empty() {
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

/// The constants of the rows; where they differ, all of them.
fn constants(rows: &[(&Cell, &Verdict)]) -> String {
    let searched = || rows.iter().filter_map(|(cell, _)| cell.settings.as_ref());
    let each = |pick: &dyn Fn(&Settings) -> i64| {
        let values: BTreeSet<i64> = searched().map(pick).collect();
        values.iter().map(i64::to_string).collect::<Vec<_>>().join(" or ")
    };
    format!(
        "Nodes {}, clients {}, and in ticks: TTL {}, drift {}, renewal every {}, node time-out {}, \
         release within {}",
        each(&|settings| settings.nodes.into()),
        each(&|settings| settings.roles.len() as i64),
        each(&|settings| settings.ttl),
        each(&|settings| settings.drift_floor),
        each(&|settings| settings.renew_every),
        each(&|settings| settings.node_timeout),
        each(&|settings| settings.release_within),
    )
}

/// The report: the same tables in Markdown, what each claim says, and the times at the end.
pub(crate) fn for_report(cells: &[Cell], verdicts: &[Verdict]) -> String {
    let mut text = String::from(
        "# Verdicts\n\nWritten by `leasehold check` (scope `quick`). Every search ended by itself: \
         each line speaks of every\nreachable state of its scope, up to the collision of two \
         64-bit fingerprints (n states: n²/2⁶⁵). The number\nbehind a hazard is the length of its \
         shortest counterexample, which lies in `counterexamples/`. ✓ marks\ncounts that a second, \
         exact search confirmed.\n",
    );
    for (part, title) in PARTS {
        let rows: Vec<(&Cell, &Verdict)> =
            cells.iter().zip(verdicts).filter(|(cell, _)| cell.part == part).collect();
        text += &format!("\n## {title}\n\n{}\n\n", constants(&rows));
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
    text += "\n## What the words mean\n\n";
    for claim in CLAIMS {
        text +=
            &format!("- **{}** ({}): {}.\n", short(claim.name()), claim.name(), claim.verdict());
    }
    text += "\nAssumed: clocks do not slip and nodes do not lose state in these scopes; any \
             message may be delayed\nwithout bound or never arrive. The broken programs neither \
             tell of a loss nor bound a release, so those\ntwo claims are not asked of them.\n\n\
             ## Times\n\nSeconds, on the machine that wrote this; not compared.\n\n";
    for verdict in verdicts.iter().filter(|verdict| verdict.states.is_some()) {
        text += &format!("- {}: {:.1}\n", verdict.cell, verdict.seconds);
    }
    text
}
