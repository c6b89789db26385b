//! Scopes so small that the exact search ends in a second or two, with every program and every
//! fault among them. In each of them the simulator is held against the checker: every state that a
//! seed visits must be one that the search has visited.

use leasehold::protocol::{Extend, Transport};
use leasehold_world::{Faults, Lifecycle, Role, Settings};

use super::{contended, contender, holder, one_client};

/// A small scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Small {
    /// What is in it, in a few words.
    pub name: String,
    /// Its constants.
    pub settings: Settings,
}

/// All of them.
pub fn small() -> Vec<Small> {
    let mut all = one_each();
    all.extend(two_clients());
    all.extend(faults());
    all
}

fn scope(name: impl Into<String>, settings: Settings) -> Small {
    Small { name: name.into(), settings }
}

/// TTL 3, one renewal. In a pool the broken programs have many more states.
fn brief(lifecycle: Lifecycle, extend: Extend, transport: Transport) -> Settings {
    let many = lifecycle != Lifecycle::Joined && transport == Transport::Pooled;
    Settings {
        nodes: if many { 2 } else { 3 },
        ttl: 3,
        renew_every: 1,
        node_timeout: if lifecycle == Lifecycle::Joined { 2 } else { 1 },
        release_within: 1,
        ..one_client(lifecycle, extend, transport)
    }
}

fn shipped() -> Settings {
    brief(Lifecycle::Joined, Extend::Touch, Transport::Fifo)
}

/// One client, under each lifecycle, extend operation and transport.
fn one_each() -> Vec<Small> {
    let mut all = Vec::new();
    for lifecycle in Lifecycle::ALL {
        for extend in [Extend::Touch, Extend::TouchOrSet] {
            for transport in [Transport::Fifo, Transport::Pooled] {
                let settings = brief(lifecycle, extend, transport);
                all.push(scope(format!("{lifecycle}, {extend}, {transport}"), settings));
            }
        }
    }
    all
}

/// Two nodes at most, so that two clients stay few states.
fn two_clients() -> Vec<Small> {
    let two = |settings: Settings| Settings { nodes: 2, ttl: 2, node_timeout: 1, ..settings };
    let both = |settings: Settings| two(contended(settings));
    let pooled = brief(Lifecycle::Joined, Extend::Touch, Transport::Pooled);
    let detached = Settings {
        renewal_timeout: Some(1),
        ..brief(Lifecycle::Detached, Extend::TouchOrSet, Transport::Fifo)
    };
    let alike = Settings { roles: vec![holder(1); 2], nodes: 1, ..both(shipped()) };
    vec![
        scope("two clients", both(shipped())),
        scope("two clients, pooled", both(pooled)),
        scope("two clients, detached, one node", Settings { nodes: 1, ..both(detached) }),
        scope("two clients alike, one node", alike),
    ]
}

fn faults() -> Vec<Small> {
    let with = |settings: Settings, faults: Faults| Settings { faults, ..settings };
    let none = Faults::default();
    let acquire = Settings {
        roles: vec![contender(); 2],
        nodes: 2,
        ttl: 2,
        node_timeout: 1,
        ..contended(shipped())
    };
    let slips = Settings { ttl: 4, drift_floor: 2, ..acquire.clone() };
    let again = Role { starts: 2, ..holder(1) };
    let twice = Settings { roles: vec![again], nodes: 2, ..shipped() };
    let of_ttl = |ttl| Role { ttl: Some(ttl), ..contender() };
    let guard = Settings {
        nodes: 1,
        ttl: 3,
        roles: vec![of_ttl(3), of_ttl(2)],
        max_ttl: Some(3),
        ..acquire.clone()
    };
    let repair =
        Settings { roles: vec![holder(2)], max_ttl: Some(3), repair: true, nodes: 2, ..shipped() };
    let sleep = brief(Lifecycle::Sleep, Extend::TouchOrSet, Transport::Fifo);
    let dies = Faults { crashes_losing: 1, ..none };
    vec![
        scope("clocks slip", with(slips, Faults { node_slips: 1, client_slips: 1, ..none })),
        scope("reset, two leases", with(twice.clone(), Faults { resets: 1, ..none })),
        scope("reset, detached", {
            let settings = brief(Lifecycle::Detached, Extend::TouchOrSet, Transport::Fifo);
            Settings { nodes: 2, ..with(settings, Faults { resets: 1, ..none }) }
        }),
        scope("a node dies, data kept", with(shipped(), Faults { crashes_keeping: 1, ..none })),
        scope("a node dies, down for a TTL", {
            Settings { restart_delay: 2, ..with(acquire.clone(), dies) }
        }),
        scope("a node dies, guard, TTLs 3 and 2", with(guard, dies)),
        scope("a node dies, guard, repair", with(repair, dies)),
        scope("pause", with(shipped(), Faults { pauses: 1, ..none })),
        scope("pause, two clients", with(acquire.clone(), Faults { pauses: 1, ..none })),
        scope("cancelled, two leases", with(twice, Faults { cancels: 1, ..none })),
        scope("scripts lost", with(shipped(), Faults { script_losses: 1, ..none })),
        scope("sent again", with(shipped(), Faults { resends: 1, ..none })),
        scope("task stalls, sleep", with(sleep, Faults { stalls: 1, ..none })),
        scope("heals", with(acquire, Faults { heals: 1, ..none })),
    ]
}
