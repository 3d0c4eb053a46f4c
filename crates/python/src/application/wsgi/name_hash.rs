//! A hash of field names that costs less than the comparison that follows it.
//!
//! Names come from clients, who can make them collide. The table that uses this is small and stops growing, so that all they
//! gain is a few hundred comparisons per field.

use std::hash::{BuildHasherDefault, Hasher};

/// For [`std::collections::HashMap`].
pub(super) type NameHash = BuildHasherDefault<NameHasher>;

/// Takes a name in words of eight bytes.
#[derive(Default)]
pub(super) struct NameHasher(u64);

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_usize(&mut self, length: usize) {
        self.write_u64(length as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
