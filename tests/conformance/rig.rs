//! The side of the real server, and the comparison: one sequence, step by step, on both.

mod faults;

use std::collections::BTreeMap;

use leasehold::driver::conformance::{Greeted, Spoken, answer, is_noscript, load_extend};
use leasehold::protocol::Command;
use leasehold_tests::{Clock, Program, Server, done};
use leasehold_world::WorldTime;
use redis::{Value, cmd};

use crate::connection::Connection;
use crate::model::{Model, Stored};
use crate::sequence::{CLIENTS, Op, Request, Sequence};

/// The keys of a lease; a lease on one key is on the first.
const KEYS: [&str; 3] = ["lock:a", "lock:b", "lock:c"];

/// What somebody else stores in a string.
const THEIRS: &[u8] = b"theirs";

/// A disagreement, or any other reason to stop.
pub(crate) type Outcome = Result<(), String>;

/// One server, used for many sequences.
pub(crate) struct Rig {
    server: Server,
    admin: Connection,
    /// How often what was met, by name.
    pub(crate) met: BTreeMap<String, u64>,
}

/// A command under way, as bytes on the connection number `epoch` of its client.
#[derive(Debug)]
struct Pending {
    epoch: usize,
    command: Command,
    bytes: Vec<u8>,
}

/// What one client has: its connections, and what is under way in the order of its pipe.
#[derive(Debug)]
struct Real {
    /// The present connection is the last. Those that failed are kept while something is under way
    /// on them.
    connections: Vec<Option<(Connection, Greeted)>>,
    pending: Vec<Pending>,
}

/// One sequence on both sides.
struct Run<'r, I> {
    rig: &'r mut Rig,
    sequence: &'r Sequence,
    model: Model<I>,
    reals: Vec<Real>,
    /// What the server's clock shows when the model's shows zero.
    origin_us: i64,
    /// The first moment without the key that was there last.
    end_us: Option<i64>,
}

impl Rig {
    /// Starts a server.
    pub(crate) fn start(program: Program) -> Rig {
        let server = Server::start_with_clock(program, &["--dbfilename", "dump"]);
        let admin = Connection::open(&server);
        Rig { server, admin, met: BTreeMap::new() }
    }

    /// Performs a sequence on `model` and on the server.
    ///
    /// # Errors
    /// At the first thing they do not agree on.
    pub(crate) fn run<I: WorldTime>(&mut self, sequence: &Sequence, model: Model<I>) -> Outcome {
        // Later than all that came before, so that a server's own clock never goes back unasked.
        let now_us = self.server.clock().now_us().max(Clock::START_US);
        let origin_us = (now_us / 1_000 + 1) * 1_000;
        done(self.server.clock().set(origin_us + model.now_us()));
        self.admin.ask(&[
            cmd("CONFIG").arg("SET").arg("maxmemory").arg(0).to_owned(),
            cmd("FLUSHALL").to_owned(),
            cmd("SCRIPT").arg("FLUSH").to_owned(),
        ]);
        let mut run =
            Run { rig: self, sequence, model, reals: Vec::new(), origin_us, end_us: None };
        run.connect_all();
        for (at, &op) in sequence.ops.iter().enumerate() {
            run.perform(op).map_err(|why| format!("operation {at}, {op:?}: {why}"))?;
        }
        run.look().map_err(|why| format!("at the end: {why}"))
    }

    /// What the server calls itself.
    pub(crate) fn version(&mut self) -> String {
        let info = self.admin.ask(&[cmd("INFO").arg("server").to_owned()]);
        let text = format!("{:?}", info[0]);
        let words = text.split("\\r\\n").filter(|word| word.contains("_version:"));
        words.collect::<Vec<_>>().join(" ")
    }

    fn meet(&mut self, what: impl Into<String>) {
        *self.met.entry(what.into()).or_default() += 1;
    }
}

