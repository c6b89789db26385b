//! `leasehold doctor`: whether real servers are fit to hold locks.

mod clock;
mod finding;
mod json;
mod judge;
mod permissions;
mod replies;
mod text;
mod timing;
mod uptime;
mod visit;

use std::thread;
use std::time::Duration;

use leasehold::Endpoint;
use leasehold::protocol::{Settings, Span};
use redis::ConnectionAddr;

use finding::{Finding, Level, Node, Terms};
use visit::{Plan, visit};

use crate::exit::{Ending, Failure, say};
use crate::run::parse_duration;

/// As many nodes as a lock can have.
const MOST_NODES: usize = 16;

/// What permissions are tried on if no key is named.
const OUR_KEY: &str = "leasehold-doctor";

/// Options of `leasehold doctor`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Exit codes: 0 fit, also with warnings and while the restart guard waits; 2 an argument is wrong;
5 unfit: a server cannot be reached or used, is named twice, is a replica, evicts keys, has a clock
faster than the drift allowance covers, or loses locks in a crash with the restart guard off.

Nothing is written but a small script into each server's script cache. Commands are really tried, in
a form that does nothing: CLIENT KILL of a connection that is not there, a SET that contradicts
itself.

What does not show from here: whether the servers share a machine, a disk or a power supply, and
whether all clients name the same nodes and the same longest TTL.")]
pub(crate) struct DoctorArgs {
    /// A Redis server, redis://host:port or unix:///path; repeat it for each
    #[arg(long = "node", value_name = "URL", required = true)]
    nodes: Vec<String>,
    /// The TTL of the leases: 500ms, 10s, 2m
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = some_duration)]
    ttl: Duration,
    /// The longest TTL of any client: the restart guard's wait
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = some_duration)]
    max_ttl: Duration,
    /// Clients have the restart guard: the default with 3 nodes or more
    #[arg(long, conflicts_with = "no_restart_guard")]
    restart_guard: bool,
    /// Clients have no restart guard: the default with fewer
    #[arg(long)]
    no_restart_guard: bool,
    /// How long clients wait for a node [default: as the library does]
    #[arg(long, value_name = "TIME", value_parser = some_duration)]
    node_timeout: Option<Duration>,
    /// Clients' allowance for drift; 2 ms are added
    #[arg(long, value_name = "PPM", default_value_t = 10_000,
        value_parser = clap::value_parser!(u32).range(0..=900_000))]
    drift_ppm: u32,
    /// How long to watch the clocks
    #[arg(long = "for", value_name = "TIME", default_value = "3s", value_parser = some_duration)]
    watch: Duration,
    /// How long a server may take for any answer
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = some_duration)]
    timeout: Duration,
    /// The lock's key, if the user may not use every key; not written
    #[arg(long)]
    key: Option<String>,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// Everything that is printed.
struct Report<'a> {
    terms: &'a Terms,
    nodes: &'a [Node],
    findings: &'a [Finding],
}

impl Report<'_> {
    /// Whether locks can be held there.
    fn is_fit(&self) -> bool {
        self.findings.iter().all(|finding| finding.level != Level::Unfit)
    }
}

/// Runs the command.
pub(crate) fn run(args: &DoctorArgs) -> Result<Ending, Failure> {
    let endpoint = |url: &String| {
        Endpoint::parse(url).map_err(|error| Failure::Argument(format!("--node {error}")))
    };
    let endpoints: Vec<Endpoint> = args.nodes.iter().map(endpoint).collect::<Result<_, _>>()?;
    let terms = args.terms()?;
    // An error means that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let key = args.key.as_deref().unwrap_or(OUR_KEY);
    let plan = Plan { sample_for: args.watch, patience: args.timeout, key };
    let nodes = visit_all(endpoints, plan);
    let findings = judge::judge(&nodes, &terms);
    let report = Report { terms: &terms, nodes: &nodes, findings: &findings };
    say(if args.json { json::json(&report)? } else { text::text(&report) });
    Ok(if report.is_fit() { Ending::AsClaimed } else { Ending::Unfit })
}

impl DoctorArgs {
    /// As the library does where it is not told.
    fn is_guarded(&self) -> bool {
        self.restart_guard || (!self.no_restart_guard && self.nodes.len() >= 3)
    }

    fn terms(&self) -> Result<Terms, Failure> {
        let refuse = |why: String| Err(Failure::Argument(why));
        let count = self.nodes.len();
        if count > MOST_NODES {
            return refuse(format!(
                "{count} nodes: a lock has at most {MOST_NODES}; 3 or 5 are customary"
            ));
        }
        if self.is_guarded() && self.ttl > self.max_ttl {
            return refuse(format!(
                "--ttl {:?} exceeds --max-ttl {:?}, the longest that the restart guard waits for; \
                 choose a shorter TTL, or a longer --max-ttl as at all clients",
                self.ttl, self.max_ttl
            ));
        }
        if self.watch > Duration::from_secs(600) {
            return refuse(format!("--for {:?} is too long; ten minutes are the most", self.watch));
        }
        let ttl = span(self.ttl);
        let usual = Settings::customary(u8::try_from(count).unwrap_or(u8::MAX), ttl);
        let drift = leasehold::protocol::Drift { factor_ppm: self.drift_ppm, ..usual.drift };
        if drift.allowance(ttl) >= ttl {
            return refuse(format!(
                "--ttl {:?} is no longer than the allowance for clock drift; choose a longer TTL \
                 or a smaller allowance",
                self.ttl
            ));
        }
        Ok(Terms {
            ttl,
            drift,
            node_timeout: self.node_timeout.map_or(usual.node_timeout, span),
            guard: self.is_guarded().then_some(span(self.max_ttl)),
            key_is_ours: self.key.is_none(),
            watched: self.watch,
        })
    }
}

/// In microseconds.
fn span(duration: Duration) -> Span {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// A length of time that is not zero.
fn some_duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("must be more than 0; leave the option out for its default".into()),
        duration => Ok(duration),
    }
}

/// The host and the port, where it has any.
fn host_port(endpoint: &Endpoint) -> Option<(String, u16)> {
    match endpoint.connection_info().addr() {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
            Some((host.clone(), *port))
        }
        ConnectionAddr::Unix(_) | _ => None,
    }
}

/// Visits all at the same time.
fn visit_all(endpoints: Vec<Endpoint>, plan: Plan) -> Vec<Node> {
    let plan = &plan;
    thread::scope(|scope| {
        let visits: Vec<_> = endpoints
            .into_iter()
            .map(|endpoint| {
                let (name, host_port) = (endpoint.name().to_owned(), host_port(&endpoint));
                (name, host_port, scope.spawn(move || visit(&endpoint, plan)))
            })
            .collect();
        let node = |(name, host_port, visiting): (_, _, thread::ScopedJoinHandle<_>)| {
            let visit = visiting.join().unwrap_or_else(|_| Err("the visit failed".to_owned()));
            Node { name, host_port, visit }
        };
        visits.into_iter().map(node).collect()
    })
}
