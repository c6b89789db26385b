//! What is done to a node: drawn at random, performed on the model and on a real server alike.
//!
//! Every operation means something in every state, if only nothing, so that a sequence that shows
//! a disagreement can be made shorter by leaving out any part of it.

use leasehold::protocol::{Command, Extend};
use proptest::collection::vec;
use proptest::prelude::*;

/// Clients that hold leases. One more, [`OUTSIDER`], only takes keys.
pub(crate) const CLIENTS: u8 = 2;

/// Somebody who knows nothing of leases, and stores whatever it likes.
pub(crate) const OUTSIDER: u8 = CLIENTS;

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// A command is sent and runs at once, unless others of its connection are before it.
    Do(Request),
    /// A command is sent and stays under way.
    Queue(Request),
    /// One of the commands under way arrives and runs: the `which`th of those whose turn it is.
    Deliver { client: u8, which: u8 },
    /// All that is under way on the present connection arrives at once.
    DeliverAll { client: u8 },
    /// The connection fails, and there is another. What was under way may still arrive.
    Cut { client: u8 },
    /// The failed connections are killed. What was under way on them arrives right after that, at
    /// a server that has read nothing of it yet.
    Kill { client: u8 },
    /// Time passes.
    Step { by_us: i64 },
    /// Time passes until the key is gone, and `off_us` more or less.
    ToEnd { off_us: i64 },
    /// The wall clock jumps back.
    Back { by_us: i64 },
    /// Somebody else takes a free key and stores something of this type.
    Take { kind: Kind, which: u8 },
    /// The script cache is lost.
    Forget,
    /// The server is out of memory, or has enough again.
    Memory { full: bool },
    /// The process dies, with or without what it stored, and another one starts.
    Crash { keeps: bool, down_us: i64 },
}

/// A command of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) client: u8,
    pub(crate) command: Command,
    /// Which of the client's leases, from 1.
    pub(crate) lease: u8,
}

/// Types of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    String,
    List,
    Hash,
    Set,
    SortedSet,
    Stream,
}

/// A whole run.
#[derive(Clone, Debug)]
pub(crate) struct Sequence {
    /// What an extension does where the key is gone.
    pub(crate) extend: Extend,
    /// How many keys every lease is on.
    pub(crate) keys: usize,
    /// Each client's TTL, the outsider's last.
    pub(crate) ttls_ms: [i64; CLIENTS as usize + 1],
    /// How far the clock is into a millisecond when it begins.
    pub(crate) phase_us: i64,
    /// Whether releases are told to those who wait.
    pub(crate) tell: bool,
    pub(crate) ops: Vec<Op>,
}

/// Any sequence; some are on `keys` keys, if that is more than one.
pub(crate) fn sequences(keys: usize) -> impl Strategy<Value = Sequence> {
    let extend = prop_oneof![Just(Extend::Touch), Just(Extend::TouchOrSet)];
    let count = prop_oneof![3 => Just(1), 1 => Just(keys)];
    let all = (extend, count, [ttl(), ttl(), ttl()], 0_i64..1_000, any::<bool>(), vec(op(), 1..50));
    all.prop_map(|(extend, keys, ttls_ms, phase_us, tell, ops)| Sequence {
        extend,
        keys,
        ttls_ms,
        phase_us,
        tell,
        ops,
    })
}

fn ttl() -> impl Strategy<Value = i64> + Clone {
    prop_oneof![3 => 1_i64..20, 2 => 20_i64..1_000, 1 => 1_000_i64..100_000_000]
}

fn client() -> impl Strategy<Value = u8> {
    0..CLIENTS
}

fn request() -> impl Strategy<Value = Request> {
    let command = prop_oneof![
        3 => Just(Command::Set),
        3 => Just(Command::Extend),
        2 => Just(Command::Release),
    ];
    let lease = prop_oneof![4 => Just(1_u8), 1 => Just(2)];
    (client(), command, lease).prop_map(|(client, command, lease)| Request {
        client,
        command,
        lease,
    })
}

fn op() -> impl Strategy<Value = Op> {
    let kind = prop_oneof![
        2 => Just(Kind::String),
        1 => Just(Kind::List),
        1 => Just(Kind::Hash),
        1 => Just(Kind::Set),
        1 => Just(Kind::SortedSet),
        1 => Just(Kind::Stream),
    ];
    // A step that ends anywhere, or near the borders of milliseconds.
    let step = prop_oneof![1_i64..2_000, 1_i64..30_000, 1_i64..200_000_000];
    let near = prop_oneof![
        4 => Just(0_i64),
        4 => Just(-1_i64),
        1 => Just(1_i64),
        1 => Just(-1_000_i64),
        1 => Just(-1_001_i64),
        2 => -3_000_i64..3_000,
    ];
    prop_oneof![
        300 => request().prop_map(Op::Do),
        150 => request().prop_map(Op::Queue),
        120 => (client(), any::<u8>()).prop_map(|(client, which)| Op::Deliver { client, which }),
        20 => client().prop_map(|client| Op::DeliverAll { client }),
        50 => client().prop_map(|client| Op::Cut { client }),
        40 => client().prop_map(|client| Op::Kill { client }),
        60 => step.clone().prop_map(|by_us| Op::Step { by_us }),
        80 => near.prop_map(|off_us| Op::ToEnd { off_us }),
        20 => step.clone().prop_map(|by_us| Op::Back { by_us }),
        20 => (kind, any::<u8>()).prop_map(|(kind, which)| Op::Take { kind, which }),
        15 => Just(Op::Forget),
        15 => any::<bool>().prop_map(|full| Op::Memory { full }),
        2 => (any::<bool>(), step).prop_map(|(keeps, down_us)| Op::Crash { keeps, down_us }),
    ]
}
