//! The tables of mutants: one of the checker's searches, one of the simulator's campaigns.

use std::fmt::Write;

use comfy_table::{ColumnConstraint, Table};

use super::seeds::SEEDS;
use super::{Fate, killed_by_search, killed_by_seeds};
use crate::layout::{self, add_table};

const SEARCHED: [&str; 6] = ["mutant", "where", "noticed by", "steps", "visited", "sound states"];
const SIMULATED: [&str; 5] = ["mutant", "profile", "transport", "seeds", "noticed by"];

fn searched(fate: &Fate) -> [String; 6] {
    [
        fate.mutant.to_owned(),
        fate.place.to_owned(),
        fate.claim.to_owned(),
        number(fate.steps, fate.truncated),
        fate.visited.to_string(),
        fate.sound_states.to_string(),
    ]
}

fn simulated(fate: &Fate) -> [String; 5] {
    let hunt = &fate.simulator;
    [
        fate.mutant.to_owned(),
        hunt.profile.to_owned(),
        hunt.transport.to_owned(),
        number(hunt.seeds, hunt.truncated),
        hunt.claim.unwrap_or("-").to_owned(),
    ]
}

fn number(found: Option<impl ToString>, truncated: bool) -> String {
    match found {
        Some(number) => number.to_string(),
        None if truncated => "TRUNCATED".to_owned(),
        None => "SURVIVED".to_owned(),
    }
}

/// Both tables as they are printed.
pub(super) fn for_terminal(fates: &[Fate]) -> String {
    format!(
        "By the checker\n{}\nsteps: of the shortest counterexample. visited: states until it was \
         found, breadth first.\nsound states: the whole scope under sound rules, where the claim \
         holds.\n\nBy the simulator\n{}\nseeds: run, from 0 on, until one broke a claim that the \
         sound rules do not break with it.",
        table(SEARCHED, fates.iter().map(searched)),
        table(SIMULATED, fates.iter().map(simulated)),
    )
}

fn table<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) -> Table {
    let mut table = layout::table(&header, &[]);
    if let Some(column) = table.column_mut(0) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    table.add_rows(rows);
    table
}

/// The report: both tables in Markdown, and the times at the end.
pub(super) fn for_report(fates: &[Fate]) -> String {
    let mut text = String::from(
        "# Mutants\n\nWritten by `leasehold check --mutants`. Each line breaks one rule of the \
         machine on purpose. A mutant that\nsurvived, in either table, would fail the \
         command.\n\n## By the checker\n\nUnder sound rules the scope was searched to the end and \
         the claim holds there (\"sound states\" of them); with\nthe rule broken, it breaks in so \
         many steps, after so many states of a breadth-first search. The\ncounterexamples lie in \
         `mutants/`.\n\n",
    );
    add_table(&mut text, SEARCHED, fates.iter().map(searched));
    let _ = writeln!(text, "\n{} of {} killed.", killed_by_search(fates), fates.len());
    let _ = write!(
        text,
        "\n## By the simulator\n\nSeeds were run from 0 on, {SEEDS} at most, each twice: with the \
         rule broken, and with sound rules in the same\nweather. The last of so many seeds breaks \
         a claim that the sound rules do not break with it. Its steps are\nshown by `leasehold \
         replay SEED --mutant MUTANT --profile PROFILE --transport TRANSPORT`, where SEED is one\n\
         less than their number.\n\n",
    );
    add_table(&mut text, SIMULATED, fates.iter().map(simulated));
    let _ = writeln!(text, "\n{} of {} killed.", killed_by_seeds(fates), fates.len());
    text += "\n## Times\n\nSeconds until each was noticed, by the checker and by the simulator, \
             on the machine that wrote this; not\ncompared.\n\n";
    for Fate { mutant, seconds, simulator_seconds, .. } in fates {
        let _ = writeln!(text, "- {mutant}: {seconds:.1}, {simulator_seconds:.1}");
    }
    text
}
