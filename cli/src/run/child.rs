//! A command that dies with the `run` that started it, also if that is killed with SIGKILL.
//!
//! A process must ask for that itself (`PR_SET_PDEATHSIG`), between its start and the command's. So
//! `run` starts this program once more, which asks, and becomes the command. The wish survives
//! that, unless the command changes its user. It is granted when the *thread* that started the
//! process ends, which is the main one here.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use tokio::process::Command;

use super::failure::start_code;
use super::say;

/// The name of the hidden command.
pub(crate) const NAME: &str = "run-child";

/// What `run` tells the process that becomes its command.
#[derive(clap::Args, Debug)]
pub(crate) struct ChildArgs {
    /// The process to die with
    #[arg(long)]
    parent: u32,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// How to start `command` so that it dies with this process; nothing where that is not known.
pub(super) fn dying_with_us(command: &[OsString]) -> Option<Command> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    // This very file, also if it has been replaced since.
    let mut starting = Command::new("/proc/self/exe");
    let parent = std::process::id().to_string();
    starting.arg0("leasehold").args([NAME, "--parent", &parent, "--"]).args(command);
    Some(starting)
}

/// Becomes the command. Comes back only if that fails.
pub(crate) fn become_command(args: &ChildArgs) -> ExitCode {
    let Some((program, arguments)) = args.command.split_first() else {
        return ExitCode::from(126);
    };
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, getppid, set_parent_process_death_signal};
        // Nothing is lost where it is refused but what the help says of other systems.
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
        let parent = getppid().map(|parent| parent.as_raw_nonzero().get().cast_unsigned());
        if parent != Some(args.parent) {
            // It has died meanwhile, before the wish.
            return ExitCode::from(137);
        }
    }
    let error = std::process::Command::new(program).args(arguments).exec();
    say(format_args!("{}: {error}", program.to_string_lossy()));
    ExitCode::from(start_code(&error))
}
