//! What a lease sends, when, and where to.

use super::*;

on_both_clocks!(
    one_command_is_pending_per_node,
    one_release_is_under_way_per_node,
    what_may_be_stored_is_owed,
    commands_go_where_they_can,
    a_stray_is_killed_first,
    releases_wait_in_a_pool,
    nothing_is_released_before_the_end,
    after_the_stop_only_releases_and_kills,
    a_lease_that_is_paid_off_is_silent,
    debts_can_be_paid,
);

/// What an observer of the inputs and the outputs knows, without a look into the lease.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// Nodes with a `SET` or an extend that may still run.
    pending: NodeSet,
    /// Of these, nodes whose connection has failed since.
    stray: NodeSet,
    /// Nodes that may store the token.
    stored: NodeSet,
    /// Nodes with a release that was not answered, on a connection that did not fail.
    releasing: NodeSet,
}

impl Seen {
    fn told(&mut self, input: Input<u32>) {
        match input {
            Input::Answer {
                node,
                command: Command::Set | Command::Adopt | Command::Extend,
                answer,
            } => {
                self.resolved(node, input, answer);
            }
            Input::Answer { node, command: Command::Release, answer } => {
                self.releasing.remove(node);
                if matches!(answer, Answer::Done | Answer::Missing | Answer::Foreign) {
                    self.stored.remove(node);
                }
            }
            Input::Answer { node, command: Command::Kill, answer } => {
                if matches!(answer, Answer::Done | Answer::Missing) {
                    self.gone(node);
                }
            }
            Input::Reset { node } => {
                self.releasing.remove(node);
                if self.pending.contains(node) {
                    self.stray.insert(node);
                }
            }
            Input::Connected { node, new_process: true } => self.gone(node),
            Input::Connected { new_process: false, .. }
            | Input::Start(_)
            | Input::Adopt { .. }
            | Input::Tick
            | Input::Stop
            | Input::HandOver => {}
        }
    }

    fn resolved(&mut self, node: u8, input: Input<u32>, answer: Answer) {
        if answer == Answer::Unknown {
            return;
        }
        self.pending.remove(node);
        self.stray.remove(node);
        let set = matches!(input, Input::Answer { command: Command::Set | Command::Adopt, .. });
        if set && answer != Answer::Done {
            self.stored.remove(node);
        }
    }

    /// What was under way on the old connection can no longer run.
    fn gone(&mut self, node: u8) {
        if self.stray.contains(node) {
            self.stray.remove(node);
            self.pending.remove(node);
        }
    }

    fn sent(&mut self, config: &Config, commands: Commands) {
        let Commands { set, adopt, extend, release, .. } = commands;
        let set = set.or(adopt);
        self.pending = self.pending.or(set).or(extend);
        let creates = config.extend() == Extend::TouchOrSet;
        self.stored = self.stored.or(set).or(if creates { extend } else { NodeSet::EMPTY });
        self.releasing = self.releasing.or(release);
    }
}

/// A later round leaves out a node whose earlier command is still open.
pub(super) fn one_command_is_pending_per_node<R: Rules, I: Instant>(
    config: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    let mut seen = Seen::default();
    for Taken { input, output, after, .. } in steps {
        seen.told(*input);
        let Commands { set, adopt, extend, .. } = output.commands;
        let set = set.or(adopt);
        prop_assert_eq!(set.and(extend), NodeSet::EMPTY);
        prop_assert_eq!(set.or(extend).and(seen.pending), NodeSet::EMPTY);
        seen.sent(config, output.commands);
        prop_assert_eq!(after.unresolved(), seen.pending);
    }
    Ok(())
}

/// It is sent again only with another connection, or when the node refused it.
pub(super) fn one_release_is_under_way_per_node<R: Rules, I: Instant>(
    config: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    let mut seen = Seen::default();
    for Taken { before, moment, input, output, .. } in steps {
        // A loss is told, and its releases are sent, before the input is looked at.
        let lost_first = before.valid_until().is_some_and(|until| moment.now >= until);
        if !lost_first {
            seen.told(*input);
        }
        prop_assert_eq!(output.commands.release.and(seen.releasing), NodeSet::EMPTY);
        seen.sent(config, output.commands);
        if lost_first {
            seen.told(*input);
        }
    }
    Ok(())
}

/// And nothing else is.
pub(super) fn what_may_be_stored_is_owed<R: Rules, I: Instant>(
    config: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    let mut seen = Seen::default();
    for Taken { input, output, after, .. } in steps {
        let before = seen.stored;
        seen.told(*input);
        seen.sent(config, output.commands);
        let stored = before.or(seen.stored);
        prop_assert_eq!(output.commands.release.without(stored), NodeSet::EMPTY);
        // What was handed over is the adopter's.
        if after.phase() == Phase::HandedOver {
            seen.stored = NodeSet::EMPTY;
        }
        prop_assert_eq!(after.owed(), seen.stored);
    }
    Ok(())
}

