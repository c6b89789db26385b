//! What `check` leaves in the folder of reports.

use std::path::Path;

use leasehold_model::scopes::{Cell, ScopeName};
use leasehold_world::{Claim, Trace};

use super::CheckArgs;
use crate::exit::{Failure, write};
use crate::table;
use crate::verdict::{BrokenClaim, Verdict};
use crate::why;

/// The claims whose counterexamples are kept, most telling first.
const TELLING: [Claim; 6] = [
    Claim::WindowExclusion,
    Claim::Continuity,
    Claim::NoStrayMessage,
    Claim::TrueCause,
    Claim::NoOrphan,
    Claim::NoZombie,
];

/// Writes the table of a whole scope and its counterexamples, and says where. A table with a gap
/// goes to a file of its own, so that it never takes the place of a whole one.
pub(super) fn write_all(
    args: &CheckArgs,
    cells: &[Cell],
    verdicts: &[Verdict],
    truncated: bool,
) -> Result<String, Failure> {
    let stem = match args.scope {
        ScopeName::Quick => "verdicts",
        ScopeName::Ci => "ci",
        ScopeName::Nightly | ScopeName::Only(_) => "nightly",
    };
    let text = table::for_report(args.scope, cells, verdicts);
    if truncated {
        let path = args.reports.join(format!("{stem}.truncated.md"));
        write(&path, &text)?;
        return Ok(format!("What was found until then: {}", path.display()));
    }
    write(&args.reports.join(format!("{stem}.md")), &text)?;
    let folder = args.reports.join("counterexamples");
    for verdict in verdicts {
        write_counterexamples(&folder, verdict)?;
    }
    let first = folder.join("hazards-detached-touch-fifo-no-stray-message.trace");
    let shown = args.scope == ScopeName::Quick && first.exists();
    let hint = format!("go-redsync #158, step by step:  leasehold replay {}", first.display());
    Ok(if shown { hint } else { String::new() })
}

/// Writes the minimal counterexamples of the hazards of a broken cell, and their pictures; of a
/// cell without such a hazard, the shortest of all.
fn write_counterexamples(folder: &Path, verdict: &Verdict) -> Result<(), Failure> {
    let telling = |broken: &&BrokenClaim| TELLING.iter().any(|claim| claim.name() == broken.claim);
    let mut kept: Vec<&BrokenClaim> = verdict.broken.iter().filter(telling).collect();
    if kept.is_empty() {
        kept.extend(verdict.broken.iter().min_by_key(|broken| broken.steps));
    }
    for broken in kept {
        if let Some(trace) = &broken.trace {
            let name = format!("{} {}", verdict.cell, broken.claim);
            write_trace(folder, &name, trace)?;
        }
    }
    Ok(())
}

/// Writes a trace and its picture.
pub(super) fn write_trace(folder: &Path, name: &str, trace: &Trace) -> Result<(), Failure> {
    let name = name.replace(',', "").replace(['/', ' '], "-");
    let path = folder.join(name.clone() + ".trace");
    write(&path, &trace.to_string())?;
    let picture =
        why::picture(trace).map_err(|error| Failure::Replay { path: path.clone(), error })?;
    write(&folder.join(name + ".svg"), &picture)
}
