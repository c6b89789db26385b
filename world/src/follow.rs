//! Recordings of real clients as paths of the world.
//!
//! Each lease of a recording is followed in a world of its own, with one client and the nodes of the
//! recording: every input is a step, and each must be [permitted](World::permits) where it stands,
//! send the same commands, tell the same, leave the machine in the same state, and do none of what
//! must never happen in a step ([`Breach`]).
//!
//! What the servers stored is not recorded, and others use them too. So before a command runs, the
//! key of its node is put as the recorded answer says it was; the rest is the world's. A command
//! runs when its answer arrives, or never.

use std::collections::BTreeMap;

use leasehold::protocol::{
    Answer, Command, Config, Input, Instant, Micros, Moment, NodeSet, Sound,
};
use leasehold::record::{After, Line, Opened, Recording, Step as Recorded};

use crate::client::Program;
use crate::effects::{Breach, Effects};
use crate::joined::report;
use crate::message::{Link, Value};
use crate::scope::{Faults, Role, Scope, ScopeError, Settings};
use crate::step::Step;
use crate::with_size;
use crate::world::World;

/// Somebody else's value at a node.
const FOREIGN: (u8, u8) = (1, 1);

/// The value of the lease that is adopted.
const GIVER: (u8, u8) = (2, 1);

/// What has become of the leases of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Followed {
    /// Leases that are paths of the world to their end.
    pub leases: u64,
    /// Steps that the world took for them.
    pub steps: u64,
    /// Leases that met with something the world does not have, by what that was. Up to there they
    /// are paths.
    pub beyond: BTreeMap<&'static str, u64>,
}

impl Followed {
    /// Both together.
    #[must_use]
    pub fn and(mut self, other: &Followed) -> Followed {
        self.leases += other.leases;
        self.steps += other.steps;
        for (what, count) in &other.beyond {
            *self.beyond.entry(what).or_default() += count;
        }
        self
    }
}

/// Where a recorded lease leaves the world.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: lease {lease}: {stray}")]
pub struct Strayed {
    /// Which line, counted from 1.
    pub line: usize,
    /// Which lease.
    pub lease: u64,
    /// How.
    pub stray: Stray,
}

/// How a recorded lease leaves the world.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stray {
    /// The step may not be taken there.
    #[error("\"{0}\" is not enabled in the world")]
    NotEnabled(String),
    /// The world's client sends or tells something else.
    #[error("\"{0}\" makes the client of the world send or tell something else")]
    OtherOutput(String),
    /// The world's client is in another state.
    #[error("\"{0}\" leaves the client of the world in another state")]
    OtherState(String),
    /// It does what must never happen.
    #[error("\"{step}\" does what must never happen: {breach:?}")]
    Breach {
        /// The step.
        step: String,
        /// What it does.
        breach: Breach,
    },
    /// An answer that the node of the world does not give, to a command that is not next.
    #[error("the answer to {0:?} is not the next one on that connection")]
    NotNext(Command),
    /// The configuration is none of a world.
    #[error("{0}")]
    Scope(ScopeError),
}

/// Why a lease is followed no further.
enum Halt {
    Strays(Stray),
    Beyond(&'static str),
}

impl From<Stray> for Halt {
    fn from(stray: Stray) -> Halt {
        Halt::Strays(stray)
    }
}

type Lines<'a> = [(usize, &'a Recorded)];

/// Follows every lease of a recording that [conforms](leasehold::record::conform).
///
/// # Errors
/// The first lease that leaves the world.
pub fn follow(recording: &Recording) -> Result<Followed, Strayed> {
    let mut leases: BTreeMap<u64, (Config, Vec<(usize, &Recorded)>)> = BTreeMap::new();
    for (line, number) in recording.lines.iter().zip(2..) {
        match line {
            Line::Lease(Opened { lease, config, .. }) => {
                leases.insert(*lease, (*config, Vec::new()));
            }
            Line::Step(step) => {
                let known = leases.get_mut(&step.lease);
                known.into_iter().for_each(|(_, steps)| steps.push((number, step)));
            }
            Line::Begin(_) | Line::Node(_) | Line::End(_) => {}
        }
    }
    let mut found = Followed::default();
    for (lease, (config, steps)) in leases {
        let (taken, ended) = follow_lease(&config, &steps);
        found.steps += taken.steps;
        match ended {
            Ok(()) => found.leases += 1,
            Err(Halt::Beyond(what)) => *found.beyond.entry(what).or_default() += 1,
            Err(Halt::Strays(stray)) => return Err(Strayed { line: taken.line, lease, stray }),
        }
    }
    Ok(found)
}

