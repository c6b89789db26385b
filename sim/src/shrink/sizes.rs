//! Taking clients, nodes, and what the constants allow away.

use leasehold::protocol::Span;
use leasehold_world::{Faults, Settings, Step};

use super::attempt::Unit;
use super::search::Search;

/// Takes away clients, then nodes.
pub(super) fn sizes(search: &mut Search<'_>) {
    let mut client = search.smallest().scope.clients() as u8;
    while client > 0 {
        client -= 1;
        let (clients, nodes) = everybody(search);
        let others: Vec<u8> = clients.into_iter().filter(|other| *other != client).collect();
        try_among(search, &others, &nodes);
    }
    let (_, nodes) = everybody(search);
    // Odd numbers, as they are in use, unless there are even ones already.
    let odd_ones = nodes.len() % 2 == 1;
    for count in (1..nodes.len()).filter(|count| !odd_ones || count % 2 == 1) {
        let (clients, nodes) = everybody(search);
        if (choices(&nodes, count).iter()).any(|chosen| try_among(search, &clients, chosen)) {
            return;
        }
    }
    mix(search);
}

/// Lets one node live through what several did.
fn mix(search: &mut Search<'_>) {
    let (_, nodes) = everybody(search);
    if nodes.len() == 1 {
        return;
    }
    for &sets in &nodes {
        for &extends in &nodes {
            for &releases in &nodes {
                let candidate = search.smallest().on_one_node([sets, extends, releases]);
                if candidate.is_ok_and(|candidate| search.tries(&candidate)) {
                    return;
                }
            }
        }
    }
}

fn everybody(search: &Search<'_>) -> (Vec<u8>, Vec<u8>) {
    let scope = &search.smallest().scope;
    ((0..scope.clients() as u8).collect(), (0..scope.config.nodes()).collect())
}

fn try_among(search: &mut Search<'_>, clients: &[u8], nodes: &[u8]) -> bool {
    let candidate = search.smallest().among(clients, nodes);
    candidate.is_ok_and(|candidate| search.tries(&candidate))
}

/// Every way to choose `count` of `from`.
fn choices(from: &[u8], count: usize) -> Vec<Vec<u8>> {
    let sets = (0u32..1 << from.len()).filter(|set| set.count_ones() as usize == count);
    let chosen = |set: u32| {
        let is_in = |place: &usize| set >> place & 1 == 1;
        (0..from.len()).filter(is_in).map(|place| from[place]).collect()
    };
    sets.map(chosen).collect()
}

/// A change of the constants.
type Change = fn(&mut Settings, &Used);

/// What a schedule makes use of.
struct Used {
    faults: Faults,
    /// By client: starts, renewals, and whether it stops.
    roles: Vec<(u8, u8, bool)>,
}

const CHANGES: [Change; 12] = [
    |settings, used| settings.faults = used.faults,
    |settings, used| {
        for (role, (starts, renewals, stops)) in settings.roles.iter_mut().zip(&used.roles) {
            (role.starts, role.renewals, role.stops) = (*starts, *renewals, *stops);
        }
    },
    |settings, used| {
        for (role, (starts, ..)) in settings.roles.iter_mut().zip(&used.roles) {
            role.starts = *starts;
        }
    },
    |settings, used| {
        for (role, (_, renewals, _)) in settings.roles.iter_mut().zip(&used.roles) {
            role.renewals = *renewals;
        }
    },
    |settings, _| settings.roles.iter_mut().for_each(|role| role.ttl = None),
    |settings, _| settings.max_ttl = None,
    |settings, _| settings.repair = false,
    |settings, _| settings.renewal_timeout = None,
    |settings, _| settings.restart_delay = 0,
    |settings, _| round_all(settings, 1),
    |settings, _| round_all(settings, 2),
    |settings, _| round_all(settings, 3),
];

/// Lowers every budget to what is used, and makes the constants as round as they can be.
pub(super) fn constants(search: &mut Search<'_>) {
    for change in CHANGES {
        let Some(used) = used(search) else { return };
        let mut settings = search.smallest().scope.settings().clone();
        change(&mut settings, &used);
        try_under(search, settings);
    }
    for place in 0..spans(&mut search.smallest().scope.settings().clone()).len() {
        for digits in 1..4 {
            let mut settings = search.smallest().scope.settings().clone();
            if let Some(span) = spans(&mut settings).into_iter().nth(place) {
                *span = rounded(*span, digits);
            }
            if try_under(search, settings) {
                break;
            }
        }
    }
}

