//! Which steps may be taken: all of them for the checker, one of them for a replay.

use leasehold::protocol::Rules;

use crate::client::{Client, Program};
use crate::message::Link;
use crate::scope::Scope;
use crate::step::{Step, TaskMove};
use crate::threaded::Move;
use crate::time::WorldTime;
use crate::world::{World, spend};

impl<R: Rules, I: WorldTime, const N: usize, const C: usize> World<R, I, N, C> {
    /// Appends every step that may be taken, in a fixed order. Time passes in single units, with
    /// one clock more or less within the slip budgets: this is for the checker's ticks.
    pub fn enabled(&self, scope: &Scope, steps: &mut Vec<Step<I, N, C>>) {
        for c in 0..C as u8 {
            self.client_steps(scope, c, steps);
        }
        self.message_steps(scope, steps);
        self.fault_steps(scope, steps);
        if !self.is_urgent(scope) {
            self.time_steps(steps);
        }
    }

    /// Whether `step` may be taken. For every step but [`Step::Advance`] this is membership in
    /// [`enabled`](Self::enabled); time may pass by any amounts that no clock runs back by, that
    /// overtake no deadline, and, in ticks, that the slip budgets allow.
    pub fn permits(&self, scope: &Scope, step: &Step<I, N, C>) -> bool {
        if let Step::Advance { nodes, clients } = step {
            return !self.is_urgent(scope) && self.permits_advance(scope, nodes, clients);
        }
        let mut steps = Vec::new();
        for c in 0..C as u8 {
            self.client_steps(scope, c, &mut steps);
        }
        self.message_steps(scope, &mut steps);
        self.fault_steps(scope, &mut steps);
        steps.contains(step)
    }

    /// Whether some client must take a step before time passes.
    pub fn is_urgent(&self, scope: &Scope) -> bool {
        self.clients.iter().any(|client| client.is_urgent(scope)) || self.is_draining(scope)
    }

    /// Whether the world has healed and is not at rest: something is under way, or the survivor
    /// is to try again.
    fn is_draining(&self, scope: &Scope) -> bool {
        if self.healed.survivor().is_none() {
            return false;
        }
        let mut steps = Vec::new();
        self.healing_steps(scope, &mut steps);
        !steps.is_empty()
    }

    /// Appends the steps that a healed world takes before time passes: what is under way arrives,
    /// servers are back, and the survivor does what it wants to. None if the world has not healed.
    pub fn healing_steps(&self, scope: &Scope, steps: &mut Vec<Step<I, N, C>>) {
        let Some(survivor) = self.healed.survivor() else { return };
        self.message_steps(scope, steps);
        self.client_steps(scope, survivor, steps);
        steps.retain(|step| !matches!(step, Step::Stop(_) | Step::HandOver(_) | Step::Stall(_)));
        let down = (0..N as u8).filter(|&node| self.nodes[usize::from(node)].down);
        steps.extend(down.map(Step::Restart));
    }

    fn client_steps(&self, scope: &Scope, c: u8, steps: &mut Vec<Step<I, N, C>>) {
        let client = &self.clients[usize::from(c)];
        if client.paused {
            if self.may_resume(c) {
                steps.push(Step::Resume(c));
            }
            return;
        }
        let starts = match self.healed.survivor() {
            None => client.starts_left > 0,
            Some(_) => self.retries_now(c) && !client.ghost.served,
        };
        let role = scope.role(c);
        match &client.program {
            Program::Joined(joined) => {
                if starts && joined.may_start() {
                    if !role.adopts || self.healed.survivor().is_some() {
                        steps.push(Step::Start(c));
                    } else if !self.ticket.value.is_none() {
                        steps.push(Step::Adopt(c));
                    }
                }
                if role.hands_over && joined.held() && self.ticket_is_free() {
                    steps.push(Step::HandOver(c));
                }
                if role.stops && joined.may_stop(self.faults.cancels > 0) {
                    steps.push(Step::Stop(c));
                }
                if client.is_urgent(scope) {
                    steps.push(Step::Tick(c));
                }
            }
            Program::Threaded(threaded) => {
                let may = |wanted| threaded.may(scope, client.now, client.renewals_left, wanted);
                let overlaps = self.faults.overlaps > 0 && threaded.may_overlap();
                if starts && (may(Move::Start) || overlaps) {
                    steps.push(Step::Start(c));
                }
                if role.stops && may(Move::Stop) {
                    steps.push(Step::Stop(c));
                }
                let tasks = TaskMove::ALL.into_iter().filter(|task| may(task.as_move()));
                steps.extend(tasks.map(|task| Step::Task(c, task)));
                let in_mid_step = may(Move::Check) || may(Move::Send);
                if self.faults.stalls > 0 && in_mid_step && !threaded.stalled {
                    steps.push(Step::Stall(c));
                }
            }
        }
        if self.faults.pauses > 0 && client.generation > 0 {
            steps.push(Step::Pause(c));
        }
    }

