//! The value that marks a key as one lease's own.

use std::string::String;

/// 16 random bytes, drawn anew for every attempt. Sent as standard base64, 24 characters, which is
/// what redsync stores, so that the two exclude each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Token([u8; 16]);

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl Token {
    pub(super) fn draw() -> Result<Token, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Token(bytes))
    }

    /// The token of these bytes.
    #[cfg(any(test, feature = "__conformance"))]
    pub(super) fn of(bytes: [u8; 16]) -> Token {
        Token(bytes)
    }

    pub(super) fn base64(&self) -> [u8; 24] {
        let mut text = [b'='; 24];
        for (group, quad) in self.0.chunks(3).zip(text.chunks_mut(4)) {
            let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
            let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
            for (place, letter) in quad.iter_mut().enumerate().take(group.len() + 1) {
                let index = bits >> (18 - 6 * place) & 63;
                *letter = ALPHABET[index as usize];
            }
        }
        text
    }
}

impl Token {
    /// The same as text.
    pub(super) fn text(&self) -> String {
        self.base64().iter().copied().map(char::from).collect()
    }

    /// The same, bare.
    #[cfg(feature = "record")]
    pub(super) fn bytes(&self) -> [u8; 16] {
        self.0
    }

    /// Reads back what [`base64`](Self::base64) wrote.
    pub(super) fn parse(text: &str) -> Option<Token> {
        let mut bytes = [0; 16];
        let letters = text.as_bytes().strip_suffix(b"==")?;
        for (quad, group) in letters.chunks(4).zip(bytes.chunks_mut(3)) {
            let mut bits = 0;
            for (place, letter) in quad.iter().enumerate() {
                bits |= ALPHABET.iter().position(|known| known == letter)? << (18 - 6 * place);
            }
            for (place, byte) in group.iter_mut().enumerate() {
                *byte = (bits >> (16 - 8 * place)) as u8;
            }
        }
        let token = Token(bytes);
        // Too long, too short, or with bits that stand for nothing.
        (token.base64() == text.as_bytes()).then_some(token)
    }
}

/// Random numbers for delays, where nobody gains by guessing them: SplitMix64, seeded by the
/// system.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) fn draw() -> Result<Jitter, getrandom::Error> {
        getrandom::u64().map(Jitter)
    }

    /// Uniform over all of `u32`.
    pub(super) fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::Token;

    #[test]
    fn tokens_are_standard_base64() {
        assert_eq!(&Token([0; 16]).base64(), b"AAAAAAAAAAAAAAAAAAAAAA==");
        assert_eq!(&Token([255; 16]).base64(), b"/////////////////////w==");
        assert_eq!(&Token(*b"leasehold tokens").base64(), b"bGVhc2Vob2xkIHRva2Vucw==");
    }

    #[test]
    fn tokens_differ() {
        assert_ne!(Token::draw(), Token::draw());
    }
}
