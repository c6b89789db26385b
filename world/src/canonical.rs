//! One representative for all worlds that differ only in names and in the origin of time.
//!
//! Three symmetries, each exact:
//!
//! - **time shift**: only differences of moments on one clock are ever compared, so every clock is
//!   set to the origin and every moment moved with it. Moments more than a TTL in the past are all
//!   alike: nothing compares with anything older.
//! - **nodes**: no rule names a node. All that concerns one node (its key, the messages to and from
//!   it, every client's bits about it) is a *column*; columns are sorted.
//! - **clients**: if all have the same role, their names mean nothing; of all renamings the least
//!   world is taken.
//!
//! Messages of a pool have no order and are sorted; what nobody reads any more is forgotten.

use std::cmp::Ordering;

use leasehold::protocol::{NodeSet, Rules};

use crate::client::{Client, Program};
use crate::message::Pipe;
use crate::scope::Scope;
use crate::time::WorldTime;
use crate::world::World;

impl<R: Rules, I: WorldTime, const N: usize, const C: usize> World<R, I, N, C> {
    /// The representative of this world's class.
    #[must_use]
    pub fn canonical(mut self, scope: &Scope) -> Self {
        self.make_canonical(scope);
        self
    }

    /// Becomes the representative of its class.
    pub fn make_canonical(&mut self, scope: &Scope) {
        self.to_origin(scope);
        self.forget_dead(scope);
        if !scope.ordered() {
            self.pipes.iter_mut().flatten().for_each(Pipe::sort);
        }
        self.sort_nodes();
        if C == 1 || !scope.clients_alike() {
            return;
        }
        let mut order: [u8; C] = std::array::from_fn(|c| c as u8);
        let mut least = *self;
        while next_permutation(&mut order) {
            let mut renamed = self.with_clients(&order);
            renamed.sort_nodes();
            least = least.min(renamed);
        }
        *self = least;
    }

    /// Sets every clock to the origin.
    pub fn to_origin(&mut self, scope: &Scope) {
        let origin = I::default();
        for node in self.nodes.iter_mut().filter(|node| node.now != origin) {
            if !node.key.is_none() {
                node.gone_at = node.gone_at.plus(-node.now.offset());
            }
            let young = node.young_until > node.now;
            node.young_until =
                if young { node.young_until.plus(-node.now.offset()) } else { origin };
            node.now = origin;
        }
        let oldest = I::at(-scope.longest_ttl() - 1);
        for (client, guards) in self.clients.iter_mut().zip(&mut self.guarded_until) {
            if client.now == origin {
                continue;
            }
            let by = -client.now.offset();
            for until in guards {
                *until = if *until > client.now { until.plus(by) } else { origin };
            }
            client.now = origin;
            match &mut client.program {
                Program::Joined(joined) => *joined = joined.shift(by, oldest),
                Program::Threaded(threaded) => *threaded = threaded.shift(by, oldest),
            }
        }
    }

    /// Forgets what nothing reads any more: moments of timers that are off, and the like.
    fn forget_dead(&mut self, scope: &Scope) {
        if !self.ticket.value.is_none() {
            self.forget_what_nobody_adopts(scope);
        }
        for client in &mut self.clients {
            match &mut client.program {
                Program::Joined(joined) => *joined = joined.without_dead(),
                Program::Threaded(threaded) => {
                    *threaded = threaded.without_dead(client.renewals_left);
                }
            }
        }
    }

    /// What an observer remembers of a ticket matters to those who adopt it from now on, and to
    /// those who are about it.
    fn forget_what_nobody_adopts(&mut self, scope: &Scope) {
        let later = (self.clients.iter().zip(0..))
            .any(|(client, c)| scope.role(c).adopts && client.starts_left > 0);
        let now = self.clients.iter().any(|client| match &client.program {
            Program::Joined(joined) => joined.adopting(),
            Program::Threaded(_) => false,
        });
        self.ticket.interloped &= later;
        self.ticket.adopted &= later || now;
    }

