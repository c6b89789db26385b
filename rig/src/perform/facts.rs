//! What can be seen at the servers alone: from the commands that ran there, their replies, and the
//! keys before and after. No world is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use leasehold::protocol::{Answer, Command};
use leasehold_world::{Claim, Value, narrate::verb};

/// Something that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// After which step, from 1.
    pub step: usize,
    /// What.
    pub fact: Fact,
}

impl fmt::Display for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {}: {}", self.step, self.fact)
    }
}

/// A fact about keys on servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A late `SET` or adoption stored a value whose release had run there.
    Orphan {
        /// Where.
        node: u8,
        /// Whose.
        value: Value,
        /// What `PTTL` says.
        pttl_ms: i64,
    },
    /// A late extend created a key anew whose release had run there.
    Zombie {
        /// Where.
        node: u8,
        /// Whose.
        value: Value,
        /// What `PTTL` says.
        pttl_ms: i64,
    },
    /// An extend ran behind the release of its lease.
    LateExtend {
        /// Where.
        node: u8,
        /// Whose.
        value: Value,
    },
    /// A command changed a key that held another's value.
    ForeignChanged {
        /// Where.
        node: u8,
        /// What was stored.
        before: Value,
        /// Which command of whom.
        by: (Command, Value),
    },
    /// Two leases are believed at once. Each was granted by these servers.
    TwoHolders {
        /// The leases, with the servers that granted them.
        granted: Vec<(Value, BTreeSet<u8>)>,
    },
    /// A lease is believed, and too few servers store its value.
    Unbacked {
        /// Whose.
        value: Value,
        /// Which servers store it.
        stored_at: Vec<u8>,
    },
    /// A lease is over with every release acknowledged, and a server stores its value.
    Leftover {
        /// Where.
        node: u8,
        /// Whose.
        value: Value,
        /// What `PTTL` says.
        pttl_ms: i64,
    },
}

impl Fact {
    /// Whether it is the same as before, but for the time that has passed.
    pub(super) fn is_still(&self, now: &Fact) -> bool {
        match (self, now) {
            (
                Fact::Leftover { node, value, .. },
                Fact::Leftover { node: there, value: its, .. },
            ) => (node, value) == (there, its),
            (before, now) => before == now,
        }
    }

    /// Whether it shows at the servers that `claim` is broken.
    pub fn shows(&self, claim: Claim) -> bool {
        matches!(
            (self, claim),
            (Fact::Orphan { .. }, Claim::NoOrphan)
                | (Fact::Zombie { .. }, Claim::NoZombie)
                | (Fact::LateExtend { .. }, Claim::OrderAtNode)
                | (Fact::ForeignChanged { .. }, Claim::OwnKeysOnly)
                | (Fact::TwoHolders { .. }, Claim::WindowExclusion)
                | (Fact::Unbacked { .. }, Claim::ValidityBacked)
                | (Fact::Leftover { .. }, Claim::NoLeftover)
        )
    }

    /// Whether `claim` is one that must show at the servers when it breaks.
    pub fn must_show(claim: Claim) -> bool {
        match claim {
            Claim::NoOrphan
            | Claim::NoZombie
            | Claim::OrderAtNode
            | Claim::OwnKeysOnly
            | Claim::WindowExclusion
            | Claim::ValidityBacked
            | Claim::NoLeftover => true,
            Claim::Continuity
            | Claim::NoRenewalAfterStop
            | Claim::NothingReportedAfter
            | Claim::Residue
            | Claim::TrueCause
            | Claim::NoStrayMessage
            | Claim::LossTold
            | Claim::BoundedRelease
            | Claim::BoundedAcquire
            | Claim::QuietHandOver
            | Claim::AdoptedOnce
            | Claim::Succession
            | Claim::RoomForMessages => false,
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fact::Orphan { node, value, pttl_ms } => write!(
                f,
                "n{node} stores {value:?} for {pttl_ms} ms, set after its own release had run there"
            ),
            Fact::Zombie { node, value, pttl_ms } => write!(
                f,
                "n{node} stores {value:?} for {pttl_ms} ms, brought back by an extend after its \
                 release"
            ),
            Fact::LateExtend { node, value } => {
                write!(f, "n{node} ran an extend of {value:?} after its release")
            }
            Fact::ForeignChanged { node, before, by: (command, value) } => {
                write!(f, "n{node} stored {before:?}, and the {} of {value:?}", verb(*command))?;
                f.write_str(" changed it")
            }
            Fact::TwoHolders { granted } => {
                f.write_str("believed at once:")?;
                granted.iter().enumerate().try_for_each(|(index, (value, nodes))| {
                    let comma = if index == 0 { "" } else { "," };
                    write!(f, "{comma} {value:?} granted by")?;
                    nodes.iter().try_for_each(|node| write!(f, " n{node}"))
                })
            }
            Fact::Unbacked { value, stored_at } => {
                write!(f, "{value:?} is believed and stored at")?;
                if stored_at.is_empty() {
                    f.write_str(" no server")?;
                }
                stored_at.iter().try_for_each(|node| write!(f, " n{node}"))
            }
            Fact::Leftover { node, value, pttl_ms } => write!(
                f,
                "n{node} stores {value:?} for {pttl_ms} ms, all of whose releases are acknowledged"
            ),
        }
    }
}

/// A command as a server ran it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ran {
    pub(super) node: u8,
    pub(super) command: Command,
    pub(super) value: Value,
    /// What the command compares with.
    pub(super) own: Value,
    pub(super) answer: Answer,
    /// The key before and after, with its end on the server's clock in milliseconds.
    pub(super) before: Option<(Value, i64)>,
    pub(super) after: Option<(Value, i64)>,
    /// On that clock.
    pub(super) now_ms: i64,
}

/// What is remembered to find facts.
#[derive(Debug, Default)]
pub(super) struct Watch {
    released: BTreeSet<(Value, u8)>,
    granted: BTreeMap<Value, BTreeSet<u8>>,
}

impl Watch {
    /// Takes note of a command, and says what it shows.
    pub(super) fn ran(&mut self, ran: Ran) -> Vec<Fact> {
        let Ran { node, command, value, own, answer, before, after, .. } = ran;
        let mut facts = Vec::new();
        let compares = matches!(command, Command::Extend | Command::Release | Command::Adopt);
        if let Some((stored, _)) = before
            && compares
            && stored != own
            && before != after
        {
            facts.push(Fact::ForeignChanged { node, before: stored, by: (command, value) });
        }
        let released = self.released.contains(&(value, node));
        let stores = after.filter(|(stored, _)| *stored == value);
        let left = |end_ms: i64| end_ms - 1 - ran.now_ms;
        match command {
            Command::Release => {
                self.released.insert((value, node));
            }
            Command::Set | Command::Adopt => {
                if answer == Answer::Done {
                    self.granted.entry(value).or_default().insert(node);
                }
                if let Some((_, end_ms)) = stores.filter(|_| released) {
                    facts.push(Fact::Orphan { node, value, pttl_ms: left(end_ms) });
                }
            }
            Command::Extend if released => {
                facts.push(Fact::LateExtend { node, value });
                if let Some((_, end_ms)) = stores.filter(|_| before.is_none()) {
                    facts.push(Fact::Zombie { node, value, pttl_ms: left(end_ms) });
                }
            }
            Command::Extend | Command::Kill => {}
        }
        facts
    }

    /// Which servers granted a lease.
    pub(super) fn granted(&self, value: Value) -> BTreeSet<u8> {
        self.granted.get(&value).cloned().unwrap_or_default()
    }
}
