//! Where a node is: from a URL, or as the redis crate says it; shown without its password.

use std::format;
use std::string::{String, ToString};

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};

use super::connect_error::{BadUrl, UrlProblem};

/// One Redis server and how to log in to it.
///
/// ```
/// use leasehold::Endpoint;
///
/// let node = Endpoint::parse("redis://me:secret@10.0.0.1/2")?;
/// assert_eq!(node.name(), "redis://10.0.0.1:6379");
/// # Ok::<(), leasehold::BadUrl>(())
/// ```
#[derive(Clone)]
pub struct Endpoint {
    name: String,
    info: ConnectionInfo,
    /// Whom to trust, where that is asked.
    #[cfg(feature = "tls")]
    pub(super) trust: Option<super::tls::Trust>,
}

impl core::fmt::Debug for Endpoint {
    /// Without user and password.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Endpoint").field(&self.name).finish()
    }
}

impl Endpoint {
    /// Reads `redis://host:port`, `redis://user:password@host:port/db`, the same with `rediss://`
    /// for TLS, or `unix:///path`. Nothing is connected.
    ///
    /// # Errors
    /// [`BadUrl`] if it names no single, plain Redis server. It never shows a password.
    pub fn parse(url: &str) -> Result<Endpoint, BadUrl> {
        let bad = |problem| BadUrl { url: hide_password(url), problem };
        if let Some(problem) = unsuitable(url) {
            return Err(bad(problem));
        }
        let (plain, tls) = match url.split_once("://") {
            Some(("rediss" | "valkeys", rest)) => (format!("redis://{rest}"), true),
            Some(_) | None => (url.to_string(), false),
        };
        let parsed = redis::parse_redis_url(&plain).ok_or_else(|| bad(UrlProblem::Unparsable))?;
        let info = parsed.into_connection_info().map_err(|error| {
            let why = error.detail().map_or_else(|| error.to_string(), ToString::to_string);
            bad(UrlProblem::Rejected(why))
        })?;
        let info = if tls { over_tls(info) } else { info };
        Endpoint::new(info).map_err(bad)
    }

    fn new(info: ConnectionInfo) -> Result<Endpoint, UrlProblem> {
        let at = |scheme: &str, host: &str, port: u16| {
            let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_string() };
            format!("{scheme}://{bracketed}:{port}")
        };
        let name = match info.addr() {
            ConnectionAddr::Tcp(host, port) => at("redis", host, *port),
            ConnectionAddr::Unix(path) => format!("unix://{}", path.display()),
            ConnectionAddr::TcpTls { insecure: true, .. } => return Err(UrlProblem::Insecure),
            ConnectionAddr::TcpTls { host, port, .. } if cfg!(feature = "tls") => {
                at("rediss", host, *port)
            }
            ConnectionAddr::TcpTls { .. } => return Err(UrlProblem::Tls),
            _ => return Err(UrlProblem::Unparsable),
        };
        Ok(Endpoint {
            name,
            info,
            #[cfg(feature = "tls")]
            trust: None,
        })
    }

    #[cfg(feature = "tls")]
    pub(super) fn is_over_tls(&self) -> bool {
        matches!(self.info.addr(), ConnectionAddr::TcpTls { .. })
    }

    /// How messages name the node: the URL without user, password and database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same as the redis crate says it, password included.
    pub fn connection_info(&self) -> &ConnectionInfo {
        &self.info
    }
}

fn over_tls(info: ConnectionInfo) -> ConnectionInfo {
    let ConnectionAddr::Tcp(host, port) = info.addr().clone() else { return info };
    info.set_addr(ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None })
}

/// What names a node: a URL, or how the redis crate names a server.
///
/// Of a `redis::Client` or a `ConnectionInfo` the address, the user, the password and the database
/// count; certificates are given to the [`Builder`](super::Builder).
pub trait IntoEndpoint {
    /// The node.
    ///
    /// # Errors
    /// [`BadUrl`] if it is no single, plain Redis server.
    fn into_endpoint(self) -> Result<Endpoint, BadUrl>;
}

impl IntoEndpoint for Endpoint {
    fn into_endpoint(self) -> Result<Endpoint, BadUrl> {
        Ok(self)
    }
}

