//! Every seed run twice, and the two runs compared step by step.
//!
//! The second run is on a thread of its own and in fresh room, so what a run leaves behind, where
//! it runs and what ran before cannot be the same by chance.

use std::ops::Range;

use leasehold_world::Trace;

use crate::outcome::Outcome;

/// Two runs of one seed that differ. There should be none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The seed.
    pub seed: u64,
    /// The first step that differs, counted from 1; none if all steps agree, and something that
    /// was counted does not.
    pub step: Option<u32>,
    /// That step of the first run, as in a trace file.
    pub first: String,
    /// That step of the second run.
    pub second: String,
}

/// A run with all its steps.
pub(crate) type Recorded = (Outcome, Trace);

/// Runs `seeds` on this thread with `first` and on another with `second`. What the first runs came
/// to, and where the second ones differ.
pub(crate) fn run_twice(
    seeds: Range<u64>,
    first: &mut dyn FnMut(u64) -> Recorded,
    second: &(dyn Fn(u64) -> Recorded + Sync),
) -> (Vec<Outcome>, Vec<Difference>) {
    let again = seeds.clone();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| again.map(second).collect::<Vec<_>>());
        let ours: Vec<Recorded> = seeds.map(first).collect();
        let theirs = match other.join() {
            Ok(theirs) => theirs,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        let differences =
            ours.iter().zip(&theirs).filter_map(|(ours, theirs)| compare(ours, theirs)).collect();
        (ours.into_iter().map(|(outcome, _)| outcome).collect(), differences)
    })
}

/// Where two runs of a seed differ, if they do.
fn compare(first: &Recorded, second: &Recorded) -> Option<Difference> {
    if first == second {
        return None;
    }
    let text = |(_, trace): &Recorded, index: usize| {
        trace.steps.get(index).map_or("the run is over".to_owned(), |line| line.step.clone())
    };
    let most = first.1.steps.len().max(second.1.steps.len());
    let found = (0..most)
        .map(|index| (index, text(first, index), text(second, index)))
        .find(|(_, first, second)| first != second);
    let seed = first.0.seed;
    Some(match found {
        Some((index, first, second)) => {
            Difference { seed, step: u32::try_from(index + 1).ok(), first, second }
        }
        None => {
            let (first, second) = (format!("{:?}", first.0), format!("{:?}", second.0));
            Difference { seed, step: None, first, second }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agenda::Agenda;
    use crate::options::Options;
    use crate::record_whole;

    fn honest(seed: u64) -> Recorded {
        record_whole(seed, &Options::default(), &mut Agenda::default())
    }

    /// Runs seeds 3 and 4; the second run of 4 is altered.
    fn against(alter: &(dyn Fn(&mut Recorded) + Sync)) -> Vec<Difference> {
        let second = |seed| {
            let mut recorded = honest(seed);
            if seed == 4 {
                alter(&mut recorded);
            }
            recorded
        };
        let (outcomes, differences) = run_twice(3..5, &mut honest, &second);
        assert_eq!(outcomes, [honest(3).0, honest(4).0]);
        differences
    }

    #[test]
    fn the_first_step_that_differs_is_named() {
        assert_eq!(against(&|_| {}), []);
        let steps: Vec<String> = honest(4).1.steps.into_iter().map(|line| line.step).collect();
        let other = against(&|(outcome, trace)| {
            outcome.hash += 1;
            trace.steps[6].step = "start c9".to_owned();
            trace.steps[8].step = "stop c9".to_owned();
        });
        let (first, second) = (steps[6].clone(), "start c9".to_owned());
        assert_eq!(other, [Difference { seed: 4, step: Some(7), first, second }]);
        let shorter = against(&|(_, trace)| {
            trace.steps.pop();
        });
        let (first, second) = (steps[steps.len() - 1].clone(), "the run is over".to_owned());
        let step = u32::try_from(steps.len()).ok();
        assert_eq!(shorter, [Difference { seed: 4, step, first, second }]);
    }

    #[test]
    fn other_counts_are_a_difference_too() {
        let other = against(&|(outcome, _)| outcome.virtual_us += 1);
        assert_eq!((other.len(), other[0].seed, other[0].step), (1, 4, None));
        assert_ne!(other[0].first, other[0].second);
    }
}
