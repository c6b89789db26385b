//! What tests of several packages share: real servers, and the program itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "it serves tests only")]

use std::ffi::OsString;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::time::Duration;

use leasehold::{Builder, Client, IntoEndpoint};
use leasehold_rig::foreign::Places;
use rustix::process::{Pid, Signal, kill_process};

pub mod command;
pub mod proxy;

pub use leasehold_rig::{Clock, PATIENCE, Program, RigError, eventually, now};

/// Longer than any test lasts: for leases that are not to end by themselves.
pub const LONG: Duration = Duration::from_secs(60);

/// So many milliseconds.
pub const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A client of servers that were started for the test, so without a restart guard.
pub fn builder<E: IntoEndpoint>(nodes: impl IntoIterator<Item = E>) -> Builder {
    Client::builder().nodes(nodes).connect_timeout(PATIENCE).ttl(LONG).restart_guard(false)
}

/// The program: `LEASEHOLD_BIN`, or the binary of this build.
///
/// # Panics
/// If there is none.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("LEASEHOLD_BIN") {
        return PathBuf::from(path);
    }
    let path = folder_of_the_build().join("leasehold");
    assert!(path.exists(), "{} is missing; run: cargo build -p leasehold-cli", path.display());
    path
}

/// Where programs of other libraries are and are put; `ours` starts that of this one.
///
/// # Panics
/// If their sources are missing.
pub fn places(ours: Vec<OsString>) -> Places {
    let interop = Path::new(env!("CARGO_MANIFEST_DIR")).join("../interop");
    assert!(interop.is_dir(), "{} is missing", interop.display());
    Places { ours, interop, built: folder_of_the_build().join("interop") }
}

/// Where the binaries of this build are. Its tests lie in `deps`, next to them.
fn folder_of_the_build() -> PathBuf {
    let tests = std::env::current_exe().expect("the path of this test");
    tests.ancestors().nth(2).expect("the folder of the build").to_owned()
}

/// One Redis server; what fails is a failed test.
#[derive(Debug)]
pub struct Server(leasehold_rig::Server);

impl Server {
    /// Starts a server and waits until it answers.
    pub fn start() -> Server {
        Server::start_with(&[])
    }

    /// The same with settings of its own, as `redis-server` takes them: `["--maxmemory", "1mb"]`.
    pub fn start_with(settings: &[&str]) -> Server {
        Server(done(leasehold_rig::Server::start(Program::Redis, settings)))
    }

    /// The same with a wall clock that the test commands, by [`clock`](Self::clock): it stands
    /// until then, and goes on from there when the server starts again.
    pub fn start_with_clock(program: Program, settings: &[&str]) -> Server {
        Server(done(leasehold_rig::Server::start_with_clock(program, settings)))
    }

    /// Its wall clock.
    pub fn clock(&self) -> &Clock {
        self.0.clock().expect("a server that was started with a clock")
    }

    /// One command on a connection of its own.
    pub fn query<T: redis::FromRedisValue>(&self, command: &[&str]) -> T {
        done(self.0.query(command))
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<String> {
        self.query(&["GET", key])
    }

    /// Stops it (SIGSTOP): it still accepts connections and bytes, and answers nothing.
    pub fn pause(&self) {
        done(self.0.pause());
    }

    /// Ends a [`pause`](Self::pause).
    pub fn resume(&self) {
        done(self.0.resume());
    }

    /// Starts it again at the same address, empty.
    pub fn restart(&mut self) {
        done(self.0.restart());
    }

    /// Deletes every key.
    pub fn flush(&self) {
        self.query::<()>(&["FLUSHALL"]);
    }
}

impl Deref for Server {
    type Target = leasehold_rig::Server;

    fn deref(&self) -> &leasehold_rig::Server {
        &self.0
    }
}

impl DerefMut for Server {
    fn deref_mut(&mut self) -> &mut leasehold_rig::Server {
        &mut self.0
    }
}

/// What was to be done, or a failed test.
pub fn done<T>(result: Result<T, RigError>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// Whether a program is here. If not this says so, and fails with `REQUIRE_ALL=1`.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub fn is_here(program: Program) -> bool {
    let here = program.found().is_some();
    if !here {
        let missing = format!("{} is missing; install it: {}", program.name(), program.advice());
        let required = std::env::var("REQUIRE_ALL").is_ok_and(|all| all == "1");
        assert!(!required, "{missing}");
        eprintln!("SKIPPED: {missing}");
    }
    here
}

/// Starts `count` servers.
pub fn servers(count: usize) -> Vec<Server> {
    (0..count).map(|_| Server::start()).collect()
}

/// The servers' URLs.
pub fn urls(servers: &[Server]) -> Vec<String> {
    servers.iter().map(|server| server.url()).collect()
}

/// At how many of the servers `key` exists.
pub fn stored(servers: &[Server], key: &str) -> usize {
    servers.iter().filter(|server| server.get(key).is_some()).count()
}

/// Sends a signal to a process; `name` without `SIG`.
///
/// # Panics
/// If there is no such process.
pub fn signal(process: u32, name: &str) {
    let signal = match name {
        "CONT" => Signal::CONT,
        "HUP" => Signal::HUP,
        "INT" => Signal::INT,
        "KILL" => Signal::KILL,
        "QUIT" => Signal::QUIT,
        "STOP" => Signal::STOP,
        "TERM" => Signal::TERM,
        "USR1" => Signal::USR1,
        "USR2" => Signal::USR2,
        _ => panic!("SIG{name} is not among the signals that tests send; add it here"),
    };
    let id = i32::try_from(process).ok().and_then(Pid::from_raw).expect("the id of a process");
    kill_process(id, signal).unwrap_or_else(|error| panic!("SIG{name} to {process}: {error}"));
}
