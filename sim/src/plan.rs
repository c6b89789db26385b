//! The constants of one run, drawn from its seed: the scope that the world is given, and the
//! weather that only the simulator knows.

use leasehold::protocol::{Drift, Retry, Span};
use leasehold_world::{Faults, Lifecycle, Role, Scope, ScopeError, Settings};

use crate::arranged::Arranged;
use crate::draw::{Draw, WHOLE};
use crate::options::{
    ClientCount, MOST_CLIENTS, MOST_NODES, NodeCount, Options, may_be_crowded, world_size,
};
use crate::profile::Profile;
use crate::weather::Weather;

/// The clocks of a run. Each runs at its own fixed rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// Rates of the nodes' clocks: their microseconds per million of true time.
    pub node_rates: [i64; MOST_NODES],
    /// Rates of the clients' clocks.
    pub client_rates: [i64; MOST_CLIENTS],
    /// What the nodes' clocks show at the beginning.
    pub node_offsets: [Span; MOST_NODES],
    /// What the clients' clocks show at the beginning.
    pub client_offsets: [Span; MOST_CLIENTS],
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
    /// How many keys there are. Leases of different keys share servers, clocks and weather, and
    /// nothing of the protocol, so each key is a world of its own.
    pub keys: u8,
    /// Which of them this is.
    pub key: u8,
    /// The clocks.
    pub clocks: Clocks,
    /// Network, servers, schedulers.
    pub weather: Weather,
    /// Users.
    pub habits: Habits,
    /// When all faults end for good, in microseconds of true time.
    pub heal_after: Span,
    /// Whether the run goes on after the first broken claim until somebody reads "lock already
    /// taken": where a claim is expected to break, what the user is told of it matters too.
    pub goes_on: bool,
    /// Whether the world counts in the checker's ticks instead of microseconds; see
    /// [`Plan::in_ticks`].
    pub in_ticks: bool,
    /// What is arranged by hand; nothing, in what a seed draws.
    pub arranged: Arranged,
}

impl Plan {
    /// Draws the plan of `seed`. The lifecycle and the mutant make no difference to what is drawn,
    /// so the same seed puts each of them into the same weather; only that the broken programs
    /// have no restart guard, so that they meet no server that forgets unless that is the profile.
    pub fn from_seed(seed: u64, options: &Options) -> Plan {
        let mut draw = Draw::new(seed);
        loop {
            // What the protocol would refuse is drawn again; a test shows that it never is.
            match Plan::drawn(seed, options, &mut draw) {
                Ok(plan) => return plan,
                Err(_) => continue,
            }
        }
    }

    fn drawn(seed: u64, options: &Options, draw: &mut Draw) -> Result<Plan, ScopeError> {
        let profile = options.profile;
        let joined = options.lifecycle == Lifecycle::Joined;
        let nodes = drawn_nodes(draw);
        let (keys, clients) = drawn_clients(profile, draw);
        let nodes = options.nodes.map_or(nodes, NodeCount::number);
        let clients = options.clients.map_or(clients, ClientCount::number);
        let keys = keys.min(clients);
        let on_a_key = clients.div_ceil(keys);
        let crowded = world_size(nodes, on_a_key.into()) == MOST_CLIENTS;
        let nodes = if crowded && !may_be_crowded(nodes) { 5 } else { nodes };
        let spans = Spans::drawn(draw);
        let mut weather = Weather::drawn(profile, &spans, draw);
        let habits = Habits::drawn(&spans, &weather, draw);
        let guard = Guard::drawn(options, &spans, &mut weather, draw);
        let mut roles = roles(nodes, on_a_key, &guard, draw);
        if profile == Profile::HandOver && joined {
            for (role, c) in roles.iter_mut().zip(0..) {
                (role.hands_over, role.adopts) = (true, c % 2 == 1);
            }
        }
        let longest = guard.other_ttl.unwrap_or(spans.ttl);
        let clocks = Clocks::drawn(profile, longest, (nodes.into(), roles.len()), draw);
        let heal_after = draw.between(spans.ttl, spans.ttl * 30);
        weather.draw_overlap(profile, draw);
        // The shipped lifecycle ends one lease before it begins the next.
        let budgets = weather.budgets();
        let overlaps = if joined { 0 } else { budgets.overlaps };
        let settings = Settings {
            lifecycle: options.lifecycle.name().to_owned(),
            extend: options.extend.name().to_owned(),
            transport: options.transport.name().to_owned(),
            nodes,
            ttl: spans.ttl,
            drift_ppm: DRIFT.factor_ppm,
            drift_floor: DRIFT.floor,
            renew_every: spans.renew_every,
            renew_retry: spans.renew_retry,
            node_timeout: spans.node_timeout,
            release_within: spans.release_within,
            renewal_timeout: None,
            roles,
            // The broken programs promise no bound, and wait for ever for what never comes.
            faults: Faults { heals: u8::from(joined), overlaps, ..budgets },
            max_ttl: guard.max_ttl,
            repair: guard.repair,
            restart_delay: 0,
            mutant: options.mutant.map(|mutant| mutant.name().to_owned()),
        };
        let scope = Scope::new(settings)?;
        let goes_on = !joined || !profile.is_assumed();
        Ok(Plan {
            seed,
            scope,
            keys,
            key: 0,
            clocks,
            weather,
            habits,
            heal_after,
            goes_on,
            in_ticks: false,
            arranged: Arranged::default(),
        })
    }

