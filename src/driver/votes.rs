//! What each node said in one round: kept as sets while it runs, named when somebody is told.

use std::fmt;
use std::string::{String, ToString};
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;

use super::clock::duration_of;
use super::node::Node;
use crate::protocol::guard::quorum_counts_in;
use crate::protocol::{Answer, Instant, Micros, Moment, NodeSet, Rules, Sound};

/// The nodes of one round, by what became of the command there. Those that were asked and are in
/// no other set have not answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcomes {
    /// When the round began, before anything was sent.
    pub(super) begun: Micros,
    asked: NodeSet,
    done: NodeSet,
    missing: NodeSet,
    foreign: NodeSet,
    refused: NodeSet,
    unsent: NodeSet,
    cut_off: NodeSet,
    guarded: NodeSet,
    reachable: NodeSet,
}

impl Outcomes {
    /// A round that begins now and goes to `asked`.
    pub(super) fn begin(moment: Moment<Micros>, asked: NodeSet) -> Outcomes {
        let Moment { now, reachable, guarded } = moment;
        Outcomes { begun: now, asked, guarded, reachable, ..Outcomes::default() }
    }

    /// Those that agreed.
    pub(super) fn granted(&self) -> NodeSet {
        self.done
    }

    /// Counts the answer of a node that has not answered in this round.
    pub(super) fn count(&mut self, node: u8, answer: Answer) {
        let heard = [self.done, self.missing, self.foreign, self.refused, self.unsent];
        let heard = heard.into_iter().fold(self.cut_off, NodeSet::or);
        if !self.asked.contains(node) || heard.contains(node) {
            return;
        }
        let kind = match answer {
            Answer::Done => &mut self.done,
            Answer::Missing => &mut self.missing,
            Answer::Foreign => &mut self.foreign,
            Answer::Refused => &mut self.refused,
            Answer::NotSent => &mut self.unsent,
            Answer::Unknown => &mut self.cut_off,
        };
        kind.insert(node);
    }
}

/// Why a round was not enough, apart from what the nodes said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shortfall {
    /// Too few nodes agreed.
    NoQuorum,
    /// A quorum agreed, but so late that by then nothing was left of the lease.
    TooLate,
    /// A quorum agreed, and less was left of the lease than was asked for.
    ShortValidity {
        /// What was left.
        left: Duration,
        /// What was asked for.
        minimum: Duration,
    },
}

impl Shortfall {
    /// So many microseconds are left, and at least so many were asked for.
    pub(super) fn short(left_us: i64, minimum_us: i64) -> Shortfall {
        Shortfall::ShortValidity { left: duration_of(left_us), minimum: duration_of(minimum_us) }
    }
}

/// What one node said in one round, an attempt to acquire or a renewal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Vote {
    /// It set the key, or extended its life.
    Granted,
    /// It does not store the key that was to be extended.
    Missing,
    /// It stores another holder's value.
    Taken,
    /// It answered with an error, so the command did not run.
    Refused {
        /// The server's words.
        reply: String,
    },
    /// It has not answered. The command may have run, and may run still.
    NoAnswer {
        /// How long it had.
        after: Duration,
    },
    /// The connection failed with the command under way, which may have run, and may run still.
    CutOff,
    /// It was not sent, and never will be.
    NotSent {
        /// Why not: the node is not connected, or far behind with its answers.
        why: String,
    },
    /// It was not asked, as an earlier command of the same lease is still unanswered there.
    Busy,
    /// It was not asked: its process started so recently that it may have forgotten a lease.
    Guarded {
        /// For how long it has been up at least.
        up: Duration,
        /// When it counts.
        counts_in: Duration,
    },
}

impl Vote {
    /// Of a guarded node: for how long it has been up at least, and when it counts.
    fn guard(&self) -> Option<(Duration, Duration)> {
        match *self {
            Vote::Guarded { up, counts_in } => Some((up, counts_in)),
            Vote::Granted
            | Vote::Missing
            | Vote::Taken
            | Vote::Refused { .. }
            | Vote::NoAnswer { .. }
            | Vote::CutOff
            | Vote::NotSent { .. }
            | Vote::Busy => None,
        }
    }

