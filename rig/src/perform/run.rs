//! One trace, step by step, in the world and on the servers.

use std::collections::BTreeMap;

use leasehold::driver::conformance::Spoken;
use leasehold::protocol::Mutated;
use leasehold_world::message::Link;
use leasehold_world::trace::Line as TraceLine;
use leasehold_world::{Claim, ReplayError, Scope, Step, Trace, Value, World, WorldTime, narrate};
use redis::cmd;

use super::facts::{Fact, Observation, Watch};
use super::line::Line;
use super::outcome::{PerformError, Performance, Performed};
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
    pub(super) sha: String,
    /// Whose value some bytes are.
    pub(super) spoken: BTreeMap<Vec<u8>, Value>,
    /// What every server was last seen to store.
    pub(super) seen: [Stored; N],
    pub(super) corners: [Corner; N],
    pub(super) watch: Watch,
    pub(super) steps: Vec<Performed>,
    pub(super) broken: Vec<(usize, Claim)>,
    pub(super) observations: Vec<Observation>,
    /// The facts that could be seen after the last step and still can.
    pub(super) standing: Vec<Fact>,
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
            standing: Vec::new(),
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

    pub(super) fn scope(&self) -> &'t Scope {
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
        let mut arrived = None;
        if let Step::Run { client, node, index } = step {
            arrived = Some(self.arrive(client, node, index.into())?);
        }
        let mut new_process = false;
        if let Step::Connect { client, node } = step {
            new_process = self.world.pipes[at(client)][at(node)].link == Link::DownWithServer;
        }
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
        if let Some(arrived) = &arrived {
            apart = apart.or_else(|| self.compare(arrived, &effects));
        }
        if apart.is_none() {
            apart = self.keep_up()?;
        }
        if apart.is_some() {
            // What the servers store in the end is shown, whatever the world says.
            self.look()?;
        } else {
            let broken = self.judge();
            // After a step of the clock the next command is to be the first to find out that a key
            // is gone, unless there is something to be seen.
            if broken || !matches!(step, Step::Advance { .. }) {
                let before = self.held();
                apart = self.look()?;
                self.note_facts(arrived.as_ref(), before);
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
                self.seen[at(node)] = self.seen[at(node)].filter(|_| keeps);
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
}

/// The lease with that value.
pub(super) fn spoken(value: Value) -> Result<Spoken, RigError> {
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
pub(super) fn ttl_ms<I: WorldTime>(scope: &Scope, client: u8) -> Result<u64, PerformError> {
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
