//! One trial: three servers, programs, and a faulty network between each two.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

use super::event::{Event, Happening};
use super::judge::judge;
use super::ledger::{Tally, tally};
use super::monitor::Monitor;
use super::program::{Library, Start};
use super::report::{Counts, Trial};
use super::{Network, Options, Workload};
use crate::clock::monotonic_us;
use crate::processes::{Process, spawn, tied};
use crate::proxy::{Proxy, Rule};
use crate::{Program, RigError, Server, now};

const NODES: usize = 3;
/// What keys of the workloads begin with.
const KEY: &str = "lock";
/// How long programs may take to end when their time is over.
const END: Duration = Duration::from_secs(5);
/// The time between restarts: longer than the restart guard waits, by whole seconds of uptime.
const BETWEEN_RESTARTS: Duration = Duration::from_millis(3_500);

/// A program under way.
struct Running {
    process: Process,
    said: JoinHandle<Vec<Event>>,
    complains: JoinHandle<String>,
}

/// A server, what hears it, and what was counted in its former lives.
struct Node {
    server: Server,
    monitor: Monitor,
    past: Tally,
}

/// Runs `library` once.
pub(super) fn trial(
    options: &Options,
    start: &Start,
    library: Library,
    (workload, network): (Workload, Network),
) -> Result<Trial, RigError> {
    let mut nodes = (0..NODES).map(|_| Node::start()).collect::<Result<Vec<_>, _>>()?;
    let (programs, tasks) = workload.shape();
    let (rules, run_ms) = (network.rules()?, options.trial_ms * network.trials());
    let mut proxies = Vec::new();
    let mut running = Vec::new();
    for program in 0..programs {
        let seed = options.seed.wrapping_mul(1_000_003).wrapping_add(program);
        let own = proxies_of(&nodes, &rules, seed)?;
        let urls = own.iter().map(Proxy::url);
        let numbers = [network.ttl_ms(), tasks, run_ms, seed % 1_000_000].map(|it| it.to_string());
        let mut words = vec![workload.name().to_owned(), KEY.to_owned()];
        words.extend(numbers);
        words.push(library.option(network).to_owned());
        words.extend(urls);
        running.push(Running::start(start, &words)?);
        proxies.extend(own);
    }
    run(&mut nodes, network, Duration::from_millis(run_ms))?;
    // From here on nothing new goes wrong, and what is under way comes to its end.
    proxies.iter().for_each(Proxy::clear);
    let ended: Vec<(Vec<Event>, bool)> = end(running)?;
    let ended_us = monotonic_us();
    let tally = nodes.into_iter().map(Node::stop).fold(Tally::default(), Tally::plus);
    let injected = injected(&proxies);
    let (events, badly): (Vec<Vec<Event>>, Vec<bool>) = ended.into_iter().unzip();
    let is_one_key = workload == Workload::Contend;
    let beliefs = judge(&events, is_one_key, ended_us);
    let counts = Counts {
        acquired: beliefs.acquired,
        denied: beliefs.denied,
        hung: beliefs.hung,
        slowest_ms: u64::try_from(beliefs.slowest_us / 1_000).unwrap_or(0),
        renewals: tally.renewals,
        strays: tally.strays,
        zombies: tally.zombies,
        orphans: tally.orphans,
        unreleased: tally.unreleased,
        false_taken: (!is_one_key).then_some(beliefs.told_taken),
        overlaps: is_one_key.then_some(beliefs.overlaps),
        overlap_us: u64::try_from(beliefs.overlap_us).unwrap_or(0),
        ended_badly: badly.iter().filter(|badly| **badly).count() as u64,
    };
    Ok(Trial { library, workload, network, counts, injected })
}

fn proxies_of(nodes: &[Node], rules: &[Rule], seed: u64) -> Result<Vec<Proxy>, RigError> {
    let at = std::net::SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, 0));
    let one = |(number, node): (u64, &Node)| {
        Proxy::listen(at, &node.server, rules.to_vec(), seed.wrapping_mul(31).wrapping_add(number))
    };
    (0..).zip(nodes).map(one).collect()
}

