//! Hearing of releases: waiters of other processes ask again when a key is released, and not only
//! when their delay is over.
//!
//! It is a hint and nothing else. One connection, to one node at a time, subscribes to the keys
//! whose first in line was denied; the release script publishes there. A hint that is lost costs
//! the delay that there is without it, and one too many costs an attempt.

use std::collections::BTreeMap;
use std::format;
use std::string::String;
use std::task::{Context, Poll};
use std::vec::Vec;

use redis::Value;

use super::key::Key;
use super::link::{Happening, Link};
use super::wire;
use crate::protocol::{Instant, Micros, Span};

/// Before the name of the key: the channel on which its release is told.
pub(super) const CHANNEL: &str = "leasehold:released:";

/// Those who hear of one release do not ask at the same moment: each waits for a part of this, at
/// random.
const SPREAD: Span = 4_000;

/// A connection that hears of releases.
pub(super) struct Listener {
    /// One for each node. Only one is in use.
    links: Vec<Link>,
    at: usize,
    /// The keys that are waited for, by their channels. Kept until a hint finds nobody waiting.
    channels: BTreeMap<String, Vec<Key>>,
}

impl Listener {
    pub(super) fn new(links: Vec<Link>) -> Listener {
        Listener { links, at: 0, channels: BTreeMap::new() }
    }

    /// From now on hears of the release of `key`.
    pub(super) fn listen(&mut self, key: &Key) {
        for name in key.names() {
            let channel = format!("{CHANNEL}{name}");
            let keys = self.channels.entry(channel.clone()).or_default();
            if keys.contains(key) {
                continue;
            }
            keys.push(key.clone());
            if let Some(link) = self.links.get_mut(self.at) {
                link.request(|out| wire::subscribe(out, &channel));
            }
        }
    }

    /// Nobody waits for what `channel` tells of.
    fn unlisten(&mut self, channel: &str) {
        self.channels.remove(channel);
        if let Some(link) = self.links.get_mut(self.at) {
            link.request(|out| wire::unsubscribe(out, channel));
        }
    }

    /// Once somebody has waited, there is a connection.
    fn link(&mut self) -> Option<&mut Link> {
        if self.channels.is_empty() && !self.links.get(self.at)?.is_up() {
            return None;
        }
        self.links.get_mut(self.at)
    }

    /// The task was woken: there may be something to read again.
    pub(super) fn woken(&mut self) {
        self.links.iter_mut().for_each(Link::woken);
    }

    /// Whether there is a subscription to be written.
    pub(super) fn wants_to_write(&self) -> bool {
        self.links.get(self.at).is_some_and(Link::wants_to_write)
    }

    /// When it wants to be polled even if nothing arrives.
    pub(super) fn deadline(&self) -> Option<Micros> {
        let link = self.links.get(self.at)?;
        if self.channels.is_empty() && !link.is_up() { None } else { link.deadline() }
    }

    /// Does what can be done without waiting. `wake` is told each key that may be free now, and
    /// answers whether anybody waited for it.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        now: Micros,
        mut wake: impl FnMut(&Key) -> bool,
    ) {
        while let Some(Poll::Ready(happening)) = self.link().map(|link| link.poll(cx, now)) {
            match happening {
                Happening::Up(_) => self.subscribe_all(),
                Happening::Reply(reply) => self.hear(&reply, &mut wake),
                Happening::Down { .. } => {
                    if let Some(link) = self.links.get_mut(self.at) {
                        link.fail(now);
                    }
                    self.at = (self.at + 1) % self.links.len().max(1);
                }
            }
        }
    }

    fn subscribe_all(&mut self) {
        let Some(link) = self.links.get_mut(self.at) else { return };
        for channel in self.channels.keys() {
            link.request(|out| wire::subscribe(out, channel));
        }
    }

    /// A release, or the beginning of a subscription, before which a release may have been missed.
    fn hear(&mut self, reply: &Value, wake: &mut impl FnMut(&Key) -> bool) {
        let Some(channel) = wire::hint(reply) else { return };
        let Some(keys) = self.channels.get(channel) else { return };
        // All of them are told, also when the first has somebody waiting.
        let waited_for = keys.iter().filter(|key| wake(key)).count();
        if waited_for == 0 {
            let channel = String::from(channel);
            self.unlisten(&channel);
        }
    }
}

/// When whoever hears of a release asks again.
pub(super) fn soon(now: Micros, random: u32) -> Micros {
    now.plus((i64::from(random) * SPREAD) >> 32)
}
