//! What one lease is on: a key, or several that are held together.

use std::boxed::Box;
use std::string::String;
use std::sync::Arc;
use std::vec::Vec;

/// A key, or several that each node sets, extends and deletes together. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    One(Arc<str>),
    Several(Arc<Several>),
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Several {
    names: Box<[Arc<str>]>,
    /// All of them, for people.
    shown: String,
}

impl Key {
    pub(super) fn one(name: &str) -> Key {
        Key::One(name.into())
    }

    /// Each of these once, in an order of their own: whoever names the same keys stands in the
    /// same line. `None` if there are none.
    pub(super) fn several(names: impl IntoIterator<Item: Into<String>>) -> Option<Key> {
        let mut names: Vec<String> = names.into_iter().map(Into::into).collect();
        names.sort_unstable();
        names.dedup();
        match names.as_slice() {
            [] => None,
            [one] => Some(Key::one(one)),
            [_, _, ..] => {
                let shown = names.join(", ");
                let names = names.into_iter().map(Arc::from).collect();
                Some(Key::Several(Arc::new(Several { names, shown })))
            }
        }
    }

    /// For people: several keys are separated by commas.
    pub(super) fn shown(&self) -> &str {
        match self {
            Key::One(name) => name,
            Key::Several(several) => &several.shown,
        }
    }

    /// At least one.
    pub(super) fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        let names = match self {
            Key::One(name) => core::slice::from_ref(name),
            Key::Several(several) => &several.names,
        };
        names.iter().map(|name| &**name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_keys_are_a_set() {
        let key = Key::several(["b", "a", "b"]).unwrap();
        assert_eq!(key.names().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(key.shown(), "a, b");
        assert_eq!(key, Key::several(["a", "b"]).unwrap());
        assert_eq!(Key::several(["a", "a"]), Some(Key::one("a")));
        assert_eq!(Key::one("a").names().len(), 1);
        assert_eq!(Key::several([""; 0]), None);
    }
}
