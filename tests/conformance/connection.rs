//! A connection to a real server; what fails is a failed test.

use leasehold::driver::conformance::Greeted;
use leasehold::protocol::Extend;
use leasehold_tests::{Server, done};
use redis::{Cmd, Value};

/// A connection, one reply at a time.
#[derive(Debug)]
pub(crate) struct Connection(leasehold_rig::Connection);

impl Connection {
    /// A connection on which nothing was said yet.
    pub(crate) fn open(server: &Server) -> Connection {
        Connection(done(leasehold_rig::Connection::open(server)))
    }

    /// One that the driver would use, and what the server told on it.
    pub(crate) fn greet(server: &Server, script: Extend) -> (Connection, Greeted) {
        let (connection, greeted) = done(leasehold_rig::Connection::greet(server, script));
        (Connection(connection), greeted)
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        done(self.0.send(bytes));
    }

    /// Sends at a server that may have closed the connection.
    pub(crate) fn send_in_vain(&mut self, bytes: &[u8]) {
        // An error is as good.
        let _ = self.0.send(bytes);
    }

    pub(crate) fn reply(&mut self) -> Value {
        done(self.0.reply())
    }

    /// The next reply; `None` if the server has closed the connection.
    pub(crate) fn reply_or_end(&mut self) -> Option<Value> {
        done(self.0.reply_or_end())
    }

    /// Several commands in one message.
    pub(crate) fn ask(&mut self, commands: &[Cmd]) -> Vec<Value> {
        done(self.0.ask(commands))
    }
}
