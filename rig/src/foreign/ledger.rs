//! What happened to a lock's values at one node, from what its server has executed.

use std::collections::BTreeMap;

use super::monitor::Executed;

/// What a command does for a value, whatever library sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Deed {
    /// `SET NX`, alone or within a script.
    Acquire { key: String, value: String, ttl_ms: i64 },
    /// Compare and extend.
    Extend { key: String, value: String, ttl_ms: i64, does: Extends },
    /// Compare and delete; whether there was one.
    Release { key: String, value: String, deletes: bool },
}

/// What an extension did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extends {
    /// Nothing: the key was not there, or somebody else's.
    Nothing,
    /// The key has a new end.
    Touches,
    /// The key was to be set, if there was none.
    SetsIfFree,
}

/// What was counted at one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Extensions that were executed.
    pub(super) renewals: u64,
    /// Extensions that were executed after a release of the same value.
    pub(super) strays: u64,
    /// Extensions that stored a value again after its release.
    pub(super) zombies: u64,
    /// Acquisitions that stored a value after its release.
    pub(super) orphans: u64,
    /// Values that were stored, and for which no release was ever executed.
    pub(super) unreleased: u64,
}

/// How close to the end of a key it is not known whether it is there, in microseconds.
const ODD_US: i64 = 2_000;

#[derive(Default)]
struct Value {
    /// When it began to be stored by an acquisition.
    is_stored: bool,
    is_released: bool,
}

/// What is stored at a key, and until when.
struct Stored {
    until_us: i64,
}

/// Counts what happened to keys that begin with `prefix`, in one life of a server.
pub(super) fn tally(executed: &[Executed], prefix: &str) -> Tally {
    let mut tally = Tally::default();
    let mut values: BTreeMap<(String, String), Value> = BTreeMap::new();
    let mut stored: BTreeMap<String, Stored> = BTreeMap::new();
    for (at_us, deed) in deeds(executed, prefix) {
        let is_free = |stored: &BTreeMap<String, Stored>, key: &String| {
            stored.get(key).is_none_or(|there| there.until_us + ODD_US < at_us)
        };
        match deed {
            Deed::Acquire { key, value, ttl_ms } => {
                if !is_free(&stored, &key) {
                    continue;
                }
                let known = values.entry((key.clone(), value.clone())).or_default();
                tally.orphans += u64::from(known.is_released);
                known.is_stored = true;
                stored.insert(key, Stored { until_us: at_us + ttl_ms * 1_000 });
            }
            Deed::Extend { key, value, ttl_ms, does } => {
                tally.renewals += 1;
                let sets = does == Extends::SetsIfFree && is_free(&stored, &key);
                let known = values.entry((key.clone(), value.clone())).or_default();
                if known.is_released {
                    tally.strays += 1;
                    tally.zombies += u64::from(sets);
                }
                if sets || does == Extends::Touches {
                    stored.insert(key, Stored { until_us: at_us + ttl_ms * 1_000 });
                }
            }
            Deed::Release { key, value, deletes } => {
                values.entry((key.clone(), value)).or_default().is_released = true;
                if deletes {
                    stored.remove(&key);
                }
            }
        }
    }
    let is_left = |value: &&Value| value.is_stored && !value.is_released;
    tally.unreleased = values.values().filter(is_left).count() as u64;
    tally
}

/// The deeds in what was executed, in order.
fn deeds(executed: &[Executed], prefix: &str) -> Vec<(i64, Deed)> {
    let mut deeds = Vec::new();
    let mut rest = executed;
    while let Some((first, after)) = rest.split_first() {
        let length = after.iter().take_while(|next| next.is_in_script).count();
        let (inside, after) = after.split_at(length);
        rest = after;
        deeds.extend(deed(&first.words, inside, prefix).map(|deed| (first.at_us, deed)));
    }
    deeds
}

fn deed(words: &[String], inside: &[Executed], prefix: &str) -> Option<Deed> {
    let text = |at: usize| words.get(at).map(String::as_str);
    let command = text(0)?.to_ascii_uppercase();
    match command.as_str() {
        "SET" => {
            let key = text(1).filter(|key| key.starts_with(prefix))?.to_owned();
            let is_exclusive = words.iter().any(|word| word.eq_ignore_ascii_case("NX"));
            let ttl_ms = ttl_ms(words)?;
            is_exclusive.then_some(Deed::Acquire { key, value: text(2)?.to_owned(), ttl_ms })
        }
        // A script that is not known there executes nothing; one that compares looks first.
        "EVAL" | "EVALSHA" if !inside.is_empty() => {
            let key = text(3).filter(|key| text(2) == Some("1") && key.starts_with(prefix))?;
            let is = |word: Option<&String>, name: &str| {
                word.is_some_and(|word| word.eq_ignore_ascii_case(name))
            };
            let does = |name: &str| inside.iter().any(|it| is(it.words.first(), name));
            let (key, value) = (key.to_owned(), text(4)?.to_owned());
            let Some(ttl_ms) = text(5) else {
                return Some(Deed::Release { key, value, deletes: does("DEL") });
            };
            let ttl_ms = ttl_ms.parse().ok()?;
            if does("EXISTS") {
                return does("SET").then_some(Deed::Acquire { key, value, ttl_ms });
            }
            let is_exclusive = inside
                .iter()
                .any(|it| it.words.iter().skip(3).any(|word| word.eq_ignore_ascii_case("NX")));
            // node-redlock and rslock extend by a plain SET of what they have just seen there.
            let does = if does("PEXPIRE") || (does("SET") && !is_exclusive) {
                Extends::Touches
            } else if does("SET") {
                Extends::SetsIfFree
            } else {
                Extends::Nothing
            };
            Some(Deed::Extend { key, value, ttl_ms, does })
        }
        _ => None,
    }
}

/// The TTL of a `SET`.
fn ttl_ms(words: &[String]) -> Option<i64> {
    let after = |name: &str| {
        let at = words.iter().position(|word| word.eq_ignore_ascii_case(name))?;
        words.get(at + 1)?.parse::<i64>().ok()
    };
    after("PX").or_else(|| after("EX").map(|seconds| seconds * 1_000))
}
