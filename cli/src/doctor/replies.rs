//! What a server says about itself: the replies to `INFO`, `CONFIG GET` and `TIME`, read.

use std::collections::BTreeMap;
use std::fmt;

use redis::Value;

/// The fields of `INFO`, or the settings of `CONFIG GET`, by name.
pub(super) type Fields = BTreeMap<String, String>;

/// Reads `INFO`: `name:value` lines between headings. What is no such line is left out.
pub(super) fn info(text: &str) -> Fields {
    let lines = text.lines().map(str::trim_end).filter(|line| !line.starts_with('#'));
    let fields = lines.filter_map(|line| line.split_once(':'));
    fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Reads `CONFIG GET`: names and values in turn, or a map. Nothing if it is neither.
pub(super) fn config(reply: &Value) -> Option<Fields> {
    if let Value::Map(pairs) = reply {
        return pairs.iter().map(|(name, value)| Some((text(name)?, text(value)?))).collect();
    }
    let Value::Array(parts) = reply else { return None };
    let (pairs, rest) = parts.as_chunks::<2>();
    let fields = pairs.iter().map(|[name, value]| Some((text(name)?, text(value)?))).collect();
    if rest.is_empty() { fields } else { None }
}

/// Reads `TIME`: seconds and microseconds since 1970, as microseconds.
pub(super) fn time_us(reply: &Value) -> Option<i64> {
    let Value::Array(parts) = reply else { return None };
    let [seconds, micros] = parts.as_slice() else { return None };
    let number = |part| text(part)?.parse::<i64>().ok().filter(|&number| number >= 0);
    let (seconds, micros) = (number(seconds)?, number(micros)?);
    let whole = seconds.checked_mul(1_000_000)?;
    if micros < 1_000_000 { whole.checked_add(micros) } else { None }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text.clone()),
        Value::Int(number) => Some(number.to_string()),
        Value::Nil
        | Value::Array(_)
        | Value::Map(_)
        | Value::Attribute { .. }
        | Value::Set(_)
        | Value::Double(_)
        | Value::Boolean(_)
        | Value::BigNumber(_)
        | Value::Push { .. }
        | Value::ServerError(_)
        | Value::Okay
        | _ => None,
    }
}

/// What a server said about itself. What it did not say, or was not allowed to, is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// The identity of the server process.
    pub(super) run_id: Option<String>,
    /// What runs there.
    pub(super) server: Option<Server>,
    /// `standalone`, `cluster` or `sentinel`.
    pub(super) mode: Option<String>,
    /// How long the process has been up, in whole seconds.
    pub(super) uptime_s: Option<u64>,
    /// Whether it copies another, and which.
    pub(super) role: Option<Role>,
    /// The identity of its history, which a replica has in common with the server it copies.
    pub(super) history: Option<String>,
    /// Where it listens.
    pub(super) port: Option<u16>,
    /// The bound of its memory, in bytes; 0 for none.
    pub(super) max_memory: Option<u64>,
    /// What it does at that bound.
    pub(super) policy: Option<String>,
    /// What outlives its process.
    pub(super) kept: Option<Kept>,
}

/// Whether a server copies another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It does not; so many copy it.
    Primary {
        /// How many.
        replicas: u64,
    },
    /// It does.
    Replica {
        /// The host of the server that it copies.
        host: String,
        /// Its port.
        port: String,
    },
}

impl Role {
    /// In a word.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Role::Primary { .. } => "primary",
            Role::Replica { .. } => "replica",
        }
    }
}

/// What of its keys outlives a server's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// Everything that was acknowledged.
    All,
    /// Everything but the last second or two, after a loss of power.
    ButSeconds,
    /// Everything but what the system had not written, after a loss of power.
    ButUnwritten,
    /// A log is kept; it could not be seen how.
    Log,
    /// What was there at the last snapshot.
    Snapshot,
    /// Nothing.
    Nothing,
}

