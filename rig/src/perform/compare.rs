//! What the world says of a server, held against what the server says.

use leasehold::protocol::{Answer, Command};
use leasehold_world::narrate::{said, verb};
use leasehold_world::{CLAIMS, Effects, WorldTime};
use redis::{Value as Reply, cmd};

use super::arrive::Arrived;
use super::outcome::{Difference, Disagreement, Side};
use super::run::{Run, Stored, at, described, unit_us};
use super::stage::KEY;
use super::verdict::Apart;
use crate::RigError;

impl<I: WorldTime, const N: usize, const C: usize> Run<'_, I, N, C> {
    pub(super) fn compare(&self, arrived: &Arrived, effects: &Effects<I>) -> Option<Apart> {
        let executed = effects.executed?;
        let (command, expected) = (executed.command, executed.answer);
        let about = format!("{} of {:?}", verb(command), executed.value);
        if let Some(odd) = &arrived.odd {
            return Some(self.apart(executed.node, about, "no reply", odd));
        }
        // Whether there was a connection, and whether anything was under way on it, are two
        // questions; both answers mean that nothing more can run.
        if arrived.answer == Some(expected) || arrived.command == Command::Kill {
            return None;
        }
        let got = arrived.answer.map_or("what no server says".to_owned(), |a| said(a).to_owned());
        let got = format!("{got} ({})", arrived.reply);
        let mut apart = self.apart(executed.node, about, said(expected), &got);
        let corner = self.corners[at(executed.node)];
        apart.difference = match (expected, arrived.answer) {
            (Answer::Refused, Some(_)) if corner.brought => {
                Some(Difference::ConnectionBringsScripts)
            }
            _ if corner.went_back => Some(Difference::KeyComesBack),
            _ => None,
        };
        Some(apart)
    }

    /// Compares what is stored on every server that is up, and for how long still.
    pub(super) fn look(&mut self) -> Result<Option<Apart>, RigError> {
        let mut apart = None;
        for node in 0..N {
            if !self.hosts[node].is_up() {
                continue;
            }
            let asked = ["GET", "PTTL"].map(|name| cmd(name).arg(KEY).to_owned());
            let replies = self.hosts[node].ask(&asked)?;
            let expected = self.expected(node);
            let now_ms = self.now_us(node).div_euclid(1_000);
            let got = match (&replies[0], &replies[1]) {
                (Reply::Nil, Reply::Int(-2)) => Some(None),
                (Reply::BulkString(bytes), Reply::Int(pttl_ms)) => {
                    let value = self.spoken.get(bytes);
                    value.map(|&value| Some((value, now_ms + pttl_ms + 1)))
                }
                _ => None,
            };
            if got != Some(expected) && apart.is_none() {
                let text = |stored: Stored| described(stored, now_ms);
                let unknown = || format!("{replies:?} (GET, PTTL)");
                let got = got.map_or_else(unknown, text);
                let mut why =
                    self.apart(node as u8, "what is stored".into(), &text(expected), &got);
                let back = self.corners[node].went_back && expected.is_none();
                why.difference = back.then_some(Difference::KeyComesBack);
                apart = Some(why);
            }
            self.seen[node] = got.flatten();
            self.corners[node].went_back = false;
        }
        Ok(apart)
    }

    pub(super) fn apart(&self, node: u8, about: String, expected: &str, got: &str) -> Apart {
        let (expected, got) = (Side(expected.to_owned()), Side(got.to_owned()));
        let why = Disagreement { step: self.number(), node, about, expected, got };
        Apart { difference: None, why }
    }

    /// What the world says that a server stores.
    pub(super) fn expected(&self, node: usize) -> Stored {
        let node = &self.world.nodes[node];
        // The last millisecond with the key is the one before `gone_at`.
        let end_ms = (node.gone_at.offset() * unit_us::<I>() - 1).div_euclid(1_000) + 1;
        (!node.key.is_none()).then_some((node.key, end_ms))
    }

    /// The clock of the world's node, as a server's clock runs.
    pub(super) fn now_us(&self, node: usize) -> i64 {
        self.world.nodes[node].now.offset() * unit_us::<I>()
    }

    /// What every server stores, as far as was seen and has not ended since.
    pub(super) fn held(&self) -> [Stored; N] {
        std::array::from_fn(|node| {
            let now_ms = self.now_us(node).div_euclid(1_000);
            self.seen[node].filter(|(_, end_ms)| now_ms < *end_ms)
        })
    }

    /// Notes which claims break now. Whether there are any.
    pub(super) fn judge(&mut self) -> bool {
        let before = self.broken.len();
        let scope = self.scope();
        let number = self.number();
        for claim in CLAIMS {
            let fresh = self.broken.iter().all(|(_, known)| *known != claim);
            if fresh && claim.applies(scope) && !claim.holds(&self.world, scope) {
                self.broken.push((number, claim));
            }
        }
        self.broken.len() > before
    }
}
