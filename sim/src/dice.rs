//! Decisions about single events: a fixed mix of the seed, the kind of the decision and the
//! identity of the event.
//!
//! Not a stream: what is decided about one message does not depend on how many decisions came
//! before it, so a schedule survives changes elsewhere in the program.

/// What is decided. Its number goes into the mix: never renumber, only append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    RequestLost = 1,
    RequestDelay = 2,
    AnswerLost = 3,
    AnswerDelay = 4,
    Reset = 5,
    ResetDelay = 6,
    Connect = 7,
    StrayRuns = 8,
    StrayDelay = 9,
    Crash = 10,
    Down = 11,
    Pause = 12,
    PauseDelay = 13,
    PauseLength = 14,
    Stall = 15,
    StallLength = 16,
    Turn = 17,
    Move = 18,
    Work = 19,
    WorkLength = 20,
    Idle = 21,
    Retry = 22,
    FirstStart = 23,
    Leap = 24,
    Amnesia = 25,
    Freeze = 26,
    Forget = 27,
    Partition = 28,
    PartitionSides = 29,
    Resend = 30,
    Cancel = 31,
    Heal = 32,
    Slip = 33,
    Within = 34,
}

/// The source of all decisions about single events of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dice(u64);

/// One decision's number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Roll(u64);

/// The finaliser of splitmix64.
const fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Dice {
    /// The dice of one seed, for one of its keys.
    pub(crate) fn new(seed: u64, key: u8) -> Dice {
        let of_seed = mixed(seed.wrapping_add(GOLDEN));
        Dice(if key == 0 { of_seed } else { mixed(of_seed.wrapping_add(key.into())) })
    }

    /// The number for one question about one event.
    pub(crate) fn roll(self, question: Question, identity: u64) -> Roll {
        let kind = GOLDEN.wrapping_mul(question as u64);
        Roll(mixed(self.0.wrapping_add(kind) ^ mixed(identity.wrapping_add(GOLDEN))))
    }
}

impl Roll {
    /// True in `ppm` of a million cases.
    pub(crate) fn chance(self, ppm: u32) -> bool {
        ((u128::from(self.0) * 1_000_000) >> 64) < u128::from(ppm)
    }

    /// Uniform in `0..limit`; 0 if there is nothing to choose from.
    pub(crate) fn below(self, limit: i64) -> i64 {
        ((u128::from(self.0) * u128::from(limit.max(1).unsigned_abs())) >> 64) as i64
    }

    /// Uniform in `low..=high`; `low` if they are reversed.
    pub(crate) fn between(self, low: i64, high: i64) -> i64 {
        low + self.below(high - low + 1)
    }

    /// Uniform over `u32`.
    pub(crate) fn jitter(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Independent bits.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    /// Another number from the same decision.
    pub(crate) fn again(self) -> Roll {
        Roll(mixed(self.0.wrapping_add(GOLDEN)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mix_is_fixed() {
        let numbers = [0, 1, 2].map(|id| Dice::new(158, 0).roll(Question::RequestDelay, id).0);
        assert_eq!(numbers, [13612039540905966210, 11021460419850004373, 18282783564615178921]);
    }

    #[test]
    fn a_chance_is_what_it_says() {
        let dice = Dice::new(7, 0);
        let hits =
            (0..100_000).filter(|&id| dice.roll(Question::Reset, id).chance(250_000)).count();
        assert!((24_500..25_500).contains(&hits), "{hits}");
        assert!((0..1000).all(|id| !dice.roll(Question::Reset, id).chance(0)));
        assert!((0..1000).all(|id| dice.roll(Question::Reset, id).chance(1_000_000)));
    }

    #[test]
    fn a_range_is_covered_and_not_left() {
        let dice = Dice::new(7, 0);
        let rolls = || (0..1000).map(|id| dice.roll(Question::Work, id));
        assert_eq!(rolls().map(|roll| roll.between(3, 5)).min(), Some(3));
        assert_eq!(rolls().map(|roll| roll.between(3, 5)).max(), Some(5));
        assert!(rolls().all(|roll| roll.below(0) == 0));
    }
}
