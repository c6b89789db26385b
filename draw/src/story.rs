//! What happened in a trace, freed of the types of its world: what the picture shows.

use leasehold::protocol::{Answer, Command};
use leasehold_world::Claim;

use crate::extras::Extras;
use crate::ink::{BROWN_GROUND, RED_GROUND, WHITE};

/// One of the vertical lines of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// A client's.
    Client(u8),
    /// A node's.
    Node(u8),
}

/// All that happened.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    /// How many clients.
    pub(crate) clients: u8,
    /// How many nodes.
    pub(crate) nodes: u8,
    /// Whether time is in the checker's ticks.
    pub(crate) in_ticks: bool,
    /// How long a key lives.
    pub(crate) ttl: i64,
    /// The claim that the trace is about, if it breaks.
    pub(crate) breaks: Option<Claim>,
    /// One for each step.
    pub(crate) moments: Vec<Moment>,
    /// Every message, in order of sending.
    pub(crate) flights: Vec<Flight>,
    /// Every stretch of a lane in which something lasts, in order of its beginning.
    pub(crate) bars: Vec<Bar>,
    /// What is shown besides.
    pub(crate) extras: Extras,
}

impl Story {
    /// Whether the claim that the trace is about breaks in `step`; any claim, if it is about none.
    pub(crate) fn breaks_in(&self, step: usize) -> bool {
        let Some(moment) = self.moments.get(step) else { return false };
        self.breaks.map_or(!moment.broken.is_empty(), |claim| moment.broken.contains(&claim))
    }

    /// The colour of the ground at `step`.
    pub(crate) fn ground(&self, step: usize) -> &'static str {
        let broken = self.moments.get(step).is_some_and(|moment| !moment.broken.is_empty());
        match (self.breaks_in(step), broken) {
            (true, _) => RED_GROUND,
            (false, true) => BROWN_GROUND,
            (false, false) => WHITE,
        }
    }
}

/// One step.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    /// The first client's clock after it.
    pub(crate) clock: i64,
    /// How much time passed on that clock, if the step is time.
    pub(crate) passed: Option<i64>,
    /// What the step did, in one sentence.
    pub(crate) sentence: String,
    /// What is written beside the lanes.
    pub(crate) marks: Vec<Mark>,
    /// A connection that failed or came back.
    pub(crate) link: Option<LinkChange>,
    /// The claims that broke first in this step.
    pub(crate) broken: Vec<Claim>,
}

/// A few words beside a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Which lane.
    pub(crate) lane: Lane,
    /// The words.
    pub(crate) text: String,
    /// Whether the user is told this, or a fault strikes.
    pub(crate) loud: bool,
}

/// A connection that failed or came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinkChange {
    /// Whose.
    pub(crate) client: u8,
    /// To which node.
    pub(crate) node: u8,
    /// Whether there is one now.
    pub(crate) up: bool,
}

/// One message, from its sending to the client's hearing of the answer. Steps are indices into
/// [`Story::moments`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flight {
    /// Whose.
    pub(crate) client: u8,
    /// To which node.
    pub(crate) node: u8,
    /// Which command.
    pub(crate) command: Command,
    /// Of which lease of the client.
    pub(crate) generation: u8,
    /// When it was sent.
    pub(crate) sent: usize,
    /// When and how it ran, if it did.
    pub(crate) ran: Option<Ran>,
    /// When the client heard the answer, if it did.
    pub(crate) heard: Option<usize>,
    /// When it was dropped before that: by a failed connection, a KILL or a dying server.
    pub(crate) dropped: Option<usize>,
}

/// How a message ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    /// When.
    pub(crate) step: usize,
    /// With which answer.
    pub(crate) answer: Answer,
    /// Whether its connection had failed before.
    pub(crate) stray: bool,
    /// Whether it is of a lease that its client had left behind.
    pub(crate) outdated: bool,
}

/// A stretch of a lane in which something lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    /// Which lane.
    pub(crate) lane: Lane,
    /// What lasts.
    pub(crate) what: Lasting,
    /// The step with which it begins.
    pub(crate) from: usize,
    /// The step with which it ends; `None` if the trace ends first.
    pub(crate) to: Option<usize>,
}

/// What may last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasting {
    /// A client believes to hold the lock, by this lease of it.
    Belief {
        /// Which lease.
        generation: u8,
    },
    /// A node stores a value.
    Key {
        /// Whose.
        client: u8,
        /// Which lease.
        generation: u8,
    },
    /// A client is not scheduled.
    Paused,
    /// A node is down.
    Down,
}
