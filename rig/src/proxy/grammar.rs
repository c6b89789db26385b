//! Rules as text: `FAULT [TIME] [COMMAND,…] [with=ARGUMENT] [#N | /N | P%] [@FROM..UNTIL]`.

use std::fmt;
use std::str::FromStr;

use super::rule::{CommandName, Fault, Newcomers, Only, Pick, Rule, Silence, Spread, Window};

/// The grammar in a few lines, for `--help`.
pub const GRAMMAR: &str = "\
A fault is  WHAT [TIME] [COMMAND,...] [with=ARGUMENT] [#N | /N | P%] [@FROM..UNTIL]

  delay TIME          the request arrives later; TIME may be a range, 1ms..5ms
  delay-reply TIME    the reply arrives later
  hold                the request is kept until the window ends
  drop [TIME]         the request is lost and the connection silent; aborted after TIME, if given
  drop-reply [TIME]   the same with the reply: the request is executed
  duplicate           the server gets the request twice; one reply is dropped
  half-open [TIME]    the client's side ends; the request still arrives, after TIME
  reset               both sides of the connection are aborted (RST); the request is lost
  partition [refuse]  nothing passes; new connections hang, or are refused

  COMMAND      SET, EVALSHA, CLIENT|KILL: any case, several with commas; all if none is named
  with=X       only requests with X among their arguments: a key, the digest of a script
  #N           only the N-th of those     /N  every N-th     P%  with this chance (also 500ppm)
  @FROM..UNTIL only from FROM to UNTIL after the start: @10s..20s, @5s..
  TIME         a whole number with a unit: 500us, 50ms, 2s, 1m";

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fault \"{rule}\": {why}")]
pub struct RuleError {
    rule: String,
    why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Why {
    #[error("it is empty; begin with one of {WHAT}")]
    Empty,
    #[error("\"{0}\" is no fault; choose one of {WHAT}")]
    Fault(String),
    #[error("how long is missing; say it behind the name, as in {0} 50ms")]
    NoTime(&'static str),
    #[error(
        "\"{0}\" is no time; write a whole number with a unit, a day at most: 500us, 50ms, 2s, 1m"
    )]
    Time(String),
    #[error("{0} takes one length of time, not a range; choose one")]
    Range(&'static str),
    #[error("\"{0}\" ends before it begins; write the smaller bound first")]
    Backwards(String),
    #[error("\"{0}\" is no whole number above 0; count from 1, as in #3 or /10")]
    Count(String),
    #[error(
        "\"{0}\" is no chance; write 0.0001% to 100%, with at most four decimals, or 1ppm to \
             1000000ppm"
    )]
    Chance(String),
    #[error("\"{0}\" is no command; write names like SET or CLIENT|KILL, with commas between")]
    Command(String),
    #[error("\"{0}\" comes second; a rule has one of its kind: write another rule for the other")]
    Twice(String),
    #[error(
        "a partition concerns everything, so \"{0}\" cannot be said of it; leave it out, and say \
             when with @FROM..UNTIL"
    )]
    Partition(String),
}

const WHAT: &str =
    "delay, delay-reply, hold, drop, drop-reply, duplicate, half-open, reset, partition";

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Rule, RuleError> {
        parse(text).map_err(|why| RuleError { rule: text.to_owned(), why })
    }
}

fn parse(text: &str) -> Result<Rule, Why> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (name, rest) = words.split_first().ok_or(Why::Empty)?;
    let (fault, rest) = fault(name, rest)?;
    let (mut only, mut pick, mut window) = (Only::default(), None, None);
    for word in rest.iter().copied() {
        let part = part(word)?;
        let is_second = match &part {
            Part::Commands(_) => !only.commands.is_empty(),
            Part::With(_) => only.with.is_some(),
            Part::Pick(_) => pick.is_some(),
            Part::Window(_) => window.is_some(),
        };
        if is_second {
            return Err(Why::Twice(word.to_owned()));
        }
        if matches!(fault, Fault::Partition(_)) && !matches!(part, Part::Window(_)) {
            return Err(Why::Partition(word.to_owned()));
        }
        match part {
            Part::Commands(commands) => only.commands = commands,
            Part::With(argument) => only.with = Some(argument),
            Part::Pick(said) => pick = Some(said),
            Part::Window(said) => window = Some(said),
        }
    }
    Ok(Rule { fault, only, pick: pick.unwrap_or(Pick::Every), window })
}

