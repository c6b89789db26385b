//! Messages reach a server, and its replies a client.

use leasehold::driver::conformance::{answer, is_noscript, load_extend};
use leasehold::protocol::{Answer, Command};
use leasehold_world::{Value, WorldTime};
use redis::{Value as Reply, cmd};

use super::line::{Line, Sent};
use super::outcome::PerformError;
use super::run::{Run, at};
use crate::RigError;

/// What a server did when a message arrived.
pub(super) struct Arrived {
    pub(super) node: u8,
    pub(super) command: Command,
    /// Of which lease.
    pub(super) value: Value,
    /// What it compares with.
    pub(super) own: Value,
    pub(super) answer: Option<Answer>,
    pub(super) reply: String,
    /// What it did that the world does not know of.
    pub(super) odd: Option<String>,
}

/// The answer to a KILL, in words too, and what should not have been.
type Killed = (Answer, String, Option<String>);

impl<I: WorldTime, const N: usize, const C: usize> Run<'_, I, N, C> {
    /// The bytes of a message reach the server, which runs them.
    pub(super) fn arrive(
        &mut self,
        client: u8,
        node: u8,
        index: usize,
    ) -> Result<Arrived, PerformError> {
        let out_of_step = PerformError::OutOfStep { step: self.number() + 1, client, node };
        let Some(sent) = self.lines[at(client)][at(node)].sent.get(index) else {
            return Err(out_of_step);
        };
        let (command, stray) = (sent.command, sent.stray);
        let value = Value::new(client, sent.generation);
        let own = if command == Command::Adopt { sent.adopted } else { value };
        let on = match sent.on {
            Some(on) => Some(on),
            None => self.connection_for(client, node)?,
        };
        let line = &mut self.lines[at(client)][at(node)];
        let Some(wire) = on.and_then(|on| line.wires[on].as_mut()) else {
            return Err(out_of_step);
        };
        if command == Command::Kill {
            let on = on.unwrap_or_default();
            let (answer, reply, odd) = self.kill(client, node, (index, on))?;
            return Ok(Arrived { node, command, value, own, answer: Some(answer), reply, odd });
        }
        wire.connection.send(&line.sent[index].bytes)?;
        let reply = wire.connection.reply()?;
        let told = words(&reply);
        let answer = answer(command, &reply);
        line.sent[index].on = on;
        if stray {
            // Nobody hears of it.
            line.sent.remove(index);
        } else {
            line.sent[index].reply = Some(reply);
        }
        Ok(Arrived { node, command, value, own, answer, reply: told, odd: None })
    }

    /// `CLIENT KILL` of the connections that had been given up when it was sent. Whatever is under
    /// way on them is there by then, unread: the server is busy before it kills.
    pub(super) fn kill(
        &mut self,
        client: u8,
        node: u8,
        (index, on): (usize, usize),
    ) -> Result<Killed, RigError> {
        let line = &mut self.lines[at(client)][at(node)];
        let Line { wires, sent, .. } = line;
        let kill = &sent[index];
        let (doomed, bytes) = (kill.kills.clone(), kill.bytes.clone());
        let is_doomed = |sent: &Sent| sent.stray && sent.on.is_none_or(|on| doomed.contains(&on));
        let wire = wires[on].as_mut().ok_or(RigError::Closed)?;
        // Whoever was served last is served first of those that are ready. So this one was.
        wire.connection.ask(&[cmd("PING").to_owned()])?;
        let busy = cmd("DEBUG").arg("SLEEP").arg("0.001").to_owned();
        wire.connection.send(&[busy.get_packed_command(), bytes].concat())?;
        for stray in sent.iter().filter(|sent| is_doomed(sent)) {
            if let Some(wire) = stray.on.and_then(|old| wires[old].as_mut()) {
                // A connection that is dead already is as good.
                let _ = wire.connection.send(&stray.bytes);
            }
        }
        let wire = wires[on].as_mut().ok_or(RigError::Closed)?;
        wire.connection.reply()?;
        let mut killed = 0;
        for _ in &doomed {
            killed += i64::from(wire.connection.reply()? == Reply::Int(1));
        }
        let mut odd = None;
        for &old in &doomed {
            if let Some(mut wire) = wires[old].take()
                && let Some(reply) = wire.connection.reply_or_end()?
            {
                odd = Some(format!("{} on a connection that was killed", words(&reply)));
            }
        }
        if !sent[index].stray {
            sent[index].reply = Some(Reply::Int(killed));
        }
        let mut place = 0..;
        // Nobody hears what a stray KILL is answered.
        sent.retain(|sent| place.next() != Some(index) && !is_doomed(sent) || !sent.stray);
        let answer = if killed > 0 { Answer::Done } else { Answer::Missing };
        Ok((answer, format!("{killed} killed"), odd))
    }

    /// A reply reaches the client, which loads the script again if it was missing.
    pub(super) fn deliver(&mut self, client: u8, node: u8, index: usize) -> Result<(), RigError> {
        let script = self.scope().config.extend();
        let line = &mut self.lines[at(client)][at(node)];
        if index >= line.sent.len() {
            return Ok(());
        }
        let sent = line.sent.remove(index);
        if !sent.reply.is_some_and(|reply| is_noscript(&reply)) {
            return Ok(());
        }
        let Some(wire) = sent.on.and_then(|on| line.wires[on].as_mut()) else { return Ok(()) };
        let mut load = Vec::new();
        load_extend(&mut load, script);
        wire.connection.send(&load)?;
        wire.connection.reply()?;
        self.corners[at(node)].lost = false;
        Ok(())
    }

    /// The client library stops waiting for a message, and sends it again. What was sent first is
    /// on a connection of its own from now on: the world lets it overtake, and be overtaken.
    pub(super) fn resend(&mut self, client: u8, node: u8, index: usize) -> Result<(), RigError> {
        let line = &self.lines[at(client)][at(node)];
        let answered = line.sent.get(index).is_none_or(|sent| sent.reply.is_some());
        if answered {
            self.lines[at(client)][at(node)].sent.remove(index);
            return Ok(());
        }
        if self.scope().ordered() && self.hosts[at(node)].is_up() {
            let own = self.open(client, node)?;
            self.lines[at(client)][at(node)].sent[index].on = Some(own);
        }
        self.lines[at(client)][at(node)].sent[index].stray = true;
        Ok(())
    }
}

/// A reply as `redis-cli` would show it.
fn words(reply: &Reply) -> String {
    if let Reply::Int(number) = reply {
        return number.to_string();
    }
    if let Reply::ServerError(error) = reply {
        return error.code().to_owned();
    }
    match *reply == Reply::Okay {
        true => "OK".to_owned(),
        false if *reply == Reply::Nil => "nil".to_owned(),
        false => format!("{reply:?}"),
    }
}
