//! `leasehold soak`: the library on real servers, under faults, for as long as you like.

use std::ffi::OsString;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use leasehold_rig::soak::{CLIENTS, Contender, KEYS, NODES, Soak, Soaked, TASKS, TTL};
use leasehold_rig::{Program, RigError, block_on};

use crate::check::stop_on_ctrl_c;
use crate::exit::{Ending, Failure, prepare, say, write};
use crate::layout::bar;

const HELP: &str = "\
64 tasks in 8 processes contend for 8 keys on 5 servers of this machine, which are started for it.
Meanwhile servers are killed and stopped, clocks drift as far as the library allows for, connections
fail in every way, and processes are stopped and killed. Afterwards nobody may have held a key
together with another, nothing may be left, nobody may hang, and what every client did must conform.

Exit codes: 0 all of that, 1 not, 3 TRUNCATED by Ctrl-C (what was seen until then is told), 4 a
server or a process could not be started.";

/// Options of `leasehold soak`.
#[derive(clap::Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct SoakArgs {
    /// How long
    #[arg(long, default_value_t = 2.0, value_name = "MINUTES")]
    minutes: f64,
    /// What is done, and to whom, is drawn from it; when it happens is real time
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// On Valkey, not Redis
    #[arg(long)]
    valkey: bool,
    /// Let the servers' clocks run four times too fast: then two must hold a key at once, and the
    /// soak must find them and exit 1
    #[arg(long)]
    fast_clocks: bool,
    /// Write the report to this file as well
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Where recordings that do not conform are kept
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Print JSON instead of tables
    #[arg(long)]
    json: bool,
}

/// Options of the process that contends.
#[derive(clap::Args, Debug)]
pub(crate) struct ContenderArgs {
    #[arg(long)]
    seed: u64,
    #[arg(long)]
    process: u64,
    nodes: Vec<String>,
}

/// Runs the command.
pub(crate) fn run(args: &SoakArgs) -> Result<Ending, Failure> {
    let length = length(args.minutes)?;
    if let Some(folder) = args.report.as_ref().and_then(|report| report.parent()) {
        prepare(folder)?;
    }
    let scratch = tempfile::tempdir()
        .map_err(|error| Failure::Write { path: std::env::temp_dir(), error })?;
    let folder = match &args.keep {
        Some(keep) => {
            let failed = |error| Failure::Write { path: keep.clone(), error };
            std::fs::create_dir_all(keep).map_err(failed)?;
            keep.clone()
        }
        None => scratch.path().to_owned(),
    };
    let stop = stop_on_ctrl_c();
    let bar = bar(length.as_secs(), "{bar:40} {pos}/{len} s, {eta} left", args.json);
    let soak = Soak {
        length,
        seed: args.seed,
        program: if args.valkey { Program::Valkey } else { Program::Redis },
        starts: starts(args.seed)?,
        fast_clocks: args.fast_clocks,
        folder,
    };
    let soaked = soak.run(&mut |passed| {
        bar.set_position(passed.as_secs());
        !stop.load(Ordering::Relaxed)
    });
    bar.finish_and_clear();
    let soaked = soaked.map_err(Failure::Rig)?;
    let text = text(args, &soaked);
    if args.json {
        say(serde_json::to_string_pretty(&soaked).map_err(Failure::Unwritable)?);
    } else {
        say(&text);
    }
    if let Some(report) = &args.report {
        write(report, &text)?;
    }
    Ok(match () {
        () if !soaked.holds() => Ending::Broken,
        () if !soaked.complete => Ending::Truncated,
        () if !soaked.says_something() => Ending::Broken,
        () => Ending::AsClaimed,
    })
}

/// Runs the process that contends.
pub(crate) fn contend(args: ContenderArgs) -> Result<Ending, Failure> {
    let ContenderArgs { seed, process, nodes } = args;
    let contender = Contender { nodes, seed, process, tasks: TASKS, keys: KEYS };
    block_on(contender.run()).map_err(Failure::Rig)?;
    Ok(Ending::AsClaimed)
}

