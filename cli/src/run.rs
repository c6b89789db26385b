//! `leasehold run`: a command that runs only while a lock is held.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use leasehold::{AcquireError, Client, ConnectError, Event, Events, Guard, Loss, ReleaseError};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::{Child, Command};
use tokio::signal::unix::{self, SignalKind};
use tokio::time::sleep;

/// A loss that the nodes have shown: how long the command has between SIGTERM and SIGKILL.
const LOSS_GRACE: Duration = Duration::from_millis(100);

/// Run a command while holding a lock
///
/// Acquires the lock, runs the command, renews the lock for as long as it runs, and releases it.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Exit codes:
  the command's own, or 128 + the number of the signal that ended it
    2  an argument is wrong
   69  fewer than a majority of the nodes answer
   73  the lock was not acquired (--wait, --no-wait)
   75  the lock was lost, and the command was stopped
  126  the command cannot be executed, 127 it does not exist

When renewals fail, the command gets SIGTERM a quarter of the TTL (at most 2s) before the lock runs
out, and SIGKILL just before it does. A loss that shows at once gives it 100ms between the two.
SIGINT, SIGTERM, SIGHUP and SIGQUIT sent to `run` are passed on to the command, except that Ctrl-C
on a terminal reaches it anyway. Without a terminal at its input the command is a process group of
its own, and signals go to all of it.

A lock without fencing cannot stop a process that is paused: while `run` or the whole machine is
stopped, the lock runs out and the command is not stopped until `run` goes on. If `run` itself is
killed with SIGKILL, the command goes on without the lock, which is free after one TTL. Where that
matters, let the resource itself refuse work that comes too late.")]
pub(crate) struct RunArgs {
    /// A Redis server: redis://host:port or unix:///path. Repeat it for each; 3 or 5 are customary
    #[arg(long = "node", value_name = "URL", required = true)]
    nodes: Vec<String>,
    /// The name of the lock: the key, verbatim
    #[arg(long)]
    key: String,
    /// How long the lock outlives its holder: 500ms, 10s, 2m
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    ttl: Duration,
    /// The longest TTL that any client of these servers uses, for the restart guard: with three
    /// servers or more, one that has restarted counts only when it has been up for longer
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_duration)]
    max_ttl: Duration,
    /// Count servers that have just started, too: for tests
    #[arg(long)]
    no_restart_guard: bool,
    /// Wait at most this long for the lock; without it, for as long as it takes
    #[arg(long, value_name = "TIME", value_parser = parse_duration, conflicts_with = "no_wait")]
    wait: Option<Duration>,
    /// Do not wait for the lock
    #[arg(long)]
    no_wait: bool,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Runs the command as `args` say. The answer is the exit code of this process.
pub(crate) fn run(args: RunArgs) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(hold_and_run(&args)),
        Err(error) => Err(Failure::System(error)),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            say(&failure);
            ExitCode::from(failure.code())
        }
    }
}

fn say(what: impl fmt::Display) {
    // Nobody is left to hear that standard error is closed.
    let _ = writeln!(io::stderr(), "leasehold run: {what}");
}

/// Why the command did not run, or not to its end.
#[derive(Debug)]
enum Failure {
    Connect(ConnectError),
    Acquire(AcquireError),
    Interrupted(i32),
    Start { command: OsString, error: io::Error },
    Lost { key: String, loss: Option<Loss> },
    System(io::Error),
}

impl Failure {
    fn code(&self) -> u8 {
        match self {
            Failure::Connect(ConnectError::Unreachable { .. }) => 69,
            Failure::Connect(_) => 2,
            Failure::Acquire(AcquireError::Timeout { .. } | AcquireError::Exhausted { .. }) => 73,
            Failure::Acquire(_) | Failure::System(_) => 69,
            Failure::Interrupted(signal) => signal_code(*signal),
            Failure::Start { error, .. } if error.kind() == io::ErrorKind::NotFound => 127,
            Failure::Start { .. } => 126,
            Failure::Lost { .. } => 75,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Connect(error) => error.fmt(f),
            Failure::Acquire(error) => error.fmt(f),
            Failure::Interrupted(signal) => write!(f, "ended by signal {signal} while waiting"),
            Failure::Start { command, error } => {
                write!(f, "{}: {error}", command.to_string_lossy())
            }
            Failure::Lost { key, loss: Some(loss) } => {
                write!(f, "lock {key} was lost and the command stopped: {loss}")
            }
            Failure::Lost { key, loss: None } => {
                write!(f, "lock {key} was running out without renewal; the command was stopped")
            }
            Failure::System(error) => error.fmt(f),
        }
    }
}

