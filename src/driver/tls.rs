//! TLS by rustls: whom a client trusts, and a socket that speaks it.

use std::io;
use std::string::ToString;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::connect_error::ConnectError;

/// Whom a client trusts, and how it shows who it is.
pub(super) type Trust = Arc<ClientConfig>;

/// Trusts whom the system trusts.
pub(super) fn system_trust() -> Result<Trust, ConnectError> {
    let failed = |why: std::string::String| ConnectError::Trust(why);
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable == 0 {
        let why = found.errors.first().map_or("none was found".to_string(), ToString::to_string);
        return Err(failed(why));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// Greets the server at the other end of `stream`, which must be able to prove that it is `host`.
pub(super) async fn begin(
    trust: Trust,
    host: &str,
    stream: TcpStream,
) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_string())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    TlsConnector::from(trust).connect(name, stream).await
}
