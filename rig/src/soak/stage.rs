//! Five servers, a proxy between each and every client, and the clients.

use std::path::PathBuf;
use std::sync::Arc;

use super::crew::{Crew, Starts};
use super::{CLIENTS, NODES};
use crate::{Program, Proxy, RigError, Server};

/// Everything that the nemesis can reach.
pub(super) struct Stage {
    pub(super) servers: Vec<Server>,
    /// By client and node.
    pub(super) proxies: Vec<Vec<Proxy>>,
    pub(super) crew: Crew,
    /// By how much the clocks of servers are ahead before any drift, in parts per million.
    pub(super) drift_ppm: i64,
}

impl Stage {
    pub(super) fn set(
        program: Program,
        starts: Arc<Starts>,
        folder: PathBuf,
    ) -> Result<Stage, RigError> {
        let servers: Vec<Server> = (0..NODES).map(|_| start(program)).collect::<Result<_, _>>()?;
        let in_front = |_| servers.iter().map(|server| Proxy::start(server, Vec::new())).collect();
        let proxies = (0..CLIENTS).map(in_front).collect::<Result<_, _>>()?;
        let mut stage = Stage { servers, proxies, crew: Crew::new(starts, folder), drift_ppm: 0 };
        for client in 0..CLIENTS {
            stage.begin(client)?;
        }
        Ok(stage)
    }

    fn begin(&mut self, client: usize) -> Result<(), RigError> {
        let nodes: Vec<String> = self.proxies[client].iter().map(Proxy::url).collect();
        self.crew.start(client, &nodes)
    }

    /// Ends a client, killed or in order, and starts another.
    pub(super) fn replace(&mut self, client: usize, kill: bool) -> Result<(), RigError> {
        self.crew.end(client, kill)?;
        self.begin(client)
    }

    /// How many keys are left on all servers.
    pub(super) fn keys(&self) -> Result<u64, RigError> {
        let mut keys = 0;
        for server in &self.servers {
            // Counted are also those whose time has come, until somebody looks.
            let names: Vec<String> = server.query(&["KEYS", "*"])?;
            keys += names.len() as u64;
        }
        Ok(keys)
    }
}

fn start(program: Program) -> Result<Server, RigError> {
    let server = match Server::start_with_clock(program, &[]) {
        Ok(server) => server,
        Err(RigError::NoClock) => return Server::start(program, &[]),
        Err(error) => return Err(error),
    };
    if let Some(clock) = server.clock() {
        clock.run(0)?;
    }
    Ok(server)
}