    fn message_steps(&self, scope: &Scope, steps: &mut Vec<Step<I, N, C>>) {
        let ordered = scope.ordered();
        for (client, node) in pairs::<N, C>() {
            let pipe = &self.pipes[usize::from(client)][usize::from(node)];
            let up = !self.nodes[usize::from(node)].down;
            for index in 0..pipe.len() {
                if up && pipe.may_run(index, ordered) {
                    steps.push(Step::Run { client, node, index: index as u8 });
                }
                if !self.clients[usize::from(client)].paused && pipe.may_arrive(index, ordered) {
                    steps.push(Step::Reply { client, node, index: index as u8 });
                }
            }
            if up && pipe.link != Link::Up && !self.clients[usize::from(client)].paused {
                steps.push(Step::Connect { client, node });
            }
        }
    }

    fn fault_steps(&self, scope: &Scope, steps: &mut Vec<Step<I, N, C>>) {
        if self.faults.resets > 0 && scope.ordered() {
            for (client, node) in pairs::<N, C>() {
                let up = self.pipes[usize::from(client)][usize::from(node)].link == Link::Up;
                if up && !self.clients[usize::from(client)].paused {
                    steps.push(Step::Reset { client, node });
                }
            }
        }
        if self.faults.resends > 0 {
            for (client, node) in pairs::<N, C>() {
                let pipe = &self.pipes[usize::from(client)][usize::from(node)];
                let again = (0..pipe.len()).filter(|&index| pipe.may_resend(index));
                let step = |index| Step::Resend { client, node, index: index as u8 };
                steps.extend(again.map(step));
            }
        }
        if self.faults.heals > 0 {
            // Any client may be the survivor: clients that are alike change their names.
            steps.extend((0..C as u8).map(Step::Heal));
        }
        for node in 0..N as u8 {
            let present = &self.nodes[usize::from(node)];
            if present.down {
                if present.may_restart() {
                    steps.push(Step::Restart(node));
                }
                continue;
            }
            if self.faults.script_losses > 0 && !present.scripts_lost {
                steps.push(Step::LoseScripts(node));
            }
            for (budget, keeps) in
                [(self.faults.crashes_keeping, true), (self.faults.crashes_losing, false)]
            {
                if budget > 0 {
                    steps.push(Step::Crash { node, keeps });
                }
            }
        }
    }

    fn time_steps(&self, steps: &mut Vec<Step<I, N, C>>) {
        let even = ([I::at(1); N], [I::at(1); C]);
        steps.push(Step::Advance { nodes: even.0, clients: even.1 });
        for by in [I::at(0), I::at(2)] {
            if self.faults.node_slips > 0 {
                for node in 0..N {
                    let mut nodes = even.0;
                    nodes[node] = by;
                    steps.push(Step::Advance { nodes, clients: even.1 });
                }
            }
            if self.faults.client_slips > 0 {
                for client in 0..C {
                    let mut clients = even.1;
                    clients[client] = by;
                    steps.push(Step::Advance { nodes: even.0, clients });
                }
            }
        }
    }

    fn permits_advance(&self, scope: &Scope, nodes: &[I; N], clients: &[I; C]) -> bool {
        // A wall clock may jump back where time is not counted in ticks; no client's clock does.
        let forward = |by: &I| by.offset() >= 0;
        if I::IN_TICKS && !nodes.iter().all(forward) || !clients.iter().all(forward) {
            return false;
        }
        if I::IN_TICKS {
            let (slipped_nodes, slipped_clients) = (slips(nodes), slips(clients));
            let steady = |by: &I| (0..=2).contains(&by.offset());
            return nodes.iter().all(steady)
                && clients.iter().all(steady)
                && slipped_nodes + slipped_clients <= 1
                && slipped_nodes <= self.faults.node_slips
                && slipped_clients <= self.faults.client_slips;
        }
        let keeps_deadline = |client: &Client<R, I>, by: I| {
            let due = client.next_due(scope).filter(|_| !client.paused);
            due.is_none_or(|at| by.offset() <= at.since(client.now)) || client.is_stalled()
        };
        self.clients.iter().zip(clients).all(|(client, &by)| keeps_deadline(client, by))
    }

    /// Takes the slips of one advance off the budgets.
    pub(crate) fn spend_slips(&mut self, nodes: &[I; N], clients: &[I; C]) {
        if I::IN_TICKS {
            for _ in 0..slips(nodes) {
                self.faults.node_slips = spend(self.faults.node_slips);
            }
            for _ in 0..slips(clients) {
                self.faults.client_slips = spend(self.faults.client_slips);
            }
        }
    }
}

/// How many clocks move by other than one tick.
fn slips<I: WorldTime>(clocks: &[I]) -> u8 {
    clocks.iter().filter(|by| by.offset() != 1).count() as u8
}

/// Every client with every node.
fn pairs<const N: usize, const C: usize>() -> impl Iterator<Item = (u8, u8)> {
    (0..C as u8).flat_map(|client| (0..N as u8).map(move |node| (client, node)))
}
