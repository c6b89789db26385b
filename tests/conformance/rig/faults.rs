//! What is done to connections, to the clock and to the server.

use leasehold_tests::done;
use std::fs;

use leasehold::driver::conformance::{answer, kill};
use leasehold::protocol::{Answer, Command};
use leasehold_world::WorldTime;
use redis::{Value, cmd};

use super::{KEYS, Outcome, Run, at, same};
use crate::connection::Connection;
use crate::sequence::{CLIENTS, Kind, Request};

impl<I: WorldTime> Run<'_, I> {
    // ---- connections -------------------------------------------------------------------------

    pub(super) fn cut(&mut self, client: u8) {
        self.model.cut(client);
        let fresh = Connection::greet(&self.rig.server, self.sequence.extend);
        self.reals[at(client)].connections.push(Some(fresh));
    }

    pub(super) fn kill(&mut self, client: u8) -> Outcome {
        let present = self.reals[at(client)].connections.len() - 1;
        if present == 0 || !self.present_is_idle(client) {
            return Ok(());
        }
        let request = Request { client, command: Command::Kill, lease: 1 };
        if !self.model.send(request) {
            return Ok(());
        }
        let real = &mut self.reals[at(client)];
        let mut bytes = Vec::new();
        let failed = real.connections[..present].iter().flatten();
        let ids: Vec<i64> = failed.filter_map(|(_, greeted)| greeted.connection).collect();
        ids.iter().for_each(|&id| kill(&mut bytes, id));
        let strays = std::mem::take(&mut real.pending);
        // Whoever was served last is served first of those that are ready. So this one was. And
        // what is killed is there by then, unread: the server sleeps before it kills.
        let (connection, _) = self.connection(client, present);
        let mut sleep = cmd("PING");
        if !strays.is_empty() {
            sleep = cmd("DEBUG").arg("SLEEP").arg("0.001").to_owned();
        }
        connection.ask(&[cmd("PING").to_owned()]);
        connection.send(&[sleep.get_packed_command(), bytes].concat());
        for stray in &strays {
            self.connection(client, stray.epoch).0.send_in_vain(&stray.bytes);
        }
        self.connection(client, present).0.reply();
        for _ in &ids {
            let reply = self.connection(client, present).0.reply();
            // How many there were makes no difference to anybody.
            if !matches!(answer(Command::Kill, &reply), Some(Answer::Done | Answer::Missing)) {
                return Err(format!("CLIENT KILL: {reply:?}"));
            }
        }
        for failed in &mut self.reals[at(client)].connections[..present] {
            if let Some((mut killed, _)) = failed.take()
                && let Some(reply) = killed.reply_or_end()
            {
                return Err(format!("a killed connection was answered: {reply:?}"));
            }
        }
        let index = self.model.ready(client).last().copied().expect("the KILL");
        let expected = self.model.run(client, index, self.sequence.keys);
        self.model.hear(client);
        if expected == Answer::Refused {
            return Err("the model refuses CLIENT KILL".into());
        }
        self.rig.meet(if strays.is_empty() { "kill of none" } else { "kill of strays" });
        self.look()
    }

    // ---- the server --------------------------------------------------------------------------

    pub(super) fn advance(&mut self, by_us: i64) {
        self.model.advance(by_us);
        done(self.rig.server.clock().set(self.origin_us + self.model.now_us()));
    }

    pub(super) fn take(&mut self, kind: Kind, which: usize) -> Outcome {
        if self.model.is_full() {
            return Ok(());
        }
        let key = KEYS[which % self.sequence.keys];
        let store = match kind {
            Kind::String => "'SET', KEYS[1], 'theirs'",
            Kind::List => "'RPUSH', KEYS[1], 'theirs'",
            Kind::Hash => "'HSET', KEYS[1], 'field', 'theirs'",
            Kind::Set => "'SADD', KEYS[1], 'theirs'",
            Kind::SortedSet => "'ZADD', KEYS[1], 1, 'theirs'",
            Kind::Stream => "'XADD', KEYS[1], '1-1', 'field', 'theirs'",
        };
        let script = format!(
            "for at = 2, #KEYS do if redis.call('EXISTS', KEYS[at]) == 1 then return 0 end end \
             redis.call({store}) redis.call('PEXPIRE', KEYS[1], ARGV[1]) return 1"
        );
        let mut take = cmd("EVAL");
        take.arg(script).arg(self.sequence.keys + 1).arg(key).arg(&KEYS[..self.sequence.keys]);
        take.arg(self.model.ttl_ms(CLIENTS));
        let got = self.rig.admin.ask(&[take]);
        let expected = i64::from(self.model.take());
        self.rig.meet(format!("taken as {kind:?}: {expected}"));
        same("taking the key", &got, &vec![Value::Int(expected)])?;
        self.look()
    }

    pub(super) fn crash(&mut self, keeps: bool, down_us: i64) -> Outcome {
        if keeps {
            same("SAVE", &self.rig.admin.ask(&[cmd("SAVE").to_owned()]), &vec![Value::Okay])?;
        }
        self.rig.server.kill();
        if !keeps {
            // There is none if nothing was ever saved.
            let _ = fs::remove_file(self.rig.server.directory().join("dump"));
        }
        self.model.crash(keeps, down_us);
        done(self.rig.server.clock().set(self.origin_us + self.model.now_us()));
        self.rig.server.restart();
        self.rig.admin = Connection::open(&self.rig.server);
        let _ = fs::remove_file(self.rig.server.directory().join("dump"));
        self.connect_all();
        self.rig.meet(if keeps { "crash, state kept" } else { "crash, state lost" });
        self.look()
    }
}
