//! When a lease wants to be woken.

use super::*;

on_both_clocks!(
    a_held_lease_wakes_when_its_validity_ends_at_the_latest,
    one_tick_deals_with_what_is_due,
    a_tick_before_its_time_changes_nothing,
    nobody_is_woken_for_a_lease_that_is_over,
);

/// However late its next renewal is.
pub(super) fn a_held_lease_wakes_when_its_validity_ends_at_the_latest<R: Rules, I: Instant>(
    _: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    for Taken { after, .. } in steps {
        if let Some(until) = after.valid_until() {
            prop_assert!(after.deadline().is_some_and(|(at, _)| at <= until), "{:?}", after);
        }
    }
    Ok(())
}

/// A deadline that has passed is due: one tick takes it away, so nobody is woken in vain.
pub(super) fn one_tick_deals_with_what_is_due<R: Rules, I: Instant>(
    config: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    for Taken { moment, after, .. } in steps {
        if after.deadline().is_some_and(|(at, _)| at <= moment.now) {
            let mut lease = *after;
            let _ = lease.handle(config, *moment, Input::Tick);
            let next = lease.deadline().map(|(at, _)| at);
            prop_assert!(next.is_none_or(|at| at > moment.now), "{:?}", lease);
        }
    }
    Ok(())
}

/// Harmless, as it says: a driver may tick as often as it likes.
pub(super) fn a_tick_before_its_time_changes_nothing<R: Rules, I: Instant>(
    config: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    for Taken { moment, after, .. } in steps {
        if after.deadline().is_none_or(|(at, _)| at > moment.now) {
            let mut lease = *after;
            let output = lease.handle(config, *moment, Input::Tick);
            prop_assert_eq!(output, nothing());
            prop_assert_eq!(lease, *after);
        }
    }
    Ok(())
}

fn nothing<I>() -> Output<I> {
    Output { commands: Commands::default(), event: None }
}

/// What it still owes is paid when a node answers or a connection is back.
pub(super) fn nobody_is_woken_for_a_lease_that_is_over<R: Rules, I: Instant>(
    _: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    for Taken { after, .. } in steps {
        let asleep = after.phase() == Phase::Idle || after.phase().is_over();
        prop_assert_eq!(asleep, after.deadline().is_none(), "{:?}", after);
    }
    Ok(())
}
