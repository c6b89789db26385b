//! Taking a recording again: through the same machine, and held against what can happen.

use std::collections::{BTreeMap, BTreeSet};
use std::string::String;

use super::line::{After, Line, Mark, NodeLine, Opened, Step};
use super::reader::Recording;
use super::wire::Wire;
use crate::protocol::{
    Answer, Command, Commands, Config, Input, Lease, Micros, Output, Phase, Sound, Timer,
};

/// What a recording that conforms is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conformity {
    /// Leases, attempts that were denied among them.
    pub leases: u64,
    /// Calls of [`Lease::handle`].
    pub steps: u64,
    /// Commands that were sent for leases.
    pub commands: u64,
    /// Connections that failed.
    pub resets: u64,
    /// Inputs that the world has no step for: they changed nothing. A tick before its time, a stop
    /// of what is over.
    pub idle: u64,
    /// Extends of failed connections that could not be killed and were left to run.
    pub forgiven: u64,
    /// How long after its deadline a tick came, at most, in microseconds. Renewals aside: they may
    /// begin at any time, and have a timetable of their own.
    pub latest_tick_us: i64,
}

impl Conformity {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Conformity) -> Conformity {
        Conformity {
            leases: self.leases + other.leases,
            steps: self.steps + other.steps,
            commands: self.commands + other.commands,
            resets: self.resets + other.resets,
            idle: self.idle + other.idle,
            forgiven: self.forgiven + other.forgiven,
            latest_tick_us: self.latest_tick_us.max(other.latest_tick_us),
        }
    }
}

/// Where a recording shows what cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {rule}")]
pub struct Deviation {
    /// Which line, counted from 1.
    pub line: usize,
    /// The rule that it breaks.
    pub rule: Rule,
}

/// What holds for every line of a recording.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rule {
    /// The machine says the same again.
    #[error("lease {lease} said {recorded:?}, and says {again:?} when it is taken again")]
    Output {
        /// Which lease.
        lease: u64,
        /// What was recorded.
        recorded: Output<Micros>,
        /// What the machine says.
        again: Output<Micros>,
    },
    /// The machine is where it was.
    #[error("lease {lease} was left as {recorded:?}, and is {again:?} when it is taken again")]
    After {
        /// Which lease.
        lease: u64,
        /// What was recorded.
        recorded: After,
        /// What it is.
        again: After,
    },
    /// A number names one lease.
    #[error("lease {0} is opened twice: each has a number of its own")]
    OpenedTwice(u64),
    /// A lease is opened first.
    #[error("lease {0} was never opened: a line \"lease\" comes before its steps")]
    NotOpened(u64),
    /// All leases of a client are on its nodes.
    #[error("lease {lease} is on {nodes} nodes, and the client has {known}")]
    OtherNodes {
        /// Which lease.
        lease: u64,
        /// How many it has.
        nodes: u8,
        /// How many there are.
        known: usize,
    },
    /// Nodes are those of the client.
    #[error("node {node}: the client's {known} nodes are numbered from 0")]
    NoSuchNode {
        /// Which node.
        node: u8,
        /// How many there are.
        known: usize,
    },
    /// Time goes forward.
    #[error("the clock shows {now} after {before}: a client's clock never runs back")]
    ClockRunsBack {
        /// The moment before.
        before: i64,
        /// This moment.
        now: i64,
    },
    /// Nodes can be asked as long as there is a connection.
    #[error(
        "lease {lease} was told that nodes {told:?} can be asked, and there are connections to \
         {connected:?}"
    )]
    Reachable {
        /// Which lease.
        lease: u64,
        /// What it was told.
        told: crate::protocol::NodeSet,
        /// What there is.
        connected: crate::protocol::NodeSet,
    },
    /// A lease starts once, before all else.
    #[error("lease {lease} begins in phase {phase:?}: it starts once, and before all else")]
    Begins {
        /// Which lease.
        lease: u64,
        /// Its phase.
        phase: Phase,
    },
    /// Tokens are never used twice.
    #[error("lease {lease} has a token that was used before: each draws one of its own")]
    TokenUsedTwice {
        /// Which lease.
        lease: u64,
    },
    /// An answer answers a command.
    #[error("node {node} answered {answer:?} to {command:?} of lease {lease}: {why}")]
    Answer {
        /// Which node.
        node: u8,
        /// Whose command.
        lease: u64,
        /// Which command.
        command: Command,
        /// The answer.
        answer: Answer,
        /// What is wrong with it.
        why: String,
    },
    /// Connections come and go in turn.
    #[error("node {node}: {why}")]
    Connection {
        /// Which node.
        node: u8,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Commands go to nodes that can be asked.
    #[error("lease {lease} sends {command:?} to node {node}: {why}")]
    Sends {
        /// Which lease.
        lease: u64,
        /// The command.
        command: Command,
        /// To which node.
        node: u8,
        /// What is wrong with it.
        why: &'static str,
    },
    /// What no step of the world is changes nothing.
    #[error("lease {lease} was told {input:?}, which is no step there, and changed by it")]
    NoStep {
        /// Which lease.
        lease: u64,
        /// The input.
        input: Input<Mark>,
    },
}

/// One lease as it is taken again.
pub(super) struct Known {
    pub(super) config: Config,
    pub(super) machine: Lease<Sound, Micros, Mark>,
}

impl Known {
    /// Whether nothing of it is waited for any more: then its client may have forgotten it.
    pub(super) fn is_forgettable(&self) -> bool {
        self.machine.phase().is_over() && self.machine.owed().is_empty()
    }
}

/// A recording while it is taken again.
struct Taking {
    leases: BTreeMap<u64, Known>,
    tokens: BTreeSet<Mark>,
    wire: Wire,
    now: i64,
    found: Conformity,
}

