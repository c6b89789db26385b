//! What a lease survives, tried out in the world itself: one node, one client, and nothing drawn.

use leasehold::protocol::{Micros, Mutated, Span};
use leasehold_world::{Program, Report, Scope, ScopeError, Step, World, WorldTime};

use super::{Setting, Situation};

/// No lease is watched through more failed renewals.
const MOST: u32 = 100_000;

/// A lease that has just been acquired, at the beginning of time and in no time.
struct Drill<'a> {
    scope: &'a Scope,
    world: World<Mutated, Micros, 1, 1>,
}

impl Drill<'_> {
    fn new(scope: &Scope) -> Drill<'_> {
        let mut drill = Drill { scope, world: World::new(scope, scope.mutated) };
        let _ = drill.take(Step::Start(0));
        let _ = drill.answer();
        drill
    }

    fn take(&mut self, step: Step<Micros, 1, 1>) -> Option<Report<Micros>> {
        self.world.apply(self.scope, self.scope.mutated, step).report
    }

    /// The oldest command runs, and its answer arrives.
    fn answer(&mut self) -> Option<Report<Micros>> {
        let _ = self.take(Step::Run { client: 0, node: 0, index: 0 });
        self.take(Step::Reply { client: 0, node: 0, index: 0 })
    }

    fn advance(&mut self, by: Span) {
        let _ = self.take(Step::Advance { nodes: [Micros(by)], clients: [Micros(by)] });
    }

    /// Goes on to the next deadline and meets it; what is reported then.
    fn deadline(&mut self) -> Option<Report<Micros>> {
        let client = &self.world.clients[0];
        let due = client.next_due(self.scope).map_or(0, WorldTime::offset);
        self.advance((due - client.now.offset()).max(0));
        self.take(Step::Tick(0))
    }

    fn valid_until(&self) -> Option<Span> {
        match &self.world.clients[0].program {
            Program::Joined(joined) => joined.lease.valid_until().map(WorldTime::offset),
            Program::Threaded(_) => None,
        }
    }
}

/// What a lease survives under one setting. In microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Survives {
    /// For how long a lease is believed without any renewal: a pause that is longer always ends it.
    pub validity: Span,
    /// How many renewals in a row may fail, because every answer comes after the time-out, if the
    /// next one succeeds.
    pub failed_renewals: u32,
    /// The longest pause that never ends a lease by itself, whenever it begins, if round trips are
    /// as long as half of them are at most.
    pub pause: Span,
    /// How long after the holder has died a key is gone at the latest, on its node's clock.
    pub others_wait: Span,
}

impl Survives {
    /// Tries it out.
    ///
    /// # Errors
    /// A setting that the protocol refuses.
    pub fn of(situation: &Situation, setting: &Setting) -> Result<Survives, ScopeError> {
        let alone = Situation { nodes: 1, ..*situation };
        let scope = alone.plan(setting, 0)?.scope;
        let validity = Drill::new(&scope).valid_until().unwrap_or(0);
        let usual = situation.round_trip.exceeded_by_ppm(500_000);
        let gone_at = Drill::new(&scope).world.nodes[0].gone_at;
        Ok(Survives {
            validity,
            failed_renewals: failed_renewals(&scope, usual),
            pause: longest_pause(&scope, validity, usual),
            others_wait: gone_at.offset(),
        })
    }
}

fn failed_renewals(scope: &Scope, round_trip: Span) -> u32 {
    let mut drill = Drill::new(scope);
    let (mut failed, mut survived) = (0, 0);
    while failed < MOST && drill.valid_until().is_some() {
        match drill.deadline() {
            Some(Report::RenewalFailed) => {
                failed += 1;
                // The answer comes too late for this renewal, and lets the next one be sent.
                let _ = drill.answer();
            }
            // One was sent: would it save the lease?
            _ => {
                let mut saved = Drill { world: drill.world, ..drill };
                saved.advance(round_trip);
                if let Some(Report::Extended { .. }) = saved.answer() {
                    survived = failed;
                }
            }
        }
    }
    survived
}

/// Found by halving, since a longer pause is not easier to survive.
fn longest_pause(scope: &Scope, validity: Span, round_trip: Span) -> Span {
    let survives = |pause: Span| {
        let mut drill = Drill::new(scope);
        // The worst moment: when a renewal was about to begin.
        drill.advance(scope.config.settings().renew_every - 1);
        let _ = drill.take(Step::Pause(0));
        drill.advance(pause + 1);
        let _ = drill.take(Step::Resume(0));
        if drill.take(Step::Tick(0)).is_some() {
            return false;
        }
        drill.advance(round_trip);
        matches!(drill.answer(), Some(Report::Extended { .. }))
    };
    let (mut survived, mut lost) = (0, validity);
    if !survives(0) {
        return 0;
    }
    while survived + 1 < lost {
        let middle = survived + (lost - survived) / 2;
        *if survives(middle) { &mut survived } else { &mut lost } = middle;
    }
    survived
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advise::tests::{SETTING, calm};

    #[test]
    fn what_a_lease_survives_is_what_the_arithmetic_says() {
        let survives = Survives::of(&calm(), &SETTING).unwrap();
        assert_eq!(survives.validity, 9_898_000);
        // They begin after 3.333, 4.333, ... 9.333 s, and the last one of these may succeed.
        assert_eq!(survives.failed_renewals, 6);
        // 9.898 s less 3.333 s less a round trip, and less than that: the answer must be earlier.
        assert_eq!(survives.pause, 9_898_000 - 3_333_333 - 1_000 - 1);
        assert_eq!(survives.others_wait, 10_001_000);
    }
}
