//! A visit to one server: the questions, and what came back. Nothing is judged here, and nothing
//! is written there but two scripts into the cache.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use leasehold::Endpoint;
use redis::{Connection, ErrorKind, RedisError, ServerErrorKind, Value};

use super::clock::Sample;
use super::replies::{self, Facts, Fields};
use crate::check::now;

/// How long to look, and with what patience.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan<'a> {
    /// How long to sample the clock.
    pub(super) sample_for: Duration,
    /// How long any one answer may take.
    pub(super) patience: Duration,
    /// The key that permissions are tried on. It is never written.
    pub(super) key: &'a str,
}

/// What a visit brought home.
#[derive(Clone, Debug, Default)]
pub(super) struct Visit {
    /// What the server said about itself.
    pub(super) facts: Facts,
    /// Commands that it refused, and in which words.
    pub(super) refused: Vec<(&'static str, String)>,
    /// Readings of its clock.
    pub(super) samples: Vec<Sample>,
    /// Why the readings ended before their time.
    pub(super) broke_off: Option<String>,
}

/// Why a server could not be asked.
pub(super) type Trouble = String;

/// Asks `endpoint` everything. Takes as long as `plan` says.
pub(super) fn visit(endpoint: &Endpoint, plan: &Plan) -> Result<Visit, Trouble> {
    let trouble = |error: RedisError| in_words(&error, plan.patience);
    let client = redis::Client::open(endpoint.connection_info().clone()).map_err(trouble)?;
    let connection = client.get_connection_with_timeout(plan.patience).map_err(trouble)?;
    connection.set_read_timeout(Some(plan.patience)).map_err(trouble)?;
    connection.set_write_timeout(Some(plan.patience)).map_err(trouble)?;
    let mut node = Asked { connection, plan, refused: Vec::new() };

    node.query(&["PING"]).map_err(trouble)?;
    let info = node.ask("INFO", &["INFO"])?;
    let info: String =
        info.and_then(|reply| redis::from_redis_value(reply).ok()).unwrap_or_default();
    let facts = Facts::of(&replies::info(&info), &node.settings()?);
    node.try_permissions()?;
    let (samples, broke_off) = node.watch_clock();
    Ok(Visit { facts, refused: node.refused, samples, broke_off })
}

/// What the driver does at a node and the server may not permit; asked of the server, not done.
const CHECK: &str = "\
if not redis.acl_check_cmd then return '' end
local refused = ''
local function check(name, ...)
  if not redis.acl_check_cmd(name, ...) then refused = refused .. ' ' .. name end
end
check('SET', KEYS[1], '', 'NX', 'PX', '1')
check('GET', KEYS[1])
check('DEL', KEYS[1])
check('PEXPIRE', KEYS[1], '1')
return refused";

struct Asked<'a> {
    connection: Connection,
    plan: &'a Plan<'a>,
    refused: Vec<(&'static str, String)>,
}

impl Asked<'_> {
    /// The answer to one command; nothing if the server refuses it, which is noted under `name`.
    fn ask(&mut self, name: &'static str, command: &[&str]) -> Result<Option<Value>, Trouble> {
        let error = match self.query(command) {
            Ok(reply) => return Ok(Some(reply)),
            Err(error) => error,
        };
        let loading = ErrorKind::Server(ServerErrorKind::BusyLoading);
        if is_of_the_server(&error) && error.kind() != loading {
            self.refused.push((name, in_words(&error, self.plan.patience)));
            return Ok(None);
        }
        Err(in_words(&error, self.plan.patience))
    }

    fn query(&mut self, command: &[&str]) -> Result<Value, RedisError> {
        let (name, arguments) = command.split_first().unwrap_or((&"PING", &[]));
        redis::cmd(name).arg(arguments).query(&mut self.connection)
    }

