//! A lease that is handed over, and one that takes over.

use super::*;

on_both_clocks!(
    it_is_handed_over_once_nothing_may_run,
    handing_over_has_an_end,
    an_adoption_creates_nothing,
    what_cannot_be_given_is_released,
);

/// Nothing pending, nothing owed, nothing sent with it: the token is another's from there on. That
/// nothing follows is a property of every lease that is paid off.
pub(super) fn it_is_handed_over_once_nothing_may_run<R: Rules, I: Instant>(
    _: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    for Taken { before, moment, output, after, .. } in steps {
        if let Some(Event::HandedOver { valid_until }) = output.event {
            prop_assert_eq!(output.commands, Commands::default());
            prop_assert!(after.is_settled(), "{:?}", after);
            prop_assert!(moment.now < valid_until, "{:?}", moment);
            prop_assert!(before.valid_until().is_none_or(|until| until == valid_until));
        }
        let told = matches!(output.event, Some(Event::HandedOver { .. }));
        let moved = before.phase() != after.phase() && after.phase() == Phase::HandedOver;
        prop_assert_eq!(told, moved);
    }
    Ok(())
}

/// By the bound of a release, and before the lease runs out.
pub(super) fn handing_over_has_an_end<R: Rules, I: Instant>(
    config: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    for Taken { before, moment, after, .. } in steps {
        if before.phase() == Phase::Held && after.phase() == Phase::HandingOver {
            let bound = moment.now.plus(config.settings().release_within);
            let end = before.valid_until().map(|until| until.min(bound));
            prop_assert_eq!(after.deadline(), end.map(|end| (end, Timer::HandOverTimeout)));
        }
    }
    Ok(())
}

/// Its round is one exchange of tokens, and no `SET` follows but the repair of what a quorum holds.
pub(super) fn an_adoption_creates_nothing<R: Rules, I: Instant>(
    _: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    for Taken { before, input, output, after, .. } in steps {
        let adopts = before.phase() == Phase::Idle && matches!(input, Input::Adopt { .. });
        let Commands { set, adopt, .. } = output.commands;
        prop_assert!(adopts || adopt.is_empty(), "{:?}", input);
        let repairs = matches!(output.event, Some(Event::Extended { .. }));
        prop_assert!(repairs || after.adopted().is_none() || set.is_empty());
        if let (true, &Input::Adopt { token, from }) = (adopts, input) {
            prop_assert_eq!((after.token(), after.adopted()), (token, Some(from)));
            // Which of them may store the own token is known from the first moment.
            prop_assert_eq!(adopt, after.owed().and(after.unresolved()));
        }
    }
    Ok(())
}

/// If it takes too long, or the user changes their mind, it ends as if it had been stopped.
pub(super) fn what_cannot_be_given_is_released<R: Rules, I: Instant>(
    config: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    for Taken { moment, after, .. } in steps {
        if after.phase() != Phase::HandingOver {
            continue;
        }
        let late = after.deadline().map_or(moment.now, |(at, _)| at.max(moment.now));
        for (now, input) in [(late, Input::Tick), (moment.now, Input::Stop)] {
            let mut lease = *after;
            let output = lease.handle(config, Moment { now, ..*moment }, input);
            let over =
                matches!(lease.phase(), Phase::Draining | Phase::Releasing | Phase::Released);
            prop_assert!(over, "{:?}", lease);
            let reachable = after.owed().and(moment.reachable);
            let waiting = match config.transport() {
                Transport::Fifo => NodeSet::EMPTY,
                Transport::Pooled => after.unresolved(),
            };
            prop_assert_eq!(output.commands.release, reachable.without(waiting));
        }
    }
    Ok(())
}