/// The fault, and the words behind it.
fn fault<'a>(name: &str, rest: &'a [&'a str]) -> Result<(Fault, &'a [&'a str]), Why> {
    let begins_with_digit = |word: &&&str| word.starts_with(|letter: char| letter.is_ascii_digit());
    let time = rest.first().filter(begins_with_digit).filter(|word| !is_chance(word));
    let behind = if time.is_some() { &rest[1..] } else { rest };
    let spread = |name| spread(time.ok_or(Why::NoTime(name))?);
    let once = |name| {
        let spread = time.map(|time| self::spread(time)).transpose()?;
        match spread {
            Some(spread) if spread.least_us != spread.most_us => Err(Why::Range(name)),
            one => Ok(one.map(|one| one.least_us)),
        }
    };
    let silence = |name| Ok(once(name)?.map_or(Silence::Open, Silence::ResetAfterUs));
    let refuses = rest.first().is_some_and(|word| word.eq_ignore_ascii_case("refuse"));
    Ok(match name.to_ascii_lowercase().as_str() {
        "delay" => (Fault::Delay(spread("delay")?), behind),
        "delay-reply" => (Fault::DelayReply(spread("delay-reply")?), behind),
        "hold" => (Fault::Hold, rest),
        "drop" => (Fault::Drop(silence("drop")?), behind),
        "drop-reply" => (Fault::DropReply(silence("drop-reply")?), behind),
        "duplicate" => (Fault::Duplicate, rest),
        "half-open" => (Fault::HalfOpen { deliver_after_us: once("half-open")? }, behind),
        "reset" => (Fault::Reset, rest),
        "partition" if refuses => (Fault::Partition(Newcomers::Refuse), &rest[1..]),
        "partition" => (Fault::Partition(Newcomers::Hang), rest),
        _ => return Err(Why::Fault(name.to_owned())),
    })
}

enum Part {
    Commands(Vec<CommandName>),
    With(String),
    Pick(Pick),
    Window(Window),
}

fn part(word: &str) -> Result<Part, Why> {
    let count = |digits: &str| {
        let count = digits.parse().ok().filter(|count| *count > 0);
        count.ok_or_else(|| Why::Count(word.to_owned()))
    };
    if let Some(digits) = word.strip_prefix('#') {
        return Ok(Part::Pick(Pick::Nth(count(digits)?)));
    }
    if let Some(digits) = word.strip_prefix('/') {
        return Ok(Part::Pick(Pick::EveryNth(count(digits)?)));
    }
    if let Some(window) = word.strip_prefix('@') {
        return Ok(Part::Window(self::window(window)?));
    }
    if let Some(argument) = word.strip_prefix("with=") {
        return Ok(Part::With(argument.to_owned()));
    }
    if is_chance(word) {
        let chance = chance_ppm(word).filter(|ppm| (1..=1_000_000).contains(ppm));
        return Ok(Part::Pick(Pick::ChancePpm(chance.ok_or(Why::Chance(word.to_owned()))?)));
    }
    let is_name = |name: &str| {
        let letters = |part: &str| {
            part.starts_with(|letter: char| letter.is_ascii_alphabetic())
                && part
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter))
        };
        name.split_once('|').map_or(letters(name), |(name, sub)| letters(name) && letters(sub))
    };
    if !word.split(',').all(is_name) {
        return Err(Why::Command(word.to_owned()));
    }
    Ok(Part::Commands(word.split(',').map(CommandName::new).collect()))
}

fn is_chance(word: &str) -> bool {
    word.ends_with('%') || word.ends_with("ppm")
}

