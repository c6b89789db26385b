//! The lines of a recording.

use core::fmt;
use core::str::FromStr;
use std::string::String;
use std::vec::Vec;

use serde::{Deserialize, Serialize};

use super::text::{AnswerDef, InputDef, MomentDef, PhaseDef, TimerDef, config, output, set};
use crate::protocol::{
    Answer, Config, Input, Lease, Micros, Moment, NodeSet, Output, Phase, Rules, Timer,
};

/// A token: 16 bytes, written as 32 hexadecimal digits.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Mark(pub [u8; 16]);

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl From<Mark> for String {
    fn from(mark: Mark) -> String {
        std::format!("{mark}")
    }
}

impl FromStr for Mark {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Mark, &'static str> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u128::from_str_radix(text, 16).ok().filter(|_| digits);
        number.map(|number| Mark(number.to_be_bytes())).ok_or("a token is 32 hexadecimal digits")
    }
}

impl TryFrom<String> for Mark {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Mark, &'static str> {
        text.parse()
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Line {
    /// The first: what was recorded.
    Begin(Begin),
    /// A lease that is heard of from now on.
    Lease(Opened),
    /// One call of [`Lease::handle`].
    Step(Step),
    /// Something happened to a connection.
    Node(NodeLine),
    /// The last: the client has ended. A process that was killed leaves none.
    End(End),
}

/// What was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begin {
    /// See [`VERSION`](super::VERSION).
    pub version: u32,
    /// The nodes' names, in the order of their numbers.
    pub nodes: Vec<String>,
}

/// A lease, before its first step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opened {
    /// Its number within this client; never used twice.
    pub lease: u64,
    /// Its key; several are separated by commas.
    pub key: String,
    /// What its machine was told.
    #[serde(with = "config")]
    pub config: Config,
}

/// One call of [`Lease::handle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Of which lease.
    pub lease: u64,
    /// When, and which nodes could be asked.
    #[serde(with = "MomentDef")]
    pub moment: Moment<Micros>,
    /// What it was told.
    #[serde(with = "InputDef")]
    pub input: Input<Mark>,
    /// What it said.
    #[serde(with = "output")]
    pub output: Output<Micros>,
    /// Where that left it.
    pub after: After,
}

/// What can be seen of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct After {
    /// [`Lease::phase`].
    #[serde(with = "PhaseDef")]
    pub phase: Phase,
    /// [`Lease::valid_until`], in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// [`Lease::deadline`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Due>,
    /// [`Lease::unresolved`].
    #[serde(default, skip_serializing_if = "set::is_empty", with = "set")]
    pub unresolved: NodeSet,
    /// [`Lease::owed`].
    #[serde(default, skip_serializing_if = "set::is_empty", with = "set")]
    pub owed: NodeSet,
}

impl After {
    /// What can be seen of `lease`.
    pub fn of<R: Rules, V: Copy>(lease: &Lease<R, Micros, V>) -> After {
        After {
            phase: lease.phase(),
            until: lease.valid_until().map(|until| until.0),
            due: lease.deadline().map(|(at, timer)| Due(at.0, timer)),
            unresolved: lease.unresolved(),
            owed: lease.owed(),
        }
    }
}

/// A deadline, in microseconds, and what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due(pub i64, #[serde(with = "TimerDef")] pub Timer);

/// Something that happened to the connection to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeLine {
    /// Which node.
    pub node: u8,
    /// When, in microseconds of the client's clock.
    pub now: i64,
    /// What.
    pub what: Happening,
}

/// What happens to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Happening {
    /// There is one from now on.
    Up {
        /// Whether the server is known to be another process than before.
        new_process: bool,
    },
    /// It has failed.
    Down,
    /// So many `CLIENT KILL` were sent, before anything else.
    Kills(u32),
    /// One of them was answered.
    Killed(#[serde(with = "AnswerDef")] Answer),
    /// Releases that the server has refused are tried again.
    TryAgain,
}

/// The end of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// How many lines come before this one.
    pub lines: u64,
}