    /// How many nodes and clients the world of this plan has.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.scope.config.nodes().into(), self.scope.clients())
    }
}

fn drawn_nodes(draw: &mut Draw) -> u8 {
    let odd = draw.pick([1, 3, 3, 3, 5, 5]);
    let any = draw.between(1, MOST_NODES as i64) as u8;
    if draw.chance(250_000) { any } else { odd }
}

/// How many keys, and how many clients in all.
fn drawn_clients(profile: Profile, draw: &mut Draw) -> (u8, u8) {
    let few = draw.pick([1, 2, 2, 3]);
    let keys = draw.pick([1, 1, 2, 4, 8]);
    let many = draw.pick([4, 8, 16, 64]);
    if profile == Profile::Contention { (keys, many) } else { (1, few) }
}

/// The customary allowance: 1 % and 2 ms.
const DRIFT: Drift = Drift { factor_ppm: 10_000, floor: 2_000 };

/// The lengths that everything else is measured against, in microseconds.
pub(crate) struct Spans {
    pub(crate) ttl: Span,
    pub(crate) renew_every: Span,
    pub(crate) renew_retry: Span,
    pub(crate) node_timeout: Span,
    pub(crate) release_within: Span,
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

/// What protects from servers that forget.
struct Guard {
    max_ttl: Option<Span>,
    /// A longer TTL that some clients have.
    other_ttl: Option<Span>,
    repair: bool,
}

impl Guard {
    /// The restart guard is on where servers may forget. Where it cannot be on, they do not,
    /// unless the profile is about that.
    fn drawn(options: &Options, spans: &Spans, weather: &mut Weather, draw: &mut Draw) -> Guard {
        let profile = options.profile;
        let two_ttls = draw.chance(500_000) || profile == Profile::Restart;
        let repair = draw.chance(300_000) || profile == Profile::Repair;
        if matches!(profile, Profile::Only(_)) {
            return Guard { max_ttl: None, other_ttl: None, repair: false };
        }
        // Only the shipped program has one.
        let possible = options.lifecycle == Lifecycle::Joined;
        if !possible {
            weather.crash.losing_ppm = 0;
        }
        let wanted = possible && weather.crash.losing_ppm > 0;
        // Redis counts whole milliseconds; a TTL between two of them would be cut, and the
        // allowance for drift would not.
        let other_ttl = (wanted && two_ttls).then_some(spans.ttl * 3 / 2 / 1_000 * 1_000);
        let max_ttl = wanted.then(|| other_ttl.unwrap_or(spans.ttl));
        Guard { max_ttl, other_ttl, repair: wanted && repair }
    }
}

/// What every client of one world does. A world has room for a few numbers of clients only; the
/// clients beyond those wanted do nothing.
fn roles(nodes: u8, clients: u8, guard: &Guard, draw: &mut Draw) -> Vec<Role> {
    let mut roles: Vec<Role> = (0..clients).map(|_| role(guard, draw)).collect();
    let idle = Role { starts: 0, renewals: 0, stops: false, ..Role::default() };
    roles.resize(world_size(nodes, clients.into()), idle);
    roles
}

fn role(guard: &Guard, draw: &mut Draw) -> Role {
    let starts = draw.between(1, 10) as u8;
    let renewals = draw.between(2, 24) as u8;
    let stops = draw.chance(900_000);
    let ttl = guard.other_ttl.filter(|_| draw.chance(500_000));
    Role { starts, renewals, stops, ttl, ..Role::default() }
}

impl Habits {
    fn drawn(spans: &Spans, weather: &Weather, draw: &mut Draw) -> Habits {
        let shortest = draw.between(1_000, 50_000);
        let attempts = draw.pick([None, Some(3), Some(20)]);
        Habits {
            tie_ppm: draw.pick([200_000, 500_000, 900_000]),
            near: weather.delay.latency.1 * 4,
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
    fn drawn(
        profile: Profile,
        longest_ttl: Span,
        (nodes, clients): (usize, usize),
        draw: &mut Draw,
    ) -> Clocks {
        // Within rho* = d / (2T - d) of the longest TTL, for which it is the least: the floor of
        // the allowance matters less there. Rounded down, and one less because every clock here
        // shows whole microseconds: a part per million of a TTL is more than a microsecond.
        let drift = DRIFT.allowance(longest_ttl);
        let most = drift * WHOLE / (2 * longest_ttl - drift) - 1;
        let manner = draw.below(3);
        let manner = if profile == Profile::Drift { 1 } else { manner };
        let mut clocks = Clocks::steady();
        let mut clock = |rate: &mut i64, offset: &mut Span| {
            *rate = match manner {
                0 => WHOLE,
                1 => WHOLE + draw.pick([-most, most]),
                _ => WHOLE + draw.between(-most, most),
            };
            *offset = draw.between(0, 10_000_000);
        };
        for (rate, offset) in clocks.node_rates.iter_mut().zip(&mut clocks.node_offsets).take(nodes)
        {
            clock(rate, offset);
        }
        let of_clients = clocks.client_rates.iter_mut().zip(&mut clocks.client_offsets);
        of_clients.take(clients).for_each(|(rate, offset)| clock(rate, offset));
        clocks
    }

    /// All at the rate of true time.
    pub(crate) fn steady() -> Clocks {
        Clocks {
            node_rates: [WHOLE; MOST_NODES],
            client_rates: [WHOLE; MOST_CLIENTS],
            node_offsets: [0; MOST_NODES],
            client_offsets: [0; MOST_CLIENTS],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(profile: Profile) -> Options {
        Options { profile, ..Options::default() }
    }

    #[test]
    fn every_first_draw_is_accepted() {
        for profile in Profile::all() {
            for seed in 0..2_000 {
                Plan::drawn(seed, &options(profile), &mut Draw::new(seed)).unwrap();
            }
        }
    }

    #[test]
    fn clocks_keep_within_the_drift_theorem() {
        for profile in Profile::all() {
            for seed in 0..500 {
                let plan = Plan::from_seed(seed, &options(profile));
                let ttl = plan.scope.longest_ttl();
                let drift = DRIFT.allowance(ttl);
                for rate in plan.clocks.node_rates.iter().chain(&plan.clocks.client_rates) {
                    let rho = (rate - WHOLE).abs();
                    assert!(rho * (2 * ttl - drift) <= drift * WHOLE, "seed {seed}: {rate}");
                }
            }
        }
    }

    #[test]
    fn servers_forget_only_under_the_guard() {
        for lifecycle in Lifecycle::ALL {
            let mut forgetful = 0;
            for seed in 0..500 {
                let plan = Plan::from_seed(seed, &Options { lifecycle, ..Options::default() });
                let settings = plan.scope.settings();
                let forgets = settings.faults.crashes_losing > 0;
                forgetful += usize::from(forgets);
                assert_eq!(forgets, settings.max_ttl.is_some(), "seed {seed}");
                assert_eq!((settings.faults.node_slips, settings.faults.client_slips), (0, 0));
                assert_eq!((plan.weather.jump.ppm, plan.weather.pause.suspend_ppm), (0, 0));
            }
            assert_eq!(forgetful > 0, lifecycle == Lifecycle::Joined);
        }
    }

    #[test]
    fn the_lifecycle_does_not_change_the_weather() {
        let plan_of = |lifecycle| Plan::from_seed(3, &Options { lifecycle, ..Options::default() });
        let (joined, detached) = (plan_of(Lifecycle::Joined), plan_of(Lifecycle::Detached));
        let dry = |mut weather: Weather| {
            weather.crash.losing_ppm = 0;
            weather
        };
        assert_eq!(dry(joined.weather), dry(detached.weather));
        assert_eq!(joined.clocks, detached.clocks);
        assert_eq!(joined.habits, detached.habits);
    }
}
