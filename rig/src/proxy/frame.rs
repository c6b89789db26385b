//! Where one frame of RESP ends and the next begins. Bytes are never changed.
//!
//! Requests are arrays of bulk strings or inline commands; replies are those of RESP2 and RESP3.
//! What is inside a frame is looked at only as far as faults need it: the words of a request.

/// The longest frame, in bytes.
pub const LONGEST_FRAME: usize = 64 << 20;
/// The longest line, in bytes: a header, a simple string, an inline command.
pub const LONGEST_LINE: usize = 64 << 10;
/// The most elements of a frame, nested ones included.
pub const MOST_ELEMENTS: u64 = 1 << 20;

/// Which way frames go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From a client.
    Request,
    /// From a server.
    Reply,
}

/// Why bytes are no frame of RESP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// An element begins with a byte that stands for nothing there.
    #[error("an element of a frame begins with byte {0}")]
    Kind(u8),
    /// A length is no number, or negative where it cannot be.
    #[error("a length in a frame is no number, or negative")]
    Length,
    /// A line or a bulk string does not end in a line break.
    #[error("a line break is missing in a frame")]
    Unended,
    /// Something is longer than it may be here.
    #[error(
        "a frame has more than {LONGEST_FRAME} bytes or {MOST_ELEMENTS} elements, or a line of \
         more than {LONGEST_LINE}"
    )]
    TooLong,
}

/// Splits a stream of bytes into frames, however the bytes arrive.
///
/// After an error there are no more frames: what was not given out is the [`rest`](Self::rest).
#[derive(Debug)]
pub struct Splitter {
    way: Way,
    buffer: Vec<u8>,
    /// Where the present frame begins.
    start: usize,
    /// How far it was read.
    at: usize,
    /// How many of its elements are not read yet; 0 if it has not begun.
    missing: u64,
    failed: Option<FrameError>,
}

impl Splitter {
    /// One for a new connection.
    pub fn new(way: Way) -> Splitter {
        Splitter { way, buffer: Vec::new(), start: 0, at: 0, missing: 0, failed: None }
    }

    /// Takes what has arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.at -= self.start;
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame that is complete.
    ///
    /// # Errors
    /// If the bytes are no RESP, now and whenever it is called again.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let next = self.complete();
        self.failed = next.as_ref().err().copied();
        next
    }

    /// Whatever was not given out as a frame.
    pub fn rest(&mut self) -> Vec<u8> {
        let rest = self.buffer.split_off(self.start);
        (self.start, self.at, self.missing) = (0, 0, 0);
        self.buffer.clear();
        rest
    }

    fn complete(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        if self.at == self.buffer.len() {
            return Ok(None);
        }
        if self.missing == 0 {
            self.missing = 1;
        }
        while self.missing > 0 {
            let Some((length, inside)) = self.element()? else { return Ok(None) };
            self.at += length;
            self.missing = self.missing - 1 + inside;
            if self.missing > MOST_ELEMENTS || self.at - self.start > LONGEST_FRAME {
                return Err(FrameError::TooLong);
            }
        }
        let frame = self.buffer.get(self.start..self.at).map(<[u8]>::to_vec);
        self.start = self.at;
        Ok(frame)
    }

    /// The length of the next element, and how many elements are inside it; `None` if it has not
    /// arrived completely. An aggregate's length is that of its header.
    fn element(&self) -> Result<Option<(usize, u64)>, FrameError> {
        let bytes = self.buffer.get(self.at..).unwrap_or_default();
        let Some(&kind) = bytes.first() else { return Ok(None) };
        let is_first = self.at == self.start;
        match (self.way, kind) {
            (Way::Request, b'*') if is_first => aggregate(bytes, 1, 0),
            (Way::Request, _) if is_first => {
                Ok(line(bytes, b"\n")?.map(|line| (line.len() + 1, 0)))
            }
            (_, b'$') => self.bulk(bytes),
            (Way::Request, other) => Err(FrameError::Kind(other)),
            (Way::Reply, b'=' | b'!') => self.bulk(bytes),
            (Way::Reply, b'+' | b'-' | b':' | b',' | b'#' | b'(' | b'_') => {
                Ok(line(bytes, b"\r\n")?.map(|line| (line.len() + 2, 0)))
            }
            (Way::Reply, b'*' | b'~' | b'>') => aggregate(bytes, 1, 0),
            (Way::Reply, b'%') => aggregate(bytes, 2, 0),
            // Attributes stand before the value that they are about.
            (Way::Reply, b'|') => aggregate(bytes, 2, 1),
            (Way::Reply, other) => Err(FrameError::Kind(other)),
        }
    }

    fn bulk(&self, bytes: &[u8]) -> Result<Option<(usize, u64)>, FrameError> {
        let Some(header) = line(bytes, b"\r\n")? else { return Ok(None) };
        let length = number(header)?;
        let begin = header.len() + 2;
        if length == -1 && self.way == Way::Reply {
            return Ok(Some((begin, 0)));
        }
        let length = usize::try_from(length).map_err(|_| FrameError::Length)?;
        if length > LONGEST_FRAME {
            return Err(FrameError::TooLong);
        }
        let end = begin + length;
        match bytes.get(end..end + 2) {
            Some(b"\r\n") => Ok(Some((end + 2, 0))),
            Some(_) => Err(FrameError::Unended),
            None => Ok(None),
        }
    }
}

