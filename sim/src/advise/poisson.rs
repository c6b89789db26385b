//! How often something happens, judged by how often it happened: events without memory.

/// The part of the cases in which a stated interval misses the truth.
const MISSES: f64 = 0.05;
/// From how many events on an interval is taken from the approximation for many.
const MANY: u64 = 5_000;

/// Events per hour, with the interval that has the truth in it in 95 of 100 cases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// The estimate: events by hours.
    pub per_hour: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end; without any event it is that of the one-sided interval, the "rule of three".
    pub high: f64,
}

impl Rate {
    /// The rate behind so many events in so many hours; unknown if there was no time.
    pub fn of(events: u64, hours: f64) -> Rate {
        if hours <= 0.0 {
            return Rate { per_hour: f64::NAN, low: 0.0, high: f64::INFINITY };
        }
        let (low, high) = limits(events);
        Rate { per_hour: events as f64 / hours, low: low / hours, high: high / hours }
    }
}

/// The means under which so many events, or more of them, or fewer, are just not too unlikely:
/// the exact limits of Garwood.
fn limits(events: u64) -> (f64, f64) {
    if events == 0 {
        return (0.0, -MISSES.ln());
    }
    if events > MANY {
        // The square root of a Poisson number is nearly normal, with a deviation of one half.
        let root = (events as f64).sqrt();
        return ((root - 0.98).powi(2), (root + 0.98).powi(2));
    }
    let low = solve(events, |mean| 1.0 - at_most(events - 1, mean) > MISSES / 2.0);
    let high = solve(events, |mean| at_most(events, mean) < MISSES / 2.0);
    (low, high)
}

/// The mean from which on `beyond` holds.
fn solve(events: u64, beyond: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 4.0 * events as f64 + 20.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        *if beyond(middle) { &mut high } else { &mut low } = middle;
    }
    high
}

/// The chance of at most so many events, where `mean` are expected.
fn at_most(events: u64, mean: f64) -> f64 {
    // Each term by its logarithm, for the first ones may be too small to be written.
    let mut ln_term = -mean;
    let mut sum = ln_term.exp();
    for n in 1..=events {
        ln_term += (mean / n as f64).ln();
        sum += ln_term.exp();
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 0.002 * expected, "{found}, not {expected}");
    }

    #[test]
    fn limits_are_those_of_the_tables() {
        for (events, low, high) in
            [(1, 0.0253, 5.572), (5, 1.623, 11.668), (10, 4.795, 18.390), (100, 81.36, 121.63)]
        {
            let rate = Rate::of(events, 2.0);
            near(rate.low, low / 2.0);
            near(rate.high, high / 2.0);
            near(rate.per_hour, events as f64 / 2.0);
        }
    }

    #[test]
    fn nothing_seen_is_less_than_three() {
        let rate = Rate::of(0, 1_000.0);
        assert_eq!((rate.per_hour, rate.low), (0.0, 0.0));
        near(rate.high, 0.002_996);
        assert!(Rate::of(0, 0.0).high.is_infinite());
    }

    #[test]
    fn many_are_as_few() {
        let (exact, near_by) = (limits(MANY), limits(MANY + 1));
        near(near_by.0, exact.0);
        near(near_by.1, exact.1);
    }
}
