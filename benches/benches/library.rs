//! How fast the lock on real Redis is, as ratios: `cargo bench -p leasehold-benches --bench library
//! -- [uncontended] [slow] [own-keys] [one-key] [leases] [processes] [--report]`.
//!
//! | part | ours | against |
//! |---|---|---|
//! | uncontended | acquire and release, all on one core | two rounds by hand on tokio, rslock |
//! | slow | acquire, one node of five late or stopped | the same with all five well, rslock |
//! | own-keys | 64 tasks on keys of their own | rslock, and batches by hand |
//! | one-key | 64 tasks on one key | rslock |
//! | leases | 10 000 leases, renewed for a minute | bars |
//! | processes | 8 processes on one key | rslock |
//!
//! `RUNS=n` sets how often each ratio is measured (5); the median counts. `--report` writes the
//! table to `reports/bench.md` too. Exit code 1 if a ratio misses its bar.
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a bench prints its table, and fails by panicking"
)]

use std::env;
use std::process::ExitCode;
use std::time::Duration;

use leasehold_benches::library::cores::{cores, pin};
use leasehold_benches::library::figures::Figures;
use leasehold_benches::library::measured::{CLIENT, Measured};
use leasehold_benches::library::nodes::{LOCKING, Late, Nodes};
use leasehold_benches::library::peers::Peer;
use leasehold_benches::library::report;
use leasehold_benches::library::work::{Task, Threads, Work};
use leasehold_benches::table::{Bar, Row, head, median};

/// How long a turn is where clients take many.
const TURN: Duration = Duration::from_millis(60);
/// How many turns each of them takes in a run.
const TURNS: usize = 12;
/// Tasks of one process.
const TASKS: usize = 64;
/// Leases of one process.
const LEASES: usize = 10_000;
/// Processes on one key.
const PROCESSES: usize = 8;
/// How late the late node answers.
const LATE: Duration = Duration::from_millis(20);
/// The node time-out of the default settings, in microseconds.
const NODE_TIMEOUT_US: f64 = 500_000.0;