/// Waits until the time of the programs is over. Meanwhile a majority of the servers restarts, each
/// time another one.
fn run(nodes: &mut [Node], network: Network, lasts: Duration) -> Result<(), RigError> {
    let started = now();
    let mut next = 0;
    while network == Network::Restarts && started.elapsed() + BETWEEN_RESTARTS < lasts {
        sleep(BETWEEN_RESTARTS);
        for _ in 0..2 {
            nodes[next % NODES].restart()?;
            next += 1;
        }
    }
    sleep(lasts.saturating_sub(started.elapsed()));
    Ok(())
}

/// What each program said, and whether it ended badly.
fn end(running: Vec<Running>) -> Result<Vec<(Vec<Event>, bool)>, RigError> {
    let started = now();
    running.into_iter().map(|one| one.end(END.saturating_sub(started.elapsed()))).collect()
}

fn injected(proxies: &[Proxy]) -> BTreeMap<String, u64> {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for rule in proxies.iter().flat_map(|proxy| proxy.injected().rules) {
        *sums.entry(rule.rule.fault.name().to_owned()).or_default() += rule.injected;
    }
    sums
}

impl Running {
    fn start(start: &Start, words: &[String]) -> Result<Running, RigError> {
        let Some((program, first)) = start.split_first() else {
            return Err(RigError::Unexpected("no program".to_owned()));
        };
        let mut command: Command = tied(program.as_ref());
        command.args(first).args(words).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = spawn(command).map_err(RigError::system("a program of a library"))?;
        let (stdout, stderr) = (process.take_stdout(), process.take_stderr());
        let said = thread::spawn(move || stdout.map(hear).unwrap_or_default());
        let complains = thread::spawn(move || {
            let mut text = String::new();
            // Whatever it was, it is for people.
            let _ = stderr.map(|mut stderr| stderr.read_to_string(&mut text));
            text
        });
        Ok(Running { process, said, complains })
    }

    /// Waits a while for its end, and kills it if there is none.
    fn end(mut self, patience: Duration) -> Result<(Vec<Event>, bool), RigError> {
        let status = self.process.end(patience).map_err(RigError::system("a program's status"))?;
        let events = self.said.join().unwrap_or_default();
        let complains = self.complains.join().unwrap_or_default();
        if events.is_empty() {
            let said = complains.trim().lines().last().unwrap_or("nothing").to_owned();
            return Err(RigError::Unexpected(format!("a program of a library said only: {said}")));
        }
        let is_done = events.iter().any(|event| event.event == Happening::Done);
        Ok((events, !(is_done && status.success())))
    }
}

/// Every line that can be understood. The last of a program that was killed may not.
fn hear(stdout: impl Read) -> Vec<Event> {
    let lines = BufReader::new(stdout).lines().map_while(Result::ok);
    lines.filter_map(|line| serde_json::from_str(&line).ok()).collect()
}

impl Node {
    fn start() -> Result<Node, RigError> {
        let server = Server::start(Program::Redis, &[])?;
        let monitor = Monitor::start(&server)?;
        Ok(Node { server, monitor, past: Tally::default() })
    }

    /// It forgets everything.
    fn restart(&mut self) -> Result<(), RigError> {
        self.server.restart()?;
        let next = Monitor::start(&self.server)?;
        let before = std::mem::replace(&mut self.monitor, next);
        // What was stored is gone, and nobody waits for it.
        let lost = Tally { unreleased: 0, ..tally(&before.stop(), KEY) };
        self.past = self.past.plus(lost);
        Ok(())
    }

    fn stop(self) -> Tally {
        self.past.plus(tally(&self.monitor.stop(), KEY))
    }
}

impl Tally {
    fn plus(self, other: Tally) -> Tally {
        Tally {
            renewals: self.renewals + other.renewals,
            strays: self.strays + other.strays,
            zombies: self.zombies + other.zombies,
            orphans: self.orphans + other.orphans,
            unreleased: self.unreleased + other.unreleased,
        }
    }
}
