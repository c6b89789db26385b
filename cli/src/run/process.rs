//! The command under way, and the signals that are passed on to it.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::{Child, Command};
use tokio::signal::unix::{self, SignalKind};

use super::child;
use super::failure::Failure;

/// The command under way.
pub(super) struct Process {
    child: Child,
    /// Whether it leads a process group of its own. On a terminal it does not, so that it may read
    /// from there.
    leads_group: bool,
}

impl Process {
    /// Starts it.
    pub(super) fn start(command: &[OsString]) -> Result<Process, Failure> {
        let Some((program, arguments)) = command.split_first() else {
            return Err(Failure::System(io::ErrorKind::InvalidInput.into()));
        };
        let leads_group = !io::stdin().is_terminal();
        let start = |mut starting: Command| {
            starting.kill_on_drop(true);
            if leads_group {
                starting.process_group(0);
            }
            starting.spawn()
        };
        // Where that cannot be had, the command outlives a `run` that is killed.
        let started = child::dying_with_us(command).and_then(|it| start(it).ok());
        let child = match started {
            Some(child) => child,
            None => {
                let mut starting = Command::new(program);
                starting.args(arguments);
                let failed = |error| Failure::Start { command: program.clone(), error };
                start(starting).map_err(failed)?
            }
        };
        Ok(Process { child, leads_group })
    }

    /// Waits for its end. Cancel safe.
    pub(super) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Sends it a signal, and its group if it leads one.
    pub(super) fn send(&self, signal: Signal) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let Some(id) = id else { return };
        // It fails only if the process has ended, which is noticed elsewhere.
        let _ = if self.leads_group {
            kill_process_group(id, signal)
        } else {
            kill_process(id, signal)
        };
    }

    /// Passes a signal on, unless the terminal has sent it to the command as well.
    pub(super) fn forward(&self, signal: Signal) {
        let from_terminal = signal == Signal::INT || signal == Signal::QUIT;
        if self.leads_group || !from_terminal {
            self.send(signal);
        }
    }
}

/// The signals that are meant for the command.
///
/// Those that are ignored, as under `nohup`, stay so here and in the command.
pub(super) struct Signals {
    interrupt: Option<unix::Signal>,
    terminate: Option<unix::Signal>,
    hangup: Option<unix::Signal>,
    quit: Option<unix::Signal>,
    user1: Option<unix::Signal>,
    user2: Option<unix::Signal>,
}

impl Signals {
    /// From now on they do not end this process.
    pub(super) fn listen() -> io::Result<Signals> {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = ignored_in(&status);
        let listen = |kind: SignalKind| {
            let is_ignored = ignored >> (kind.as_raw_value() - 1) & 1 == 1;
            if is_ignored { Ok(None) } else { unix::signal(kind).map(Some) }
        };
        Ok(Signals {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
            quit: listen(SignalKind::quit())?,
            user1: listen(SignalKind::user_defined1())?,
            user2: listen(SignalKind::user_defined2())?,
        })
    }

    /// Cancel safe: a signal that is not waited for is kept.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            () = received(&mut self.interrupt) => Signal::INT,
            () = received(&mut self.terminate) => Signal::TERM,
            () = received(&mut self.hangup) => Signal::HUP,
            () = received(&mut self.quit) => Signal::QUIT,
            () = received(&mut self.user1) => Signal::USR1,
            () = received(&mut self.user2) => Signal::USR2,
        }
    }
}

async fn received(signal: &mut Option<unix::Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// The signals that a process ignores, the first in the lowest bit, from its `/proc` status. None
/// where there is no such file.
fn ignored_in(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_status() {
        let status = "Name:\tx\nSigBlk:\t0000000000000002\nSigIgn:\t0000000000001001\n";
        assert_eq!(ignored_in(status), 1 << 12 | 1);
        assert_eq!(ignored_in(""), 0);
    }
}
