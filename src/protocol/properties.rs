//! What holds for every lease whatever it is told, in any order and at any moments.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::collections::BTreeSet;
use std::string::String;
use std::vec::Vec;
use std::{format, vec};

use super::*;

type TestLease<I> = Lease<Sound, I, u32>;

/// One thing to tell a lease. Most are chosen so that they fit what it waits for.
#[derive(Clone, Copy, Debug)]
enum Told {
    /// The deadline has come.
    Due,
    /// A node that was asked answers.
    Fitting(u8, Answer),
    /// A node that owes an acknowledgement answers.
    Acknowledged(u8, Answer),
    /// Anything at all.
    Any(Input<u32>),
}

/// When and what, and which nodes have a connection.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// How much time has passed, in sixteenths of the TTL.
    after: i64,
    reachable: u16,
    told: Told,
}

fn any_answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        6 => Just(Answer::Done),
        2 => Just(Answer::Missing),
        2 => Just(Answer::Foreign),
        1 => Just(Answer::Refused),
        1 => Just(Answer::NotSent),
        1 => Just(Answer::Unknown),
    ]
}

fn any_input() -> impl Strategy<Value = Input<u32>> {
    let commands = [Command::Set, Command::Extend, Command::Release, Command::Kill];
    let node = || 0u8..16;
    let answers = (node(), prop::sample::select(commands.to_vec()), any_answer());
    prop_oneof![
        1 => any::<u32>().prop_map(Input::Start),
        4 => answers.prop_map(|(node, command, answer)| Input::Answer { node, command, answer }),
        2 => Just(Input::Tick),
        1 => Just(Input::Stop),
        2 => node().prop_map(|node| Input::Reset { node }),
        2 => (node(), any::<bool>())
            .prop_map(|(node, new_process)| Input::Connected { node, new_process }),
    ]
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let told = prop_oneof![
        4 => Just(Told::Due),
        8 => (any::<u8>(), any_answer()).prop_map(|(pick, answer)| Told::Fitting(pick, answer)),
        2 => (any::<u8>(), any_answer())
            .prop_map(|(pick, answer)| Told::Acknowledged(pick, answer)),
        4 => any_input().prop_map(Told::Any),
    ];
    let after = prop_oneof![6 => Just(0i64), 3 => 0i64..4, 1 => 0i64..24];
    let reachable = prop_oneof![4 => Just(u16::MAX), 1 => any::<u16>()];
    (after, reachable, told).prop_map(|(after, reachable, told)| Entry { after, reachable, told })
}

/// A lease that begins, and what it is told then.
fn any_script() -> impl Strategy<Value = Vec<Entry>> {
    let start = Entry { after: 0, reachable: u16::MAX, told: Told::Any(Input::Start(7)) };
    let first = prop_oneof![9 => Just(Some(start)), 1 => Just(None)];
    (first, prop::collection::vec(any_entry(), 0..40))
        .prop_map(|(first, rest)| first.into_iter().chain(rest).collect())
}

/// Settings that fit together, with TTLs of `ttl`.
fn any_config(ttl: core::ops::RangeInclusive<i64>) -> impl Strategy<Value = Config> {
    let names = (
        prop::sample::select(vec![Extend::Touch, Extend::TouchOrSet]),
        prop::sample::select(vec![Transport::Fifo, Transport::Pooled]),
    );
    // Parts are in 256ths.
    (1u8..=5, ttl, any::<[u8; 5]>(), names).prop_map(|(nodes, ttl, parts, (extend, transport))| {
        let part = |whole: i64, index: usize| 1 + (whole - 1) * i64::from(parts[index]) / 256;
        let floor = ttl / 4 * i64::from(parts[0]) / 255;
        let settings = Settings {
            nodes,
            ttl,
            drift: Drift { factor_ppm: 0, floor },
            renew_every: part(ttl - floor - 1, 1),
            renew_retry: part(ttl, 2),
            node_timeout: part(ttl, 3),
            release_within: part(ttl, 4),
            extend,
            transport,
            max_ttl: None,
            repair: parts[0] % 2 == 1,
        };
        Config::new(settings).unwrap()
    })
}