impl Kept {
    /// In a word, for a table and for JSON.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kept::All => "aof always",
            Kept::ButSeconds => "aof everysec",
            Kept::ButUnwritten => "aof no fsync",
            Kept::Log => "aof",
            Kept::Snapshot => "snapshots",
            Kept::Nothing => "none",
        }
    }
}

/// A server's make and version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// `redis` or `valkey`.
    pub(super) make: String,
    /// As it writes it.
    pub(super) version: String,
}

impl Server {
    /// Major and minor version.
    pub(super) fn number(&self) -> Option<(u32, u32)> {
        let mut parts = self.version.split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.make, self.version)
    }
}

impl Facts {
    /// Whether it may evict a lock. A lock has a TTL, so `volatile-*` may choose it too.
    pub(super) fn evicts(&self) -> Option<bool> {
        Some(self.policy_evicts()? && self.max_memory? > 0)
    }

    /// Whether it would evict a lock if its memory had a bound that is reached.
    pub(super) fn policy_evicts(&self) -> Option<bool> {
        let policy = self.policy.as_deref()?;
        Some(policy.starts_with("allkeys-") || policy.starts_with("volatile-"))
    }

    /// Puts together what `INFO` and `CONFIG GET` said, the latter being the more exact.
    pub(super) fn of(info: &Fields, config: &Fields) -> Facts {
        let number = |name| info.get(name).and_then(|text| text.parse().ok());
        let memory = config.get("maxmemory").or(info.get("maxmemory"));
        Facts {
            run_id: info.get("run_id").cloned(),
            server: server(info),
            mode: info.get("redis_mode").or(info.get("server_mode")).cloned(),
            uptime_s: number("uptime_in_seconds"),
            role: role(info),
            history: info.get("master_replid").cloned(),
            port: info.get("tcp_port").and_then(|text| text.parse().ok()),
            max_memory: memory.and_then(|text| text.parse().ok()),
            policy: config.get("maxmemory-policy").or(info.get("maxmemory_policy")).cloned(),
            kept: kept(info, config),
        }
    }
}

fn server(info: &Fields) -> Option<Server> {
    let of = |make: &str, version: &String| {
        let (make, version) = (make.to_owned(), version.clone());
        Some(Server { make, version })
    };
    match (info.get("valkey_version"), info.get("redis_version")) {
        (Some(version), _) => of("valkey", version),
        (None, Some(version)) => of("redis", version),
        (None, None) => None,
    }
}

fn role(info: &Fields) -> Option<Role> {
    let said = |name| info.get(name).cloned().unwrap_or_default();
    match info.get("role")?.as_str() {
        "master" | "primary" => {
            let replicas = said("connected_slaves").parse().unwrap_or(0);
            Some(Role::Primary { replicas })
        }
        "slave" | "replica" => {
            Some(Role::Replica { host: said("master_host"), port: said("master_port") })
        }
        _ => None,
    }
}

