//! The searches that are measured, each in a process of its own.

use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use leasehold_model::bfs::Until;
use leasehold_model::{Control, Outcome, Reduction, WorldModel, bfs, dfs};
use leasehold_sim::{ClientCount, NodeCount, Options, campaign, record};
use leasehold_world::{Claim, Scope};
use stateright::{Checker, Model};

use crate::bare_loop::bare_loop;
use crate::begun::Begun;
use crate::measure::Measured;
use crate::scopes::{alike, alone, contended};
use crate::turmoil_loop::{Rhythm, turmoil_loop};
use crate::two_phase_commit::{GENERATED_WITH_EIGHT, TwoPhaseCommit, UNIQUE_WITH_EIGHT};

/// A search with a name.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// Its name on the command line of the child.
    name: &'static str,
    run: fn() -> Measured,
}

/// The argument that tells the bench to run one job and print what it measured.
pub const RUN_JOB: &str = "--run-job";

/// A search stopped here has shown its speed.
const ENOUGH: usize = 2_000_000;

/// Events of the bare loop.
const BARE_EVENTS: usize = 20_000_000;

/// Seeds of the simulator.
const SEEDS: u64 = 20_000;

macro_rules! jobs {
    ($($(#[$doc:meta])* $name:ident = $run:expr;)+) => {
        impl Job {
            $($(#[$doc])* pub const $name: Job = Job { name: stringify!($name), run: $run };)+
            const ALL: &[Job] = &[$(Job::$name),+];
        }
    };
}

jobs! {
    /// Two-phase commit with eight managers.
    TWO_PHASE_COMMIT = two_phase_commit;
    /// The contended world up to the origin of time, depth first, until its speed is known.
    CONTENDED_PLAIN = || depth_first::<3, 2>(contended(3), Reduction::Time, 1, ENOUGH);
    /// The same up to names.
    CONTENDED_NAMES = || depth_first::<3, 2>(contended(3), Reduction::Names, 1, ENOUGH);
    /// One client, up to the origin of time.
    ALONE_PLAIN = || depth_first::<3, 1>(alone(), Reduction::Time, 1, usize::MAX);
    /// The same up to names.
    ALONE_NAMES = || depth_first::<3, 1>(alone(), Reduction::Names, 1, usize::MAX);
    /// Two clients that do the same, up to the origin of time: more than ten million states.
    ALIKE_PLAIN = || depth_first::<3, 2>(alike(), Reduction::Time, 1, usize::MAX);
    /// The same up to names.
    ALIKE_NAMES = || depth_first::<3, 2>(alike(), Reduction::Names, 1, usize::MAX);
    /// The same with two threads.
    ALIKE_NAMES_TWO = || depth_first::<3, 2>(alike(), Reduction::Names, 2, usize::MAX);
    /// The same with the exact search.
    ALIKE_EXACT = || breadth_first::<3, 2>(alike(), Reduction::Names, 1);
    /// The same with the exact search and two threads.
    ALIKE_EXACT_TWO = || breadth_first::<3, 2>(alike(), Reduction::Names, 2);
    /// The whole contended world of two nodes, up to the origin of time.
    TWO_NODES_PLAIN = || depth_first::<2, 2>(contended(2), Reduction::Time, 1, usize::MAX);
    /// The same with the exact search.
    TWO_NODES_EXACT = || breadth_first::<2, 2>(contended(2), Reduction::Time, 1);
    /// The contended world once one client holds, up to the origin of time, for what the Promela
    /// model asserts.
    HELD_PLAIN = || held(Reduction::Time, vec![Claim::WindowExclusion]);
    /// A bare event loop.
    BARE_LOOP = || Measured::of(|| (bare_loop(BARE_EVENTS) as usize | 1, BARE_EVENTS));
    /// The simulator: the shipped lifecycle under `swarm`, every oracle on.
    SIMULATOR = || simulator(1, |step| !step.starts_with("advance"));
    /// The same with two threads.
    SIMULATOR_TWO = || simulator(2, |step| !step.starts_with("advance"));
    /// The same with one thread, and its messages: commands that reach a node, and answers that
    /// reach a client.
    SIMULATOR_MESSAGES =
        || simulator(1, |step| step.starts_with("run") || step.starts_with("reply"));
    /// The simulator's workload on turmoil, and its messages.
    TURMOIL = || turmoil(Rhythm::LEASES, 2_000);
    /// Turmoil with no time to wait between two rounds.
    TURMOIL_DENSE = || turmoil(Rhythm::DENSE, 60);
    /// Our verdict on the same world: every claim, all reductions.
    HELD_VERDICT = || {
        let model = WorldModel::<3, 2>::new(contended(3), Reduction::Order);
        held(Reduction::Order, model.claims().collect())
    };
}

impl Job {
    /// Runs it in a new process of this program, and waits.
    pub fn measure(self) -> Measured {
        let program = std::env::current_exe().expect("the path of this bench");
        let output = Command::new(program)
            .args([RUN_JOB, self.name])
            .stderr(Stdio::inherit())
            .output()
            .expect("this bench can run itself");
        assert!(output.status.success(), "{} failed", self.name);
        let line = String::from_utf8_lossy(&output.stdout);
        line.parse().unwrap_or_else(|error| panic!("{}: {error}: {line}", self.name))
    }

    /// Runs the job of that name in this process.
    pub fn run_here(name: &str) -> Measured {
        let job = Job::ALL.iter().find(|job| job.name == name);
        (job.unwrap_or_else(|| panic!("no job {name}")).run)()
    }
}

/// Seeds of three clients on five nodes, and the steps in them that count.
fn simulator(threads: usize, counts: fn(&str) -> bool) -> Measured {
    let options = Options {
        nodes: NodeCount::try_from(5).ok(),
        clients: ClientCount::try_from(3).ok(),
        ..Options::default()
    };
    let part = part_that_counts(&options, counts);
    Measured::of(|| {
        let never = AtomicBool::new(false);
        let campaign = campaign(0..SEEDS, &options, threads, &|_, _| {}, &never);
        assert_eq!(campaign.failures_total, 0);
        (SEEDS as usize, (campaign.counts.steps as f64 * part) as usize)
    })
}

/// Which part of the steps counts, in a sample of the seeds.
fn part_that_counts(options: &Options, counts: fn(&str) -> bool) -> f64 {
    let traces = (0..300).map(|seed| record(seed, options).1);
    let (mut all, mut counted) = (0, 0);
    for line in traces.flat_map(|trace| trace.steps) {
        all += 1;
        counted += usize::from(counts(&line.step));
    }
    counted as f64 / f64::from(all)
}

fn turmoil(rhythm: Rhythm, virtual_s: u64) -> Measured {
    Measured::of(|| (1, turmoil_loop(rhythm, Duration::from_secs(virtual_s))))
}

fn two_phase_commit() -> Measured {
    let measured = Measured::of(|| {
        let checker = TwoPhaseCommit { managers: 8 }.checker().spawn_dfs().join();
        checker.assert_properties();
        (checker.unique_state_count(), checker.state_count())
    });
    let counts = (measured.unique, measured.generated);
    assert_eq!(counts, (UNIQUE_WITH_EIGHT, GENERATED_WITH_EIGHT));
    measured
}

fn depth_first<const N: usize, const C: usize>(
    scope: Scope,
    reduction: Reduction,
    threads: usize,
    enough: usize,
) -> Measured {
    let model = WorldModel::<N, C>::new(scope, reduction);
    let go_on = |states: usize| states < enough;
    let control = Control { threads, progress: &go_on, second_opinion_up_to: 0 };
    Measured::of(|| {
        let found = dfs::search(&model, &control);
        assert!(found.broken.is_empty(), "{:?}", found.broken);
        (found.unique, found.generated)
    })
}

fn breadth_first<const N: usize, const C: usize>(
    scope: Scope,
    reduction: Reduction,
    threads: usize,
) -> Measured {
    let model = WorldModel::<N, C>::new(scope, reduction);
    let control = Control { threads, progress: &|_| true, second_opinion_up_to: 0 };
    Measured::of(|| {
        let search = bfs::search(&model, &Until::Exhausted, &control);
        assert_eq!(search.outcome, Outcome::Exhausted);
        assert_eq!(search.broken().count(), 0);
        (search.unique(), 0)
    })
}

fn held(reduction: Reduction, claims: Vec<Claim>) -> Measured {
    let begun = Begun::<3, 2>::held(contended(3), reduction, claims);
    Measured::of(|| {
        let checker = begun.checker().spawn_dfs().join();
        checker.assert_properties();
        (checker.unique_state_count(), checker.state_count())
    })
}
