//! `leasehold proxy`: a server behind a network that fails as it is told.

use std::future::poll_fn;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Duration;

use leasehold_rig::proxy::{Counts, GRAMMAR, Injected, Rule, Upstream};
use leasehold_rig::{Proxy, RigError};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::fmt::time::uptime;

use crate::exit::{Ending, Failure, say};
use crate::layout::table;
use crate::run::parse_duration;

const HELP: &str = "\
Examples:
  leasehold proxy --listen 127.0.0.1:6390 --to redis://10.0.0.1 --fault 'delay 50ms SET'
  leasehold proxy --to unix:///run/redis.sock --fault 'drop-reply EVALSHA #3' --fault 'reset 1%'
  leasehold proxy --to redis://10.0.0.1 --fault 'partition @10s..20s' --seed 7 --for 1m --json

It ends upon Ctrl-C, or SIGTERM, and prints what it did. docs/proxy.md says more.

Exit codes: 0 it did its work, 2 an argument is wrong, 4 the address cannot be had.";

/// Options of `leasehold proxy`.
#[derive(clap::Args, Debug)]
#[command(after_help = HELP, after_long_help = format!("{GRAMMAR}\n\n{HELP}"))]
pub(crate) struct ProxyArgs {
    /// The server behind it: redis://host:port or unix:///path
    #[arg(long, value_name = "URL")]
    to: String,
    /// Where clients connect; port 0 is any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// A fault, 'drop-reply EVALSHA #3'; repeat it for each. --help has the grammar
    #[arg(long = "fault", value_name = "FAULT")]
    faults: Vec<String>,
    /// What chances and ranges are drawn from
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// End by itself after this time
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration)]
    lasts: Option<Duration>,
    /// Do not print a line for each fault
    #[arg(long)]
    quiet: bool,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &ProxyArgs) -> Result<Ending, Failure> {
    let wrong = |error: RigError| Failure::Argument(format!("--to {error}"));
    let to = Upstream::parse(&args.to).map_err(wrong)?;
    let rule = |text: &String| {
        text.parse::<Rule>().map_err(|error| Failure::Argument(format!("--fault: {error}")))
    };
    let rules = args.faults.iter().map(rule).collect::<Result<_, _>>()?;
    if !args.quiet {
        tell_faults();
    }
    let system = |error| Failure::Rig(RigError::System { what: "signals", error });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(system)?;
    let proxy = runtime.block_on(async {
        // Listened to first, so that who sees the address may end it.
        let mut ends = Ends::listen(args.lasts).map_err(system)?;
        let proxy = Proxy::listen(args.listen, to, rules, args.seed).map_err(Failure::Rig)?;
        anstream::eprintln!(
            "leasehold proxy: {} forwards to {}, seed {}",
            proxy.url(),
            args.to,
            args.seed
        );
        ends.wait().await;
        Ok::<Proxy, Failure>(proxy)
    })?;
    let counts = proxy.injected();
    say(if args.json { json(args, &counts)? } else { text(&counts) });
    Ok(Ending::AsClaimed)
}

/// A line on standard error for each fault.
fn tell_faults() {
    let told = tracing_subscriber::fmt().with_writer(io::stderr).with_timer(uptime());
    let told = told.with_ansi(io::stderr().is_terminal()).with_level(false);
    let told = told.with_target(false).with_env_filter("off,leasehold_rig=info");
    // An error means that there is one already.
    let _ = told.try_init();
}

/// What ends it.
struct Ends {
    signals: Vec<tokio::signal::unix::Signal>,
    lasts: Option<Duration>,
}

impl Ends {
    fn listen(lasts: Option<Duration>) -> io::Result<Ends> {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
        Ok(Ends { signals: kinds.into_iter().map(signal).collect::<Result<_, _>>()?, lasts })
    }

    async fn wait(&mut self) {
        let signals = &mut self.signals;
        let signalled = poll_fn(|context| {
            let is_here = signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
            if is_here { Poll::Ready(()) } else { Poll::Pending }
        });
        match self.lasts {
            None => signalled.await,
            // Whichever comes first.
            Some(lasts) => drop(tokio::time::timeout(lasts, signalled).await),
        }
    }
}

fn text(counts: &Counts) -> String {
    let Counts { connections, requests, replies, rules } = counts;
    let total = format!("{connections} connections, {requests} requests, {replies} replies");
    if rules.is_empty() {
        return format!("{total}; no faults");
    }
    let mut table = table(&["fault", "concerned", "injected"], &[1, 2]);
    for Injected { rule, matched, injected } in rules {
        table.add_row([rule.to_string(), matched.to_string(), injected.to_string()]);
    }
    format!("{table}\n{total}")
}

fn json(args: &ProxyArgs, counts: &Counts) -> Result<String, Failure> {
    let faults: Vec<Value> = counts
        .rules
        .iter()
        .map(|one| {
            let Injected { rule, matched, injected } = one;
            json!({ "fault": rule.to_string(), "concerned": matched, "injected": injected })
        })
        .collect();
    let value = json!({
        "to": args.to,
        "seed": args.seed,
        "connections": counts.connections,
        "requests": counts.requests,
        "replies": counts.replies,
        "faults": faults,
    });
    serde_json::to_string_pretty(&value).map_err(Failure::Unwritable)
}
