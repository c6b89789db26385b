//! Servers in virtual time, used for one trace after the other.

use std::fs;

use leasehold::driver::conformance::Greeted;
use leasehold::protocol::{Extend, Micros, Ticks};
use leasehold_world::{ReplayError, Trace, WorldTime, with_any_size, with_size};
use redis::{Value, cmd};

use super::run::Run;
use super::{PerformError, Performance};
use crate::{Clock, Connection, Program, RigError, Server};

/// The one key of all leases.
pub(super) const KEY: &str = "lock";

/// Where a server keeps what it saves.
const DUMP: &str = "dump";

/// Servers whose clocks stand until a step moves them. There are as many as the largest trace so
/// far had nodes.
#[derive(Debug)]
pub struct Stage {
    program: Program,
    version: String,
    hosts: Vec<Host>,
    #[cfg(test)]
    pub(super) meddle: Option<Meddle>,
}

/// What somebody does to the first server behind the back of all.
#[cfg(test)]
#[derive(Clone, Debug)]
pub(super) struct Meddle {
    pub(super) step: usize,
    pub(super) command: redis::Cmd,
}

impl Stage {
    /// Starts the first server.
    ///
    /// # Errors
    /// If the program is missing or does not start, or on a system without commanded clocks.
    pub fn start(program: Program) -> Result<Stage, RigError> {
        let host = Host::start(program)?;
        let version = host.server.version()?.map(|(_, version)| version);
        let version = version.unwrap_or_else(|| "of unknown version".to_owned());
        Ok(Stage {
            program,
            version: format!("{} {version}", program.name()),
            hosts: vec![host],
            #[cfg(test)]
            meddle: None,
        })
    }

    /// The program and its version, as in `redis-server 7.0.15`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Performs `trace`.
    ///
    /// # Errors
    /// If a server fails, or the trace cannot be taken.
    pub fn perform(&mut self, trace: &Trace) -> Result<Performance, PerformError> {
        let nodes = trace.scope.config.nodes();
        while self.hosts.len() < usize::from(nodes) {
            self.hosts.push(Host::start(self.program)?);
        }
        let hosts = &mut self.hosts[..usize::from(nodes)];
        hosts.iter_mut().try_for_each(Host::clear)?;
        #[cfg(test)]
        {
            hosts[0].meddle = self.meddle.take();
        }
        let scope = &trace.scope;
        let size = || ReplayError::Size { nodes, clients: scope.clients() };
        let server = self.version.clone();
        match trace.unit.as_str() {
            Ticks::UNIT => {
                with_size!(
                    scope,
                    |N, C| Run::<Ticks, N, C>::begin(trace, hosts)?.all(server),
                    Err(size().into())
                )
            }
            Micros::UNIT => {
                with_any_size!(
                    scope,
                    |N, C| Run::<Micros, N, C>::begin(trace, hosts)?.all(server),
                    Err(size().into())
                )
            }
            other => Err(ReplayError::Unit(other.to_owned()).into()),
        }
    }
}

/// One server, and a connection to look at it.
#[derive(Debug)]
pub(super) struct Host {
    server: Server,
    admin: Option<Connection>,
    /// What the clock shows when that of the world's node shows zero.
    origin_us: i64,
    #[cfg(test)]
    meddle: Option<Meddle>,
}

impl Host {
    fn start(program: Program) -> Result<Host, RigError> {
        let server = Server::start_with_clock(program, &["--dbfilename", DUMP])?;
        let admin = Some(Connection::open(&server)?);
        Ok(Host {
            server,
            admin,
            origin_us: Clock::START_US,
            #[cfg(test)]
            meddle: None,
        })
    }

    /// Forgets everything, and begins a time of its own.
    fn clear(&mut self) -> Result<(), RigError> {
        if self.admin.is_none() {
            self.restart()?;
        }
        // Later than all that came before, so that a server's clock never goes back unasked.
        let now_us = self.clock()?.now_us();
        self.origin_us = (now_us / 1_000_000 + 1) * 1_000_000;
        self.set_clock(0)?;
        self.ask(&[cmd("FLUSHALL").to_owned(), cmd("SCRIPT").arg("FLUSH").to_owned()])?;
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn meddle(&mut self, step: usize) -> Result<(), RigError> {
        match self.meddle.take_if(|meddle| meddle.step == step) {
            Some(meddle) => self.ask(&[meddle.command]).map(|_| ()),
            None => Ok(()),
        }
    }

    fn clock(&self) -> Result<&Clock, RigError> {
        self.server.clock().ok_or(RigError::NoClock)
    }

    /// Sets its clock to that of the world's node.
    pub(super) fn set_clock(&self, node_us: i64) -> Result<(), RigError> {
        self.clock()?.set(self.origin_us + node_us)
    }

    pub(super) fn is_up(&self) -> bool {
        self.admin.is_some()
    }

    /// What somebody asks who looks on.
    pub(super) fn ask(&mut self, commands: &[redis::Cmd]) -> Result<Vec<Value>, RigError> {
        self.admin.as_mut().ok_or(RigError::Closed)?.ask(commands)
    }

    pub(super) fn greet(&self, script: Extend) -> Result<(Connection, Greeted), RigError> {
        Connection::greet(&self.server, script)
    }

    /// Kills it, with or without what it stored.
    pub(super) fn crash(&mut self, keeps: bool) -> Result<(), RigError> {
        if keeps {
            let saved = self.ask(&[cmd("SAVE").to_owned()])?;
            if saved != [Value::Okay] {
                return Err(RigError::Unexpected(format!("{saved:?} to SAVE")));
            }
        }
        self.server.kill();
        self.admin = None;
        if !keeps {
            self.forget_dump();
        }
        Ok(())
    }

    /// Starts it again.
    pub(super) fn restart(&mut self) -> Result<(), RigError> {
        self.server.restart()?;
        self.admin = Some(Connection::open(&self.server)?);
        self.forget_dump();
        Ok(())
    }

    fn forget_dump(&self) {
        // There is none if nothing was ever saved.
        let _ = fs::remove_file(self.server.directory().join(DUMP));
    }
}
