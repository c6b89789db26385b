//! One server: started, paused, killed and started again.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use std::{fs, thread};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::processes::{Process, directory, spawn, tells, tied};
use crate::{Clock, PATIENCE, Program, RigError, eventually, now};

/// One server, killed and removed when it is dropped, when its owner panics, and when the owner's
/// process is killed.
#[derive(Debug)]
pub struct Server {
    /// Before its directory: so it is dropped, and killed, first.
    process: Process,
    directory: TempDir,
    launch: Launch,
}

/// How a server is started, and started again.
#[derive(Debug)]
struct Launch {
    program: Program,
    settings: Vec<String>,
    clock: Option<Clock>,
}

impl Server {
    /// Starts a server with settings of its own, as `redis-server` takes them on its command line
    /// (`["--maxmemory", "1mb"]`), and waits until it answers.
    ///
    /// # Errors
    /// If the program is missing or does not start.
    pub fn start(program: Program, settings: &[&str]) -> Result<Server, RigError> {
        Server::launch(directory()?, program, settings, None)
    }

    /// The same with a wall clock that its owner commands, by [`clock`](Self::clock): it stands
    /// until then, and goes on from there when the server starts again.
    ///
    /// # Errors
    /// If the program is missing or does not start, or on a system without such clocks.
    pub fn start_with_clock(program: Program, settings: &[&str]) -> Result<Server, RigError> {
        let directory = directory()?;
        let clock = Clock::create(directory.path())?;
        Server::launch(directory, program, settings, Some(clock))
    }

    fn launch(
        directory: TempDir,
        program: Program,
        settings: &[&str],
        clock: Option<Clock>,
    ) -> Result<Server, RigError> {
        let settings = settings.iter().copied().map(String::from).collect();
        let launch = Launch { program, settings, clock };
        let process = launch.start(directory.path())?;
        let mut server = Server { process, directory, launch };
        server.await_ready()?;
        Ok(server)
    }

    /// Its wall clock, if it was started with one.
    pub fn clock(&self) -> Option<&Clock> {
        self.launch.clock.as_ref()
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

    /// Its process.
    pub fn process(&self) -> u32 {
        self.process.id()
    }

    fn await_ready(&mut self) -> Result<(), RigError> {
        let started = now();
        while started.elapsed() < PATIENCE {
            let status = self.process.ended().map_err(RigError::system("a server's status"))?;
            if let Some(status) = status {
                let log = fs::read_to_string(self.directory.path().join("log"));
                let program = self.launch.program.name();
                return Err(RigError::Ended { program, status, log: log.unwrap_or_default() });
            }
            if self.query::<String>(&["PING"]).is_ok() {
                return Ok(());
            }
            thread::sleep(Duration::from_micros(500));
        }
        Err(RigError::Patience { what: "the first answer of a server" })
    }

    /// One command on a connection of its own.
    ///
    /// # Errors
    /// If the server does not answer, or with an error.
    pub fn query<T: redis::FromRedisValue>(&self, command: &[&str]) -> Result<T, RigError> {
        self.ask(command).map_err(|error| RigError::Query { command: command.join(" "), error })
    }

    fn ask<T: redis::FromRedisValue>(&self, command: &[&str]) -> redis::RedisResult<T> {
        let mut connection = redis::Client::open(self.url())?.get_connection()?;
        connection.set_read_timeout(Some(PATIENCE))?;
        let (name, arguments) = command.split_first().unwrap_or((&"", &[]));
        redis::cmd(name).arg(arguments).query(&mut connection)
    }

    /// What it tells of itself in a field of a section of its `INFO`, as `uptime_in_seconds` in
    /// `server`; `None` if there is no such field.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn told(&self, section: &str, field: &str) -> Result<Option<String>, RigError> {
        let info: String = self.query(&["INFO", section])?;
        let told = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        Ok(told.map(|told| told.trim().to_owned()))
    }

