//! Every claim against the two time-outs of what ships: they are a matter of comfort, not of
//! safety.
//!
//! A round is given up after `node_timeout`, a release is reported after `release_within` at the
//! latest. Silence is never taken for a "no", so giving up early decides nothing; it costs answers
//! that would have come, and the search states.

use leasehold::protocol::Span;

use super::{Expected, Plan, Spot, Table, settings, ticks};

const TTLS: [Span; 3] = [3, 4, 6];

pub(super) fn plan() -> Plan {
    Plan {
        title: "States, by node time-out and release bound",
        reading: vec![
            "One client of what ships acquires, renews once and stops at any moment, on three \
             nodes; any message may be delayed without bound or never arrive."
                .to_owned(),
            "Expected: every claim holds in every cell, also where a time-out exceeds the TTL, \
             and the longest release takes as long as its bound: it is a promise to the user, and \
             safety does not rest on it."
                .to_owned(),
            "Each cell has its number of states.".to_owned(),
        ],
        boundary: "",
        x_label: "release within, in ticks",
        y_label: "node time-out",
        columns: 3,
        tables: TTLS.into_iter().map(table).collect(),
    }
}

fn table(ttl: Span) -> Table {
    let timeouts = || 1..=ttl + 1;
    let mut spots = Vec::new();
    for (y, node_timeout) in timeouts().enumerate() {
        for (x, release_within) in timeouts().enumerate() {
            let mut settings = settings(3, ttl, &[None]);
            settings.roles[0].renewals = 1;
            settings.roles[0].stops = true;
            settings.renew_every = ttl / 3;
            settings.node_timeout = node_timeout;
            settings.release_within = release_within;
            spots.push(Spot { x, y, settings, expected: Expected::HoldsFor(release_within) });
        }
    }
    Table {
        title: format!("TTL {ttl}"),
        x_ticks: ticks(timeouts()),
        y_ticks: ticks(timeouts()),
        spots,
    }
}
