//! A node's clock beside this machine's, from samples of `TIME`.
//!
//! The node read its clock at some moment between the request and the reply, and cut it to whole
//! microseconds. So any two samples bound the rate from both sides, whatever the network did, and
//! the tightest bounds of all pairs are no estimate: the rate lies between them, or the clock did
//! not run steadily.

/// One reading of a node's clock. Times of this machine are those of its steady clock, from any
/// beginning, unless they are said to be of its wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    /// Just before the request was sent, in nanoseconds.
    pub(super) sent_ns: i64,
    /// Just after the reply had come, in nanoseconds.
    pub(super) received_ns: i64,
    /// This machine's wall clock just after `sent_ns`, in microseconds since 1970.
    pub(super) wall_us: i64,
    /// What the node said, in microseconds since 1970.
    pub(super) node_us: i64,
}

impl Sample {
    /// How long the answer took.
    pub(super) fn round_trip_ns(&self) -> i64 {
        self.received_ns - self.sent_ns
    }
}

/// From and to, both within.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// The least it can be.
    pub(super) least: i64,
    /// The most it can be.
    pub(super) most: i64,
}

impl Bounds {
    /// Half way.
    pub(super) fn middle(self) -> i64 {
        i64::midpoint(self.least, self.most)
    }

    /// How far the truth may be from [`middle`](Self::middle).
    pub(super) fn spread(self) -> i64 {
        self.most.saturating_sub(self.least).saturating_add(1) / 2
    }
}

/// How a node's clock went while it was watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rate {
    /// Steadily; by how much faster than this machine's, in parts per billion.
    Steady(Bounds),
    /// No one rate explains the samples. The largest jump seen between two of them, forward if
    /// positive, in microseconds.
    Stepped(i64),
}

/// The rate, from samples in the order in which they were taken. Nothing from fewer than two.
pub(super) fn rate(samples: &[Sample]) -> Option<Rate> {
    let mut bounds: Option<Bounds> = None;
    for (at, earlier) in samples.iter().enumerate() {
        for later in &samples[at + 1..] {
            let Some(pair) = pair(earlier, later) else { continue };
            bounds = Some(bounds.map_or(pair, |so_far| Bounds {
                least: so_far.least.max(pair.least),
                most: so_far.most.min(pair.most),
            }));
        }
    }
    let bounds = bounds?;
    if bounds.least <= bounds.most {
        return Some(Rate::Steady(bounds));
    }
    let steps = samples.windows(2).map(|two| step_us(&two[0], &two[1]));
    Some(Rate::Stepped(steps.max_by_key(|step| step.abs()).unwrap_or(0)))
}

/// What two samples say of the rate, in parts per billion; nothing if they were taken at once.
fn pair(earlier: &Sample, later: &Sample) -> Option<Bounds> {
    let shortest = later.sent_ns - earlier.received_ns;
    let longest = later.received_ns - earlier.sent_ns;
    if shortest <= 0 || longest <= 0 {
        return None;
    }
    let went_us = i128::from(later.node_us) - i128::from(earlier.node_us);
    // Either reading was cut to a whole microsecond.
    let off = |went_us: i128, took_ns: i64, up: i128| {
        let took = i128::from(took_ns);
        let excess = (went_us * 1_000 - took) * 1_000_000_000;
        let ppb = (excess + up * (took - 1)).div_euclid(took);
        i64::try_from(ppb).unwrap_or(if ppb < 0 { i64::MIN } else { i64::MAX })
    };
    let least_took = if went_us < 1 { shortest } else { longest };
    let most_took = if went_us < -1 { longest } else { shortest };
    Some(Bounds { least: off(went_us - 1, least_took, 0), most: off(went_us + 1, most_took, 1) })
}

/// How far the node's clock went that this machine's cannot explain.
fn step_us(earlier: &Sample, later: &Sample) -> i64 {
    let went_us = later.node_us - earlier.node_us;
    let least_us = (later.sent_ns - earlier.received_ns).div_euclid(1_000) - 1;
    let most_us = (later.received_ns - earlier.sent_ns).div_euclid(1_000) + 2;
    if went_us < least_us { went_us - least_us } else { (went_us - most_us).max(0) }
}

/// By how much the node's wall clock is ahead of this machine's, in microseconds: what the sample
/// with the shortest round trip says.
pub(super) fn offset_us(samples: &[Sample]) -> Option<Bounds> {
    let best = samples.iter().min_by_key(|sample| sample.round_trip_ns())?;
    let took_us = best.round_trip_ns().div_euclid(1_000) + 1;
    let ahead = best.node_us - best.wall_us;
    Some(Bounds { least: ahead - took_us - 1, most: ahead + 1 })
}

/// Round-trip times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RoundTrips {
    /// The shortest, in nanoseconds.
    pub(super) min_ns: i64,
    /// The one in the middle.
    pub(super) median_ns: i64,
    /// The longest.
    pub(super) max_ns: i64,
}

