//! What a contender tells of its locks: one line each.

use std::fmt;
use std::str::FromStr;

/// One line. Moments are of the machine's monotonic clock, in microseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// It believes to hold `key`, from a moment on and until another, unless renewed.
    Holds {
        /// Which of its locks, counted by itself.
        hold: u64,
        /// The key.
        key: String,
        /// When it first looked.
        from_us: i64,
        /// The end of the lease.
        until_us: i64,
    },
    /// The lease was renewed, until this moment.
    Until {
        /// Which lock.
        hold: u64,
        /// The new end.
        until_us: i64,
    },
    /// It does not believe any more.
    Over {
        /// Which lock.
        hold: u64,
        /// The last moment.
        at_us: i64,
        /// How it ended: one word.
        how: String,
    },
    /// An acquisition came to nothing: one word says why.
    Missed(String),
    /// What must not happen.
    Wrong(String),
}

/// A line that no contender says.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a contender said {0:?}, which means nothing")]
pub(super) struct NoWord(String);

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Word::Holds { hold, key, from_us, until_us } => {
                write!(f, "holds {hold} {key} {from_us} {until_us}")
            }
            Word::Until { hold, until_us } => write!(f, "until {hold} {until_us}"),
            Word::Over { hold, at_us, how } => write!(f, "over {hold} {at_us} {how}"),
            Word::Missed(why) => write!(f, "missed {why}"),
            Word::Wrong(what) => write!(f, "wrong {what}"),
        }
    }
}

impl FromStr for Word {
    type Err = NoWord;

    fn from_str(line: &str) -> Result<Word, NoWord> {
        parse(line).ok_or_else(|| NoWord(line.to_owned()))
    }
}

fn parse(line: &str) -> Option<Word> {
    let (name, rest) = line.split_once(' ')?;
    let words: Vec<&str> = rest.split(' ').collect();
    match (name, words.as_slice()) {
        ("holds", [hold, key, from_us, until_us]) => Some(Word::Holds {
            hold: hold.parse().ok()?,
            key: (*key).to_owned(),
            from_us: from_us.parse().ok()?,
            until_us: until_us.parse().ok()?,
        }),
        ("until", [hold, until_us]) => {
            Some(Word::Until { hold: hold.parse().ok()?, until_us: until_us.parse().ok()? })
        }
        ("over", [hold, at_us, how]) => Some(Word::Over {
            hold: hold.parse().ok()?,
            at_us: at_us.parse().ok()?,
            how: (*how).to_owned(),
        }),
        ("missed", [why]) => Some(Word::Missed((*why).to_owned())),
        ("wrong", _) => Some(Word::Wrong(rest.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_word() -> impl Strategy<Value = Word> {
        prop_oneof![
            (any::<u64>(), "[a-z:0-9]{1,9}", any::<i64>(), any::<i64>()).prop_map(
                |(hold, key, from_us, until_us)| Word::Holds { hold, key, from_us, until_us }
            ),
            (any::<u64>(), any::<i64>())
                .prop_map(|(hold, until_us)| Word::Until { hold, until_us }),
            (any::<u64>(), any::<i64>(), "[a-z_]{1,9}").prop_map(|(hold, at_us, how)| Word::Over {
                hold,
                at_us,
                how
            }),
            "[a-z_]{1,9}".prop_map(Word::Missed),
            "[a-z ]{1,9}".prop_map(Word::Wrong),
        ]
    }

    proptest! {
        #[test]
        fn words_read_back(word in any_word()) {
            prop_assert_eq!(word.to_string().parse(), Ok(word));
        }

        #[test]
        fn no_line_panics(line in ".{0,40}") {
            let _ = line.parse::<Word>();
        }
    }
}
