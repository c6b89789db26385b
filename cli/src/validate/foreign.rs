//! Other people's libraries under the same faults as ours.

use std::path::Path;

use indicatif::ProgressBar;
use leasehold_rig::RigError;
use leasehold_rig::foreign::{ForeignReport, Library, Options, Places, programme};

use super::ValidateArgs;
use crate::exit::{Ending, Failure, prepare, say, write};

/// What its trials draw from: the number of the issue that the first workload is of.
const SEED: u64 = 158;

/// Runs every library that can be had here through every trial.
pub(super) fn run(args: &ValidateArgs) -> Result<Ending, Failure> {
    prepare(&args.reports)?;
    let system = |error| Failure::Rig(RigError::System { what: "this program", error });
    let program = std::env::current_exe().map_err(system)?;
    let options = Options {
        places: Places {
            ours: vec![program.into(), "foreign-contender".into()],
            interop: args.interop.clone(),
            built: args.built.clone(),
        },
        trial_ms: args.trial_ms,
        seed: SEED,
        libraries: Library::ALL.to_vec(),
        is_every_required: std::env::var("REQUIRE_ALL").is_ok_and(|all| all == "1"),
    };
    let bar = if args.json { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    let mut told = |what: &str| bar.set_message(what.to_owned());
    let found = programme(&options, &mut told).map_err(Failure::Rig)?;
    bar.finish_and_clear();
    let path = args.reports.join("foreign.md");
    write(&path, &page(&found))?;
    if args.json {
        say(serde_json::to_string_pretty(&found).map_err(Failure::Unwritable)?);
    } else {
        say(found.markdown());
        say(format!("Written: {}", Path::display(&path)));
    }
    Ok(if ours_is_as_claimed(&found) { Ending::AsClaimed } else { Ending::Broken })
}

fn page(found: &ForeignReport) -> String {
    format!(
        "# Other libraries under the same faults\n\n`leasehold validate --foreign`; what is \
         run, and how, is in [interop](../interop/README.md).\n\n{}",
        found.markdown()
    )
}

/// What others do is counted; what ours does is claimed.
fn ours_is_as_claimed(found: &ForeignReport) -> bool {
    found.trials.iter().filter(|trial| trial.library.is_ours()).all(|trial| {
        let counts = &trial.counts;
        let wrong = counts.strays + counts.zombies + counts.orphans + counts.ended_badly;
        let overlaps = counts.overlaps.unwrap_or(0);
        // Without the restart guard, restarts let two in: that is what it is for.
        let guarded = trial.library == Library::Leasehold;
        wrong == 0 && counts.false_taken.unwrap_or(0) == 0 && (overlaps == 0 || !guarded)
    })
}