fn set_of(bits: u16, nodes: u8) -> NodeSet {
    let mut set = NodeSet::EMPTY;
    (0..nodes).filter(|node| bits & (1 << node) != 0).for_each(|node| set.insert(node));
    set
}

/// A step that was taken: the lease before and after it.
#[derive(Clone, Copy, Debug)]
struct Taken<I> {
    before: TestLease<I>,
    moment: Moment<I>,
    input: Input<u32>,
    output: Output<I>,
    after: TestLease<I>,
}

/// Plays a script, as far as its moments do not reach the end of the clock.
fn play<I: Instant>(config: &Config, script: &[Entry]) -> Vec<Taken<I>> {
    let mut lease = TestLease::<I>::new(Sound);
    let mut now = I::default();
    let end = now.plus(i64::MAX).plus(-3 * config.ttl());
    let mut steps: Vec<Taken<I>> = Vec::new();
    for entry in script {
        now = now.plus(config.ttl() * entry.after / 16);
        let due = lease.deadline().map(|(at, _)| at);
        if let (Told::Due, Some(at)) = (entry.told, due) {
            now = now.max(at);
        }
        if now > end {
            break;
        }
        let input = input_of(config, &lease, entry.told);
        let moment = Moment {
            now,
            reachable: set_of(entry.reachable, config.nodes()),
            guarded: NodeSet::EMPTY,
        };
        let before = lease;
        let output = lease.handle(config, moment, input);
        steps.push(Taken { before, moment, input, output, after: lease });
    }
    steps
}

fn input_of<I: Instant>(config: &Config, lease: &TestLease<I>, told: Told) -> Input<u32> {
    let acquiring = lease.phase() == Phase::Acquiring;
    let round = if acquiring { Command::Set } else { Command::Extend };
    let pick = |nodes: NodeSet, index: u8, command, answer| {
        let index = usize::from(index) % usize::from(nodes.len().max(1));
        nodes.iter().nth(index).map(|node| Input::Answer { node, command, answer })
    };
    let within = |node: u8| node % config.nodes();
    match told {
        Told::Due => Input::Tick,
        Told::Fitting(index, answer) => {
            pick(lease.unresolved(), index, round, answer).unwrap_or(Input::Tick)
        }
        Told::Acknowledged(index, answer) => {
            pick(lease.owed(), index, Command::Release, answer).unwrap_or(Input::Tick)
        }
        Told::Any(Input::Answer { node, command, answer }) => {
            Input::Answer { node: within(node), command, answer }
        }
        Told::Any(Input::Reset { node }) => Input::Reset { node: within(node) },
        Told::Any(Input::Connected { node, new_process }) => {
            Input::Connected { node: within(node), new_process }
        }
        Told::Any(input @ (Input::Start(_) | Input::Tick | Input::Stop)) => input,
    }
}

/// What the lease knows of its round, for each node.
fn round_of<I: Instant>(lease: &TestLease<I>, nodes: u8) -> Vec<u16> {
    (0..nodes).map(|node| lease.view_of(node) >> 4).collect()
}

/// Asked, and not heard of.
const AWAITED: u16 = 0b10000;

// ---- every property of a single lease -----------------------------------------------------------

