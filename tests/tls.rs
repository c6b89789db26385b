//! The lock on servers that speak TLS only.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use leasehold::{Client, ConnectError};
use leasehold_tests::{Server, binary};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore};

/// An authority, and a server that it vouches for.
struct Vouched {
    server: Server,
    port: u16,
    authority: CertifiedIssuer<'static, KeyPair>,
    directory: tempfile::TempDir,
}

impl Vouched {
    /// A server for `localhost`, which asks for its clients' certificates or does not.
    fn start(clients_prove_themselves: bool) -> Vouched {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Whose certificate names itself as its issuer counts as vouched for by nobody.
        params.distinguished_name.push(DnType::CommonName, "the authority");
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let (certificate, key) = certified(&authority);
        let file = |name: &str, text: String| {
            let path = directory.path().join(name);
            fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Server::start_with(
            &[
                ("--tls-port", port.to_string()),
                ("--tls-cert-file", file("server.pem", certificate.pem())),
                ("--tls-key-file", file("server.key", key.serialize_pem())),
                ("--tls-ca-cert-file", file("authority.pem", authority.pem())),
                (
                    "--tls-auth-clients",
                    if clients_prove_themselves { "yes" } else { "no" }.to_owned(),
                ),
            ]
            .iter()
            .flat_map(|(name, value)| [*name, value.as_str()])
            .collect::<Vec<_>>(),
        );
        Vouched { server, port, authority, directory }
    }

    fn url(&self) -> String {
        format!("rediss://localhost:{}", self.port)
    }

    fn authority_file(&self) -> PathBuf {
        self.directory.path().join("authority.pem")
    }

    /// Trusts the authority alone.
    fn trust(&self) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider);
        config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots)
    }
}

fn certified(authority: &CertifiedIssuer<'static, KeyPair>) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    (params.signed_by(&key, authority).unwrap(), key)
}

async fn acquires_and_releases(vouched: &Vouched, config: ClientConfig) {
    let client = Client::builder().node(vouched.url()).tls(config).connect().await.unwrap();
    assert_eq!(client.nodes(), [vouched.url()]);
    let guard = client.acquire("k").await.unwrap();
    assert!(vouched.server.get("k").is_some());
    guard.extend().await.unwrap();
    assert!(guard.release().await.unwrap().unsettled.is_empty());
    assert_eq!(vouched.server.get("k"), None);
    assert!(client.shutdown().await.unwrap().unsettled.is_empty());
}

#[tokio::test]
async fn a_lock_over_tls() {
    let vouched = Vouched::start(false);
    let config = vouched.trust().with_no_client_auth();
    acquires_and_releases(&vouched, config).await;
}

#[tokio::test]
async fn a_server_that_wants_to_know_its_clients() {
    let vouched = Vouched::start(true);
    let (certificate, key) = certified(&vouched.authority);
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = vouched.trust().with_client_auth_cert(chain, key).unwrap();
    acquires_and_releases(&vouched, config).await;

    let stranger = vouched.trust().with_no_client_auth();
    let error = Client::builder().node(vouched.url()).tls(stranger).connect().await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_certificate_of_nobody_we_trust_is_refused() {
    let (vouched, other) = (Vouched::start(false), Vouched::start(false));
    let config = other.trust().with_no_client_auth();
    let error = Client::builder().node(vouched.url()).tls(config).connect().await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[test]
fn the_command_line_trusts_whom_the_system_trusts() {
    let vouched = Vouched::start(false);
    let leasehold = |arguments: &[&str]| {
        let mut command = Command::new(binary());
        command.args(arguments).env("SSL_CERT_FILE", vouched.authority_file());
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    let (code, text) = leasehold(&["run", "--node", &vouched.url(), "--key", "k", "--", "true"]);
    assert_eq!(code, Some(0), "{text}");
    let doctor = ["doctor", "--node", &vouched.url(), "--for", "50ms", "--restart-guard"];
    let (code, text) = leasehold(&doctor);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(&vouched.url()), "{text}");
}
