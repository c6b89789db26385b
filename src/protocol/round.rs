//! One command to N nodes and what came of it.

use super::answer::Answer;
use super::instant::{Instant, Span};
use super::nodes::NodeSet;

/// What a round has decided so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// A quorum can still say *done*, and has not.
    Pending,
    /// A quorum said *done*.
    Won,
    /// A quorum can no longer say *done*.
    Lost,
}

/// The answers of one round, by kind. Nodes in none of the sets have not answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tally {
    /// Said [`Answer::Done`].
    pub done: NodeSet,
    /// Said [`Answer::Missing`].
    pub missing: NodeSet,
    /// Said [`Answer::Foreign`].
    pub foreign: NodeSet,
    /// Cannot say *done* in this round for another reason: refused, not sent, skipped because an
    /// earlier command is still open there, or its connection failed.
    pub failed: NodeSet,
}

impl Tally {
    /// Nodes that have been heard of.
    #[inline]
    pub fn heard(&self) -> NodeSet {
        self.done.or(self.missing).or(self.foreign).or(self.failed)
    }

    /// Nodes that read the key and did not find the own value.
    #[inline]
    pub fn denied(&self) -> NodeSet {
        self.missing.or(self.foreign)
    }
}

/// One command to N nodes: when it was begun, to whom it went, and the answers.
///
/// A round counts the first answer of each node it asked and nothing else, so an answer that
/// arrives late, from an earlier round, cannot change it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Round<I> {
    /// Read **before the first send**.
    pub t0: I,
    /// The nodes it was sent to.
    pub asked: NodeSet,
    /// The answers so far.
    pub tally: Tally,
}

impl<I: Instant> Round<I> {
    /// Begins a round of `nodes` nodes at `t0`; it is sent to `asked` alone.
    pub fn begin(t0: I, nodes: u8, asked: NodeSet) -> Self {
        let skipped = NodeSet::all(nodes).without(asked);
        Round { t0, asked, tally: Tally { failed: skipped, ..Tally::default() } }
    }

    /// Whether this round has been begun and not cleared.
    pub fn is_open(&self) -> bool {
        !self.asked.is_empty() || !self.tally.failed.is_empty()
    }

    /// Whether `node` was asked and has not answered.
    pub fn awaits(&self, node: u8) -> bool {
        self.asked.contains(node) && !self.tally.heard().contains(node)
    }

    /// Whether nobody that was asked has answered yet.
    pub fn is_unanswered(&self) -> bool {
        self.tally.heard().and(self.asked).is_empty()
    }

    /// Counts the answer of a node that this round [`awaits`](Self::awaits).
    pub fn count(&mut self, node: u8, answer: Answer) {
        let kind = match answer {
            Answer::Done => &mut self.tally.done,
            Answer::Missing => &mut self.tally.missing,
            Answer::Foreign => &mut self.tally.foreign,
            Answer::Refused | Answer::NotSent | Answer::Unknown => &mut self.tally.failed,
        };
        kind.insert(node);
    }

    /// The same round on a clock that shows `by` more, and no moment before `oldest`.
    #[must_use]
    pub fn shift(mut self, by: Span, oldest: I) -> Self {
        if self.is_open() {
            self.t0 = self.t0.plus(by).max(oldest);
        }
        self
    }

    /// The same round with the nodes renamed: node `i` of the result is node `order[i]` of this.
    #[must_use]
    pub fn permute(self, order: &[u8]) -> Self {
        let Tally { done, missing, foreign, failed } = self.tally;
        Round {
            t0: self.t0,
            asked: self.asked.permute(order),
            tally: Tally {
                done: done.permute(order),
                missing: missing.permute(order),
                foreign: foreign.permute(order),
                failed: failed.permute(order),
            },
        }
    }

    /// All that this round knows of one node, as five bits.
    pub fn view_of(&self, node: u8) -> u16 {
        let Tally { done, missing, foreign, failed } = self.tally;
        bits_of(&[self.asked, done, missing, foreign, failed], node)
    }

    /// The decision so far, for a quorum of `quorum` nodes.
    pub fn verdict(&self, quorum: u8) -> Verdict {
        let done = self.tally.done.len();
        let silent = self.asked.without(self.tally.heard()).len();
        if done >= quorum {
            Verdict::Won
        } else if done + silent < quorum {
            Verdict::Lost
        } else {
            Verdict::Pending
        }
    }

    /// Whether enough nodes read the key and did not find the own value that no quorum of the
    /// `nodes` nodes can still store it.
    pub fn disproves(&self, nodes: u8, quorum: u8) -> bool {
        nodes - self.tally.denied().len().min(nodes) < quorum
    }
}

/// Which of `sets` contain `node`, one bit each.
#[inline]
pub fn bits_of(sets: &[NodeSet], node: u8) -> u16 {
    sets.iter().fold(0, |bits, set| bits << 1 | u16::from(set.contains(node)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Ticks;

    fn round_of(nodes: u8) -> Round<Ticks> {
        Round::begin(Ticks(0), nodes, NodeSet::all(nodes))
    }

    #[test]
    fn silence_is_neither_yes_nor_no() {
        let mut round = round_of(3);
        round.count(0, Answer::Done);
        round.count(1, Answer::Foreign);
        assert_eq!(round.verdict(2), Verdict::Pending);
        round.count(2, Answer::Done);
        assert_eq!(round.verdict(2), Verdict::Won);
    }

    #[test]
    fn a_skipped_node_cannot_say_yes() {
        let mut round = Round::begin(Ticks(0), 3, NodeSet::only(0));
        assert_eq!(round.verdict(2), Verdict::Lost);
        assert!(!round.awaits(1));
        round.count(0, Answer::Done);
        assert_eq!(round.verdict(2), Verdict::Lost);
    }

    #[test]
    fn an_unknown_answer_loses_the_vote_but_disproves_nothing() {
        let mut round = round_of(3);
        round.count(0, Answer::Unknown);
        round.count(1, Answer::Refused);
        assert_eq!(round.verdict(2), Verdict::Lost);
        assert!(!round.disproves(3, 2));
        let mut round = round_of(3);
        round.count(0, Answer::Missing);
        assert!(!round.disproves(3, 2));
        round.count(1, Answer::Foreign);
        assert!(round.disproves(3, 2));
    }
}
