//! A schedule on its way to a shorter one, and what makes one simpler than another.

use leasehold::protocol::{Command, Span};
use leasehold_world::{Faults, Scope, ScopeError, Settings, Trace};

use super::act::Act;
use super::attempt::{Unit, lines_of};

/// Constants and steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    pub(super) scope: Scope,
    pub(super) acts: Vec<Act>,
}

/// How much there is to read and to understand: less is simpler, and what stands first counts
/// most. No attempt is adopted that is not simpler, so there is an end to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Weight {
    clients: usize,
    nodes: u8,
    steps: usize,
    /// How often clocks move by different amounts.
    uneven: usize,
    /// The digits and the budgets of the constants.
    constants: u32,
    /// How much time passes, all clocks added up.
    time: i128,
}

impl Schedule {
    /// How heavy it is.
    pub(super) fn weight(&self) -> Weight {
        let amounts = || self.acts.iter().filter_map(|act| self.amounts(act));
        let is_uneven = |by: &Vec<Span>| by.windows(2).any(|pair| pair[0] != pair[1]);
        Weight {
            clients: self.scope.clients(),
            nodes: self.scope.config.nodes(),
            steps: self.acts.len(),
            uneven: amounts().filter(is_uneven).count(),
            constants: constants(self.scope.settings()),
            time: amounts().flatten().map(i128::from).sum(),
        }
    }

    /// By how much every clock of this world moves in `act`, the nodes' first; none if it is not
    /// time that passes.
    pub(super) fn amounts(&self, act: &Act) -> Option<Vec<Span>> {
        let (nodes, clients) = act.amounts()?;
        let nodes = nodes.into_iter().take(self.scope.config.nodes().into());
        Some(nodes.chain(clients.into_iter().take(self.scope.clients())).collect())
    }

    /// Such an act for this world.
    pub(super) fn passing(&self, amounts: &[Span]) -> Act {
        let nodes = usize::from(self.scope.config.nodes()).min(amounts.len());
        let (nodes, clients) = amounts.split_at(nodes);
        let spread = |from: &[Span], at: usize| from.get(at).copied().unwrap_or(0);
        Act::passing(
            std::array::from_fn(|node| spread(nodes, node)),
            std::array::from_fn(|client| spread(clients, client)),
        )
    }

    /// The same without the steps in `from..to`.
    pub(super) fn without(&self, from: usize, to: usize) -> Schedule {
        let acts = [&self.acts[..from], &self.acts[to..]].concat();
        Schedule { scope: self.scope.clone(), acts }
    }

    /// The same with another step there.
    pub(super) fn with(&self, at: usize, act: Act) -> Schedule {
        let mut acts = self.acts.clone();
        acts[at] = act;
        Schedule { scope: self.scope.clone(), acts }
    }

    /// The same where only these clients and nodes are left, under their new numbers.
    pub(super) fn among(&self, clients: &[u8], nodes: &[u8]) -> Result<Schedule, ScopeError> {
        let mut settings = self.scope.settings().clone();
        settings.nodes = nodes.len() as u8;
        settings.roles = clients.iter().map(|&client| self.scope.role(client)).collect();
        let (clients, nodes) = (place_in(clients), place_in(nodes));
        let acts = self.acts.iter().filter_map(|act| act.renamed(&clients, |_, n| nodes(n)));
        Ok(Schedule { acts: acts.collect(), scope: Scope::new(settings)? })
    }

    /// The same with a single node, which lives through what one node did with `SET`s, another with
    /// extends and a third one with releases.
    pub(super) fn on_one_node(&self, by: [u8; 3]) -> Result<Schedule, ScopeError> {
        let [sets, extends, releases] = by;
        let settings = Settings { nodes: 1, ..self.scope.settings().clone() };
        let node_as = |command, node| {
            let is_chosen = match command {
                Some(Command::Set | Command::Adopt) => node == sets,
                Some(Command::Extend) => node == extends,
                Some(Command::Release | Command::Kill) => node == releases,
                None => by.contains(&node),
            };
            is_chosen.then_some(0)
        };
        let acts = self.acts.iter().filter_map(|act| act.renamed(Some, node_as)).collect();
        Ok(Schedule { scope: Scope::new(settings)?, acts })
    }

    /// The same steps under other constants.
    pub(super) fn under(&self, settings: Settings) -> Result<Schedule, ScopeError> {
        Ok(Schedule { scope: Scope::new(settings)?, acts: self.acts.clone() })
    }

    /// As a trace, without notes.
    pub(super) fn trace(&self, unit: Unit, like: &Trace) -> Trace {
        let steps = lines_of(self, unit);
        Trace { unit: unit.name().to_owned(), scope: self.scope.clone(), steps, ..like.clone() }
    }
}

/// The new number of one of these.
fn place_in(kept: &[u8]) -> impl Fn(u8) -> Option<u8> {
    |one| kept.iter().position(|&other| other == one).map(|place| place as u8)
}

/// How much there is to read in the constants: every digit that is not a trailing zero, every
/// budget, everything that is switched on.
fn constants(settings: &Settings) -> u32 {
    let spans = spans(settings).map(digits).into_iter().sum::<u32>();
    let roles = settings.roles.iter().map(|role| {
        let ttl = role.ttl.map_or(0, |ttl| 1 + digits(ttl));
        u32::from(role.starts)
            + u32::from(role.renewals)
            + u32::from(role.stops)
            + ttl
            + u32::from(role.hands_over)
            + u32::from(role.adopts)
    });
    let Faults { resets, crashes_keeping, crashes_losing, node_slips, client_slips, .. } =
        settings.faults;
    let Faults { pauses, heals, stalls, resends, script_losses, cancels, overlaps, .. } =
        settings.faults;
    let struck = [resets, crashes_keeping, crashes_losing, pauses, heals, stalls, resends];
    let slipped = [node_slips, client_slips, script_losses, cancels, overlaps];
    let budgets = struck.into_iter().chain(slipped);
    let on = [settings.repair, settings.max_ttl.is_some(), settings.renewal_timeout.is_some()];
    let on = on.iter().filter(|on| **on).count() as u32;
    spans + roles.sum::<u32>() + budgets.map(u32::from).sum::<u32>() + on
}

/// Every span of the constants.
fn spans(settings: &Settings) -> [Span; 8] {
    [
        settings.ttl,
        settings.renew_every,
        settings.renew_retry,
        settings.node_timeout,
        settings.release_within,
        settings.restart_delay,
        settings.max_ttl.unwrap_or(0),
        settings.renewal_timeout.unwrap_or(0),
    ]
}

/// How many digits a span has without its trailing zeros; none if it is 0.
fn digits(span: Span) -> u32 {
    let mut rest = span.unsigned_abs();
    while rest > 0 && rest.is_multiple_of(10) {
        rest /= 10;
    }
    rest.checked_ilog10().map_or(0, |log| log + 1)
}
