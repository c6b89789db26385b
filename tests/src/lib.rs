//! Real Redis servers for tests: started in milliseconds, each with a unix socket in a directory
//! of its own, stopped and removed with the test, also when it panics.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "it serves tests only")]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use leasehold::{Builder, Client, IntoEndpoint};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

pub mod clock;
pub mod program;
pub mod proxy;

use clock::Clock;
use program::Program;

/// How long a server may take to start, and anything else that is waited for.
pub const PATIENCE: Duration = Duration::from_secs(20);

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
    // The tests of a build lie in `deps`, next to its binaries.
    let tests = std::env::current_exe().expect("the path of this test");
    let path = tests.ancestors().nth(2).expect("the folder of the build").join("leasehold");
    assert!(path.exists(), "{} is missing; run: cargo build -p leasehold-cli", path.display());
    path
}

/// One Redis server.
#[derive(Debug)]
pub struct Server {
    directory: TempDir,
    launch: Launch,
    child: Child,
}

/// How a server is started, and started again.
#[derive(Debug)]
struct Launch {
    program: PathBuf,
    settings: Vec<String>,
    clock: Option<Clock>,
}

impl Server {
    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    /// If `redis-server` is missing or does not start.
    pub fn start() -> Server {
        Server::start_with(&[])
    }

    /// The same with settings of its own, as `redis-server` takes them: `["--maxmemory", "1mb"]`.
    ///
    /// # Panics
    /// If `redis-server` is missing or does not start.
    pub fn start_with(settings: &[&str]) -> Server {
        Server::launch(directory(), "redis-server".into(), settings, None)
    }

    /// The same with a wall clock that the test commands, by [`clock`](Self::clock): it stands
    /// until then, and goes on from there when the server starts again.
    ///
    /// # Panics
    /// If the program does not start.
    pub fn start_with_clock(program: Program, settings: &[&str]) -> Server {
        let directory = directory();
        let clock = Clock::create(&directory.path().join("clock"));
        Server::launch(directory, program.path(), settings, Some(clock))
    }

    fn launch(
        directory: TempDir,
        program: PathBuf,
        settings: &[&str],
        clock: Option<Clock>,
    ) -> Server {
        let settings = settings.iter().copied().map(String::from).collect();
        let launch = Launch { program, settings, clock };
        let child = spawn(directory.path(), &launch);
        let mut server = Server { directory, launch, child };
        server.await_ready();
        server
    }

    /// Its wall clock.
    ///
    /// # Panics
    /// If it was not started with one.
    pub fn clock(&self) -> &Clock {
        self.launch.clock.as_ref().expect("a server that was started with a clock")
    }

    /// Where it keeps its files.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The unix socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("s")
    }

    /// The URL for a client.
    pub fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    fn await_ready(&mut self) {
        let started = now();
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().expect("the server's status") {
                let log = fs::read_to_string(self.directory.path().join("log"));
                panic!("redis-server ended at once ({status}): {}", log.unwrap_or_default());
            }
            if self.try_query::<String>(&["PING"]).is_ok() {
                return;
            }
            thread::sleep(Duration::from_micros(500));
        }
        panic!("redis-server did not answer within {PATIENCE:?}");
    }

    /// One command on a connection of its own.
    ///
    /// # Panics
    /// If the server does not answer, or with an error.
    pub fn query<T: redis::FromRedisValue>(&self, command: &[&str]) -> T {
        self.try_query(command).unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }

    fn try_query<T: redis::FromRedisValue>(&self, command: &[&str]) -> redis::RedisResult<T> {
        let mut connection = redis::Client::open(self.url())?.get_connection()?;
        connection.set_read_timeout(Some(PATIENCE))?;
        let (name, arguments) = command.split_first().expect("a command");
        redis::cmd(name).arg(arguments).query(&mut connection)
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<String> {
        self.query(&["GET", key])
    }

    /// Stops it (SIGSTOP): it still accepts connections and bytes, and answers nothing.
    pub fn pause(&self) {
        signal(self.child.id(), "STOP");
        let stat = format!("/proc/{}/stat", self.child.id());
        let stopped = || fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") T "));
        if Path::new(&stat).exists() {
            assert!(eventually(stopped), "the server does not stop");
        }
    }

    /// Ends a [`pause`](Self::pause).
    pub fn resume(&self) {
        signal(self.child.id(), "CONT");
    }

    /// Kills it (SIGKILL). Everything it stored is gone.
    pub fn kill(&mut self) {
        // Either fails only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again at the same address, empty.
    pub fn restart(&mut self) {
        self.kill();
        self.child = spawn(self.directory.path(), &self.launch);
        self.await_ready();
    }

    /// Deletes every key.
    pub fn flush(&self) {
        self.query::<()>(&["FLUSHALL"]);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts `count` servers.
pub fn servers(count: usize) -> Vec<Server> {
    (0..count).map(|_| Server::start()).collect()
}

/// The servers' URLs.
pub fn urls(servers: &[Server]) -> Vec<String> {
    servers.iter().map(Server::url).collect()
}

/// At how many of the servers `key` exists.
pub fn stored(servers: &[Server], key: &str) -> usize {
    servers.iter().filter(|server| server.get(key).is_some()).count()
}

/// Asks again and again, for a long time if need be, whether something has become true.
pub fn eventually(holds: impl Fn() -> bool) -> bool {
    let started = now();
    while started.elapsed() < PATIENCE {
        if holds() {
            return true;
        }
        thread::sleep(Duration::from_millis(2));
    }
    false
}

/// The clock, for bounds that are generous.
#[expect(clippy::disallowed_methods, reason = "a test measures how long real servers take")]
pub fn now() -> Instant {
    Instant::now()
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

// ---- processes that end with this one -----------------------------------------------------------

const PREFIX: &str = "leasehold-test-";

type Order = (Command, mpsc::Sender<io::Result<Child>>);

/// Starts a server whose death does not depend on this process ending well.
///
/// `PR_SET_PDEATHSIG` fires when the *thread* that started the process ends, so all are started
/// by one thread that lives as long as this process.
fn spawn(directory: &Path, launch: &Launch) -> Child {
    static SPAWNER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (orders, received) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (mut command, reply) in received {
                let _ = reply.send(command.spawn());
            }
        });
        orders
    });
    let (reply, spawned) = mpsc::channel();
    let mut command = command(directory, &launch.program);
    command.args(&launch.settings);
    if let Some(clock) = &launch.clock {
        clock.impose(&mut command);
    }
    spawner.send((command, reply)).expect("the spawner lives");
    let spawned = spawned.recv().expect("the spawner answers");
    spawned.expect("the server starts")
}

