//! Everything that is not as it should be, in sentences.

use leasehold_model::scopes::{Cell, Group, ScopeName};
use leasehold_world::Claim;

use super::CheckArgs;
use crate::expected::{self, Expectation};
use crate::verdict::Verdict;

/// What is wrong with `verdicts`; nothing, if all is as expected.
pub(super) fn complaints(
    args: &CheckArgs,
    cells: &[Cell],
    verdicts: &[Verdict],
    expectations: &[Expectation],
) -> Vec<String> {
    let mut complaints = Vec::new();
    for (cell, verdict) in cells.iter().zip(verdicts) {
        if verdict.ships {
            complaints.extend(broken_promises(verdict));
        }
        // With one node there is no minority, and with other constants some dangers are far away.
        let speaks = !verdict.truncated && !cell.beyond;
        if speaks && !args.has_own_constants() && !verdict.vacuous.is_empty() {
            let unseen = verdict.vacuous.join("; ");
            complaints.push(format!("{}: vacuous, never seen: {unseen}", verdict.cell));
        }
    }
    // How far a night reaches depends on the machine.
    let known = |cell: &Cell| !matches!(cell.group, Group::Pairs | Group::Sizes);
    if !args.has_own_constants() {
        let done: Vec<Verdict> = cells
            .iter()
            .zip(verdicts)
            .filter(|(cell, verdict)| !verdict.truncated && known(cell))
            .map(|(_, verdict)| verdict.clone())
            .collect();
        let groups: Vec<&str> = cells.iter().map(|cell| cell.group.name()).collect();
        let whole = !args.is_narrowed() && done.len() == verdicts.len();
        let wanted = |group: &str| whole && groups.contains(&group);
        complaints.extend(expected::differences(&done, expectations, &wanted));
    }
    if args.is_whole() && args.scope == ScopeName::Quick {
        complaints.extend(unreached_hazards(cells, verdicts));
    }
    complaints
}

/// Claims that broke where every claim must hold.
fn broken_promises(verdict: &Verdict) -> Vec<String> {
    let Verdict { cell, .. } = verdict;
    let sentence = |claim: &str| Claim::named(claim).map_or("", Claim::verdict);
    let measured = verdict.broken.iter().map(|broken| {
        let (claim, steps) = (broken.claim, broken.steps);
        format!("{cell}: what ships breaks \"{claim}\" in {steps} steps: {}", sentence(claim))
    });
    let others = verdict
        .unmeasured
        .iter()
        .map(|claim| format!("{cell}: what ships breaks \"{claim}\": {}", sentence(claim)));
    measured.chain(others).collect()
}

/// The hazards that the table exists to show: each must be reached by some broken lifecycle.
fn unreached_hazards(cells: &[Cell], verdicts: &[Verdict]) -> Vec<String> {
    let reached = |claim: Claim| {
        cells.iter().zip(verdicts).any(|(cell, verdict)| {
            cell.group == Group::Hazards
                && verdict.broken.iter().any(|broken| broken.claim == claim.name())
        })
    };
    [Claim::NoStrayMessage, Claim::TrueCause, Claim::NoOrphan, Claim::NoZombie]
        .into_iter()
        .filter(|claim| !reached(*claim))
        .map(|claim| format!("no cell reached this hazard: {}", claim.verdict()))
        .collect()
}