fn length(minutes: f64) -> Result<Duration, Failure> {
    let refused = || {
        let rule = "it is more than 0 and at most 100000, as in --minutes 30";
        Failure::Argument(format!("--minutes {minutes}: {rule}"))
    };
    if !(minutes > 0.0 && minutes <= 1e5) {
        return Err(refused());
    }
    Ok(Duration::from_secs_f64(minutes * 60.0))
}

/// This program again, as a process that contends.
fn starts(seed: u64) -> Result<Arc<leasehold_rig::soak::Starts>, Failure> {
    let failed = |error| Failure::Rig(RigError::System { what: "this program", error });
    let program = OsString::from(std::env::current_exe().map_err(failed)?);
    Ok(Arc::new(move |process, nodes| {
        let mut command = Command::new(&program);
        command.args(["soak-contender", "--seed", &seed.to_string()]);
        command.args(["--process", &process.to_string()]).args(nodes);
        command
    }))
}

fn text(args: &SoakArgs, soaked: &Soaked) -> String {
    let mut out = String::new();
    let _ = render(args, soaked, &mut out);
    out
}

fn render(args: &SoakArgs, soaked: &Soaked, out: &mut String) -> std::fmt::Result {
    let Soaked { version, seed, seconds, windows, renewals, processes, .. } = soaked;
    let flag = |is_on, flag| if is_on { flag } else { "" };
    let flags = [flag(args.valkey, " --valkey"), flag(args.fast_clocks, " --fast-clocks")].concat();
    writeln!(out, "# A soak of {seconds} s\n")?;
    writeln!(out, "`leasehold soak --minutes {} --seed {seed}{flags}`\n", args.minutes)?;
    writeln!(
        out,
        "{} tasks in {CLIENTS} processes ({processes} over time), {KEYS} keys, {NODES} servers, \
         {version},",
        TASKS * CLIENTS as u64
    )?;
    writeln!(out, "TTL {TTL:?}. At most two servers are disturbed at a time.\n")?;
    writeln!(out, "| faults | times |\n|---|---:|")?;
    for (what, times) in &soaked.injected {
        writeln!(out, "| {what} | {times} |")?;
    }
    writeln!(out, "\n| locks | times |\n|---|---:|")?;
    writeln!(out, "| held | {windows} |\n| renewals that a holder saw | {renewals} |")?;
    for (how, times) in &soaked.ends {
        writeln!(out, "| ended: {how} | {times} |")?;
    }
    for (why, times) in &soaked.missed {
        writeln!(out, "| not acquired: {why} | {times} |")?;
    }
    writeln!(out, "\n| claim | found |\n|---|---|")?;
    let overlaps = soaked.overlaps.len();
    writeln!(out, "| no two held a key at once | {overlaps} overlaps{} |", gap(soaked))?;
    writeln!(out, "| nothing is left after all have ended | {} keys |", soaked.keys_left)?;
    writeln!(out, "| nothing hangs, and recordings conform | {} do not |", soaked.wrong.len())?;
    let Soaked { recordings, recorded_leases, recorded_steps, paths, .. } = soaked;
    writeln!(
        out,
        "\n{recordings} recordings: {recorded_leases} leases and {recorded_steps} steps were taken \
         again by the machine;\n{paths} leases are paths of the checker's world from beginning to \
         end."
    )?;
    for overlap in soaked.overlaps.iter().take(20) {
        let [one, other] = overlap.processes;
        let (key, us) = (&overlap.key, overlap.length_us);
        writeln!(out, "\nOVERLAP: {key} by processes {one} and {other}, {us} us")?;
    }
    for wrong in soaked.wrong.iter().take(20) {
        writeln!(out, "\nWRONG: {wrong}")?;
    }
    if !soaked.complete {
        writeln!(out, "\nTRUNCATED: stopped before the end.")?;
    }
    Ok(())
}

fn gap(soaked: &Soaked) -> String {
    soaked.shortest_gap_us.map_or(String::new(), |us| format!("; the nearest two {us} us apart"))
}