/// A directory for one server, of a name by which [`sweep`] knows it.
fn directory() -> TempDir {
    sweep();
    let prefix = format!("{PREFIX}{}-", std::process::id());
    tempfile::Builder::new().prefix(&prefix).tempdir().expect("a directory for a Redis server")
}

fn command(directory: &Path, program: &Path) -> Command {
    static TOOLS: OnceLock<Tools> = OnceLock::new();
    let Tools { dies_with_us, is_old } = TOOLS.get_or_init(Tools::find);
    let mut command = if *dies_with_us {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.args(["--port", "0", "--unixsocket", "s", "--save", "", "--appendonly", "no"]);
    if !is_old {
        command.args(["--enable-debug-command", "local"]);
    }
    command.args(["--logfile", "log", "--dir"]);
    command.arg(directory).current_dir(directory);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// What there is to start servers with.
struct Tools {
    /// Whether a server can be made to die with the process that started it.
    dies_with_us: bool,
    /// Whether the Redis servers are older than 7.0, where some settings are not known yet.
    is_old: bool,
}

impl Tools {
    fn find() -> Tools {
        let redis = Program::Redis.path();
        let version = Command::new(&redis).arg("--version").output().unwrap_or_else(|error| {
            let advice = "install it, for example: apt-get install redis-server";
            panic!("{} is missing ({error}); {advice}", redis.display());
        });
        let is_old = String::from_utf8_lossy(&version.stdout).contains(" v=6.");
        Tools { dies_with_us: runs("setpriv", "--version"), is_old }
    }
}

fn runs(program: impl AsRef<std::ffi::OsStr>, argument: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(argument).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Removes what test processes that were killed have left behind.
fn sweep() {
    static SWEPT: OnceLock<()> = OnceLock::new();
    SWEPT.get_or_init(|| {
        let Ok(entries) = fs::read_dir(std::env::temp_dir()) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name().into_string().unwrap_or_default();
            let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
            let dead = process.is_some_and(|id| !Path::new("/proc").join(id).exists());
            if dead && Path::new("/proc/self").exists() {
                // Somebody else may have swept it first.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "LEASEHOLD_TEST_ROLE";

    /// Not a test by itself: what [`servers_die_with_a_test_that_is_killed`] kills.
    #[test]
    fn a_test_that_is_killed() {
        if std::env::var_os(ROLE).is_some() {
            let server = Server::start();
            fs::write(std::env::var_os(ROLE).unwrap(), server.child.id().to_string()).unwrap();
            thread::sleep(PATIENCE);
        }
    }

    #[test]
    fn servers_die_with_a_test_that_is_killed() {
        if !runs("setpriv", "--version") {
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("server");
        let mut test = Command::new(std::env::current_exe().unwrap());
        test.args(["--exact", "tests::a_test_that_is_killed"]).env(ROLE, &file);
        let mut test = test.stdout(Stdio::null()).spawn().unwrap();
        let server = || fs::read_to_string(&file).ok().filter(|id| !id.is_empty());
        assert!(eventually(|| server().is_some()));
        test.kill().unwrap();
        test.wait().unwrap();
        let stat = format!("/proc/{}/stat", server().unwrap());
        // Ended, whether or not anybody has collected its status.
        let dead = || fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
        assert!(eventually(dead));
    }
}
