//! The connections of a client as its recording tells of them: what is under way, in order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::string::{String, ToString};
use std::vec::Vec;

use super::conform::{Conformity, Known, Rule};
use super::line::{Happening, Step};
use crate::protocol::{Answer, Command, Extend, Input, NodeSet};

/// All connections.
pub(super) struct Wire {
    pipes: Vec<Pipe>,
    /// Commands of failed connections that may still run, by lease and node.
    strays: BTreeMap<(u64, u8), Command>,
}

/// The connection to one node, and what is left of the one before.
#[derive(Default)]
struct Pipe {
    up: bool,
    new_process: bool,
    /// Sent and not answered, in order.
    sent: VecDeque<(u64, Command)>,
    /// What was under way on the connection that has failed; those told not to have been sent are
    /// its end, from here on.
    lost: Vec<(u64, Command)>,
    unsent_next: Option<usize>,
    /// Whether anything was answered on this connection.
    answered: bool,
    /// KILLs without an answer, whether one was refused, and the answer to the last.
    kills: u32,
    refused: bool,
    killed: Option<Answer>,
    /// Leases that have heard of the failure, of the new connection, of the KILL.
    heard: BTreeSet<u64>,
}

impl Wire {
    pub(super) fn new(nodes: usize) -> Wire {
        Wire { pipes: (0..nodes).map(|_| Pipe::default()).collect(), strays: BTreeMap::new() }
    }

    pub(super) fn count(&self) -> usize {
        self.pipes.len()
    }

    fn pipe(&mut self, node: u8) -> Result<&mut Pipe, Rule> {
        let known = self.pipes.len();
        self.pipes.get_mut(usize::from(node)).ok_or(Rule::NoSuchNode { node, known })
    }

    /// Something happens to a connection.
    pub(super) fn happens(
        &mut self,
        node: u8,
        what: Happening,
        found: &mut Conformity,
    ) -> Result<(), Rule> {
        let fails = |why| Err(Rule::Connection { node, why });
        let pipe = self.pipe(node)?;
        match what {
            Happening::Up { .. } if pipe.up => {
                return fails("a second connection beside the first");
            }
            Happening::Up { new_process } => {
                pipe.all_unsent_told(node)?;
                *pipe = Pipe { up: true, new_process, ..Pipe::default() };
            }
            Happening::Down if !pipe.up => return fails("it fails, and there is no connection"),
            Happening::Down => {
                let lost: Vec<(u64, Command)> = pipe.sent.drain(..).collect();
                *pipe = Pipe { lost: lost.clone(), ..Pipe::default() };
                let strays = lost.into_iter().filter(|(_, command)| *command != Command::Release);
                self.strays.extend(strays.map(|(lease, command)| ((lease, node), command)));
                found.resets += 1;
            }
            Happening::Kills(count) => {
                if !pipe.up || pipe.answered || pipe.kills > 0 || count == 0 {
                    return fails("KILLs go first on a new connection, once");
                }
                pipe.kills = count;
            }
            Happening::Killed(answer) => {
                if !pipe.up || pipe.kills == 0 {
                    return fails("a KILL is answered that was not sent");
                }
                pipe.kills -= 1;
                pipe.refused |= answer == Answer::Refused;
                if pipe.kills == 0 && !pipe.refused {
                    pipe.killed = Some(answer);
                    pipe.heard.clear();
                }
            }
            Happening::TryAgain if !pipe.up => {
                return fails("releases are tried again without a connection");
            }
            Happening::TryAgain => {
                pipe.new_process = false;
                pipe.killed = None;
                pipe.heard.clear();
            }
        }
        Ok(())
    }

    /// A lease is told something: whether that can have happened.
    pub(super) fn tells(
        &mut self,
        step: &Step,
        leases: &BTreeMap<u64, Known>,
        found: &mut Conformity,
    ) -> Result<(), Rule> {
        self.reaches(step)?;
        let lease = step.lease;
        match step.input {
            Input::Answer { node, command, answer } => {
                let why = self.answers(lease, (node, command, answer), leases, found)?;
                why.map_or(Ok(()), |why| Err(Rule::Answer { node, lease, command, answer, why }))
            }
            Input::Reset { node } => {
                let pipe = self.pipe(node)?;
                pipe.all_unsent_told(node)?;
                if pipe.up || !pipe.heard.insert(lease) {
                    let why = "a lease hears once of a connection that has failed";
                    return Err(Rule::Connection { node, why });
                }
                Ok(())
            }
            Input::Connected { node, new_process } => {
                let pipe = self.pipe(node)?;
                let news = pipe.up && pipe.new_process == new_process && pipe.killed.is_none();
                if !news || !pipe.heard.insert(lease) {
                    let why = "a lease hears once of a new connection, and to which process it is";
                    return Err(Rule::Connection { node, why });
                }
                if new_process {
                    self.strays.remove(&(lease, node));
                }
                Ok(())
            }
            Input::Start(_) | Input::Adopt { .. } => Ok(()),
            Input::Tick | Input::Stop | Input::HandOver => Ok(()),
        }
    }

