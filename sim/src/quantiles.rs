//! A distribution of lengths of time, as a table of quantiles that is sampled in whole numbers.

use leasehold::protocol::Span;

use crate::clock::{NANOS, TrueTime};
use crate::dice::Roll;

/// What matters to a lease is the tail, so the table of many samples is finest there: it has this
/// many points for each halving of the probability that something takes longer.
const EACH: usize = 8;
/// How many halvings; beyond the last one the table goes straight to the longest.
const HALVINGS: usize = 20;
/// The most points of a table.
const POINTS: usize = EACH * HALVINGS + 2;

/// How long something takes. Between two points of the table it is uniform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantiles {
    /// The probability, in parts of 2^64, that it takes longer than the point; falling to 0.
    tails: [u64; POINTS],
    /// In microseconds, rising. The last one is repeated to the end.
    points: [Span; POINTS],
}

/// Why a distribution is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantilesError {
    /// No sample.
    #[error("no sample: a distribution needs at least one")]
    Empty,
    /// A negative length.
    #[error("{0} us: a length of time is not negative")]
    Negative(Span),
    /// Quantiles out of order.
    #[error("p50 {p50} us, p99 {p99} us, max {max} us: each must be at least the one before it")]
    Reversed {
        /// The median.
        p50: Span,
        /// What one in a hundred exceeds.
        p99: Span,
        /// The longest.
        max: Span,
    },
}

impl Quantiles {
    /// Always the same length, in microseconds.
    pub fn constant(length_us: Span) -> Quantiles {
        Quantiles::of_points(&[(u64::MAX, length_us), (0, length_us)])
    }

    /// The distribution with this median, this 99th percentile and this maximum, in microseconds;
    /// the shortest is taken to be half of the median.
    ///
    /// # Errors
    /// A negative median, or quantiles out of order.
    pub fn of_summary(p50: Span, p99: Span, max: Span) -> Result<Quantiles, QuantilesError> {
        if p50 < 0 {
            return Err(QuantilesError::Negative(p50));
        }
        if p50 > p99 || p99 > max {
            return Err(QuantilesError::Reversed { p50, p99, max });
        }
        let whole = u64::MAX;
        let known = [(whole, p50 / 2), (whole / 2, p50), (whole / 100, p99), (0, max)];
        Ok(Quantiles::of_points(&known))
    }

    /// The distribution of these samples, in microseconds.
    ///
    /// # Errors
    /// No sample, or a negative one.
    pub fn of_samples(mut samples_us: Vec<Span>) -> Result<Quantiles, QuantilesError> {
        samples_us.sort_unstable();
        let (Some(&first), Some(&last)) = (samples_us.first(), samples_us.last()) else {
            return Err(QuantilesError::Empty);
        };
        if first < 0 {
            return Err(QuantilesError::Negative(first));
        }
        let gaps = samples_us.len() as u128 - 1;
        let value = |tail: u64| {
            // Where in the list, in parts of 2^64 of the way from one sample to the next.
            let place = gaps * u128::from(u64::MAX - tail);
            let (at, part) = ((place >> 64) as usize, place as u64);
            let (low, high) = (samples_us[at], samples_us.get(at + 1).copied().unwrap_or(last));
            low + part_of(high - low, part, u64::MAX)
        };
        let tails = (0..POINTS - 1).map(|point| {
            let (halvings, eighth) = (point / EACH, point % EACH);
            // 2^-(halvings + 1) (2 - eighth / 8)
            (u64::MAX >> (halvings + 1)) / EACH as u64 * (2 * EACH - eighth) as u64
        });
        let mut points: Vec<(u64, Span)> = tails.map(|tail| (tail, value(tail))).collect();
        points[0] = (u64::MAX, first);
        points.push((0, last));
        Ok(Quantiles::of_points(&points))
    }

    /// From the shortest, which everything exceeds, to the longest.
    fn of_points(known: &[(u64, Span)]) -> Quantiles {
        let longest = known.last().map_or(0, |&(_, length)| length);
        let mut quantiles = Quantiles { tails: [0; POINTS], points: [longest; POINTS] };
        for (index, &(tail, length)) in known.iter().enumerate().take(POINTS) {
            (quantiles.tails[index], quantiles.points[index]) = (tail, length);
        }
        quantiles
    }

    /// The length, in microseconds, that `ppm` in a million exceed.
    pub fn exceeded_by_ppm(&self, ppm: u32) -> Span {
        let tail = u128::from(u64::MAX) * u128::from(ppm.min(1_000_000)) / 1_000_000;
        self.at(tail as u64) / NANOS
    }