/// Other constants, if they spare steps: with a shorter TTL or a longer interval, fewer renewals
/// are to be lived through.
pub(super) fn other_constants(search: &mut Search<'_>) {
    if search.unit() == Unit::Ticks {
        return;
    }
    for place in 0..spans(&mut search.smallest().scope.settings().clone()).len() {
        for twentieths in (1..20).chain([30, 40, 80]) {
            let mut settings = search.smallest().scope.settings().clone();
            if let Some(span) = spans(&mut settings).into_iter().nth(place) {
                *span = rounded(span.saturating_mul(twentieths) / 20, 2);
            }
            if let Ok(candidate) = search.smallest().under(settings) {
                let _ = search.tries_for_fewer_steps(&candidate);
            }
        }
    }
}

fn try_under(search: &mut Search<'_>, settings: Settings) -> bool {
    if settings == *search.smallest().scope.settings() {
        return false;
    }
    let candidate = search.smallest().under(settings);
    candidate.is_ok_and(|candidate| search.tries(&candidate))
}

fn used(search: &Search<'_>) -> Option<Used> {
    let taken = search.retake()?;
    let smallest = search.smallest();
    let settings = smallest.scope.settings();
    let stops = |client: usize| {
        let is_stop = |step| matches!(step, Step::Stop(c) if usize::from(c) == client);
        smallest.acts.iter().any(|act| is_stop(act.step))
    };
    let roles = settings.roles.iter().zip(&taken.roles_left).enumerate();
    let roles = roles.map(|(client, (role, left))| {
        let starts = role.starts.saturating_sub(left.0);
        (starts, role.renewals.saturating_sub(left.1), stops(client))
    });
    Some(Used { faults: spent(settings.faults, taken.faults_left), roles: roles.collect() })
}

/// What was spent of `budgets`.
fn spent(budgets: Faults, left: Faults) -> Faults {
    let less = u8::saturating_sub;
    Faults {
        resets: less(budgets.resets, left.resets),
        crashes_keeping: less(budgets.crashes_keeping, left.crashes_keeping),
        crashes_losing: less(budgets.crashes_losing, left.crashes_losing),
        node_slips: less(budgets.node_slips, left.node_slips),
        client_slips: less(budgets.client_slips, left.client_slips),
        pauses: less(budgets.pauses, left.pauses),
        heals: less(budgets.heals, left.heals),
        stalls: less(budgets.stalls, left.stalls),
        resends: less(budgets.resends, left.resends),
        script_losses: less(budgets.script_losses, left.script_losses),
        cancels: less(budgets.cancels, left.cancels),
        overlaps: less(budgets.overlaps, left.overlaps),
    }
}

/// The spans that may be rounded.
fn spans(settings: &mut Settings) -> [&mut Span; 5] {
    let Settings { ttl, renew_every, renew_retry, node_timeout, release_within, .. } = settings;
    [ttl, renew_every, renew_retry, node_timeout, release_within]
}

fn round_all(settings: &mut Settings, digits: u32) {
    spans(settings).into_iter().for_each(|span| *span = rounded(*span, digits));
}

/// The nearest span with at most so many digits before its zeros.
fn rounded(span: Span, digits: u32) -> Span {
    let power = span.max(1).ilog10() + 1;
    let unit = 10_i64.pow(power.saturating_sub(digits));
    (span + unit / 2) / unit * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_rounded_to_the_nearest() {
        assert_eq!(rounded(17_289_000, 1), 20_000_000);
        assert_eq!(rounded(17_289_000, 2), 17_000_000);
        assert_eq!(rounded(4, 1), 4);
        assert_eq!(rounded(0, 1), 0);
        assert_eq!(rounded(9_600, 1), 10_000);
    }

    #[test]
    fn every_choice_is_made_once() {
        assert_eq!(choices(&[0, 1, 2], 1), [[0], [1], [2]]);
        assert_eq!(choices(&[0, 1, 2, 3, 4], 3).len(), 10);
    }
}
