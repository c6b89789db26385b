//! The named scopes: which constants are searched.
//!
//! - `quick`: what a developer waits for, the table of lifecycles;
//! - `ci`: every fault of the model, each in a scope of its own;
//! - `nightly`: pairs of faults, more nodes and more clients, as far as memory and patience reach.
//!
//! A scope is a union of groups, and each group can be asked for by its own name. All faults in one
//! search are not feasible: each of them multiplies the states.

use leasehold::protocol::{Extend, Mutant, Span, Transport};
use leasehold_world::{Faults, Lifecycle, Role, Settings};

mod ci;
mod hand_over;
pub mod mutants;
mod nightly;
mod quick;
mod small;

pub use nightly::pairs;
pub use small::{Small, small};

/// One cell of the table: its place, and its constants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Which part of the table.
    pub group: Group,
    /// Which program.
    pub lifecycle: Lifecycle,
    /// Which extend operation.
    pub extend: Extend,
    /// Which transport.
    pub transport: Transport,
    /// What the constants are; `None` if the cell is not searched in this scope.
    pub settings: Option<Settings>,
    /// What is special about it, in a few words; empty if nothing.
    pub note: String,
    /// Whether it goes beyond what the claims assume, to show that the assumption is needed.
    pub beyond: bool,
}

/// A group of cells, printed as one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// One client: what goes wrong between its own tasks and messages.
    Hazards,
    /// Two clients: exclusion and continuity.
    Exclusion,
    /// One client under a fault that decides between the lifecycles.
    Faults,
    /// Clocks that slip, against the allowance for drift.
    Slips,
    /// Servers that die without their data, against the restart delay and the guard.
    Restart,
    /// Connections that fail, cancelled acquisitions, two renewals, two leases.
    Reset,
    /// Clients that are not scheduled for a while.
    Pause,
    /// Commands that overtake each other.
    Pooled,
    /// Nodes that lost the key and are repaired.
    Repair,
    /// Client libraries and servers that do what nobody asked for.
    Library,
    /// Leases that are handed over and adopted.
    HandOver,
    /// Two faults in one search.
    Pairs,
    /// More nodes, more clients.
    Sizes,
}

impl Group {
    /// All of them, in the order of the tables.
    pub const ALL: [Group; 13] = [
        Group::Hazards,
        Group::Exclusion,
        Group::Faults,
        Group::Slips,
        Group::Restart,
        Group::Reset,
        Group::Pause,
        Group::Pooled,
        Group::Repair,
        Group::Library,
        Group::HandOver,
        Group::Pairs,
        Group::Sizes,
    ];

    /// The name used on the command line, in cell names and in files.
    pub fn name(self) -> &'static str {
        match self {
            Group::Hazards => "hazards",
            Group::Exclusion => "exclusion",
            Group::Faults => "faults",
            Group::Slips => "slips",
            Group::Restart => "restart",
            Group::Reset => "reset",
            Group::Pause => "pause",
            Group::Pooled => "pooled",
            Group::Repair => "repair",
            Group::Library => "library",
            Group::HandOver => "handover",
            Group::Pairs => "pairs",
            Group::Sizes => "sizes",
        }
    }

    /// What it is about, as the heading of its table.
    pub fn title(self) -> &'static str {
        match self {
            Group::Hazards => "One client: one lease, one renewal, a stop at any moment",
            Group::Exclusion => "Two clients: one renews and stops, the other acquires",
            Group::Faults => "Faults that the cells above leave out",
            Group::Slips => "Clocks that slip by single ticks, with loss and late execution",
            Group::Restart => "A server dies and forgets what it granted",
            Group::Reset => "A connection fails: strays, cancellation, two renewals, two leases",
            Group::Pause => "A client is not scheduled for a while, and its clock runs on",
            Group::Pooled => "Commands overtake each other and run late",
            Group::Repair => "A renewal repairs a node that lost the key",
            Group::Library => "A server loses its scripts; a client library sends again by itself",
            Group::HandOver => "A lease is handed over, and adopted at any later moment or never",
            Group::Pairs => "Two faults in one search",
            Group::Sizes => "More nodes and more clients",
        }
    }
}

/// A name that is neither a scope's nor a group's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no scope: it is quick, ci or nightly, or one of the groups {groups}",
        groups = Group::ALL.map(Group::name).join(", "))]
pub struct UnknownScope(String);

/// What is searched: a scope, or one group of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeName {
    /// The table of lifecycles.
    Quick,
    /// Every fault, one at a time.
    Ci,
    /// Pairs of faults, and sizes.
    Nightly,
    /// One group.
    Only(Group),
}

impl std::str::FromStr for ScopeName {
    type Err = UnknownScope;

    fn from_str(name: &str) -> Result<Self, UnknownScope> {
        match name {
            "quick" => Ok(ScopeName::Quick),
            "ci" => Ok(ScopeName::Ci),
            "nightly" => Ok(ScopeName::Nightly),
            _ => {
                let group = Group::ALL.into_iter().find(|group| group.name() == name);
                group.map(ScopeName::Only).ok_or_else(|| UnknownScope(name.to_owned()))
            }
        }
    }
}

