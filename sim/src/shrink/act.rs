//! One step of a schedule that is being shortened, in a form that survives the removal of others.
//!
//! `run c0 n0 #2` means another message as soon as an earlier one is gone, and `advance` overtakes
//! a deadline as soon as nobody meets it any more. So a message is known by what it is, and the
//! passing of time by the deadline that it leads to; both are looked up again at every attempt.

use leasehold::protocol::{Command, Micros, Rules, Span};
use leasehold_world::{Message, Pipe, Scope, Step, World, WorldTime};

use crate::options::{MOST_CLIENTS, MOST_NODES};

/// A step in a world of any size: what a smaller one does not have stays unused.
pub(super) type AnyStep = Step<Micros, { MOST_NODES }, { MOST_CLIENTS }>;

/// One step, with all that is needed to find it again in another schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Act {
    /// The step as it was taken.
    pub(super) step: AnyStep,
    /// Which message it is about.
    message: Option<Name>,
    /// The client whose deadline is reached by this passing of time.
    until: Option<u8>,
}

/// What tells a message from the others of its pipe, wherever it stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Name {
    command: Command,
    /// Of which lease: the present one of its client is 0, the one before it 1.
    leases_ago: u8,
    /// How many like it, in the same state, stand before it.
    earlier: u8,
}

/// How a step is looked up in a schedule that is not the one it was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// As it stands, place for place.
    Verbatim,
    /// Messages by what they are.
    Named,
    /// The same, and time passes up to the deadline that it led to, and never beyond one.
    Elastic,
}

impl Act {
    /// A step that is about to be taken in `world`.
    pub(super) fn of<R: Rules, I: WorldTime, const N: usize, const C: usize>(
        step: &Step<I, N, C>,
        world: &World<R, I, N, C>,
        scope: &Scope,
    ) -> Act {
        let mut act = Act { step: resized(step), message: None, until: None };
        if let Some((state, client, node, index)) = message_of(step) {
            let pipe = &world.pipes[usize::from(client)][usize::from(node)];
            let generation = world.clients[usize::from(client)].generation;
            act.message = pipe.get(usize::from(index)).map(|message| Name {
                command: message.command(),
                leases_ago: generation.saturating_sub(message.generation()),
                earlier: (pipe.iter().take(usize::from(index)))
                    .filter(|other| is_like(*other, message) && state.is_of(*other))
                    .count() as u8,
            });
        }
        if let Step::Advance { clients, .. } = step {
            let due = |(c, by): (usize, &I)| remaining(world, scope, c) == Some(by.offset());
            let reached = clients.iter().enumerate().position(due);
            act.until = reached.filter(|_| !I::IN_TICKS).map(|client| client as u8);
        }
        act
    }

    /// The same passing of time by other amounts; they are kept to as they are.
    pub(super) fn passing(nodes: [Span; MOST_NODES], clients: [Span; MOST_CLIENTS]) -> Act {
        let step = Step::Advance { nodes: nodes.map(Micros), clients: clients.map(Micros) };
        Act { step, message: None, until: None }
    }

    /// By how much each clock moves, if the step is time.
    pub(super) fn amounts(&self) -> Option<([Span; MOST_NODES], [Span; MOST_CLIENTS])> {
        let Step::Advance { nodes, clients } = self.step else { return None };
        Some((nodes.map(|by| by.0), clients.map(|by| by.0)))
    }

    /// The step that this means in `world`, which may not be permitted; none if nothing there is
    /// what it is about, or if it would do nothing.
    pub(super) fn meant<R: Rules, I: WorldTime, const N: usize, const C: usize>(
        &self,
        world: &World<R, I, N, C>,
        scope: &Scope,
        manner: Manner,
    ) -> Option<Step<I, N, C>> {
        let step: Step<I, N, C> = resized(&self.step);
        match (step, self.message, manner) {
            (Step::Advance { nodes, clients }, _, Manner::Elastic) if !I::IN_TICKS => {
                fitted(world, scope, (nodes, clients), self.until)
            }
            (Step::Advance { nodes, clients }, ..) => {
                let passes = nodes.iter().chain(&clients).any(|by| by.offset() != 0);
                passes.then_some(step)
            }
            (_, Some(name), Manner::Named | Manner::Elastic) => renumbered(step, world, name),
            (..) => Some(step),
        }
    }

