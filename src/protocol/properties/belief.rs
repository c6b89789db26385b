//! For how long a lease is believed.

use super::*;

on_both_clocks!(
    belief_ends_at_the_validity_and_not_before,
    validity_is_counted_from_before_the_first_send,
    validity_never_moves_back,
    a_failed_round_leaves_the_validity,
    belief_ends_for_good,
    the_loss_is_told_first,
);

/// Believed at every moment before `valid_until`, and at no moment from then on.
pub(super) fn belief_ends_at_the_validity_and_not_before<R: Rules, I: Instant>(
    config: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    for Taken { moment, after, .. } in steps {
        match after.valid_until() {
            None => prop_assert!(!after.believes(moment.now)),
            Some(until) => {
                prop_assert!(after.believes(moment.now));
                prop_assert!(after.believes(until.plus(-1)));
                prop_assert!(!after.believes(until));
                prop_assert!(!after.believes(until.plus(1)));
                prop_assert!(until.since(moment.now) <= config.ttl() - config.drift());
            }
        }
    }
    Ok(())
}

/// The TTL less the drift, from the moment of the step that sent the round's commands.
pub(super) fn validity_is_counted_from_before_the_first_send<R: Rules, I: Instant>(
    config: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    let mut began = I::default();
    for Taken { before, moment, output, after, .. } in steps {
        let until = began.plus(config.ttl() - config.drift());
        match output.event {
            Some(Event::Acquired { valid_until }) => {
                prop_assert_eq!(before.valid_until(), None);
                prop_assert_eq!(after.valid_until(), Some(valid_until));
                prop_assert_eq!(valid_until, until);
            }
            Some(Event::Extended { valid_until }) => {
                prop_assert_eq!(after.valid_until(), Some(valid_until));
                prop_assert_eq!(Some(valid_until), before.valid_until().max(Some(until)));
            }
            None
            | Some(
                Event::Denied(_)
                | Event::RenewalFailed(_)
                | Event::Lost(_)
                | Event::Released { .. }
                | Event::HandedOver { .. },
            ) => {}
        }
        let Commands { set, adopt, extend, .. } = output.commands;
        if !set.or(adopt).or(extend).is_empty() {
            began = moment.now;
        }
    }
    Ok(())
}

/// While held; and an event that tells of it tells the truth.
pub(super) fn validity_never_moves_back<R: Rules, I: Instant>(
    _: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    for Taken { before, after, .. } in steps {
        if let (Some(held), Some(holds)) = (before.valid_until(), after.valid_until()) {
            prop_assert!(held <= holds, "{:?}", after);
        }
    }
    Ok(())
}

/// Only a round that was won makes belief begin or last longer.
pub(super) fn a_failed_round_leaves_the_validity<R: Rules, I: Instant>(
    _: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    for Taken { before, output, after, .. } in steps {
        let won = matches!(output.event, Some(Event::Acquired { .. } | Event::Extended { .. }));
        if matches!(output.event, Some(Event::RenewalFailed(_))) {
            prop_assert_eq!(after.valid_until(), before.valid_until());
        }
        let (held, holds) = (before.valid_until(), after.valid_until());
        prop_assert!(won || holds.is_none() || holds == held, "{:?}", output.event);
    }
    Ok(())
}

/// Once stopping, lost, denied or released, a lease is believed at no moment whatever, and never
/// held again.
pub(super) fn belief_ends_for_good<R: Rules, I: Instant>(
    config: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    let mut over = false;
    for Taken { input, moment, output, after, .. } in steps {
        over |= *input == Input::Stop || matches!(output.event, Some(Event::Denied(_)));
        over |= match after.phase() {
            Phase::Idle | Phase::Acquiring | Phase::Held => false,
            Phase::Stopping
            | Phase::Draining
            | Phase::Releasing
            | Phase::Released
            | Phase::Lost
            | Phase::HandingOver
            | Phase::HandedOver => true,
        };
        if over {
            let alive = matches!(after.phase(), Phase::Idle | Phase::Acquiring | Phase::Held);
            prop_assert!(!alive, "{:?}", after.phase());
            prop_assert_eq!(after.valid_until(), None);
            let spans = [i64::MIN, -config.ttl(), -1, 0, 1, config.ttl()];
            for at in spans.map(|span| moment.now.plus(span)) {
                prop_assert!(!after.believes(at), "at {:?}", at);
            }
        }
    }
    Ok(())
}

/// Whatever a lease is told at or after `valid_until`, its loss is what it says.
pub(super) fn the_loss_is_told_first<R: Rules, I: Instant>(
    _: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    for Taken { before, moment, output, .. } in steps {
        if before.valid_until().is_some_and(|until| moment.now >= until) {
            prop_assert_eq!(output.event, Some(Event::Lost(LossCause::Expired)));
        }
    }
    Ok(())
}
