//! Taking time away.

use leasehold::protocol::Span;

use super::attempt::Unit;
use super::search::Search;

/// Merges what passes, lets all clocks run alike, and shortens what is left.
pub(super) fn times(search: &mut Search<'_>) {
    if search.unit() == Unit::Micros {
        merge(search);
    }
    even_out(search);
    if search.unit() == Unit::Micros {
        shorten(search);
    }
}

/// The places of the steps that are time.
fn places(search: &Search<'_>) -> Vec<usize> {
    let acts = search.smallest().acts.iter().enumerate();
    acts.filter(|(_, act)| act.amounts().is_some()).map(|(place, _)| place).collect()
}

/// Lets what passes in two steps pass in one of them, the later one first.
fn merge(search: &mut Search<'_>) {
    let mut at = 0;
    while let [first, second, ..] = places(search)[at.min(places(search).len())..] {
        let smallest = search.smallest();
        let amounts = |place: usize| smallest.amounts(&smallest.acts[place]).unwrap_or_default();
        let both: Vec<Span> =
            amounts(first).iter().zip(amounts(second)).map(|(one, other)| one + other).collect();
        let act = smallest.passing(&both);
        let candidates = [
            smallest.with(second, act).without(first, first + 1),
            smallest.with(first, act).without(second, second + 1),
        ];
        if !candidates.iter().any(|candidate| search.tries(candidate)) {
            at += 1;
        }
    }
}

/// Lets all clocks move by what one of them moves by: everywhere, or else in single steps.
fn even_out(search: &mut Search<'_>) {
    let clocks =
        search.smallest().scope.clients() + usize::from(search.smallest().scope.config.nodes());
    // The clients' clocks first: it is they who meet deadlines.
    for clock in (0..clocks).rev() {
        let smallest = search.smallest();
        let mut candidate = smallest.clone();
        for act in &mut candidate.acts {
            if let Some(amounts) = smallest.amounts(act) {
                *act = smallest.passing(&vec![amounts[clock]; clocks]);
            }
        }
        if search.tries(&candidate) {
            return;
        }
    }
    for place in places(search) {
        for clock in (0..clocks).rev() {
            let smallest = search.smallest();
            let Some(amounts) = smallest.acts.get(place).and_then(|act| smallest.amounts(act))
            else {
                continue;
            };
            let even = smallest.passing(&vec![amounts[clock]; clocks]);
            let candidate = smallest.with(place, even);
            if search.tries(&candidate) {
                break;
            }
        }
    }
}

/// Makes every amount as short and as round as it can be.
fn shorten(search: &mut Search<'_>) {
    for place in places(search) {
        let amounts_now = |search: &Search<'_>| {
            let smallest = search.smallest();
            smallest.acts.get(place).and_then(|act| smallest.amounts(act)).unwrap_or_default()
        };
        let amounts = amounts_now(search);
        let is_even = amounts.windows(2).all(|pair| pair[0] == pair[1]);
        if is_even {
            let tried = rounder(amounts.first().copied().unwrap_or(0));
            for wanted in tried {
                let smallest = search.smallest();
                let act = smallest.passing(&vec![wanted; amounts.len()]);
                let candidate = smallest.with(place, act);
                if search.tries(&candidate) {
                    break;
                }
            }
            continue;
        }
        for clock in 0..amounts.len() {
            for wanted in rounder(amounts[clock]) {
                let mut amounts = amounts_now(search);
                if amounts.len() <= clock {
                    break;
                }
                amounts[clock] = wanted;
                let smallest = search.smallest();
                let candidate = smallest.with(place, smallest.passing(&amounts));
                if search.tries(&candidate) {
                    break;
                }
            }
        }
    }
}

/// Every shorter amount of one digit, shortest first; then those with as many digits more of
/// `amount` as it takes to come near it.
fn rounder(amount: Span) -> Vec<Span> {
    let mut rounder = Vec::new();
    let mut power = 1;
    while power < amount {
        rounder.extend((1..10).map(|digit| digit * power));
        power = power.saturating_mul(10);
    }
    // `power` has as many digits as `amount`, or one more.
    let mut unit = power / 100;
    while unit > 0 {
        let known = amount / (unit * 10) * (unit * 10);
        rounder.extend((0..10).map(|digit| known + digit * unit));
        unit /= 10;
    }
    rounder.retain(|shorter| *shorter < amount);
    rounder.dedup();
    rounder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_amounts_come_first_and_none_is_longer() {
        assert_eq!((rounder(0).len(), rounder(1).len()), (0, 0));
        assert_eq!(rounder(4), [1, 2, 3]);
        let of = rounder(1_234);
        assert_eq!(of[..3], [1, 2, 3]);
        assert!(of.contains(&900) && of.contains(&1_000) && of.contains(&1_200));
        assert!(of.contains(&1_230) && of.contains(&1_233));
        assert!(of.iter().all(|amount| *amount < 1_234));
    }
}
