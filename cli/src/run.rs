//! `leasehold run`: a command that runs only while a lock is held.

mod child;
mod failure;
mod process;

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use leasehold::{Client, Event, Events, Guard, Loss, ReleaseError};
use rustix::process::Signal;
use tokio::time::sleep;

pub(crate) use child::{ChildArgs, become_command};

use failure::{Failure, exit_code};
use process::{Process, Signals};

/// A loss that the nodes have shown: how long the command has between SIGTERM and SIGKILL.
const LOSS_GRACE: Duration = Duration::from_millis(100);

/// Run a command while holding a lock
///
/// Acquires the lock, runs the command, renews the lock for as long as it runs, and releases it.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Exit codes:
  CMD's own, or 128 + the number of the signal that ended it
    2  an argument is wrong
   69  fewer than a majority of the nodes answer
   73  the lock was not acquired (--timeout, --no-wait)
   75  the lock was lost or about to be, and CMD was stopped
  126  CMD cannot be executed, 127 it does not exist
  128+n  signal n came while the lock was waited for

The grace counts backwards. When renewals fail, CMD gets SIGTERM the grace before the lock runs out,
and SIGKILL just before it does, so that it never overlaps the next holder. A loss shown at once
leaves 100ms between the two.

SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 sent to `run` are passed on to CMD; Ctrl-C on
a terminal reaches it anyway. Without a terminal at its input CMD is a process group of its own, and
signals go to all of it; on a terminal they go to CMD alone. The lock is released when CMD
ends, also if processes that it has started go on.

If `run` itself is killed with SIGKILL, CMD is killed with it (on Linux; not the processes that CMD
has started, and not a CMD that changes its user, as sudo does), and the lock is free after one TTL.

THIS LOCK DOES NOT FENCE. It cannot stop a CMD that is paused: while `run` or the whole machine is
stopped or suspended, the lock runs out, another holder may start, and CMD goes on until `run` does.
Nor can it call back a write that CMD has sent and that arrives late. Where that matters, let the
resource itself refuse work that comes too late.")]
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
    /// Wait for the lock for as long as it takes: the default
    #[arg(long, conflicts_with_all = ["timeout", "no_wait"])]
    wait: bool,
    /// Wait at most this long for the lock
    #[arg(long, value_name = "TIME", value_parser = parse_duration, conflicts_with = "no_wait")]
    timeout: Option<Duration>,
    /// Do not wait for the lock
    #[arg(long)]
    no_wait: bool,
    /// How long before the lock runs out CMD is told to end; a quarter of the TTL, at most 2s, if
    /// not given
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    grace: Option<Duration>,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

impl RunArgs {
    fn grace(&self) -> Duration {
        self.grace.unwrap_or((self.ttl / 4).min(Duration::from_secs(2)))
    }

    /// A renewal is due after a third of the TTL; a command must not be stopped before it failed.
    fn check(&self) -> Result<(), Failure> {
        match self.grace {
            Some(grace) if grace > self.ttl / 2 => Err(Failure::Grace { grace, ttl: self.ttl }),
            Some(_) | None => Ok(()),
        }
    }
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

async fn hold_and_run(args: &RunArgs) -> Result<u8, Failure> {
    args.check()?;
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
        match args.timeout {
            _ if args.no_wait => client.try_acquire(&args.key).await,
            Some(Duration::ZERO) => client.try_acquire(&args.key).await,
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
    let (status, stopped) = supervise(&mut process, &guard, signals, args.grace()).await?;
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
            status = process.ended() => return Ok((status.map_err(Failure::System)?, None)),
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
    let kill = sleep(kill_after);
    tokio::pin!(kill);
    let status = loop {
        tokio::select! {
            status = process.ended() => break status,
            signal = signals.next() => process.forward(signal),
            () = &mut kill => {
                process.send(Signal::KILL);
                break process.ended().await;
            }
        }
    };
    Ok((status.map_err(Failure::System)?, Some(stopped)))
}

/// `500ms`, `10s`, `2m` or `1h`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
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
}
