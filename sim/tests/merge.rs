//! The results of all shards, merged, are the result of the whole, byte for byte; and a file that
//! is no result, or not all of one, is refused with what is wrong with it.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use leasehold::protocol::{Mutant, Transport};
use leasehold_sim::{
    Campaign, KEPT, MergeError, Options, Results, Shard, campaign, campaign_twice, merge,
};
use leasehold_world::Lifecycle;
use proptest::prelude::*;

fn detached() -> Options {
    Options { lifecycle: Lifecycle::Detached, ..Options::default() }
}

fn run(seeds: &Range<u64>, options: &Options, shard: Shard) -> Results {
    let never = AtomicBool::new(false);
    let campaign = campaign(shard.seeds(seeds), options, 2, &|_, _| {}, &never);
    Results::of(&campaign, options, seeds.clone(), shard)
}

fn shard(index: u32, of: u32) -> Shard {
    format!("{index}/{of}").parse().unwrap()
}

fn shards(seeds: &Range<u64>, options: &Options, of: u32) -> Vec<(String, Results)> {
    let one = |index| (format!("{index}.json"), run(seeds, options, shard(index, of)));
    (1..=of).map(one).collect()
}

fn written(results: &Results) -> String {
    serde_json::to_string_pretty(results).unwrap()
}

/// As another machine reads what this one has written.
fn read(text: &str) -> Results {
    serde_json::from_str(text).unwrap()
}

