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

use leasehold::protocol::{NodeSet, Rules};

use crate::client::{Client, Program};
use crate::message::Pipe;
use crate::node::Node;
use crate::scope::Scope;
use crate::time::WorldTime;
use crate::world::World;

/// What one client has to do with one node.
type Edge = (Pipe, u32, u8);
/// All that concerns one node; the last part is its present index.
type Column<I, const C: usize> = (Node<I>, [Edge; C], u8);

impl<R: Rules, I: WorldTime, const N: usize, const C: usize> World<R, I, N, C> {
    /// The representative of this world's class.
    #[must_use]
    pub fn canonical(&self, scope: &Scope) -> Self {
        let mut world = self.at_origin(scope);
        world.forget_dead();
        if !scope.ordered() {
            world.pipes.iter_mut().flatten().for_each(Pipe::sort);
        }
        if C == 1 || !scope.clients_alike() {
            return world.with_sorted_nodes();
        }
        let mut order: [u8; C] = std::array::from_fn(|c| c as u8);
        let mut least = world.with_sorted_nodes();
        while next_permutation(&mut order) {
            least = least.min(world.with_clients(&order).with_sorted_nodes());
        }
        least
    }

    /// The same world after every step that nobody can notice (see `hasten`). Not a matter of
    /// names: paths get shorter by it, so lengths are not measured with it.
    #[must_use]
    pub fn hastened(mut self, scope: &Scope) -> Self {
        self.hasten(scope);
        self
    }

    /// Every clock at the origin.
    #[must_use]
    pub fn at_origin(&self, scope: &Scope) -> Self {
        let mut world = *self;
        for node in &mut world.nodes {
            if !node.key.is_none() {
                node.gone_at = node.gone_at.plus(-node.now.offset());
            }
            node.now = I::default();
        }
        let oldest = I::at(-scope.config.ttl() - 1);
        for client in &mut world.clients {
            let by = -client.now.offset();
            client.now = I::default();
            client.program = match client.program {
                Program::Joined(joined) => Program::Joined(joined.shift(by, oldest)),
                Program::Threaded(threaded) => Program::Threaded(threaded.shift(by, oldest)),
            };
        }
        world
    }

    /// Forgets what nothing reads any more: moments of timers that are off, and the like.
    fn forget_dead(&mut self) {
        for client in &mut self.clients {
            if let Program::Threaded(threaded) = &mut client.program {
                *threaded = threaded.without_dead(client.renewals_left);
            }
        }
    }

    /// Columns in ascending order.
    fn with_sorted_nodes(&self) -> Self {
        let mut columns: [Column<I, C>; N] = std::array::from_fn(|n| {
            let edge = |c: usize| {
                let (view, released) = self.clients[c].view_of(n as u8);
                (self.pipes[c][n], view, released)
            };
            (self.nodes[n], std::array::from_fn(edge), n as u8)
        });
        columns.sort_unstable();
        self.with_nodes(&std::array::from_fn(|n| columns[n].2))
    }

    /// The nodes renamed: node `i` of the result is node `order[i]` of this.
    #[must_use]
    pub fn with_nodes(&self, order: &[u8; N]) -> Self {
        let mut world = *self;
        for (new, &old) in order.iter().enumerate() {
            world.nodes[new] = self.nodes[usize::from(old)];
            for c in 0..C {
                world.pipes[c][new] = self.pipes[c][usize::from(old)];
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
