//! A holder that is paused between its check and its effect: what no lock prevents.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use leasehold::Client;
use rustix::process::{Signal, getpid, kill_process};

use super::{CaseError, KEY, Outcome, Setup, builder, servers};
use crate::processes::{spawn, tied};
use crate::{PATIENCE, RigError, block_on, eventually};

/// The list to which whoever holds the lock adds its name.
const WITNESS: &str = "witness";

const TTL: Duration = Duration::from_millis(800);

/// The holder: acquires, checks, is stopped, and writes. It writes to standard output what it
/// believes: before, and after.
///
/// # Errors
/// If it cannot be done.
pub fn hold_and_write(url: &str) -> Result<(), CaseError> {
    use std::io::Write;
    block_on(async {
        let client = Client::builder().nodes([url]).ttl(TTL).connect_timeout(PATIENCE);
        let client = client.connect().await?;
        let guard = client.lock(KEY).no_renewal().acquire().await?;
        let mut out = std::io::stdout();
        let mut tell = |held: bool| {
            writeln!(out, "{held}").and_then(|()| out.flush()).map_err(RigError::system("a word"))
        };
        tell(guard.is_held())?;
        // Here it is paused.
        let stopped = kill_process(getpid(), Signal::STOP);
        stopped.map_err(|error| RigError::System { what: "a stop", error: error.into() })?;
        write(url, "first")?;
        tell(guard.is_held())?;
        Ok(())
    })
}

fn write(url: &str, name: &str) -> Result<(), RigError> {
    let push = || -> redis::RedisResult<()> {
        let mut connection = redis::Client::open(url)?.get_connection()?;
        redis::cmd("RPUSH").arg(WITNESS).arg(name).query(&mut connection)
    };
    push().map_err(|error| RigError::Query { command: "RPUSH".to_owned(), error })
}

/// The holder is stopped between check and effect until the next holder has written.
pub(super) fn run(setup: &Setup) -> Result<Outcome, CaseError> {
    let servers = servers(setup.program, 1)?;
    let server = &servers[0];
    let (program, arguments) = &setup.holder;
    let mut command = tied(program);
    command.args(arguments).arg(server.url()).stdout(Stdio::piped()).stdin(Stdio::null());
    let mut holder = spawn(command).map_err(RigError::system("the holder"))?;
    let Some(out) = holder.take_stdout() else { return Err(RigError::Closed.into()) };
    let mut lines = BufReader::new(out).lines();
    let mut word = || match lines.next() {
        Some(Ok(word)) if word == "true" || word == "false" => Ok(word == "true"),
        Some(Ok(word)) => Err(CaseError::Schedule(format!("the holder said {word:?}"))),
        Some(Err(_)) | None => Err(CaseError::Schedule("the holder said nothing".to_owned())),
    };
    let checked = word()?;
    if !checked || !eventually(|| holder.is_stopped()) {
        return Err(CaseError::Schedule("the holder was not stopped while it held".to_owned()));
    }
    block_on(async {
        let second = builder(&servers).ttl(Duration::from_secs(30)).connect().await?;
        let guard = second.acquire(KEY).await?;
        write(&server.url(), "second")?;
        holder.signal(Signal::CONT).map_err(RigError::system("a signal"))?;
        let believes = word()?;
        let order: Vec<String> = server.query(&["LRANGE", WITNESS, "0", "-1"])?;
        let happened = order == ["second", "first"] && guard.is_held();
        let knows = if believes { "believes still" } else { "knows it too late" };
        let order = order.join(", ");
        let evidence = format!("written by {order}");
        Ok(Outcome { happened, evidence, measured: format!("the first {knows}") })
    })
}
