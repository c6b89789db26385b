//! Handing a lock over to another process, without letting it go in between.
//!
//! The giver stops believing, waits until nothing of its lease can run any more, and gives out a
//! [`Ticket`]; the adopter puts a token of its own in the place of the giver's, at a majority of
//! the nodes, and believes by its own clock. Why so, and what is checked of it, is in
//! [`protocol::lease`](crate::protocol::lease) and in the repository's `docs/handover.md`.

use std::fmt;
use std::str::FromStr;
use std::string::{String, ToString};
use std::time::Duration;

use super::client::Client;
use super::error::{AcquireError, Loss, Said};
use super::guard::Guard;
use super::key::Key;
use super::leases::Standing;
use super::lock::Lock;
use super::task::Mail;
use super::token::Token;
use super::votes::Votes;

/// What a lock was handed over with: whoever has it may adopt the lock, once.
///
/// It travels as text, by whatever way the two processes have: `to_string` and `parse`. Its form
/// is of this library, and may change with a major version. It is a secret, as long as the lease
/// lasts: whoever knows it can take the lock. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    key: Key,
    token: Token,
    left: Duration,
}

impl Ticket {
    /// The key; several are separated by commas.
    pub fn key(&self) -> &str {
        self.key.shown()
    }

    /// The keys.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.key.names()
    }

    /// How long the keys live at least unless somebody adopts them, as the giver knew it when the
    /// lock was handed over. For deciding whether to hurry: nothing else follows from it.
    pub fn remaining_at_handover(&self) -> Duration {
        self.left
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("key", &self.key()).finish_non_exhaustive()
    }
}

/// The first word of a ticket's text, with the version of its form.
const FORM: &str = "leasehold-ticket-1";

impl fmt::Display for Ticket {
    /// Each key behind its length in bytes: keys may hold anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FORM}:{}:{}", self.token.text(), self.left.as_millis())?;
        self.keys().try_for_each(|key| write!(f, ":{}:{key}", key.len()))
    }
}

/// A text that is no ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no ticket of a lock that was handed over: {0}; pass on the whole text that the giver got")]
#[non_exhaustive]
pub struct ParseTicketError(&'static str);

impl FromStr for Ticket {
    type Err = ParseTicketError;

    fn from_str(text: &str) -> Result<Ticket, ParseTicketError> {
        let part = |text| str::split_once(text, ':').ok_or(ParseTicketError("it ends too soon"));
        let (form, rest) = part(text)?;
        if form != FORM {
            return Err(ParseTicketError("it does not begin with leasehold-ticket-1"));
        }
        let (token, rest) = part(rest)?;
        let token = Token::parse(token).ok_or(ParseTicketError("its token is none"))?;
        let (left_ms, mut rest) = part(rest)?;
        let left_ms = left_ms.parse().map_err(|_| ParseTicketError("its time is no number"))?;
        let mut keys = std::vec::Vec::new();
        loop {
            let (length, text) = part(rest)?;
            let length = length.parse().map_err(|_| ParseTicketError("a length is no number"))?;
            let (key, after) =
                text.split_at_checked(length).ok_or(ParseTicketError("it ends within a key"))?;
            keys.push(key.to_string());
            match after.strip_prefix(':') {
                Some(more) => rest = more,
                None if after.is_empty() => break,
                None => return Err(ParseTicketError("a key is longer than it says")),
            }
        }
        let key = Key::several(keys).ok_or(ParseTicketError("it has no key"))?;
        Ok(Ticket { key, token, left: Duration::from_millis(left_ms) })
    }
}

/// Why a lock was not handed over. It is not held any more in any case.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandoverError {
    /// Nodes did not answer in time what was under way, so it was released instead: whoever was to
    /// have it acquires it as anybody does.
    #[error(
        "{key:?} was released and not handed over: commands under way were not answered in time"
    )]
    Released {
        /// The key.
        key: String,
    },
    /// The lease was over before.
    #[error("{key:?} cannot be handed over: {loss}{}", Said(last.as_ref()))]
    Lost {
        /// The key.
        key: String,
        /// Why.
        loss: Loss,
        /// What each node said in the last renewal, if that has failed.
        last: Option<Votes>,
    },
    /// The client or its runtime has ended.
    #[error("the client is closed; the lease ends with its TTL")]
    Closed,
}

