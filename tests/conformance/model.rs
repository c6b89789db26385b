//! The side of `world/`: a world of one node, whose pipes are filled by hand and whose steps are
//! those that checker and simulator take.

use leasehold::protocol::{Answer, Command, Extend, Mutated};
use leasehold_world::{Faults, Message, Role, Scope, Settings, Step, Value, World, WorldTime};

use crate::sequence::{OUTSIDER, Request, Sequence};

const MS: i64 = 1_000;
const EVERYBODY: usize = OUTSIDER as usize + 1;

/// A way in which the model is wrong on purpose, besides the rules that the checker breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Twist {
    /// Requests of a killed connection run all the same.
    KilledRun,
    /// A crash never loses anything.
    CrashKeeps,
    /// A crash always loses everything.
    CrashLoses,
    /// No script is ever lost.
    ScriptsStay,
    /// A full memory refuses nothing.
    MemoryIsEndless,
    /// A full memory refuses extensions too.
    MemoryRefusesExtensions,
    /// What arrives on a failed connection changes nothing.
    StraysAreLost,
}

/// A world of one node.
pub(crate) struct Model<I> {
    scope: Scope,
    rules: Mutated,
    twist: Option<Twist>,
    full: bool,
    pub(crate) world: World<Mutated, I, 1, EVERYBODY>,
}

/// What the model says that a node stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) owner: Value,
    /// What `PTTL` says.
    pub(crate) ttl_ms: i64,
}

impl<I: WorldTime> Model<I> {
    pub(crate) fn new(sequence: &Sequence, rules: Mutated, twist: Option<Twist>) -> Model<I> {
        let scope = Scope::new(settings(sequence)).expect("a scope");
        let mut world = World::new(&scope, rules);
        world.nodes[0].now = I::at(sequence.phase_us);
        Model { scope, rules, twist, full: false, world }
    }

    fn apply(&mut self, step: Step<I, 1, EVERYBODY>) -> leasehold_world::Effects<I> {
        let effects = self.world.apply(&self.scope, self.rules, step);
        assert_eq!(effects.sent, Default::default(), "clients without a lease send nothing");
        effects
    }

    /// On the node's wall clock.
    pub(crate) fn now_us(&self) -> i64 {
        self.world.nodes[0].now.offset()
    }

    pub(crate) fn stored(&self) -> Option<Stored> {
        let node = &self.world.nodes[0];
        let last_ms = (node.gone_at.offset() - 1).div_euclid(MS);
        let ttl_ms = last_ms - node.now.offset().div_euclid(MS);
        (!node.key.is_none()).then_some(Stored { owner: node.key, ttl_ms })
    }

    /// When the key is gone.
    pub(crate) fn end_us(&self) -> Option<i64> {
        let node = &self.world.nodes[0];
        (!node.key.is_none()).then(|| node.gone_at.offset())
    }

    /// Sends a command; false if too much is under way.
    pub(crate) fn send(&mut self, request: Request) -> bool {
        let message = Message::new(request.command, request.lease);
        self.world.pipes[usize::from(request.client)][0].push(message)
    }

    /// Those commands under way whose turn it is.
    pub(crate) fn ready(&self, client: u8) -> Vec<usize> {
        let pipe = &self.world.pipes[usize::from(client)][0];
        (0..pipe.len()).filter(|&index| pipe.may_run(index, true)).collect()
    }

    /// Runs a command under way. On several keys some answers are those of their scripts.
    pub(crate) fn run(&mut self, client: u8, index: usize, keys: usize) -> Answer {
        let pipe = &self.world.pipes[usize::from(client)][0];
        let command = pipe.get(index).expect("a message").command();
        let stray = pipe.get(index).is_some_and(|message| message.age() > 0);
        if self.full && self.is_refused(command, keys, self.holds(client, index)) {
            self.world.pipes[usize::from(client)][0].remove(index);
            return Answer::Refused;
        }
        if command == Command::Set && keys > 1 && self.holds(client, index) {
            return self.set_again(client, index);
        }
        let mut index = index;
        if command == Command::Kill && self.twist == Some(Twist::KilledRun) {
            // The strays come first in a pipe.
            while stray_ahead(&self.world.pipes[usize::from(client)][0]) {
                let _ = self.apply(Step::Run { client, node: 0, index: 0 });
                index -= 1;
            }
        }
        let before = self.world.nodes[0];
        let effects = self.apply(Step::Run { client, node: 0, index: index as u8 });
        if stray && self.twist == Some(Twist::StraysAreLost) {
            self.world.nodes[0] = before;
        }
        let executed = effects.executed.expect("a command runs");
        assert_eq!((executed.command, executed.stray), (command, stray));
        executed.answer
    }

