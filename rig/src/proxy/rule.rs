//! What the proxy is to do, to which requests, and when. A request is one frame.

/// One fault, for the requests that it concerns.
///
/// It has a text form, the one of `leasehold proxy --fault`: `delay 50ms SET`, `drop-reply EVALSHA
/// #3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What happens.
    pub fault: Fault,
    /// Which requests it concerns by name.
    pub only: Only,
    /// Which of those.
    pub pick: Pick,
    /// When.
    pub window: Option<Window>,
}

/// What happens to a request, or to its reply.
///
/// What is sent on one connection stays in order, and has no gaps, as with TCP: what comes behind a
/// request that is delayed, held or dropped waits, or is dropped, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request arrives later.
    Delay(Spread),
    /// The reply arrives later.
    DelayReply(Spread),
    /// The request is kept until the rule's window ends; without a window, until
    /// [`Proxy::deliver`](super::Proxy::deliver).
    Hold,
    /// The request is lost, and whatever the client sends on that connection after it.
    Drop(Silence),
    /// The server executes the request; the reply is lost, and whatever comes after it on that
    /// connection.
    DropReply(Silence),
    /// The server gets the request twice, and the client one reply: the first.
    Duplicate,
    /// The client's side of the connection ends while the server's stays open. The request is kept
    /// and arrives after so many microseconds; if not given, upon
    /// [`Proxy::deliver`](super::Proxy::deliver).
    HalfOpen {
        /// When the request arrives after all, in microseconds.
        deliver_after_us: Option<u64>,
    },
    /// Both sides of the connection are aborted (RST, where it is TCP). The request is lost.
    Reset,
    /// Nothing passes, on no connection. What is sent meanwhile arrives afterwards.
    Partition(Newcomers),
}

/// A length of time that is drawn anew each time, both bounds included, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// The shortest.
    pub least_us: u64,
    /// The longest.
    pub most_us: u64,
}

/// How long a connection that lost something stays open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Until the client or the server ends it.
    Open,
    /// Until it is aborted, so many microseconds later.
    ResetAfterUs(u64),
}

/// What becomes of new connections during a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Newcomers {
    /// They wait for its end.
    Hang,
    /// They are aborted at once.
    Refuse,
}

/// Requests by what they say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Only {
    /// Their commands; any if there is none.
    pub commands: Vec<CommandName>,
    /// One of their arguments: the key, the digest of a script.
    pub with: Option<String>,
}

/// The name of a command, in capitals: `SET`, or `CLIENT|KILL` with a subcommand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandName {
    name: String,
    sub: Option<String>,
}

/// Some of the requests that a rule concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// Every one.
    Every,
    /// One, counted from 1 over all connections in the order of arrival.
    Nth(u64),
    /// One out of so many, the last.
    EveryNth(u64),
    /// Each with this chance in parts per million, drawn from the seed, the number of the
    /// connection and the number of the request on it.
    ChancePpm(u32),
}

/// A time since the start of the proxy, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its first moment.
    pub from_ms: u64,
    /// The first moment after it; `None` if it does not end.
    pub until_ms: Option<u64>,
}

impl Rule {
    /// This fault, for every request.
    pub fn new(fault: Fault) -> Rule {
        Rule { fault, only: Only::default(), pick: Pick::Every, window: None }
    }

    /// Only for this command, and for others for which this was said. `name` is as in
    /// [`CommandName::new`].
    #[must_use]
    pub fn command(mut self, name: &str) -> Rule {
        self.only.commands.push(CommandName::new(name));
        self
    }

    /// Only for requests that have this argument.
    #[must_use]
    pub fn with(mut self, argument: &str) -> Rule {
        self.only.with = Some(argument.to_owned());
        self
    }

    /// Only for the `nth` of those, counted from 1.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Rule {
        self.pick = Pick::Nth(nth);
        self
    }

    /// Only for every `nth` of those.
    #[must_use]
    pub fn every(mut self, nth: u64) -> Rule {
        self.pick = Pick::EveryNth(nth);
        self
    }

    /// Only with this chance, in parts per million.
    #[must_use]
    pub fn chance_ppm(mut self, chance_ppm: u32) -> Rule {
        self.pick = Pick::ChancePpm(chance_ppm);
        self
    }

    /// Only from one moment after the start of the proxy to another.
    #[must_use]
    pub fn between(mut self, from_ms: u64, until_ms: u64) -> Rule {
        self.window = Some(Window { from_ms, until_ms: Some(until_ms) });
        self
    }
}

impl Fault {
    /// A delay of requests between these bounds, in microseconds.
    pub fn delay_us(least_us: u64, most_us: u64) -> Fault {
        Fault::Delay(Spread { least_us, most_us })
    }

    /// Its name in the text form.
    pub fn name(self) -> &'static str {
        match self {
            Fault::Delay(_) => "delay",
            Fault::DelayReply(_) => "delay-reply",
            Fault::Hold => "hold",
            Fault::Drop(_) => "drop",
            Fault::DropReply(_) => "drop-reply",
            Fault::Duplicate => "duplicate",
            Fault::HalfOpen { .. } => "half-open",
            Fault::Reset => "reset",
            Fault::Partition(_) => "partition",
        }
    }
}

impl Only {
    /// Whether a request is meant.
    pub fn matches(&self, words: &[&[u8]]) -> bool {
        let named = self.commands.is_empty() || self.commands.iter().any(|one| one.matches(words));
        let with = self.with.as_ref().is_none_or(|with| words.contains(&with.as_bytes()));
        named && with
    }
}

impl CommandName {
    /// From `SET`, or `CLIENT|KILL` with a subcommand; in small letters as well.
    pub fn new(text: &str) -> CommandName {
        let text = text.to_ascii_uppercase();
        match text.split_once('|') {
            Some((name, sub)) => CommandName { name: name.to_owned(), sub: Some(sub.to_owned()) },
            None => CommandName { name: text, sub: None },
        }
    }

    fn matches(&self, words: &[&[u8]]) -> bool {
        let is = |at: usize, name: &str| {
            words.get(at).is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()))
        };
        is(0, &self.name) && self.sub.as_ref().is_none_or(|sub| is(1, sub))
    }
}

impl std::fmt::Display for CommandName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.sub {
            Some(sub) => write!(f, "{}|{sub}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl Window {
    /// Whether it is now, `now_us` after the start.
    pub fn contains(self, now_us: u64) -> bool {
        let until = self.until_ms.is_none_or(|until_ms| now_us < until_ms.saturating_mul(1_000));
        now_us >= self.from_ms.saturating_mul(1_000) && until
    }
}
