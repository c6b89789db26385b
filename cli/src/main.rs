//! `leasehold`: check the lock, simulate it, replay what broke, and hold it.

mod advise;
mod check;
mod conform;
mod covers;
mod doctor;
mod drift;
mod exit;
mod expected;
mod explore;
mod layout;
mod map;
mod page;
mod proxy;
mod replay;
mod run;
mod shrink;
mod sim;
mod soak;
mod table;
mod validate;
mod verdict;
mod why;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A Redlock you can check: one state machine, model-checked, simulated, and run on real Redis
#[derive(Parser, Debug)]
#[command(version, after_help = exit::LEGEND)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Search every interleaving and print the verdict table
    Check(check::CheckArgs),
    /// Hold the simulator against the checker: seeds visit no state that the search has not
    Covers(covers::CoversArgs),
    /// Take recordings of real clients again, through the same machine, and compare
    Conform(conform::ConformArgs),
    /// Walk through the states of a small scope in a browser, with pictures
    Explore(explore::ExploreArgs),
    /// Run seeds through the same world in virtual time
    Sim(sim::SimArgs),
    /// Take the steps of a trace file, or of a seed, again and show what each did
    Replay(replay::ReplayArgs),
    /// Reduce a failing trace, or a failing seed, to the few steps that matter
    Shrink(shrink::ShrinkArgs),
    /// Perform traces on real Redis servers: do they answer as the world says?
    Validate(validate::ValidateArgs),
    /// The process that `validate` pauses
    #[command(hide = true)]
    ValidateHolder(validate::HolderArgs),
    /// Find where exclusion turns when clocks drift, in continuous time
    Drift(drift::DriftArgs),
    /// Estimate how often a lease is lost in your situation, and choose TTL, interval and time-out
    Advise(Box<advise::AdviseArgs>),
    /// Tell whether real Redis servers are fit to hold locks
    Doctor(doctor::DoctorArgs),
    /// Stand in front of a Redis server as a network that delays, loses, repeats and breaks
    Proxy(Box<proxy::ProxyArgs>),
    /// Run a command while holding a lock on real Redis servers
    Run(run::RunArgs),
    /// Let many processes contend on real servers under faults, and judge what happened
    Soak(soak::SoakArgs),
    /// A process that contends in `soak`
    #[command(hide = true)]
    SoakContender(soak::ContenderArgs),
    /// Our library under a workload that other libraries run too
    #[command(hide = true)]
    ForeignContender {
        /// What it is told
        arguments: Vec<String>,
    },
    /// The process that becomes the command of `run`
    #[command(hide = true)]
    RunChild(run::ChildArgs),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Check(args) => exit::code(check::run(&args)),
        Command::Covers(args) => exit::code(covers::run(&args)),
        Command::Conform(args) => exit::code(conform::run(&args)),
        Command::Explore(args) => exit::code(explore::run(&args)),
        Command::Sim(args) => exit::code(sim::run(&args)),
        Command::Replay(args) => exit::code(replay::run(&args)),
        Command::Shrink(args) => exit::code(shrink::run(&args)),
        Command::Validate(args) => exit::code(validate::run(&args)),
        Command::ValidateHolder(args) => exit::code(validate::hold(&args)),
        Command::Drift(args) => exit::code(drift::run(&args)),
        Command::Advise(args) => exit::code(advise::run(&args)),
        Command::Doctor(args) => exit::code(doctor::run(&args)),
        Command::Proxy(args) => exit::code(proxy::run(&args)),
        Command::Run(args) => run::run(args),
        Command::Soak(args) => exit::code(soak::run(&args)),
        Command::SoakContender(args) => exit::code(soak::contend(args)),
        Command::ForeignContender { arguments } => exit::code(
            leasehold_rig::foreign::contender(&arguments)
                .map(|()| exit::Ending::AsClaimed)
                .map_err(exit::Failure::Rig),
        ),
        Command::RunChild(args) => run::become_command(&args),
    }
}