    /// The settings that matter, one by one, since a server before 7.0 takes one at a time.
    fn settings(&mut self) -> Result<Fields, Trouble> {
        let mut settings = Fields::new();
        for name in ["maxmemory", "maxmemory-policy", "appendonly", "appendfsync", "save"] {
            let Some(reply) = self.ask("CONFIG GET", &["CONFIG", "GET", name])? else {
                break;
            };
            settings.extend(replies::config(&reply).unwrap_or_default());
        }
        Ok(settings)
    }

    /// Really tries each command, so that it can do no harm.
    fn try_permissions(&mut self) -> Result<(), Trouble> {
        self.ask("CLIENT ID", &["CLIENT", "ID"])?;
        // There is no connection of that number.
        let nobody = i64::MAX.to_string();
        self.ask("CLIENT KILL", &["CLIENT", "KILL", "ID", &nobody])?;
        if let Some(reply) = self.ask("SCRIPT LOAD", &["SCRIPT", "LOAD", CHECK])? {
            let name: String = redis::from_redis_value(reply).unwrap_or_default();
            let reply = self.ask("EVALSHA", &["EVALSHA", &name, "1", self.plan.key])?;
            let refused: String =
                reply.and_then(|reply| redis::from_redis_value(reply).ok()).unwrap_or_default();
            // The key itself is permitted, or the script would not have run.
            for command in ["SET", "GET", "DEL", "PEXPIRE"] {
                if refused.split(' ').any(|name| name == command) {
                    self.refused.push((command, "the user has no permission for it".to_owned()));
                }
            }
        }
        // It contradicts itself, so it is never carried out; a server that would not carry out any
        // says that first.
        let set = ["SET", self.plan.key, "", "NX", "XX"];
        match self.query(&set) {
            Err(error) if !is_of_the_server(&error) => Err(in_words(&error, self.plan.patience)),
            Err(error) if error.code() != Some("ERR") => {
                if !self.refused.iter().any(|(name, _)| *name == "SET") {
                    self.refused.push(("SET", in_words(&error, self.plan.patience)));
                }
                Ok(())
            }
            Err(_) | Ok(_) => Ok(()),
        }
    }

    /// Reads the clock again and again.
    fn watch_clock(&mut self) -> (Vec<Sample>, Option<String>) {
        let (begun, mut samples) = (now(), Vec::new());
        let pause = (self.plan.sample_for / 100)
            .clamp(Duration::from_millis(2), Duration::from_millis(100));
        loop {
            match self.sample(begun) {
                Ok(sample) => samples.push(sample),
                Err(why) => return (samples, Some(why)),
            }
            if now().duration_since(begun) >= self.plan.sample_for {
                return (samples, None);
            }
            std::thread::sleep(pause);
        }
    }

    fn sample(&mut self, begun: Instant) -> Result<Sample, String> {
        let since = |moment: Instant| {
            i64::try_from(moment.duration_since(begun).as_nanos()).unwrap_or(i64::MAX)
        };
        let sent_ns = since(now());
        let wall_us = wall_us();
        let reply = self.query(&["TIME"]);
        let received_ns = since(now());
        let reply = reply.map_err(|error| in_words(&error, self.plan.patience))?;
        let node_us = replies::time_us(&reply).ok_or("a reply to TIME that is no time")?;
        Ok(Sample { sent_ns, received_ns, wall_us, node_us })
    }
}

/// This machine's wall clock, in microseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the wall clock is what is measured here")]
fn wall_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Whether the server answered, with an error.
fn is_of_the_server(error: &RedisError) -> bool {
    error.code().is_some()
}

fn in_words(error: &RedisError, patience: Duration) -> String {
    match (error.code(), error.detail()) {
        _ if error.is_timeout() => format!("no answer within {patience:?}"),
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        (Some(code), None) => code.to_owned(),
        (None, Some(detail)) if error.kind() == ErrorKind::AuthenticationFailed => {
            format!("log-in failed: {detail}")
        }
        (None, Some(_) | None) => error.to_string(),
    }
}