/// How far a lease was followed.
#[derive(Clone, Copy, Default)]
struct Taken {
    line: usize,
    steps: u64,
}

fn follow_lease(config: &Config, steps: &Lines<'_>) -> (Taken, Result<(), Halt>) {
    let adopts = steps.first().is_some_and(|(_, step)| matches!(step.input, Input::Adopt { .. }));
    let scope = match scope_of(config, adopts) {
        Ok(scope) => scope,
        Err(error) => return (Taken::default(), Err(Stray::Scope(error).into())),
    };
    // A scope with one client has no other size.
    with_size!(
        scope,
        |N, C| {
            debug_assert_eq!(C, 1);
            let mut path = Path::<N>::new(&scope);
            let ended = path.follow(steps);
            (path.taken, ended)
        },
        (Taken::default(), Err(Halt::Beyond("more nodes than a world with one client has")))
    )
}

/// One client that may do anything, and every fault.
fn scope_of(config: &Config, adopts: bool) -> Result<Scope, ScopeError> {
    const ANY: u8 = u8::MAX;
    let settings = config.settings();
    let role = Role { starts: 1, renewals: ANY, stops: true, ttl: None, hands_over: true, adopts };
    Scope::new(Settings {
        lifecycle: "joined".to_owned(),
        extend: settings.extend.name().to_owned(),
        transport: settings.transport.name().to_owned(),
        nodes: settings.nodes,
        ttl: settings.ttl,
        drift_ppm: settings.drift.factor_ppm,
        drift_floor: settings.drift.floor,
        renew_every: settings.renew_every,
        renew_retry: settings.renew_retry,
        node_timeout: settings.node_timeout,
        release_within: settings.release_within,
        renewal_timeout: None,
        roles: vec![role],
        faults: Faults {
            resets: ANY,
            crashes_losing: ANY,
            pauses: ANY,
            script_losses: ANY,
            cancels: ANY,
            ..Faults::default()
        },
        restart_delay: 0,
        max_ttl: settings.max_ttl,
        repair: settings.repair,
        mutant: None,
    })
}

/// The path of one lease.
struct Path<'a, const N: usize> {
    scope: &'a Scope,
    world: World<Sound, Micros, N, 1>,
    taken: Taken,
}

