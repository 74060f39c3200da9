//! Messages of the protocol besides [`Tags`](crate::psi::Tags) and [`Finished`](crate::Finished).

use std::fmt;

use crate::codec::{Malformation, Reader};
use crate::error::Error;
use crate::group::{ELEMENT_BYTES, Element, Encoded};
use crate::message::{Elements, Message, kind};
use crate::party::PartyId;

/// The sender's public key K = s·G of this session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderKey {
    pub(crate) encoded: Encoded,
}

impl SenderKey {
    /// Decodes the key.
    pub(crate) fn element(&self, peer: &PartyId) -> Result<Element, Error> {
        Element::decode(&self.encoded).map_err(|cause| bad_element::<Self>(peer, 0, cause))
    }
}

impl Message for SenderKey {
    const KIND: u8 = kind::SENDER_KEY;
    const NAME: &'static str = "SenderKey";
    const MAX_BYTES: usize = 1 + ELEMENT_BYTES;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.encoded);
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        Ok(Self { encoded: reader.array()? })
    }
}

/// The receiver's next items, each hidden by a blind of its own.
pub type BlindedItems = Elements<{ kind::BLINDED_ITEMS }>;

/// The sender's answer, element by element.
pub type EvaluatedItems = Elements<{ kind::EVALUATED_ITEMS }>;

/// What the receiver lets the sender know, where both sides learn the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matches {
    pub(crate) released: bool,
    pub(crate) count: u64,
    /// Hash over the confirmations of the matched items in the sender's order.
    pub(crate) proof: [u8; 32],
}

impl Message for Matches {
    const KIND: u8 = kind::MATCHES;
    const NAME: &'static str = "Matches";
    const MAX_BYTES: usize = 1 + 1 + 8 + 32;

    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.released));
        out.extend_from_slice(&self.count.to_le_bytes());
        out.extend_from_slice(&self.proof);
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        let message =
            Self { released: reader.bool("released")?, count: reader.u64()?, proof: reader.array()? };
        if !message.released && (message.count, message.proof) != (0, [0; 32]) {
            return Err(Malformation::Field { field: "released" });
        }
        Ok(message)
    }
}

/// Positions of tags in one [`MatchBits`].
pub(crate) const POSITIONS_PER_CHUNK: usize = 1 << 20;

/// For each of the sender's next tags, in the sender's order, whether it matched; lowest bit first.
///
/// `Debug` prints the number of bytes alone.
#[derive(Clone, PartialEq, Eq)]
pub struct MatchBits {
    pub(crate) bits: Vec<u8>,
}

impl fmt::Debug for MatchBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MatchBits").field("bytes", &self.bits.len()).finish_non_exhaustive()
    }
}

impl Message for MatchBits {
    const KIND: u8 = kind::MATCH_BITS;
    const NAME: &'static str = "MatchBits";
    const MAX_BYTES: usize = 1 + POSITIONS_PER_CHUNK / 8;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bits);
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        Ok(Self { bits: reader.rest().to_vec() })
    }
}

/// Blames the peer for an element of a message.
pub(crate) fn bad_element<M: Message>(peer: &PartyId, index: u64, cause: crate::BadElement) -> Error {
    Error::BadElement { peer: peer.clone(), message: M::NAME, index, cause }
}
