//! What is expected of each cell: one data file, with a reason per cell.
//!
//! Verdicts are computed without it. It is held against them afterwards, so a change of any number
//! in it, or of any verdict, makes `check` fail.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::exit::Failure;
use crate::verdict::Verdict;

/// The file that ships.
const SHIPPED: &str = include_str!("../expected.json");

/// What is expected of one cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expectation {
    /// The cell's name.
    pub(crate) cell: String,
    /// Why this is to be expected.
    pub(crate) reason: String,
    /// How many distinct states; `null` for a cell that is not searched.
    pub(crate) states: Option<usize>,
    /// The claims that break, with the length of the shortest counterexample.
    pub(crate) breaks: BTreeMap<String, usize>,
}

/// Reads the expectations from `path`, or those that ship.
pub(crate) fn read(path: Option<&Path>) -> Result<Vec<Expectation>, Failure> {
    let shipped = Path::new("expected.json");
    let text = match path {
        None => SHIPPED.to_owned(),
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| Failure::Read { path: path.to_owned(), error })?,
    };
    serde_json::from_str(&text)
        .map_err(|error| Failure::Expected { path: path.unwrap_or(shipped).to_owned(), error })
}

/// Each way in which `verdicts` are not what was expected, in a sentence. `complete` says of which
/// groups all cells were asked for, so that none may be missing.
pub(crate) fn differences(
    verdicts: &[Verdict],
    expected: &[Expectation],
    complete: &dyn Fn(&str) -> bool,
) -> Vec<String> {
    let mut differences = Vec::new();
    for verdict in verdicts {
        match expected.iter().find(|wanted| wanted.cell == verdict.cell) {
            None => differences.push(format!("{}: nothing is expected of it", verdict.cell)),
            Some(wanted) => compare(verdict, wanted, &mut differences),
        }
    }
    for wanted in expected {
        let found = verdicts.iter().any(|verdict| verdict.cell == wanted.cell);
        let group = wanted.cell.split('/').next().unwrap_or_default();
        if !found && complete(group) {
            differences.push(format!("{}: expected, and not among the cells", wanted.cell));
        }
        if wanted.reason.trim().is_empty() {
            differences.push(format!("{}: its expectation has no reason", wanted.cell));
        }
    }
    differences
}

fn compare(verdict: &Verdict, wanted: &Expectation, differences: &mut Vec<String>) {
    let cell = &verdict.cell;
    let found: BTreeMap<&str, usize> =
        verdict.broken.iter().map(|broken| (broken.claim, broken.steps)).collect();
    for (claim, &steps) in &wanted.breaks {
        match found.get(claim.as_str()) {
            None => {
                differences.push(format!("{cell}: \"{claim}\" was expected to break, and holds"))
            }
            Some(&length) if length != steps => differences.push(format!(
                "{cell}: \"{claim}\" breaks in {length} steps, {steps} were expected"
            )),
            Some(_) => {}
        }
    }
    for (claim, steps) in found {
        if !wanted.breaks.contains_key(claim) {
            differences.push(format!("{cell}: \"{claim}\" breaks in {steps} steps, unexpectedly"));
        }
    }
    if verdict.states != wanted.states {
        let count = |states: Option<usize>| states.map_or("none".to_owned(), |n| n.to_string());
        let (found, wanted) = (count(verdict.states), count(wanted.states));
        differences.push(format!("{cell}: {found} states, {wanted} were expected"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::BrokenClaim;

    /// Verdicts that are exactly what is expected.
    fn fulfilled(expected: &[Expectation]) -> Vec<Verdict> {
        let broken = |wanted: &Expectation| {
            let claim = |name: &str| leasehold_world::Claim::named(name).unwrap().name();
            wanted
                .breaks
                .iter()
                .map(|(name, &steps)| BrokenClaim { claim: claim(name), steps, trace: None })
                .collect()
        };
        let verdict = |wanted: &Expectation| Verdict {
            cell: wanted.cell.clone(),
            states: wanted.states,
            broken: broken(wanted),
            ..Verdict::default()
        };
        expected.iter().map(verdict).collect()
    }

    #[test]
    fn the_shipped_expectations_are_readable_and_each_has_a_reason() {
        let expected = read(None).unwrap();
        assert_eq!(expected.iter().filter(|e| e.cell.starts_with("hazards/")).count(), 16);
        assert_eq!(differences(&fulfilled(&expected), &expected, &|_| true), Vec::<String>::new());
    }

    #[test]
    fn altering_any_one_expectation_is_noticed() {
        let expected = read(None).unwrap();
        let verdicts = fulfilled(&expected);
        for index in 0..expected.len() {
            let notices = |alter: &dyn Fn(&mut Expectation)| {
                let mut altered = expected.clone();
                alter(&mut altered[index]);
                assert_eq!(
                    differences(&verdicts, &altered, &|_| true).len(),
                    1,
                    "{:?}",
                    altered[index]
                );
            };
            notices(&|wanted| wanted.states = Some(wanted.states.map_or(1, |n| n + 1)));
            notices(&|wanted| wanted.reason.clear());
            notices(&|wanted| {
                wanted.breaks.insert("room for messages".to_owned(), 1);
            });
            for claim in expected[index].breaks.keys() {
                notices(&|wanted| {
                    wanted.breaks.remove(claim);
                });
                notices(&|wanted| *wanted.breaks.get_mut(claim).unwrap() += 1);
            }
        }
    }
}