    /// Votes with the same words are told together; the guarded are told apart from the rest.
    fn words(&self) -> String {
        match self {
            Vote::Granted => String::from("granted"),
            Vote::Missing => String::from("missing"),
            Vote::Taken => String::from("taken"),
            Vote::Refused { reply } => std::format!("refused: {reply}"),
            Vote::NoAnswer { after } => std::format!("no answer in {}", whole(*after)),
            Vote::CutOff => String::from("connection failed before the answer"),
            Vote::NotSent { why } => std::format!("not sent: {why}"),
            Vote::Busy => String::from("still busy with the command before"),
            Vote::Guarded { .. } => String::from("started too recently"),
        }
    }
}

impl fmt::Display for Vote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words())
    }
}

/// What each node said in one round, and why that was not enough.
///
/// Shown as `2 of 5 granted (a, c), 1 taken (b), 2 no answer in 50ms (d, e)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Votes {
    names: Arc<[String]>,
    votes: Vec<Vote>,
    shortfall: Shortfall,
}

impl Votes {
    /// Each node's name and vote, in the order in which the nodes were given.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Vote)> {
        self.names.iter().map(String::as_str).zip(&self.votes)
    }

    /// Why it was not enough.
    pub fn shortfall(&self) -> Shortfall {
        self.shortfall
    }

    /// Until when the restart guard keeps a quorum from agreeing, whatever the other nodes say;
    /// `None` if it does not.
    pub fn guarded_for(&self) -> Option<Duration> {
        let wait = |vote: &Vote| vote.guard().map_or(Duration::ZERO, |(_, counts_in)| counts_in);
        let mut waits: Vec<Duration> = self.votes.iter().map(wait).collect();
        let quorum = Sound.quorum(u8::try_from(waits.len()).unwrap_or(u8::MAX));
        quorum_counts_in(&mut waits, quorum).filter(|wait| !wait.is_zero())
    }

    /// How long ago the nodes started that the restart guard holds back, the youngest of them,
    /// and how many there are.
    fn guarded(&self) -> Option<(usize, Duration)> {
        let ages = self.votes.iter().filter_map(Vote::guard).map(|(up, _)| up);
        ages.fold(None, |seen, age| match seen {
            None => Some((1, age)),
            Some((count, youngest)) => Some((count + 1, youngest.min(age))),
        })
    }
}

impl fmt::Display for Votes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.votes.len();
        let mut told: Vec<(String, Vec<&str>)> = Vec::new();
        for (name, vote) in self.iter().filter(|(_, vote)| vote.guard().is_none()) {
            let words = vote.words();
            match told.iter_mut().find(|(known, _)| *known == words) {
                Some((_, names)) => names.push(short(name)),
                None => told.push((words, Vec::from([short(name)]))),
            }
        }
        // Grants first: how far it was from a quorum is what everybody looks for.
        told.sort_by_key(|(words, _)| words != "granted");
        for (at, (words, names)) in told.iter().enumerate() {
            let (count, names) = (names.len(), names.join(", "));
            match at {
                0 => write!(f, "{count} of {total} {words} ({names})")?,
                _ => write!(f, ", {count} {words} ({names})")?,
            }
        }
        if let Some((count, youngest)) = self.guarded() {
            let separator = if told.is_empty() { "" } else { "; " };
            let age = whole(youngest);
            write!(f, "{separator}{count} of {total} nodes started {age} ago; ")?;
            if let Some(wait) = self.guarded_for() {
                write!(f, "leases can start in {}; ", whole(wait))?;
            }
            f.write_str("restart guard, can be turned off for tests")?;
        }
        match self.shortfall {
            Shortfall::NoQuorum => Ok(()),
            Shortfall::TooLate => f.write_str("; too late, nothing was left of the lease"),
            Shortfall::ShortValidity { left, minimum } => {
                write!(f, "; {left:?} of the lease left, at least {minimum:?} asked for")
            }
        }
    }
}

