//! One trace, step by step, in the world and on the servers.

use std::collections::BTreeMap;

use leasehold::driver::conformance::{Spoken, answer, is_noscript, kill, load_extend};
use leasehold::protocol::{Answer, Command, Mutated};
use leasehold_world::message::Link;
use leasehold_world::trace::Line as TraceLine;
use leasehold_world::{
    CLAIMS, Claim, Effects, Message, Program, ReplayError, Scope, Step, Trace, Value, World,
    WorldTime, narrate,
};
use redis::{Value as Reply, cmd};

use super::facts::{Observation, Watch};
use super::line::{Line, Sent, Wire, words_of};
use super::outcome::{Difference, Disagreement, PerformError, Performance, Performed, Side};
use super::stage::{Host, KEY};
use super::verdict::{self, Apart};
use super::{TICK_MS, Verdict};
use crate::RigError;

/// What a server stores: whose value, and the first millisecond without it on the server's clock.
pub(super) type Stored = Option<(Value, i64)>;

/// One trace on servers.
pub(super) struct Run<'t, I, const N: usize, const C: usize> {
    pub(super) trace: &'t Trace,
    pub(super) hosts: &'t mut [Host],
    pub(super) world: World<Mutated, I, N, C>,
    /// By client and node.
    pub(super) lines: Vec<Vec<Line>>,
    /// The name of the extend script, the same on every server.
    sha: String,
    /// Whose value some bytes are.
    spoken: BTreeMap<Vec<u8>, Value>,
    /// What every server was last seen to store.
    pub(super) seen: [Stored; N],
    pub(super) corners: [Corner; N],
    pub(super) watch: Watch,
    pub(super) steps: Vec<Performed>,
    pub(super) broken: Vec<(usize, Claim)>,
    pub(super) observations: Vec<Observation>,
}

/// How near a server is to where the world is known to differ.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Corner {
    /// Its clock has jumped back since it was last looked at.
    pub(super) went_back: bool,
    /// Its scripts were lost, and a handshake has loaded them since.
    pub(super) brought: bool,
    /// Its scripts were lost, and nobody has loaded them since.
    pub(super) lost: bool,
}

/// What a server did when a message arrived.
struct Arrived {
    command: Command,
    answer: Option<Answer>,
    reply: String,
    /// What it did that the world does not know of.
    odd: Option<String>,
}

impl<'t, I: WorldTime, const N: usize, const C: usize> Run<'t, I, N, C> {
    /// Opens the connections that are there from the beginning.
    pub(super) fn begin(trace: &'t Trace, hosts: &'t mut [Host]) -> Result<Self, PerformError> {
        let scope = &trace.scope;
        for client in 0..C as u8 {
            ttl_ms::<I>(scope, client)?;
        }
        let (_, greeted) = hosts[0].greet(scope.config.extend())?;
        let mut run = Run {
            trace,
            hosts,
            world: World::new(scope, scope.mutated),
            lines: (0..C).map(|_| (0..N).map(|_| Line::default()).collect()).collect(),
            sha: greeted.sha,
            spoken: BTreeMap::new(),
            seen: [None; N],
            corners: [Corner::default(); N],
            watch: Watch::default(),
            steps: Vec::new(),
            broken: Vec::new(),
            observations: Vec::new(),
        };
        for client in 0..C as u8 {
            for node in 0..N as u8 {
                run.connect(client, node)?;
            }
        }
        Ok(run)
    }

    /// Takes every step, as long as the servers do what the world says.
    pub(super) fn all(mut self, server: String) -> Result<Performance, PerformError> {
        let trace = self.trace;
        let mut apart = None;
        for line in &trace.steps {
            apart = self.take(line)?;
            if apart.is_some() {
                break;
            }
        }
        if apart.is_none() {
            apart = self.look()?;
        }
        let Run { steps, broken, observations, .. } = self;
        let verdict = match apart {
            None => verdict::of(trace.breaks, &broken, &observations),
            Some(Apart { difference: None, why }) => Verdict::Disagrees(why),
            Some(Apart { difference: Some(known), why }) => Verdict::Differs(known, why),
        };
        Ok(Performance { server, steps, broken, observations, verdict })
    }

