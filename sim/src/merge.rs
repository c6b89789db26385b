//! The results of all shards, put together to the result of the whole.

use std::collections::BTreeMap;

use crate::campaign::{KEPT, Least};
use crate::kinds::Kinds;
use crate::options::Options;
use crate::results::Results;
use crate::shard::Shard;

/// How many missing shards are named.
const NAMED: usize = 8;

/// Why results cannot be merged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// There are none.
    #[error("there is nothing to merge: name the result of every shard")]
    Nothing,
    /// Two results are not of one campaign.
    #[error("{first} and {second} are not of one campaign: {what} {ours}, and {theirs}")]
    Other {
        /// A result.
        first: String,
        /// Another one.
        second: String,
        /// In what they differ.
        what: &'static str,
        /// What it is in the first.
        ours: String,
        /// What it is in the second.
        theirs: String,
    },
    /// One shard is there twice.
    #[error("{first} and {second} are both shard {shard}; leave one of them out")]
    Twice {
        /// Which shard.
        shard: Shard,
        /// One result.
        first: String,
        /// The other.
        second: String,
    },
    /// Some shards are not there.
    #[error("{missing} missing; run {them} with --shard, and merge again with {them}")]
    Missing {
        /// Which, in words that end with "is" or "are".
        missing: String,
        /// "it" or "them".
        them: &'static str,
    },
}

/// Puts the results of all shards of one campaign together, each with a name for error messages.
/// All fields are those of one run over all seeds, but [`elapsed_ms`](Results::elapsed_ms), which
/// is the sum. If a shard was stopped, so was the whole.
///
/// # Errors
/// The first reason why these are not all shards of one campaign, as [`MergeError`].
pub fn merge(results: Vec<(String, Results)>) -> Result<Results, MergeError> {
    let (first, sample) = results.first().cloned().ok_or(MergeError::Nothing)?;
    let mut shards: BTreeMap<u32, (String, Results)> = BTreeMap::new();
    for (name, result) in results {
        if let Some((what, ours, theirs)) = disagreement(&sample, &result) {
            return Err(MergeError::Other { first, second: name, what, ours, theirs });
        }
        let shard = result.shard;
        if let Some((earlier, _)) = shards.insert(shard.index(), (name.clone(), result)) {
            return Err(MergeError::Twice { shard, first: earlier, second: name });
        }
    }
    if let Some(missing) = missing(sample.shard.of(), &shards) {
        return Err(missing);
    }
    let mut shards = shards.into_values();
    let (_, mut whole) = shards.next().ok_or(MergeError::Nothing)?;
    whole.shard = Shard::WHOLE;
    shards.for_each(|(_, next)| append(&mut whole, next));
    Ok(whole)
}

/// In what two results are not of one campaign, if they are not.
fn disagreement(ours: &Results, theirs: &Results) -> Option<(&'static str, String, String)> {
    let seeds = |results: &Results| format!("{}..{}", results.seeds.start, results.seeds.end);
    let twice = |results: &Results| if results.twice { "on" } else { "off" }.to_owned();
    let all: [(&'static str, String, String); 4] = [
        ("program version", ours.program.clone(), theirs.program.clone()),
        ("seeds", seeds(ours), seeds(theirs)),
        ("number of shards", ours.shard.of().to_string(), theirs.shard.of().to_string()),
        ("--check-determinism", twice(ours), twice(theirs)),
    ];
    let pairs = words(&ours.options).into_iter().zip(words(&theirs.options));
    let options = pairs.map(|((what, ours), (_, theirs))| (what, ours, theirs));
    options.chain(all).find(|(_, ours, theirs)| ours != theirs)
}

/// Each option as it is typed, and what it is.
fn words(options: &Options) -> [(&'static str, String); 7] {
    let Options { profile, lifecycle, extend, transport, mutant, nodes, clients } = *options;
    let drawn = || "drawn from the seed".to_owned();
    [
        ("--profile", profile.to_string()),
        ("--lifecycle", lifecycle.to_string()),
        ("--extend", extend.to_string()),
        ("--transport", transport.to_string()),
        ("--mutant", mutant.map_or("none".to_owned(), |mutant| mutant.name().to_owned())),
        ("--nodes", nodes.map_or_else(drawn, |count| count.number().to_string())),
        ("--clients", clients.map_or_else(drawn, |count| count.number().to_string())),
    ]
}

/// Adds a result to those of the seeds before.
fn append(whole: &mut Results, next: Results) {
    whole.run = whole.run.saturating_add(next.run);
    whole.truncated |= next.truncated;
    whole.digest = whole.digest.wrapping_add(next.digest);
    whole.counts.add(&next.counts);
    whole.least_slack = Least::of(whole.least_slack, next.least_slack);
    whole.failures.extend(next.failures);
    whole.failures.truncate(KEPT);
    whole.failures_total = whole.failures_total.saturating_add(next.failures_total);
    let mut kinds = Kinds::default();
    whole.kinds.iter().chain(&next.kinds).for_each(|&kind| kinds.add(kind));
    whole.kinds = kinds.list();
    whole.differences.extend(next.differences);
    whole.differences.truncate(KEPT);
    whole.differences_total = whole.differences_total.saturating_add(next.differences_total);
    whole.elapsed_ms = whole.elapsed_ms.saturating_add(next.elapsed_ms);
}

/// The shards that are not there, by name.
fn missing(of: u32, there: &BTreeMap<u32, (String, Results)>) -> Option<MergeError> {
    let count = u64::from(of).saturating_sub(there.len() as u64);
    if count == 0 {
        return None;
    }
    let absent = (1..=of).filter(|index| !there.contains_key(index));
    let mut names: Vec<String> = absent.take(NAMED).map(|index| format!("{index}/{of}")).collect();
    if count > NAMED as u64 {
        names.push(format!("and {} more", count - NAMED as u64));
    }
    let (noun, verb, them) =
        if count == 1 { ("shard", "is", "it") } else { ("shards", "are", "them") };
    Some(MergeError::Missing { missing: format!("{noun} {} {verb}", names.join(", ")), them })
}
