//! What a program says on its standard output, one JSON object a line: `interop/README.md`.

use serde::{Deserialize, Serialize};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// `CLOCK_MONOTONIC`, in microseconds.
    pub at_us: i64,
    /// Which of its tasks.
    pub task: u32,
    /// What happened.
    pub event: Happening,
    /// Until when the task believes to hold the lock, on the same clock; if it does not know, until
    /// it stops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_us: Option<i64>,
    /// An error says that the lock is somebody else's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub taken: bool,
    /// An error in the library's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What can happen to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Happening {
    /// It begins one attempt to acquire.
    Asks,
    /// The attempt was granted: from here on it believes to hold the lock.
    Held,
    /// The attempt was not granted, or failed.
    Denied,
    /// A renewal was reported as done.
    Extended,
    /// A renewal was reported as failed.
    Failed,
    /// The work is over: it believes no longer. The release follows.
    Stops,
    /// The release was reported as done.
    Released,
    /// The release was reported as failed.
    Unreleased,
    /// The program ends.
    Done,
}

impl Event {
    /// One without anything else.
    pub fn new(at_us: i64, task: u32, event: Happening) -> Event {
        Event { at_us, task, event, until_us: None, taken: false, error: None }
    }
}