impl Guard {
    /// Hands the lock over: ends this lease without releasing it, and gives out a ticket with which
    /// another process [adopts](Lock::adopt) it. In between nobody else can have it, until the keys
    /// expire, which they do about a TTL after the last renewal.
    ///
    /// The lock counts as given up from the first poll on. Waits until nothing of the lease is
    /// under way at any node, at most for
    /// [`Builder::release_within`](super::Builder::release_within) and until the lease would have
    /// ended; then the lock is released instead.
    ///
    /// Not cancel safe in this sense: a dropped future ends the lease; it is released, or, where it
    /// was just handed over, its keys expire.
    ///
    /// # Errors
    /// [`HandoverError`]: the lock was released instead, was lost before, or the client has ended.
    pub async fn hand_over(self) -> Result<Ticket, HandoverError> {
        let lease = self.lease();
        let key = lease.key.clone();
        lease.shared.post(Mail::HandOver { key: key.clone(), call: lease.call });
        let _ = lease.shown.wait_for_end(|shown| shown.standing.is_over()).await;
        match lease.standing() {
            Standing::HandedOver { token, valid_until } => {
                let left = lease.shared.clock.remaining(valid_until);
                Ok(Ticket { key, token, left })
            }
            Standing::Released => Err(HandoverError::Released { key: lease.shown_key() }),
            Standing::Lost(loss) if loss != Loss::Closed => Err(HandoverError::Lost {
                key: lease.shown_key(),
                loss,
                last: lease.last_failure(),
            }),
            Standing::Lost(_)
            | Standing::Asked
            | Standing::Held { .. }
            | Standing::Stopping
            | Standing::Failed(_) => Err(HandoverError::Closed),
        }
    }
}

impl Client {
    /// Adopts a lock that was handed over, with the client's settings. See [`Lock::adopt`], also
    /// for when it fails. Cancel safe: a dropped future gives up what it may have acquired.
    ///
    /// # Errors
    /// See [`Lock::adopt`].
    pub async fn adopt(&self, ticket: &Ticket) -> Result<Guard, AcquireError> {
        self.lock_all(ticket.keys()).adopt(ticket).await
    }
}

impl Lock {
    /// Adopts a lock that was handed over: one attempt, in which every node is asked to put a new
    /// token in the place of the ticket's. What is held then is a lease like any other.
    ///
    /// Goes ahead of those of this client who wait for the lock: they cannot have it sooner.
    ///
    /// A ticket is adopted once, however often it arrives; where it is too late, because the keys
    /// have expired or are another's, it is denied, and no key is set. If too few nodes answered,
    /// it may be tried again with the same ticket.
    ///
    /// Cancel safe: a dropped future gives up what it may have acquired.
    ///
    /// # Errors
    /// [`AcquireError::Exhausted`] with what each node said
    /// ([`Vote::Missing`](super::Vote::Missing): its key has expired,
    /// [`Vote::Taken`](super::Vote::Taken): it is another's, or adopted already),
    /// [`AcquireError::OtherKey`] if the ticket is of another lock, and those of
    /// [`try_acquire`](Self::try_acquire).
    pub async fn adopt(&self, ticket: &Ticket) -> Result<Guard, AcquireError> {
        if ticket.key != *self.key() {
            let shown = |key: &Key| self.shared().shown_key(key.shown());
            let (key, ticket) = (shown(self.key()), shown(&ticket.key));
            return Err(AcquireError::OtherKey { key, ticket });
        }
        self.take(Some(ticket.token)).await
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ticket(keys: &[&str]) -> Ticket {
        let key = Key::several(keys.iter().copied()).unwrap();
        Ticket { key, token: Token::default(), left: Duration::from_millis(1_500) }
    }

    #[test]
    fn a_ticket_is_text() {
        let text = ticket(&["orders:42"]).to_string();
        assert_eq!(text, "leasehold-ticket-1:AAAAAAAAAAAAAAAAAAAAAA==:1500:9:orders:42");
    }

    #[test]
    fn what_is_no_ticket_is_refused_with_the_reason() {
        let whole = ticket(&["a", "b"]).to_string();
        for cut in 0..whole.len() {
            let refused = whole[..cut].parse::<Ticket>();
            // Without its last key it is the ticket of another lock.
            assert!(refused.is_err() || cut == whole.len() - 4, "{cut}");
        }
        for (text, says) in [
            ("", "too soon"),
            ("ticket-2:x", "begin with"),
            ("leasehold-ticket-1:?:1:1:a", "token"),
            ("leasehold-ticket-1:AAAAAAAAAAAAAAAAAAAAAA==:x:1:a", "time"),
            ("leasehold-ticket-1:AAAAAAAAAAAAAAAAAAAAAA==:1:1:ab", "longer"),
            ("leasehold-ticket-1:AAAAAAAAAAAAAAAAAAAAAA==:1:9:ab", "within a key"),
        ] {
            let error = text.parse::<Ticket>().unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("the whole text"), "{error}");
        }
    }

    #[test]
    fn a_ticket_is_not_shown() {
        assert!(!std::format!("{:?}", ticket(&["k"])).contains("AAAA"));
    }

    proptest! {
        #[test]
        fn a_ticket_reads_back(
            keys in proptest::collection::vec(".{0,12}", 1..4),
            bytes: [u8; 16],
            left_ms in 0..1_u64 << 40,
        ) {
            let key = Key::several(keys).unwrap();
            let left = Duration::from_millis(left_ms);
            let ticket = Ticket { key, token: Token::of(bytes), left };
            prop_assert_eq!(ticket.to_string().parse(), Ok(ticket));
        }

        #[test]
        fn garbage_is_refused_without_panic(text in "(leasehold-ticket-1)?[:0-9a-zA-Z=é]{0,60}") {
            let _ = text.parse::<Ticket>();
        }
    }
}
