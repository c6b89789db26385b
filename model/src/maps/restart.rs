//! Exclusion against a server that restarts and has forgotten everything.
//!
//! A lease granted just before the crash is believed for its TTL less the margin. A server that
//! stays down for that long does no harm; one that comes back sooner needs a guard, which waits
//! for the longest TTL of any client, not for the own one.
//!
//! One node has all of the arithmetic: on three, the crash must hit the node that both majorities
//! contain. Three nodes with a crash are millions of states a cell, too many for a map.

use leasehold::protocol::{Mutant, Span};

use super::{Expected, Plan, Spot, Table, settings, ticks};

/// The longest restart delay of the map.
const LONGEST: Span = 5;
/// The TTLs of the two clients; which of them is first makes no difference.
const TTLS: [(Span, Span); 6] = [(2, 2), (2, 3), (2, 4), (3, 3), (3, 4), (4, 4)];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Guard {
    None,
    Sound,
    OwnTtl,
}

pub(super) fn plan() -> Plan {
    let all = TTLS.as_slice();
    // Belief must have room for a renewal interval: TTLs of 3 and more.
    let with_margin = &TTLS[3..];
    let tables = vec![
        table("no guard, margin 0", Guard::None, 0, all),
        table("no guard, margin 1", Guard::None, 1, with_margin),
        table("guard (max_ttl)", Guard::Sound, 0, all),
        table("guard, own TTL only", Guard::OwnTtl, 0, all),
    ];
    Plan {
        title: "Two holders, by restart delay and the clients' TTLs",
        reading: vec![
            "Two clients acquire once each on one node, and the one with the longer TTL renews \
             once. The server dies at any moment, forgets its keys, and is back after the delay \
             at the earliest."
                .to_owned(),
            "Expected without a guard: two holders if and only if the delay is less than the \
             longest TTL of any client, less the margin."
                .to_owned(),
            "Expected with the guard: none at any delay. A guard that waits for the own TTL only \
             (mutant guard-own-ttl): two holders if and only if delay + shorter TTL < longer TTL."
                .to_owned(),
        ],
        boundary: "expected: the last lease that it forgot has ended",
        x_label: "restart delay, in ticks",
        y_label: "TTLs",
        columns: 2,
        tables,
    }
}

fn table(title: &str, guard: Guard, margin: Span, pairs: &[(Span, Span)]) -> Table {
    let mut spots = Vec::new();
    for (y, &(shorter, longer)) in pairs.iter().enumerate() {
        for (x, delay) in (0..=LONGEST).enumerate() {
            let mut settings = settings(1, longer, &[None, Some(shorter)]);
            settings.roles[0].renewals = 1;
            settings.drift_floor = margin;
            settings.restart_delay = delay;
            settings.faults.crashes_losing = 1;
            settings.max_ttl = (guard != Guard::None).then_some(longer);
            settings.mutant =
                (guard == Guard::OwnTtl).then(|| Mutant::GuardOwnTtl.name().to_owned());
            let counts_after = match guard {
                Guard::None => delay,
                Guard::Sound => delay + longer,
                Guard::OwnTtl => delay + shorter,
            };
            let breaks = counts_after < longer - margin;
            let expected = if breaks { Expected::Breaks } else { Expected::Holds };
            spots.push(Spot { x, y, settings, expected });
        }
    }
    let pair = |&(shorter, longer): &(Span, Span)| format!("{shorter} and {longer}");
    Table {
        title: title.to_owned(),
        x_ticks: ticks(0..=LONGEST),
        y_ticks: ticks(pairs.iter().map(pair)),
        spots,
    }
}