    /// How many in a million exceed a length in microseconds, rounded up.
    pub fn ppm_beyond(&self, length_us: Span) -> u32 {
        let longer = |ppm: u32| self.exceeded_by_ppm(ppm) > length_us;

        if longer(1_000_000) {
            return 1_000_000;
        }
        // Lengths fall as the number of those that exceed them grows.
        let (mut longer_at, mut no_longer_at) = (0_u32, 1_000_000);
        if !longer(0) {
            return 0;
        }
        while longer_at + 1 < no_longer_at {
            let middle = longer_at.midpoint(no_longer_at);
            *if longer(middle) { &mut longer_at } else { &mut no_longer_at } = middle;
        }
        no_longer_at
    }

    /// The longest, in microseconds.
    pub fn longest(&self) -> Span {
        self.points[POINTS - 1]
    }

    /// A length, in nanoseconds.
    pub(crate) fn sample(&self, roll: Roll) -> TrueTime {
        self.at(roll.bits())
    }

    /// The length, in nanoseconds, that is exceeded with probability `tail`.
    fn at(&self, tail: u64) -> TrueTime {
        let next = self.tails.partition_point(|&of_point| of_point > tail);
        let next = next.clamp(1, POINTS - 1);
        let (more, less) = (self.tails[next - 1], self.tails[next]);
        let (low, high) = (self.points[next - 1] * NANOS, self.points[next] * NANOS);
        low + part_of(high - low, more - tail, more - less)
    }
}

/// `length * part / whole`, to the nearest number; nothing of nothing.
fn part_of(length: i64, part: u64, whole: u64) -> i64 {
    let whole = i128::from(whole.max(1));
    ((i128::from(length) * i128::from(part) + whole / 2) / whole) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::{Dice, Question};

    /// A hundred thousand lengths in order, in microseconds.
    fn sampled(quantiles: &Quantiles) -> Vec<i64> {
        let roll = |id| Dice::new(7, 0).roll(Question::RequestDelay, id);
        let mut lengths: Vec<i64> =
            (0..100_000).map(|id| quantiles.sample(roll(id)) / NANOS).collect();
        lengths.sort_unstable();
        lengths
    }

    #[test]
    fn a_summary_is_met() {
        let quantiles = Quantiles::of_summary(1_000, 20_000, 500_000).unwrap();
        let lengths = sampled(&quantiles);
        assert!(lengths[0] >= 500 && lengths[99_999] <= 500_000);
        assert!((980..1_020).contains(&lengths[50_000]), "{}", lengths[50_000]);
        assert!((19_000..26_000).contains(&lengths[99_000]), "{}", lengths[99_000]);
        // The last hundredth goes straight up.
        assert!((240_000..280_000).contains(&lengths[99_500]), "{}", lengths[99_500]);
        let exceeded = [1_000_000, 500_000, 10_000, 0].map(|ppm| quantiles.exceeded_by_ppm(ppm));
        assert_eq!(exceeded, [500, 1_000, 20_000, 500_000]);
        assert_eq!(quantiles.longest(), 500_000);
        let beyond = [499, 1_001, 20_000, 260_000, 500_000].map(|us| quantiles.ppm_beyond(us));
        assert_eq!(beyond, [1_000_000, 499_949, 10_000, 5_000, 0]);
    }

    #[test]
    fn samples_are_met() {
        let quantiles = Quantiles::of_samples((0..=1_000).rev().map(|n| n * 10).collect()).unwrap();
        let lengths = sampled(&quantiles);
        for (at, expected) in [(0, 0), (25_000, 2_500), (50_000, 5_000), (99_900, 9_990)] {
            assert!((lengths[at] - expected).abs() < 60, "{at}: {}", lengths[at]);
        }
        let one = Quantiles::of_samples(vec![7]).unwrap();
        assert!(sampled(&one).iter().all(|&length| length == 7));
        assert!(sampled(&Quantiles::constant(0)).iter().all(|&length| length == 0));
    }

    #[test]
    fn a_rare_outlier_is_as_rare_as_it_was() {
        let mut samples = vec![1_000; 9_999];
        samples.push(1_000_000);
        let lengths = sampled(&Quantiles::of_samples(samples).unwrap());
        let slow = lengths.iter().filter(|&&length| length > 2_000).count();
        // Uniform from the last usual one to the outlier: one in ten thousand.
        assert!((4..25).contains(&slow), "{slow}");
    }

    #[test]
    fn what_is_no_distribution_is_refused() {
        assert_eq!(Quantiles::of_samples(Vec::new()), Err(QuantilesError::Empty));
        assert_eq!(Quantiles::of_samples(vec![3, -1]), Err(QuantilesError::Negative(-1)));
        let error = Quantiles::of_summary(5, 4, 9).unwrap_err().to_string();
        assert!(error.starts_with("p50 5 us, p99 4 us, max 9 us"), "{error}");
        assert!(Quantiles::of_summary(-5, 4, 9).is_err());
    }
}
