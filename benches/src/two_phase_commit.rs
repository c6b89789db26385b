//! Two-phase commit after Gray and Lamport, "Consensus on Transaction Commit" (2004), section 3:
//! the yardstick that everybody who checks models knows.
//!
//! Managers decide by themselves until they have prepared; the coordinator commits once it has
//! heard that all have. Messages are never consumed, so they form a set.

use std::collections::BTreeSet;

use stateright::{Model, Property};

/// How many distinct states there are with eight managers.
pub const UNIQUE_WITH_EIGHT: usize = 1_745_408;
/// How many are generated with eight managers, the known ones included.
pub const GENERATED_WITH_EIGHT: usize = 18_507_778;

/// The protocol with so many resource managers.
#[derive(Clone, Copy, Debug)]
pub struct TwoPhaseCommit {
    /// How many resource managers.
    pub managers: usize,
}

/// What a resource manager has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Manager {
    /// It may still do either.
    Working,
    /// It will do as it is told.
    Prepared,
    /// It has committed.
    Committed,
    /// It has aborted.
    Aborted,
}

/// What the coordinator has decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coordinator {
    /// Nothing yet.
    Undecided,
    /// To commit.
    Committed,
    /// To abort.
    Aborted,
}

/// What has been said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Message {
    /// By a manager: it has prepared.
    Prepared(usize),
    /// By the coordinator, to all.
    Commit,
    /// By the coordinator, to all.
    Abort,
}

/// Everything there is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    managers: Vec<Manager>,
    coordinator: Coordinator,
    /// By manager: whether the coordinator has heard that it has prepared.
    heard: Vec<bool>,
    messages: BTreeSet<Message>,
}

/// Who does what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The coordinator hears that a manager has prepared.
    Hear(usize),
    /// The coordinator decides to commit.
    DecideCommit,
    /// The coordinator decides to abort.
    DecideAbort,
    /// A manager prepares, and says so.
    Prepare(usize),
    /// A manager aborts by itself.
    GiveUp(usize),
    /// A manager commits as told.
    Commit(usize),
    /// A manager aborts as told.
    Abort(usize),
}

impl Model for TwoPhaseCommit {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            managers: vec![Manager::Working; self.managers],
            coordinator: Coordinator::Undecided,
            heard: vec![false; self.managers],
            messages: BTreeSet::new(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let undecided = state.coordinator == Coordinator::Undecided;
        if undecided {
            actions.push(Action::DecideAbort);
            if state.heard.iter().all(|&heard| heard) {
                actions.push(Action::DecideCommit);
            }
        }
        let commit = state.messages.contains(&Message::Commit);
        let abort = state.messages.contains(&Message::Abort);
        for (manager, &at) in state.managers.iter().enumerate() {
            if undecided && state.messages.contains(&Message::Prepared(manager)) {
                actions.push(Action::Hear(manager));
            }
            if at == Manager::Working {
                actions.push(Action::Prepare(manager));
                actions.push(Action::GiveUp(manager));
            }
            if commit {
                actions.push(Action::Commit(manager));
            }
            if abort {
                actions.push(Action::Abort(manager));
            }
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Hear(manager) => next.heard[manager] = true,
            Action::DecideCommit => {
                next.coordinator = Coordinator::Committed;
                next.messages.insert(Message::Commit);
            }
            Action::DecideAbort => {
                next.coordinator = Coordinator::Aborted;
                next.messages.insert(Message::Abort);
            }
            Action::Prepare(manager) => {
                next.managers[manager] = Manager::Prepared;
                next.messages.insert(Message::Prepared(manager));
            }
            Action::Commit(manager) => next.managers[manager] = Manager::Committed,
            Action::GiveUp(manager) | Action::Abort(manager) => {
                next.managers[manager] = Manager::Aborted;
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("all agree", |_, state: &State| {
                let any = |wanted| state.managers.contains(&wanted);
                !(any(Manager::Committed) && any(Manager::Aborted))
            }),
            Property::sometimes("all commit", |_, state: &State| {
                state.managers.iter().all(|&at| at == Manager::Committed)
            }),
            Property::sometimes("all abort", |_, state: &State| {
                state.managers.iter().all(|&at| at == Manager::Aborted)
            }),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stateright::Checker;

    #[test]
    fn the_known_numbers_of_states() {
        for (managers, states) in [(3, 288), (5, 8_832)] {
            let checker = TwoPhaseCommit { managers }.checker().spawn_dfs().join();
            assert_eq!(checker.unique_state_count(), states);
            checker.assert_properties();
        }
    }
}
