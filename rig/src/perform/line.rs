//! What is between one client and one server: connections, and what is under way on them.

use leasehold::driver::conformance::Greeted;
use leasehold::protocol::Command;
use leasehold_world::narrate::verb;
use leasehold_world::{Message, Pipe, Value};
use redis::Value as Reply;

use crate::Connection;

/// A connection that was greeted as the driver does it.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) connection: Connection,
    pub(super) greeted: Greeted,
}

/// A command that a client sent. Its bytes are kept back until the server runs it.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) command: Command,
    pub(super) generation: u8,
    /// Of an adoption: what it compares with.
    pub(super) adopted: Value,
    pub(super) bytes: Vec<u8>,
    /// The connection; none yet if the server was down when it was sent.
    pub(super) on: Option<usize>,
    /// The reply, on its way back.
    pub(super) reply: Option<Reply>,
    /// Whether nobody waits for it any more.
    pub(super) stray: bool,
    /// Of a KILL: the connections that had been given up when it was sent.
    pub(super) kills: Vec<usize>,
}

/// All of one client at one server, in the order of the world's pipe.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Connections are never reused for another number; a closed one is `None`.
    pub(super) wires: Vec<Option<Wire>>,
    /// The connection that is used for all commands; in a pool there is none such.
    pub(super) present: Option<usize>,
    pub(super) sent: Vec<Sent>,
    /// What the server's process was called when it was last connected to.
    pub(super) process: Option<String>,
}

impl Line {
    /// Adds a connection, and says its number.
    pub(super) fn add(&mut self, wire: Wire) -> usize {
        self.wires.push(Some(wire));
        self.wires.len() - 1
    }

    /// A connection of a pool on which nothing is under way.
    pub(super) fn idle(&self) -> Option<usize> {
        let free = |&at: &usize| {
            self.wires[at].is_some() && self.sent.iter().all(|sent| sent.on != Some(at))
        };
        (0..self.wires.len()).find(free)
    }

    /// The connection fails: its replies are lost, its requests become strays. It stays open.
    pub(super) fn fail(&mut self) {
        self.present = None;
        self.sent.retain(|sent| sent.reply.is_none());
        self.sent.iter_mut().for_each(|sent| sent.stray = true);
    }

    /// The server dies, and everything with it.
    pub(super) fn die(&mut self) {
        *self = Line { process: self.process.take(), ..Line::default() };
    }

    /// What is under way, in words.
    pub(super) fn words(&self) -> String {
        listed(self.sent.iter().map(|it| (it.command, it.stray, it.reply.is_some())))
    }

    /// The connections that were given up.
    pub(super) fn given_up(&self) -> Vec<usize> {
        let old = |&at: &usize| self.wires[at].is_some() && self.present != Some(at);
        (0..self.wires.len()).filter(old).collect()
    }

    /// Whether the same is under way as in `pipe`, of which this has kept up with `self.sent.len()`
    /// messages; and those that it has not.
    pub(super) fn news(&self, pipe: &Pipe) -> Option<Vec<Message>> {
        let same = |(sent, message): (&Sent, Message)| {
            sent.command == message.command()
                && sent.generation == message.generation()
                && sent.reply.is_some() == message.answer().is_some()
                && sent.stray == (message.age() > 0)
        };
        let kept = self.sent.len() <= pipe.len() && self.sent.iter().zip(pipe.iter()).all(same);
        kept.then(|| pipe.iter().skip(self.sent.len()).collect())
    }
}

/// What is under way in a pipe of the world, in words.
pub(super) fn words_of(pipe: &Pipe) -> String {
    listed(pipe.iter().map(|it| (it.command(), it.age() > 0, it.answer().is_some())))
}

/// Commands, whether nobody waits for each, and whether it was answered.
fn listed(under_way: impl Iterator<Item = (Command, bool, bool)>) -> String {
    let words = under_way.map(|(command, is_stray, is_answered)| {
        let stray = if is_stray { "stray " } else { "" };
        let answered = if is_answered { ", answered" } else { "" };
        format!("{stray}{}{answered}", verb(command))
    });
    let words: Vec<String> = words.collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join("; ") }
}