fn any_options() -> impl Strategy<Value = Options> {
    let lifecycle = prop::sample::select(Lifecycle::ALL.to_vec());
    let transport = prop::sample::select(vec![Transport::Fifo, Transport::Pooled]);
    let mutant = prop::option::of(prop::sample::select(Mutant::all().collect::<Vec<_>>()));
    (lifecycle, transport, mutant).prop_map(|(lifecycle, transport, mutant)| Options {
        lifecycle,
        transport,
        mutant,
        ..Options::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn shards_make_the_whole(
        options in any_options(),
        start in prop_oneof![0..100_000_u64, u64::MAX - 500..u64::MAX - 200],
        length in 1..200_u64,
        of in 1..12_u32,
        rotate in 0..12_usize,
    ) {
        let seeds = start..start + length;
        let mut files = shards(&seeds, &options, of);
        files.iter_mut().for_each(|(_, results)| *results = read(&written(results)));
        let middle = rotate % files.len();
        files.rotate_left(middle);
        let merged = merge(files).unwrap();
        let whole = run(&seeds, &options, Shard::WHOLE);
        prop_assert_eq!(written(&merged), written(&whole));
        prop_assert_eq!(&read(&written(&merged)), &whole);
        // What was merged is a whole of one shard.
        prop_assert_eq!(merge(vec![("again".to_owned(), merged)]).unwrap(), whole);
    }

    #[test]
    fn one_shard_cannot_replace_another(of in 2..8_u32, lost in 0..8_usize, copied in 0..8_usize) {
        let mut files = shards(&(0..40), &detached(), of);
        let lost = files.remove(lost % files.len());
        let of = lost.1.shard;
        let wanted = format!("shard {of} is missing; run it with --shard, and merge again with it");
        prop_assert_eq!(merge(files.clone()).unwrap_err().to_string(), wanted);
        let copied = copied % files.len();
        files.push(("copy.json".to_owned(), files[copied].1.clone()));
        let shard = files[copied].1.shard;
        let (first, second) = (files[copied].0.clone(), "copy.json".to_owned());
        prop_assert_eq!(merge(files).unwrap_err(), MergeError::Twice { shard, first, second });
    }
}

#[test]
fn more_failures_than_are_kept_are_kept_as_in_one_run() {
    let options = Options { mutant: Some(Mutant::RenewWhileStopping), ..Options::default() };
    let seeds = 0..2_000;
    let whole = run(&seeds, &options, Shard::WHOLE);
    assert!(whole.failures_total > 2 * KEPT as u64, "{}", whole.failures_total);
    assert_eq!(whole.failures.len(), KEPT);
    assert_eq!(merge(shards(&seeds, &options, 3)).unwrap(), whole);
}

#[test]
fn what_never_happened_is_asked_of_the_whole() {
    // Three hundred seeds are too few to expect everything of them; two thousand are not.
    let files = shards(&(0..2_000), &Options::default(), 7);
    assert!(files.iter().all(|(_, results)| results.run < 300 && results.is_as_claimed()));
    let mut whole = merge(files).unwrap();
    assert_eq!(whole.never_happened(), Vec::<&str>::new());
    whole.counts = leasehold_sim::Counts::default();
    assert!(whole.never_happened().contains(&"messages lost"));
    assert!(!whole.is_as_claimed());
}

/// A campaign that is stopped after its first chunk.
fn stopped(seeds: Range<u64>) -> Campaign {
    let stop = AtomicBool::new(false);
    campaign(seeds, &detached(), 1, &|_, _| stop.store(true, Ordering::Relaxed), &stop)
}

#[test]
fn a_shard_that_was_stopped_makes_a_whole_that_was_stopped() {
    let mut files = shards(&(0..1_000), &detached(), 2);
    let half = stopped(500..1_000);
    assert!(half.seeds < 500, "{}", half.seeds);
    files[1].1 = Results::of(&half, &detached(), 0..1_000, shard(2, 2));
    assert!(files[1].1.truncated && !files[0].1.truncated);
    let merged = merge(files).unwrap();
    assert!(merged.truncated);
    assert_eq!(merged.run, 500 + half.seeds);
    assert_eq!(read(&written(&merged)), merged);
}

#[test]
fn results_of_other_campaigns_are_refused_by_name() {
    let alter = |alter: &dyn Fn(&mut Results)| {
        let mut files = shards(&(0..40), &detached(), 2);
        alter(&mut files[1].1);
        merge(files).unwrap_err().to_string()
    };
    let both = "1.json and 2.json are not of one campaign: ";
    let joined = |results: &mut Results| results.options.lifecycle = Lifecycle::Joined;
    assert_eq!(alter(&joined), format!("{both}--lifecycle detached, and joined"));
    let sized = |results: &mut Results| results.options.nodes = Some(3.try_into().unwrap());
    assert_eq!(alter(&sized), format!("{both}--nodes drawn from the seed, and 3"));
    let mutant = |results: &mut Results| results.options.mutant = Some(Mutant::NoKillAfterReset);
    assert_eq!(alter(&mutant), format!("{both}--mutant none, and no-kill-after-reset"));
    assert_eq!(alter(&|results| results.seeds.end += 1), format!("{both}seeds 0..40, and 0..41"));
    let thirds = |results: &mut Results| results.shard = shard(2, 3);
    assert_eq!(alter(&thirds), format!("{both}number of shards 2, and 3"));
    let twice = |results: &mut Results| results.twice = true;
    assert_eq!(alter(&twice), format!("{both}--check-determinism off, and on"));
    let old = |results: &mut Results| results.program = "0.0.1".to_owned();
    assert!(alter(&old).starts_with(&format!("{both}program version ")), "{}", alter(&old));
    assert_eq!(merge(Vec::new()), Err(MergeError::Nothing));
}

#[test]
fn missing_shards_are_named_and_many_are_counted() {
    let files = |of| vec![("a.json".to_owned(), run(&(0..40), &detached(), shard(2, of)))];
    let error = merge(files(4)).unwrap_err().to_string();
    assert!(error.starts_with("shards 1/4, 3/4, 4/4 are missing; run them "), "{error}");
    let error = merge(files(1_000)).unwrap_err().to_string();
    assert!(error.contains("shards 1/1000, 3/1000, 4/1000,"), "{error}");
    assert!(error.contains("9/1000, and 991 more are missing"), "{error}");
}

/// What is wrong with the file of a campaign in which `from` is written as `to`.
fn complaint(from: &str, to: &str) -> String {
    let text = written(&run(&(0..40), &detached(), shard(1, 2)));
    assert!(text.contains(from), "{from:?} is not in {text}");
    serde_json::from_str::<Results>(&text.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn an_altered_file_is_refused_with_what_is_wrong() {
    let format = complaint("\"format\": 1", "\"format\": 2");
    assert!(format.contains("format 2, and this program reads format 1"), "{format}");
    for (from, to, wanted) in [
        ("\"shard\": \"1/2\"", "\"shard\": \"3/2\"", "\"3/2\" is no shard"),
        ("\"seeds_run\": 20", "\"seeds_run\": 19", "19 of the 20 seeds of shard 1/2"),
        ("\"to\": 40", "\"to\": 0", "from 0 to 0 there is none"),
        ("\"messages lost\"", "\"messages found\"", "\"messages lost\" is missing"),
        ("\"kills\"", "\"messages lost\": 1, \"kills\"", "\"messages lost\" is unknown"),
        ("\"lifecycle\": \"detached\"", "\"lifecycle\": \"x\"", "not a lifecycle"),
        ("\"failures_total\"", "\"failures_all\"", "unknown field"),
        ("\"failures_total\": ", "\"failures_total\": 1", "failures: entries"),
        ("\"differences_total\": 0", "\"differences_total\": 1", "differences: entries"),
        ("\"never_happened\": []", "\"never_happened\": [\"kills\"]", "never_happened: not what"),
        ("\"digest\": \"", "\"digest\": \"+", "is not 16 hexadecimal digits"),
        ("\"elapsed_ms\"", "\"seeds_run\"", "duplicate field"),
    ] {
        let found = complaint(from, to);
        assert!(found.contains(wanted), "{to}: {found}");
    }
    let position = complaint("\"steps\": ", "\"steps\": -");
    assert!(position.contains("line 20 column 1"), "{position}");
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
        prop_assert!(serde_json::from_slice::<Results>(&bytes).is_err());
    }

    #[test]
    fn no_alteration_makes_reading_or_merging_panic(
        at in any::<prop::sample::Index>(),
        length in 0..40_usize,
        with in prop_oneof![
            "[-0-9eE.]{0,20}".prop_map(String::from),
            "[\"{}:,\\[\\] a-z]{0,8}".prop_map(String::from),
            prop::sample::select(vec!["18446744073709551615", "null", "\"\"", "[]", "{}", "true"])
                .prop_map(str::to_owned),
        ],
    ) {
        let text = written(&run(&(0..6), &detached(), Shard::WHOLE));
        let from = at.index(text.len());
        let altered = [&text[..from], &with, &text[text.len().min(from + length)..]].concat();
        if let Ok(results) = serde_json::from_str::<Results>(&altered) {
            // What is read can be merged and written, whatever it says.
            let merged = merge(vec![("a".to_owned(), results)]);
            if let Ok(merged) = merged {
                prop_assert_eq!(read(&written(&merged)), merged);
            }
        }
    }
}

#[test]
fn a_campaign_in_which_every_seed_runs_twice_comes_to_the_same() {
    for options in [Options::default(), detached()] {
        let never = AtomicBool::new(false);
        let once = campaign(0..300, &options, 2, &|_, _| {}, &never);
        let twice = campaign_twice(0..300, &options, 2, &|_, _| {}, &never);
        assert_eq!(twice, once);
        assert_eq!((twice.differences_total, twice.seeds), (0, 300));
    }
}
