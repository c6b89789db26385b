//! Takes the steps of a trace and writes down what the picture shows of them.

use leasehold::protocol::{Micros, Rules, Ticks};
use leasehold_world::{
    Replay, ReplayError, Step, Trace, World, WorldTime, replay, with_any_size, with_size,
};

use crate::extras::Extras;
use crate::flights::Flights;
use crate::steps::{self, Reading};
use crate::story::{Bar, Lane, Lasting, Mark, Moment, Story};

/// Takes every step of `trace`, from the beginning.
pub(crate) fn walk(trace: &Trace) -> Result<Story, ReplayError> {
    let scope = &trace.scope;
    // What may be taken, what breaks and what to say about it is the replay's to decide.
    let replayed = replay(trace)?;
    let size = || Err(ReplayError::Size { nodes: scope.config.nodes(), clients: scope.clients() });
    match trace.unit.as_str() {
        Ticks::UNIT => with_size!(scope, |N, C| take::<Ticks, N, C>(trace, &replayed), size()),
        Micros::UNIT => {
            with_any_size!(scope, |N, C| take::<Micros, N, C>(trace, &replayed), size())
        }
        other => Err(ReplayError::Unit(other.to_owned())),
    }
}

fn take<I: WorldTime, const N: usize, const C: usize>(
    trace: &Trace,
    replayed: &Replay,
) -> Result<Story, ReplayError> {
    let scope = &trace.scope;
    let ttl = scope.config.ttl();
    let mut world: World<_, I, N, C> = World::new(scope, scope.mutated);
    let mut flights = Flights::<N, C>::new();
    let mut bars = Vec::new();
    let mut begun = false;
    let mut moments = Vec::with_capacity(trace.steps.len());
    for (index, (line, frame)) in trace.steps.iter().zip(&replayed.moments).enumerate() {
        let step: Step<I, N, C> =
            (line.step.parse()).map_err(|error| ReplayError::Step { line: line.number, error })?;
        let effects = world.apply(scope, scope.mutated, step);
        let clocks = std::array::from_fn(|c| world.clients[c].now);
        let Reading { touch, mut marks, link, passed } = steps::read(&step, &effects, &clocks, ttl);
        let answer = effects.executed.map(|executed| executed.answer);
        let present = std::array::from_fn(|c| world.clients[c].generation);
        flights.follow(index, touch, answer, &world.pipes, &present);
        let ended = note_bars(&mut bars, index, &lasting(&world));
        begun |= passed.is_none();
        if !begun && !I::IN_TICKS {
            // Clocks are set before anything happens.
            marks.clear();
        }
        if passed.is_some() {
            // Nobody did anything: what ended has ended by itself.
            marks.extend(ended.into_iter().filter_map(run_out));
        }
        let broken = replayed.broken.iter().filter(|(at, _)| *at == index + 1);
        moments.push(Moment {
            clock: frame.elapsed,
            passed,
            sentence: frame.line.note.clone(),
            marks,
            link,
            broken: broken.map(|(_, claim)| *claim).collect(),
        });
    }
    Ok(Story {
        clients: C as u8,
        nodes: N as u8,
        in_ticks: I::IN_TICKS,
        ttl,
        // Steps that were changed by hand may break something else.
        breaks: trace.breaks.filter(|claim| replayed.broken.iter().any(|(_, one)| one == claim)),
        moments,
        flights: flights.into_known(),
        bars,
        extras: Extras::default(),
    })
}

/// All that lasts in this state.
fn lasting<R: Rules, I: WorldTime, const N: usize, const C: usize>(
    world: &World<R, I, N, C>,
) -> Vec<(Lane, Lasting)> {
    let mut lasting = Vec::new();
    for (client, c) in world.clients.iter().zip(0..) {
        if client.paused {
            lasting.push((Lane::Client(c), Lasting::Paused));
        }
        if client.believes() {
            lasting.push((Lane::Client(c), Lasting::Belief { generation: client.generation }));
        }
    }
    for (node, n) in world.nodes.iter().zip(0..) {
        if node.down {
            lasting.push((Lane::Node(n), Lasting::Down));
        }
        if !node.key.is_none() {
            let (client, generation) = (node.key.client(), node.key.generation());
            lasting.push((Lane::Node(n), Lasting::Key { client, generation }));
        }
    }
    lasting
}

/// Ends the bars of what has ended and begins those of what is new. Returns what has ended.
fn note_bars(
    bars: &mut Vec<Bar>,
    step: usize,
    lasting: &[(Lane, Lasting)],
) -> Vec<(Lane, Lasting)> {
    let mut ended = Vec::new();
    for bar in bars.iter_mut().filter(|bar| bar.to.is_none()) {
        if !lasting.contains(&(bar.lane, bar.what)) {
            bar.to = Some(step);
            ended.push((bar.lane, bar.what));
        }
    }
    for &(lane, what) in lasting {
        let goes_on = |bar: &Bar| bar.to.is_none() && (bar.lane, bar.what) == (lane, what);
        if !bars.iter().any(goes_on) {
            bars.push(Bar { lane, what, from: step, to: None });
        }
    }
    ended
}

/// What is written where something has ended because its time was over.
fn run_out((lane, what): (Lane, Lasting)) -> Option<Mark> {
    let text = match what {
        Lasting::Belief { .. } => "validity over",
        Lasting::Key { .. } => "expires",
        Lasting::Paused | Lasting::Down => return None,
    };
    Some(Mark { lane, text: text.to_owned(), loud: true })
}
