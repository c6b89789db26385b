//! Hashing a world quickly.
//!
//! A world is some hundred small fields. Derived hashing hands them to the hasher one by one, which
//! costs more than the step that made them; here they are first packed into words of eight bytes.

use std::hash::{Hash, Hasher};

use crate::world::World;

/// Collects what is hashed, and hands it on in whole words.
struct Packing<'a, H> {
    inner: &'a mut H,
    word: u64,
    filled: u32,
}

impl<H: Hasher> Packing<'_, H> {
    #[inline]
    fn push(&mut self, value: u64, bits: u32) {
        if self.filled + bits > 64 {
            self.inner.write_u64(self.word);
            self.word = 0;
            self.filled = 0;
        }
        self.word |= value << self.filled;
        self.filled += bits;
    }
}

impl<H: Hasher> Hasher for Packing<'_, H> {
    fn finish(&self) -> u64 {
        self.inner.finish()
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.inner.write_u64(u64::from_le_bytes(word));
        }
    }

    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.push(value.into(), 8);
    }

    #[inline]
    fn write_i8(&mut self, value: i8) {
        self.push((value as u8).into(), 8);
    }

    #[inline]
    fn write_u16(&mut self, value: u16) {
        self.push(value.into(), 16);
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.inner.write_u64(value);
    }

    #[inline]
    fn write_i64(&mut self, value: i64) {
        self.inner.write_u64(value as u64);
    }

    /// Lengths of arrays, which are constant.
    #[inline]
    fn write_usize(&mut self, _: usize) {}

    /// Discriminants of enums, which are small.
    #[inline]
    fn write_isize(&mut self, value: isize) {
        self.push((value as u8).into(), 8);
    }
}

impl<R: Hash, I: Hash, const N: usize, const C: usize> Hash for World<R, I, N, C> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut packing = Packing { inner: state, word: 0, filled: 0 };
        self.nodes.hash(&mut packing);
        self.pipes.hash(&mut packing);
        self.clients.hash(&mut packing);
        self.guarded_until.hash(&mut packing);
        self.faults.hash(&mut packing);
        self.healed.hash(&mut packing);
        self.breaches.hash(&mut packing);
        self.ticket.hash(&mut packing);
        let last = packing.word;
        state.write_u64(last);
    }
}
