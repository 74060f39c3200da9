//! The group ristretto255 (RFC 9496) and hashing to it (RFC 9380, RFC 9497), over curve25519-dalek.
//!
//! Bytes become elements only here: a non-canonical encoding and the identity are refused (`GROUP-1`,
//! `GROUP-2`), so no protocol computes with either.
//!
//! | check | what is checked | error | test |
//! |---|---|---|---|
//! | GROUP-1 | an encoding is canonical | [`BadElement::NotCanonical`] | `tests/vectors.rs` |
//! | GROUP-2 | it is not that of the identity | [`BadElement::Identity`] | same |

use std::fmt;

use curve25519_dalek::constants::RISTRETTO_BASEPOINT_TABLE;
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoBasepointTable, RistrettoPoint};
use curve25519_dalek::traits::{Identity, IsIdentity};
use sha2::{Digest, Sha512};
use subtle::{Choice, ConditionallySelectable};
use zeroize::Zeroize;

use crate::secret::{SecretScalar, signed};

/// Length of an encoded element in bytes.
pub const ELEMENT_BYTES: usize = 32;

/// An element as it travels: its canonical encoding.
pub type Encoded = [u8; ELEMENT_BYTES];

/// Domain separation of `HashToGroup` in the OPRF suite ristretto255-SHA512 (RFC 9497 §3.1, §4.1).
const HASH_TO_GROUP_DST: &[u8] = b"HashToGroup-OPRFV1-\x00-ristretto255-SHA512";

/// Block and output length of SHA-512 in bytes (`s_in_bytes`, `b_in_bytes` of RFC 9380 §5.3.1).
const SHA512_BLOCK_BYTES: usize = 128;
const SHA512_OUTPUT_BYTES: usize = 64;

/// Why bytes are no usable element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadElement {
    /// They are not the canonical encoding of any element (RFC 9496 §4.3.1).
    #[error("not a canonical ristretto255 encoding")]
    NotCanonical,
    /// They encode the identity.
    #[error("the identity element")]
    Identity,
}

/// An element of ristretto255.
///
/// `Debug` shows nothing: some elements are as secret as the items and keys they come from.
#[derive(Clone, Copy, PartialEq, Eq, Zeroize)]
pub struct Element(RistrettoPoint);

impl fmt::Debug for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Element(..)")
    }
}

impl Element {
    /// Hashes the concatenation of `parts` to the group: `HashToGroup` of the suite ristretto255-SHA512.
    ///
    /// # Source
    /// RFC 9497 §4.1; RFC 9380 appendix B (ristretto255_XMD:SHA-512_R255MAP_RO_).
    pub fn hash(parts: &[&[u8]]) -> Self {
        let mut uniform = [0; SHA512_OUTPUT_BYTES];
        expand_message_xmd(parts, HASH_TO_GROUP_DST, &mut uniform);
        Self::from_uniform_bytes(&uniform)
    }

    /// Maps 64 uniform bytes to an element.
    ///
    /// # Source
    /// RFC 9496 §4.3.4.
    pub fn from_uniform_bytes(bytes: &[u8; 64]) -> Self {
        Self(RistrettoPoint::from_uniform_bytes(bytes))
    }

    /// Decodes an element that is not the identity.
    ///
    /// # Errors
    /// [`BadElement::NotCanonical`], [`BadElement::Identity`].
    ///
    /// # Source
    /// RFC 9496 §4.3.1.
    pub fn decode(bytes: &Encoded) -> Result<Self, BadElement> {
        #[cfg(test)]
        tally::count(|tally| tally.decoded += 1);
        let point = CompressedRistretto(*bytes).decompress().ok_or(BadElement::NotCanonical)?; // GROUP-1
        if point.is_identity() {
            return Err(BadElement::Identity); // GROUP-2
        }
        Ok(Self(point))
    }

    /// Encodes the element.
    ///
    /// # Source
    /// RFC 9496 §4.3.2.
    pub fn encode(&self) -> Encoded {
        self.0.compress().to_bytes()
    }

    /// Encodes twice each element, at a tenth of the cost of encoding each by itself.
    ///
    /// One inversion serves the whole batch, which only works for doubled elements; protocols halve a
    /// scalar beforehand where they want the element itself.
    pub fn encode_doubled(elements: &[Self]) -> Vec<Encoded> {
        let doubled = RistrettoPoint::double_and_compress_batch(elements.iter().map(|e| &e.0));
        doubled.iter().map(CompressedRistretto::to_bytes).collect()
    }

    /// Multiplies the generator by `scalar`.
    pub fn generate(scalar: &SecretScalar) -> Self {
        Self(RISTRETTO_BASEPOINT_TABLE * scalar.expose())
    }

    /// Multiplies the generator by a small integer, in constant time.
    pub(crate) fn of_integer(value: i64) -> Self {
        Self(RISTRETTO_BASEPOINT_TABLE * &signed(value))
    }

    /// Returns the identity, from which sums start.
    pub(crate) fn identity() -> Self {
        Self(RistrettoPoint::identity())
    }

    /// Tells whether this is the identity.
    pub(crate) fn is_identity(&self) -> bool {
        self.0.is_identity()
    }

