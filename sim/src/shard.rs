//! Parts of a range of seeds, for several machines.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of so many parts of a range of seeds. The parts are contiguous, follow each other in order,
/// and differ in length by one seed at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    index: u32,
    of: u32,
}

/// What is wrong with the text of a shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no shard: write i/n with i from 1 to n, for instance 3/8")]
pub struct ShardError(String);

impl Shard {
    /// The only one of one.
    pub const WHOLE: Shard = Shard { index: 1, of: 1 };

    /// Which, from 1.
    pub fn index(self) -> u32 {
        self.index
    }

    /// Of how many.
    pub fn of(self) -> u32 {
        self.of
    }

    /// Its part of `seeds`; empty if there are fewer seeds than shards and none is left for it.
    pub fn seeds(self, seeds: &Range<u64>) -> Range<u64> {
        let length = u128::from(seeds.end.saturating_sub(seeds.start));
        let until = |index: u32| {
            // Below the length, which is 64 bits long.
            let before = length * u128::from(index) / u128::from(self.of);
            seeds.start + before as u64
        };
        until(self.index - 1)..until(self.index)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let parsed = text.split_once('/').and_then(|(index, of)| {
            let (index, of) = (index.parse().ok()?, of.parse().ok()?);
            (1..=of).contains(&index).then_some(Shard { index, of })
        });
        parsed.ok_or_else(|| ShardError(text.to_owned()))
    }
}

impl TryFrom<String> for Shard {
    type Error = ShardError;

    fn try_from(text: String) -> Result<Self, ShardError> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> String {
        shard.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_shard_is_written_as_a_fraction() {
        let shard: Shard = "3/8".parse().unwrap();
        assert_eq!((shard.index(), shard.of(), shard.to_string()), (3, 8, "3/8".to_owned()));
        for wrong in ["", "3", "0/8", "9/8", "3/0", "0/0", "-1/8", "3/8/9", "a/b", "1/4294967296"] {
            let error = wrong.parse::<Shard>().unwrap_err();
            assert_eq!(error, ShardError(wrong.to_owned()));
        }
        assert_eq!(Shard::WHOLE.seeds(&(7..19)), 7..19);
        assert_eq!(Shard::WHOLE.seeds(&(0..u64::MAX)), 0..u64::MAX);
    }

    proptest! {
        #[test]
        fn shards_are_a_partition_in_order(start: u64, length: u32, of in 1_u32..300) {
            let seeds = start..start.saturating_add(length.into());
            let mut next = seeds.start;
            let length = seeds.end - seeds.start;
            for index in 1..=of {
                let part = Shard { index, of }.seeds(&seeds);
                prop_assert_eq!(part.start, next);
                let (least, most) = (length / u64::from(of), length.div_ceil(of.into()));
                prop_assert!((least..=most).contains(&(part.end - part.start)));
                next = part.end;
            }
            prop_assert_eq!(next, seeds.end);
        }
    }
}