    /// The nodes that a lease may ask are those with a connection. One that asks for the first time
    /// leaves out nodes that are far behind.
    fn reaches(&self, step: &Step) -> Result<(), Rule> {
        let (lease, told) = (step.lease, step.moment.reachable);
        let mut connected = NodeSet::EMPTY;
        for (pipe, node) in self.pipes.iter().zip(0..) {
            if pipe.up {
                connected.insert(node);
            }
        }
        let begins = matches!(step.input, Input::Start(_) | Input::Adopt { .. });
        let fits = told == connected || begins && told.without(connected).is_empty();
        if fits { Ok(()) } else { Err(Rule::Reachable { lease, told, connected }) }
    }

    /// What is wrong with an answer, if anything is.
    fn answers(
        &mut self,
        lease: u64,
        (node, command, answer): (u8, Command, Answer),
        leases: &BTreeMap<u64, Known>,
        found: &mut Conformity,
    ) -> Result<Option<String>, Rule> {
        let stray = self.strays.get(&(lease, node)).copied();
        let pipe = self.pipe(node)?;
        let no = |why: &str| Ok(Some(why.to_string()));
        match (command, answer) {
            (_, Answer::Unknown) => no("what is unknown is told by a connection that fails"),
            (Command::Kill, _) => {
                if pipe.up && pipe.killed == Some(answer) && pipe.heard.insert(lease) {
                    self.strays.remove(&(lease, node));
                    return Ok(None);
                }
                let touches = |known: &Known| known.config.extend() == Extend::Touch;
                let harmless = stray == Some(Command::Extend)
                    && leases.get(&lease).is_some_and(touches)
                    && answer == Answer::Missing;
                if !harmless {
                    return no("no KILL was answered so, nor can what is under way be left to run");
                }
                self.strays.remove(&(lease, node));
                found.forgiven += 1;
                Ok(None)
            }
            (_, Answer::NotSent) => {
                let why = pipe.was_unsent(lease, command);
                if why.is_none() {
                    self.strays.remove(&(lease, node));
                }
                Ok(why.map(str::to_string))
            }
            (_, Answer::Done | Answer::Missing | Answer::Foreign | Answer::Refused) => {
                Ok(pipe.is_answered(lease, command, leases))
            }
        }
    }

    /// What a step sends is under way from now on.
    pub(super) fn sends(&mut self, step: &Step, found: &mut Conformity) -> Result<(), Rule> {
        let lease = step.lease;
        // KILLs are sent by the connection, and told by lines of its own.
        let of_lease = |(command, _): &(Command, NodeSet)| *command != Command::Kill;
        for (command, nodes) in step.output.commands.in_order().into_iter().filter(of_lease) {
            for node in nodes {
                let fails = |why| Err(Rule::Sends { lease, command, node, why });
                let pipe = self.pipe(node)?;
                if !pipe.up {
                    return fails("there is no connection");
                }
                if command != Command::Release && step.moment.guarded.contains(node) {
                    return fails("it counts for nothing yet (restart guard)");
                }
                if command != Command::Release && pipe.has_asked(lease) {
                    return fails("an earlier command of the lease is under way there");
                }
                pipe.sent.push_back((lease, command));
                found.commands += 1;
            }
        }
        Ok(())
    }
}

impl Pipe {
    fn has_asked(&self, lease: u64) -> bool {
        self.sent.iter().any(|(of, command)| *of == lease && *command != Command::Release)
    }

    /// The oldest request is answered.
    fn is_answered(
        &mut self,
        lease: u64,
        command: Command,
        leases: &BTreeMap<u64, Known>,
    ) -> Option<String> {
        if !self.up {
            return Some("there is no connection".to_string());
        }
        if self.kills > 0 {
            return Some("the KILLs that went first are not answered yet".to_string());
        }
        self.answered = true;
        // The answers to what nobody waits for are not recorded.
        let forgotten = |of: &u64| leases.get(of).is_some_and(Known::is_forgettable);
        while let Some((of, asked)) = self.sent.pop_front() {
            if (of, asked) == (lease, command) {
                return None;
            }
            if !forgotten(&of) {
                return Some(std::format!("the oldest without an answer is {asked:?} of {of}"));
            }
        }
        Some("no such command is under way".to_string())
    }

    /// A request never left. All behind it have not either.
    fn was_unsent(&mut self, lease: u64, command: Command) -> Option<&'static str> {
        let wanted = (lease, command);
        let at = match self.unsent_next {
            Some(next) => Some(next).filter(|&next| self.lost.get(next) == Some(&wanted)),
            None => self.lost.iter().position(|lost| *lost == wanted),
        };
        if self.up || at.is_none() {
            return Some("what never left is the end of what was under way, in order");
        }
        self.unsent_next = at.map(|at| at + 1);
        None
    }

    fn all_unsent_told(&self, node: u8) -> Result<(), Rule> {
        match self.unsent_next {
            Some(next) if next < self.lost.len() => {
                let why = "a request left, and one before it did not";
                Err(Rule::Connection { node, why })
            }
            Some(_) | None => Ok(()),
        }
    }
}
