//! How far clocks run apart: a schedule that is made shorter must not become one that no clock
//! within the rates of the original could have lived through, or it would show another failure.

use leasehold::protocol::Span;

use super::schedule::Schedule;

/// One million: the whole, in parts per million.
const WHOLE: i128 = 1_000_000;

/// What rounding to whole microseconds may put between two clocks.
const ROUNDING: Span = 2;

/// Less than this passes too quickly to tell a rate from.
const SHORTEST: Span = 1_000;

/// The most that any clock falls behind the fastest one, in parts per million of what passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pace {
    apart_ppm: i128,
}

impl Pace {
    /// That of `schedule`. A clock that jumps or stands still makes it the whole.
    pub(super) fn of(schedule: &Schedule) -> Pace {
        let ppm = |(apart, most): (Span, Span)| {
            (i128::from((apart - ROUNDING).max(0)) * WHOLE + i128::from(most) - 1)
                / i128::from(most)
        };
        let told = passing(schedule).filter(|&(_, most)| most >= SHORTEST);
        Pace { apart_ppm: told.map(ppm).max().unwrap_or(0) }
    }

    /// Whether the clocks of `schedule` keep to it.
    pub(super) fn admits(self, schedule: &Schedule) -> bool {
        let within = |(apart, most): (Span, Span)| {
            i128::from(apart - ROUNDING) * WHOLE <= self.apart_ppm * i128::from(most)
        };
        passing(schedule).all(within)
    }
}

/// How far apart the clocks move in each step of time, and how far the fastest moves; but for the
/// first step, in which they are set.
fn passing(schedule: &Schedule) -> impl Iterator<Item = (Span, Span)> + '_ {
    let amounts = schedule.acts.iter().skip(1).filter_map(|act| schedule.amounts(act));
    amounts.map(|amounts| {
        let most = amounts.iter().copied().max().unwrap_or(0);
        let least = amounts.iter().copied().min().unwrap_or(0);
        (most - least, most.max(1))
    })
}
