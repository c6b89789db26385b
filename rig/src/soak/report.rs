//! What a soak has shown.

use std::collections::BTreeMap;

use serde::Serialize;

use super::windows::Overlap;

/// The outcome of a soak.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Soaked {
    /// The servers.
    pub version: String,
    /// The seed.
    pub seed: u64,
    /// How long it went on, in seconds.
    pub seconds: u64,
    /// Whether it went on for as long as it should.
    pub complete: bool,
    /// How many processes contended, all in all.
    pub processes: usize,
    /// Each fault, and how often.
    pub injected: BTreeMap<String, u64>,
    /// How often somebody believed to hold a key.
    pub windows: usize,
    /// Times in which two did.
    pub overlaps: Vec<Overlap>,
    /// The shortest time between two holders of one key, in microseconds.
    pub shortest_gap_us: Option<i64>,
    /// Renewals that holders saw.
    pub renewals: u64,
    /// How locks ended.
    pub ends: BTreeMap<String, u64>,
    /// Why acquisitions came to nothing.
    pub missed: BTreeMap<String, u64>,
    /// Keys that were there after everything had ended.
    pub keys_left: u64,
    /// How many recordings were judged.
    pub recordings: u64,
    /// Their leases, all taken again by the machine.
    pub recorded_leases: u64,
    /// Their steps.
    pub recorded_steps: u64,
    /// Leases that are paths of the checker's world from beginning to end.
    pub paths: u64,
    /// What must not happen, and did: one line each.
    pub wrong: Vec<String>,
}

impl Soaked {
    /// Whether everything is as claimed.
    pub fn holds(&self) -> bool {
        self.overlaps.is_empty() && self.wrong.is_empty() && self.keys_left == 0
    }

    /// Whether it has shown anything: somebody held, locks were renewed and given up, and
    /// something was done to them.
    pub fn says_something(&self) -> bool {
        let given_up = self.ends.contains_key("released");
        self.windows > 0 && given_up && !self.injected.is_empty() && self.recorded_leases > 0
    }
}
