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
    Within = 36,
    NextReset = 34,
    NextPause = 35,
    Overlap = 37,
    HandOver = 38,
}

/// One more than the greatest number of a question.
const QUESTIONS: usize = 39;

/// A number for every kind of decision, added to the dice: the same run with other dice for some
/// kinds of decisions and the same dice for all others. None, by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salts([u64; QUESTIONS]);

impl Salts {
    const NONE: Salts = Salts([0; QUESTIONS]);

    /// How many kinds of decisions there are, those without a meaning included.
    pub(crate) const KINDS: usize = QUESTIONS;

    /// Gives one kind of decisions other dice.
    pub(crate) fn change(&mut self, kind: usize, by: u64) {
        if let Some(salt) = self.0.get_mut(kind) {
            *salt = salt.wrapping_add(by);
        }
    }
}

impl Default for Salts {
    fn default() -> Self {
        Salts::NONE
    }
}

/// The source of all decisions about single events of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dice<'a> {
    seed: u64,
    salts: &'a Salts,
}

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

impl<'a> Dice<'a> {
    /// The dice of one seed, for one of its keys.
    #[cfg(test)]
    pub(crate) fn new(seed: u64, key: u8) -> Dice<'static> {
        Dice::salted(seed, key, &Salts::NONE)
    }

    /// The same with salts.
    pub(crate) fn salted(seed: u64, key: u8, salts: &'a Salts) -> Dice<'a> {
        let of_seed = mixed(seed.wrapping_add(GOLDEN));
        let seed = if key == 0 { of_seed } else { mixed(of_seed.wrapping_add(key.into())) };
        Dice { seed, salts }
    }

    /// The number for one question about one event.
    pub(crate) fn roll(self, question: Question, identity: u64) -> Roll {
        let kind =
            GOLDEN.wrapping_mul(question as u64).wrapping_add(self.salts.0[question as usize]);
        Roll(mixed(self.seed.wrapping_add(kind) ^ mixed(identity.wrapping_add(GOLDEN))))
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

    /// How long to wait for what comes without memory, on average every `mean`: exponential, in
    /// whole numbers.
    pub(crate) fn wait(self, mean: i64) -> i64 {
        // This number as a fraction of one is p = 2^-(n + 1) (1 + f), and the wait is -ln p =
        // (n + 1) ln 2 - ln (1 + f), where the last term is interpolated between eighths of f.
        const LN: [i64; 9] = [0, 1_178, 2_231, 3_185, 4_055, 4_855, 5_596, 6_286, 6_931];
        const UNIT: i64 = 10_000;
        let octave = self.0.leading_zeros().min(63);
        let fraction = self.0 << octave << 1;
        let (eighth, rest) = ((fraction >> 61) as usize, fraction << 3 >> 32);
        let step = (LN[eighth + 1] - LN[eighth]) as u64;
        let ln = LN[eighth] + ((step * rest) >> 32) as i64;
        let units = i64::from(octave + 1) * LN[8] - ln;
        i64::try_from(i128::from(mean) * i128::from(units) / i128::from(UNIT)).unwrap_or(i64::MAX)
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
    fn waits_are_exponential() {
        let dice = Dice::new(7, 0);
        let mut waits: Vec<i64> =
            (0..100_000).map(|id| dice.roll(Question::NextPause, id).wait(1_000_000)).collect();
        waits.sort_unstable();
        let mean = waits.iter().sum::<i64>() / 100_000;
        assert!((990_000..1_010_000).contains(&mean), "{mean}");
        // The quantiles of the exponential distribution: -ln (1 - q).
        for (at, expected) in [(10_000, 105_361), (50_000, 693_147), (99_000, 4_605_170)] {
            let off = (waits[at] - expected).abs();
            assert!(off < expected / 25, "{at}: {}", waits[at]);
        }
        assert_eq!(dice.roll(Question::NextPause, 1).wait(0), 0);
    }

    #[test]
    fn a_salt_changes_its_own_question_and_no_other() {
        let mut salts = Salts::default();
        salts.0[Question::Retry as usize] = 1;
        let (plain, salted) = (Dice::new(7, 0), Dice::salted(7, 0, &salts));
        let differs = |question| plain.roll(question, 5).0 != salted.roll(question, 5).0;
        assert!(differs(Question::Retry) && !differs(Question::Idle));
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