    /// Hears what was answered to a client, in order.
    pub(crate) fn hear(&mut self, client: u8) {
        let pipe = |world: &World<Mutated, I, 1, EVERYBODY>| world.pipes[usize::from(client)][0];
        let answered = |world: &_| {
            let pipe = pipe(world);
            (0..pipe.len()).find(|&at| pipe.get(at).is_some_and(|it| it.answer().is_some()))
        };
        while let Some(index) = answered(&self.world) {
            let _ = self.apply(Step::Reply { client, node: 0, index: index as u8 });
        }
    }

    /// Whether a server without memory refuses it: what may store something new.
    fn is_refused(&self, command: Command, keys: usize, own: bool) -> bool {
        let node = &self.world.nodes[0];
        let refused = match command {
            // Refused before the key is looked at; the script for several keys looks first.
            Command::Set => keys == 1 || node.key.is_none() || own,
            Command::Extend => {
                let stores = self.scope.config.extend() == Extend::TouchOrSet;
                let twisted = self.twist == Some(Twist::MemoryRefusesExtensions);
                !node.scripts_lost && (stores && node.key.is_none() || twisted)
            }
            Command::Adopt | Command::Release | Command::Kill => false,
        };
        refused && self.twist != Some(Twist::MemoryIsEndless)
    }

    /// Whether the key holds the value of the lease that message `index` is of.
    fn holds(&self, client: u8, index: usize) -> bool {
        let message = self.world.pipes[usize::from(client)][0].get(index);
        let own = message.map(|message| Value::new(client, message.generation()));
        own == Some(self.world.nodes[0].key)
    }

    /// The script that acquires several keys takes its own value for granted, and its TTL begins
    /// anew; the model's `SET NX` is refused. See `differences.rs`.
    fn set_again(&mut self, client: u8, index: usize) -> Answer {
        self.world.pipes[usize::from(client)][0].remove(index);
        let node = &mut self.world.nodes[0];
        node.gone_at = node.now.key_gone_at(self.scope.config_of(client).ttl());
        Answer::Done
    }

    /// Somebody else takes the key. Whether it was free.
    pub(crate) fn take(&mut self) -> bool {
        let sent = self.send(Request { client: OUTSIDER, command: Command::Set, lease: 1 });
        assert!(sent);
        let answer = self.run(OUTSIDER, 0, 1);
        self.hear(OUTSIDER);
        answer == Answer::Done
    }

    pub(crate) fn cut(&mut self, client: u8) {
        let _ = self.apply(Step::Reset { client, node: 0 });
        let _ = self.apply(Step::Connect { client, node: 0 });
    }

    /// Time passes at the node, or jumps back.
    pub(crate) fn advance(&mut self, by_us: i64) {
        let _ = self.apply(Step::Advance { nodes: [I::at(by_us)], clients: [I::at(0); EVERYBODY] });
    }

    pub(crate) fn forget(&mut self) {
        if self.twist != Some(Twist::ScriptsStay) {
            let _ = self.apply(Step::LoseScripts(0));
        }
    }

    pub(crate) fn set_full(&mut self, full: bool) {
        self.full = full;
    }

    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    pub(crate) fn crash(&mut self, keeps: bool, down_us: i64) {
        let always = self.twist == Some(Twist::CrashKeeps);
        let keeps = (keeps || always) && self.twist != Some(Twist::CrashLoses);
        let _ = self.apply(Step::Crash { node: 0, keeps });
        self.advance(down_us);
        assert!(self.world.nodes[0].may_restart());
        let _ = self.apply(Step::Restart(0));
        for client in 0..=OUTSIDER {
            let _ = self.apply(Step::Connect { client, node: 0 });
        }
        self.full = false;
    }

    /// The TTL that a client's commands carry.
    pub(crate) fn ttl_ms(&self, client: u8) -> u64 {
        (self.scope.config_of(client).ttl() / MS) as u64
    }
}

fn stray_ahead(pipe: &leasehold_world::Pipe) -> bool {
    pipe.get(0).is_some_and(|message| message.age() > 0)
}

fn settings(sequence: &Sequence) -> Settings {
    let role = |&ttl_ms: &i64| Role { ttl: Some(ttl_ms * MS), ..Role::default() };
    Settings {
        lifecycle: "joined".into(),
        extend: sequence.extend.name().into(),
        transport: "fifo".into(),
        nodes: 1,
        ttl: MS,
        drift_ppm: 0,
        drift_floor: 0,
        renew_every: 1,
        renew_retry: 1,
        node_timeout: 1,
        release_within: 1,
        renewal_timeout: None,
        roles: sequence.ttls_ms.iter().map(role).collect(),
        faults: Faults {
            resets: u8::MAX,
            crashes_keeping: u8::MAX,
            crashes_losing: u8::MAX,
            script_losses: u8::MAX,
            ..Faults::default()
        },
        restart_delay: 0,
        max_ttl: None,
        repair: false,
        mutant: None,
    }
}
