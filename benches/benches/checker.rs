//! How fast the checker and the simulator are, as ratios:
//! `cargo bench -p leasehold-benches -- [a] [b] [c] [d] [e] [f]`.
//!
//! | part | ours | against |
//! |---|---|---|
//! | a | states generated per second of CPU | two-phase commit in the same search |
//! | b | states, and CPU time, up to names | the same without names |
//! | c | bytes per state of the deciding search | a bar |
//! | d | time with two threads | with one |
//! | e | states and CPU time | SPIN on the same transition system |
//! | f | simulated events and seeds per second of CPU, threads | a bare event loop; one thread |
//!
//! `RUNS=n` sets how often each ratio is measured (3); the median counts. A missing SPIN is
//! skipped, and an error if `REQUIRE_ALL=1`. Exit code 1 if a ratio misses its bar.
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a bench prints its table, and fails by panicking"
)]

use std::env;
use std::fs;
use std::process::ExitCode;
use std::thread;

use leasehold_benches::job::{Job, RUN_JOB};
use leasehold_benches::measure::Measured;
use leasehold_benches::scopes::contended;
use leasehold_benches::spin::Verifier;
use leasehold_benches::table::{Bar, Row, head, median};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Cargo adds `--bench`.
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [flag, job] = &args[..]
        && flag == RUN_JOB
    {
        println!("{}", Job::run_here(job));
        return ExitCode::SUCCESS;
    }
    let runs = env::var("RUNS").map_or(3, |runs| runs.parse().expect("RUNS is a number"));
    let wanted = |part: &str| args.is_empty() || args.iter().any(|arg| arg == part);
    let mut bench = Bench { runs, passed: true };
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").expect("/proc/loadavg");
    println!("{cores} cores, load average {}\n{}", load.trim(), head());
    if wanted("a") {
        bench.speed();
    }
    if wanted("b") {
        bench.one_client();
    }
    if wanted("b") || wanted("c") {
        bench.alike_clients();
    }
    if wanted("d") {
        bench.threads();
    }
    if wanted("e") && !bench.spin() {
        println!("(e) skipped: apt-get install spin gcc");
        bench.passed &= env::var("REQUIRE_ALL").as_deref() != Ok("1");
    }
    if wanted("f") {
        bench.simulator();
    }
    if bench.passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One of the numbers of a run.
#[derive(Clone, Copy)]
struct Quantity {
    of: fn(&Measured) -> f64,
    unit: &'static str,
    decimals: usize,
}

const STATES: Quantity = Quantity { of: |run| run.unique as f64, unit: "", decimals: 0 };
const TRANSITIONS: Quantity = Quantity { of: |run| run.generated as f64, unit: "", decimals: 0 };
const RATE: Quantity = Quantity { of: Measured::rate, unit: " /s", decimals: 0 };
const CPU: Quantity = Quantity { of: |run| run.cpu_s, unit: " s", decimals: 2 };
const WALL: Quantity = Quantity { of: |run| run.wall_s, unit: " s", decimals: 2 };
const BYTES: Quantity =
    Quantity { of: |run| run.grown as f64 / run.unique as f64, unit: " B", decimals: 1 };

const EQUAL: Bar = Bar::Exactly(1.0);

/// How often to measure, and whether all that is printed has passed.
struct Bench {
    runs: usize,
    passed: bool,
}

impl Bench {
    /// Measures each of `what` in turns; returns the runs of each.
    fn in_turns<const K: usize>(&self, what: [&dyn Fn() -> Measured; K]) -> [Vec<Measured>; K] {
        let mut runs = [const { Vec::new() }; K];
        for _ in 0..self.runs {
            for (measure, runs) in what.iter().zip(&mut runs) {
                runs.push(measure());
            }
        }
        runs
    }

    /// Prints the ratios of a quantity, first to second, run by run.
    fn row(&mut self, name: &str, what: Quantity, [first, second]: [&[Measured]; 2], bar: Bar) {
        let values = |runs: &[Measured]| runs.iter().map(what.of).collect::<Vec<f64>>();
        let (first, second) = (values(first), values(second));
        let shown = |values: &[f64]| format!("{:.*}{}", what.decimals, median(values), what.unit);
        self.print(&Row {
            name: name.to_owned(),
            first: shown(&first),
            second: shown(&second),
            ratios: first.iter().zip(&second).map(|(first, second)| first / second).collect(),
            bar,
        });
    }

    fn print(&mut self, row: &Row) {
        self.passed &= row.passes();
        println!("{row}");
    }

    fn speed(&mut self) {
        let [plain, names, yardstick] = self.in_turns([
            &|| Job::CONTENDED_PLAIN.measure(),
            &|| Job::CONTENDED_NAMES.measure(),
            &|| Job::TWO_PHASE_COMMIT.measure(),
        ]);
        self.row("(a) states/s / 2pc", RATE, [&plain, &yardstick], Bar::AtLeast(0.7));
        self.row("(a) states/s up to names / 2pc", RATE, [&names, &yardstick], Bar::AtLeast(0.4));
    }

