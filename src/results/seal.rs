//! One checksum over every byte of a file, held in the file itself: the first word `checksum` in it is followed by the
//! SHA-256 of the file's bytes with these 64 digits as zeros.

use std::ops::Range;

use sha2::{Digest, Sha256};

/// What stands in the place of a checksum before it is known.
pub const BLANK: &str = "0000000000000000000000000000000000000000000000000000000000000000";

const WORD: &[u8] = b"checksum";

/// Puts the checksum in the place of [`BLANK`] and returns it.
///
/// # Panics
/// When the bytes hold no blank checksum: a mistake of the caller.
pub fn seal(bytes: &mut [u8]) -> String {
    let place = place(bytes).expect("a blank checksum");
    assert_eq!(&bytes[place.clone()], BLANK.as_bytes(), "a blank checksum");
    let checksum = hex(&Sha256::digest(&bytes));
    bytes[place].copy_from_slice(checksum.as_bytes());
    checksum
}

/// Whether the bytes are those that were sealed. Returns the checksum.
///
/// # Errors
/// In words: no checksum, or another one than the content has.
pub fn verify(bytes: &[u8]) -> Result<String, String> {
    let place = place(bytes).ok_or("it has no checksum")?;
    let mut hash = Sha256::new();
    hash.update(&bytes[..place.start]);
    hash.update(BLANK);
    hash.update(&bytes[place.end..]);
    let found = hex(&hash.finalize());
    if found.as_bytes() == &bytes[place] {
        return Ok(found);
    }
    Err("its content does not match its checksum: it was changed after it was written".into())
}

fn place(bytes: &[u8]) -> Option<Range<usize>> {
    let word = bytes.windows(WORD.len()).position(|window| window == WORD)? + WORD.len();
    // The quotes and the colon, as JSON has them, or as JSON inside a JSON string.
    let skipped = bytes[word..].iter().position(|byte| !b"\\\": ".contains(byte))?;
    let start = word + skipped;
    let digits = bytes.get(start..start + BLANK.len())?;
    let hexadecimal = digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    hexadecimal.then_some(start..start + BLANK.len())
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_single_bit_counts() {
        let mut bytes = format!("{{\"schema\": 2, \"checksum\": \"{BLANK}\", \"score\": 0.5}}").into_bytes();
        let checksum = seal(&mut bytes);
        assert_eq!(verify(&bytes), Ok(checksum));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(verify(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn what_has_no_checksum_is_refused() {
        for text in ["", "{}", "checksum", "\"checksum\": \"12\""] {
            assert!(verify(text.as_bytes()).is_err(), "{text}");
        }
    }
}
