//! Where a node is: a URL, parsed once, and shown without its password.

use std::format;
use std::string::{String, ToString};

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};

use super::connect_error::{ConnectError, UrlProblem};

/// One Redis server and how to log in to it.
pub(super) struct Endpoint {
    /// The URL without user, password and query: how messages name the node.
    pub(super) name: String,
    pub(super) info: ConnectionInfo,
}

impl Endpoint {
    pub(super) fn parse(url: &str) -> Result<Endpoint, ConnectError> {
        let bad = |problem| ConnectError::BadUrl { url: hide_password(url), problem };
        if let Some(problem) = unsuitable(url) {
            return Err(bad(problem));
        }
        let parsed = redis::parse_redis_url(url).ok_or_else(|| bad(UrlProblem::Unparsable))?;
        let info = parsed
            .into_connection_info()
            .map_err(|error| bad(UrlProblem::Rejected(error.to_string())))?;
        let name = match info.addr() {
            ConnectionAddr::Tcp(host, port) if host.contains(':') => {
                format!("redis://[{host}]:{port}")
            }
            ConnectionAddr::Tcp(host, port) => format!("redis://{host}:{port}"),
            ConnectionAddr::Unix(path) => format!("unix://{}", path.display()),
            ConnectionAddr::TcpTls { .. } | _ => return Err(bad(UrlProblem::Tls)),
        };
        Ok(Endpoint { name, info })
    }
}

/// What is no single, plain Redis server. Redlock needs independent servers, each of them named.
fn unsuitable(url: &str) -> Option<UrlProblem> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if scheme.contains("sentinel") {
        Some(UrlProblem::Sentinel)
    } else if scheme.contains("cluster") {
        Some(UrlProblem::Cluster)
    } else if host.contains(',') {
        Some(UrlProblem::List)
    } else if scheme == "rediss" || scheme == "valkeys" {
        Some(UrlProblem::Tls)
    } else {
        None
    }
}

/// The URL with everything that may be a secret replaced, also where it cannot be parsed.
fn hide_password(url: &str) -> String {
    let shown = match url.rsplit_once('@') {
        None => url.to_string(),
        Some((before, host)) => {
            let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
            let slashes = if before.contains("://") { "://" } else { "" };
            format!("{scheme}{slashes}***@{host}")
        }
    };
    match shown.split_once("pass=") {
        None => shown,
        Some((before, after)) => {
            let rest = after.find('&').map_or("", |at| &after[at..]);
            format!("{before}pass=***{rest}")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::{Endpoint, hide_password};

    #[test]
    fn passwords_are_never_shown() {
        let node = Endpoint::parse("redis://me:secret@10.0.0.1:7000/2").unwrap();
        assert_eq!(node.name, "redis://10.0.0.1:7000");
        assert_eq!(hide_password("redis://me:sec@ret@h:x"), "redis://***@h:x");
        assert_eq!(hide_password("me:secret@h"), "***@h");
        assert_eq!(hide_password("unix:///s?pass=secret&db=1"), "unix:///s?pass=***&db=1");
        let error = Endpoint::parse("redis://me:secret@h:port").err().unwrap();
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn only_single_plain_servers_are_nodes() {
        for (url, says) in [
            ("redis-sentinel://h:26379/mymaster", "Sentinel"),
            ("redis+cluster://h:7000", "Cluster"),
            ("redis://a:1,b:2", "one URL"),
            ("rediss://h", "TLS"),
            ("http://h", "redis://"),
            ("h:6379", "redis://"),
        ] {
            let error = Endpoint::parse(url).err().unwrap().to_string();
            assert!(error.contains(url) && error.contains(says), "{error}");
        }
    }
}
