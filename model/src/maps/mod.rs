//! Maps: one claim, asked in every cell of a range of constants.
//!
//! A verdict speaks of one scope. A map shows where it turns: each of its cells is a scope of its
//! own, small and searched to the end, and what was found there is held against what the theory
//! says of those constants.

mod drift;
mod restart;
mod timeout;

use std::fmt;

use leasehold::protocol::{Extend, Mutated, Phase, Span, Ticks, Transport};
use leasehold_world::{
    Claim, Client, Faults, Lifecycle, Program, Role, Scope, ScopeError, Settings, WorldTime,
    with_size,
};

use crate::bfs::{self, Outcome, Until};
use crate::cell::{CellError, shortest};
use crate::control::Control;
use crate::dfs;
use crate::model::{Reduction, Ticked, WorldModel};

/// Which map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MapKind {
    /// Exclusion against the drift allowance and the slips of the clocks.
    Drift,
    /// Exclusion against the restart delay of a server that forgets.
    Restart,
    /// Every claim against the node time-out and the bound on a release.
    Timeout,
}

impl MapKind {
    /// All of them.
    pub const ALL: [MapKind; 3] = [MapKind::Drift, MapKind::Restart, MapKind::Timeout];

    /// The name used on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            MapKind::Drift => "drift",
            MapKind::Restart => "restart",
            MapKind::Timeout => "timeout",
        }
    }

    /// The tables of the map, with every cell that is searched.
    pub fn plan(self) -> Plan {
        match self {
            MapKind::Drift => drift::plan(),
            MapKind::Restart => restart::plan(),
            MapKind::Timeout => timeout::plan(),
        }
    }
}

impl fmt::Display for MapKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a map asks, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What it shows.
    pub title: &'static str,
    /// What is expected, and how to read it: whole sentences.
    pub reading: Vec<String>,
    /// The boundary that is expected, in a few words.
    pub boundary: &'static str,
    /// What the horizontal axis is.
    pub x_label: &'static str,
    /// What the vertical axis is.
    pub y_label: &'static str,
    /// How many tables stand side by side.
    pub columns: usize,
    /// The tables.
    pub tables: Vec<Table>,
}

/// One table of a map: two constants vary in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The constants that do not vary in it.
    pub title: String,
    /// The values of the horizontal axis.
    pub x_ticks: Vec<String>,
    /// The values of the vertical axis, from below.
    pub y_ticks: Vec<String>,
    /// The cells, of which there may be fewer than places: not all constants are possible.
    pub spots: Vec<Spot>,
}

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Its column.
    pub x: usize,
    /// Its row, from below.
    pub y: usize,
    /// Its constants.
    pub settings: Settings,
    /// What the theory says of them.
    pub expected: Expected,
}

/// What is expected of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Every claim holds.
    Holds,
    /// Window exclusion breaks.
    Breaks,
    /// Every claim holds, and the longest release takes so many ticks.
    HoldsFor(Span),
}

/// What was found in a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Distinct states, up to the reductions.
    pub states: usize,
    /// The claims that broke.
    pub broken: Vec<Claim>,
    /// How many steps the shortest way to two holders has, if there is one.
    pub steps: Option<usize>,
    /// How many ticks the longest release takes, if every claim holds.
    pub longest_release: Option<Span>,
    /// Whether the danger was approached in a cell where every claim holds: one client was seen to
    /// believe after the lease of another had ended. Always so with one client.
    pub succeeded: bool,
    /// Whether a search was stopped before it ended by itself.
    pub truncated: bool,
}

impl Found {
    /// Whether two clients believed at the same time.
    pub fn two_holders(&self) -> bool {
        self.broken.contains(&Claim::WindowExclusion)
    }

    /// Whether this is what was expected. Of a search that was stopped nothing can be said.
    pub fn is_as(&self, expected: Expected) -> bool {
        let holds = self.broken.is_empty() && self.succeeded;
        !self.truncated
            && match expected {
                Expected::Holds => holds,
                Expected::Breaks => self.two_holders(),
                Expected::HoldsFor(ticks) => holds && self.longest_release == Some(ticks),
            }
    }
}

