//! For each claim the danger that a search must have approached, or the claim means nothing.

use leasehold::protocol::{Command, Phase, Rules};

use crate::client::{Client, Program};
use crate::message::{Message, Value};
use crate::properties::{Claim, keepers, majority};
use crate::threaded::{Main, Renewer};
use crate::time::WorldTime;
use crate::world::World;

/// The danger that makes a claim worth checking. Each must be reached, or the claim is vacuous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Witness(pub Claim);

/// One for each claim but the last, which is about the world.
pub const WITNESSES: [Witness; 16] = [
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
            Claim::RoomForMessages => "-",
        }
    }

    /// Whether it is seen in this state.
    pub fn seen<R: Rules, I: WorldTime, const N: usize, const C: usize>(
        self,
        world: &World<R, I, N, C>,
    ) -> bool {
        let clients = || world.clients.iter().enumerate().map(|(c, client)| (c as u8, client));
        let stored = |value: Value| keepers(world, value) > 0;
        let under_way = |c: u8, which: &dyn Fn(Message) -> bool| {
            world.pipes[usize::from(c)].iter().any(|pipe| pipe.iter().any(which))
        };
        let has_released =
            |client: &Client<R, I>| client.ghost.released.iter().any(|nodes| !nodes.is_empty());
        let waiting = |command: Command| {
            move |message: Message| message.command() == command && message.answer().is_none()
        };
        match self.0 {
            Claim::WindowExclusion => clients().any(|(c, client)| {
                let other = |value: Value| !value.is_none() && value.client() != c;
                client.believes() && world.nodes.iter().any(|node| other(node.key))
            }),
            Claim::ValidityBacked => clients().any(|(c, client)| {
                client.believes() && keepers(world, client.value(c)) == majority(N)
            }),
            Claim::Continuity => clients().any(|(_, client)| match &client.program {
                Program::Joined(joined) => {
                    joined.lease.phase() == Phase::Lost && !joined.lease.unresolved().is_empty()
                }
                Program::Threaded(threaded) => {
                    threaded.main == Main::Working
                        && threaded.renewer == Renewer::InFlight
                        && !client.believes()
                }
            }),
            Claim::NoRenewalAfterStop => clients().any(|(c, client)| {
                client.stopped() && under_way(c, &|m| m.command() == Command::Extend)
            }),
            Claim::OrderAtNode => clients()
                .any(|(c, client)| has_released(client) && under_way(c, &waiting(Command::Extend))),
            Claim::NothingReportedAfter => clients().any(|(c, client)| {
                let answered = |m: Message| m.command() == Command::Extend && m.answer().is_some();
                client.stopped() && under_way(c, &answered)
            }),
            Claim::NoOrphan => clients()
                .any(|(c, client)| has_released(client) && under_way(c, &waiting(Command::Set))),
            Claim::NoZombie => clients().any(|(c, client)| extends_without_key(world, c, client)),
            Claim::NoLeftover => clients()
                .any(|(_, client)| client.generation > 0 && client.settled(client.generation)),
            Claim::Residue => {
                clients().any(|(c, client)| !client.may_believe() && stored(client.value(c)))
            }
            Claim::OwnKeysOnly => clients().any(|(c, _)| {
                (0..N).any(|n| {
                    let key = world.nodes[n].key;
                    let other = !key.is_none() && key.client() != c;
                    let compares =
                        |m: Message| waiting(Command::Extend)(m) || waiting(Command::Release)(m);
                    other && world.pipes[usize::from(c)][n].iter().any(compares)
                })
            }),
            Claim::TrueCause => clients().any(|(c, client)| {
                let open = match &client.program {
                    Program::Joined(joined) => !joined.lease.unresolved().is_empty(),
                    Program::Threaded(threaded) => threaded.renewer == Renewer::InFlight,
                };
                open && extends_without_key(world, c, client)
            }),
            Claim::NoStrayMessage => clients().any(|(c, client)| {
                has_released(client) && under_way(c, &|m| m.command() == Command::Extend)
            }),
            Claim::LossTold => clients().any(|(_, client)| match &client.program {
                Program::Joined(joined) => joined.lease.phase() == Phase::Lost,
                Program::Threaded(_) => false,
            }),
            Claim::BoundedRelease => {
                clients().any(|(_, client)| client.ghost.releasing_for.offset() > 0)
            }
            Claim::BoundedAcquire => world.healed.waited.offset() > 0,
            Claim::RoomForMessages => false,
        }
    }
}

/// Whether an extend of the client's present lease waits at a node that does not store its value.
fn extends_without_key<R: Rules, I: WorldTime, const N: usize, const C: usize>(
    world: &World<R, I, N, C>,
    c: u8,
    client: &Client<R, I>,
) -> bool {
    let waits = |m: Message| m.command() == Command::Extend && m.answer().is_none();
    (0..N).any(|n| {
        let gone = world.nodes[n].key != client.value(c);
        gone && world.pipes[usize::from(c)][n].iter().any(waits)
    })
}