fn belief_is_bounded<I: Instant>(config: &Config, steps: &[Taken<I>]) -> Result<(), TestCaseError> {
    let mut began = I::default();
    let longest = config.ttl() - config.drift();
    for step in steps {
        let Commands { set, extend, .. } = step.output.commands;
        let (held, holds) = (step.before.valid_until(), step.after.valid_until());
        if let Some(until) = holds {
            prop_assert!(step.after.believes(step.moment.now));
            prop_assert!(step.after.believes(until.plus(-1)));
            prop_assert!(!step.after.believes(until));
            prop_assert!(!step.after.believes(until.plus(1)));
            prop_assert!(step.after.deadline().is_some_and(|(at, _)| at <= until));
            prop_assert!(until.since(step.moment.now) <= longest);
        } else {
            prop_assert!(!step.after.believes(step.moment.now));
        }
        match step.output.event {
            Some(Event::Acquired { valid_until }) => {
                prop_assert_eq!(held, None);
                prop_assert_eq!(holds, Some(valid_until));
                prop_assert_eq!(valid_until, began.plus(longest));
            }
            Some(Event::Extended { valid_until }) => {
                prop_assert_eq!(holds, Some(valid_until));
                prop_assert!(held.is_some_and(|before| before <= valid_until));
                prop_assert!(Some(valid_until) == held || valid_until == began.plus(longest));
            }
            // Nothing else makes belief begin or last longer.
            _ => prop_assert!(holds.is_none() || holds == held),
        }
        if let Some(until) = held.filter(|&until| step.moment.now >= until) {
            prop_assert_eq!(
                step.output.event,
                Some(Event::Lost(LossCause::Expired)),
                "{:?}",
                until
            );
        }
        if !set.or(extend).is_empty() {
            began = step.moment.now;
        }
    }
    Ok(())
}

fn the_end_is_final<I: Instant>(steps: &[Taken<I>]) -> Result<(), TestCaseError> {
    let mut stopped = false;
    for step in steps {
        let Commands { kill, set, extend, release } = step.output.commands;
        stopped |= step.input == Input::Stop;
        let was_over = matches!(step.before.phase(), Phase::Lost | Phase::Released);
        if was_over {
            prop_assert_eq!(step.after.phase(), step.before.phase());
            prop_assert_eq!(step.output.event, None);
            prop_assert_eq!(step.after.deadline(), None);
        }
        if stopped || was_over || step.after.phase() == Phase::Lost {
            prop_assert_eq!(set.or(extend), NodeSet::EMPTY);
            let kept = matches!(
                step.output.event,
                Some(Event::Acquired { .. } | Event::Extended { .. } | Event::RenewalFailed(_))
            );
            prop_assert!(!kept, "{:?}", step.output.event);
            prop_assert!(!step.after.believes(step.moment.now));
        }
        let owed = step.before.owed().or(step.after.owed());
        prop_assert_eq!(release.without(owed), NodeSet::EMPTY, "only what is owed");
        prop_assert_eq!(kill.without(step.before.unresolved()), NodeSet::EMPTY);
        let over = matches!(
            step.after.phase(),
            Phase::Lost | Phase::Released | Phase::Draining | Phase::Releasing
        );
        prop_assert!(over || release.is_empty(), "a release before the end");
    }
    Ok(())
}

fn one_command_per_node<I: Instant>(steps: &[Taken<I>]) -> Result<(), TestCaseError> {
    for step in steps {
        let Commands { kill, set, extend, release } = step.output.commands;
        let asked = set.or(extend);
        prop_assert!(set.is_empty() || extend.is_empty());
        prop_assert_eq!(asked.and(step.before.unresolved()), NodeSet::EMPTY);
        prop_assert_eq!(asked.without(step.after.unresolved()), NodeSet::EMPTY);
        let sent = kill.or(asked).or(release);
        // A KILL goes on the connection that the input tells of.
        prop_assert_eq!(asked.or(release).without(step.moment.reachable), NodeSet::EMPTY);
        if let Input::Connected { node, .. } = step.input {
            prop_assert_eq!(kill.without(NodeSet::only(node)), NodeSet::EMPTY);
        } else {
            prop_assert_eq!(kill, NodeSet::EMPTY, "{:?}", sent);
        }
    }
    Ok(())
}

/// On a pooled transport no release goes to a node where an earlier command may still run.
fn releases_wait_in_a_pool<I: Instant>(
    config: &Config,
    steps: &[Taken<I>],
) -> Result<(), TestCaseError> {
    for step in steps.iter().filter(|_| config.transport() == Transport::Pooled) {
        let release = step.output.commands.release;
        prop_assert_eq!(release.and(step.after.unresolved()), NodeSet::EMPTY);
    }
    Ok(())
}

