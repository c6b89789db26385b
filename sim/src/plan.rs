//! The constants of one run, drawn from its seed: the scope that the world is given, and the
//! weather that only the simulator knows.

use leasehold::protocol::{Drift, Retry, Span};
use leasehold_world::{Faults, Role, Scope, ScopeError, Settings};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::options::{ClientCount, NodeCount, Options, Profile};

/// The most nodes and clients of a simulated world.
pub(crate) const MOST: (usize, usize) = (5, 3);

/// One million: the whole, in parts per million.
const WHOLE: i64 = 1_000_000;

/// The clocks of a run. Each runs at its own fixed rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// Rates of the nodes' clocks: their microseconds per million of true time.
    pub node_rates: [i64; MOST.0],
    /// Rates of the clients' clocks.
    pub client_rates: [i64; MOST.1],
    /// What the nodes' clocks show at the beginning.
    pub node_offsets: [Span; MOST.0],
    /// What the clients' clocks show at the beginning.
    pub client_offsets: [Span; MOST.1],
}

/// What the network, the servers and the schedulers do. Spans are in microseconds of true time,
/// chances in parts per million of the occasions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    /// The usual delay of a message, shortest and longest.
    pub latency: (Span, Span),
    /// How often a message is slow.
    pub slow_ppm: u32,
    /// The longest delay of a slow one.
    pub slow_max: Span,
    /// How often a message is stuck.
    pub stuck_ppm: u32,
    /// The longest delay of a stuck one; beyond the TTL.
    pub stuck_max: Span,
    /// How often a message is lost.
    pub loss_ppm: u32,
    /// The most messages lost in a run.
    pub losses: u8,
    /// How often a connection fails after a command was sent on it.
    pub reset_ppm: u32,
    /// The longest time until there is a connection again.
    pub connect_max: Span,
    /// How often a stray still runs, if those before it did.
    pub stray_ppm: u32,
    /// The longest time until it does.
    pub stray_max: Span,
    /// How often a server dies after a command was sent to it.
    pub crash_ppm: u32,
    /// The longest time that a server is down.
    pub down_max: Span,
    /// How often a client is not scheduled after it reported something.
    pub pause_ppm: u32,
    /// For how long at most.
    pub pause_max: Span,
    /// How often the renewer of a broken program is not scheduled in mid-step.
    pub stall_ppm: u32,
    /// For how long at most.
    pub stall_max: Span,
    /// How often a node's clock leaps ahead after a command was sent to it: never, unless a test
    /// says so, for Redlock assumes that it does not.
    pub leap_ppm: u32,
    /// How far.
    pub leap_max: Span,
}

/// What the users do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habits {
    /// How often the work takes a whole number of renewal intervals, so that the tick and the stop
    /// fall together as in redsync #158.
    pub tie_ppm: u32,
    /// How far off at most the rest of the work is, when it is nearly so.
    pub near: Span,
    /// The longest work otherwise.
    pub work_max: Span,
    /// How often the next lease is wanted at once.
    pub at_once_ppm: u32,
    /// The longest time until it is wanted otherwise.
    pub idle_max: Span,
    /// How a denied acquisition is tried again.
    pub retry: Retry,
}

/// All constants of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The seed they were drawn from.
    pub seed: u64,
    /// What the world is told.
    pub scope: Scope,
    /// How many nodes.
    pub nodes: NodeCount,
    /// How many clients.
    pub clients: ClientCount,
    /// The clocks.
    pub clocks: Clocks,
    /// Network, servers, schedulers.
    pub weather: Weather,
    /// Users.
    pub habits: Habits,
}

impl Plan {
    /// Draws the plan of `seed`. The lifecycle and the mutant make no difference to what is drawn,
    /// so the same seed puts each of them into the same weather.
    pub fn from_seed(seed: u64, options: &Options) -> Plan {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut draw = Draw(ChaCha8Rng::from_seed(key));
        loop {
            // What the protocol would refuse is drawn again; a test shows that it never is.
            match Plan::drawn(seed, options, &mut draw) {
                Ok(plan) => return plan,
                Err(_) => continue,
            }
        }
    }