fn aggregate(bytes: &[u8], each: u64, more: u64) -> Result<Option<(usize, u64)>, FrameError> {
    let Some(header) = line(bytes, b"\r\n")? else { return Ok(None) };
    let count = match number(header)? {
        // There may be no array at all.
        -1 => 0,
        count => u64::try_from(count).map_err(|_| FrameError::Length)?,
    };
    let inside = count.checked_mul(each).and_then(|inside| inside.checked_add(more));
    let inside = inside.filter(|inside| *inside <= MOST_ELEMENTS).ok_or(FrameError::TooLong)?;
    Ok(Some((header.len() + 2, inside)))
}

/// The first line without its end; `None` if it has not arrived completely.
fn line<'a>(bytes: &'a [u8], end: &[u8]) -> Result<Option<&'a [u8]>, FrameError> {
    let window = &bytes[..bytes.len().min(LONGEST_LINE)];
    match window.iter().position(|byte| *byte == b'\n') {
        Some(at) => {
            let line = window.get(..=at).and_then(|line| line.strip_suffix(end));
            line.map(Some).ok_or(FrameError::Unended)
        }
        None if bytes.len() >= LONGEST_LINE => Err(FrameError::TooLong),
        None => Ok(None),
    }
}

/// The number behind the first byte of a header.
fn number(header: &[u8]) -> Result<i64, FrameError> {
    let digits = header.get(1..).and_then(|digits| std::str::from_utf8(digits).ok());
    digits.and_then(|digits| digits.parse().ok()).ok_or(FrameError::Length)
}

/// The words of a request that a [`Splitter`] gave out: the command, its arguments. A request may
/// have none, and then there is no reply to it.
pub fn words(frame: &[u8]) -> Vec<&[u8]> {
    if frame.first() != Some(&b'*') {
        let words = frame.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let quotes = |byte: &u8| matches!(byte, b'"' | b'\'');
        return words.map(|word| between(word, quotes)).collect();
    }
    strings(frame)
}

/// The bulk strings of a frame that is an array or a push of nothing else.
fn strings(frame: &[u8]) -> Vec<&[u8]> {
    let mut words = Vec::new();
    let after =
        |bytes: &'_ [u8]| line(bytes, b"\r\n").ok().flatten().map(|header| header.len() + 2);
    let mut rest = after(frame).and_then(|at| frame.get(at..)).unwrap_or_default();
    while let Some(b'$') = rest.first() {
        let header = line(rest, b"\r\n").ok().flatten().unwrap_or_default();
        let length = number(header).ok().and_then(|length| usize::try_from(length).ok());
        let begin = header.len() + 2;
        let behind = rest.get(begin..).unwrap_or_default();
        let Some(word) = length.and_then(|length| behind.get(..length)) else { break };
        words.push(word);
        rest = rest.get(begin + word.len() + 2..).unwrap_or_default();
    }
    words
}

fn between(word: &[u8], is_outside: impl Fn(&u8) -> bool) -> &[u8] {
    match word {
        [first, inner @ .., last] if is_outside(first) && first == last => inner,
        _ => word,
    }
}

/// Whether a reply answers no request: a push of RESP3, or what RESP2 says to who has subscribed.
pub fn is_push(frame: &[u8], has_subscribed: bool) -> bool {
    const KINDS: [&[u8]; 9] = [
        b"message",
        b"pmessage",
        b"smessage",
        b"subscribe",
        b"psubscribe",
        b"ssubscribe",
        b"unsubscribe",
        b"punsubscribe",
        b"sunsubscribe",
    ];
    match frame.first() {
        Some(b'>') => true,
        Some(b'*') if has_subscribed => {
            strings(frame).first().is_some_and(|kind| KINDS.contains(kind))
        }
        _ => false,
    }
}
