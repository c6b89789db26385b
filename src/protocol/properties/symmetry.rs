//! What means nothing: the origin of the clock, the names of the nodes, the token, the far past.
//! The checker merges states that differ only by these.

use super::*;

on_both_clocks!(forgetting_the_past_shows_nowhere);

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_origin_of_the_clock_means_nothing(
        config in any_config(2..=30_000_000),
        script in any_script(),
        by in -1_000_000_000_000i64..1_000_000_000_000,
    ) {
        shifting_commutes(&config, &play::<Sound, Micros>(Sound, &config, &script), by)?;
    }

    #[test]
    fn the_origin_of_the_ticks_means_nothing(
        config in any_config(2..=12),
        script in any_script(),
        by in -100i64..=10,
    ) {
        shifting_commutes(&config, &play::<Sound, Ticks>(Sound, &config, &script), by)?;
    }

    #[test]
    fn the_names_of_the_nodes_mean_nothing(
        config in any_config(2..=12),
        script in any_script(),
        seed in any::<u64>(),
    ) {
        let mut order: Vec<u8> = (0..config.nodes()).collect();
        order.sort_by_key(|&node| seed.rotate_left(u32::from(node) * 11) % 101);
        renaming_nodes_commutes(&config, &play::<Sound, Ticks>(Sound, &config, &script), &order)?;
        renaming_nodes_commutes(&config, &play::<Sound, Micros>(Sound, &config, &script), &order)?;
    }

    #[test]
    fn the_token_means_nothing(
        config in any_config(2..=12),
        script in any_script(),
        token in any::<u32>(),
    ) {
        let ticks = play::<Sound, Ticks>(Sound, &config, &script);
        another_token_changes_nothing(&config, &ticks, token)?;
        let micros = play::<Sound, Micros>(Sound, &config, &script);
        another_token_changes_nothing(&config, &micros, token)?;
    }
}

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
        Event::HandedOver { valid_until } => Event::HandedOver { valid_until: moment(valid_until) },
    }
}

fn shifting_commutes<R: Rules, I: Instant>(
    config: &Config,
    steps: &[Taken<R, I>],
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
pub(super) fn forgetting_the_past_shows_nowhere<R: Rules, I: Instant>(
    config: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    let Some(mut forgetful) = steps.first().map(|step| step.before) else { return Ok(()) };
    for step in steps {
        forgetful = forgetful.shift(0, step.moment.now.plus(-config.ttl() - 1));
        let output = forgetful.handle(config, step.moment, step.input);
        prop_assert_eq!(output, step.output);
    }
    Ok(())
}

fn renaming_nodes_commutes<R: Rules, I: Instant>(
    config: &Config,
    steps: &[Taken<R, I>],
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
            other @ (Input::Start(_)
            | Input::Adopt { .. }
            | Input::Tick
            | Input::Stop
            | Input::HandOver) => other,
        };
        let Moment { now, reachable, guarded } = step.moment;
        let moment = Moment { now, reachable: permuted(reachable), guarded: permuted(guarded) };
        let mut lease = step.before.permute(order);
        let output = lease.handle(config, moment, input);
        let Commands { kill, set, adopt, extend, release } = step.output.commands;
        let commands = Commands {
            kill: permuted(kill),
            set: permuted(set),
            adopt: permuted(adopt),
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

fn another_token_changes_nothing<R: Rules, I: Instant>(
    config: &Config,
    steps: &[Taken<R, I>],
    token: u32,
) -> Result<(), TestCaseError> {
    for step in steps {
        let input = match step.input {
            Input::Start(_) => Input::Start(token),
            Input::Adopt { from, .. } => Input::Adopt { token, from },
            other @ (Input::Answer { .. }
            | Input::Tick
            | Input::Stop
            | Input::HandOver
            | Input::Reset { .. }
            | Input::Connected { .. }) => other,
        };
        let mut lease = step.before.relabel(token);
        prop_assert_eq!(lease.handle(config, step.moment, input), step.output);
        prop_assert_eq!(lease, step.after.relabel(token));
    }
    Ok(())
}
