//! What is done to servers, network and processes, all the time.
//!
//! At most two of five nodes are disturbed at once, so that a majority can be had; what is done to
//! processes comes on top. Clocks of servers drift all the time, within what the library allows
//! for.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::draws::Draws;
use super::stage::Stage;
use super::{CLIENTS, LONGEST_PAUSE, NODES};
use crate::proxy::{Fault, Newcomers, Rule, Silence};
use crate::{RigError, now};

/// How far a server's clock goes wrong at most, in parts per million. The library allows for
/// `d / (2 TTL - d)`: with a TTL of two seconds and `d` of 22 ms 5 530.
const MOST_DRIFT_PPM: u64 = 5_000;

/// How many nodes are disturbed at once.
const MOST_DISTURBED: usize = (NODES - 1) / 2;

/// What a node suffers, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// It is dead.
    Dead,
    /// It is stopped.
    Frozen,
    /// It is back, and the restart guard keeps it out.
    Young,
    /// Something is wrong with the network around it.
    Network,
}

/// Disturbs a stage.
#[derive(Debug)]
pub(super) struct Nemesis {
    draws: Draws,
    nodes: [Option<(Trouble, Instant)>; NODES],
    paused: [Option<Instant>; CLIENTS],
    /// How often what was done.
    pub(super) injected: BTreeMap<&'static str, u64>,
}

impl Nemesis {
    pub(super) fn new(seed: u64) -> Nemesis {
        let injected = BTreeMap::new();
        Nemesis {
            draws: Draws::new(seed, 0),
            nodes: [None; NODES],
            paused: [None; CLIENTS],
            injected,
        }
    }

    /// Ends what is over, and does something new to a node, and now and then to a process.
    pub(super) fn strike(&mut self, stage: &mut Stage) -> Result<(), RigError> {
        let disturbed = self.nodes.iter().flatten().count();
        if disturbed < MOST_DISTURBED {
            let node = self.draws.index(NODES);
            if self.nodes[node].is_none() {
                self.strike_node(stage, node)?;
            }
        }
        let client = self.draws.index(CLIENTS);
        if self.paused[client].is_none() {
            self.strike_client(stage, client)?;
        }
        Ok(())
    }

    fn did(&mut self, what: &'static str) {
        *self.injected.entry(what).or_default() += 1;
    }

    // ---- nodes -------------------------------------------------------------------------------

    fn strike_node(&mut self, stage: &mut Stage, node: usize) -> Result<(), RigError> {
        let length = self.draws.ms(100, 3_000);
        let until = now() + length;
        match self.draws.below(8) {
            0 => {
                stage.servers[node].kill();
                self.did("a server is killed, and started again empty");
                self.nodes[node] = Some((Trouble::Dead, until));
            }
            1 => {
                stage.servers[node].pause()?;
                self.did("a server is stopped for a while");
                self.nodes[node] = Some((Trouble::Frozen, until));
            }
            2 => {
                stage.servers[node].query::<()>(&["SCRIPT", "FLUSH"])?;
                self.did("a server loses its scripts");
            }
            3 => {
                stage.servers[node].query::<i64>(&["CLIENT", "KILL", "TYPE", "normal"])?;
                self.did("a server drops its connections");
            }
            4 => self.drift(stage, node)?,
            _ => {
                self.disturb(stage, node);
                self.nodes[node] = Some((Trouble::Network, until));
            }
        }
        Ok(())
    }

    fn drift(&mut self, stage: &Stage, node: usize) -> Result<(), RigError> {
        let Some(clock) = stage.servers[node].clock() else { return Ok(()) };
        let rate = i64::try_from(self.draws.below(2 * MOST_DRIFT_PPM + 1)).unwrap_or(0);
        clock.run(stage.drift_ppm + rate - MOST_DRIFT_PPM as i64)?;
        self.did("a server's clock drifts otherwise");
        Ok(())
    }

    /// The network between a node and all clients, or one.
    fn disturb(&mut self, stage: &Stage, node: usize) {
        let all = self.draws.below(2) == 0;
        let one = self.draws.index(CLIENTS);
        let concerned = (0..CLIENTS).filter(|&client| all || client == one);
        let late_us = 1_000 * (200 + self.draws.below(2_800));
        let least_us = 1_000 * self.draws.below(20);
        let most_us = least_us + 1_000 * self.draws.below(200);
        let nth = 1 + self.draws.below(20);
        let kind = self.draws.below(9);
        let (what, rule) = match kind {
            0 => ("commands are delayed", Rule::new(Fault::delay_us(least_us, most_us))),
            1 => {
                let spread = crate::proxy::Spread { least_us, most_us };
                ("replies are delayed", Rule::new(Fault::DelayReply(spread)))
            }
            2 => (
                "a command is lost, and its connection",
                Rule::new(Fault::Drop(Silence::ResetAfterUs(late_us))).nth(nth),
            ),
            3 => (
                "a reply is lost, and its connection",
                Rule::new(Fault::DropReply(Silence::ResetAfterUs(late_us))).nth(nth),
            ),
            4 => ("connections are reset", Rule::new(Fault::Reset).every(nth)),
            5 => (
                "a connection ends, and its command arrives later",
                Rule::new(Fault::HalfOpen { deliver_after_us: Some(late_us) }).every(nth),
            ),
            6 => (
                "a connection ends at a SET, which arrives later",
                Rule::new(Fault::HalfOpen { deliver_after_us: Some(late_us) })
                    .command("SET")
                    .nth(nth),
            ),
            7 => {
                ("a partition, new connections wait", Rule::new(Fault::Partition(Newcomers::Hang)))
            }
            _ => (
                "a partition, new connections fail",
                Rule::new(Fault::Partition(Newcomers::Refuse)),
            ),
        };
        for client in concerned {
            stage.proxies[client][node].add(rule.clone());
        }
        self.did(what);
    }

    /// Ends the troubles whose time has come; with `all`, every one.
    pub(super) fn relieve(&mut self, stage: &mut Stage, all: bool) -> Result<(), RigError> {
        let moment = now();
        for node in 0..NODES {
            let Some((trouble, until)) = self.nodes[node] else { continue };
            if !all && moment < until {
                continue;
            }
            self.nodes[node] = None;
            match trouble {
                Trouble::Dead => {
                    stage.servers[node].restart()?;
                    // As long as the guard keeps it out.
                    let young = super::TTL + Duration::from_secs(2);
                    self.nodes[node] = Some((Trouble::Young, moment + young));
                }
                Trouble::Frozen => stage.servers[node].resume()?,
                Trouble::Network => stage.proxies.iter().for_each(|proxies| proxies[node].clear()),
                Trouble::Young => {}
            }
        }
        for client in 0..CLIENTS {
            if self.paused[client].is_some_and(|until| all || until <= moment) {
                self.paused[client] = None;
                stage.crew.resume(client)?;
            }
        }
        Ok(())
    }

    // ---- processes ---------------------------------------------------------------------------

    fn strike_client(&mut self, stage: &mut Stage, client: usize) -> Result<(), RigError> {
        match self.draws.below(60) {
            0..=5 => {
                stage.crew.pause(client)?;
                let most = LONGEST_PAUSE.as_millis() as u64;
                self.paused[client] = Some(now() + self.draws.ms(10, most));
                self.did("a process is stopped for a while");
            }
            6 => {
                stage.replace(client, true)?;
                self.did("a process is killed, and another begins");
            }
            7 => {
                stage.replace(client, false)?;
                self.did("a process ends in order, and another begins");
            }
            _ => {}
        }
        Ok(())
    }
}
