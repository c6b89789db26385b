//! The constants of a search or of a run: who does what, how long things take, which faults may
//! strike how often. Printed with every verdict and written into every trace file.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use leasehold::protocol::config::UnknownName;
use leasehold::protocol::mutants::UnknownMutant;
use leasehold::protocol::{self, Config, ConfigError, Drift, Mutant, Mutated, Span};
use serde::{Deserialize, Serialize};

/// How a program renews and releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lifecycle {
    /// go-redsync issue #158: a cancel flag, and the release at once.
    Detached,
    /// A cancel flag, a sleep of one renewal interval, the release.
    Sleep,
    /// A held-flag read before each renewal is sent, and the release at once.
    DoubleCheck,
    /// What the library ships: stop, drain, release.
    Joined,
}

impl Lifecycle {
    /// All of them, the shipped one last.
    pub const ALL: [Lifecycle; 4] =
        [Lifecycle::Detached, Lifecycle::Sleep, Lifecycle::DoubleCheck, Lifecycle::Joined];

    /// The name used on the command line and in trace files.
    pub fn name(self) -> &'static str {
        match self {
            Lifecycle::Detached => "detached",
            Lifecycle::Sleep => "sleep",
            Lifecycle::DoubleCheck => "double_check",
            Lifecycle::Joined => "joined",
        }
    }
}

impl fmt::Display for Lifecycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no lifecycle's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a lifecycle: detached, sleep, double_check or joined")]
pub struct UnknownLifecycle;

impl FromStr for Lifecycle {
    type Err = UnknownLifecycle;

    fn from_str(name: &str) -> Result<Self, UnknownLifecycle> {
        Lifecycle::ALL.into_iter().find(|known| known.name() == name).ok_or(UnknownLifecycle)
    }
}

/// What one client may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// How many leases it may try to acquire.
    pub starts: u8,
    /// How many renewals it may begin; 255 is without limit.
    pub renewals: u8,
    /// Whether it may stop by itself; if not, it holds until the lease ends.
    pub stops: bool,
    /// Its own TTL, if it is not that of the scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Span>,
    /// Whether it may hand a lease over at any moment.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hands_over: bool,
    /// Whether its leases begin by adopting what was handed over, and never otherwise.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub adopts: bool,
}

/// How often each fault may strike; 255 is without limit. What is not here cannot be switched off:
/// any message may be delayed without bound or never arrive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// Connections that fail (`fifo` only); their requests become strays.
    pub resets: u8,
    /// Servers that die and keep what they stored.
    pub crashes_keeping: u8,
    /// Servers that die and lose it.
    pub crashes_losing: u8,
    /// Single extra or missing ticks of one node's clock.
    pub node_slips: u8,
    /// Single extra or missing ticks of one client's clock.
    pub client_slips: u8,
    /// Clients that are not scheduled for a while; their clocks run on.
    pub pauses: u8,
    /// Whether the world may heal for good: the network is drained, nothing fails any more, and
    /// all clients but one are dead. At most once.
    pub heals: u8,
    /// Renewers of the broken programs that are not scheduled for a while in mid-step.
    pub stalls: u8,
    /// Commands that a client library sends again by itself, the first one still under way.
    #[serde(skip_serializing_if = "is_zero")]
    pub resends: u8,
    /// Servers that lose their script cache: the next script there is refused.
    #[serde(skip_serializing_if = "is_zero")]
    pub script_losses: u8,
    /// Acquisitions that their user gives up before they are decided.
    #[serde(skip_serializing_if = "is_zero")]
    pub cancels: u8,
    /// Leases of a broken program that begin while the renewer of the lease before still runs: both
    /// use one lock object, and the renewer goes on with whatever lease that holds.
    #[serde(skip_serializing_if = "is_zero")]
    pub overlaps: u8,
}

/// All budgets in two words.
impl Hash for Faults {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Faults { resets, crashes_keeping, crashes_losing, node_slips, client_slips, .. } =
            *self;
        let Faults { pauses, heals, stalls, resends, script_losses, cancels, overlaps, .. } = *self;
        let (keeping, losing) = (crashes_keeping, crashes_losing);
        let slips = [node_slips, client_slips];
        state.write_u64(u64::from_le_bytes([
            resets, keeping, losing, slips[0], slips[1], pauses, heals, stalls,
        ]));
        state.write_u64(u64::from_le_bytes([
            resends,
            script_losses,
            cancels,
            overlaps,
            0,
            0,
            0,
            0,
        ]));
    }
}

impl Faults {
    /// Whether a connection, a server or a client library may still do what nobody expects.
    #[inline]
    pub fn may_disconnect(&self) -> bool {
        let budgets = [
            self.resets,
            self.crashes_keeping,
            self.crashes_losing,
            self.resends,
            self.script_losses,
        ];
        budgets.iter().any(|&budget| budget > 0)
    }
}

fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// All constants, unchecked, as they are written in a trace file. Spans are in the unit of the
/// world they are used in: ticks for the checker, microseconds for the simulator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Which program the clients run.
    pub lifecycle: String,
    /// `touch` or `touch_or_set`.
    pub extend: String,
    /// `fifo` or `pooled`.
    pub transport: String,
    /// How many nodes.
    pub nodes: u8,
    /// The TTL.
    pub ttl: Span,
    /// The part of the drift allowance that grows with the TTL, in parts per million.
    pub drift_ppm: u32,
    /// The part that does not.
    pub drift_floor: Span,
    /// The renewal interval.
    pub renew_every: Span,
    /// How long after a failed renewal the next one is tried.
    pub renew_retry: Span,
    /// How long an acquisition waits for its nodes, and a renewal of the shipped lifecycle.
    pub node_timeout: Span,
    /// How long the shipped lifecycle waits for its releases.
    pub release_within: Span,
    /// How long a renewal of a broken program waits; none if null, as in redsync.
    pub renewal_timeout: Option<Span>,
    /// What each client may do.
    pub roles: Vec<Role>,
    /// How often each fault may strike.
    pub faults: Faults,
    /// How long a server that died stays down at least.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub restart_delay: Span,
    /// The restart guard's longest TTL of any client; no guard if null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_ttl: Option<Span>,
    /// Whether renewals repair nodes that lost the key.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub repair: bool,
    /// The rule of the machine that is broken on purpose, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutant: Option<String>,
}