    fn drawn(seed: u64, options: &Options, draw: &mut Draw) -> Result<Plan, ScopeError> {
        let Profile::Swarm = options.profile;
        let drawn_nodes =
            draw.pick([NodeCount::One, NodeCount::Three, NodeCount::Three, NodeCount::Five]);
        let drawn_clients =
            draw.pick([ClientCount::One, ClientCount::Two, ClientCount::Two, ClientCount::Three]);
        let nodes = options.nodes.unwrap_or(drawn_nodes);
        let clients = options.clients.unwrap_or(drawn_clients);
        let spans = Spans::drawn(draw);
        let weather = Weather::drawn(&spans, draw);
        let habits = Habits::drawn(&spans, &weather, draw);
        let clocks = Clocks::drawn(&spans, draw);
        let faults = faults(draw);
        let roles: Vec<Role> = (0..MOST.1).map(|_| role(draw)).collect();
        let settings = Settings {
            lifecycle: options.lifecycle.name().to_owned(),
            extend: options.extend.name().to_owned(),
            transport: options.transport.name().to_owned(),
            nodes: nodes.number(),
            ttl: spans.ttl,
            drift_ppm: DRIFT.factor_ppm,
            drift_floor: DRIFT.floor,
            renew_every: spans.renew_every,
            renew_retry: spans.renew_retry,
            node_timeout: spans.node_timeout,
            release_within: spans.release_within,
            renewal_timeout: None,
            roles: roles[..usize::from(clients.number())].to_vec(),
            faults,
            max_ttl: None,
            repair: false,
            restart_delay: 0,
            mutant: options.mutant.map(|mutant| mutant.name().to_owned()),
        };
        let scope = Scope::new(settings)?;
        Ok(Plan { seed, scope, nodes, clients, clocks, weather, habits })
    }
}

/// The customary allowance: 1 % and 2 ms.
const DRIFT: Drift = Drift { factor_ppm: 10_000, floor: 2_000 };

/// The lengths that everything else is measured against, in microseconds.
struct Spans {
    ttl: Span,
    renew_every: Span,
    renew_retry: Span,
    node_timeout: Span,
    release_within: Span,
}

impl Spans {
    fn drawn(draw: &mut Draw) -> Spans {
        let seconds = draw.between(1, 30);
        let odd = if draw.chance(500_000) { draw.between(-400, 400) } else { 0 };
        let ttl = (seconds * 1000 + odd) * 1000;
        let renew_every = match draw.below(8) {
            0..4 => ttl / 3,
            4..6 => ttl / 2,
            6 => ttl / 4,
            _ => ttl * 2 / 3,
        };
        let patient = draw.chance(250_000);
        let node_timeout = draw.between(ttl / 100, if patient { ttl / 2 } else { ttl / 10 });
        Spans {
            ttl,
            renew_every,
            renew_retry: draw.between(ttl / 50, ttl / 6),
            node_timeout,
            release_within: draw.between(ttl / 20, ttl),
        }
    }
}

impl Weather {
    fn drawn(spans: &Spans, draw: &mut Draw) -> Weather {
        let shortest = draw.between(30, 1_000);
        let widest = spans.node_timeout / draw.pick([4, 20, 100]);
        let spread = draw.between(10, widest);
        Weather {
            latency: (shortest, shortest + spread),
            slow_ppm: draw.sometimes(500_000, 1_000, 100_000),
            slow_max: spans.node_timeout * 2,
            stuck_ppm: draw.sometimes(400_000, 500, 20_000),
            stuck_max: spans.ttl * 3 / 2,
            loss_ppm: draw.sometimes(400_000, 500, 20_000),
            losses: draw.between(1, 4) as u8,
            reset_ppm: draw.sometimes(500_000, 5_000, 80_000),
            connect_max: draw.between(1_000, spans.ttl / 4),
            stray_ppm: draw.pick([300_000, 700_000, 1_000_000]),
            stray_max: draw.between(1_000, spans.ttl),
            crash_ppm: draw.sometimes(350_000, 1_000, 10_000),
            down_max: draw.between(10_000, spans.ttl * 2),
            pause_ppm: draw.sometimes(400_000, 10_000, 150_000),
            pause_max: spans.ttl * 3 / 2,
            stall_ppm: draw.sometimes(400_000, 20_000, 300_000),
            stall_max: spans.renew_every * 2,
            leap_ppm: 0,
            leap_max: 0,
        }
    }
}

impl Habits {
    fn drawn(spans: &Spans, weather: &Weather, draw: &mut Draw) -> Habits {
        let shortest = draw.between(1_000, 50_000);
        let attempts = draw.pick([None, Some(3), Some(20)]);
        Habits {
            tie_ppm: draw.pick([200_000, 500_000, 900_000]),
            near: weather.latency.1 * 4,
            work_max: spans.ttl * draw.between(1, 3),
            at_once_ppm: draw.pick([100_000, 500_000, 900_000]),
            idle_max: spans.ttl,
            retry: Retry {
                attempts,
                delay_min: shortest,
                delay_max: shortest + draw.between(0, spans.ttl / 3),
            },
        }
    }
}

