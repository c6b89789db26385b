//! Processes that end with this one, and directories that nobody leaves behind.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;
use std::{fs, io, thread};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{RigError, now};

const PREFIX: &str = "leasehold-server-";

/// How often it is looked whether a process has ended.
const LOOK_EVERY: Duration = Duration::from_millis(2);

type Order = (Command, mpsc::Sender<io::Result<Process>>);

/// A process that was started here: killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// What it says, if its command has that piped; to whoever asks first.
    pub(crate) fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.0.stdout.take()
    }

    /// The same of what it complains about.
    pub(crate) fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.0.stderr.take()
    }

    /// Sends it a signal. It fails if the process is not there.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(Pid::from_child(&self.0), signal)?)
    }

    /// Whether it is stopped (SIGSTOP); never, where [nobody tells](tells).
    pub(crate) fn is_stopped(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id()));
        stat.is_ok_and(|stat| stat.contains(") T "))
    }

    /// How it has ended; `None` if it has not.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.0.try_wait()
    }

    /// Closes its standard input, waits a while for its end, and kills it if there is none, which
    /// its status shows.
    pub(crate) fn end(&mut self, patience: Duration) -> io::Result<ExitStatus> {
        drop(self.0.stdin.take());
        let started = now();
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if started.elapsed() >= patience {
                return self.kill();
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Kills it (SIGKILL), if it has not ended already. How it has ended.
    pub(crate) fn kill(&mut self) -> io::Result<ExitStatus> {
        // It fails only if there is nothing to kill.
        let _ = self.0.kill();
        self.0.wait()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It fails only if somebody else has waited for it.
        let _ = self.kill();
    }
}

/// Starts a process whose death does not depend on this process ending well, if the command is
/// [`tied`] to it.
///
/// `PR_SET_PDEATHSIG` fires when the *thread* that started the process ends, so all are started
/// by one thread that lives as long as this process.
pub(crate) fn spawn(command: Command) -> io::Result<Process> {
    static SPAWNER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (orders, received) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (mut command, reply) in received {
                let _ = reply.send(command.spawn().map(Process));
            }
        });
        orders
    });
    let gone = |_| io::Error::other("the thread that starts processes has ended");
    let (reply, spawned) = mpsc::channel();
    spawner.send((command, reply)).map_err(|_| gone(mpsc::RecvError))?;
    spawned.recv().map_err(gone)?
}

/// `program`, killed when this process ends, where the system can do that.
pub(crate) fn tied(program: &Path) -> Command {
    let mut command = if can_tie() {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    // Ctrl-C is for this process, which ends the others when it is done with them.
    command.process_group(0);
    command
}

/// Whether a process can be made to die with the one that started it.
pub(crate) fn can_tie() -> bool {
    static TIES: OnceLock<bool> = OnceLock::new();
    *TIES.get_or_init(|| crate::runs(Path::new("setpriv"), "--version"))
}

/// Whether the system tells how processes are, in `/proc`.
pub(crate) fn tells() -> bool {
    Path::new("/proc/self").exists()
}

/// A directory for one server, of a name by which [`sweep`] knows it.
pub(crate) fn directory() -> Result<TempDir, RigError> {
    sweep();
    let prefix = format!("{PREFIX}{}-", std::process::id());
    let made = tempfile::Builder::new().prefix(&prefix).tempdir();
    made.map_err(RigError::system("a directory for a server"))
}

/// Removes what processes that were killed have left behind.
fn sweep() {
    static SWEPT: OnceLock<()> = OnceLock::new();
    SWEPT.get_or_init(|| {
        let Ok(entries) = fs::read_dir(std::env::temp_dir()) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name().into_string().unwrap_or_default();
            let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
            let dead = process.is_some_and(|id| !Path::new("/proc").join(id).exists());
            if dead && tells() {
                // Somebody else may have swept it first.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eventually;

    #[test]
    fn whoever_does_not_end_is_killed_also_if_it_is_stopped() {
        let mut command = tied(Path::new("sleep"));
        command.arg("60");
        let mut process = spawn(command).unwrap();
        assert!(!process.is_stopped() && process.ended().unwrap().is_none());
        process.signal(Signal::STOP).unwrap();
        assert!(!tells() || eventually(|| process.is_stopped()));
        let status = process.end(Duration::ZERO).unwrap();
        assert!(!status.success());
        assert_eq!(process.ended().unwrap(), Some(status));
        assert_eq!(process.kill().unwrap(), status);
    }

    #[test]
    fn whoever_listens_is_told_to_end() {
        let mut command = tied(Path::new("cat"));
        command.stdin(std::process::Stdio::piped());
        let status = spawn(command).unwrap().end(crate::PATIENCE).unwrap();
        assert!(status.success(), "{status}");
    }
}
