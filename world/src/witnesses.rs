//! For each claim the danger that a search must have approached, or the claim means nothing.

use leasehold::protocol::{Command, NodeSet, Phase, Rules};

use crate::client::{Client, Program};
use crate::message::Value;
use crate::properties::{Claim, keepers, majority};
use crate::suspects::{ClaimSet, ClientSet};
use crate::threaded::{Main, Renewer};
use crate::time::WorldTime;
use crate::world::World;

/// The danger that makes a claim worth checking. Each must be reached, or the claim is vacuous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Witness(pub Claim);

/// One for each claim but the last, which is about the world.
pub const WITNESSES: [Witness; 19] = [
    Witness(Claim::WindowExclusion),
    Witness(Claim::ValidityBacked),
    Witness(Claim::Continuity),
    Witness(Claim::NoRenewalAfterStop),
    Witness(Claim::OrderAtNode),
    Witness(Claim::NothingReportedAfter),
    Witness(Claim::NoOrphan),
    Witness(Claim::NoZombie),
    Witness(Claim::NoLeftover),
    Witness(Claim::Residue),
    Witness(Claim::OwnKeysOnly),
    Witness(Claim::TrueCause),
    Witness(Claim::NoStrayMessage),
    Witness(Claim::LossTold),
    Witness(Claim::BoundedRelease),
    Witness(Claim::BoundedAcquire),
    Witness(Claim::QuietHandOver),
    Witness(Claim::AdoptedOnce),
    Witness(Claim::Succession),
];

impl Witness {
    /// What is to be seen, in a few words.
    pub fn name(self) -> &'static str {
        match self.0 {
            Claim::WindowExclusion => "somebody believes while a node stores another's value",
            Claim::ValidityBacked => "a believer is backed by a bare majority",
            Claim::Continuity => "belief ends with a renewal under way",
            Claim::NoRenewalAfterStop => "a stop is accepted with a renewal under way",
            Claim::OrderAtNode => "a release has run with an extend still under way",
            Claim::NothingReportedAfter => "a renewal's answer is on its way after the stop",
            Claim::NoOrphan => "a release has run with a SET still under way",
            Claim::NoZombie => "an extend is under way to a node without the key",
            Claim::NoLeftover => "every release of a lease is acknowledged",
            Claim::Residue => "a lease that is over is still stored",
            Claim::OwnKeysOnly => "an extend or a release meets another's value",
            Claim::TrueCause => "a renewal is to be judged with a key gone",
            Claim::NoStrayMessage => "a release has run, and a renewal's answer is not yet heard",
            Claim::LossTold => "a lease ends before its user stops",
            Claim::BoundedRelease => "a release takes time",
            Claim::BoundedAcquire => "a lone contender waits for a dead lease to end",
            Claim::QuietHandOver => "a lease waits to be handed over, a command still under way",
            Claim::AdoptedOnce => "an adoption succeeds",
            Claim::Succession => "an adoption fails: a majority no longer stores what was given",
            Claim::RoomForMessages => "-",
        }
    }

    /// Whether it is seen in this state.
    pub fn seen<R: Rules, I: WorldTime, const N: usize, const C: usize>(
        self,
        world: &World<R, I, N, C>,
    ) -> bool {
        !approached(ClaimSet::of(&[self.0]), ClientSet::ALL, world).is_empty()
    }
}

/// Dangers of which what is under way is a part.
const OF_MESSAGES: ClaimSet = ClaimSet::of(&[
    Claim::NoRenewalAfterStop,
    Claim::OrderAtNode,
    Claim::NothingReportedAfter,
    Claim::NoOrphan,
    Claim::NoZombie,
    Claim::OwnKeysOnly,
    Claim::TrueCause,
    Claim::NoStrayMessage,
    Claim::Succession,
]);

/// Those of the `wanted` dangers that are seen in this state at one of these clients.
pub fn approached<R: Rules, I: WorldTime, const N: usize, const C: usize>(
    wanted: ClaimSet,
    among: ClientSet,
    world: &World<R, I, N, C>,
) -> ClaimSet {
    let mut seen = ClaimSet::default();
    if wanted.is_empty() {
        return seen;
    }
    let looks_at_messages = !wanted.and(OF_MESSAGES).is_empty();
    for c in among.iter(C) {
        let mut sight = Sight::of(world, c);
        if looks_at_messages {
            sight.look_at_messages();
        }
        for claim in wanted {
            if sight.shows(claim) {
                seen.insert(claim);
            }
        }
    }
    seen
}

/// One client, and what it has under way, node by node.
struct Sight<'a, R, I, const N: usize, const C: usize> {
    world: &'a World<R, I, N, C>,
    c: u8,
    client: &'a Client<R, I>,
    /// Where a command waits to be run, by command.
    sets: NodeSet,
    extends: NodeSet,
    releases: NodeSet,
    /// Where the answer to an extend is on its way.
    extended: NodeSet,
    /// Where an exchange of tokens waits to be run, and where it has failed, the answer on its way.
    adoptions: NodeSet,
    unadopted: NodeSet,
}

