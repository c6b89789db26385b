//! The cells of each named scope: which constants are searched.

use leasehold::protocol::{Extend, Mutant, Span, Transport};
use leasehold_world::{Faults, Lifecycle, Role, Settings};

/// One cell of the table: its place, and its constants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Which part of the table.
    pub part: Part,
    /// Which program.
    pub lifecycle: Lifecycle,
    /// Which extend operation.
    pub extend: Extend,
    /// Which transport.
    pub transport: Transport,
    /// What the constants are; `None` if the cell is not searched in this scope.
    pub settings: Option<Settings>,
    /// What is special about it, in a few words; empty if nothing.
    pub note: &'static str,
}

/// The parts of the verdict table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// One client: what goes wrong between its own tasks and messages.
    Hazards,
    /// Two clients: exclusion and continuity.
    Exclusion,
    /// One client under a fault that the other parts leave out.
    Faults,
}

impl Part {
    /// The name used in cell names and in files.
    pub fn name(self) -> &'static str {
        match self {
            Part::Hazards => "hazards",
            Part::Exclusion => "exclusion",
            Part::Faults => "faults",
        }
    }
}

impl Cell {
    /// The name of the cell, as in the data file of expectations: `hazards/joined/touch/fifo`.
    pub fn name(&self) -> String {
        let Cell { part, lifecycle, extend, transport, .. } = self;
        let note = if self.note.is_empty() { String::new() } else { format!("/{}", self.note) };
        format!("{}/{lifecycle}/{extend}/{transport}{note}", part.name())
    }

    /// Whether this is what the library ships, under rules that are all sound: here every claim
    /// must hold.
    pub fn ships(&self) -> bool {
        let sound = self.settings.as_ref().is_some_and(|settings| settings.mutant.is_none());
        sound
            && self.lifecycle == Lifecycle::Joined
            && self.extend == Extend::Touch
            && self.transport == Transport::Fifo
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

/// The scope `quick`: the 16 cells of the hazards with one client; exclusion and continuity with
/// two; and the faults that decide between `joined` and its mutants.
pub fn quick(overrides: Overrides) -> Vec<Cell> {
    let mut cells = Vec::new();
    for part in [Part::Hazards, Part::Exclusion] {
        for lifecycle in Lifecycle::ALL {
            for extend in [Extend::Touch, Extend::TouchOrSet] {
                for transport in [Transport::Fifo, Transport::Pooled] {
                    let mut cell =
                        Cell { part, lifecycle, extend, transport, settings: None, note: "" };
                    cell.settings = match part {
                        Part::Hazards => Some(one_client(&cell)),
                        Part::Exclusion | Part::Faults => two_clients(&cell, overrides.all_pairs),
                    };
                    cells.push(cell);
                }
            }
        }
    }
    cells.extend(fault_rows());
    for settings in cells.iter_mut().filter_map(|cell| cell.settings.as_mut()) {
        settings.nodes = overrides.nodes.unwrap_or(settings.nodes);
        settings.ttl = overrides.ttl.unwrap_or(settings.ttl);
        if let Some(mutant) = overrides.mutant {
            settings.mutant = Some(mutant.name().to_owned());
        }
    }
    cells
}

/// One lease of TTL 6, one renewal at 2, a stop at any moment.
fn one_client(cell: &Cell) -> Settings {
    Settings {
        lifecycle: cell.lifecycle.name().to_owned(),
        extend: cell.extend.name().to_owned(),
        transport: cell.transport.name().to_owned(),
        nodes: 3,
        ttl: 6,
        drift_ppm: 0,
        drift_floor: 0,
        renew_every: 2,
        renew_retry: 1,
        // The renewal of the shipped lifecycle is waited for until the lease ends, so that its
        // answer and the end of belief can meet.
        node_timeout: if cell.lifecycle == Lifecycle::Joined { 4 } else { 2 },
        release_within: 2,
        renewal_timeout: None,
        roles: vec![Role { starts: 1, renewals: 1, stops: true, ttl: None }],
        faults: Faults::default(),
        restart_delay: 0,
        max_ttl: None,
        repair: false,
        mutant: None,
    }
}

/// One client acquires, renews once and stops; the other acquires. TTL 3. The broken programs are
/// searched only if `all` are asked for, at TTL 2 and with a time-out on the renewal.
fn two_clients(cell: &Cell, all: bool) -> Option<Settings> {
    let joined = cell.lifecycle == Lifecycle::Joined;
    if !joined && !all {
        return None;
    }
    let mut settings = one_client(cell);
    make_contended(&mut settings);
    if !joined {
        settings.ttl = 2;
        settings.node_timeout = 1;
        settings.renewal_timeout = Some(1);
    }
    Some(settings)
}

fn make_contended(settings: &mut Settings) {
    settings.ttl = 3;
    settings.renew_every = 1;
    settings.node_timeout = 2;
    settings.release_within = 1;
    let holder = Role { starts: 1, renewals: 1, stops: true, ttl: None };
    let contender = Role { starts: 1, renewals: 0, stops: false, ttl: None };
    settings.roles = vec![holder, contender];
}

fn fault_rows() -> Vec<Cell> {
    let row = |lifecycle, extend, transport, note, change: &dyn Fn(&mut Settings)| {
        let part = Part::Faults;
        let mut cell = Cell { part, lifecycle, extend, transport, settings: None, note };
        let mut settings = one_client(&cell);
        change(&mut settings);
        cell.settings = Some(settings);
        cell
    };
    let reset = |settings: &mut Settings| settings.faults.resets = 1;
    let broken = |settings: &mut Settings, mutant: Mutant| {
        settings.mutant = Some(mutant.name().to_owned());
    };
    let (touch, fifo) = (Extend::Touch, Transport::Fifo);
    let stall = |settings: &mut Settings| settings.faults.stalls = 1;
    vec![
        row(Lifecycle::Joined, touch, fifo, "reset with KILL", &reset),
        row(Lifecycle::Joined, touch, fifo, "reset without KILL", &|settings| {
            reset(settings);
            broken(settings, Mutant::NoKillAfterReset);
        }),
        row(Lifecycle::Joined, touch, Transport::Pooled, "release does not wait", &|settings| {
            broken(settings, Mutant::ReleaseBeforeDrain);
        }),
        row(Lifecycle::Joined, touch, fifo, "holder dies, then all heals", &|settings| {
            make_contended(settings);
            settings.roles[0] = settings.roles[1];
            settings.faults.heals = 1;
        }),
        row(Lifecycle::Sleep, touch, fifo, "task stalls", &stall),
        row(Lifecycle::Sleep, Extend::TouchOrSet, fifo, "task stalls", &stall),
    ]
}
