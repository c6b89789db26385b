//! `leasehold explore`: walk through the states in a browser, with stateright's Explorer.
//!
//! The model here is the same world, readable: steps keep their names, states are described in a
//! line, each claim is a property of its own, and the path so far is drawn.

use std::hash::{Hash, Hasher};
use std::net::{SocketAddr, TcpListener};

use leasehold::protocol::{Extend, Mutant, Ticks, Transport};
use leasehold_model::scopes::{Overrides, ScopeName};
use leasehold_model::{Reduction, Ticked, WorldModel};
use leasehold_world::trace::Line;
use leasehold_world::{
    CLAIMS, Lifecycle, Scope, Step, Trace, WITNESSES, WorldTime, describe, narrate, with_size,
};
use stateright::{Checker, Model, Path, Property};

use crate::exit::{Ending, Failure, say};

/// Options of `leasehold explore`.
#[derive(clap::Args, Debug)]
pub(crate) struct ExploreArgs {
    /// Which program: detached, sleep, double_check or joined
    #[arg(long, default_value = "detached")]
    lifecycle: Lifecycle,
    /// Which extend operation: touch or touch_or_set
    #[arg(long, default_value = "touch")]
    extend: Extend,
    /// Which transport: fifo or pooled
    #[arg(long, default_value = "fifo")]
    transport: Transport,
    /// So many nodes (1 to 5)
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=5))]
    nodes: u8,
    /// Break one rule of the machine on purpose
    #[arg(long)]
    mutant: Option<Mutant>,
    /// Where the browser finds it
    #[arg(long, default_value = "127.0.0.1:3000", value_name = "ADDRESS")]
    address: SocketAddr,
}

/// Runs the command, until it is interrupted.
pub(crate) fn run(args: &ExploreArgs) -> Result<Ending, Failure> {
    let overrides =
        Overrides { nodes: Some(args.nodes), mutant: args.mutant, ..Overrides::default() };
    let cells = ScopeName::Quick.cells(overrides);
    let wanted = (args.lifecycle, args.extend, args.transport);
    let cell = cells.iter().find(|cell| (cell.lifecycle, cell.extend, cell.transport) == wanted);
    let Some(settings) = cell.and_then(|cell| cell.settings.clone()) else {
        return Err(Failure::Argument("no cell has these properties".to_owned()));
    };
    let scope = Scope::new(settings)?;
    // The Explorer itself would panic.
    TcpListener::bind(args.address).map_err(|error| {
        let address = args.address;
        Failure::Argument(format!("cannot listen on {address}: {error}; choose another --address"))
    })?;
    say(format!("Open http://{}/ in a browser; Ctrl-C ends it.", args.address));
    let serve = || with_size!(scope, |N, C| serve::<N, C>(&scope, args.address), ());
    serve();
    Ok(Ending::AsClaimed)
}

fn serve<const N: usize, const C: usize>(scope: &Scope, address: SocketAddr) {
    let model = Readable::<N, C>(WorldModel::new(scope.clone(), Reduction::Time));
    let _ = model.checker().serve(address).unique_state_count();
}

/// The world with its steps and states in words.
#[derive(Clone)]
struct Readable<const N: usize, const C: usize>(WorldModel<N, C>);

/// A state that is printed as one line.
#[derive(Clone, PartialEq)]
struct Described<const N: usize, const C: usize>(Ticked<N, C>);

impl<const N: usize, const C: usize> Hash for Described<N, C> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<const N: usize, const C: usize> std::fmt::Debug for Described<N, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", describe(&self.0))?;
        for (c, pipes) in self.0.pipes.iter().enumerate() {
            for (n, pipe) in pipes.iter().enumerate().filter(|(_, pipe)| !pipe.is_empty()) {
                writeln!(f, "c{c} n{n}: {:?}", pipe.iter().collect::<Vec<_>>())?;
            }
        }
        Ok(())
    }
}