impl<'a, R: Rules, I: WorldTime, const N: usize, const C: usize> Sight<'a, R, I, N, C> {
    fn of(world: &'a World<R, I, N, C>, c: u8) -> Self {
        let client = &world.clients[usize::from(c)];
        let [sets, extends, releases, extended] = [NodeSet::EMPTY; 4];
        let [adoptions, unadopted] = [NodeSet::EMPTY; 2];
        Sight { world, c, client, sets, extends, releases, extended, adoptions, unadopted }
    }

    fn look_at_messages(&mut self) {
        for (pipe, n) in self.world.pipes[usize::from(self.c)].iter().zip(0..) {
            for message in pipe.iter() {
                match (message.command(), message.answer()) {
                    (Command::Set, None) => self.sets.insert(n),
                    (Command::Extend, None) => self.extends.insert(n),
                    (Command::Release, None) => self.releases.insert(n),
                    (Command::Extend, Some(_)) => self.extended.insert(n),
                    (Command::Adopt, None) => self.adoptions.insert(n),
                    (Command::Adopt, Some(answer)) if answer.denies() => self.unadopted.insert(n),
                    (Command::Set | Command::Release | Command::Kill | Command::Adopt, _) => {}
                }
            }
        }
    }

    fn shows(&self, claim: Claim) -> bool {
        let client = self.client;
        let under_way = !self.extends.or(self.extended).is_empty();
        match claim {
            Claim::WindowExclusion => {
                client.believes() && self.world.nodes.iter().any(|node| self.is_others(node.key))
            }
            Claim::ValidityBacked => client.believes() && self.keepers() == majority(N),
            Claim::Continuity => match &client.program {
                Program::Joined(joined) => {
                    joined.lease.phase() == Phase::Lost && !joined.lease.unresolved().is_empty()
                }
                Program::Threaded(threaded) => {
                    threaded.main == Main::Working
                        && threaded.renewer == Renewer::InFlight
                        && !client.believes()
                }
            },
            Claim::NoRenewalAfterStop => under_way && client.stopped(),
            Claim::OrderAtNode => !self.extends.is_empty() && self.has_released(),
            Claim::NothingReportedAfter => !self.extended.is_empty() && client.stopped(),
            Claim::NoOrphan => !self.sets.or(self.adoptions).is_empty() && self.has_released(),
            Claim::NoZombie => self.extends_without_key(),
            Claim::NoLeftover => client.generation > 0 && client.settled(client.generation),
            Claim::Residue => !client.may_believe() && self.keepers() > 0,
            Claim::OwnKeysOnly => {
                let key = |n: u8| self.world.nodes[usize::from(n)].key;
                let given = client.adopted().unwrap_or(Value::NONE);
                let compares = self.extends.or(self.releases);
                let mut adoptions = self.adoptions.into_iter();
                compares.into_iter().any(|n| self.is_others(key(n)))
                    || adoptions.any(|n| self.is_others(key(n)) && key(n) != given)
            }
            Claim::TrueCause => {
                let open = match &client.program {
                    Program::Joined(joined) => !joined.lease.unresolved().is_empty(),
                    Program::Threaded(threaded) => threaded.renewer == Renewer::InFlight,
                };
                open && self.extends_without_key()
            }
            Claim::NoStrayMessage => under_way && self.has_released(),
            Claim::LossTold => match &client.program {
                Program::Joined(joined) => joined.lease.phase() == Phase::Lost,
                Program::Threaded(_) => false,
            },
            Claim::BoundedRelease => client.ghost.releasing_for.offset() > 0,
            Claim::BoundedAcquire => self.world.healed.waited.offset() > 0,
            Claim::QuietHandOver => match &client.program {
                Program::Joined(joined) => {
                    let waits = joined.lease.phase() == Phase::HandingOver;
                    waits && !joined.lease.unresolved().is_empty()
                }
                Program::Threaded(_) => false,
            },
            Claim::AdoptedOnce => client.adopted().is_some() && client.believes(),
            Claim::Succession => usize::from(self.unadopted.len()) >= majority(N),
            Claim::RoomForMessages => false,
        }
    }

    fn is_others(&self, key: Value) -> bool {
        !key.is_none() && key.client() != self.c
    }

    /// How many nodes store the value of the present lease.
    fn keepers(&self) -> usize {
        keepers(self.world, self.client.value(self.c))
    }

    fn has_released(&self) -> bool {
        self.client.ghost.released.iter().any(|nodes| !nodes.is_empty())
    }

    /// Whether an extend waits at a node that does not store the value of the present lease.
    fn extends_without_key(&self) -> bool {
        let value = self.client.value(self.c);
        self.extends.into_iter().any(|n| self.world.nodes[usize::from(n)].key != value)
    }
}
