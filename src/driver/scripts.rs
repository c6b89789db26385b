//! What a node does for a lease, as scripts: each is one step there, whole or not at all.
//!
//! Every script takes the keys of a lease and its token, and looks at all of the keys before it
//! changes the first. A script that has begun to write is not refused for want of memory any more,
//! so either all of its keys change or none does. (A server that dies within a script may keep a
//! part on disk; the restart guard is for that as for every crash.)
//!
//! They answer 1: done; 0: there is another's value; -1: a key is missing, and none is another's.
//! A key of another type is somebody else's, whatever it holds.

use crate::protocol::Extend;

/// Looks at every key: `missing` is whether one is not there. Ends with 0 if one is another's.
macro_rules! for_own {
    ($then:literal) => {
        concat!(
            "\
local missing = false
for _, key in ipairs(KEYS) do
  local held = redis.pcall('GET', key)
  if type(held) == 'table' then
    if string.find(held.err, 'WRONGTYPE', 1, true) then return 0 end
    return held
  end
  if not held then missing = true elseif held ~= ARGV[1] then return 0 end
end
",
            $then
        )
    };
}

/// `SET NX PX` for several keys. Keys that hold the own token count as granted.
pub(super) const ACQUIRE: &str = for_own!(
    "\
for _, key in ipairs(KEYS) do redis.call('SET', key, ARGV[1], 'PX', ARGV[2]) end
return 1
"
);

/// Compare with the token that was handed over, then set the own one.
pub(super) const ADOPT: &str = for_own!(
    "\
if missing then return -1 end
for _, key in ipairs(KEYS) do redis.call('SET', key, ARGV[2], 'PX', ARGV[3]) end
return 1
"
);

/// Compare, then `PEXPIRE`.
const TOUCH: &str = for_own!(
    "\
if missing then return -1 end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[2]) end
return 1
"
);

/// The same, and a missing key is set again.
const TOUCH_OR_SET: &str = for_own!(
    "\
for _, key in ipairs(KEYS) do
  if missing then
    redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
  else
    redis.call('PEXPIRE', key, ARGV[2])
  end
end
return 1
"
);

macro_rules! release {
    ($then:literal) => {
        concat!(
            "\
local answer, own = 1, {}
for _, key in ipairs(KEYS) do
  local held = redis.pcall('GET', key)
  if type(held) == 'table' and not string.find(held.err, 'WRONGTYPE', 1, true) then
    return held
  end
  if held == ARGV[1] then own[#own + 1] = key
  elseif held then answer = 0
  elseif answer == 1 then answer = -1 end
end
for _, key in ipairs(own) do
  redis.call('DEL', key)
",
            $then,
            "\
end
return answer
"
        )
    };
}

/// Compare, then `DEL`: of several keys those that are the own. Sent whole with every release: a
/// release that needs a second message could be overtaken.
pub(super) const RELEASE: &str = release!("");

/// The same for one key: shorter, since every release carries it.
pub(super) const RELEASE_ONE: &str = "\
local v=redis.pcall('GET',KEYS[1])
if v==ARGV[1] then return redis.call('DEL',KEYS[1]) end
if not v then return -1 end
if type(v)=='table' and not v.err:find('WRONGTYPE') then return v end
return 0
";

/// The same, and tells whoever listens. Who may not is not kept from releasing.
pub(super) const RELEASE_AND_TELL: &str =
    release!("  redis.pcall('PUBLISH', 'leasehold:released:' .. key, '')\n");

pub(super) fn extend(extend: Extend) -> &'static str {
    match extend {
        Extend::Touch => TOUCH,
        Extend::TouchOrSet => TOUCH_OR_SET,
    }
}

#[cfg(test)]
mod tests {
    use super::super::listener::CHANNEL;
    use super::*;

    #[test]
    fn releases_are_told_where_they_are_listened_for() {
        assert!(RELEASE_AND_TELL.contains(&std::format!("'PUBLISH', '{CHANNEL}' .. key")));
        assert!(!RELEASE.contains("PUBLISH"));
    }
}
