//! A connection to a real server that carries the bytes of the driver, one reply at a time.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;

use leasehold::driver::conformance::{Greet, Greeted, parse};
use leasehold::protocol::Extend;
use leasehold_tests::{PATIENCE, Server};
use redis::{Cmd, Value};

/// A connection, greeted as the driver greets it.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: UnixStream,
    inbox: Vec<u8>,
}

impl Connection {
    /// A connection on which nothing was said yet.
    pub(crate) fn open(server: &Server) -> Connection {
        let stream = UnixStream::connect(server.socket()).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        Connection { stream, inbox: Vec::new() }
    }

    /// One that the driver would use, and what the server told on it.
    pub(crate) fn greet(server: &Server, script: Extend) -> (Connection, Greeted) {
        let mut connection = Connection::open(server);
        let mut bytes = Vec::new();
        let mut greet = Greet::begin(script, &mut bytes);
        connection.send(&bytes);
        loop {
            let reply = connection.reply();
            if let Some(greeted) = greet.take(&reply).expect("a server that can be used") {
                return (connection, greeted);
            }
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads");
    }

    /// Sends at a server that may have closed the connection.
    pub(crate) fn send_in_vain(&mut self, bytes: &[u8]) {
        // An error is as good.
        let _ = self.stream.write_all(bytes);
    }

    pub(crate) fn reply(&mut self) -> Value {
        self.reply_or_end().expect("a connection that is not closed")
    }

    /// The next reply; `None` if the server has closed the connection.
    pub(crate) fn reply_or_end(&mut self) -> Option<Value> {
        loop {
            let taken = parse(&self.inbox).expect("a reply of Redis");
            if let Some((reply, length)) = taken {
                self.inbox.drain(..length);
                return Some(reply);
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Ok(length) => self.inbox.extend_from_slice(&chunk[..length]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no reply: {error}"),
            }
        }
    }

    /// Several commands in one message.
    pub(crate) fn ask(&mut self, commands: &[Cmd]) -> Vec<Value> {
        let bytes: Vec<u8> = commands.iter().flat_map(Cmd::get_packed_command).collect();
        self.send(&bytes);
        commands.iter().map(|_| self.reply()).collect()
    }
}