impl<I: WorldTime> Run<'_, I> {
    fn connect_all(&mut self) {
        let greet = |_| {
            let connection = Connection::greet(&self.rig.server, self.sequence.extend);
            Real { connections: vec![Some(connection)], pending: Vec::new() }
        };
        self.reals = (0..CLIENTS).map(greet).collect();
    }

    fn perform(&mut self, op: Op) -> Outcome {
        match op {
            Op::Do(request) => {
                let alone = self.present_is_idle(request.client);
                if self.queue(request) && alone {
                    self.run_at(request.client, self.reals[at(request.client)].pending.len() - 1)?;
                }
                Ok(())
            }
            Op::Queue(request) => {
                self.queue(request);
                Ok(())
            }
            Op::Deliver { client, which } => {
                let ready = self.model.ready(client);
                match ready.get(usize::from(which) % ready.len().max(1)) {
                    Some(&index) => self.run_at(client, index),
                    None => Ok(()),
                }
            }
            Op::DeliverAll { client } => self.deliver_all(client),
            Op::Cut { client } => {
                self.cut(client);
                Ok(())
            }
            Op::Kill { client } => self.kill(client),
            Op::Step { by_us } => {
                self.advance(by_us);
                Ok(())
            }
            Op::ToEnd { off_us } => {
                if let Some(end_us) = self.model.end_us() {
                    self.advance((end_us + off_us - self.model.now_us()).max(0));
                }
                Ok(())
            }
            Op::Back { by_us } => {
                // A key whose time has come is gone for good only once somebody has looked; see
                // `differences.rs`.
                self.look()?;
                self.advance(-by_us);
                self.rig.meet("clock jumped back");
                Ok(())
            }
            Op::Take { kind, which } => self.take(kind, usize::from(which)),
            Op::Forget => {
                self.model.forget();
                self.rig.admin.ask(&[cmd("SCRIPT").arg("FLUSH").to_owned()]);
                Ok(())
            }
            Op::Memory { full } => {
                self.model.set_full(full);
                let bytes = u8::from(full);
                let set = cmd("CONFIG").arg("SET").arg("maxmemory").arg(bytes).to_owned();
                same("CONFIG SET", &self.rig.admin.ask(&[set]), &vec![Value::Okay])
            }
            Op::Crash { keeps, down_us } => self.crash(keeps, down_us),
        }
    }

    // ---- commands ----------------------------------------------------------------------------

    fn spoken(&self, request: Request) -> Spoken {
        spoken(request.client, request.lease, self.sequence.keys)
    }

    fn queue(&mut self, request: Request) -> bool {
        let real = &self.reals[at(request.client)];
        let spoken = self.spoken(request);
        if !self.model.send(request) {
            return false;
        }
        let epoch = real.connections.len() - 1;
        let sha = &real.connections[epoch].as_ref().expect("the present connection").1.sha;
        let ttl_ms = self.model.ttl_ms(request.client);
        let mut bytes = Vec::new();
        match request.command {
            Command::Set => spoken.set(&mut bytes, ttl_ms),
            Command::Extend => spoken.extend(&mut bytes, sha, ttl_ms),
            Command::Release => spoken.release(&mut bytes, self.sequence.tell),
            Command::Adopt | Command::Kill => panic!("{:?} is not compared", request.command),
        }
        let pending = Pending { epoch, command: request.command, bytes };
        self.reals[at(request.client)].pending.push(pending);
        true
    }

    fn present_is_idle(&self, client: u8) -> bool {
        let real = &self.reals[at(client)];
        real.pending.iter().all(|pending| pending.epoch + 1 < real.connections.len())
    }

    /// A command under way arrives and runs.
    fn run_at(&mut self, client: u8, index: usize) -> Outcome {
        let pending = self.reals[at(client)].pending.remove(index);
        let stray = pending.epoch + 1 < self.reals[at(client)].connections.len();
        let (connection, _) = self.connection(client, pending.epoch);
        connection.send(&pending.bytes);
        let reply = connection.reply();
        self.compare(client, index, &pending, &reply)?;
        self.hear(client, &[&reply][usize::from(stray)..]);
        self.look()
    }

    fn compare(&mut self, client: u8, index: usize, sent: &Pending, reply: &Value) -> Outcome {
        let stray = sent.epoch + 1 < self.reals[at(client)].connections.len();
        let got = answer(sent.command, reply).ok_or_else(|| format!("{reply:?}"))?;
        let moment = match self.end_us.map(|end_us| self.model.now_us() - end_us) {
            Some(-1) => " in the last microsecond of a key",
            Some(0) => " in the first microsecond without a key",
            _ => "",
        };
        let expected = self.model.run(client, index, self.sequence.keys);
        self.end_us = self.model.end_us().or(self.end_us);
        if !moment.is_empty() {
            self.rig.meet(format!("{:?}{moment}: {got:?}", sent.command));
        }
        let kind = if stray { "stray " } else { "" };
        self.rig.meet(format!("{kind}{:?}: {got:?}", sent.command));
        if expected == got {
            return Ok(());
        }
        Err(format!(
            "{:?} of {client}: the model answers {expected:?}, the server {got:?}: {reply:?}",
            sent.command
        ))
    }

    /// A client hears what it was answered on its present connection. To a refusal for want of
    /// the script it answers with the script. Nobody hears what a stray is answered.
    fn hear(&mut self, client: u8, replies: &[&Value]) {
        self.model.hear(client);
        let present = self.reals[at(client)].connections.len() - 1;
        for _ in replies.iter().filter(|reply| is_noscript(reply)) {
            let mut load = Vec::new();
            load_extend(&mut load, self.sequence.extend);
            let (connection, _) = self.connection(client, present);
            connection.send(&load);
            connection.reply();
        }
    }

    /// All of the present connection in one message: the order of a connection is kept.
    fn deliver_all(&mut self, client: u8) -> Outcome {
        let present = self.reals[at(client)].connections.len() - 1;
        let mut sent = Vec::new();
        let pending = &mut self.reals[at(client)].pending;
        let Some(first) = pending.iter().position(|pending| pending.epoch == present) else {
            return Ok(());
        };
        while pending.len() > first {
            sent.push(pending.remove(first));
        }
        let (connection, _) = self.connection(client, present);
        connection.send(&sent.iter().flat_map(|sent| sent.bytes.clone()).collect::<Vec<u8>>());
        let replies: Vec<Value> = sent.iter().map(|_| connection.reply()).collect();
        if sent.len() > 1 {
            self.rig.meet("several commands in one message");
        }
        for (sent, reply) in sent.iter().zip(&replies) {
            let next = self.model.ready(client).last().copied().expect("a command under way");
            self.compare(client, next, sent, reply)?;
        }
        self.hear(client, &replies.iter().collect::<Vec<_>>());
        self.look()
    }

    fn connection(&mut self, client: u8, epoch: usize) -> &mut (Connection, Greeted) {
        let connection = &mut self.reals[at(client)].connections[epoch];
        connection.as_mut().expect("a connection with something under way")
    }

    /// Compares what is stored, and for how long still.
    fn look(&mut self) -> Outcome {
        let keys = &KEYS[..self.sequence.keys];
        let ask = |key: &&str| ["GET", "PTTL", "TYPE"].map(|name| cmd(name).arg(key).to_owned());
        let asked: Vec<redis::Cmd> = keys.iter().flat_map(ask).collect();
        let replies = self.rig.admin.ask(&asked);
        let found: Vec<&[Value]> = replies.chunks(3).collect();
        let stored = self.model.stored();
        let theirs = stored.filter(|stored| stored.owner.client() == CLIENTS);
        let there: Vec<&&[Value]> = found.iter().filter(|key| key[1] != Value::Int(-2)).collect();
        // Leases are on all of their keys or on none; somebody else takes one.
        let wanted = match (stored, theirs) {
            (None, _) => 0,
            (Some(_), Some(_)) => 1,
            (Some(_), None) => keys.len(),
        };
        let agrees = there.len() == wanted
            && there.iter().all(|key| stored.is_some_and(|stored| agree(stored, key)));
        if agrees {
            return Ok(());
        }
        Err(format!("the model stores {stored:?}, the server {found:?} (GET, PTTL, TYPE)"))
    }
}

fn agree(stored: Stored, found: &[Value]) -> bool {
    let Stored { owner, ttl_ms } = stored;
    let holds = match &found[0] {
        Value::BulkString(value) if owner.client() == CLIENTS => value == THEIRS,
        Value::BulkString(value) => *value == spoken(owner.client(), owner.generation(), 1).value(),
        // A key of another type.
        Value::ServerError(_) => owner.client() == CLIENTS,
        _ => false,
    };
    holds && found[1] == Value::Int(ttl_ms)
}

/// A lease of `client`, on the first `keys` keys.
fn spoken(client: u8, lease: u8, keys: usize) -> Spoken {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&[client + 1, lease]);
    Spoken::new(&KEYS[..keys], bytes).expect("there are keys")
}

fn at(client: u8) -> usize {
    usize::from(client)
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: &T, expected: &T) -> Outcome {
    if got == expected {
        return Ok(());
    }
    Err(format!("{what}: the server says {got:?}, the model {expected:?}"))
}
