//! `leasehold check --map`: one claim over a range of constants.

mod picture;
mod text;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use leasehold_model::Control;
use leasehold_model::maps::{Expected, Found, MapError, MapKind, Plan, Spot, Table};
use serde_json::{Value, json};

use crate::check::{now, progress_bar, stop_on_ctrl_c};
use crate::exit::{Ending, Failure, prepare, say, write};

/// Which map is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum MapName {
    /// Two holders, by drift margin and clock slips
    Drift,
    /// Two holders, by restart delay and the clients' TTLs
    Restart,
    /// Every claim, by node time-out and release bound
    Timeout,
}

impl MapName {
    fn kind(self) -> MapKind {
        match self {
            MapName::Drift => MapKind::Drift,
            MapName::Restart => MapKind::Restart,
            MapName::Timeout => MapKind::Timeout,
        }
    }
}

/// What else the command was told.
pub(crate) struct Options<'a> {
    /// Stop after so many seconds.
    pub(crate) timeout: Option<u64>,
    /// Where `maps/` is.
    pub(crate) reports: &'a Path,
    /// JSON instead of tables.
    pub(crate) json: bool,
}

/// A map, and what was found in its cells: by table, in the order of the plan. After a search
/// that was stopped there are fewer.
struct Map {
    kind: MapKind,
    plan: Plan,
    found: Vec<Vec<Found>>,
}

impl Map {
    /// The tables with their cells, as far as these were searched.
    fn tables(&self) -> impl Iterator<Item = (&Table, &[Found])> {
        self.plan.tables.iter().zip(self.found.iter().map(Vec::as_slice))
    }

    /// The cells that were searched.
    fn cells(&self) -> impl Iterator<Item = (&Table, &Spot, &Found)> {
        self.tables().flat_map(|(table, found)| {
            table.spots.iter().zip(found).map(move |(spot, found)| (table, spot, found))
        })
    }

    fn is_truncated(&self) -> bool {
        self.cells().count() < self.count() || self.cells().any(|(_, _, found)| found.truncated)
    }

    /// How many cells the whole map has.
    fn count(&self) -> usize {
        self.plan.tables.iter().map(|table| table.spots.len()).sum()
    }

    /// How many of them are as expected.
    fn as_expected(&self) -> usize {
        self.cells().filter(|(_, spot, found)| found.is_as(spot.expected)).count()
    }

    /// The result in one sentence, and what it cost.
    fn result(&self) -> String {
        let states = || self.cells().map(|(_, _, found)| found.states);
        let (least, most) = (states().min().unwrap_or(0), states().max().unwrap_or(0));
        format!(
            "{} of {} cells as expected; {} states in all, {least} to {most} in a cell.",
            self.as_expected(),
            self.count(),
            states().sum::<usize>(),
        )
    }
}

/// Whether the cells of a map show how much they cost, because every claim is expected to hold.
fn shows_states(spot: &Spot) -> bool {
    matches!(spot.expected, Expected::HoldsFor(_))
}

/// A cell that is not as expected, in a sentence.
fn complaint(plan: &Plan, (table, spot, found): (&Table, &Spot, &Found)) -> String {
    let (x, y) = (&table.x_ticks[spot.x], &table.y_ticks[spot.y]);
    let place = format!("{}, {} {y}, {} {x}", table.title, plan.y_label, plan.x_label);
    let broken: Vec<&str> = found.broken.iter().map(|claim| claim.name()).collect();
    let broken = if broken.is_empty() {
        "every claim holds".to_owned()
    } else {
        format!("broken: {}", broken.join(", "))
    };
    let expected = match spot.expected {
        Expected::Holds => "every claim was to hold".to_owned(),
        Expected::Breaks => "two holders were expected".to_owned(),
        Expected::HoldsFor(ticks) => {
            let longest = found.longest_release.unwrap_or(0);
            format!("every claim was to hold; the longest release takes {longest}, not {ticks}")
        }
    };
    let vacuous = if found.broken.is_empty() && !found.succeeded {
        "; vacuous: nobody ever held after another"
    } else {
        ""
    };
    format!("{place}: {broken}; {expected}{vacuous}")
}

