//! A set of nodes, as bits.

use core::fmt;

/// The most nodes that a set can name.
pub const MAX_NODES: u8 = 16;

/// A set of nodes by index, one bit each. Its width bounds the number of nodes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeSet(u16);

impl NodeSet {
    /// No node.
    pub const EMPTY: NodeSet = NodeSet(0);

    /// The nodes `0..count`.
    #[inline]
    pub fn all(count: u8) -> NodeSet {
        debug_assert!(count <= MAX_NODES);
        NodeSet(((1u32 << count) - 1) as u16)
    }

    /// Only `node`.
    #[inline]
    pub fn only(node: u8) -> NodeSet {
        NodeSet(1 << node)
    }

    /// Up to four sets in one word, to be hashed at once.
    #[inline]
    pub fn in_one_word(sets: [NodeSet; 4]) -> u64 {
        sets.iter().fold(0, |word, set| word << 16 | u64::from(set.0))
    }

    /// Whether `node` is in the set.
    #[inline]
    pub fn contains(self, node: u8) -> bool {
        self.0 & (1 << node) != 0
    }

    /// Adds `node`.
    #[inline]
    pub fn insert(&mut self, node: u8) {
        self.0 |= 1 << node;
    }

    /// Removes `node`.
    #[inline]
    pub fn remove(&mut self, node: u8) {
        self.0 &= !(1 << node);
    }

    /// Nodes in either set.
    #[inline]
    #[must_use]
    pub fn or(self, other: NodeSet) -> NodeSet {
        NodeSet(self.0 | other.0)
    }

    /// Nodes in both sets.
    #[inline]
    #[must_use]
    pub fn and(self, other: NodeSet) -> NodeSet {
        NodeSet(self.0 & other.0)
    }

    /// Nodes in this set and not in the other.
    #[inline]
    #[must_use]
    pub fn without(self, other: NodeSet) -> NodeSet {
        NodeSet(self.0 & !other.0)
    }

    /// How many nodes.
    #[inline]
    pub fn len(self) -> u8 {
        self.0.count_ones() as u8
    }

    /// Whether it names no node.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The nodes in ascending order.
    #[inline]
    pub fn iter(self) -> Nodes {
        Nodes(self.0)
    }

    /// The set with each node renamed: position `i` of the result is position `order[i]` of this.
    #[inline]
    #[must_use]
    pub fn permute(self, order: &[u8]) -> NodeSet {
        // Without a branch: the checker does this for every set of every state.
        let bit = |(new, &old): (usize, &u8)| (self.0 >> old & 1) << new;
        NodeSet(order.iter().enumerate().map(bit).fold(0, |bits, bit| bits | bit))
    }
}

impl fmt::Debug for NodeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Iterator over a [`NodeSet`].
#[derive(Clone, Debug)]
pub struct Nodes(u16);

impl Iterator for Nodes {
    type Item = u8;

    #[inline]
    fn next(&mut self) -> Option<u8> {
        if self.0 == 0 {
            return None;
        }
        let node = self.0.trailing_zeros() as u8;
        self.0 &= self.0 - 1;
        Some(node)
    }
}

impl IntoIterator for NodeSet {
    type Item = u8;
    type IntoIter = Nodes;

    fn into_iter(self) -> Nodes {
        self.iter()
    }
}