/// The round trips of `samples`; nothing if there is none.
pub(super) fn round_trips(samples: &[Sample]) -> Option<RoundTrips> {
    let mut took: Vec<i64> = samples.iter().map(Sample::round_trip_ns).collect();
    took.sort_unstable();
    Some(RoundTrips {
        min_ns: *took.first()?,
        median_ns: *took.get(took.len() / 2)?,
        max_ns: *took.last()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// Samples of a clock that is off by `rate_ppb` and `ahead_us`. Each has its pause before it,
    /// and its way there and back, in nanoseconds.
    fn samples(rate_ppb: i64, ahead_us: i64, ways: &[(i64, i64, i64)]) -> Vec<Sample> {
        let mut now_ns = 0;
        let begun_us = 1_700_000_000_000_000;
        let take = |&(pause, there, back): &(i64, i64, i64)| {
            let sent_ns = now_ns + pause;
            let read = i128::from(sent_ns + there);
            now_ns = sent_ns + there + back;
            let gone_ns = read + read * i128::from(rate_ppb) / 1_000_000_000;
            Sample {
                sent_ns,
                received_ns: now_ns,
                wall_us: begun_us + sent_ns / 1_000,
                node_us: begun_us + ahead_us + i64::try_from(gone_ns.div_euclid(1_000)).unwrap(),
            }
        };
        ways.iter().map(take).collect()
    }

    fn ways() -> impl Strategy<Value = Vec<(i64, i64, i64)>> {
        vec((1_000..50_000_000_i64, 1_000..5_000_000_i64, 1_000..5_000_000_i64), 2..40)
    }

    proptest! {
        #[test]
        fn the_rate_lies_within_its_bounds(
            ppb in -200_000_000..200_000_000_i64,
            ahead_us in -1_000_000_000..1_000_000_000_i64,
            ways in ways(),
        ) {
            let samples = samples(ppb, ahead_us, &ways);
            let Some(Rate::Steady(Bounds { least, most })) = rate(&samples) else {
                return Err(TestCaseError::fail("not steady"));
            };
            // The samples' own rounding is to a nanosecond, over a millisecond at the least.
            prop_assert!(least - 2_000 <= ppb && ppb <= most + 2_000, "{least} {ppb} {most}");
        }

        #[test]
        fn the_offset_lies_within_its_bounds(
            ahead_us in -1_000_000_000..1_000_000_000_i64,
            ways in ways(),
        ) {
            let Bounds { least, most } = offset_us(&samples(0, ahead_us, &ways)).unwrap();
            prop_assert!(least <= ahead_us && ahead_us <= most, "{least} {ahead_us} {most}");
        }

        #[test]
        fn a_jump_shows_and_is_measured(
            jump_us in prop_oneof![-9_000_000..-200_000_i64, 200_000..9_000_000_i64],
            at in 1..9_usize,
        ) {
            // A rate could explain the jump between two samples, but not all of ten.
            let mut samples = samples(0, 0, &[(20_000_000, 100_000, 100_000); 10]);
            samples[at..].iter_mut().for_each(|sample| sample.node_us += jump_us);
            let Some(Rate::Stepped(step_us)) = rate(&samples) else {
                return Err(TestCaseError::fail("steady"));
            };
            prop_assert!((step_us - jump_us).abs() < 500, "{step_us} {jump_us}");
        }

        #[test]
        fn no_samples_are_too_strange(
            times in vec((any::<i32>(), any::<i32>(), any::<i32>(), any::<i32>()), 0..6),
        ) {
            let sample = |&(sent, received, wall, node): &(i32, i32, i32, i32)| Sample {
                sent_ns: sent.into(),
                received_ns: received.into(),
                wall_us: wall.into(),
                node_us: node.into(),
            };
            let samples: Vec<Sample> = times.iter().map(sample).collect();
            let _ = (rate(&samples), offset_us(&samples), round_trips(&samples));
        }
    }

    #[test]
    fn three_seconds_on_a_quick_network_give_tens_of_ppm() {
        let samples = samples(12_000, 0, &[(30_000_000, 30_000, 30_000); 100]);
        let Some(Rate::Steady(bounds)) = rate(&samples) else { panic!("not steady") };
        assert!(bounds.spread() < 30_000, "{bounds:?}");
        assert!((bounds.middle() - 12_000).abs() < 30_000, "{bounds:?}");
    }

    #[test]
    fn one_sample_has_no_rate() {
        assert_eq!(rate(&samples(0, 0, &[(1, 1, 1)])), None);
        assert_eq!(rate(&[]), None);
        assert_eq!(round_trips(&[]), None);
    }

    #[test]
    fn the_median_is_a_round_trip_that_was_measured() {
        let samples = samples(0, 0, &[(1, 1_000, 1_000), (1, 4_000, 5_000), (1, 1_000, 2_000)]);
        let trips = RoundTrips { min_ns: 2_000, median_ns: 3_000, max_ns: 9_000 };
        assert_eq!(round_trips(&samples), Some(trips));
    }
}