/// Runs the command.
pub(crate) fn run(name: MapName, options: &Options<'_>) -> Result<Ending, Failure> {
    let folder = options.reports.join("maps");
    // Before the search, not after it.
    prepare(&folder)?;
    let stop = stop_on_ctrl_c();
    let map = search(name.kind(), options, &stop)?;
    let truncated = map.is_truncated();
    let done = map.cells().filter(|(_, _, found)| !found.truncated);
    let complaints: Vec<String> = done
        .filter(|(_, spot, found)| !found.is_as(spot.expected))
        .map(|cell| complaint(&map.plan, cell))
        .collect();
    if options.json {
        say(as_json(&map, &complaints));
    } else {
        say(text::for_terminal(&map));
        complaints.iter().for_each(|complaint| say(format!("NOT AS EXPECTED  {complaint}")));
    }
    if truncated {
        if !options.json {
            say("TRUNCATED: stopped before the end; nothing was written");
        }
        return Ok(Ending::Truncated);
    }
    let svg = folder.join(format!("{}.svg", map.kind));
    let drawn = picture::draw(&map).map_err(|error| Failure::Write {
        path: svg.clone(),
        error: std::io::Error::other(error),
    })?;
    let report = folder.join(format!("{}.md", map.kind));
    write(&report, &text::for_report(&map, &complaints))?;
    write(&svg, &drawn)?;
    if !options.json {
        say(format!("Written: {} and {}", report.display(), svg.display()));
        say(if complaints.is_empty() { "As expected." } else { "Not as expected." });
    }
    Ok(if complaints.is_empty() { Ending::AsClaimed } else { Ending::Broken })
}

/// Searches the cells one after the other, until `stop` or the time-out.
fn search(kind: MapKind, options: &Options<'_>, stop: &AtomicBool) -> Result<Map, Failure> {
    let mut map = Map { kind, plan: kind.plan(), found: Vec::new() };
    let bar = progress_bar(map.count() as u64, options.json);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let deadline = options.timeout.map(|seconds| now() + Duration::from_secs(seconds));
    let go_on = || {
        let late = deadline.is_some_and(|deadline| now() >= deadline);
        !late && !stop.load(Ordering::Relaxed)
    };
    let mut before = 0;
    for table in &map.plan.tables {
        bar.set_message(table.title.clone());
        let mut row = Vec::with_capacity(table.spots.len());
        for spot in &table.spots {
            if !go_on() {
                break;
            }
            let progress = |states: usize| {
                bar.set_prefix(format!("{} states", before + states));
                bar.tick();
                go_on()
            };
            let control = Control { threads, progress: &progress, second_opinion_up_to: 0 };
            let found = spot.search(&control).map_err(|error| match error {
                MapError::Scope(error) => Failure::Scope(error),
                MapError::Cell(error) => {
                    Failure::Cell { cell: format!("{kind}/{}", table.title), error }
                }
            })?;
            before += found.states;
            row.push(found);
            bar.inc(1);
        }
        map.found.push(row);
    }
    bar.finish_and_clear();
    Ok(map)
}

fn as_json(map: &Map, complaints: &[String]) -> Value {
    let cell = |(table, spot, found): (&Table, &Spot, &Found)| {
        let (breaks, longest) = match spot.expected {
            Expected::Holds => (false, None),
            Expected::Breaks => (true, None),
            Expected::HoldsFor(ticks) => (false, Some(ticks)),
        };
        json!({
            "table": table.title,
            "x": table.x_ticks[spot.x],
            "y": table.y_ticks[spot.y],
            "states": found.states,
            "broken": found.broken.iter().map(|claim| claim.name()).collect::<Vec<_>>(),
            "steps": found.steps,
            "longest_release": found.longest_release,
            "truncated": found.truncated,
            "expected": { "two_holders": breaks, "longest_release": longest },
            "as_expected": found.is_as(spot.expected),
            "settings": spot.settings,
        })
    };
    json!({
        "map": map.kind.name(),
        "x": map.plan.x_label,
        "y": map.plan.y_label,
        "cells": map.cells().map(cell).collect::<Vec<_>>(),
        "cells_in_all": map.count(),
        "cells_as_expected": map.as_expected(),
        "truncated": map.is_truncated(),
        "complaints": complaints,
    })
}
