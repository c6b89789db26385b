//! Where a node is: a URL, read once, and shown without user, password and query.

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};

use crate::exit::Failure;

/// One server and how to log in to it.
pub(super) struct Address {
    /// How it is shown.
    pub(super) name: String,
    /// The host and the port, where it has any.
    pub(super) host_port: Option<(String, u16)>,
    pub(super) info: ConnectionInfo,
}

impl Address {
    /// Reads a URL. The error never shows a password.
    pub(super) fn parse(url: &str) -> Result<Address, Failure> {
        let refuse = |why: &str| Failure::Argument(format!("--node {}: {why}", shown(url)));
        if let Some(why) = unsuitable(url) {
            return Err(refuse(why));
        }
        let parsed = redis::parse_redis_url(url).ok_or_else(|| refuse(FORM))?;
        let info = parsed.into_connection_info().map_err(|error| {
            let why = error.detail().map_or_else(|| error.to_string(), str::to_owned);
            refuse(&format!("not a usable Redis URL ({why})"))
        })?;
        let (name, host_port) = match info.addr() {
            ConnectionAddr::Tcp(host, port) => {
                let bracketed = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                (format!("redis://{bracketed}:{port}"), Some((host.clone(), *port)))
            }
            ConnectionAddr::Unix(path) => (format!("unix://{}", path.display()), None),
            ConnectionAddr::TcpTls { .. } | _ => return Err(refuse(TLS)),
        };
        Ok(Address { name, host_port, info })
    }
}

const FORM: &str = "not a Redis URL; write redis://host:port, redis://user:password@host/db or \
                    unix:///path";

const TLS: &str = "doctor does not speak TLS; name the server's plain port, or a tunnel to it";

/// What is no single, plain server.
fn unsuitable(url: &str) -> Option<&'static str> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if scheme.contains("sentinel") {
        Some("Redis Sentinel: a failover forgets locks; name independent servers")
    } else if scheme.contains("cluster") {
        Some("Redis Cluster: its nodes are not independent; name single servers")
    } else if host.contains(',') {
        Some("several hosts in one URL; repeat --node for each server")
    } else if scheme == "rediss" || scheme == "valkeys" {
        Some(TLS)
    } else {
        None
    }
}

/// The URL without anything that may be a secret, also where it cannot be read.
fn shown(url: &str) -> String {
    let plain = url.split(['?', '#']).next().unwrap_or(url);
    let Some((before, host)) = plain.rsplit_once('@') else { return plain.to_owned() };
    match before.split_once("://") {
        Some((scheme, _)) => format!("{scheme}://***@{host}"),
        None => format!("***@{host}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(url: &str) -> String {
        Address::parse(url).err().unwrap().to_string()
    }

    #[test]
    fn what_is_no_single_plain_server_is_refused_with_the_remedy() {
        for (url, says) in [
            ("redis-sentinel://h:26379/mymaster", "Sentinel"),
            ("redis+cluster://h:7000", "Cluster"),
            ("redis://a:1,b:2", "repeat --node"),
            ("rediss://h", "TLS"),
            ("http://h", "redis://"),
            ("h:6379", "redis://"),
            ("redis://h:port", "redis://"),
            ("", "redis://"),
        ] {
            let error = refusal(url);
            assert!(error.contains(url) && error.contains(says), "{error}");
        }
    }

    #[test]
    fn addresses_are_shown_in_one_form() {
        for (url, name) in [
            ("redis://me:secret@10.0.0.1:7000/2", "redis://10.0.0.1:7000"),
            ("redis://h", "redis://h:6379"),
            ("redis://[::1]:7", "redis://[::1]:7"),
            ("unix:///run/s?pass=secret&db=1", "unix:///run/s"),
        ] {
            assert_eq!(Address::parse(url).ok().unwrap().name, name);
        }
    }

    proptest! {
        #[test]
        fn passwords_are_never_shown(
            scheme in "redis|rediss|http|unix|redis-sentinel|x",
            password in "[A-Z]{8}[@/]?[A-Z]{2}",
            host in "[a-z]{1,5}(:[a-z0-9]{1,5})?",
        ) {
            for url in [
                format!("{scheme}://me:{password}@{host}"),
                format!("me:{password}@{host}"),
                format!("{scheme}://{host}?pass={password}"),
            ] {
                let words = match Address::parse(&url) {
                    Ok(address) => address.name,
                    Err(error) => error.to_string(),
                };
                prop_assert!(!words.contains(&password[..8]), "{}", words);
            }
        }
    }
}