    fn one_client(&mut self) {
        let [plain, names] =
            self.in_turns([&|| Job::ALONE_PLAIN.measure(), &|| Job::ALONE_NAMES.measure()]);
        self.names("one client", [&plain, &names], Bar::AtLeast(5.0));
    }

    /// The long one: once is enough for counts, and for a time that is far from its bar.
    fn alike_clients(&mut self) {
        let (plain, names) = ([Job::ALIKE_PLAIN.measure()], [Job::ALIKE_NAMES.measure()]);
        self.names("two alike", [&plain, &names], Bar::AtLeast(10.0));
        let [plain] = plain;
        assert!(plain.unique >= 10_000_000, "too few states to tell of memory");
        self.print(&Row {
            name: "(c) bytes per state, depth first".to_owned(),
            first: format!("{} B", plain.grown),
            second: plain.unique.to_string(),
            ratios: vec![(BYTES.of)(&plain)],
            bar: Bar::AtMost(20.0),
        });
    }

    fn names(&mut self, who: &str, runs: [&[Measured]; 2], states: Bar) {
        self.row(&format!("(b) states, plain / names, {who}"), STATES, runs, states);
        let time = Bar::AtLeast(4.0);
        self.row(&format!("(b) CPU, plain / names, {who}"), CPU, runs, time);
    }

    fn threads(&mut self) {
        let [one, two, exact, exact_two] = self.in_turns([
            &|| Job::ALIKE_NAMES.measure(),
            &|| Job::ALIKE_NAMES_TWO.measure(),
            &|| Job::ALIKE_EXACT.measure(),
            &|| Job::ALIKE_EXACT_TWO.measure(),
        ]);
        self.row("(d) states, two threads / one", STATES, [&two, &one], EQUAL);
        self.row("(d) states, exact / depth first", STATES, [&exact_two, &one], EQUAL);
        self.row("(d) time, depth first, 1 / 2", WALL, [&one, &two], Bar::AtLeast(1.4));
        self.row("(d) time, exact, 1 / 2", WALL, [&exact, &exact_two], Bar::AtLeast(1.5));
    }

    fn simulator(&mut self) {
        let [ours, two, bare, messages, turmoil, dense] = self.in_turns([
            &|| Job::SIMULATOR.measure(),
            &|| Job::SIMULATOR_TWO.measure(),
            &|| Job::BARE_LOOP.measure(),
            &|| Job::SIMULATOR_MESSAGES.measure(),
            &|| Job::TURMOIL.measure(),
            &|| Job::TURMOIL_DENSE.measure(),
        ]);
        self.row("(f) events/s / bare event loop", RATE, [&ours, &bare], Bar::AtLeast(0.2));
        let (leases, dense) = ([&messages[..], &turmoil], [&messages[..], &dense]);
        self.row("(f) messages/s / turmoil, same leases", RATE, leases, Bar::AtLeast(5.0));
        self.row("(f) messages/s / turmoil, no waiting", RATE, dense, Bar::AtLeast(1.0));
        let seeds = |run: &Measured| run.unique as f64 / run.cpu_s;
        self.print(&Row {
            name: "(f) seeds per second of CPU".to_owned(),
            first: ours[0].unique.to_string(),
            second: String::new(),
            ratios: ours.iter().map(seeds).collect(),
            bar: Bar::AtLeast(5_000.0),
        });
        self.row("(f) time, one thread / two", WALL, [&ours, &two], Bar::AtLeast(1.8));
    }

    /// Whether SPIN is there.
    fn spin(&mut self) -> bool {
        let whole = Verifier::compile(&contended(2), false);
        let held = Verifier::compile(&contended(3), true);
        let (Some(whole), Some(held)) = (whole, held) else { return false };

        let (ours, theirs) = ([Job::TWO_NODES_PLAIN.measure()], [whole.measure()]);
        let exact = [Job::TWO_NODES_EXACT.measure()];
        self.row("(e) states, 2 nodes / SPIN", STATES, [&ours, &theirs], EQUAL);
        self.row("(e) transitions, 2 nodes / SPIN", TRANSITIONS, [&ours, &theirs], EQUAL);
        self.row("(e) states, 2 nodes, exact / SPIN", STATES, [&exact, &theirs], EQUAL);

        let [ours, verdict, theirs] = self.in_turns([
            &|| Job::HELD_PLAIN.measure(),
            &|| Job::HELD_VERDICT.measure(),
            &|| held.measure(),
        ]);
        self.row("(e) states, 3 nodes / SPIN", STATES, [&ours, &theirs], EQUAL);
        self.row("(e) transitions, 3 nodes / SPIN", TRANSITIONS, [&ours, &theirs], EQUAL);
        self.row("(e) CPU, unreduced / SPIN", CPU, [&ours, &theirs], Bar::AtMost(1.0));
        self.row("(e) CPU, verdict / SPIN", CPU, [&verdict, &theirs], Bar::AtMost(0.25));
        true
    }
}
