//! Messages between one client and one node, and the pipe that carries them.

use std::hash::{Hash, Hasher};

use leasehold::protocol::{Answer, Command};

/// What a key holds: the client that set it and which of its leases. Never used twice.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(u16);

impl Value {
    /// No value: the key does not exist.
    pub const NONE: Value = Value(0);

    /// The value of lease number `generation` (from 1) of `client`.
    #[inline]
    pub fn new(client: u8, generation: u8) -> Value {
        Value(u16::from(client) << 8 | u16::from(generation))
    }

    /// Whether there is none.
    #[inline]
    pub fn is_none(self) -> bool {
        self == Value::NONE
    }

    /// The same lease of another client.
    #[inline]
    #[must_use]
    pub fn relabel(self, client: u8) -> Value {
        if self.is_none() { self } else { Value::new(client, self.generation()) }
    }

    /// The client that made it.
    #[inline]
    pub fn client(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// Which of the client's leases.
    #[inline]
    pub fn generation(self) -> u8 {
        self.0 as u8
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_none() {
            f.write_str("-")
        } else {
            write!(f, "c{}/{}", self.client(), self.generation())
        }
    }
}

/// One command on its way to a node, or its answer on the way back.
///
/// Sixteen bits: command 3, state 3, age 2, generation 8. Zero is "no message".
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Message(u16);

const COMMANDS: [Command; 5] =
    [Command::Set, Command::Extend, Command::Release, Command::Kill, Command::Adopt];
const ANSWERS: [Answer; 6] = [
    Answer::Done,
    Answer::Missing,
    Answer::Foreign,
    Answer::Refused,
    Answer::NotSent,
    Answer::Unknown,
];
/// Connections older than this are not told apart.
const OLDEST: u16 = 3;

impl Message {
    /// A command of lease `generation`, on the present connection, not run yet.
    #[inline]
    pub fn new(command: Command, generation: u8) -> Message {
        Message((command as u16 + 1) | u16::from(generation) << 8)
    }

    /// Which command.
    #[inline]
    pub fn command(self) -> Command {
        COMMANDS[usize::from((self.0 & 7) - 1)]
    }

    /// Which of the client's leases sent it.
    #[inline]
    pub fn generation(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// The answer, if the node has run it.
    #[inline]
    pub fn answer(self) -> Option<Answer> {
        let state = (self.0 >> 3) & 7;
        (state > 0).then(|| ANSWERS[usize::from(state - 1)])
    }

    /// How many connections ago it was written; 0 is the present one.
    #[inline]
    pub fn age(self) -> u8 {
        ((self.0 >> 6) & 3) as u8
    }

    #[inline]
    fn answered(self, answer: Answer) -> Message {
        Message(self.0 & !(7 << 3) | (answer as u16 + 1) << 3)
    }

    #[inline]
    fn aged(self) -> Message {
        let age = (self.0 >> 6 & 3) + 1;
        Message(self.0 & !(3 << 6) | age.min(OLDEST) << 6)
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}/{}", self.command(), self.generation())?;
        if self.age() > 0 {
            write!(f, " (stray)")?;
        }
        self.answer().map_or(Ok(()), |answer| write!(f, " -> {answer:?}"))
    }
}

/// The most messages under way between one client and one node.
pub const CAPACITY: usize = 8;

/// Whether a client has a connection to a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Link {
    /// Connected.
    #[default]
    Up,
    /// The connection failed; the server is the same process.
    Down,
    /// The connection failed with the server; the next one is another process.
    DownWithServer,
}

/// All that is under way between one client and one node, in order of sending.
///
/// Messages of a failed connection stay, aged: they are *strays* and may still run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pipe {
    messages: [u16; CAPACITY],
    /// Whether there is a connection.
    pub link: Link,
}

