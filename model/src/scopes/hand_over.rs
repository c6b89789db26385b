//! The group `handover`: leases that one client hands over and another adopts, whenever it likes.

use leasehold::protocol::Transport;
use leasehold_world::{Faults, Role, Settings};

use super::{Cell, Group, contended, contender, row, shipped};

/// A client that acquires once, renews and hands over instead of releasing.
pub(super) fn giver(renewals: u8) -> Role {
    Role { renewals, hands_over: true, ..contender() }
}

/// A client that adopts what was handed over, and holds until the lease ends.
pub(super) fn adopter(starts: u8) -> Role {
    Role { starts, adopts: true, ..contender() }
}

/// The settings of two clients, with these roles.
pub(super) fn of(roles: &[Role]) -> Settings {
    Settings { roles: roles.to_vec(), ..contended(shipped()) }
}

/// Somebody else may hold between the giver and the adopter: the giver itself, with another lease.
pub(super) fn gives_and_acquires() -> Settings {
    of(&[Role { starts: 2, stops: true, ..giver(0) }, adopter(1)])
}

pub(super) fn cells() -> Vec<Cell> {
    let with = |settings: Settings, faults: Faults| Settings { faults, ..settings };
    let none = Faults::default();
    let releases = |renewals| Role { stops: true, renewals, ..adopter(1) };
    let one = of(&[giver(1), releases(1)]);
    let both = of(&[Role { stops: true, ..giver(2) }, releases(1)]);
    let chain = of(&[giver(1), Role { hands_over: true, stops: true, ..adopter(2) }]);
    let slips = Settings { ttl: 4, drift_floor: 2, ..of(&[giver(1), releases(0)]) };
    let slip = Faults { node_slips: 1, client_slips: 1, ..none };
    let guarded = Settings { max_ttl: Some(3), ..one.clone() };
    let transport = Transport::Pooled.name().to_owned();
    let pooled = Settings { transport, ..gives_and_acquires() };
    let brisk = |roles: &[Role]| Settings { ttl: 2, node_timeout: 1, ..of(roles) };
    let twice = brisk(&[giver(0), adopter(1), adopter(1)]);
    let third = of(&[giver(0), adopter(1), contender()]);
    let cell = |note: &str, settings| row(Group::HandOver, note, settings);
    vec![
        cell("2 renewals, releases", both),
        cell("adopted late or twice", of(&[giver(1), Role { starts: 3, ..releases(1) }])),
        cell("the giver acquires again", gives_and_acquires()),
        cell("handed on", chain),
        cell("two adopters", twice),
        cell("a third client", third),
        cell("reset", with(one.clone(), Faults { resets: 1, ..none })),
        cell("cancelled", with(one.clone(), Faults { cancels: 1, ..none })),
        cell("pause", with(one, Faults { pauses: 1, ..none })),
        cell("pooled", pooled),
        cell("clocks slip", with(slips, slip)),
        cell("a node dies, guard", with(guarded, Faults { crashes_losing: 1, ..none })),
    ]
}
