//! What the contenders told, counted.

use std::collections::BTreeMap;

use super::words::{NoWord, Word};

/// Counts by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) renewals: u64,
    /// How locks ended.
    pub(super) ends: BTreeMap<String, u64>,
    /// Why acquisitions came to nothing.
    pub(super) missed: BTreeMap<String, u64>,
    /// What must not happen, and did.
    pub(super) wrong: Vec<String>,
}

impl Tally {
    pub(super) fn hear(&mut self, word: Result<Word, NoWord>) {
        match word {
            Ok(Word::Holds { .. }) => {}
            Ok(Word::Until { .. }) => self.renewals += 1,
            Ok(Word::Over { how, .. }) => *self.ends.entry(how).or_default() += 1,
            Ok(Word::Missed(why)) => *self.missed.entry(why).or_default() += 1,
            Ok(Word::Wrong(what)) => self.wrong.push(what),
            // A killed process may leave half a line; nobody else leaves one.
            Err(no_word) => *self.missed.entry(format!("unread: {no_word}")).or_default() += 1,
        }
    }
}
