//! The scopes that are searched. All are of the shipped lifecycle, without faults and drift.

use leasehold_world::{Faults, Role, Scope, Settings};

/// Acquires once, and may stop at any moment.
const STOPPING: Role =
    Role { starts: 1, renewals: 0, stops: true, ttl: None, hands_over: false, adopts: false };
/// Acquires once, and holds to the end.
const HOLDING: Role =
    Role { starts: 1, renewals: 0, stops: false, ttl: None, hands_over: false, adopts: false };
/// Two leases, of which one is renewed, and a stop at any moment.
const RENEWING: Role =
    Role { starts: 2, renewals: 1, stops: true, ttl: None, hands_over: false, adopts: false };

/// Two clients that acquire, hold, stop and release. Whole, its unreduced world is too large to be
/// searched with three nodes; see [`crate::begun`].
pub fn contended(nodes: u8) -> Scope {
    scope(Settings { nodes, roles: vec![STOPPING; 2], ..settings() })
}

/// One client with two leases and a renewal.
pub fn alone() -> Scope {
    scope(Settings { roles: vec![RENEWING], ..settings() })
}

/// Two clients that do the same, on a pool: one message per client and node, since a release waits
/// there for the `SET`. So the unreduced world can be searched whole, more than ten million states.
pub fn alike() -> Scope {
    scope(Settings {
        transport: "pooled".to_owned(),
        ttl: 2,
        node_timeout: 1,
        roles: vec![HOLDING; 2],
        ..settings()
    })
}

fn scope(settings: Settings) -> Scope {
    Scope::new(settings).expect("a scope of this bench")
}

fn settings() -> Settings {
    Settings {
        lifecycle: "joined".to_owned(),
        extend: "touch".to_owned(),
        transport: "fifo".to_owned(),
        nodes: 3,
        ttl: 3,
        drift_ppm: 0,
        drift_floor: 0,
        renew_every: 1,
        renew_retry: 1,
        node_timeout: 2,
        release_within: 1,
        renewal_timeout: None,
        roles: Vec::new(),
        faults: Faults::default(),
        max_ttl: None,
        repair: false,
        restart_delay: 0,
        mutant: None,
    }
}