/// Why a cell of a map has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// Its constants are impossible.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// It could not be decided.
    #[error(transparent)]
    Cell(#[from] CellError),
}

impl Spot {
    /// Searches the cell to the end.
    ///
    /// # Errors
    /// If the constants are impossible, or if two searches of it contradict each other.
    pub fn search(&self, control: &Control<'_>) -> Result<Found, MapError> {
        let scope = Scope::new(self.settings.clone())?;
        let size =
            || Err(CellError::Size { nodes: scope.config.nodes(), clients: scope.clients() });
        Ok(with_size!(scope, |N, C| decide::<N, C>(&scope, control), size())?)
    }
}

fn decide<const N: usize, const C: usize>(
    scope: &Scope,
    control: &Control<'_>,
) -> Result<Found, CellError> {
    let model = WorldModel::<N, C>::new(scope.clone(), Reduction::Order);
    let search = dfs::search(&model, control);
    let mut found = Found {
        states: search.unique,
        broken: search.broken,
        steps: None,
        longest_release: None,
        succeeded: false,
        truncated: search.truncated,
    };
    if found.truncated {
        return Ok(found);
    }
    if found.two_holders() {
        let nearest = shortest(scope, &[Claim::WindowExclusion], control)?;
        found.steps = nearest.broken.first().map(|broken| broken.trace.steps.len());
        found.truncated = found.steps.is_none();
    }
    if found.broken.is_empty() {
        look_again(&model, &mut found, control)?;
    }
    Ok(found)
}

/// Holds what holds against the exact search, whose states also tell how long a release takes and
/// whether the danger was approached.
fn look_again<const N: usize, const C: usize>(
    model: &WorldModel<N, C>,
    found: &mut Found,
    control: &Control<'_>,
) -> Result<(), CellError> {
    let search = bfs::search(model, &Until::Exhausted, control);
    if search.outcome == Outcome::Truncated {
        found.truncated = true;
        return Ok(());
    }
    if search.unique() != found.states {
        return Err(CellError::Disagreement { first: found.states, second: search.unique() });
    }
    if let Some(claim) = search.broken().next() {
        return Err(CellError::Unconfirmed(claim.name()));
    }
    let clients = search.states().flat_map(|world| world.clients.iter());
    found.longest_release = clients.map(|client| client.ghost.releasing_for.offset()).max();
    found.succeeded = C == 1 || search.states().any(succession);
    Ok(())
}

/// Whether one client believes after the lease of another has ended.
fn succession<const N: usize, const C: usize>(world: &Ticked<N, C>) -> bool {
    let ended = |client: &Client<Mutated, Ticks>| match &client.program {
        Program::Joined(joined) => joined.lease.phase() == Phase::Lost,
        Program::Threaded(_) => false,
    };
    world.clients.iter().any(|client| client.believes()) && world.clients.iter().any(ended)
}

/// What ships, on `nodes` nodes, with clients that acquire once and hold until the lease ends.
fn settings(nodes: u8, ttl: Span, ttls: &[Option<Span>]) -> Settings {
    let role =
        |&ttl: &Option<Span>| Role { starts: 1, renewals: 0, stops: false, ttl, ..Role::default() };
    Settings {
        lifecycle: Lifecycle::Joined.name().to_owned(),
        extend: Extend::Touch.name().to_owned(),
        transport: Transport::Fifo.name().to_owned(),
        nodes,
        ttl,
        drift_ppm: 0,
        drift_floor: 0,
        renew_every: 1,
        renew_retry: 1,
        node_timeout: 1,
        release_within: 1,
        renewal_timeout: None,
        roles: ttls.iter().map(role).collect(),
        faults: Faults::default(),
        restart_delay: 0,
        max_ttl: None,
        repair: false,
        mutant: None,
    }
}

/// The values of an axis as words.
fn ticks(values: impl IntoIterator<Item = impl fmt::Display>) -> Vec<String> {
    values.into_iter().map(|value| value.to_string()).collect()
}
