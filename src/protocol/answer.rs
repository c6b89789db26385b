//! What a client can ask of a node, and what it can learn from it.

/// A command to one node. Each is **one message**: none falls back to a second one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Command {
    /// `SET key value NX PX ttl`.
    Set,
    /// Compare-and-`PEXPIRE`, or compare-and-`PEXPIRE` with `SET NX` of a missing key, as the
    /// configuration says.
    Extend,
    /// Compare-and-delete.
    Release,
    /// `CLIENT KILL ID` of this client's earlier connections to the node.
    Kill,
    /// Compare-and-set: if the key holds the token that was handed over, it holds the own one from
    /// then on, for a TTL. A missing key stays missing.
    Adopt,
}

/// A node's answer to one command.
///
/// Silence is none of these: a node that has not answered has said neither yes nor no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Answer {
    /// It ran and did what was asked.
    Done,
    /// It ran; the key does not exist.
    Missing,
    /// It ran; the key holds another value.
    Foreign,
    /// The server answered with an error: it did not run (`NOSCRIPT` too).
    Refused,
    /// It never left this client: it did not run and never will.
    NotSent,
    /// The connection failed with the command written: it may have run, and may still run.
    Unknown,
}

impl Answer {
    /// Whether this answer shows that the key was read and did not hold the own value.
    pub fn denies(self) -> bool {
        match self {
            Answer::Missing | Answer::Foreign => true,
            Answer::Done | Answer::Refused | Answer::NotSent | Answer::Unknown => false,
        }
    }
}