fn main() -> ExitCode {
    // Cargo adds `--bench`.
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [flag, task @ ..] = &args[..]
        && flag == CLIENT
    {
        Task::from_args(task).run();
        return ExitCode::SUCCESS;
    }
    let (flags, parts): (Vec<String>, _) = args.into_iter().partition(|arg| arg == "--report");
    let cores = cores();
    let (first, last) = (cores[0], cores[cores.len() - 1]);
    let runs = env::var("RUNS").map_or(5, |runs| runs.parse().expect("RUNS is a number"));
    let mut bench = Bench { runs, clients: last, servers: first, rows: Vec::new() };
    pin(first);
    println!("{} cores\n{}", cores.len(), head());
    for (name, part) in PARTS {
        if parts.is_empty() || parts.iter().any(|wanted| wanted == name) {
            part(&mut bench);
        }
    }
    if !flags.is_empty() {
        report::write(&bench.rows, cores.len(), runs);
    }
    let passed = bench.rows.iter().all(Row::passes);
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

type Part = fn(&mut Bench);

const PARTS: &[(&str, Part)] = &[
    ("uncontended", Bench::uncontended),
    ("slow", Bench::slow),
    ("own-keys", Bench::own_keys),
    ("one-key", Bench::one_key),
    ("leases", Bench::leases),
    ("processes", Bench::processes),
];

/// One of the figures of a turn.
#[derive(Clone, Copy)]
struct Quantity {
    of: fn(&Figures) -> f64,
    unit: &'static str,
    decimals: usize,
}

const P50: Quantity = Quantity { of: |turn| turn.p50_us, unit: " us", decimals: 1 };
const P99_MS: Quantity = Quantity { of: |turn| turn.p99_us / 1e3, unit: " ms", decimals: 1 };
const P50_MS: Quantity = Quantity { of: |turn| turn.p50_us / 1e3, unit: " ms", decimals: 1 };
const CPU: Quantity = Quantity { of: Figures::cpu_us, unit: " us", decimals: 1 };
const RATE: Quantity = Quantity { of: Figures::rate, unit: " /s", decimals: 0 };
const SHARE: Quantity = Quantity { of: |turn| turn.share, unit: "", decimals: 2 };

/// How often to measure, on which cores, and what has been measured.
struct Bench {
    runs: usize,
    clients: usize,
    servers: usize,
    rows: Vec<Row>,
}

/// Of each run, the turns of one client.
type Turns = Vec<Vec<Figures>>;

impl Bench {
    fn print(&mut self, row: Row) {
        println!("{row}");
        self.rows.push(row);
    }

    /// Prints the ratios of a quantity, first to second: of each run the median of its turns.
    fn row(&mut self, name: &str, what: Quantity, [first, second]: [&Turns; 2], bar: Bar) {
        let ratios = first.iter().zip(second).map(|(first, second)| {
            let pairs = first.iter().zip(second);
            median(&Vec::from_iter(pairs.map(|(a, b)| (what.of)(a) / (what.of)(b))))
        });
        let ratios = ratios.collect();
        let (first, second) = (shown(what, first), shown(what, second));
        self.print(Row { name: name.to_owned(), first, second, ratios, bar });
    }

    /// Prints a quantity of ours.
    fn figure(&mut self, name: &str, what: Quantity, turns: &Turns, bar: Bar) {
        let ratios = turns.iter().map(|turns| median(&Vec::from_iter(turns.iter().map(what.of))));
        let (ratios, first) = (ratios.collect(), shown(what, turns));
        self.print(Row { name: name.to_owned(), first, second: String::new(), ratios, bar });
    }

    fn task(&self, work: Work, peer: Peer, threads: Threads, many: usize, nodes: &Nodes) -> Task {
        let (core, key, urls) = (self.clients, format!("bench:{}", peer.name()), nodes.urls());
        Task { work, peer, threads, core, many, key, urls }
    }

    /// Starts the clients anew for each run, and lets them take turns.
    fn in_turns<const K: usize>(
        &self,
        tasks: [Task; K],
        turns: usize,
        turn: Duration,
    ) -> [Turns; K] {
        let mut all = [const { Vec::new() }; K];
        for _ in 0..self.runs {
            let mut clients = tasks.each_ref().map(Measured::start);
            let mut run = [const { Vec::new() }; K];
            for at in 0..turns * K {
                let at = at % K;
                run[at].push(clients[at].turn(turn));
            }
            for (all, run) in all.iter_mut().zip(run) {
                all.push(run);
            }
        }
        all
    }

    fn uncontended(&mut self) {
        for count in [1, 3, 5] {
            let nodes = Nodes::start(count, self.clients);
            for threads in [Threads::One, Threads::Many] {
                let peers = [Peer::Leasehold, Peer::ByHand, Peer::Rslock, Peer::Raw];
                let tasks = peers.map(|peer| self.task(Work::Cycles, peer, threads, 1, &nodes));
                let [ours, by_hand, rslock, raw] = self.in_turns(tasks, TURNS, TURN);
                let name = |what: &str| format!("N={count} {} {what}", threads.name());
                let (p50, cpu) = if count == 1 { (1.12, 0.92) } else { (1.08, 0.87) };
                let mut row = |what: &str, quantity, pair, bar| {
                    self.row(&name(what), quantity, pair, Bar::AtMost(bar));
                };
                row("p50 / by hand", P50, [&ours, &by_hand], p50);
                row("CPU / by hand", CPU, [&ours, &by_hand], 1.15);
                row("p50 / rslock", P50, [&ours, &rslock], 1.0);
                row("CPU / rslock", CPU, [&ours, &rslock], cpu);
                row("p50 hand/raw", P50, [&by_hand, &raw], 1.08);
                row("CPU hand/raw", CPU, [&by_hand, &raw], 1.12);
            }
        }
    }

    fn own_keys(&mut self) {
        let nodes = Nodes::start(1, self.servers);
        let peers = [Peer::Leasehold, Peer::Rslock, Peer::Raw];
        let task = |peer| self.task(Work::OwnKeys, peer, Threads::One, TASKS, &nodes);
        let [ours, rslock, raw] = self.in_turns(peers.map(task), TURNS, TURN * 2);
        self.row("64 keys: cycles/s / rslock", RATE, [&ours, &rslock], Bar::AtLeast(1.0));
        self.row("64 keys: CPU / rslock", CPU, [&ours, &rslock], Bar::Any);
        self.row("64 keys: cycles/s / batches", RATE, [&ours, &raw], Bar::Any);
    }
}

/// The median of all turns.
fn shown(what: Quantity, turns: &Turns) -> String {
    let values = Vec::from_iter(turns.iter().flatten().map(what.of));
    format!("{:.*}{}", what.decimals, median(&values), what.unit)
}

// ---- turns of different kinds -------------------------------------------------------------------

impl Bench {
    /// The fifth node is well in one turn, late in the next, and stopped in the third.
    fn slow(&mut self) {
        let nodes = Nodes::start(5, self.servers);
        let late = Late::before(&nodes.urls()[4]);
        let [ours, rslock] = [Peer::Leasehold, Peer::Rslock].map(|peer| {
            let mut task = self.task(Work::Acquisitions, peer, Threads::One, 1, &nodes);
            task.urls[4] = late.url().to_owned();
            let mut turns = [const { Vec::new() }; 3];
            for _ in 0..self.runs {
                let mut client = Measured::start(&task);
                let turn = Duration::from_secs(2);
                turns[0].push(vec![client.turn(turn)]);
                late.set_delay(LATE);
                turns[1].push(vec![client.turn(turn)]);
                late.set_delay(Duration::ZERO);
                nodes.servers()[4].pause();
                turns[2].push(vec![client.turn(turn)]);
                nodes.servers()[4].resume();
            }
            turns
        });
        let [well, late, stopped] = &ours;
        let bar = Bar::AtMost(1.1);
        self.row("1 of 5 late: p50 / all well", P50, [late, well], bar);
        self.row("1 of 5 stopped: p50 / all well", P50, [stopped, well], bar);
        for (name, turns) in [("late", late), ("stopped", stopped)] {
            let most: Vec<f64> = turns.iter().flatten().map(|turn| turn.most_us).collect();
            let worst = most.iter().copied().fold(0.0, f64::max);
            self.print(Row {
                name: format!("1 of 5 {name}: longest / time-out"),
                first: format!("{:.1} ms", worst / 1e3),
                second: format!("{:.0} ms", NODE_TIMEOUT_US / 1e3),
                ratios: vec![worst / NODE_TIMEOUT_US],
                bar: Bar::AtMost(1.0),
            });
        }
        let [their_well, their_late, their_stopped] = &rslock;
        self.row("all 5 well: p50 / rslock", P50, [well, their_well], Bar::Any);
        self.row("1 of 5 late: p50 / rslock", P50, [late, their_late], Bar::Any);
        self.row("1 of 5 stopped: p50 / rslock", P50, [stopped, their_stopped], Bar::Any);
    }

    fn one_key(&mut self) {
        for count in [1, 3, 5] {
            let nodes = Nodes::start(count, self.servers);
            let mut commands = [const { Vec::new() }; 2];
            let mut turns = [const { Vec::new() }; 2];
            for _ in 0..self.runs {
                for (at, peer) in [Peer::Leasehold, Peer::Rslock].into_iter().enumerate() {
                    let task = self.task(Work::OneKey, peer, Threads::One, TASKS, &nodes);
                    let mut client = Measured::start(&task);
                    nodes.reset_commands();
                    let turn = client.turn(Duration::from_secs(4));
                    commands[at].push(nodes.commands(LOCKING) / turn.count);
                    turns[at].push(vec![turn]);
                }
            }
            let [ours, theirs] = &turns;
            let clean = 4.0 * count as f64;
            let name = |what: &str| format!("N={count} 64 tasks, 1 key: {what}");
            self.print(Row {
                name: name("commands / 4N"),
                first: format!("{:.1}", median(&commands[0])),
                second: format!("{clean}"),
                ratios: commands[0].iter().map(|commands| commands / clean).collect(),
                bar: Bar::AtMost(1.1),
            });
            let pair = [ours, theirs];
            self.row(&name("p99 / rslock"), P99_MS, pair, Bar::AtMost(0.35));
            self.row(&name("CPU / rslock"), CPU, pair, Bar::AtMost(0.12));
            self.row(&name("p50 / rslock"), P50_MS, pair, Bar::Any);
            self.row(&name("locks/s / rslock"), RATE, pair, Bar::Any);
            self.figure(&name("share"), SHARE, ours, Bar::AtLeast(0.9));
        }
    }

    /// Once: what takes a minute has had its noise.
    fn leases(&mut self) {
        let nodes = Nodes::start(5, self.servers);
        let task = self.task(Work::Leases, Peer::Leasehold, Threads::One, LEASES, &nodes);
        let mut client = Measured::start(&task);
        client.begin(Duration::from_secs(60));
        let acquired = client.end();
        nodes.reset_commands();
        let held = client.end();
        let (renewals, leases) = (nodes.commands(&["evalsha"]) / 5.0, LEASES as f64);
        let mut print = |name: &str, first: String, ratio: f64, bar| {
            let (name, second) = (name.to_owned(), String::new());
            self.print(Row { name, first, second, ratios: vec![ratio], bar });
        };
        let lost = held.lost;
        print("10 000 leases, 5 nodes: lost", format!("{lost}"), lost, Bar::Exactly(0.0));
        let kib = held.grown / leases / 1024.0;
        print("10 000 leases: KiB each", format!("{kib:.2} KiB"), kib, Bar::AtMost(2.0));
        let each = renewals / leases;
        print("10 000 leases: renewals each", format!("{renewals:.0}"), each, Bar::AtLeast(15.0));
        let cpu_us = held.cpu_s * 1e6 / renewals;
        print("10 000 leases: CPU per renewal", format!("{cpu_us:.1} us"), cpu_us, Bar::Any);
        let busy = held.cpu_s / held.wall_s;
        print("10 000 leases: part of a core", format!("{:.1} s", held.cpu_s), busy, Bar::Any);
        let wall = acquired.wall_s;
        print("10 000 leases: acquired in s", format!("{wall:.2} s"), wall, Bar::Any);
    }

    fn processes(&mut self) {
        let nodes = Nodes::start(3, self.servers);
        let mut commands = [const { Vec::new() }; 2];
        let mut turns = [const { Vec::new() }; 2];
        for _ in 0..self.runs {
            for (at, peer) in [Peer::Leasehold, Peer::Rslock].into_iter().enumerate() {
                let task = self.task(Work::OneKey, peer, Threads::One, 1, &nodes);
                let mut clients = Vec::from_iter((0..PROCESSES).map(|_| Measured::start(&task)));
                nodes.reset_commands();
                for client in &mut clients {
                    client.begin(Duration::from_secs(4));
                }
                let figures = Vec::from_iter(clients.iter_mut().map(Measured::end));
                let count: f64 = figures.iter().map(|turn| turn.count).sum();
                commands[at].push(nodes.commands(LOCKING) / count);
                turns[at].push(vec![together(&figures)]);
            }
        }
        let [ours, theirs] = &turns;
        let ratios = commands[0].iter().zip(&commands[1]).map(|(ours, theirs)| ours / theirs);
        self.print(Row {
            name: "N=3 8 processes: commands / rslock".to_owned(),
            first: format!("{:.1}", median(&commands[0])),
            second: format!("{:.1}", median(&commands[1])),
            ratios: ratios.collect(),
            bar: Bar::Any,
        });
        let pair = [ours, theirs];
        self.row("N=3 8 processes: p50 / rslock", P50_MS, pair, Bar::Any);
        self.row("N=3 8 processes: p99 / rslock", P99_MS, pair, Bar::Any);
        self.row("N=3 8 processes: CPU / rslock", CPU, pair, Bar::Any);
        self.row("N=3 8 processes: locks/s / rslock", RATE, pair, Bar::Any);
        self.figure("N=3 8 processes: share", SHARE, ours, Bar::Any);
    }
}

/// What processes that did the same have cost together. Of their waits the median counts, and of
/// their slowest the slowest.
fn together(figures: &[Figures]) -> Figures {
    let all = |of: fn(&Figures) -> f64| Vec::from_iter(figures.iter().map(of));
    let most = |of| all(of).into_iter().fold(0.0, f64::max);
    let least = |of| all(of).into_iter().fold(f64::INFINITY, f64::min);
    Figures {
        count: all(|turn| turn.count).iter().sum(),
        wall_s: most(|turn| turn.wall_s),
        cpu_s: all(|turn| turn.cpu_s).iter().sum(),
        p50_us: median(&all(|turn| turn.p50_us)),
        p99_us: most(|turn| turn.p99_us),
        most_us: most(|turn| turn.most_us),
        share: least(|turn| turn.count) / most(|turn| turn.count),
        ..Figures::default()
    }
}