async fn hold_and_run(args: &RunArgs) -> Result<u8, Failure> {
    let mut signals = Signals::listen().map_err(Failure::System)?;
    let mut builder = Client::builder().nodes(&args.nodes).ttl(args.ttl).max_ttl(args.max_ttl);
    if args.no_restart_guard {
        builder = builder.restart_guard(false);
    }
    let connecting = builder.connect();
    let client = tokio::select! {
        connected = connecting => connected.map_err(Failure::Connect)?,
        signal = signals.next() => return Err(Failure::Interrupted(signal.as_raw())),
    };
    let outcome = match acquire(&client, args, &mut signals).await {
        Ok(guard) => run_holding(guard, args, &mut signals).await,
        Err(failure) => Err(failure),
    };
    // Bounded. What is unsettled then expires with its TTL, which is news only if all else is well.
    let unsettled = client.shutdown().await.map_or(Vec::new(), |released| released.unsettled);
    if outcome.is_ok() && !unsettled.is_empty() {
        let nodes = unsettled.join(", ");
        say(format_args!("release not acknowledged, the key expires after its TTL at {nodes}"));
    }
    outcome
}

async fn acquire(client: &Client, args: &RunArgs, signals: &mut Signals) -> Result<Guard, Failure> {
    let acquiring = async {
        match args.wait {
            _ if args.no_wait => client.try_acquire(&args.key).await,
            Some(time) => client.acquire_within(&args.key, time).await,
            None => client.acquire(&args.key).await,
        }
    };
    tokio::pin!(acquiring);
    let mut events = Some(client.events());
    loop {
        tokio::select! {
            acquired = &mut acquiring => return acquired.map_err(Failure::Acquire),
            signal = signals.next() => return Err(Failure::Interrupted(signal.as_raw())),
            event = next(&mut events) => {
                // Said once: a wait for the servers, and not for whoever has the lock.
                if let Event::Denied { votes, .. } = event && votes.guarded_for().is_some() {
                    say(format_args!("waiting: {votes}"));
                    events = None;
                }
            }
        }
    }
}

/// The next event, if there ever is one.
async fn next(events: &mut Option<Events>) -> Event {
    if let Some(stream) = events
        && let Some(event) = stream.next().await
    {
        return event;
    }
    *events = None;
    std::future::pending().await
}

async fn run_holding(guard: Guard, args: &RunArgs, signals: &mut Signals) -> Result<u8, Failure> {
    let mut process = Process::start(&args.command)?;
    let grace = (args.ttl / 4).min(Duration::from_secs(2));
    let (status, stopped) = supervise(&mut process, &guard, signals, grace).await?;
    let lost = |loss| Failure::Lost { key: args.key.clone(), loss };
    if let Some(loss) = stopped {
        return Err(lost(loss));
    }
    match guard.release().await {
        // The rest is waited for, and reported, with the end of the client.
        Ok(_) | Err(ReleaseError::Closed) => Ok(exit_code(status)),
        Err(ReleaseError::Lost { loss, .. }) => Err(lost(Some(loss))),
        Err(_) => Ok(exit_code(status)),
    }
}