fn kept(info: &Fields, config: &Fields) -> Option<Kept> {
    let logs = match (config.get("appendonly"), info.get("aof_enabled")) {
        (Some(setting), _) => setting == "yes",
        (None, Some(setting)) => setting == "1",
        (None, None) => return None,
    };
    if logs {
        return Some(match config.get("appendfsync").map(String::as_str) {
            Some("always") => Kept::All,
            Some("everysec") => Kept::ButSeconds,
            Some("no") => Kept::ButUnwritten,
            Some(_) | None => Kept::Log,
        });
    }
    let save = config.get("save")?;
    Some(if save.is_empty() { Kept::Nothing } else { Kept::Snapshot })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Nil),
            any::<i64>().prop_map(Value::Int),
            vec(any::<u8>(), 0..12).prop_map(Value::BulkString),
            "[0-9]{0,25}".prop_map(|text| bulk(&text)),
            any::<String>().prop_map(Value::SimpleString),
        ];
        leaf.prop_recursive(2, 12, 4, |inner| vec(inner, 0..4).prop_map(Value::Array))
    }

    proptest! {
        #[test]
        fn fields_are_found_between_headings(
            fields in btree_map("[a-z_0-9]{1,12}", "[ -~]{0,20}[!-~]", 0..12),
            ends in prop_oneof![Just("\r\n"), Just("\n")],
        ) {
            let mut text = format!("# Server{ends}");
            for (name, value) in &fields {
                text += &format!("{name}:{value}{ends}{ends}# Heading: {name}{ends}no field{ends}");
            }
            prop_assert_eq!(info(&text), fields);
        }

        #[test]
        fn settings_come_flat_or_as_a_map(
            fields in btree_map("[a-z-]{1,12}", "[ -~]{0,20}", 0..8),
        ) {
            let flat = fields.iter().flat_map(|(name, value)| [bulk(name), bulk(value)]).collect();
            let map = fields.iter().map(|(name, value)| (bulk(name), bulk(value))).collect();
            prop_assert_eq!(config(&Value::Array(flat)), Some(fields.clone()));
            prop_assert_eq!(config(&Value::Map(map)), Some(fields));
        }

        #[test]
        fn an_odd_reply_to_config_is_no_settings(fields in vec("[a-z]{1,5}", 0..5)) {
            let mut parts: Vec<Value> = fields.iter().flat_map(|f| [bulk(f), bulk(f)]).collect();
            parts.push(bulk("alone"));
            prop_assert_eq!(config(&Value::Array(parts)), None);
        }

        #[test]
        fn a_time_is_read_exactly(seconds in 0..4_000_000_000_i64, us in 0..1_000_000_i64) {
            let reply = Value::Array(vec![bulk(&seconds.to_string()), bulk(&us.to_string())]);
            prop_assert_eq!(time_us(&reply), Some(seconds * 1_000_000 + us));
        }

        #[test]
        fn no_time_has_a_million_microseconds(seconds in 0..10_i64, us in 1_000_000..i64::MAX) {
            let reply = Value::Array(vec![bulk(&seconds.to_string()), bulk(&us.to_string())]);
            prop_assert_eq!(time_us(&reply), None);
        }

        #[test]
        fn no_reply_is_too_strange(reply in any_value(), text in any::<String>()) {
            let settings = config(&reply).unwrap_or_default();
            prop_assert!(time_us(&reply).is_none_or(|time_us| time_us >= 0));
            let _ = Facts::of(&info(&text), &settings);
        }
    }

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn what_outlives_a_crash() {
        for (appendonly, appendfsync, save, is) in [
            ("yes", "always", "", Kept::All),
            ("yes", "everysec", "3600 1", Kept::ButSeconds),
            ("yes", "no", "", Kept::ButUnwritten),
            ("no", "always", "3600 1 300 100", Kept::Snapshot),
            ("no", "everysec", "", Kept::Nothing),
        ] {
            let set = [("appendonly", appendonly), ("appendfsync", appendfsync), ("save", save)];
            assert_eq!(Facts::of(&Fields::new(), &fields(&set)).kept, Some(is));
        }
        let may_not_ask = |aof| Facts::of(&fields(&[("aof_enabled", aof)]), &Fields::new()).kept;
        assert_eq!((may_not_ask("1"), may_not_ask("0")), (Some(Kept::Log), None));
    }

    #[test]
    fn valkey_says_so_beside_the_version_it_is_compatible_with() {
        let said = [("redis_version", "7.2.4"), ("valkey_version", "8.0.1")];
        let server = Facts::of(&fields(&said), &Fields::new()).server.unwrap();
        assert_eq!((server.to_string().as_str(), server.number()), ("valkey 8.0.1", Some((8, 0))));
        let server = Facts::of(&fields(&said[..1]), &Fields::new()).server.unwrap();
        assert_eq!(server.to_string(), "redis 7.2.4");
    }

    #[test]
    fn roles_under_their_old_and_new_names() {
        for (role, is_replica) in [("master", false), ("slave", true), ("replica", true)] {
            let info = [("role", role), ("master_host", "h"), ("master_port", "7000")];
            let role = Facts::of(&fields(&info), &Fields::new()).role.unwrap();
            assert_eq!(matches!(role, Role::Replica { .. }), is_replica);
        }
    }
}