impl std::fmt::Display for ScopeName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            ScopeName::Quick => "quick",
            ScopeName::Ci => "ci",
            ScopeName::Nightly => "nightly",
            ScopeName::Only(group) => group.name(),
        })
    }
}

impl ScopeName {
    /// Its cells.
    pub fn cells(self, overrides: Overrides) -> Vec<Cell> {
        let mut cells = match self {
            ScopeName::Quick => quick::cells(overrides.all_pairs),
            ScopeName::Ci => ci::cells(),
            ScopeName::Nightly => nightly::cells(),
            ScopeName::Only(_) => {
                let all = [quick::cells(overrides.all_pairs), ci::cells(), nightly::cells()];
                all.concat()
            }
        };
        if let ScopeName::Only(group) = self {
            cells.retain(|cell| cell.group == group);
        }
        for settings in cells.iter_mut().filter_map(|cell| cell.settings.as_mut()) {
            settings.nodes = overrides.nodes.unwrap_or(settings.nodes);
            settings.ttl = overrides.ttl.unwrap_or(settings.ttl);
            if let Some(mutant) = overrides.mutant {
                settings.mutant = Some(mutant.name().to_owned());
            }
        }
        cells
    }
}

impl Cell {
    /// The name of the cell, as in the data file of expectations: `hazards/joined/touch/fifo`.
    pub fn name(&self) -> String {
        let Cell { group, lifecycle, extend, transport, .. } = self;
        let note = if self.note.is_empty() { String::new() } else { format!("/{}", self.note) };
        format!("{}/{lifecycle}/{extend}/{transport}{note}", group.name())
    }

    /// Whether this is what the library ships, under rules that are all sound and within what the
    /// claims assume: here every claim must hold.
    pub fn ships(&self) -> bool {
        let sound = self.settings.as_ref().is_some_and(|settings| settings.mutant.is_none());
        let library = self.extend == Extend::Touch && self.transport == Transport::Fifo;
        // Outside the table of lifecycles a pool is there to hold too.
        let table = matches!(self.group, Group::Hazards | Group::Exclusion | Group::Faults);
        sound && !self.beyond && self.lifecycle == Lifecycle::Joined && (library || !table)
    }
}

/// What may be changed from outside; `None` leaves the scope's own value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Nodes instead of 3.
    pub nodes: Option<u8>,
    /// The TTL in ticks.
    pub ttl: Option<Span>,
    /// A rule broken on purpose, in every cell.
    pub mutant: Option<Mutant>,
    /// Whether the broken programs are searched with two clients too, which takes long.
    pub all_pairs: bool,
}

/// One lease of TTL 6, one renewal at 2, a stop at any moment.
fn one_client(lifecycle: Lifecycle, extend: Extend, transport: Transport) -> Settings {
    Settings {
        lifecycle: lifecycle.name().to_owned(),
        extend: extend.name().to_owned(),
        transport: transport.name().to_owned(),
        nodes: 3,
        ttl: 6,
        drift_ppm: 0,
        drift_floor: 0,
        renew_every: 2,
        renew_retry: 1,
        // The renewal of the shipped lifecycle is waited for until the lease ends, so that its
        // answer and the end of belief can meet.
        node_timeout: if lifecycle == Lifecycle::Joined { 4 } else { 2 },
        release_within: 2,
        renewal_timeout: None,
        roles: vec![holder(1)],
        faults: Faults::default(),
        restart_delay: 0,
        max_ttl: None,
        repair: false,
        mutant: None,
    }
}

/// What ships, with one client.
fn shipped() -> Settings {
    one_client(Lifecycle::Joined, Extend::Touch, Transport::Fifo)
}

/// A client that acquires once, renews and may stop.
fn holder(renewals: u8) -> Role {
    Role { starts: 1, renewals, stops: true, ..Role::default() }
}

/// A client that acquires once and holds until the lease ends.
fn contender() -> Role {
    Role { starts: 1, renewals: 0, stops: false, ..Role::default() }
}

/// One client acquires, renews once and stops; the other acquires. TTL 3.
fn contended(settings: Settings) -> Settings {
    Settings {
        ttl: 3,
        renew_every: 1,
        node_timeout: 2,
        release_within: 1,
        roles: vec![holder(1), contender()],
        ..settings
    }
}

/// A cell of the shipped lifecycle.
fn row(group: Group, note: impl Into<String>, settings: Settings) -> Cell {
    let pooled = settings.transport == Transport::Pooled.name();
    let touches = settings.extend == Extend::Touch.name();
    Cell {
        group,
        lifecycle: Lifecycle::Joined,
        extend: if touches { Extend::Touch } else { Extend::TouchOrSet },
        transport: if pooled { Transport::Pooled } else { Transport::Fifo },
        settings: Some(settings),
        note: note.into(),
        beyond: false,
    }
}