/// What is wrong with a scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeError {
    /// `lifecycle` is unknown.
    #[error("lifecycle {0:?}: {1}")]
    Lifecycle(String, UnknownLifecycle),
    /// `extend` or `transport` is unknown.
    #[error("{0:?}: {1}")]
    Name(String, UnknownName),
    /// `mutant` is unknown.
    #[error("mutant {0:?}: {1}")]
    Mutant(String, UnknownMutant),
    /// The protocol does not accept the numbers.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// More leases than can be told apart.
    #[error("a role with {0} starts: a client of a world can start at most 200 leases")]
    Starts(u8),
    /// A broken program that hands over: only the shipped one can.
    #[error("lifecycle {0}, and a role that hands over or adopts: only joined can")]
    HandsOver(Lifecycle),
    /// No client, or too many.
    #[error("{0} clients: a world has 1 to 64")]
    Clients(usize),
}

/// Checked constants. Every step of a world is taken under one scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    settings: Settings,
    /// Which program the clients run.
    pub lifecycle: Lifecycle,
    /// What the protocol is told, TTLs of their own apart.
    pub config: Config,
    configs: Vec<Config>,
    /// The rule broken on purpose, if any.
    pub mutated: Mutated,
}

impl Scope {
    /// Checks `settings`.
    ///
    /// # Errors
    /// The first rule they break, as [`ScopeError`].
    pub fn new(settings: Settings) -> Result<Scope, ScopeError> {
        let named = |text: &str, error| ScopeError::Name(text.to_owned(), error);
        let lifecycle = (settings.lifecycle.parse())
            .map_err(|error| ScopeError::Lifecycle(settings.lifecycle.clone(), error))?;
        let mutant = match &settings.mutant {
            None => None,
            Some(name) => Some(
                name.parse::<Mutant>().map_err(|error| ScopeError::Mutant(name.clone(), error))?,
            ),
        };
        if settings.roles.is_empty() || settings.roles.len() > 64 {
            return Err(ScopeError::Clients(settings.roles.len()));
        }
        if let Some(role) = settings.roles.iter().find(|role| role.starts > 200) {
            return Err(ScopeError::Starts(role.starts));
        }
        let handing = settings.roles.iter().any(|role| role.hands_over || role.adopts);
        if handing && lifecycle != Lifecycle::Joined {
            return Err(ScopeError::HandsOver(lifecycle));
        }
        let protocol = protocol::Settings {
            nodes: settings.nodes,
            ttl: settings.ttl,
            drift: Drift { factor_ppm: settings.drift_ppm, floor: settings.drift_floor },
            renew_every: settings.renew_every,
            renew_retry: settings.renew_retry,
            node_timeout: settings.node_timeout,
            release_within: settings.release_within,
            extend: settings.extend.parse().map_err(|e| named(&settings.extend, e))?,
            transport: settings.transport.parse().map_err(|e| named(&settings.transport, e))?,
            max_ttl: settings.max_ttl,
            repair: settings.repair,
        };
        let config = Config::new(protocol)?;
        let own = |role: &Role| {
            Config::new(protocol::Settings { ttl: role.ttl.unwrap_or(protocol.ttl), ..protocol })
        };
        let configs = settings.roles.iter().map(own).collect::<Result<_, _>>()?;
        Ok(Scope { lifecycle, config, configs, mutated: Mutated(mutant), settings })
    }

    /// What it was made from.
    #[inline]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What the protocol is told at `client`.
    #[inline]
    pub fn config_of(&self, client: u8) -> &Config {
        &self.configs[usize::from(client)]
    }

    /// The longest TTL of any client.
    #[inline]
    pub fn longest_ttl(&self) -> Span {
        self.configs.iter().map(Config::ttl).max().unwrap_or(self.config.ttl())
    }

    /// How long after its start a server may still be withheld by a guard; 0 without one.
    #[inline]
    pub fn guarded_for(&self) -> Span {
        self.settings.max_ttl.unwrap_or(0)
    }

    /// How many clients.
    #[inline]
    pub fn clients(&self) -> usize {
        self.settings.roles.len()
    }

    /// What `client` may do.
    #[inline]
    pub fn role(&self, client: u8) -> Role {
        self.settings.roles[usize::from(client)]
    }

    /// Whether commands of one client reach one node in order.
    #[inline]
    pub fn ordered(&self) -> bool {
        self.config.transport() == protocol::Transport::Fifo
    }

    /// Whether anybody may renew.
    pub fn renews(&self) -> bool {
        self.settings.roles.iter().any(|role| role.renewals > 0)
    }

    /// Whether anybody may stop.
    pub fn stops(&self) -> bool {
        self.settings.roles.iter().any(|role| role.stops)
    }

    /// Whether anybody may hand a lease over.
    #[inline]
    pub fn hands_over(&self) -> bool {
        self.settings.roles.iter().any(|role| role.hands_over)
    }

    /// Whether all clients do the same, so that their names mean nothing. They do where somebody
    /// hands over: a lease that took over another keeps that one's token, which names its client.
    #[inline]
    pub fn clients_alike(&self) -> bool {
        !self.hands_over() && self.settings.roles.windows(2).all(|pair| pair[0] == pair[1])
    }
}