    /// The number of the step that is being taken, from 1.
    pub(super) fn number(&self) -> usize {
        self.steps.len()
    }

    fn scope(&self) -> &'t Scope {
        &self.trace.scope
    }

    fn take(&mut self, line: &TraceLine) -> Result<Option<Apart>, PerformError> {
        let scope = self.scope();
        let number = line.number;
        let step: Step<I, N, C> =
            (line.step.parse()).map_err(|error| ReplayError::Step { line: number, error })?;
        if !self.world.permits(scope, &step) {
            return Err(ReplayError::NotEnabled { line: number, step: line.step.clone() }.into());
        }
        let arrived = match step {
            Step::Run { client, node, index } => Some(self.arrive(client, node, index.into())?),
            _ => None,
        };
        let new_process = match step {
            Step::Connect { client, node } => {
                self.world.pipes[at(client)][at(node)].link == Link::DownWithServer
            }
            _ => false,
        };
        let effects = self.world.apply(scope, scope.mutated, step);
        self.steps.push(Performed {
            elapsed: self.world.clients[0].now.offset(),
            step: line.step.clone(),
            note: narrate(&step, &effects),
            reply: arrived.as_ref().map_or(String::new(), |arrived| arrived.reply.clone()),
            stored: String::new(),
        });
        let mut apart = self.act(step, new_process)?;
        #[cfg(test)]
        self.hosts[0].meddle(self.steps.len())?;
        if let Some(arrived) = arrived {
            apart = apart.or_else(|| self.compare(&arrived, &effects));
        }
        if apart.is_none() {
            apart = self.keep_up()?;
        }
        if apart.is_none() {
            let broken = self.judge();
            // After a step of the clock the next command is to be the first to find out that a key
            // is gone, unless there is something to be seen.
            if broken || !matches!(step, Step::Advance { .. }) {
                let before = self.held();
                apart = self.look()?;
                self.note_facts(&effects, before);
            }
        }
        self.describe();
        Ok(apart)
    }

    /// Does to the servers what a step does besides running a message.
    fn act(&mut self, step: Step<I, N, C>, expects_new: bool) -> Result<Option<Apart>, RigError> {
        match step {
            Step::Reply { client, node, index } => self.deliver(client, node, index.into())?,
            Step::Resend { client, node, index } => self.resend(client, node, index.into())?,
            Step::Reset { client, node } => {
                self.lines[at(client)][at(node)].fail();
                self.library_reconnects(client, node)?;
            }
            Step::Connect { client, node } => {
                return self.reconnect(client, node, expects_new);
            }
            Step::Crash { node, keeps } => {
                self.hosts[at(node)].crash(keeps)?;
                self.lines.iter_mut().for_each(|lines| lines[at(node)].die());
                self.corners[at(node)] = Corner::default();
            }
            Step::Restart(node) => {
                self.hosts[at(node)].restart()?;
                for client in 0..C as u8 {
                    self.library_reconnects(client, node)?;
                }
            }
            Step::LoseScripts(node) => {
                self.hosts[at(node)].ask(&[cmd("SCRIPT").arg("FLUSH").to_owned()])?;
                self.corners[at(node)].lost = true;
                self.corners[at(node)].brought = false;
            }
            Step::Advance { nodes, .. } => {
                for (node, by) in nodes.iter().enumerate() {
                    self.corners[node].went_back |= by.offset() < 0;
                    self.hosts[node].set_clock(self.now_us(node))?;
                }
            }
            // Of these the servers learn by what is sent.
            Step::Start(_)
            | Step::Tick(_)
            | Step::Stop(_)
            | Step::HandOver(_)
            | Step::Adopt(_)
            | Step::Task(..)
            | Step::Stall(_)
            | Step::Pause(_)
            | Step::Resume(_)
            | Step::Heal(_)
            | Step::Run { .. } => {}
        }
        Ok(None)
    }

    // ---- connections -------------------------------------------------------------------------

    fn open(&mut self, client: u8, node: u8) -> Result<usize, RigError> {
        let (connection, greeted) = self.hosts[at(node)].greet(self.scope().config.extend())?;
        let corner = &mut self.corners[at(node)];
        corner.brought |= corner.lost;
        corner.lost = false;
        Ok(self.lines[at(client)][at(node)].add(Wire { connection, greeted }))
    }

    /// The one connection of a client to a node; a pool opens them when they are needed.
    fn connect(&mut self, client: u8, node: u8) -> Result<(), RigError> {
        if self.scope().ordered() {
            let present = self.open(client, node)?;
            self.lines[at(client)][at(node)].present = Some(present);
        }
        Ok(())
    }

    /// The library of a broken program connects by itself, as soon as the server is there.
    fn library_reconnects(&mut self, client: u8, node: u8) -> Result<(), RigError> {
        let up = self.world.pipes[at(client)][at(node)].link == Link::Up;
        let none = self.lines[at(client)][at(node)].present.is_none();
        if up && none && self.hosts[at(node)].is_up() {
            self.connect(client, node)?;
        }
        Ok(())
    }

    /// The shipped lifecycle is told whether it is another process; the server's own words must
    /// say the same.
    fn reconnect(
        &mut self,
        client: u8,
        node: u8,
        expects_new: bool,
    ) -> Result<Option<Apart>, RigError> {
        let line = &self.lines[at(client)][at(node)];
        let before = line.wires.iter().flatten().next().and_then(|w| w.greeted.run_id.clone());
        self.connect(client, node)?;
        let line = &self.lines[at(client)][at(node)];
        let present = line.wires.iter().flatten().next_back();
        let now = present.and_then(|wire| wire.greeted.run_id.clone());
        // The connections to a process that died are gone, and its name with them.
        let is_new = before.is_none() || before != now;
        if !self.scope().ordered() || is_new == expects_new {
            return Ok(None);
        }
        let words = |new: bool| if new { "a new process" } else { "the same process" };
        let about = format!("the connection of c{client}");
        Ok(Some(self.apart(node, about, words(expects_new), words(is_new))))
    }

    // ---- messages ----------------------------------------------------------------------------

    /// Takes over what the world's clients have sent since, as bytes of the driver.
    fn keep_up(&mut self) -> Result<Option<Apart>, PerformError> {
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

    fn send(&mut self, client: u8, node: u8, message: Message) -> Result<(), PerformError> {
        let (command, generation) = (message.command(), message.generation());
        let on = self.connection_for(client, node)?;
        let is_kill = command == Command::Kill;
        let kills =
            if is_kill { self.lines[at(client)][at(node)].given_up() } else { Vec::new() };
        let bytes = self.bytes(client, node, message)?;
        let (reply, stray) = (None, false);
        let sent = Sent { command, generation, bytes, on, reply, stray, kills };
        self.lines[at(client)][at(node)].sent.push(sent);
        Ok(())
    }

    /// A connection for the next message; none if the server is down.
    fn connection_for(&mut self, client: u8, node: u8) -> Result<Option<usize>, RigError> {
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

    fn bytes(&mut self, client: u8, node: u8, message: Message) -> Result<Vec<u8>, PerformError> {
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
    fn adopted(&self, client: u8, generation: u8) -> Value {
        let client = &self.world.clients[at(client)];
        let adopted = match &client.program {
            Program::Joined(joined) if generation == client.generation => joined.lease.adopted(),
            Program::Joined(joined) => joined.previous.adopted(),
            Program::Threaded(_) => None,
        };
        adopted.unwrap_or(Value::NONE)
    }

    /// The bytes of a message reach the server, which runs them.
    fn arrive(&mut self, client: u8, node: u8, index: usize) -> Result<Arrived, PerformError> {
        let out_of_step = PerformError::OutOfStep { step: self.number() + 1, client, node };
        let Some(sent) = self.lines[at(client)][at(node)].sent.get(index) else {
            return Err(out_of_step);
        };
        let (command, stray) = (sent.command, sent.stray);
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
            return Ok(self.kill(client, node, (index, on))?);
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
        Ok(Arrived { command, answer, reply: told, odd: None })
    }

    /// `CLIENT KILL` of the connections that had been given up when it was sent. Whatever is under
    /// way on them is there by then, unread: the server is busy before it kills.
    fn kill(
        &mut self,
        client: u8,
        node: u8,
        (index, on): (usize, usize),
    ) -> Result<Arrived, RigError> {
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
        let reply = format!("{killed} killed");
        Ok(Arrived { command: Command::Kill, answer: Some(answer), reply, odd })
    }

    /// A reply reaches the client, which loads the script again if it was missing.
    fn deliver(&mut self, client: u8, node: u8, index: usize) -> Result<(), RigError> {
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
    fn resend(&mut self, client: u8, node: u8, index: usize) -> Result<(), RigError> {
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

    // ---- comparison --------------------------------------------------------------------------

    fn compare(&self, arrived: &Arrived, effects: &Effects<I>) -> Option<Apart> {
        let executed = effects.executed?;
        let (command, expected) = (executed.command, executed.answer);
        let about = format!("{} of {:?}", narrate::verb(command), executed.value);
        if let Some(odd) = &arrived.odd {
            return Some(self.apart(executed.node, about, "no reply", odd));
        }
        // Whether there was a connection, and whether anything was under way on it, are two
        // questions; both answers mean that nothing more can run.
        if arrived.answer == Some(expected) || arrived.command == Command::Kill {
            return None;
        }
        let got = arrived.answer.map_or("what no server says".to_owned(), |a| said(a).to_owned());
        let got = format!("{got} ({})", arrived.reply);
        let mut apart = self.apart(executed.node, about, said(expected), &got);
        let corner = self.corners[at(executed.node)];
        apart.difference = match (expected, arrived.answer) {
            (Answer::Refused, Some(_)) if corner.brought => {
                Some(Difference::ConnectionBringsScripts)
            }
            (_, Some(Answer::Refused)) if corner.lost => Some(Difference::MoreThanOneRefusal),
            _ if corner.went_back => Some(Difference::KeyComesBack),
            _ => None,
        };
        Some(apart)
    }

    /// Compares what is stored on every server that is up, and for how long still.
    fn look(&mut self) -> Result<Option<Apart>, RigError> {
        let mut apart = None;
        for node in 0..N {
            if !self.hosts[node].is_up() {
                continue;
            }
            let asked = ["GET", "PTTL"].map(|name| cmd(name).arg(KEY).to_owned());
            let replies = self.hosts[node].ask(&asked)?;
            let expected = self.expected(node);
            let now_ms = self.now_us(node).div_euclid(1_000);
            let got = match (&replies[0], &replies[1]) {
                (Reply::Nil, Reply::Int(-2)) => Some(None),
                (Reply::BulkString(bytes), Reply::Int(pttl_ms)) => {
                    let value = self.spoken.get(bytes);
                    value.map(|&value| Some((value, now_ms + pttl_ms + 1)))
                }
                _ => None,
            };
            if got != Some(expected) && apart.is_none() {
                let text = |stored: Stored| described(stored, now_ms);
                let unknown = || format!("{replies:?} (GET, PTTL)");
                let got = got.map_or_else(unknown, text);
                let mut why = self.apart(node as u8, "what is stored".into(), &text(expected), &got);
                let back = self.corners[node].went_back && expected.is_none();
                why.difference = back.then_some(Difference::KeyComesBack);
                apart = Some(why);
            }
            self.seen[node] = got.flatten();
            self.corners[node].went_back = false;
        }
        Ok(apart)
    }

    fn apart(&self, node: u8, about: String, expected: &str, got: &str) -> Apart {
        let (expected, got) = (Side(expected.to_owned()), Side(got.to_owned()));
        let why = Disagreement { step: self.number(), node, about, expected, got };
        Apart { difference: None, why }
    }

    /// What the world says that a server stores.
    fn expected(&self, node: usize) -> Stored {
        let node = &self.world.nodes[node];
        // The last millisecond with the key is the one before `gone_at`.
        let end_ms = (node.gone_at.offset() * unit_us::<I>() - 1).div_euclid(1_000) + 1;
        (!node.key.is_none()).then_some((node.key, end_ms))
    }

    /// The clock of the world's node, as a server's clock runs.
    pub(super) fn now_us(&self, node: usize) -> i64 {
        self.world.nodes[node].now.offset() * unit_us::<I>()
    }

    /// What every server stores, as far as was seen and has not ended since.
    fn held(&self) -> [Stored; N] {
        std::array::from_fn(|node| {
            let now_ms = self.now_us(node).div_euclid(1_000);
            self.seen[node].filter(|(_, end_ms)| now_ms < *end_ms)
        })
    }

    /// Notes which claims break now. Whether there are any.
    fn judge(&mut self) -> bool {
        let before = self.broken.len();
        let scope = self.scope();
        let number = self.number();
        for claim in CLAIMS {
            let fresh = self.broken.iter().all(|(_, known)| *known != claim);
            if fresh && claim.applies(scope) && !claim.holds(&self.world, scope) {
                self.broken.push((number, claim));
            }
        }
        self.broken.len() > before
    }
}

/// The lease with that value.
fn spoken(value: Value) -> Result<Spoken, RigError> {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&[value.client() + 1, value.generation()]);
    Spoken::new(&[KEY], bytes).ok_or(RigError::Closed)
}

/// How many microseconds a unit of the world takes on a server.
pub(super) fn unit_us<I: WorldTime>() -> i64 {
    if I::IN_TICKS { TICK_MS * 1_000 } else { 1 }
}

/// The TTL that a client's commands carry. Redis gives a key up to a millisecond more; a tick is
/// life that is guaranteed, so a key that is to last exactly so many ticks gets one less.
fn ttl_ms<I: WorldTime>(scope: &Scope, client: u8) -> Result<u64, PerformError> {
    let ttl = scope.config_of(client).ttl();
    let ttl_ms = (ttl * unit_us::<I>()).div_euclid(1_000) - i64::from(I::IN_TICKS);
    let ttl_ms = u64::try_from(ttl_ms).ok().filter(|&ttl_ms| ttl_ms > 0);
    ttl_ms.ok_or(PerformError::Ttl { ttl, unit: I::UNIT })
}

pub(super) fn at(index: u8) -> usize {
    usize::from(index)
}

pub(super) fn described(stored: Stored, now_ms: i64) -> String {
    match stored {
        None => "-".to_owned(),
        Some((value, end_ms)) => format!("{value:?} {} ms", end_ms - 1 - now_ms),
    }
}

/// What an answer is called.
fn said(answer: Answer) -> &'static str {
    match answer {
        Answer::Done => "done",
        Answer::Missing => "missing",
        Answer::Foreign => "foreign",
        Answer::Refused => "refused",
        Answer::NotSent => "not sent",
        Answer::Unknown => "unknown",
    }
}

/// A reply as `redis-cli` would show it.
fn words(reply: &Reply) -> String {
    if let Reply::Int(number) = reply {
        return number.to_string();
    }
    match reply {
        Reply::Okay => "OK".to_owned(),
        Reply::Nil => "nil".to_owned(),
        Reply::ServerError(error) => error.code().to_owned(),
        other => format!("{other:?}"),
    }
}
