//! What a performance says.

use std::fmt;

use leasehold_world::{Claim, ReplayError};

use super::facts::Observation;
use crate::RigError;

/// A trace as real servers performed it.
#[derive(Clone, Debug)]
pub struct Performance {
    /// The servers, by name and version.
    pub server: String,
    /// Every step that was done.
    pub steps: Vec<Performed>,
    /// The claims that broke, each with the first step (from 1) after which it did.
    pub broken: Vec<(usize, Claim)>,
    /// What could be seen at the servers.
    pub observations: Vec<Observation>,
    /// Whether the servers did what the trace says.
    pub verdict: Verdict,
}

/// One step on real servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Performed {
    /// The clock of the first client, since the beginning, in the unit of the trace.
    pub elapsed: i64,
    /// The step.
    pub step: String,
    /// What it did in the world.
    pub note: String,
    /// What a server replied; empty if none was asked.
    pub reply: String,
    /// What the servers store after it, with `PTTL` in milliseconds.
    pub stored: String,
}

/// What came of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every answer and key is as in the trace, and so the same claim breaks.
    Same {
        /// Which.
        claim: Claim,
        /// After which step.
        step: usize,
    },
    /// Every answer and key is as in the trace, which claims no violation, and nothing breaks.
    Nothing,
    /// Every answer and key is as in the trace, but not that claim breaks which it names.
    Otherwise {
        /// Which it names.
        named: Claim,
        /// What breaks.
        found: Option<(usize, Claim)>,
    },
    /// A claim about servers breaks in the world, and the servers do not show it.
    Unseen {
        /// Which.
        claim: Claim,
        /// After which step.
        step: usize,
    },
    /// Real servers do not do this.
    Disagrees(Disagreement),
    /// They do not, for a reason that is known and pinned by a test.
    Differs(Difference, Disagreement),
}

impl Verdict {
    /// Whether the servers did what the trace says, with the violation that it names.
    pub fn is_as_traced(&self) -> bool {
        match self {
            Verdict::Same { .. } | Verdict::Nothing => true,
            Verdict::Otherwise { .. }
            | Verdict::Unseen { .. }
            | Verdict::Disagrees(_)
            | Verdict::Differs(..) => false,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Same { claim, step } => {
                write!(f, "the same violation: {}, at step {step}", claim.name())
            }
            Verdict::Nothing => f.write_str("none"),
            Verdict::Otherwise { named, found } => {
                let name =
                    |(step, claim): (usize, Claim)| format!("{} at step {step}", claim.name());
                let found = found.map_or("none".to_owned(), name);
                write!(f, "{found}, where the trace names {}", named.name())
            }
            Verdict::Unseen { claim, step } => {
                write!(f, "{} at step {step}, and the servers do not show it", claim.name())
            }
            Verdict::Disagrees(why) => write!(f, "real servers do not do this: {why}"),
            Verdict::Differs(difference, why) => {
                write!(f, "a known difference, {}: {why}", difference.name())
            }
        }
    }
}

/// What the world says and a server does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// After which step, from 1.
    pub step: usize,
    /// At which node.
    pub node: u8,
    /// About what.
    pub about: String,
    /// What the world says.
    pub expected: Side,
    /// What the server says.
    pub got: Side,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Disagreement { step, node, about, expected, got } = self;
        write!(f, "step {step}, n{node}, {about}: the world says {expected}, the server {got}")
    }
}

/// One side of a disagreement, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side(pub String);

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The ways in which the world is known to differ from Redis, as far as a trace can meet them;
/// `docs/conformance.md` lists them and `tests/conformance/differences.rs` pins them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// A key whose end the clock had passed is there again after the clock jumped back.
    KeyComesBack,
    /// The handshake of a new connection of a pool loads scripts that were lost.
    ConnectionBringsScripts,
}

impl Difference {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Difference::KeyComesBack => "a key may come back with the clock",
            Difference::ConnectionBringsScripts => "a pool's connection brings lost scripts back",
        }
    }
}

/// Why a trace could not be performed.
#[derive(Debug, thiserror::Error)]
pub enum PerformError {
    /// A server is missing, or failed.
    #[error(transparent)]
    Server(#[from] RigError),
    /// The trace cannot be taken.
    #[error(transparent)]
    Trace(#[from] ReplayError),
    /// A TTL that no server takes.
    #[error("a TTL of {ttl} {unit} is less than a millisecond, and Redis takes none that short")]
    Ttl {
        /// The TTL.
        ttl: i64,
        /// In what.
        unit: &'static str,
    },
    /// What is under way on the connections is not what the world says is under way: a mistake of
    /// the performance itself.
    #[error("step {step}: what is under way between c{client} and n{node} was not kept in step")]
    OutOfStep {
        /// After which step.
        step: usize,
        /// Whose.
        client: u8,
        /// To which node.
        node: u8,
    },
}
