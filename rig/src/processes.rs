//! Processes that end with this one, and directories that nobody leaves behind.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{OnceLock, mpsc};
use std::{fs, io, thread};

use tempfile::TempDir;

use crate::RigError;

const PREFIX: &str = "leasehold-server-";

type Order = (Command, mpsc::Sender<io::Result<Child>>);

/// Starts a process whose death does not depend on this process ending well, if the command is
/// [`tied`] to it.
///
/// `PR_SET_PDEATHSIG` fires when the *thread* that started the process ends, so all are started
/// by one thread that lives as long as this process.
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
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
            if dead && Path::new("/proc/self").exists() {
                // Somebody else may have swept it first.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    });
}