/// A lease is won by *done* from a majority of the nodes that its round asked, in that round.
fn a_win_needs_a_majority<I: Instant>(
    config: &Config,
    steps: &[Taken<I>],
) -> Result<(), TestCaseError> {
    let (mut awaited, mut done) = (NodeSet::EMPTY, NodeSet::EMPTY);
    for step in steps {
        match step.input {
            Input::Answer { node, command: Command::Set | Command::Extend, answer } => {
                if awaited.contains(node) && answer == Answer::Done {
                    done.insert(node);
                }
                awaited.remove(node);
            }
            Input::Reset { node } => awaited.remove(node),
            Input::Start(_)
            | Input::Answer { .. }
            | Input::Tick
            | Input::Stop
            | Input::Connected { .. } => {}
        }
        if matches!(step.output.event, Some(Event::Acquired { .. } | Event::Extended { .. })) {
            prop_assert!(2 * done.len() > config.nodes(), "{:?}", done);
        }
        let Commands { set, extend, .. } = step.output.commands;
        if !set.or(extend).is_empty() {
            (awaited, done) = (set.or(extend), NodeSet::EMPTY);
        }
    }
    Ok(())
}

/// A node that is not awaited can say what it likes: the round and the validity stay.
fn late_answers_change_nothing<I: Instant>(
    config: &Config,
    steps: &[Taken<I>],
) -> Result<(), TestCaseError> {
    let answers =
        [Answer::Done, Answer::Missing, Answer::Foreign, Answer::Refused, Answer::Unknown];
    for step in steps {
        for node in 0..config.nodes() {
            let awaited = step.after.view_of(node) >> 4 == AWAITED;
            for command in [Command::Set, Command::Extend, Command::Release, Command::Kill] {
                if awaited && matches!(command, Command::Set | Command::Extend) {
                    continue;
                }
                for answer in answers {
                    let mut lease = step.after;
                    let input = Input::Answer { node, command, answer };
                    let output = lease.handle(config, step.moment, input);
                    let nodes = config.nodes();
                    prop_assert_eq!(round_of(&lease, nodes), round_of(&step.after, nodes));
                    prop_assert_eq!(lease.valid_until(), step.after.valid_until());
                    let told = matches!(output.event, None | Some(Event::Released { .. }));
                    prop_assert!(told, "{:?}", output.event);
                    prop_assert_eq!(output.commands.set.or(output.commands.extend), NodeSet::EMPTY);
                    let moves_on = matches!(step.after.phase(), Phase::Draining | Phase::Releasing);
                    prop_assert!(moves_on || lease.phase() == step.after.phase());
                    prop_assert!(moves_on || lease.deadline() == step.after.deadline());
                }
            }
        }
    }
    Ok(())
}

/// Once over, a lease whose nodes all answer is paid off, and stays so.
fn debts_can_be_paid<I: Instant>(config: &Config, steps: &[Taken<I>]) -> Result<(), TestCaseError> {
    let Some(last) = steps.last() else { return Ok(()) };
    let mut lease = last.after;
    let moment = Moment {
        now: last.moment.now,
        reachable: NodeSet::all(config.nodes()),
        guarded: NodeSet::EMPTY,
    };
    let _ = lease.handle(config, moment, Input::Stop);
    let _ = lease.handle(config, moment, Input::Tick);
    for node in 0..config.nodes() {
        let _ = lease.handle(config, moment, Input::Reset { node });
        let connected = Input::Connected { node, new_process: false };
        let _ = lease.handle(config, moment, connected);
        for command in [Command::Kill, Command::Extend, Command::Release] {
            let answer = Answer::Done;
            let _ = lease.handle(config, moment, Input::Answer { node, command, answer });
        }
    }
    prop_assert!(lease.is_settled(), "{:?}", lease);
    Ok(())
}

// ---- symmetries ---------------------------------------------------------------------------------

fn event_with<I: Copy>(
    event: Event<I>,
    moment: impl Fn(I) -> I,
    nodes: impl Fn(NodeSet) -> NodeSet,
) -> Event<I> {
    let tally = |tally: Tally| Tally {
        done: nodes(tally.done),
        missing: nodes(tally.missing),
        foreign: nodes(tally.foreign),
        failed: nodes(tally.failed),
    };
    match event {
        Event::Acquired { valid_until } => Event::Acquired { valid_until: moment(valid_until) },
        Event::Extended { valid_until } => Event::Extended { valid_until: moment(valid_until) },
        Event::Denied(heard) => Event::Denied(tally(heard)),
        Event::RenewalFailed(heard) => Event::RenewalFailed(tally(heard)),
        Event::Lost(cause) => Event::Lost(cause),
        Event::Released { unsettled } => Event::Released { unsettled: nodes(unsettled) },
    }
}

