//! What is said on a new connection before it is used.
//!
//! A server that is stopped still accepts connections, so a connection counts only after all of
//! this has been answered.

use std::string::{String, ToString};
use std::vec::Vec;

use redis::{RedisConnectionInfo, Value};

use super::connect_error::NodeError;
use super::wire;
use crate::protocol::Extend;

/// What a node told about itself and about this connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Greeting {
    /// The server's name for this connection; unknown if it may not be asked.
    pub(super) connection: Option<i64>,
    /// The identity of the server process; unknown if it may not be asked.
    pub(super) run_id: Option<String>,
    /// For how many whole seconds that process had been up; unknown if it may not be asked.
    pub(super) uptime_s: Option<i64>,
    /// The name of the extend script.
    pub(super) sha: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Auth,
    Select,
    ClientId,
    InfoServer,
    ScriptLoad,
    Ping,
}

impl Asked {
    fn name(self) -> &'static str {
        match self {
            Asked::Auth => "AUTH",
            Asked::Select => "SELECT",
            Asked::ClientId => "CLIENT ID",
            Asked::InfoServer => "INFO",
            Asked::ScriptLoad => "SCRIPT LOAD",
            Asked::Ping => "PING",
        }
    }
}

/// The questions still open, in order, and the answers so far.
#[derive(Debug)]
pub(super) struct Handshake {
    asked: std::vec::IntoIter<Asked>,
    greeting: Greeting,
}

impl Handshake {
    /// Writes all the questions to `out`.
    pub(super) fn begin(login: &RedisConnectionInfo, script: Extend, out: &mut Vec<u8>) -> Self {
        let mut asked = Vec::new();
        if let Some(password) = login.password() {
            let mut auth = redis::cmd("AUTH");
            if let Some(user) = login.username() {
                auth.arg(user);
            }
            auth.arg(password).write_packed_command(out);
            asked.push(Asked::Auth);
        }
        if login.db() != 0 {
            redis::cmd("SELECT").arg(login.db()).write_packed_command(out);
            asked.push(Asked::Select);
        }
        redis::cmd("CLIENT").arg("ID").write_packed_command(out);
        redis::cmd("INFO").arg("server").write_packed_command(out);
        wire::load_extend(out, script);
        redis::cmd("PING").write_packed_command(out);
        asked.extend([Asked::ClientId, Asked::InfoServer, Asked::ScriptLoad, Asked::Ping]);
        Handshake { asked: asked.into_iter(), greeting: Greeting::default() }
    }

    /// Takes one reply; the greeting with the last.
    pub(super) fn take(&mut self, reply: &Value) -> Result<Option<Greeting>, NodeError> {
        let Some(asked) = self.asked.next() else {
            return Err(NodeError::Protocol);
        };
        let optional = asked == Asked::ClientId || asked == Asked::InfoServer;
        let refused = matches!(reply, Value::ServerError(_));
        // Without these two the node is usable still; only strays cannot be told apart.
        if refused && !(optional && wire::is_forbidden(reply)) {
            let reply = wire::text(reply);
            return Err(NodeError::Refused { command: asked.name(), reply });
        }
        match asked {
            Asked::ClientId | Asked::InfoServer if refused => {}
            Asked::Auth | Asked::Select | Asked::Ping => {}
            Asked::ClientId => {
                let Value::Int(id) = reply else {
                    return Err(NodeError::Protocol);
                };
                self.greeting.connection = Some(*id);
            }
            Asked::InfoServer => self.read_info(&wire::text(reply))?,
            Asked::ScriptLoad => self.greeting.sha = wire::text(reply),
        }
        let last = self.asked.as_slice().is_empty();
        Ok(last.then(|| core::mem::take(&mut self.greeting)))
    }

    fn read_info(&mut self, info: &str) -> Result<(), NodeError> {
        for line in info.lines() {
            match line.trim_end().split_once(':') {
                Some(("run_id", id)) => self.greeting.run_id = Some(id.to_string()),
                Some(("uptime_in_seconds", seconds)) => {
                    self.greeting.uptime_s = seconds.parse().ok();
                }
                Some(("redis_mode" | "server_mode", mode)) if mode != "standalone" => {
                    return Err(NodeError::Mode(mode.to_string()));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
