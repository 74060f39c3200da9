//! Private set intersection between two parties.
//!
//! # Which variant
//! | | [`ecdh`] | [`cardinality`] |
//! |---|---|---|
//! | the receiver learns | which of its items are common | how many are common |
//! | the sender learns | nothing but sizes, or the same under [`Outputs::Both`](crate::Outputs::Both) | the same |
//! | a malicious sender breaks | correctness; with output for both it also learns whether chosen items match | correctness; with output for both the number tells it about items that it singles out; privacy of x only against DDH |
//! | a malicious receiver breaks | the minimum, and what the sender is told | the same, and the hiding of which items match |
//! | flights | 6, and 2 for each further 65,536 items of the receiver | 5 |
//! | bytes for an item of the receiver | 64 | 64 |
//! | bytes for an item of the sender, 2^20 against 2^20 | 7.7 | 7.7 |
//! | variable-base multiplications for nx and ny items | nx + ny | 3 nx + ny |
//! | the sender keeps for an item of the receiver | nothing | 32 bytes |
//!
//! Take [`cardinality`] where the number is all that anybody needs, [`ecdh`] where rows are to be joined.
//! Either way the side with fewer items should receive.

pub mod cardinality;
pub mod ecdh;

pub use crate::tags::{STATISTICAL_BITS, TAGS_PER_CHUNK, Tags, tag_bits};

/// The common items of two parties, as indices into the own set.
///
/// `Debug` prints their number alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Intersection {
    indices: Vec<u32>,
}

impl Intersection {
    pub(crate) fn new(mut indices: Vec<u32>) -> Self {
        indices.sort_unstable();
        indices.dedup();
        Self { indices }
    }

    /// Returns the indices in rising order.
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// Counts the common items.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// Returns for each of `set_len` items whether it is common.
    pub fn to_bitmap(&self, set_len: usize) -> Vec<bool> {
        let mut bitmap = vec![false; set_len];
        for &index in &self.indices {
            if let Some(bit) = bitmap.get_mut(index as usize) {
                *bit = true;
            }
        }
        bitmap
    }
}

impl std::fmt::Debug for Intersection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intersection").field("len", &self.len()).finish_non_exhaustive()
    }
}
