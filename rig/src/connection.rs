//! A connection to a server that carries the bytes of the library's driver.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;

use leasehold::driver::conformance::{Greet, Greeted, parse};
use leasehold::protocol::Extend;
use redis::{Cmd, Value};

use crate::{PATIENCE, RigError, Server};

/// A connection, one reply at a time.
#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
    inbox: Vec<u8>,
}

impl Connection {
    /// A connection on which nothing was said yet.
    ///
    /// # Errors
    /// If the server is not there.
    pub fn open(server: &Server) -> Result<Connection, RigError> {
        let open = || -> io::Result<Connection> {
            let stream = UnixStream::connect(server.socket())?;
            stream.set_read_timeout(Some(PATIENCE))?;
            Ok(Connection { stream, inbox: Vec::new() })
        };
        open().map_err(RigError::system("a connection to a server"))
    }

    /// One that the driver would use, and what the server told on it.
    ///
    /// # Errors
    /// If the server is not there, or not fit for leases.
    pub fn greet(server: &Server, script: Extend) -> Result<(Connection, Greeted), RigError> {
        let mut connection = Connection::open(server)?;
        let mut bytes = Vec::new();
        let mut greet = Greet::begin(script, &mut bytes);
        connection.send(&bytes)?;
        loop {
            let reply = connection.reply()?;
            let taken = greet.take(&reply);
            let taken = taken.map_err(|why| RigError::Unexpected(format!("{why:?}")))?;
            if let Some(greeted) = taken {
                return Ok((connection, greeted));
            }
        }
    }

    /// Sends these bytes.
    ///
    /// # Errors
    /// If the server has closed the connection.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), RigError> {
        self.stream.write_all(bytes).map_err(RigError::system("a command to a server"))
    }

    /// The next reply.
    ///
    /// # Errors
    /// If there is none, or the server has closed the connection.
    pub fn reply(&mut self) -> Result<Value, RigError> {
        self.reply_or_end()?.ok_or(RigError::Closed)
    }

    /// The next reply; `None` if the server has closed the connection.
    ///
    /// # Errors
    /// If there is neither.
    pub fn reply_or_end(&mut self) -> Result<Option<Value>, RigError> {
        loop {
            let taken = parse(&self.inbox);
            let taken = taken.map_err(|why| RigError::Unexpected(format!("no reply: {why:?}")))?;
            if let Some((reply, length)) = taken {
                self.inbox.drain(..length);
                return Ok(Some(reply));
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Ok(None),
                Ok(length) => self.inbox.extend_from_slice(&chunk[..length]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(None),
                Err(error) => return Err(RigError::system("a reply of a server")(error)),
            }
        }
    }

    /// Several commands in one message.
    ///
    /// # Errors
    /// If a reply is missing.
    pub fn ask(&mut self, commands: &[Cmd]) -> Result<Vec<Value>, RigError> {
        let bytes: Vec<u8> = commands.iter().flat_map(Cmd::get_packed_command).collect();
        self.send(&bytes)?;
        commands.iter().map(|_| self.reply()).collect()
    }
}
