//! A socket to one node: TCP, TLS over TCP, or unix.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use redis::ConnectionAddr;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use super::endpoint::Endpoint;

#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    #[cfg(feature = "tls")]
    Tls(std::boxed::Box<tokio_rustls::client::TlsStream<TcpStream>>),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Stream {
    pub(super) async fn open(endpoint: Endpoint) -> io::Result<Stream> {
        match endpoint.connection_info().addr() {
            ConnectionAddr::Tcp(host, port) => Ok(Stream::Tcp(tcp(host, *port).await?)),
            #[cfg(feature = "tls")]
            ConnectionAddr::TcpTls { host, port, .. } => {
                let trust = endpoint.trust.clone().ok_or(io::ErrorKind::Unsupported)?;
                let stream = super::tls::begin(trust, host, tcp(host, *port).await?).await?;
                Ok(Stream::Tls(std::boxed::Box::new(stream)))
            }
            #[cfg(unix)]
            ConnectionAddr::Unix(path) => Ok(Stream::Unix(UnixStream::connect(path).await?)),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Closes so that nothing still queued in this machine is sent: a request that the kernel
    /// retransmits after a plain close may run long after its sender gave up.
    pub(super) fn abort(self) {
        let tcp = match &self {
            Stream::Tcp(stream) => stream,
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => stream.get_ref().0,
            #[cfg(unix)]
            Stream::Unix(_) => return,
        };
        // A failure means that the socket is dead already.
        let _ = tcp.set_zero_linger();
    }

    /// Reads some bytes; 0 is the end.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        chunk: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(chunk);
        ready!(match self {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, &mut buffer),
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, &mut buffer),
            #[cfg(unix)]
            Stream::Unix(stream) => Pin::new(stream).poll_read(cx, &mut buffer),
        })?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Writes some of `bytes`. They may wait in this process until [`poll_flush`](Self::poll_flush)
    /// is ready, but count as written.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
            #[cfg(unix)]
            Stream::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    /// Hands to the system what was written. Only TLS keeps anything back.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tcp(_) => {
                let _ = cx;
                Poll::Ready(Ok(()))
            }
            #[cfg(unix)]
            Stream::Unix(_) => Poll::Ready(Ok(())),
        }
    }
}

async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
