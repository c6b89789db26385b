//! The steps of one recorded lease, taken in a world.

use leasehold::protocol::{Answer, Command, Input, Instant, Micros, Moment, NodeSet, Sound};
use leasehold::record::{After, Mark, Step as Recorded};

use super::{Halt, Lines, Stray, Taken};
use crate::client::Program;
use crate::effects::{Breach, Effects};
use crate::joined::report;
use crate::message::{Link, Value};
use crate::scope::Scope;
use crate::step::Step;
use crate::world::World;

/// Somebody else's value at a node.
const FOREIGN: (u8, u8) = (1, 1);

/// The value of the lease that is adopted.
const GIVER: (u8, u8) = (2, 1);

/// The path of one lease.
pub(super) struct Path<'a, const N: usize> {
    scope: &'a Scope,
    world: World<Sound, Micros, N, 1>,
    pub(super) taken: Taken,
}

impl<'a, const N: usize> Path<'a, N> {
    pub(super) fn new(scope: &'a Scope) -> Path<'a, N> {
        Path { scope, world: World::new(scope, Sound), taken: Taken::default() }
    }

    pub(super) fn follow(&mut self, steps: &Lines<'_>) -> Result<(), Halt> {
        if let Some((_, first)) = steps.first() {
            self.begin(first.moment);
        }
        for (at, (line, step)) in steps.iter().enumerate() {
            self.taken.line = *line;
            self.pass(step.moment.now)?;
            let later = &steps[at + 1..];
            match self.next(step, later)? {
                Some(next) => self.take_as(next, step)?,
                // No step of the world: it must have changed nothing, or the world lacks it.
                None if self.is_idle(step) => {}
                None => return Err(Halt::Beyond(missing(step.input))),
            }
        }
        Ok(())
    }

    /// The clock and the connections that the lease begins with.
    fn begin(&mut self, moment: Moment<Micros>) {
        self.world.clients[0].now = moment.now;
        for (pipe, node) in self.world.pipes[0].iter_mut().zip(0..) {
            if !moment.reachable.contains(node) {
                pipe.link = Link::Down;
            }
        }
    }

    /// Time passes; a client that was not woken in time was not scheduled.
    fn pass(&mut self, to: Micros) -> Result<(), Halt> {
        let client = &self.world.clients[0];
        let by = to.since(client.now);
        if by == 0 {
            return Ok(());
        }
        let late = client.next_due(self.scope).is_some_and(|due| due < to);
        if late {
            self.take(Step::Pause(0))?;
        }
        self.take(Step::Advance { nodes: [Micros(0); N], clients: [Micros(by)] })?;
        if late {
            self.take(Step::Resume(0))?;
        }
        Ok(())
    }

    fn take(&mut self, step: Step<Micros, N, 1>) -> Result<Effects<Micros>, Halt> {
        if !self.world.permits(self.scope, &step) {
            return Err(Stray::NotEnabled(step.to_string()).into());
        }
        let effects = self.world.apply(self.scope, Sound, step);
        self.taken.steps += 1;
        if self.world.breaches.contains(Breach::PipeFull) {
            return Err(Halt::Beyond("more commands under way than a pipe of the world holds"));
        }
        let breach = BREACHES.into_iter().find(|&breach| self.world.breaches.contains(breach));
        match breach {
            Some(breach) => Err(Stray::Breach { step: step.to_string(), breach }.into()),
            None => Ok(effects),
        }
    }

    /// Takes `step`, which must be what was recorded.
    fn take_as(&mut self, step: Step<Micros, N, 1>, recorded: &Recorded) -> Result<(), Halt> {
        self.guard(recorded.moment.guarded);
        let effects = self.take(step)?;
        let told = recorded.output.event.map(report);
        if effects.sent != recorded.output.commands || effects.report != told {
            return Err(Stray::OtherOutput(step.to_string()).into());
        }
        if self.seen() != Some(recorded.after) {
            return Err(Stray::OtherState(step.to_string()).into());
        }
        Ok(())
    }

    /// What can be seen of the lease.
    fn seen(&self) -> Option<After> {
        match &self.world.clients[0].program {
            Program::Joined(joined) => Some(After::of(&joined.lease)),
            Program::Threaded(_) => None,
        }
    }

    fn is_idle(&self, step: &Recorded) -> bool {
        let silent = step.output.commands == Default::default() && step.output.event.is_none();
        silent && self.seen() == Some(step.after)
    }

    /// The nodes that the restart guard held back.
    fn guard(&mut self, guarded: NodeSet) {
        let now = self.world.clients[0].now;
        for (until, node) in self.world.guarded_until[0].iter_mut().zip(0..) {
            *until = if guarded.contains(node) { now.plus(1) } else { Micros::default() };
        }
    }

    /// The step of the world that a recorded input is; what happens at a node before it is taken
    /// here.
    fn next(
        &mut self,
        step: &Recorded,
        later: &Lines<'_>,
    ) -> Result<Option<Step<Micros, N, 1>>, Halt> {
        let next = match step.input {
            Input::Start(_) => Step::Start(0),
            Input::Adopt { .. } => {
                self.world.ticket.value = Value::new(GIVER.0, GIVER.1);
                Step::Adopt(0)
            }
            Input::Tick => return Ok(self.if_permitted(Step::Tick(0))),
            Input::Stop => return Ok(self.if_permitted(Step::Stop(0))),
            Input::HandOver => return Ok(self.if_permitted(Step::HandOver(0))),
            Input::Reset { node } => match dies(node, later) {
                false => Step::Reset { client: 0, node },
                true => Step::Crash { node, keeps: false },
            },
            Input::Connected { node, new_process } => return self.connects(node, new_process),
            Input::Answer { node, command, answer } => return self.answers(node, command, answer),
        };
        Ok(Some(next))
    }

    /// A driver may tick and users may stop at any time: where the world has no step for it,
    /// nothing must follow.
    fn if_permitted(&self, step: Step<Micros, N, 1>) -> Option<Step<Micros, N, 1>> {
        self.world.permits(self.scope, &step).then_some(step)
    }

    fn connects(
        &mut self,
        node: u8,
        new_process: bool,
    ) -> Result<Option<Step<Micros, N, 1>>, Halt> {
        let at = usize::from(node);
        let Some(pipe) = self.world.pipes[0].get_mut(at) else { return Ok(None) };
        if pipe.link == Link::Up {
            return Ok(None);
        }
        // The lease may have begun without a connection, to a server that it knew nothing of.
        if new_process && pipe.link == Link::Down && pipe.is_empty() {
            pipe.link = Link::DownWithServer;
        }
        if self.world.nodes[at].down {
            self.take(Step::Restart(node))?;
        }
        Ok(Some(Step::Connect { client: 0, node }))
    }

    /// The command runs, with the recorded answer; then that can arrive.
    fn answers(
        &mut self,
        node: u8,
        command: Command,
        answer: Answer,
    ) -> Result<Option<Step<Micros, N, 1>>, Halt> {
        let Some(pipe) = self.world.pipes[0].get(usize::from(node)).copied() else {
            return Ok(None);
        };
        let strays = pipe.iter().take_while(|message| message.age() > 0).count();
        let first = pipe.get(strays).map(|message| message.command());
        if answer == Answer::NotSent || command == Command::Kill && first != Some(Command::Kill) {
            return Ok(None);
        }
        if first == Some(Command::Kill) && command != Command::Kill {
            return Err(Halt::Beyond("a CLIENT KILL that was refused, or not sent"));
        }
        if first != Some(command) {
            return Err(Stray::NotNext(command).into());
        }
        if !self.stores(usize::from(node), command, answer) {
            return Err(Halt::Beyond("a command that the server refused"));
        }
        let index = strays as u8;
        let ran = self.take(Step::Run { client: 0, node, index })?.executed;
        let said = ran.is_some_and(|ran| ran.answer == answer);
        if !said && command != Command::Kill {
            return Err(Halt::Beyond("an answer that the world's node never gives"));
        }
        // A KILL leaves nothing before it.
        let index = if command == Command::Kill { 0 } else { index };
        Ok(Some(Step::Reply { client: 0, node, index }))
    }

    /// Puts the key as it was, by the answer. Whether the world can.
    fn stores(&mut self, at: usize, command: Command, answer: Answer) -> bool {
        let value = |(client, generation)| Value::new(client, generation);
        let own = self.world.clients[0].value(0);
        let node = &mut self.world.nodes[at];
        node.scripts_lost = (command, answer) == (Command::Extend, Answer::Refused);
        let key = match (command, answer) {
            (Command::Kill, _) | (Command::Extend, Answer::Refused) => return true,
            (_, Answer::Refused | Answer::NotSent | Answer::Unknown) => return false,
            (_, Answer::Missing) | (Command::Set, Answer::Done) => Value::NONE,
            (_, Answer::Foreign) => value(FOREIGN),
            (Command::Adopt, Answer::Done) => value(GIVER),
            (Command::Extend | Command::Release, Answer::Done) => own,
        };
        node.key = key;
        node.gone_at = if key.is_none() { Micros::default() } else { node.now.plus(i64::MAX) };
        true
    }
}

/// What must never happen in a step of one client.
const BREACHES: [Breach; 9] = [
    Breach::RenewalAfterStop,
    Breach::ExtendAfterRelease,
    Breach::ReportAfterStop,
    Breach::Orphan,
    Breach::Zombie,
    Breach::ForeignKeyTouched,
    Breach::FalseCause,
    Breach::LateLoss,
    Breach::RanAfterHandOver,
];

/// Whether a connection that has failed did so with its server: the next one is to another process.
fn dies(node: u8, later: &Lines<'_>) -> bool {
    let next = later.iter().find_map(|(_, step)| match step.input {
        Input::Connected { node: to, new_process } if to == node => Some(new_process),
        Input::Start(_)
        | Input::Adopt { .. }
        | Input::Answer { .. }
        | Input::Tick
        | Input::Stop
        | Input::HandOver
        | Input::Reset { .. }
        | Input::Connected { .. } => None,
    });
    next == Some(true)
}

/// What the world does not have.
fn missing(input: Input<Mark>) -> &'static str {
    match input {
        Input::Answer { answer: Answer::NotSent, .. } => "a command that never left",
        Input::Answer { .. } => "an extend that was left to run",
        Input::Connected { .. } => "a refused release that is tried again",
        Input::Start(_)
        | Input::Adopt { .. }
        | Input::Tick
        | Input::Stop
        | Input::HandOver
        | Input::Reset { .. } => "an input that is no step there",
    }
}
