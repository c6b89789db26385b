//! The scope `ci`: every fault of the model, each in a scope of its own that is searched to the
//! end; and beside it what happens without the remedy.

use leasehold::protocol::Transport;
use leasehold_world::{Faults, Role, Settings};

use super::{Cell, Group, contended, contender, hand_over, holder, row, shipped};

pub(super) fn cells() -> Vec<Cell> {
    let handed = hand_over::cells();
    [slips(), restart(), reset(), pause(), pooled(), repair(), library(), handed].concat()
}

/// Two clients that only acquire, whose answers and expiries meet soon.
fn brisk(roles: [Role; 2]) -> Settings {
    Settings { node_timeout: 1, roles: roles.to_vec(), ..contended(shipped()) }
}

fn beyond(cell: Cell) -> Cell {
    Cell { beyond: true, ..cell }
}

/// One node and one client may each be a tick ahead or behind: two ticks of drift are just enough.
fn slips() -> Vec<Cell> {
    let drift = |drift_floor: i64, roles: [Role; 2]| Settings {
        ttl: 4,
        drift_floor,
        faults: Faults { node_slips: 1, client_slips: 1, ..Faults::default() },
        ..brisk(roles)
    };
    let group = Group::Slips;
    vec![
        row(group, "drift allowed for", drift(2, [holder(1), contender()])),
        beyond(row(group, "beyond the allowance", drift(1, [contender(), contender()]))),
    ]
}

fn restart() -> Vec<Cell> {
    let dies = Faults { crashes_losing: 1, ..Faults::default() };
    let plain = |settings: Settings| Settings { faults: dies, ..settings };
    let of_ttl = |ttl| Role { ttl: Some(ttl), ..contender() };
    let two_ttls = plain(Settings { max_ttl: Some(3), ..brisk([of_ttl(3), of_ttl(2)]) });
    let alike = plain(Settings { ttl: 2, ..brisk([contender(), contender()]) });
    let group = Group::Restart;
    let keeping = Faults { crashes_keeping: 1, ..Faults::default() };
    vec![
        row(group, "guard, TTLs 3 and 2", two_ttls),
        row(group, "down for a TTL", Settings { restart_delay: 2, ..alike.clone() }),
        row(group, "data kept", Settings { faults: keeping, ..alike.clone() }),
        beyond(row(group, "neither, one node", Settings { nodes: 1, ..alike })),
    ]
}

fn reset() -> Vec<Cell> {
    let brisk = Settings { roles: vec![Role { starts: 2, ..holder(2) }], ..brisk([holder(1); 2]) };
    let faults = Faults { resets: 1, cancels: 1, ..Faults::default() };
    vec![row(Group::Reset, "2 renewals, 2 leases, cancelled", Settings { faults, ..brisk })]
}

fn pause() -> Vec<Cell> {
    let faults = Faults { pauses: 1, ..Faults::default() };
    let renewing = Settings { roles: vec![holder(2)], faults, ..shipped() };
    let two = Settings { roles: vec![contender(); 2], faults, ..contended(shipped()) };
    vec![
        row(Group::Pause, "one client, 2 renewals", renewing),
        row(Group::Pause, "two clients", two),
    ]
}

fn pooled() -> Vec<Cell> {
    let pooled = Transport::Pooled.name().to_owned();
    let two = Settings {
        transport: pooled.clone(),
        roles: vec![holder(2), contender()],
        ..contended(shipped())
    };
    let faults = Faults { cancels: 1, ..Faults::default() };
    let one = Settings { transport: pooled, roles: vec![holder(2)], faults, ..shipped() };
    vec![
        row(Group::Pooled, "two clients, 2 renewals", two),
        row(Group::Pooled, "one client, 2 renewals, cancelled", one),
    ]
}

fn repair() -> Vec<Cell> {
    let faults = Faults { crashes_losing: 1, ..Faults::default() };
    let one =
        Settings { faults, repair: true, max_ttl: Some(6), roles: vec![holder(2)], ..shipped() };
    // A node whose clock runs ahead loses the key early, and the renewal sets it anew.
    let two = Settings {
        faults: Faults { node_slips: 1, ..Faults::default() },
        drift_floor: 1,
        repair: true,
        roles: vec![holder(2), contender()],
        ..contended(shipped())
    };
    vec![
        row(Group::Repair, "guard, 2 renewals", one),
        row(Group::Repair, "two clients, a node slips", two),
    ]
}

fn library() -> Vec<Cell> {
    let two = Settings { roles: vec![holder(2)], ..shipped() };
    let scripts = Faults { script_losses: 1, ..Faults::default() };
    let resends = Faults { resends: 1, ..Faults::default() };
    vec![
        row(Group::Library, "scripts lost, 2 renewals", Settings { faults: scripts, ..two }),
        beyond(row(Group::Library, "sends again", Settings { faults: resends, ..shipped() })),
    ]
}