fn chance_ppm(word: &str) -> Option<u32> {
    if let Some(digits) = word.strip_suffix("ppm") {
        return digits.parse().ok();
    }
    let (whole, decimals) = {
        let number = word.strip_suffix('%')?;
        number.split_once('.').unwrap_or((number, ""))
    };
    let are_digits = decimals.len() <= 4 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    let decimals: u32 = format!("{decimals:0<4}").parse().ok().filter(|_| are_digits)?;
    whole.parse::<u32>().ok()?.checked_mul(10_000)?.checked_add(decimals)
}

fn window(text: &str) -> Result<Window, Why> {
    let wrong = || Why::Time(format!("@{text}"));
    let (from, until) = text.split_once("..").ok_or_else(wrong)?;
    let from_ms = micros(from)? / 1_000;
    let until_ms = match until {
        "" => None,
        until => Some(micros(until)? / 1_000),
    };
    if until_ms.is_some_and(|until_ms| until_ms <= from_ms) {
        return Err(Why::Backwards(format!("@{text}")));
    }
    Ok(Window { from_ms, until_ms })
}

fn spread(text: &str) -> Result<Spread, Why> {
    let (least, most) = text.split_once("..").unwrap_or((text, text));
    let (least_us, most_us) = (micros(least)?, micros(most)?);
    if most_us < least_us {
        return Err(Why::Backwards(text.to_owned()));
    }
    Ok(Spread { least_us, most_us })
}

const UNITS: [(&str, u64); 4] = [("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1)];

/// The longest time that may be said: a day.
const LONGEST_US: u64 = 24 * 60 * 60_000_000;

fn micros(text: &str) -> Result<u64, Why> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, us)| *us);
    let us = number.parse::<u64>().ok().zip(unit).and_then(|(number, us)| number.checked_mul(us));
    us.filter(|us| *us <= LONGEST_US).ok_or_else(|| Why::Time(text.to_owned()))
}

fn percent(ppm: u32) -> String {
    let decimals = format!("{:04}", ppm % 10_000);
    let text = format!("{}.{}", ppm / 10_000, decimals.trim_end_matches('0'));
    format!("{}%", text.trim_end_matches('.'))
}

/// A time in its largest unit.
fn time(us: u64) -> String {
    let unit = UNITS.iter().find(|(_, unit)| us > 0 && us.is_multiple_of(*unit));
    unit.map_or("0ms".to_owned(), |(name, unit)| format!("{}{name}", us / unit))
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&time(self.least_us))?;
        if self.least_us == self.most_us { Ok(()) } else { write!(f, "..{}", time(self.most_us)) }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.fault.name())?;
        match self.fault {
            Fault::Delay(spread) | Fault::DelayReply(spread) => write!(f, " {spread}")?,
            Fault::Drop(Silence::ResetAfterUs(us))
            | Fault::DropReply(Silence::ResetAfterUs(us))
            | Fault::HalfOpen { deliver_after_us: Some(us) } => write!(f, " {}", time(us))?,
            Fault::Partition(Newcomers::Refuse) => f.write_str(" refuse")?,
            Fault::Drop(Silence::Open)
            | Fault::DropReply(Silence::Open)
            | Fault::HalfOpen { deliver_after_us: None }
            | Fault::Partition(Newcomers::Hang)
            | Fault::Hold
            | Fault::Duplicate
            | Fault::Reset => {}
        }
        let commands: Vec<String> = self.only.commands.iter().map(CommandName::to_string).collect();
        if !commands.is_empty() {
            write!(f, " {}", commands.join(","))?;
        }
        if let Some(argument) = &self.only.with {
            write!(f, " with={argument}")?;
        }
        match self.pick {
            Pick::Every => {}
            Pick::Nth(nth) => write!(f, " #{nth}")?,
            Pick::EveryNth(nth) => write!(f, " /{nth}")?,
            Pick::ChancePpm(ppm) => write!(f, " {}", percent(ppm))?,
        }
        match self.window {
            None => Ok(()),
            Some(Window { from_ms, until_ms: None }) => write!(f, " @{}..", time(from_ms * 1_000)),
            Some(Window { from_ms, until_ms: Some(until_ms) }) => {
                write!(f, " @{}..{}", time(from_ms * 1_000), time(until_ms * 1_000))
            }
        }
    }
}