/// Waits for the command to end, and sees to it that it ends before the lock does. The second part
/// of the answer tells whether it was stopped for the lock's sake, and why if the lock was lost by
/// then.
async fn supervise(
    process: &mut Process,
    guard: &Guard,
    signals: &mut Signals,
    grace: Duration,
) -> Result<(ExitStatus, Option<Option<Loss>>), Failure> {
    let margin = (grace / 20).clamp(Duration::from_millis(2), Duration::from_millis(50));
    let (kill_after, stopped) = loop {
        tokio::select! {
            status = process.child.wait() => return Ok((status.map_err(Failure::System)?, None)),
            signal = signals.next() => process.forward(signal),
            loss = guard.lost() => {
                let left = if loss == Loss::Expired { Duration::ZERO } else { LOSS_GRACE };
                break (left, Some(loss));
            }
            // Renewals move the end of the lease, so it is looked at anew each time.
            () = sleep(guard.remaining().saturating_sub(grace)) => {
                let left = guard.remaining();
                if left <= grace && guard.is_held() {
                    break (left.saturating_sub(margin), None);
                }
            }
        }
    };
    process.send(Signal::TERM);
    let status = tokio::select! {
        status = process.child.wait() => status,
        () = sleep(kill_after) => {
            process.send(Signal::KILL);
            process.child.wait().await
        }
    };
    Ok((status.map_err(Failure::System)?, Some(stopped)))
}

fn exit_code(status: ExitStatus) -> u8 {
    match (status.code(), status.signal()) {
        (Some(code), _) => u8::try_from(code & 255).unwrap_or(1),
        (None, Some(signal)) => signal_code(signal),
        (None, None) => 1,
    }
}

fn signal_code(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(255)
}

/// The command under way.
struct Process {
    child: Child,
    /// Whether it leads a process group of its own. On a terminal it does not, so that it may read
    /// from there.
    leads_group: bool,
}

impl Process {
    fn start(command: &[OsString]) -> Result<Process, Failure> {
        let Some((program, arguments)) = command.split_first() else {
            return Err(Failure::System(io::ErrorKind::InvalidInput.into()));
        };
        let leads_group = !io::stdin().is_terminal();
        let mut starting = Command::new(program);
        starting.args(arguments).kill_on_drop(true);
        if leads_group {
            starting.process_group(0);
        }
        let started = starting.spawn();
        let child = started.map_err(|error| Failure::Start { command: program.clone(), error })?;
        Ok(Process { child, leads_group })
    }

    fn send(&self, signal: Signal) {
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
    fn forward(&self, signal: Signal) {
        let from_terminal = signal == Signal::INT || signal == Signal::QUIT;
        if self.leads_group || !from_terminal {
            self.send(signal);
        }
    }
}

/// The signals that ask this process to end.
struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    hangup: unix::Signal,
    quit: unix::Signal,
}

impl Signals {
    fn listen() -> io::Result<Signals> {
        Ok(Signals {
            interrupt: unix::signal(SignalKind::interrupt())?,
            terminate: unix::signal(SignalKind::terminate())?,
            hangup: unix::signal(SignalKind::hangup())?,
            quit: unix::signal(SignalKind::quit())?,
        })
    }

    /// Cancel safe: a signal that is not waited for is kept.
    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.hangup.recv() => Signal::HUP,
            _ = self.quit.recv() => Signal::QUIT,
        }
    }
}

/// `500ms`, `10s`, `2m` or `1h`.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit_ms: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(format!("{text} is no duration; write 500ms, 10s, 2m or 1h")),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| format!("{text} is no duration; write a whole number and a unit, as 10s"))?;
    let length_ms = number.checked_mul(unit_ms).filter(|&ms| ms <= LONGEST_MS);
    length_ms.map(Duration::from_millis).ok_or_else(|| format!("{text} is longer than ten years"))
}

const LONGEST_MS: u64 = 10 * 365 * 24 * 3_600_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_whole_number_and_a_unit() {
        for (text, length_ms) in [("500ms", 500), ("10s", 10_000), ("2m", 120_000), ("0s", 0)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(length_ms)));
        }
        for text in ["", "10", "s", "-1s", "1.5s", "10 s", "99999999999999h"] {
            let error = parse_duration(text).unwrap_err();
            assert!(error.starts_with(text), "{error}");
        }
    }

    #[test]
    fn a_death_by_signal_is_told_as_shells_do() {
        assert_eq!(exit_code(ExitStatus::from_raw(9)), 137);
        assert_eq!(exit_code(ExitStatus::from_raw(3 << 8)), 3);
    }
}