impl<'a, const N: usize> Path<'a, N> {
    fn new(scope: &'a Scope) -> Path<'a, N> {
        Path { scope, world: World::new(scope, Sound), taken: Taken::default() }
    }

    fn follow(&mut self, steps: &Lines<'_>) -> Result<(), Halt> {
        if let Some((_, first)) = steps.first() {
            self.begin(first.moment);
        }
        for (at, (line, step)) in steps.iter().enumerate() {
            self.taken.line = *line;
            self.pass(step.moment.now)?;
            let later = &steps[at + 1..];
            match self.next(step, later)? {
                Some(next) => self.take_as(next, step)?,
                // No step of the world: it must have changed nothing, or the world lacks it.
                None if self.is_idle(step) => {}
                None => return Err(Halt::Beyond(missing(step.input))),
            }
        }
        Ok(())
    }

    /// The clock and the connections that the lease begins with.
    fn begin(&mut self, moment: Moment<Micros>) {
        self.world.clients[0].now = moment.now;
        for (pipe, node) in self.world.pipes[0].iter_mut().zip(0..) {
            if !moment.reachable.contains(node) {
                pipe.link = Link::Down;
            }
        }
    }

    /// Time passes; a client that was not woken in time was not scheduled.
    fn pass(&mut self, to: Micros) -> Result<(), Halt> {
        let client = &self.world.clients[0];
        let by = to.since(client.now);
        if by == 0 {
            return Ok(());
        }
        let late = client.next_due(self.scope).is_some_and(|due| due < to);
        if late {
            self.take(Step::Pause(0))?;
        }
        self.take(Step::Advance { nodes: [Micros(0); N], clients: [Micros(by)] })?;
        if late {
            self.take(Step::Resume(0))?;
        }
        Ok(())
    }

    fn take(&mut self, step: Step<Micros, N, 1>) -> Result<Effects<Micros>, Halt> {
        if !self.world.permits(self.scope, &step) {
            return Err(Stray::NotEnabled(step.to_string()).into());
        }
        let effects = self.world.apply(self.scope, Sound, step);
        self.taken.steps += 1;
        if self.world.breaches.contains(Breach::PipeFull) {
            return Err(Halt::Beyond("more commands under way than a pipe of the world holds"));
        }
        let breach = BREACHES.into_iter().find(|&breach| self.world.breaches.contains(breach));
        match breach {
            Some(breach) => Err(Stray::Breach { step: step.to_string(), breach }.into()),
            None => Ok(effects),
        }
    }

    /// Takes `step`, which must be what was recorded.
    fn take_as(&mut self, step: Step<Micros, N, 1>, recorded: &Recorded) -> Result<(), Halt> {
        self.guard(recorded.moment.guarded);
        let effects = self.take(step)?;
        let told = recorded.output.event.map(report);
        if effects.sent != recorded.output.commands || effects.report != told {
            return Err(Stray::OtherOutput(step.to_string()).into());
        }
        if self.seen() != Some(recorded.after) {
            return Err(Stray::OtherState(step.to_string()).into());
        }
        Ok(())
    }

    /// What can be seen of the lease.
    fn seen(&self) -> Option<After> {
        match &self.world.clients[0].program {
            Program::Joined(joined) => Some(After::of(&joined.lease)),
            Program::Threaded(_) => None,
        }
    }

    fn is_idle(&self, step: &Recorded) -> bool {
        let silent = step.output.commands == Default::default() && step.output.event.is_none();
        silent && self.seen() == Some(step.after)
    }

    /// The nodes that the restart guard held back.
    fn guard(&mut self, guarded: NodeSet) {
        let now = self.world.clients[0].now;
        for (until, node) in self.world.guarded_until[0].iter_mut().zip(0..) {
            *until = if guarded.contains(node) { now.plus(1) } else { Micros::default() };
        }
    }

    /// The step of the world that a recorded input is; what happens at a node before it is taken
    /// here.
    fn next(
        &mut self,
        step: &Recorded,
        later: &Lines<'_>,
    ) -> Result<Option<Step<Micros, N, 1>>, Halt> {
        let next = match step.input {
            Input::Start(_) => Step::Start(0),
            Input::Adopt { .. } => {
                self.world.ticket.value = Value::new(GIVER.0, GIVER.1);
                Step::Adopt(0)
            }
            Input::Tick => Step::Tick(0),
            Input::Stop => Step::Stop(0),
            Input::HandOver => Step::HandOver(0),
            Input::Reset { node } => match dies(node, later) {
                false => Step::Reset { client: 0, node },
                true => Step::Crash { node, keeps: false },
            },
            Input::Connected { node, new_process } => return self.connects(node, new_process),
            Input::Answer { node, command, answer } => {
                return self.answers(node, command, answer);
            }
        };
        let is_step = match next {
            // The user may do so at any time; where the world has no step for it, nothing follows.
            Step::Tick(_) | Step::Stop(_) | Step::HandOver(_) => {
                self.world.permits(self.scope, &next)
            }
            _ => true,
        };
        Ok(is_step.then_some(next))
    }

    fn connects(
        &mut self,
        node: u8,
        new_process: bool,
    ) -> Result<Option<Step<Micros, N, 1>>, Halt> {
        let at = usize::from(node);
        let Some(pipe) = self.world.pipes[0].get_mut(at) else { return Ok(None) };
        if pipe.link == Link::Up {
            return Ok(None);
        }
        // The lease may have begun without a connection, to a server that it knew nothing of.
        if new_process && pipe.link == Link::Down && pipe.is_empty() {
            pipe.link = Link::DownWithServer;
        }
        if self.world.nodes[at].down {
            self.take(Step::Restart(node))?;
        }
        Ok(Some(Step::Connect { client: 0, node }))
    }

    /// The command runs, with the recorded answer; then that can arrive.
    fn answers(
        &mut self,
        node: u8,
        command: Command,
        answer: Answer,
    ) -> Result<Option<Step<Micros, N, 1>>, Halt> {
        let Some(pipe) = self.world.pipes[0].get(usize::from(node)).copied() else {
            return Ok(None);
        };
        let strays = pipe.iter().take_while(|message| message.age() > 0).count();
        let first = pipe.get(strays).map(|message| message.command());
        if answer == Answer::NotSent || command == Command::Kill && first != Some(Command::Kill) {
            return Ok(None);
        }
        if first == Some(Command::Kill) && command != Command::Kill {
            return Err(Halt::Beyond("a CLIENT KILL that was refused, or not sent"));
        }
        if first != Some(command) {
            return Err(Stray::NotNext(command).into());
        }
        if !self.stores(usize::from(node), command, answer) {
            return Err(Halt::Beyond("a command that the server refused"));
        }
        let index = strays as u8;
        let ran = self.take(Step::Run { client: 0, node, index })?.executed;
        let said = ran.is_some_and(|ran| ran.answer == answer);
        if !said && command != Command::Kill {
            return Err(Halt::Beyond("an answer that the world's node never gives"));
        }
        // A KILL leaves nothing before it.
        let index = if command == Command::Kill { 0 } else { index };
        Ok(Some(Step::Reply { client: 0, node, index }))
    }

    /// Puts the key as it was, by the answer. Whether the world can.
    fn stores(&mut self, at: usize, command: Command, answer: Answer) -> bool {
        let value = |(client, generation)| Value::new(client, generation);
        let own = self.world.clients[0].value(0);
        let node = &mut self.world.nodes[at];
        let key = match (command, answer) {
            (Command::Kill, _) => return true,
            (Command::Extend, Answer::Refused) => {
                node.scripts_lost = true;
                return true;
            }
            (_, Answer::Refused | Answer::NotSent | Answer::Unknown) => return false,
            (_, Answer::Missing) | (Command::Set, Answer::Done) => Value::NONE,
            (_, Answer::Foreign) => value(FOREIGN),
            (Command::Adopt, Answer::Done) => value(GIVER),
            (Command::Extend | Command::Release, Answer::Done) => own,
        };
        node.key = key;
        node.gone_at = if key.is_none() { Micros::default() } else { node.now.plus(i64::MAX) };
        true
    }
}

/// What must never happen in a step of one client.
const BREACHES: [Breach; 9] = [
    Breach::RenewalAfterStop,
    Breach::ExtendAfterRelease,
    Breach::ReportAfterStop,
    Breach::Orphan,
    Breach::Zombie,
    Breach::ForeignKeyTouched,
    Breach::FalseCause,
    Breach::LateLoss,
    Breach::RanAfterHandOver,
];

/// Whether a connection that has failed did so with its server: the next one is to another process.
fn dies(node: u8, later: &Lines<'_>) -> bool {
    let next = later.iter().find_map(|(_, step)| match step.input {
        Input::Connected { node: to, new_process } if to == node => Some(new_process),
        Input::Start(_)
        | Input::Adopt { .. }
        | Input::Answer { .. }
        | Input::Tick
        | Input::Stop
        | Input::HandOver
        | Input::Reset { .. }
        | Input::Connected { .. } => None,
    });
    next == Some(true)
}

/// What the world does not have.
fn missing(input: Input<leasehold::record::Mark>) -> &'static str {
    match input {
        Input::Answer { answer: Answer::NotSent, .. } => "a command that never left",
        Input::Answer { .. } => "an extend that was left to run",
        Input::Connected { .. } => "a refused release that is tried again",
        Input::Start(_)
        | Input::Adopt { .. }
        | Input::Tick
        | Input::Stop
        | Input::HandOver
        | Input::Reset { .. } => "an input that is no step there",
    }
}
