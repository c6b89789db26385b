//! Connections, and what clients send on them.

use leasehold::driver::conformance::kill;
use leasehold::protocol::Command;
use leasehold::protocol::guard::certain_uptime_s;
use leasehold_world::message::Link;
use leasehold_world::{Message, Program, Value, WorldTime};

use super::line::{Sent, Wire, words_of};
use super::outcome::PerformError;
use super::run::{Run, at, spoken, ttl_ms, unit_us};
use super::verdict::Apart;
use crate::RigError;

impl<I: WorldTime, const N: usize, const C: usize> Run<'_, I, N, C> {
    pub(super) fn open(&mut self, client: u8, node: u8) -> Result<usize, RigError> {
        let (connection, greeted) = self.hosts[at(node)].greet(self.scope().config.extend())?;
        let corner = &mut self.corners[at(node)];
        corner.brought |= corner.lost;
        corner.lost = false;
        let line = &mut self.lines[at(client)][at(node)];
        line.process.clone_from(&greeted.run_id);
        Ok(line.add(Wire { connection, greeted }))
    }

    /// The one connection of a client to a node; a pool opens them when they are needed.
    pub(super) fn connect(&mut self, client: u8, node: u8) -> Result<(), RigError> {
        if self.scope().ordered() {
            let present = self.open(client, node)?;
            self.lines[at(client)][at(node)].present = Some(present);
        }
        Ok(())
    }

    /// The library of a broken program connects by itself, as soon as the server is there.
    pub(super) fn library_reconnects(&mut self, client: u8, node: u8) -> Result<(), RigError> {
        let up = self.world.pipes[at(client)][at(node)].link == Link::Up;
        let none = self.lines[at(client)][at(node)].present.is_none();
        if up && none && self.hosts[at(node)].is_up() {
            self.connect(client, node)?;
        }
        Ok(())
    }

    /// The shipped lifecycle is told whether it is another process, and a guard for how long that
    /// has been up. The server's own words must say the same, or less.
    pub(super) fn reconnect(
        &mut self,
        client: u8,
        node: u8,
        expects_new: bool,
    ) -> Result<Option<Apart>, RigError> {
        if !self.scope().ordered() {
            return Ok(None);
        }
        let before = self.lines[at(client)][at(node)].process.clone();
        self.connect(client, node)?;
        let line = &self.lines[at(client)][at(node)];
        let is_new = before != line.process;
        let about = format!("the connection of c{client}");
        if is_new != expects_new {
            let words = |new: bool| if new { "a new process" } else { "the same process" };
            return Ok(Some(self.apart(node, about, words(expects_new), words(is_new))));
        }
        let guarded_for = self.scope().guarded_for();
        let up = self.world.nodes[at(node)].uptime(guarded_for);
        let present = line.present.and_then(|present| line.wires[present].as_ref());
        let told_s = present.and_then(|wire| wire.greeted.uptime_s).unwrap_or(0);
        let (up_us, told_us) = (up * unit_us::<I>(), certain_uptime_s(told_s) * 1_000_000);
        let too_old = up < guarded_for && told_us > up_us;
        let words = |us: i64| format!("up for {us} us at least");
        Ok(too_old.then(|| self.apart(node, about, &words(up_us), &words(told_us))))
    }

    /// Takes over what the world's clients have sent since, as bytes of the driver.
    pub(super) fn keep_up(&mut self) -> Result<Option<Apart>, PerformError> {
        for client in 0..C as u8 {
            for node in 0..N as u8 {
                let line = &self.lines[at(client)][at(node)];
                let pipe = self.world.pipes[at(client)][at(node)];
                let Some(news) = line.news(&pipe) else {
                    let about = format!("what is under way from c{client}");
                    return Ok(Some(self.apart(node, about, &words_of(&pipe), &line.words())));
                };
                for message in news {
                    self.send(client, node, message)?;
                }
            }
        }
        Ok(None)
    }

    pub(super) fn send(
        &mut self,
        client: u8,
        node: u8,
        message: Message,
    ) -> Result<(), PerformError> {
        let (command, generation) = (message.command(), message.generation());
        let on = self.connection_for(client, node)?;
        let is_kill = command == Command::Kill;
        let kills = if is_kill { self.lines[at(client)][at(node)].given_up() } else { Vec::new() };
        let bytes = self.bytes(client, node, message)?;
        let adopted = self.adopted(client, generation);
        let (reply, stray) = (None, false);
        let sent = Sent { command, generation, adopted, bytes, on, reply, stray, kills };
        self.lines[at(client)][at(node)].sent.push(sent);
        Ok(())
    }

    /// A connection for the next message; none if the server is down.
    pub(super) fn connection_for(
        &mut self,
        client: u8,
        node: u8,
    ) -> Result<Option<usize>, RigError> {
        let line = &self.lines[at(client)][at(node)];
        let known = if self.scope().ordered() { line.present } else { line.idle() };
        if known.is_some() || !self.hosts[at(node)].is_up() {
            return Ok(known);
        }
        if self.scope().ordered() {
            self.connect(client, node)?;
            return Ok(self.lines[at(client)][at(node)].present);
        }
        self.open(client, node).map(Some)
    }

    pub(super) fn bytes(
        &mut self,
        client: u8,
        node: u8,
        message: Message,
    ) -> Result<Vec<u8>, PerformError> {
        let value = Value::new(client, message.generation());
        let spoken = spoken(value)?;
        self.spoken.insert(spoken.value(), value);
        let ttl_ms = ttl_ms::<I>(self.scope(), client)?;
        let mut out = Vec::new();
        match message.command() {
            Command::Set => spoken.set(&mut out, ttl_ms),
            Command::Extend => spoken.extend(&mut out, &self.sha, ttl_ms),
            Command::Release => spoken.release(&mut out, false),
            Command::Adopt => {
                let from = self.adopted(client, message.generation());
                spoken.adopt(&mut out, &self::spoken(from)?, ttl_ms);
            }
            Command::Kill => {
                let line = &self.lines[at(client)][at(node)];
                let wires = line.given_up().into_iter().filter_map(|at| line.wires[at].as_ref());
                wires.filter_map(|w| w.greeted.connection).for_each(|id| kill(&mut out, id));
            }
        }
        Ok(out)
    }

    /// What lease `generation` of a client compares with in its adoption.
    pub(super) fn adopted(&self, client: u8, generation: u8) -> Value {
        let client = &self.world.clients[at(client)];
        let adopted = match &client.program {
            Program::Joined(joined) if generation == client.generation => joined.lease.adopted(),
            Program::Joined(joined) => joined.previous.adopted(),
            Program::Threaded(_) => None,
        };
        adopted.unwrap_or(Value::NONE)
    }
}
