//! A socket to one node: TCP or unix.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use redis::{ConnectionAddr, ConnectionInfo};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Stream {
    pub(super) async fn open(info: ConnectionInfo) -> io::Result<Stream> {
        match info.addr() {
            ConnectionAddr::Tcp(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }
            #[cfg(unix)]
            ConnectionAddr::Unix(path) => Ok(Stream::Unix(UnixStream::connect(path).await?)),
            ConnectionAddr::TcpTls { .. } | _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Closes so that nothing still queued in this machine is sent: a request that the kernel
    /// retransmits after a plain close may run long after its sender gave up.
    pub(super) fn abort(self) {
        match self {
            Stream::Tcp(stream) => {
                // A failure means that the socket is dead already.
                let _ = stream.set_zero_linger();
            }
            #[cfg(unix)]
            Stream::Unix(stream) => drop(stream),
        }
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
            #[cfg(unix)]
            Stream::Unix(stream) => Pin::new(stream).poll_read(cx, &mut buffer),
        })?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Writes some of `bytes`.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            #[cfg(unix)]
            Stream::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }
}