impl IntoEndpoint for &str {
    fn into_endpoint(self) -> Result<Endpoint, BadUrl> {
        Endpoint::parse(self)
    }
}

impl IntoEndpoint for &String {
    fn into_endpoint(self) -> Result<Endpoint, BadUrl> {
        Endpoint::parse(self)
    }
}

impl IntoEndpoint for String {
    fn into_endpoint(self) -> Result<Endpoint, BadUrl> {
        Endpoint::parse(&self)
    }
}

impl IntoEndpoint for ConnectionInfo {
    fn into_endpoint(self) -> Result<Endpoint, BadUrl> {
        let url = self.addr().to_string();
        Endpoint::new(self).map_err(|problem| BadUrl { url, problem })
    }
}

impl IntoEndpoint for &redis::Client {
    fn into_endpoint(self) -> Result<Endpoint, BadUrl> {
        self.get_connection_info().clone().into_endpoint()
    }
}

impl IntoEndpoint for redis::Client {
    fn into_endpoint(self) -> Result<Endpoint, BadUrl> {
        (&self).into_endpoint()
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
    } else if matches!(scheme, "rediss" | "valkeys") && rest.ends_with("#insecure") {
        Some(UrlProblem::Insecure)
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

    use proptest::prelude::*;

    use super::{ConnectionAddr, Endpoint, IntoEndpoint, hide_password};

    #[test]
    fn passwords_are_never_shown() {
        let node = Endpoint::parse("redis://me:secret@10.0.0.1:7000/2").unwrap();
        assert_eq!(node.name(), "redis://10.0.0.1:7000");
        assert!(!std::format!("{node:?}").contains("secret"), "{node:?}");
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
            ("rediss://h#insecure", "certificate"),
            ("http://h", "redis://"),
            ("h:6379", "redis://"),
            ("redis://h:port", "redis://"),
            ("", "redis://"),
        ] {
            let error = Endpoint::parse(url).err().unwrap().to_string();
            assert!(error.contains(url) && error.contains(says), "{error}");
        }
    }

    #[test]
    fn addresses_are_shown_in_one_form() {
        for (url, name) in [
            ("redis://h", "redis://h:6379"),
            ("redis://[::1]:7", "redis://[::1]:7"),
            ("unix:///run/s?pass=secret&db=1", "unix:///run/s"),
        ] {
            assert_eq!(Endpoint::parse(url).unwrap().name(), name);
        }
    }

    #[test]
    fn tls_is_told_apart_or_refused() {
        let parsed = Endpoint::parse("rediss://me:secret@h:7/1");
        if cfg!(feature = "tls") {
            let node = parsed.unwrap();
            assert_eq!(node.name(), "rediss://h:7");
            assert_eq!(node.info.redis_settings().db(), 1);
            assert!(matches!(node.info.addr(), ConnectionAddr::TcpTls { port: 7, .. }));
        } else {
            assert!(parsed.err().unwrap().to_string().contains("feature `tls`"));
        }
    }

    #[test]
    fn a_client_of_the_redis_crate_names_its_server() {
        let client = redis::Client::open("redis://me:secret@h/3").unwrap();
        let node = client.into_endpoint().unwrap();
        assert_eq!(node.name(), "redis://h:6379");
        assert_eq!(node.info.redis_settings().password(), Some("secret"));
    }

    proptest! {
        #[test]
        fn passwords_are_never_shown_whatever_the_url(
            scheme in "redis|rediss|http|unix|redis-sentinel|x",
            password in "[A-Z]{8}[@/]?[A-Z]{2}",
            host in "[a-z]{1,5}(:[a-z0-9]{1,5})?",
        ) {
            for url in [
                std::format!("{scheme}://me:{password}@{host}"),
                std::format!("me:{password}@{host}"),
                std::format!("{scheme}://{host}?pass={password}"),
            ] {
                let words = match Endpoint::parse(&url) {
                    Ok(node) => node.name,
                    Err(error) => error.to_string(),
                };
                prop_assert!(!words.contains(&password[..8]), "{}", words);
            }
        }
    }
}