/// To nodes that have a connection; a round asks no node that may have lost its memory.
pub(super) fn commands_go_where_they_can<R: Rules, I: Instant>(
    _: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    for Taken { moment, output, .. } in steps {
        let Commands { set, adopt, extend, release, .. } = output.commands;
        let set = set.or(adopt);
        prop_assert_eq!(set.or(extend).or(release).without(moment.reachable), NodeSet::EMPTY);
        prop_assert_eq!(extend.and(moment.guarded), NodeSet::EMPTY);
        // A repair is no round.
        if !matches!(output.event, Some(Event::Extended { .. })) {
            prop_assert_eq!(set.and(moment.guarded), NodeSet::EMPTY);
        }
    }
    Ok(())
}

/// On a new connection to the same process; nothing else is ever killed.
pub(super) fn a_stray_is_killed_first<R: Rules, I: Instant>(
    config: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    let mut seen = Seen::default();
    for Taken { input, output, .. } in steps {
        let wanted = match *input {
            Input::Connected { node, new_process: false } => NodeSet::only(node).and(seen.stray),
            Input::Connected { new_process: true, .. }
            | Input::Start(_)
            | Input::Adopt { .. }
            | Input::Answer { .. }
            | Input::Tick
            | Input::Stop
            | Input::HandOver
            | Input::Reset { .. } => NodeSet::EMPTY,
        };
        prop_assert_eq!(output.commands.kill, wanted);
        seen.told(*input);
        seen.sent(config, output.commands);
    }
    Ok(())
}

/// No release goes to a node where an earlier command may still run: it might overtake it.
pub(super) fn releases_wait_in_a_pool<R: Rules, I: Instant>(
    config: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    for Taken { output, after, .. } in steps {
        if config.transport() == Transport::Pooled {
            prop_assert_eq!(output.commands.release.and(after.unresolved()), NodeSet::EMPTY);
        }
    }
    Ok(())
}

/// A key that is still believed in is not deleted.
pub(super) fn nothing_is_released_before_the_end<R: Rules, I: Instant>(
    _: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    for Taken { output, after, .. } in steps {
        let over = match after.phase() {
            Phase::Draining | Phase::Releasing | Phase::Released | Phase::Lost => true,
            Phase::Idle
            | Phase::Acquiring
            | Phase::Held
            | Phase::Stopping
            | Phase::HandingOver
            | Phase::HandedOver => false,
        };
        prop_assert!(over || output.commands.release.is_empty(), "{:?}", after);
    }
    Ok(())
}

/// And nothing is told of a renewal. The same once a lease is lost or denied.
pub(super) fn after_the_stop_only_releases_and_kills<R: Rules, I: Instant>(
    _: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    let mut over = false;
    for Taken { input, output, after, .. } in steps {
        over |= *input == Input::Stop || after.phase() == Phase::HandingOver;
        if over {
            let Commands { set, adopt, extend, .. } = output.commands;
            prop_assert_eq!(set.or(adopt).or(extend), NodeSet::EMPTY);
            let kept = matches!(
                output.event,
                Some(Event::Acquired { .. } | Event::Extended { .. } | Event::RenewalFailed(_))
            );
            prop_assert!(!kept, "{:?}", output.event);
        }
        // A round that can ask too few nodes is begun and lost in one step.
        over |= after.phase().is_over();
    }
    Ok(())
}

/// Nothing is sent and nothing is told, whatever comes.
pub(super) fn a_lease_that_is_paid_off_is_silent<R: Rules, I: Instant>(
    _: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    for Taken { before, output, after, .. } in steps {
        if before.phase().is_over() {
            prop_assert_eq!(output.event, None);
            prop_assert_eq!(after.phase(), before.phase());
            if before.is_settled() {
                prop_assert_eq!(output.commands, Commands::default());
                prop_assert!(after.is_settled(), "{:?}", after);
            }
        }
    }
    Ok(())
}

/// Once over, a lease whose nodes all answer is paid off, and stays so.
pub(super) fn debts_can_be_paid<R: Rules, I: Instant>(
    config: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    let Some(last) = steps.last() else { return Ok(()) };
    let mut lease = last.after;
    let reachable = NodeSet::all(config.nodes());
    let moment = Moment { now: last.moment.now, reachable, guarded: NodeSet::EMPTY };
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