    /// Adds `other` where `choice` is set; takes the same time where it is not.
    pub(crate) fn add_if(&mut self, other: &Self, choice: Choice) {
        #[cfg(test)]
        tally::count(|tally| tally.selected += 1);
        let sum = self.0 + other.0;
        self.0.conditional_assign(&sum, choice);
    }

    /// Multiplies the element by `scalar`, in constant time.
    pub fn mul(&self, scalar: &SecretScalar) -> Self {
        #[cfg(test)]
        tally::count(|tally| tally.multiplied += 1);
        Self(self.0 * scalar.expose())
    }

    /// Adds two elements.
    pub fn add(&self, other: &Self) -> Self {
        #[cfg(test)]
        tally::count(|tally| tally.added += 1);
        Self(self.0 + other.0)
    }

    /// Subtracts `other`.
    pub fn sub(&self, other: &Self) -> Self {
        Self(self.0 - other.0)
    }
}

/// Multiples of one public element, precomputed: each multiplication costs half of [`Element::mul`].
pub struct FixedBase(Box<RistrettoBasepointTable>);

impl FixedBase {
    /// Precomputes the table of `base` (30 KiB).
    pub fn new(base: &Element) -> Self {
        Self(Box::new(RistrettoBasepointTable::create(&base.0)))
    }

    /// Multiplies the base by `scalar`, in constant time.
    pub fn mul(&self, scalar: &SecretScalar) -> Element {
        Element(self.0.as_ref() * scalar.expose())
    }
}

impl fmt::Debug for FixedBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FixedBase(..)")
    }
}

/// Fills `out` with pseudo-random bytes that depend on the concatenation of `parts` and on `dst`.
///
/// `dst` has at most 255 bytes and `out` at most 255 * 64; longer ones panic, since both are fixed by the
/// program and never by a peer.
///
/// # Source
/// RFC 9380 §5.3.1 with SHA-512.
pub fn expand_message_xmd(parts: &[&[u8]], dst: &[u8], out: &mut [u8]) {
    let dst_len = u8::try_from(dst.len()).expect("domain separation tags are constants of at most 255 bytes");
    let out_len = u16::try_from(out.len()).expect("outputs are at most 255 blocks");
    assert!(out.len() <= 255 * SHA512_OUTPUT_BYTES, "outputs are at most 255 blocks");

    let mut first = Sha512::new_with_prefix([0; SHA512_BLOCK_BYTES]);
    parts.iter().for_each(|part| first.update(part));
    first.update(out_len.to_be_bytes());
    first.update([0]);
    first.update(dst);
    first.update([dst_len]);
    let b_0 = first.finalize();

    let mut block = sha2::digest::Output::<Sha512>::default();
    for (i, chunk) in (1u8..).zip(out.chunks_mut(SHA512_OUTPUT_BYTES)) {
        let chained: Vec<u8> = b_0.iter().zip(&block).map(|(a, b)| a ^ b).collect();
        let hash = Sha512::new_with_prefix(chained).chain_update([i]).chain_update(dst);
        block = hash.chain_update([dst_len]).finalize();
        chunk.copy_from_slice(block.get(..chunk.len()).unwrap_or_default());
    }
}

/// The operations of a thread, for tests of what the work depends on.
#[cfg(test)]
pub(crate) mod tally {
    use std::cell::Cell;

    /// How often elements were decoded, added where a choice was set or not, multiplied and added.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Tally {
        pub(crate) decoded: u64,
        pub(crate) selected: u64,
        pub(crate) multiplied: u64,
        pub(crate) added: u64,
    }

    thread_local! {
        static TALLY: Cell<Tally> = Cell::default();
    }

    pub(super) fn count(operation: impl FnOnce(&mut Tally)) {
        let mut tally = TALLY.get();
        operation(&mut tally);
        TALLY.set(tally);
    }

    /// Counts the operations of this thread.
    pub(crate) fn so_far() -> Tally {
        TALLY.get()
    }

    /// Counts those since `before`.
    pub(crate) fn since(before: Tally) -> Tally {
        let now = so_far();
        Tally {
            decoded: now.decoded - before.decoded,
            selected: now.selected - before.selected,
            multiplied: now.multiplied - before.multiplied,
            added: now.added - before.added,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::seeded_rng;

    #[test]
    fn doubled_encoding_is_the_encoding_of_the_double() {
        let elements: Vec<_> = (0u8..5).map(|i| Element::hash(&[&[i]])).collect();
        let expected: Vec<_> = elements.iter().map(|e| e.add(e).encode()).collect();
        assert_eq!(Element::encode_doubled(&elements), expected);
    }

    #[test]
    fn a_fixed_base_multiplies_like_its_element() {
        let base = Element::hash(&[b"base"]);
        let scalar = SecretScalar::random(&mut seeded_rng(1));
        assert_eq!(FixedBase::new(&base).mul(&scalar), base.mul(&scalar));
    }

    #[test]
    fn parts_are_hashed_as_their_concatenation() {
        assert_eq!(Element::hash(&[b"ab", b"", b"c"]), Element::hash(&[b"abc"]));
    }
}