    /// Columns in ascending order, by insertion: one step changes one column, so they nearly are.
    fn sort_nodes(&mut self) {
        let mut order: [u8; N] = std::array::from_fn(|n| n as u8);
        let mut sorted = true;
        for end in 1..N {
            let mut at = end;
            while at > 0 && self.compare_columns(order[at], order[at - 1]) == Ordering::Less {
                order.swap(at, at - 1);
                at -= 1;
                sorted = false;
            }
        }
        if !sorted {
            *self = self.with_nodes(&order);
        }
    }

    /// Compares all that concerns node `a` with all that concerns node `b`.
    fn compare_columns(&self, a: u8, b: u8) -> Ordering {
        let (m, n) = (usize::from(a), usize::from(b));
        let edges = |c: usize| {
            let client = &self.clients[c];
            let pipes = &self.pipes[c];
            let guards = &self.guarded_until[c];
            pipes[m]
                .cmp(&pipes[n])
                .then_with(|| client.view_of(a).cmp(&client.view_of(b)))
                .then_with(|| guards[m].cmp(&guards[n]))
        };
        let all = || (0..C).map(edges).find(|order| order.is_ne()).unwrap_or(Ordering::Equal);
        self.nodes[m].cmp(&self.nodes[n]).then_with(all)
    }

    /// The nodes renamed: node `i` of the result is node `order[i]` of this.
    #[must_use]
    pub fn with_nodes(&self, order: &[u8; N]) -> Self {
        let mut world = *self;
        for (new, &old) in order.iter().enumerate() {
            world.nodes[new] = self.nodes[usize::from(old)];
            for c in 0..C {
                world.pipes[c][new] = self.pipes[c][usize::from(old)];
                world.guarded_until[c][new] = self.guarded_until[c][usize::from(old)];
            }
        }
        for client in &mut world.clients {
            *client = client.permute(order);
        }
        world
    }

    /// The clients renamed: client `i` of the result is client `order[i]` of this.
    #[must_use]
    pub fn with_clients(&self, order: &[u8; C]) -> Self {
        let mut world = *self;
        for (new, &old) in order.iter().enumerate() {
            if self.healed.survivor() == Some(old) {
                world.healed = self.healed.relabel(new as u8);
            }
            let old = usize::from(old);
            world.pipes[new] = self.pipes[old];
            world.guarded_until[new] = self.guarded_until[old];
            world.clients[new] = self.clients[old].relabel(new as u8);
            for (node, before) in world.nodes.iter_mut().zip(&self.nodes) {
                if !before.key.is_none() && usize::from(before.key.client()) == old {
                    node.key = before.key.relabel(new as u8);
                }
            }
        }
        world
    }
}

impl<R: Rules, I: WorldTime> Client<R, I> {
    fn permute(&self, order: &[u8]) -> Self {
        let mut client = *self;
        client.program = match self.program {
            Program::Joined(joined) => Program::Joined(joined.permute(order)),
            Program::Threaded(threaded) => Program::Threaded(threaded.permute(order)),
        };
        client.ghost.released = self.ghost.released.map(|released| released.permute(order));
        client.ghost.overtaken = self.ghost.overtaken.permute(order);
        client
    }

    fn relabel(&self, number: u8) -> Self {
        let mut client = *self;
        if let Program::Joined(joined) = self.program {
            client.program = Program::Joined(joined.relabel(number));
        }
        client
    }

    /// All that this client, and its observer, know of one node.
    fn view_of(&self, node: u8) -> (u32, u8) {
        let view = match &self.program {
            Program::Joined(joined) => joined.view_of(node),
            Program::Threaded(threaded) => u32::from(threaded.view_of(node)),
        };
        let bit = |set: NodeSet| u8::from(set.contains(node));
        let [even, odd] = self.ghost.released;
        (view, bit(self.ghost.overtaken) << 2 | bit(even) << 1 | bit(odd))
    }
}

/// Steps through the permutations in lexicographic order; false after the last.
fn next_permutation(order: &mut [u8]) -> bool {
    let Some(pivot) = order.windows(2).rposition(|pair| pair[0] < pair[1]) else { return false };
    if let Some(swap) = order.iter().rposition(|&item| item > order[pivot]) {
        order.swap(pivot, swap);
    }
    order[pivot + 1..].reverse();
    true
}
