//! Vectors on their way: cut into chunks, put together again, and hashed to a root.

use super::messages::{CHUNK_BYTES, VectorChunk};
use super::ring::Words;
use super::task::{Task, Values};
use crate::error::Error;
use crate::message::Message;
use crate::party::PartyId;
use crate::transcript::{DIGEST_BYTES, SUM_COMMITMENT, SUM_VECTOR};

/// Hashes a masked vector to its root, by the tree of BLAKE3 (O'Connor et al. 2020).
pub(super) struct Root(blake3::Hasher);

impl Root {
    pub(super) fn new(session: &[u8; DIGEST_BYTES], seat: u16) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(SUM_VECTOR);
        hasher.update(session);
        hasher.update(&seat.to_le_bytes());
        Self(hasher)
    }

    pub(super) fn absorb(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> [u8; DIGEST_BYTES] {
        *self.0.finalize().as_bytes()
    }
}

/// Commits to a plain vector under a salt: BLAKE3 over salt, session and values of 128 bits, little-endian.
pub(super) fn commit(salt: &[u8; 32], session: &[u8; DIGEST_BYTES], input: Values<'_>) -> [u8; DIGEST_BYTES] {
    let mut hasher = blake3::Hasher::new_derive_key(SUM_COMMITMENT);
    hasher.update(salt);
    hasher.update(session);
    let len = input.len();
    let mut words = [0u128; 512];
    for first in (0..len).step_by(words.len()) {
        let words = words.get_mut(..(len - first).min(512)).unwrap_or_default();
        input.words(first, words);
        words.iter().for_each(|word| {
            hasher.update(&word.to_le_bytes());
        });
    }
    *hasher.finalize().as_bytes()
}

/// Cuts a vector into chunks.
pub(super) fn chunks<const K: u8>(words: &Words) -> impl Iterator<Item = VectorChunk<K>> {
    words.bytes.chunks(CHUNK_BYTES).map(|bytes| VectorChunk { bytes: bytes.to_vec() })
}

/// A vector that is being received.
#[derive(Debug)]
pub(super) struct Assembly {
    words: Words,
    expected: usize,
}

impl Assembly {
    pub(super) fn new(task: &Task) -> Self {
        let expected = task.vector_bytes();
        // What a peer announces is not allocated; what it sends is.
        Self { words: Words { ring: task.ring(), bytes: Vec::new() }, expected }
    }

    /// Counts the bytes that are still missing.
    pub(super) fn missing_bytes(&self) -> usize {
        self.expected - self.words.bytes.len()
    }

    /// Takes the next chunk: MASK-9.
    pub(super) fn accept<const K: u8>(&mut self, chunk: VectorChunk<K>, peer: &PartyId) -> Result<(), Error> {
        let expected = self.missing_bytes().min(CHUNK_BYTES);
        let found = chunk.bytes.len();
        if expected == 0 || found != expected {
            let message = VectorChunk::<K>::NAME;
            return Err(Error::Count { peer: peer.clone(), message, found, expected }); // MASK-9
        }
        if self.words.bytes.is_empty() {
            self.words.bytes.reserve_exact(self.expected);
        }
        self.words.bytes.extend_from_slice(&chunk.bytes);
        Ok(())
    }

    /// Returns the vector once it is whole: MASK-9.
    pub(super) fn close(self, message: &'static str, peer: &PartyId) -> Result<Words, Error> {
        let found = self.words.bytes.len();
        if found != self.expected {
            return Err(Error::Count { peer: peer.clone(), message, found, expected: self.expected }); // MASK-9
        }
        Ok(self.words)
    }
}