/// How messages name a node: as short as it is clear.
pub(super) fn short(name: &str) -> &str {
    let name = name.strip_prefix("redis://").unwrap_or(name);
    name.strip_suffix(":6379").unwrap_or(name)
}

/// A length of time in a unit that leaves no long fraction: `50ms`, `27 s`.
fn whole(length: Duration) -> String {
    if length < Duration::from_secs(1) {
        std::format!("{} ms", length.as_millis())
    } else {
        std::format!("{} s", length.as_secs_f64().round())
    }
}

/// What it takes to name outcomes: the nodes as they are at this moment.
pub(super) struct Witness<'a> {
    pub(super) nodes: &'a [Node],
    pub(super) names: &'a Arc<[String]>,
    pub(super) now: Micros,
}

impl Witness<'_> {
    pub(super) fn votes(&self, outcomes: &Outcomes, shortfall: Shortfall) -> Arc<Votes> {
        let vote = |(node, at): (&Node, u8)| self.vote(outcomes, node, at);
        let votes = self.nodes.iter().zip(0..).map(vote).collect();
        Arc::new(Votes { names: Arc::clone(self.names), votes, shortfall })
    }

    fn vote(&self, outcomes: &Outcomes, node: &Node, at: u8) -> Vote {
        let has = |set: NodeSet| set.contains(at);
        if has(outcomes.done) {
            Vote::Granted
        } else if has(outcomes.missing) {
            Vote::Missing
        } else if has(outcomes.foreign) {
            Vote::Taken
        } else if has(outcomes.refused) {
            Vote::Refused { reply: node.refusal.clone().unwrap_or_default() }
        } else if has(outcomes.cut_off) {
            Vote::CutOff
        } else if has(outcomes.unsent) || !has(outcomes.reachable) {
            Vote::NotSent { why: node.absence() }
        } else if has(outcomes.asked) {
            Vote::NoAnswer { after: duration_of(self.now.since(outcomes.begun)) }
        } else if has(outcomes.guarded) {
            let up = duration_of(self.now.since(node.started));
            Vote::Guarded { up, counts_in: duration_of(node.counts_from.since(self.now)) }
        } else {
            Vote::Busy
        }
    }
}

impl Node {
    /// Why nothing can be sent to it.
    fn absence(&self) -> String {
        match &self.error {
            _ if self.is_overloaded() => String::from("too many requests unanswered there"),
            Some(error) => error.to_string(),
            None => String::from("not connected"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn votes(votes: &[Vote]) -> Votes {
        let names = ["a", "b", "c", "d", "e"].map(|name| std::format!("redis://redis-{name}:6379"));
        let names = names[..votes.len()].to_vec().into();
        Votes { names, votes: votes.to_vec(), shortfall: Shortfall::NoQuorum }
    }

    #[test]
    fn votes_of_a_kind_are_told_together() {
        let silent = Vote::NoAnswer { after: Duration::from_millis(50) };
        let five = [Vote::Taken, Vote::Granted, Vote::Granted, silent.clone(), silent];
        assert_eq!(
            votes(&five).to_string(),
            "2 of 5 granted (redis-b, redis-c), 1 taken (redis-a), \
             2 no answer in 50 ms (redis-d, redis-e)"
        );
    }

    #[test]
    fn a_restart_guard_says_when_leases_can_start() {
        let guarded = |up, counts_in| Vote::Guarded {
            up: Duration::from_secs(up),
            counts_in: Duration::from_secs(counts_in),
        };
        let all = votes(&[guarded(5, 26), guarded(4, 27), guarded(4, 27)]);
        assert_eq!(
            all.to_string(),
            "3 of 3 nodes started 4 s ago; leases can start in 27 s; \
             restart guard, can be turned off for tests"
        );
        assert_eq!(all.guarded_for(), Some(Duration::from_secs(27)));
        let one = votes(&[Vote::Granted, Vote::Taken, guarded(1, 30)]);
        assert_eq!(one.guarded_for(), None);
        assert_eq!(
            one.to_string(),
            "1 of 3 granted (redis-a), 1 taken (redis-b); 1 of 3 nodes started 1 s ago; \
             restart guard, can be turned off for tests"
        );
    }
}