    /// The same step under other names; none if it is one of somebody who has none. What a node is
    /// called may depend on the command that the step is about.
    pub(super) fn renamed(
        &self,
        client_as: impl Fn(u8) -> Option<u8>,
        node_as: impl Fn(Option<Command>, u8) -> Option<u8>,
    ) -> Option<Act> {
        let command = self.message.map(|message| message.command);
        let step = recast(&self.step, &client_as, |node| node_as(command, node))?;
        Some(Act { step, message: self.message, until: self.until.and_then(client_as) })
    }
}

/// The state in which a step finds its message.
#[derive(Clone, Copy)]
enum State {
    Waiting,
    Answered,
    Connected,
}

impl State {
    fn is_of(self, message: Message) -> bool {
        match self {
            State::Waiting => message.answer().is_none(),
            State::Answered => message.answer().is_some(),
            State::Connected => message.age() == 0,
        }
    }
}

fn is_like(message: Message, other: Message) -> bool {
    message.command() == other.command() && message.generation() == other.generation()
}

/// The message that a step is about: its state, client, node, and place.
fn message_of<I, const N: usize, const C: usize>(
    step: &Step<I, N, C>,
) -> Option<(State, u8, u8, u8)> {
    match *step {
        Step::Run { client, node, index } => Some((State::Waiting, client, node, index)),
        Step::Reply { client, node, index } => Some((State::Answered, client, node, index)),
        Step::Resend { client, node, index } => Some((State::Connected, client, node, index)),
        Step::Start(_)
        | Step::Tick(_)
        | Step::Stop(_)
        | Step::HandOver(_)
        | Step::Adopt(_)
        | Step::Task(..)
        | Step::Stall(_)
        | Step::Pause(_)
        | Step::Resume(_)
        | Step::Reset { .. }
        | Step::Connect { .. }
        | Step::Crash { .. }
        | Step::Restart(_)
        | Step::LoseScripts(_)
        | Step::Heal(_)
        | Step::Advance { .. } => None,
    }
}

/// The same step about the message of that name, wherever it stands now. Where there are fewer
/// like it than there were, it is the last of them.
fn renumbered<R: Rules, I: WorldTime, const N: usize, const C: usize>(
    mut step: Step<I, N, C>,
    world: &World<R, I, N, C>,
    name: Name,
) -> Option<Step<I, N, C>> {
    let (state, client, node, _) = message_of(&step)?;
    let pipe: &Pipe = &world.pipes[usize::from(client)][usize::from(node)];
    let generation = world.clients[usize::from(client)].generation.checked_sub(name.leases_ago)?;
    let wanted = Message::new(name.command, generation);
    let (_, place) = (pipe.iter().zip(0..))
        .filter(|(message, _)| is_like(*message, wanted) && state.is_of(*message))
        .take(usize::from(name.earlier) + 1)
        .last()?;
    if let Step::Run { index, .. } | Step::Reply { index, .. } | Step::Resend { index, .. } =
        &mut step
    {
        *index = place;
    }
    Some(step)
}

/// How much may pass on a client's clock before it must do something; none if nothing is due, or
/// if it is not scheduled and what is due may wait.
fn remaining<R: Rules, I: WorldTime, const N: usize, const C: usize>(
    world: &World<R, I, N, C>,
    scope: &Scope,
    client: usize,
) -> Option<Span> {
    let client = &world.clients[client];
    let due = client.next_due(scope).filter(|_| !client.paused && !client.is_stalled())?;
    Some(due.since(client.now))
}

