//! The library under faults for a long time: many processes contend for few keys while a nemesis
//! disturbs servers, network and processes, and afterwards everything is held against what is
//! claimed.
//!
//! - **No overlap.** Each process says from when until when it believes to hold a key, on the one
//!   monotonic clock of the machine. No two windows of a key share a moment.
//! - **Nothing is left.** Once all processes have ended, no key outlives a TTL.
//! - **Nobody hangs.** Acquisitions end in time, and processes that are told to stop do.
//! - **Recordings conform.** What every client did is taken again by the machine that the checker
//!   searches, and is a path of its world.

mod contender;
mod crew;
mod draws;
mod judge;
mod nemesis;
mod report;
mod stage;
mod tally;
mod windows;
mod words;

pub use contender::Contender;
pub use crew::Starts;
pub use report::Soaked;
pub use windows::Overlap;

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Duration;

use crate::{Program, RigError, now};
use judge::Judge;
use nemesis::Nemesis;
use stage::Stage;

/// How many servers there are.
pub const NODES: usize = 5;
/// How many processes contend at once.
pub const CLIENTS: usize = 8;
/// How many tasks contend in each.
pub const TASKS: u64 = 8;
/// For how many keys.
pub const KEYS: u64 = 8;
/// The TTL of every lease.
pub const TTL: Duration = Duration::from_secs(2);
/// How long an acquisition may take.
const ACQUIRE_WITHIN: Duration = Duration::from_secs(5);
/// How long a process is stopped at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// By how much fast clocks are ahead, in parts per million.
const FAST_PPM: i64 = 3_000_000;
/// How often something happens.
const STRIKE_EVERY: Duration = Duration::from_millis(700);
/// How often it is looked whether something is over.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Later than any command that the network has kept.
const LATEST_ARRIVAL: Duration = Duration::from_secs(4);

/// A soak.
pub struct Soak {
    /// How long faults go on.
    pub length: Duration,
    /// What is drawn from it: what is done, to whom, and what contenders do. When it happens is
    /// real time, so no two soaks are alike.
    pub seed: u64,
    /// The servers.
    pub program: Program,
    /// Starts a process that runs a [`Contender`].
    pub starts: Arc<Starts>,
    /// Clocks of servers run four times too fast, which no allowance covers: a soak that does not
    /// find two holders then has not looked.
    pub fast_clocks: bool,
    /// Where recordings are kept until they are judged; those that do not conform stay there.
    pub folder: PathBuf,
}

impl Soak {
    /// Runs it. `progress` is called all the time with what has passed, and says whether to go on.
    ///
    /// # Errors
    /// If servers, proxies or processes cannot be started, or not be reached any more.
    pub fn run(self, progress: &mut dyn FnMut(Duration) -> bool) -> Result<Soaked, RigError> {
        let mut stage = Stage::set(self.program, self.starts, self.folder)?;
        if self.fast_clocks {
            stage.drift_ppm = FAST_PPM;
            stage
                .servers
                .iter()
                .try_for_each(|server| server.clock().ok_or(RigError::NoClock)?.run(FAST_PPM))?;
        }
        let version = version(&stage)?;
        let mut nemesis = Nemesis::new(self.seed);
        let judge = Judge::start();
        let began = now();
        // Fresh servers are kept out by the restart guard at first.
        thread::sleep(TTL + Duration::from_secs(2));
        let mut next = now();
        let mut goes_on = true;
        while goes_on && began.elapsed() < self.length {
            nemesis.relieve(&mut stage, false)?;
            if now() >= next {
                next += STRIKE_EVERY;
                nemesis.strike(&mut stage)?;
            }
            stage.crew.recorded.drain(..).for_each(|folder| judge.give(folder));
            goes_on = progress(began.elapsed());
            thread::sleep(LOOK_EVERY);
        }
        let seconds = began.elapsed().as_secs();
        nemesis.relieve(&mut stage, true)?;
        (0..CLIENTS).try_for_each(|client| stage.crew.end(client, false))?;
        stage.crew.recorded.drain(..).for_each(|folder| judge.give(folder));
        thread::sleep(LATEST_ARRIVAL + TTL);
        let keys_left = stage.keys()?;
        let judged = judge.end()?;
        let tally = stage.crew.tally.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let processes = stage.crew.processes();
        let held = windows::compare(std::mem::take(&mut stage.crew.windows));
        Ok(Soaked {
            version,
            seed: self.seed,
            seconds,
            complete: goes_on,
            processes,
            injected: nemesis.injected.iter().map(|(what, n)| ((*what).to_owned(), *n)).collect(),
            windows: held.windows,
            overlaps: held.overlaps,
            shortest_gap_us: held.shortest_gap_us,
            renewals: tally.renewals,
            ends: tally.ends,
            missed: tally.missed,
            keys_left,
            recordings: judged.recordings,
            recorded_leases: judged.found.leases,
            recorded_steps: judged.found.steps,
            paths: judged.followed.leases,
            wrong: tally.wrong.into_iter().chain(judged.wrong).collect(),
        })
    }
}

/// What the servers call themselves.
fn version(stage: &Stage) -> Result<String, RigError> {
    Ok(match stage.servers[0].version()? {
        Some((Program::Valkey, version)) => format!("Valkey {version}"),
        Some((Program::Redis, version)) => format!("Redis {version}"),
        None => "an unknown server".to_owned(),
    })
}