    /// Which program it says that it is, and of which version; `None` if it does not say.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn version(&self) -> Result<Option<(Program, String)>, RigError> {
        // Valkey calls itself a Redis too.
        for (program, field) in
            [(Program::Valkey, "valkey_version"), (Program::Redis, "redis_version")]
        {
            if let Some(version) = self.told("server", field)? {
                return Ok(Some((program, version)));
            }
        }
        Ok(None)
    }

    /// Stops it (SIGSTOP): it still accepts connections and bytes, and answers nothing.
    ///
    /// # Errors
    /// If it is not there.
    pub fn pause(&self) -> Result<(), RigError> {
        self.signal(Signal::STOP)?;
        if tells() && !eventually(|| self.process.is_stopped()) {
            return Err(RigError::Patience { what: "the stop of a server" });
        }
        Ok(())
    }

    /// Ends a [`pause`](Self::pause).
    ///
    /// # Errors
    /// If it is not there.
    pub fn resume(&self) -> Result<(), RigError> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<(), RigError> {
        self.process.signal(signal).map_err(RigError::system("a signal to a server"))
    }

    /// Kills it (SIGKILL). Everything it stored is gone.
    pub fn kill(&mut self) {
        // It fails only if somebody else has waited for its end.
        let _ = self.process.kill();
    }

    /// Starts it again at the same address, empty.
    ///
    /// # Errors
    /// If it does not start.
    pub fn restart(&mut self) -> Result<(), RigError> {
        self.kill();
        self.process = self.launch.start(self.directory.path())?;
        self.await_ready()
    }
}

impl Launch {
    fn start(&self, directory: &Path) -> Result<Process, RigError> {
        let path = self.program.found().ok_or(RigError::Missing {
            program: self.program.name(),
            advice: self.program.advice(),
        })?;
        let mut command = tied(path);
        command.args(["--port", "0", "--unixsocket", "s", "--save", "", "--appendonly", "no"]);
        if !self.program.is_old() {
            command.args(["--enable-debug-command", "local"]);
        }
        command.args(["--logfile", "log", "--dir"]);
        command.arg(directory).current_dir(directory).args(&self.settings);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some(clock) = &self.clock {
            clock.impose(&mut command);
        }
        spawn(command).map_err(RigError::system("a server"))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::processes::can_tie;

    const ROLE: &str = "LEASEHOLD_TEST_ROLE";

    /// Not a test by itself: what [`servers_die_with_a_process_that_is_killed`] kills.
    #[test]
    fn a_process_that_is_killed() {
        if std::env::var_os(ROLE).is_some() {
            let server = Server::start(Program::Redis, &[]).unwrap();
            fs::write(std::env::var_os(ROLE).unwrap(), server.process().to_string()).unwrap();
            thread::sleep(PATIENCE);
        }
    }

    #[test]
    fn servers_die_with_a_process_that_is_killed() {
        if !can_tie() {
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("server");
        let mut test = Command::new(std::env::current_exe().unwrap());
        test.args(["--exact", "server::tests::a_process_that_is_killed"]).env(ROLE, &file);
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

    #[test]
    fn a_server_tells_what_it_is() {
        let server = Server::start(Program::Redis, &[]).unwrap();
        let (program, version) = server.version().unwrap().unwrap();
        let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        assert!(major.is_some_and(|major| major >= 6), "{program:?} {version:?}");
        let process = server.told("server", "process_id").unwrap();
        assert_eq!(process, Some(server.process().to_string()));
        assert_eq!(server.told("server", "process").unwrap(), None);
    }

    #[test]
    fn a_setting_that_is_wrong_is_told_with_what_the_server_said() {
        let failed = Server::start(Program::Redis, &["--maxmemory", "a lot"]).unwrap_err();
        let RigError::Ended { program, .. } = &failed else { panic!("{failed}") };
        assert_eq!(*program, "redis-server");
    }
}