/// Amounts of time that reach the deadline of `until` and overtake nobody's; every clock moves in
/// proportion.
fn fitted<R: Rules, I: WorldTime, const N: usize, const C: usize>(
    world: &World<R, I, N, C>,
    scope: &Scope,
    amounts: ([I; N], [I; C]),
    until: Option<u8>,
) -> Option<Step<I, N, C>> {
    let (nodes, clients) = (amounts.0.map(I::offset), amounts.1.map(I::offset));
    let left = |client: usize| remaining(world, scope, client).map(|left| left.max(0));
    // By how much of what it was every clock moves.
    let (mut part, mut of) = (1, 1);
    if let Some(client) = until.map(usize::from).filter(|&client| clients[client] > 0) {
        (part, of) = left(client).map_or((1, 1), |left| (left, clients[client]));
    }
    for (client, &by) in clients.iter().enumerate() {
        if let Some(left) = left(client)
            && i128::from(by) * i128::from(part) > i128::from(left) * i128::from(of)
        {
            (part, of) = (left, by);
        }
    }
    let scaled = |by: Span| I::at((i128::from(by) * i128::from(part) / i128::from(of)) as Span);
    let passes = part > 0 && nodes.iter().chain(&clients).any(|&by| by > 0);
    let step = Step::Advance { nodes: nodes.map(scaled), clients: clients.map(scaled) };
    passes.then_some(step)
}

/// The same step in a world of another size.
pub(super) fn resized<I, J, const N: usize, const C: usize, const M: usize, const D: usize>(
    step: &Step<I, N, C>,
) -> Step<J, M, D>
where
    I: WorldTime,
    J: WorldTime,
{
    let none = Step::Advance { nodes: [J::at(0); M], clients: [J::at(0); D] };
    recast(step, Some, Some).unwrap_or(none)
}

/// The same step in a world of another size and with other names; none if it is one of somebody
/// who has no name there. Clocks that are new do not move.
fn recast<I, J, const N: usize, const C: usize, const M: usize, const D: usize>(
    step: &Step<I, N, C>,
    client_as: impl Fn(u8) -> Option<u8>,
    node_as: impl Fn(u8) -> Option<u8>,
) -> Option<Step<J, M, D>>
where
    I: WorldTime,
    J: WorldTime,
{
    let pair = |client, node| Some((client_as(client)?, node_as(node)?));
    Some(match *step {
        Step::Start(c) => Step::Start(client_as(c)?),
        Step::Tick(c) => Step::Tick(client_as(c)?),
        Step::Stop(c) => Step::Stop(client_as(c)?),
        Step::HandOver(c) => Step::HandOver(client_as(c)?),
        Step::Adopt(c) => Step::Adopt(client_as(c)?),
        Step::Task(c, task) => Step::Task(client_as(c)?, task),
        Step::Stall(c) => Step::Stall(client_as(c)?),
        Step::Pause(c) => Step::Pause(client_as(c)?),
        Step::Resume(c) => Step::Resume(client_as(c)?),
        Step::Run { client, node, index } => {
            let (client, node) = pair(client, node)?;
            Step::Run { client, node, index }
        }
        Step::Reply { client, node, index } => {
            let (client, node) = pair(client, node)?;
            Step::Reply { client, node, index }
        }
        Step::Reset { client, node } => {
            let (client, node) = pair(client, node)?;
            Step::Reset { client, node }
        }
        Step::Connect { client, node } => {
            let (client, node) = pair(client, node)?;
            Step::Connect { client, node }
        }
        Step::Crash { node, keeps } => Step::Crash { node: node_as(node)?, keeps },
        Step::Restart(node) => Step::Restart(node_as(node)?),
        Step::Resend { client, node, index } => {
            let (client, node) = pair(client, node)?;
            Step::Resend { client, node, index }
        }
        Step::LoseScripts(node) => Step::LoseScripts(node_as(node)?),
        Step::Heal(c) => Step::Heal(client_as(c)?),
        Step::Advance { nodes, clients } => {
            let (nodes, clients) = (moved(&nodes, node_as), moved(&clients, client_as));
            Step::Advance { nodes, clients }
        }
    })
}

/// Every amount at the place of its clock's new name.
fn moved<I: WorldTime, J: WorldTime, const M: usize>(
    amounts: &[I],
    named: impl Fn(u8) -> Option<u8>,
) -> [J; M] {
    let mut moved = [J::at(0); M];
    for (by, old) in amounts.iter().zip(0..) {
        if let Some(place) = named(old).and_then(|new| moved.get_mut(usize::from(new))) {
            *place = J::at(by.offset());
        }
    }
    moved
}
