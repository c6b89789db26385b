//! The deciding search: stateright, depth first, on all cores.
//!
//! Stateright calls a search that ran into a limit "done" all the same, so it is given no limit.
//! To stop it, the model stops having successors; then the result is marked as truncated.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use leasehold_world::{Claim, Witness};
use stateright::{Checker, Model};

use crate::control::Control;
use crate::model::{EVERY_CLAIM, WorldModel};

/// What the search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Distinct states, up to the reduction.
    pub unique: usize,
    /// Steps taken, those to known states included.
    pub generated: usize,
    /// The claims that broke.
    pub broken: Vec<Claim>,
    /// The witnesses that were never seen.
    pub unseen: Vec<Witness>,
    /// Whether it was stopped before it ended by itself.
    pub truncated: bool,
}

/// Searches `model` to the end, or until `control` says stop.
pub fn search<const N: usize, const C: usize>(
    model: &WorldModel<N, C>,
    control: &Control<'_>,
) -> Found {
    let stop = Arc::clone(&model.halt);
    let checker = model.clone().checker().threads(control.threads).spawn_dfs();
    while !checker.is_done() {
        std::thread::sleep(Duration::from_millis(5));
        if !control.go_on(checker.unique_state_count()) {
            stop.store(true, Ordering::Relaxed);
        }
    }
    let checker = checker.join();
    // Stateright retraces its paths through the model, which must have successors again for that.
    let truncated = stop.swap(false, Ordering::Relaxed);
    let found = Found {
        unique: checker.unique_state_count(),
        generated: checker.state_count(),
        broken: model.findings.broken(),
        unseen: model.findings.unseen(),
        truncated,
    };
    debug_assert_eq!(checker.discovery(EVERY_CLAIM).is_some(), !found.broken.is_empty());
    found
}