fn shifting_commutes<I: Instant>(
    config: &Config,
    steps: &[Taken<I>],
    by: i64,
) -> Result<(), TestCaseError> {
    let oldest = I::default().plus(i64::MIN);
    for step in steps {
        let mut shifted = step.before.shift(by, oldest);
        let moment = Moment { now: step.moment.now.plus(by), ..step.moment };
        let output = shifted.handle(config, moment, step.input);
        let event = step.output.event.map(|event| event_with(event, |at| at.plus(by), |set| set));
        prop_assert_eq!(output, Output { event, ..step.output });
        prop_assert_eq!(shifted, step.after.shift(by, oldest));
    }
    Ok(())
}

/// Moments more than a TTL in the past may be forgotten, at any step, and nobody notices.
fn forgetting_the_past_shows_nowhere<I: Instant>(
    config: &Config,
    steps: &[Taken<I>],
) -> Result<(), TestCaseError> {
    let mut forgetful = TestLease::<I>::new(Sound);
    for step in steps {
        forgetful = forgetful.shift(0, step.moment.now.plus(-config.ttl() - 1));
        let output = forgetful.handle(config, step.moment, step.input);
        prop_assert_eq!(output, step.output);
    }
    Ok(())
}

fn renaming_nodes_commutes<I: Instant>(
    config: &Config,
    steps: &[Taken<I>],
    order: &[u8],
) -> Result<(), TestCaseError> {
    let permuted = |set: NodeSet| set.permute(order);
    let renamed =
        |old: u8| order.iter().position(|&other| other == old).map_or(old, |new| new as u8);
    for step in steps {
        let input = match step.input {
            Input::Answer { node, command, answer } => {
                Input::Answer { node: renamed(node), command, answer }
            }
            Input::Reset { node } => Input::Reset { node: renamed(node) },
            Input::Connected { node, new_process } => {
                Input::Connected { node: renamed(node), new_process }
            }
            other @ (Input::Start(_) | Input::Tick | Input::Stop) => other,
        };
        let moment = Moment { reachable: permuted(step.moment.reachable), ..step.moment };
        let mut lease = step.before.permute(order);
        let output = lease.handle(config, moment, input);
        let Commands { kill, set, extend, release } = step.output.commands;
        let commands = Commands {
            kill: permuted(kill),
            set: permuted(set),
            extend: permuted(extend),
            release: permuted(release),
        };
        let event = step.output.event.map(|event| event_with(event, |at| at, permuted));
        prop_assert_eq!(output, Output { commands, event });
        prop_assert_eq!(lease, step.after.permute(order));
        for (new, &old) in order.iter().enumerate() {
            prop_assert_eq!(lease.view_of(new as u8), step.after.view_of(old));
        }
    }
    Ok(())
}

fn another_token_changes_nothing<I: Instant>(
    config: &Config,
    steps: &[Taken<I>],
    token: u32,
) -> Result<(), TestCaseError> {
    for step in steps {
        let input = match step.input {
            Input::Start(_) => Input::Start(token),
            other @ (Input::Answer { .. }
            | Input::Tick
            | Input::Stop
            | Input::Reset { .. }
            | Input::Connected { .. }) => other,
        };
        let mut lease = step.before.relabel(token);
        prop_assert_eq!(lease.handle(config, step.moment, input), step.output);
        prop_assert_eq!(lease, step.after.relabel(token));
    }
    Ok(())
}

// ---- the tests ----------------------------------------------------------------------------------

