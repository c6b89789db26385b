//! Failing seeds as trace files: a few, each the first that broke a claim in its way.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use leasehold_sim::{Kind, Options, Profile, Results, Shrunk, record_breaking, shrink};
use leasehold_world::{Claim, Lifecycle, Trace, replay};

use crate::exit::{Failure, write};
use crate::replay::with_notes;

/// Where they go if nobody names another place.
pub(super) const FOLDER: &str = "reports/seeds";

/// The most files of one campaign.
const MOST: usize = 10;

/// What hurts a user, most telling first; the other claims follow in their order.
const TELLING: [Claim; 6] = [
    Claim::WindowExclusion,
    Claim::Continuity,
    Claim::NoStrayMessage,
    Claim::TrueCause,
    Claim::NoOrphan,
    Claim::NoZombie,
];

/// Whether nothing may break under these options, so that a failing seed is news.
pub(super) fn must_hold(options: &Options) -> bool {
    let Options { profile, lifecycle, mutant, .. } = *options;
    lifecycle == Lifecycle::Joined && mutant.is_none() && profile.is_assumed()
}

/// A file that was written, and what it holds.
#[derive(Debug)]
pub(super) struct Saved {
    /// Where.
    pub(super) path: PathBuf,
    /// How it came to be.
    pub(super) note: String,
}

/// Shrinks the first seed of some kinds of failure, and writes each as a trace file into a folder
/// of its options below `folder`. Once `stop` is true, traces are written as short as they are.
pub(super) fn save(
    results: &Results,
    folder: &Path,
    stop: &AtomicBool,
) -> Result<Vec<Saved>, Failure> {
    let folder = folder.join(name_of(&results.options));
    let mut saved = Vec::new();
    for kind in chosen(&results.kinds) {
        let path = folder.join(file_name(&kind));
        let whole = record_breaking(kind.first, &results.options, kind.claim);
        // Only a program that is not deterministic runs a seed otherwise the next time.
        let whole = whole.ok_or_else(|| Failure::NotAgain { path: path.clone() })?;
        saved.push(write_shrunk(path, &whole, stop)?);
    }
    Ok(saved)
}

/// Shrinks a failing trace, and writes it to `path`. Once `stop` is true, as short as it is.
pub(super) fn write_shrunk(
    path: PathBuf,
    whole: &Trace,
    stop: &AtomicBool,
) -> Result<Saved, Failure> {
    let (trace, note) = match shrink(whole, &mut |_| !stop.load(Ordering::Relaxed)) {
        Ok(Shrunk { trace, before, after, finished, .. }) => {
            let unfinished = if finished { "" } else { ", stopped before the end" };
            (trace, format!("{} of {} steps{unfinished}", after.steps, before.steps))
        }
        Err(error) => {
            let replayed =
                replay(whole).map_err(|error| Failure::Replay { path: path.clone(), error })?;
            (with_notes(whole, &replayed), format!("not shrunk: {error}"))
        }
    };
    write(&path, &trace.to_string())?;
    Ok(Saved { path, note })
}

/// Those that are saved: the few that break what hurts most.
pub(super) fn most_telling<T>(all: &[T], claim: impl Fn(&T) -> Claim) -> Vec<&T> {
    let mut chosen: Vec<&T> = all.iter().collect();
    chosen.sort_by_key(|one| rank(claim(one)));
    chosen.truncate(MOST);
    chosen
}

/// The more telling a claim, the less.
fn rank(claim: Claim) -> (usize, Claim) {
    let telling = TELLING.iter().position(|&known| known == claim);
    (telling.unwrap_or(TELLING.len()), claim)
}

/// The kinds that are saved: of each claim the first cause, then the other causes.
fn chosen(kinds: &[Kind]) -> Vec<Kind> {
    // The echo of the own release is a false message too: one schedule shows both.
    let is_echo = |kind: &Kind| {
        let echo = Kind { claim: Claim::NoStrayMessage, ..*kind };
        kind.claim == Claim::TrueCause && kinds.iter().any(|other| same_failure(other, &echo))
    };
    let kinds: Vec<Kind> = kinds.iter().filter(|kind| !is_echo(kind)).copied().collect();
    let another = |kind: &Kind| {
        kinds.iter().any(|other| other.claim == kind.claim && other.cause < kind.cause)
    };
    let mut chosen = kinds.clone();
    chosen.sort_by_key(|kind| (another(kind), rank(kind.claim), kind.cause));
    chosen.truncate(MOST);
    chosen
}

fn same_failure(one: &Kind, other: &Kind) -> bool {
    (one.claim, one.cause, one.first) == (other.claim, other.cause, other.first)
}

/// The options in one word.
pub(super) fn name_of(options: &Options) -> String {
    let Options { profile, lifecycle, extend, transport, mutant, nodes, clients } = *options;
    let mut words = vec![lifecycle.to_string(), extend.to_string(), transport.to_string()];
    if profile != Profile::default() {
        words.push(profile.to_string());
    }
    words.extend(mutant.map(|mutant| mutant.name().to_owned()));
    words.extend(nodes.map(|count| format!("{}-nodes", count.number())));
    words.extend(clients.map(|count| format!("{}-clients", count.number())));
    words.join("-")
}

fn file_name(kind: &Kind) -> String {
    let cause = kind.cause.map_or(String::new(), |cause| format!(" {}", cause.name()));
    as_file(&format!("{} {}{cause}", kind.first, kind.claim.name()))
}

/// Words as the name of a trace file.
pub(super) fn as_file(words: &str) -> String {
    format!("{words}.trace").replace([',', '\''], "").replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use leasehold::protocol::Mutant;
    use leasehold_sim::{Cause, ClientCount, NodeCount};

    use super::*;

    #[test]
    fn what_hurts_most_is_saved_first_and_every_claim_before_a_second_cause() {
        let kind = |claim, cause, first| Kind { claim, cause, runs: 1, first };
        let (expired, own) = (Some(Cause::ExpiredNobodyHolds), Some(Cause::OwnNextLease));
        let stray = Some(Cause::StrayRenewalAfterRelease);
        let kinds = [
            kind(Claim::OrderAtNode, None, 1),
            kind(Claim::NoOrphan, None, 2),
            kind(Claim::TrueCause, stray, 4),
            kind(Claim::TrueCause, expired, 3),
            kind(Claim::NoStrayMessage, stray, 4),
            kind(Claim::NoStrayMessage, own, 5),
        ];
        let order: Vec<u64> = chosen(&kinds).iter().map(|kind| kind.first).collect();
        assert_eq!(order, [4, 3, 2, 1, 5]);
        let many = vec![kind(Claim::NoZombie, None, 7); 20];
        assert_eq!(chosen(&many).len(), MOST);
        let name = file_name(&kinds[3]);
        assert_eq!(name, "3-true-cause-expired-nobody-holds.trace");
        assert_eq!(file_name(&kinds[1]), "2-no-orphan.trace");
    }

    #[test]
    fn options_have_a_folder_of_their_own() {
        let options = Options {
            mutant: Some(Mutant::NoKillAfterReset),
            nodes: NodeCount::try_from(3).ok(),
            clients: ClientCount::try_from(2).ok(),
            ..Options::default()
        };
        let wanted = "joined-touch-fifo-no-kill-after-reset-3-nodes-2-clients";
        assert_eq!(name_of(&options), wanted);
        assert!(!must_hold(&options));
        assert!(must_hold(&Options::default()));
        assert!(!must_hold(&Options { lifecycle: Lifecycle::Sleep, ..Options::default() }));
    }
}