fn claim_holds<const K: usize, const N: usize, const C: usize>(
    model: &Readable<N, C>,
    state: &Described<N, C>,
) -> bool {
    CLAIMS[K].holds(&state.0, &model.0.scope)
}

fn witness_seen<const K: usize, const N: usize, const C: usize>(
    _: &Readable<N, C>,
    state: &Described<N, C>,
) -> bool {
    WITNESSES[K].seen(&state.0)
}

/// Stateright takes plain functions as conditions, so each claim and each witness needs one of its
/// own: the index is a constant of the function's type.
macro_rules! for_each_index {
    ($condition:ident: $($k:literal)+) => {
        [$(($k, $condition::<$k, N, C> as fn(&Self, &Described<N, C>) -> bool)),+]
    };
}

impl<const N: usize, const C: usize> Model for Readable<N, C> {
    type State = Described<N, C>;
    type Action = Step<Ticks, N, C>;

    fn init_states(&self) -> Vec<Self::State> {
        vec![Described(self.0.start())]
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        state.0.enabled(&self.0.scope, actions);
    }

    fn next_state(&self, state: &Self::State, step: Self::Action) -> Option<Self::State> {
        Some(Described(self.0.step(&state.0, step)))
    }

    fn format_action(&self, step: &Self::Action) -> String {
        step.to_string()
    }

    fn format_step(&self, last: &Self::State, step: Self::Action) -> Option<String> {
        let mut next = last.0;
        let effects = next.apply(&self.0.scope, self.0.scope.mutated, step);
        Some(format!("{}\n{:?}", narrate(&step, &effects), Described(next)))
    }

    fn as_svg(&self, path: Path<Self::State, Self::Action>) -> Option<String> {
        let line = |step: Self::Action| {
            let (number, note) = (0, String::new());
            Line { number, step: step.to_string(), note }
        };
        let steps = path.into_actions().into_iter().map(line).collect();
        let unit = Ticks::UNIT.to_owned();
        let scope = self.0.scope.clone();
        crate::why::picture(&Trace { unit, scope, breaks: None, seed: None, steps }).ok()
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let claims =
            for_each_index!(claim_holds: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19);
        let witnesses =
            for_each_index!(witness_seen: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18);
        let scope = &self.0.scope;
        let always = claims.into_iter().filter(|(k, _)| CLAIMS[*k].applies(scope));
        let sometimes = witnesses.into_iter().filter(|(k, _)| WITNESSES[*k].0.applies(scope));
        always
            .map(|(k, holds)| Property::always(CLAIMS[k].name(), holds))
            .chain(sometimes.map(|(k, seen)| Property::sometimes(WITNESSES[k].name(), seen)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One property for each claim and each witness that says anything about the scope.
    #[test]
    fn every_claim_and_witness_is_a_property() {
        let cell = ScopeName::Quick.cells(Overrides::default()).remove(0);
        let scope = Scope::new(cell.settings.unwrap()).unwrap();
        let claims = CLAIMS.iter().filter(|claim| claim.applies(&scope)).count();
        let witnesses = WITNESSES.iter().filter(|witness| witness.0.applies(&scope)).count();
        let model = Readable::<3, 1>(WorldModel::new(scope, Reduction::Time));
        assert_eq!(model.properties().len(), claims + witnesses);
    }

    /// Steps, states and pictures of a path are in words.
    #[test]
    fn a_path_is_described_and_drawn() {
        let cell = ScopeName::Quick.cells(Overrides::default()).remove(0);
        let scope = Scope::new(cell.settings.unwrap()).unwrap();
        let model = Readable::<3, 1>(WorldModel::new(scope, Reduction::Time));
        let checker = model.checker().spawn_bfs().join();
        let path = checker.discovery("no stray message").unwrap();
        let model = checker.model();
        let (state, step) = path.clone().into_vec().remove(0);
        let told = model.format_step(&state, step.unwrap()).unwrap();
        assert!(told.starts_with("c0 acquires; sends SET to n0 n1 n2\n"), "{told}");
        assert!(model.as_svg(path).unwrap().starts_with("<svg"));
    }
}