macro_rules! on_both_clocks {
    ($micros:ident, $ticks:ident: |$config:ident, $steps:ident| $($holds:expr),+) => {
        proptest! {
            #![proptest_config(ProptestConfig::with_cases(512))]
            #[test]
            fn $micros($config in any_config(2..=30_000_000), script in any_script()) {
                let ($config, $steps) = (&$config, &play::<Micros>(&$config, &script)[..]);
                $($holds?;)+
            }

            #[test]
            fn $ticks($config in any_config(2..=12), script in any_script()) {
                let ($config, $steps) = (&$config, &play::<Ticks>(&$config, &script)[..]);
                $($holds?;)+
            }
        }
    };
}

on_both_clocks!(belief_is_bounded_in_micros, belief_is_bounded_in_ticks: |config, steps|
    belief_is_bounded(config, steps));
on_both_clocks!(the_end_is_final_in_micros, the_end_is_final_in_ticks: |config, steps|
    the_end_is_final(steps), debts_can_be_paid(config, steps));
on_both_clocks!(commands_are_bounded_in_micros, commands_are_bounded_in_ticks: |config, steps|
    one_command_per_node(steps), releases_wait_in_a_pool(config, steps));
on_both_clocks!(rounds_are_judged_rightly_in_micros, rounds_are_judged_rightly_in_ticks:
    |config, steps|
    a_win_needs_a_majority(config, steps), late_answers_change_nothing(config, steps));
on_both_clocks!(the_past_may_be_forgotten_in_micros, the_past_may_be_forgotten_in_ticks:
    |config, steps|
    forgetting_the_past_shows_nowhere(config, steps));

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn the_origin_of_the_clock_means_nothing(
        config in any_config(2..=30_000_000),
        script in any_script(),
        by in -1_000_000_000_000i64..1_000_000_000_000,
    ) {
        shifting_commutes(&config, &play::<Micros>(&config, &script), by)?;
    }

    #[test]
    fn the_origin_of_the_ticks_means_nothing(
        config in any_config(2..=12),
        script in any_script(),
        by in -100i64..=10,
    ) {
        shifting_commutes(&config, &play::<Ticks>(&config, &script), by)?;
    }

    #[test]
    fn the_names_of_the_nodes_mean_nothing(
        config in any_config(2..=12),
        script in any_script(),
        seed in any::<u64>(),
    ) {
        let mut order: Vec<u8> = (0..config.nodes()).collect();
        order.sort_by_key(|&node| seed.rotate_left(u32::from(node) * 11) % 101);
        renaming_nodes_commutes(&config, &play::<Ticks>(&config, &script), &order)?;
        renaming_nodes_commutes(&config, &play::<Micros>(&config, &script), &order)?;
    }

    #[test]
    fn the_token_means_nothing(
        config in any_config(2..=12),
        script in any_script(),
        token in any::<u32>(),
    ) {
        another_token_changes_nothing(&config, &play::<Ticks>(&config, &script), token)?;
        another_token_changes_nothing(&config, &play::<Micros>(&config, &script), token)?;
    }

    #[test]
    fn nothing_makes_it_panic(
        nodes in 1u8..=16,
        spans in any::<[u32; 4]>(),
        ttl in 2i64..,
        start in any::<i64>(),
        told in prop::collection::vec((any::<u64>(), any::<u16>(), any_input()), 0..60),
    ) {
        let span = |index: usize| i64::from(spans[index]) + 1;
        let settings = Settings {
            nodes,
            ttl,
            drift: Drift { factor_ppm: spans[0] % 1_000_000, floor: 0 },
            renew_every: 1,
            renew_retry: span(1),
            node_timeout: span(2),
            release_within: span(3),
            extend: Extend::TouchOrSet,
            transport: Transport::Pooled,
            max_ttl: None,
            repair: true,
        };
        let config = Config::new(settings);
        prop_assume!(config.is_ok());
        let config = config.unwrap();
        let mut lease = TestLease::<Micros>::new(Sound);
        let mut now = Micros(start);
        for (after, reachable, input) in told {
            now = now.plus((after >> 1) as i64 >> (after % 64));
            let input = input_of(&config, &lease, Told::Any(input));
            let (reachable, guarded) = (set_of(reachable, nodes), NodeSet::EMPTY);
            let moment = Moment { now, reachable, guarded };
            let _ = lease.handle(&config, moment, input);
            let due = lease.deadline().map(|(at, _)| at);
            prop_assert!(lease.valid_until().is_none_or(|until| due.unwrap() <= until));
        }
    }
}