impl Clocks {
    fn drawn(spans: &Spans, draw: &mut Draw) -> Clocks {
        let drift = DRIFT.allowance(spans.ttl);
        // Within rho* = d / (2T - d), rounded down, and one less because every clock here shows
        // whole microseconds: a part per million of a TTL is more than a microsecond.
        let most = drift * WHOLE / (2 * spans.ttl - drift) - 1;
        let manner = draw.below(3);
        let mut rate = || match manner {
            0 => WHOLE,
            1 => WHOLE + draw.pick([-most, most]),
            _ => WHOLE + draw.between(-most, most),
        };
        let node_rates = std::array::from_fn(|_| rate());
        let client_rates = std::array::from_fn(|_| rate());
        Clocks {
            node_rates,
            client_rates,
            node_offsets: std::array::from_fn(|_| draw.between(0, 10_000_000)),
            client_offsets: std::array::from_fn(|_| draw.between(0, 10_000_000)),
        }
    }
}

/// What the plan may spend; how often it does is a matter of the weather.
fn faults(draw: &mut Draw) -> Faults {
    Faults {
        resets: draw.between(1, 8) as u8,
        crashes_keeping: draw.between(1, 4) as u8,
        crashes_losing: 0,
        node_slips: 0,
        client_slips: 0,
        pauses: draw.between(1, 6) as u8,
        stalls: draw.between(1, 6) as u8,
        heals: 0,
        ..Faults::default()
    }
}

fn role(draw: &mut Draw) -> Role {
    Role {
        starts: draw.between(1, 10) as u8,
        renewals: draw.between(2, 24) as u8,
        stops: draw.chance(900_000),
        ttl: None,
    }
}

/// The seed, expanded: a stream of numbers for constants only. Single events have
/// [dice](crate::dice).
struct Draw(ChaCha8Rng);

impl Draw {
    fn below(&mut self, limit: i64) -> i64 {
        ((u128::from(self.0.next_u64()) * u128::from(limit.max(1).unsigned_abs())) >> 64) as i64
    }

    fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below(high - low + 1)
    }

    fn chance(&mut self, ppm: i64) -> bool {
        self.below(WHOLE) < ppm
    }

    fn pick<T: Copy, const K: usize>(&mut self, from: [T; K]) -> T {
        from[self.below(K as i64) as usize]
    }

    /// A strength in `low..=high` in `ppm` of the seeds, and nothing in the others.
    fn sometimes(&mut self, ppm: i64, low: i64, high: i64) -> u32 {
        let on = self.chance(ppm);
        let strength = self.between(low, high) as u32;
        if on { strength } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_first_draw_is_accepted() {
        for seed in 0..5_000 {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&u64::to_le_bytes(seed));
            let mut draw = Draw(ChaCha8Rng::from_seed(key));
            Plan::drawn(seed, &Options::default(), &mut draw).unwrap();
        }
    }

    #[test]
    fn clocks_keep_within_the_drift_theorem() {
        for seed in 0..2_000 {
            let plan = Plan::from_seed(seed, &Options::default());
            let (ttl, drift) = (plan.scope.config.ttl(), plan.scope.config.drift());
            let rates = plan.clocks.node_rates.iter().chain(&plan.clocks.client_rates);
            for rate in rates {
                let rho = (rate - WHOLE).abs();
                assert!(rho * (2 * ttl - drift) <= drift * WHOLE, "seed {seed}: {rate}");
            }
        }
    }

    #[test]
    fn no_fault_beyond_the_assumptions_is_drawn() {
        for seed in 0..2_000 {
            let plan = Plan::from_seed(seed, &Options::default());
            let faults = plan.scope.settings().faults;
            assert_eq!((faults.crashes_losing, faults.node_slips, faults.client_slips), (0, 0, 0));
            assert_eq!(plan.weather.leap_ppm, 0);
        }
    }

    #[test]
    fn the_lifecycle_does_not_change_the_weather() {
        use leasehold_world::Lifecycle;
        let plan_of = |lifecycle| Plan::from_seed(3, &Options { lifecycle, ..Options::default() });
        let (joined, detached) = (plan_of(Lifecycle::Joined), plan_of(Lifecycle::Detached));
        assert_eq!(joined.weather, detached.weather);
        assert_eq!(joined.clocks, detached.clocks);
        assert_eq!(joined.scope.config, detached.scope.config);
    }
}
