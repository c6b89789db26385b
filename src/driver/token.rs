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

    pub(super) fn base64(&self) -> String {
        let mut text = String::with_capacity(24);
        for group in self.0.chunks(3) {
            let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
            let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
            for place in 0..4 {
                if place <= group.len() {
                    let index = bits >> (18 - 6 * place) & 63;
                    text.push(char::from(ALPHABET[index as usize]));
                } else {
                    text.push('=');
                }
            }
        }
        text
    }
}

/// Uniform over all of `u32`, for the delay between two attempts.
pub(super) fn jitter() -> Result<u32, getrandom::Error> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes)?;
    Ok(u32::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::Token;

    #[test]
    fn tokens_are_standard_base64() {
        assert_eq!(Token([0; 16]).base64(), "AAAAAAAAAAAAAAAAAAAAAA==");
        assert_eq!(Token([255; 16]).base64(), "/////////////////////w==");
        assert_eq!(Token(*b"leasehold tokens").base64(), "bGVhc2Vob2xkIHRva2Vucw==");
    }

    #[test]
    fn tokens_differ() {
        assert_ne!(Token::draw(), Token::draw());
    }
}