/// Properties of scripts that reach nothing would mean nothing.
#[test]
fn the_scripts_reach_every_event() {
    let mut runner = TestRunner::deterministic();
    let strategy = (any_config(2..=12), any_script());
    let mut seen = BTreeSet::new();
    let mut phases = BTreeSet::new();
    for _ in 0..2000 {
        let (config, script) = strategy.new_tree(&mut runner).unwrap().current();
        for step in play::<Ticks>(&config, &script) {
            phases.insert(step.after.phase());
            let name = |event: Event<Ticks>| -> String {
                let full = format!("{event:?}");
                if matches!(event, Event::Lost(_)) {
                    return full;
                }
                full.split([' ', '(']).next().unwrap_or_default().into()
            };
            seen.extend(step.output.event.map(name));
        }
    }
    let wanted = [
        "Acquired",
        "Denied",
        "Extended",
        "Lost(Expired)",
        "Lost(Gone)",
        "Lost(Taken)",
        "Released",
        "RenewalFailed",
    ];
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
    assert_eq!(phases.len(), 8, "{phases:?}");
}

// ---- retries, drift and settings ----------------------------------------------------------------

fn retry(attempts: Option<u32>, a: i64, b: i64) -> Retry {
    Retry { attempts, delay_min: a.min(b), delay_max: a.max(b) }
}

proptest! {
    #[test]
    fn a_delay_lies_within_its_bounds_and_grows_with_the_jitter(
        a in 0i64.., b in 0i64.., attempt in 1u32.., jitter in any::<[u32; 2]>(),
    ) {
        let retry = retry(None, a, b);
        let [low, high] = [jitter[0].min(jitter[1]), jitter[0].max(jitter[1])];
        let (low, high) = (retry.delay(attempt, low).unwrap(), retry.delay(attempt, high).unwrap());
        prop_assert!(retry.delay_min <= low && low <= high && high <= retry.delay_max);
    }

    #[test]
    fn attempts_are_counted(limit in any::<u32>(), attempt in 1u32.., jitter in any::<u32>()) {
        let delay = retry(Some(limit), 1, 9).delay(attempt, jitter);
        prop_assert_eq!(delay.is_some(), attempt < limit);
    }

    #[test]
    fn drift_covers_its_share_and_never_shrinks_with_the_ttl(
        factor_ppm in 0u32..=1_000_000, floor in 0i64..1_000_000, ttl in 0i64..1 << 40,
        more in 0i64..1 << 20,
    ) {
        let drift = Drift { factor_ppm, floor };
        let allowance = drift.allowance(ttl);
        let share = i128::from(ttl) * i128::from(factor_ppm);
        let counted = i128::from(allowance - floor) * 1_000_000;
        prop_assert!(counted >= share && counted < share + 1_000_000);
        prop_assert!(drift.allowance(ttl + more) >= allowance);
    }

    #[test]
    fn settings_are_refused_or_usable(
        nodes in any::<u8>(), spans in prop::array::uniform5(-3i64..40),
        factor_ppm in 0u32..2_000_000, floor in 0i64..20,
    ) {
        let [ttl, renew_every, renew_retry, node_timeout, release_within] = spans;
        let drift = Drift { factor_ppm, floor };
        let settings = Settings {
            nodes, ttl, drift, renew_every, renew_retry, node_timeout, release_within,
            extend: Extend::Touch, transport: Transport::Fifo, max_ttl: None, repair: false,
        };
        let works = (1..=16).contains(&nodes)
            && spans.iter().all(|&span| span > 0)
            && drift.allowance(ttl) < ttl
            && renew_every < ttl - drift.allowance(ttl);
        match Config::new(settings) {
            Ok(config) => {
                prop_assert!(works);
                prop_assert_eq!(config.settings(), &settings);
                prop_assert_eq!(config.drift(), drift.allowance(ttl));
            }
            Err(error) => prop_assert!(!works, "{}", error),
        }
    }
}