/// Takes a recording again.
///
/// Each lease goes through [`Lease::handle`] with the inputs and moments recorded; what it says and
/// what can be seen of it must be the same. Besides, what is recorded must be possible:
///
/// - time does not run back, and nodes can be asked as long as there is a connection;
/// - a lease starts once, with a token of its own;
/// - commands go to nodes that can be asked, and count at none that is guarded;
/// - a node answers what was sent on the present connection, in that order, after the KILLs;
/// - what was not sent is the end of what was under way on a failed connection;
/// - a lease hears once of each connection that fails and of each new one;
/// - a KILL is told as answered when it was, to each lease once; or in place of it, an extend that
///   only touches is left to run;
/// - a tick before the deadline, or a stop of a lease that cannot be stopped, changes nothing.
///
/// # Errors
/// The first line that is otherwise.
pub fn conform(recording: &Recording) -> Result<Conformity, Deviation> {
    let mut taking = Taking {
        leases: BTreeMap::new(),
        tokens: BTreeSet::new(),
        wire: Wire::new(recording.begin.nodes.len()),
        now: i64::MIN,
        found: Conformity::default(),
    };
    for (line, number) in recording.lines.iter().zip(2..) {
        let deviates = |rule| Deviation { line: number, rule };
        match line {
            Line::Lease(opened) => taking.open(opened),
            Line::Step(step) => taking.step(step),
            Line::Node(line) => taking.node(line),
            // A reader lets neither through.
            Line::Begin(_) | Line::End(_) => Ok(()),
        }
        .map_err(deviates)?;
    }
    Ok(taking.found)
}

impl Taking {
    fn open(&mut self, opened: &Opened) -> Result<(), Rule> {
        let Opened { lease, config, .. } = *opened;
        let (nodes, known) = (config.nodes(), self.wire.count());
        if usize::from(nodes) != known {
            return Err(Rule::OtherNodes { lease, nodes, known });
        }
        let machine = Lease::new(Sound);
        if self.leases.insert(lease, Known { config, machine }).is_some() {
            return Err(Rule::OpenedTwice(lease));
        }
        self.found.leases += 1;
        Ok(())
    }

    fn node(&mut self, line: &NodeLine) -> Result<(), Rule> {
        self.pass(line.now)?;
        self.wire.happens(line.node, line.what, &mut self.found)
    }

    /// Time goes on.
    fn pass(&mut self, now: i64) -> Result<(), Rule> {
        let before = core::mem::replace(&mut self.now, now);
        if now < before { Err(Rule::ClockRunsBack { before, now }) } else { Ok(()) }
    }

    fn step(&mut self, step: &Step) -> Result<(), Rule> {
        let lease = step.lease;
        self.pass(step.moment.now.0)?;
        let Some(known) = self.leases.get(&lease) else { return Err(Rule::NotOpened(lease)) };
        let before = known.machine;
        self.begins(step, before.phase())?;
        self.wire.tells(step, &self.leases, &mut self.found)?;
        let Some(known) = self.leases.get_mut(&lease) else { return Err(Rule::NotOpened(lease)) };
        let again = known.machine.handle(&known.config, step.moment, step.input);
        if again != step.output {
            return Err(Rule::Output { lease, recorded: step.output, again });
        }
        let after = After::of(&known.machine);
        if after != step.after {
            return Err(Rule::After { lease, recorded: step.after, again: after });
        }
        if !is_step(&before, step) {
            let nothing = again.commands == Commands::default() && again.event.is_none();
            if known.machine != before || !nothing {
                return Err(Rule::NoStep { lease, input: step.input });
            }
            self.found.idle += 1;
        } else if let (Input::Tick, Some((due, timer))) = (step.input, before.deadline())
            // When a lease is renewed is the client's own affair.
            && timer != Timer::Renew
        {
            let late = step.moment.now.0.saturating_sub(due.0);
            self.found.latest_tick_us = self.found.latest_tick_us.max(late);
        }
        self.found.steps += 1;
        self.wire.sends(step, &mut self.found)
    }

    /// A lease starts before all else, with a token of its own.
    fn begins(&mut self, step: &Step, phase: Phase) -> Result<(), Rule> {
        let lease = step.lease;
        let token = match step.input {
            Input::Start(token) | Input::Adopt { token, .. } => Some(token),
            Input::Answer { .. }
            | Input::Tick
            | Input::Stop
            | Input::HandOver
            | Input::Reset { .. }
            | Input::Connected { .. } => None,
        };
        if token.is_some() != (phase == Phase::Idle) {
            return Err(Rule::Begins { lease, phase });
        }
        match token {
            Some(token) if !self.tokens.insert(token) => Err(Rule::TokenUsedTwice { lease }),
            Some(_) | None => Ok(()),
        }
    }
}

/// Whether the world has such a step there: a tick that is due, a stop of what can be stopped, a
/// hand-over of what is held. What happens at nodes is the wire's.
fn is_step(before: &Lease<Sound, Micros, Mark>, step: &Step) -> bool {
    let now = step.moment.now;
    match step.input {
        Input::Tick => before.deadline().is_some_and(|(due, _)| due <= now),
        Input::Stop => match before.phase() {
            Phase::Acquiring | Phase::Held | Phase::HandingOver => true,
            Phase::Idle
            | Phase::Stopping
            | Phase::Draining
            | Phase::Releasing
            | Phase::Released
            | Phase::Lost
            | Phase::HandedOver => false,
        },
        Input::HandOver => before.phase() == Phase::Held,
        Input::Start(_)
        | Input::Adopt { .. }
        | Input::Answer { .. }
        | Input::Reset { .. }
        | Input::Connected { .. } => true,
    }
}