/// Most pipes are nearly empty, so only the words of eight bytes that hold messages are hashed.
impl Hash for Pipe {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [a, b, c, d, e, f, g, h] = self.messages;
        let word =
            |parts: [u16; 4]| parts.iter().fold(0, |word, &bits| word << 16 | u64::from(bits));
        let words = [word([a, b, c, d]), word([e, f, g, h])];
        let used = u8::from(words[0] != 0) + u8::from(words[1] != 0);
        state.write_u8(used << 4 | self.link as u8);
        words.iter().take(used.into()).for_each(|&word| state.write_u64(word));
    }
}

impl Pipe {
    /// How many messages are under way.
    #[inline]
    pub fn len(&self) -> usize {
        // They are packed to the front, so the highest that is not empty tells.
        let bits = self.messages.iter().rev().fold(0, |word, &bits| word << 16 | u128::from(bits));
        CAPACITY - (bits.leading_zeros() / u16::BITS) as usize
    }

    /// Whether nothing is under way.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.messages[0] == 0
    }

    /// Message number `index`.
    #[inline]
    pub fn get(&self, index: usize) -> Option<Message> {
        let bits = *self.messages.get(index)?;
        (bits != 0).then_some(Message(bits))
    }

    /// The messages, in order of sending.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Message> + '_ {
        self.messages.iter().take_while(|&&bits| bits != 0).map(|&bits| Message(bits))
    }

    /// Sends one. Returns false, and loses it, if the pipe is full.
    #[inline]
    #[must_use]
    pub fn push(&mut self, message: Message) -> bool {
        let end = self.len();
        if end == CAPACITY {
            return false;
        }
        self.messages[end] = message.0;
        true
    }

    /// Removes message number `index`.
    #[inline]
    pub fn remove(&mut self, index: usize) {
        // A few moves in place cost less than a call.
        for at in index + 1..CAPACITY {
            self.messages[at - 1] = self.messages[at];
        }
        self.messages[CAPACITY - 1] = 0;
    }

    /// Puts the node's answer into message `index`; of a stray, nobody will hear it.
    #[inline]
    pub fn answer(&mut self, index: usize, answer: Answer) {
        if let Some(message) = self.get(index) {
            if message.age() > 0 {
                self.remove(index);
            } else {
                self.messages[index] = message.answered(answer).0;
            }
        }
    }

    /// Whether the node may run message `index` next: in order within a connection, or in any
    /// order in a pool.
    #[inline]
    pub fn may_run(&self, index: usize, ordered: bool) -> bool {
        let Some(message) = self.get(index) else { return false };
        let waits = |earlier: Message| earlier.answer().is_none() && earlier.age() == message.age();
        message.answer().is_none() && !(ordered && self.iter().take(index).any(waits))
    }

    /// Whether the answer in message `index` may reach the client next.
    #[inline]
    pub fn may_arrive(&self, index: usize, ordered: bool) -> bool {
        let Some(message) = self.get(index) else { return false };
        let ahead = |earlier: Message| earlier.age() == 0;
        message.answer().is_some() && !(ordered && self.iter().take(index).any(ahead))
    }

    /// The connection fails: answers under way are lost, requests become strays.
    pub fn reset(&mut self) {
        self.link = Link::Down;
        self.retain(|message| message.answer().is_none());
        for bits in self.messages.iter_mut().take_while(|bits| **bits != 0) {
            *bits = Message(*bits).aged().0;
        }
    }

    /// Whether the client library may send message `index` again by itself.
    pub fn may_resend(&self, index: usize) -> bool {
        self.get(index).is_some_and(|message| message.age() == 0) && self.len() < CAPACITY
    }

    /// The client library stops waiting for message `index` and sends it again: the first one may
    /// still run, and nobody hears its answer.
    pub fn resend(&mut self, index: usize) {
        let Some(message) = self.get(index) else { return };
        if message.answer().is_some() {
            self.remove(index);
        } else {
            self.messages[index] = message.0 | OLDEST << 6;
        }
        let again = Message::new(message.command(), message.generation());
        let _ = self.push(again);
    }

    /// The server dies: nothing of it is ever heard or run.
    pub fn die(&mut self) {
        *self = Pipe { link: Link::DownWithServer, ..Pipe::default() };
    }

    /// Message `index`, a `CLIENT KILL ID`, runs: what is on older connections than its own can no
    /// longer run. The answer: whether there was any, and the message's place now.
    pub fn kill_older(&mut self, index: usize) -> (bool, usize) {
        let age = self.get(index).map_or(0, Message::age);
        let older = |message: &Message| message.age() > age;
        let ahead = self.iter().take(index).filter(older).count();
        let before = self.len();
        self.retain(|message| message.age() <= age);
        (self.len() < before, index - ahead)
    }

    /// In a pool the order of sending means nothing: the canonical order.
    pub fn sort(&mut self) {
        self.messages.sort_unstable_by_key(|&bits| std::cmp::Reverse(bits));
    }

    fn retain(&mut self, keep: impl Fn(Message) -> bool) {
        let mut kept = 0;
        for index in 0..self.len() {
            let bits = self.messages[index];
            if keep(Message(bits)) {
                self.messages[kept] = bits;
                kept += 1;
            }
        }
        self.messages[kept..].fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipe(commands: &[Command]) -> Pipe {
        let mut pipe = Pipe::default();
        for &command in commands {
            assert!(pipe.push(Message::new(command, 1)));
        }
        pipe
    }

    #[test]
    fn a_message_is_what_was_put_in() {
        for command in COMMANDS {
            for answer in ANSWERS {
                let message = Message::new(command, 200).aged().answered(answer);
                assert_eq!(message.command(), command);
                assert_eq!(message.generation(), 200);
                assert_eq!(message.answer(), Some(answer));
                assert_eq!(message.age(), 1);
            }
        }
    }

    #[test]
    fn one_connection_keeps_order_and_a_pool_does_not() {
        let mut pipe = pipe(&[Command::Set, Command::Release]);
        assert!(pipe.may_run(0, true) && !pipe.may_run(1, true));
        assert!(pipe.may_run(1, false));
        pipe.answer(1, Answer::Missing);
        assert!(pipe.may_arrive(1, false) && !pipe.may_arrive(1, true));
    }

    #[test]
    fn strays_run_in_order_and_independently_of_the_new_connection() {
        let mut pipe = pipe(&[Command::Set, Command::Extend]);
        pipe.reset();
        assert!(pipe.push(Message::new(Command::Kill, 1)));
        assert!(pipe.may_run(0, true) && !pipe.may_run(1, true) && pipe.may_run(2, true));
        pipe.answer(0, Answer::Done);
        assert_eq!(pipe.len(), 2, "nobody hears a stray's answer");
        assert_eq!(pipe.kill_older(1), (true, 0));
        assert_eq!(pipe.len(), 1);
        assert_eq!(pipe.kill_older(0), (false, 0));
    }

    #[test]
    fn a_kill_concerns_connections_older_than_its_own_and_answers_for_itself_alone() {
        let mut pipe = pipe(&[Command::Set]);
        pipe.reset();
        assert!(pipe.push(Message::new(Command::Kill, 1)));
        assert!(pipe.push(Message::new(Command::Set, 2)));
        pipe.reset();
        assert!(pipe.push(Message::new(Command::Kill, 2)));
        let (any, at) = pipe.kill_older(1);
        pipe.answer(at, Answer::Done);
        assert_eq!((any, pipe.len()), (true, 2));
        assert!(pipe.may_run(0, true) && pipe.get(1).unwrap().answer().is_none());
        assert_eq!(pipe.kill_older(1), (true, 0));
    }

    #[test]
    fn a_full_pipe_says_so() {
        let mut pipe = pipe(&[Command::Set; CAPACITY]);
        assert!(!pipe.push(Message::new(Command::Set, 1)));
        assert_eq!(pipe.len(), CAPACITY);
    }
}
