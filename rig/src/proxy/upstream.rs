//! What the proxy stands in front of.

use std::io;
use std::path::PathBuf;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream, tcp, unix};

use crate::{RigError, Server};

/// The address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// `host:port`.
    Tcp(String),
    /// The path of a unix socket.
    Unix(PathBuf),
}

impl From<&Server> for Upstream {
    fn from(server: &Server) -> Upstream {
        Upstream::Unix(server.socket())
    }
}

impl Upstream {
    /// From `redis://host:port`, where the port is 6379 if it is not given, or `unix:///path`. What
    /// a URL says of users and databases is between client and server, and not said here.
    ///
    /// # Errors
    /// If it is neither.
    pub fn parse(url: &str) -> Result<Upstream, RigError> {
        let refused = |why| RigError::Upstream { url: url.to_owned(), why };
        if let Some(path) = url.strip_prefix("unix://") {
            let is_path = path.starts_with('/');
            return is_path
                .then(|| Upstream::Unix(PathBuf::from(path)))
                .ok_or(refused("the path of a unix socket is absolute, unix:///run/redis.sock"));
        }
        if url.starts_with("rediss://") {
            return Err(refused("frames cannot be read through TLS; use redis://host:port"));
        }
        let address = url.strip_prefix("redis://").unwrap_or(url);
        let address = address.strip_suffix('/').unwrap_or(address);
        if address.is_empty() || address.contains(['/', '@', '?', ' ']) {
            return Err(refused("write redis://host:port or unix:///path, and nothing more"));
        }
        let has_port = match address.strip_prefix('[') {
            Some(behind) => behind.split_once(']').is_some_and(|(_, port)| port.starts_with(':')),
            None => address.contains(':'),
        };
        let address = if has_port { address.to_owned() } else { format!("{address}:6379") };
        let port = address.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
        match port {
            Some(Ok(1..)) => Ok(Upstream::Tcp(address)),
            Some(Ok(0) | Err(_)) | None => Err(refused("a port is a number from 1 to 65535")),
        }
    }

    pub(super) async fn connect(&self) -> io::Result<Stream> {
        match self {
            Upstream::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }
            Upstream::Unix(path) => Ok(Stream::Unix(UnixStream::connect(path).await?)),
        }
    }
}

/// A connection to a server.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    pub(super) fn split(&mut self) -> (Reader<'_>, Writer<'_>) {
        match self {
            Stream::Tcp(stream) => {
                let (reader, writer) = stream.split();
                (Reader::Tcp(reader), Writer::Tcp(writer))
            }
            Stream::Unix(stream) => {
                let (reader, writer) = stream.split();
                (Reader::Unix(reader), Writer::Unix(writer))
            }
        }
    }

    /// Closes it at once: over TCP with an RST.
    pub(super) fn abort(self) {
        match self {
            // It fails only if the connection has ended.
            Stream::Tcp(stream) => drop(stream.set_zero_linger()),
            Stream::Unix(stream) => drop(stream),
        }
    }
}

pub(super) enum Reader<'a> {
    Tcp(tcp::ReadHalf<'a>),
    Unix(unix::ReadHalf<'a>),
}

impl Reader<'_> {
    pub(super) async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Reader::Tcp(reader) => reader.read(buffer).await,
            Reader::Unix(reader) => reader.read(buffer).await,
        }
    }
}

pub(super) enum Writer<'a> {
    Tcp(tcp::WriteHalf<'a>),
    Unix(unix::WriteHalf<'a>),
}

impl Writer<'_> {
    pub(super) async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Writer::Tcp(writer) => writer.write_all(bytes).await,
            Writer::Unix(writer) => writer.write_all(bytes).await,
        }
    }

    pub(super) async fn shutdown(&mut self) -> io::Result<()> {
        match self {
            Writer::Tcp(writer) => writer.shutdown().await,
            Writer::Unix(writer) => writer.shutdown().await,
        }
    }
}
