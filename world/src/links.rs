//! Connections that fail and come back, and servers that die.

use leasehold::protocol::{Input, Rules, guard};

use crate::client::Program;
use crate::effects::Effects;
use crate::message::Link;
use crate::scope::Scope;
use crate::time::WorldTime;
use crate::world::{World, spend};

impl<R: Rules, I: WorldTime, const N: usize, const C: usize> World<R, I, N, C> {
    pub(crate) fn connection_failed(
        &mut self,
        scope: &Scope,
        c: u8,
        node: u8,
        effects: &mut Effects<I>,
    ) {
        let moment = self.moment(c);
        let client = &mut self.clients[usize::from(c)];
        let generation = client.generation;
        match &mut client.program {
            Program::Joined(joined) => {
                let input = Input::Reset { node };
                for action in joined.link_changed(scope.config_of(c), moment, input, generation) {
                    self.carry_out(c, action, effects);
                }
            }
            Program::Threaded(threaded) => {
                // Its library opens a new connection by itself, and knows of no strays.
                self.pipes[usize::from(c)][usize::from(node)].link = Link::Up;
                for action in threaded.reset(scope, moment.now, generation, node) {
                    self.carry_out(c, action, effects);
                }
            }
        }
    }

    pub(crate) fn connect(
        &mut self,
        scope: &Scope,
        rules: R,
        c: u8,
        node: u8,
        effects: &mut Effects<I>,
    ) {
        let pipe = &mut self.pipes[usize::from(c)][usize::from(node)];
        let new_process = pipe.link == Link::DownWithServer;
        pipe.link = Link::Up;
        if new_process && let Some(guards_for) = rules.guards_for(scope.config_of(c)) {
            let uptime = self.nodes[usize::from(node)].uptime(scope.guarded_for());
            let now = self.clients[usize::from(c)].now;
            self.guarded_until[usize::from(c)][usize::from(node)] =
                guard::counts_from(now, uptime, guards_for);
        }
        let moment = self.moment(c);
        let client = &mut self.clients[usize::from(c)];
        let generation = client.generation;
        if let Program::Joined(joined) = &mut client.program {
            // The library greets a server with the script.
            self.nodes[usize::from(node)].scripts_lost = false;
            let input = Input::Connected { node, new_process };
            for action in joined.link_changed(scope.config_of(c), moment, input, generation) {
                self.carry_out(c, action, effects);
            }
        }
    }

    pub(crate) fn crash(&mut self, scope: &Scope, node: u8, keeps: bool, effects: &mut Effects<I>) {
        let budget =
            if keeps { &mut self.faults.crashes_keeping } else { &mut self.faults.crashes_losing };
        *budget = spend(*budget);
        self.nodes[usize::from(node)].crash(keeps, scope.settings().restart_delay);
        for c in 0..C as u8 {
            let pipe = &mut self.pipes[usize::from(c)][usize::from(node)];
            let connected = pipe.link == Link::Up;
            pipe.die();
            // A pool loses all of its connections to that server at once.
            if connected {
                self.connection_failed(scope, c, node, effects);
            }
        }
    }
}
