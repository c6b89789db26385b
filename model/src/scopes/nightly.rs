//! The scope `nightly`: pairs of faults in one search, and more nodes and clients than `ci` has.

use leasehold::protocol::Transport;
use leasehold_world::{Faults, Role, Settings};

use super::{Cell, Group, contended, contender, holder, row, shipped};

pub(super) fn cells() -> Vec<Cell> {
    let mut cells: Vec<Cell> = pairs().into_iter().filter_map(|pair| pair.cell).collect();
    cells.extend(sizes());
    cells
}

/// A fault with its remedy: what it changes in a scope.
type Change = fn(&mut Settings);

const FAULTS: [(&str, Change); 7] = [
    ("slip", |settings| {
        settings.faults.node_slips = 1;
        settings.drift_floor = 1;
        settings.ttl += 1;
    }),
    ("restart", |settings| {
        settings.faults.crashes_losing = 1;
        settings.max_ttl = Some(settings.ttl + 1);
    }),
    ("reset", |settings| settings.faults.resets = 1),
    ("pause", |settings| settings.faults.pauses = 1),
    ("cancel", |settings| settings.faults.cancels = 1),
    ("repair", |settings| {
        settings.repair = true;
        settings.roles[0].renewals = 2;
    }),
    ("pooled", |settings| settings.transport = Transport::Pooled.name().to_owned()),
];

/// Two faults, and the cell that combines them; none if they cannot meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Their names, joined by `+`.
    pub name: String,
    /// The cell, or why there is none.
    pub cell: Option<Cell>,
}

/// Every pair of faults.
pub fn pairs() -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (index, (first, change)) in FAULTS.into_iter().enumerate() {
        for (second, other) in FAULTS.into_iter().skip(index + 1) {
            let name = format!("{first}+{second}");
            // A pool opens connections as it needs them, so none fails.
            let possible = (first, second) != ("reset", "pooled");
            let mut settings = contended(shipped());
            settings.ttl = 2;
            settings.node_timeout = 1;
            change(&mut settings);
            other(&mut settings);
            let cell = possible.then(|| row(Group::Pairs, name.clone(), settings));
            pairs.push(Pair { name, cell });
        }
    }
    pairs
}

fn sizes() -> Vec<Cell> {
    let acquire = |nodes: u8, clients: usize, ttl| Settings {
        nodes,
        ttl,
        node_timeout: 1,
        roles: vec![contender(); clients],
        ..contended(shipped())
    };
    let both = Settings { roles: vec![holder(1); 2], ..contended(shipped()) };
    let again = Role { starts: 2, ..holder(2) };
    let faults = Faults { resets: 2, cancels: 1, ..Faults::default() };
    let resets = Settings { roles: vec![again], faults, ..shipped() };
    let crash = Faults { crashes_losing: 1, ..Faults::default() };
    let repair = Settings {
        faults: crash,
        repair: true,
        max_ttl: Some(2),
        roles: vec![Role { stops: false, ..holder(1) }, contender()],
        ..acquire(3, 2, 2)
    };
    vec![
        row(Group::Sizes, "two clients, a node dies, guard, repair", repair),
        row(Group::Sizes, "both renew and stop", both),
        row(Group::Sizes, "4 nodes", acquire(4, 2, 2)),
        row(Group::Sizes, "5 nodes", acquire(5, 2, 2)),
        row(Group::Sizes, "3 clients", acquire(3, 3, 2)),
        row(Group::Sizes, "2 resets, TTL 6", resets),
    ]
}
