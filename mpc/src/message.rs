//! Messages: a byte that says the kind, then the fields.

use std::fmt;

use zeroize::Zeroizing;

use crate::codec::{Malformation, Reader};
use crate::error::Error;
use crate::group::{ELEMENT_BYTES, Element, Encoded};
use crate::parallel;
use crate::party::PartyId;
use crate::secret::SecretScalar;

/// The first byte of each message.
pub(crate) mod kind {
    pub(crate) const HELLO: u8 = 1;
    pub(crate) const SENDER_KEY: u8 = 2;
    pub(crate) const BLINDED_ITEMS: u8 = 3;
    pub(crate) const EVALUATED_ITEMS: u8 = 4;
    pub(crate) const TAGS: u8 = 5;
    pub(crate) const MATCHES: u8 = 6;
    pub(crate) const FINISHED: u8 = 7;
    pub(crate) const SHUFFLED_ITEMS: u8 = 8;
    pub(crate) const SIZE: u8 = 9;
    pub(crate) const MATCH_BITS: u8 = 10;
    pub(crate) const OFFER: u8 = 11;
    pub(crate) const BLINDED_KEYS: u8 = 12;
    pub(crate) const COLUMN_KEYS: u8 = 13;
    pub(crate) const ENCRYPTED_RECORDS: u8 = 14;
    pub(crate) const COUNT_TESTS: u8 = 15;
    pub(crate) const VERDICTS: u8 = 16;
    pub(crate) const ENCRYPTED_NOISE: u8 = 17;
    pub(crate) const AGGREGATES: u8 = 18;
    pub(crate) const MATCHED_COUNT: u8 = 19;
    pub(crate) const FIGURES: u8 = 20;
    pub(crate) const ROUND_KEYS: u8 = 21;
    pub(crate) const KEY_LIST: u8 = 22;
    pub(crate) const SEALED_SHARES: u8 = 23;
    pub(crate) const SHARE_BUNDLE: u8 = 24;
    pub(crate) const MASKED_CHUNK: u8 = 25;
    pub(crate) const MASKED_END: u8 = 26;
    pub(crate) const SURVIVORS: u8 = 27;
    pub(crate) const CONSENT: u8 = 28;
    pub(crate) const CONSENTS: u8 = 29;
    pub(crate) const UNMASKING: u8 = 30;
    pub(crate) const TOTAL_CHUNK: u8 = 31;
    pub(crate) const TOTAL_END: u8 = 32;
    pub(crate) const COMPLAINT: u8 = 33;
    pub(crate) const REPORT_IDS: u8 = 40;
    pub(crate) const VERIFIER_SHARES: u8 = 41;
    pub(crate) const ACCEPTED_REPORTS: u8 = 42;
    pub(crate) const BATCH_DIGEST: u8 = 43;
    pub(crate) const AGGREGATE_SHARE: u8 = 44;

    /// Names a kind for an error.
    pub(crate) fn name(kind: Option<&u8>) -> &'static str {
        match kind {
            Some(&HELLO) => "Hello",
            Some(&SENDER_KEY) => "SenderKey",
            Some(&BLINDED_ITEMS) => "BlindedItems",
            Some(&EVALUATED_ITEMS) => "EvaluatedItems",
            Some(&TAGS) => "Tags",
            Some(&MATCHES) => "Matches",
            Some(&FINISHED) => "Finished",
            Some(&SHUFFLED_ITEMS) => "ShuffledItems",
            Some(&SIZE) => "Size",
            Some(&MATCH_BITS) => "MatchBits",
            Some(&OFFER) => "Offer",
            Some(&BLINDED_KEYS) => "BlindedKeys",
            Some(&COLUMN_KEYS) => "ColumnKeys",
            Some(&ENCRYPTED_RECORDS) => "EncryptedRecords",
            Some(&COUNT_TESTS) => "CountTests",
            Some(&VERDICTS) => "Verdicts",
            Some(&ENCRYPTED_NOISE) => "EncryptedNoise",
            Some(&AGGREGATES) => "Aggregates",
            Some(&MATCHED_COUNT) => "MatchedCount",
            Some(&FIGURES) => "Figures",
            Some(&ROUND_KEYS) => "RoundKeys",
            Some(&KEY_LIST) => "KeyList",
            Some(&SEALED_SHARES) => "SealedShares",
            Some(&SHARE_BUNDLE) => "ShareBundle",
            Some(&MASKED_CHUNK) => "MaskedChunk",
            Some(&MASKED_END) => "MaskedEnd",
            Some(&SURVIVORS) => "Survivors",
            Some(&CONSENT) => "Consent",
            Some(&CONSENTS) => "Consents",
            Some(&UNMASKING) => "Unmasking",
            Some(&TOTAL_CHUNK) => "TotalChunk",
            Some(&TOTAL_END) => "TotalEnd",
            Some(&COMPLAINT) => "Complaint",
            Some(&REPORT_IDS) => "ReportIds",
            Some(&VERIFIER_SHARES) => "VerifierShares",
            Some(&ACCEPTED_REPORTS) => "AcceptedReports",
            Some(&BATCH_DIGEST) => "BatchDigest",
            Some(&AGGREGATE_SHARE) => "AggregateShare",
            Some(_) => "an unknown message",
            None => "an empty message",
        }
    }
}

/// Most elements in one message; a multiple of the batches in which blinds are derived.
pub const CHUNK_LEN: usize = 4096;

/// Longest message of any protocol, in bytes; each kind has a limit of its own, [`Message::MAX_BYTES`].
pub const MAX_MESSAGE_BYTES: usize = 1 << 18;

/// A message with one canonical encoding.
pub trait Message: Sized {
    /// The first byte.
    const KIND: u8;
    /// The name in errors.
    const NAME: &'static str;
    /// Most bytes of an encoding, the first byte included.
    const MAX_BYTES: usize;

    /// Appends the fields.
    fn put(&self, out: &mut Vec<u8>);

    /// Reads the fields.
    ///
    /// # Errors
    /// The first [`Malformation`].
    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation>;

    /// Encodes the message.
    fn encode(&self) -> Vec<u8> {
        let mut out = vec![Self::KIND];
        self.put(&mut out);
        out
    }

    /// Decodes a message of `peer`.
    ///
    /// # Errors
    /// [`Error::UnexpectedMessage`] for another kind; [`Error::Malformed`] for bytes that are not the
    /// encoding of one.
    fn decode(bytes: &[u8], peer: &PartyId) -> Result<Self, Error> {
        let (&kind, fields) = bytes.split_first().unwrap_or((&0, &[]));
        if kind != Self::KIND {
            let found = kind::name(bytes.first());
            return Err(Error::UnexpectedMessage { peer: peer.clone(), found, expected: Self::NAME });
        }
        let mut reader = Reader::new(fields);
        let message = Self::get(&mut reader).and_then(|m| reader.finish().map(|()| m));
        message.map_err(|cause| Error::Malformed { peer: peer.clone(), message: Self::NAME, cause })
    }
}

/// A message that carries elements and nothing else; `K` is its kind. `Debug` prints their number alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Elements<const K: u8> {
    pub(crate) encoded: Vec<Encoded>,
}

impl<const K: u8> Elements<K> {
    /// Counts the elements.
    pub fn len(&self) -> usize {
        self.encoded.len()
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.encoded.is_empty()
    }

    /// Checks that the message holds as many elements as belong at `done` of `total`.
    pub(crate) fn expect_next(&self, done: u64, total: u64, peer: &PartyId) -> Result<(), Error> {
        let expected = next_chunk_len(done, total);
        if expected == 0 || self.len() != expected {
            let (message, found) = (Self::NAME, self.len());
            return Err(Error::Count { peer: peer.clone(), message, found, expected });
        }
        Ok(())
    }
}

impl<const K: u8> Elements<K> {
    /// Decodes the elements, multiplies each by `scalar` and encodes the doubles of the products; the first
    /// stands at `first` of the whole list.
    ///
    /// # Errors
    /// [`Error::BadElement`].
    pub(crate) fn multiply_doubled(
        &self,
        first: u64,
        scalar: &SecretScalar,
        peer: &PartyId,
    ) -> Result<Vec<Encoded>, Error> {
        parallel::batched(self.len(), |range| {
            let batch = self.encoded.get(range.clone()).unwrap_or_default();
            let products = batch.iter().zip(first + range.start as u64..).map(|(encoded, index)| {
                let bad = |cause| Error::BadElement { peer: peer.clone(), message: Self::NAME, index, cause };
                Ok(Element::decode(encoded).map_err(bad)?.mul(scalar)) // CARD-2, JOIN-2
            });
            Ok(Element::encode_doubled(&Zeroizing::new(products.collect::<Result<Vec<_>, Error>>()?)))
        })
    }
}

impl<const K: u8> fmt::Debug for Elements<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(Self::NAME).field("len", &self.len()).finish_non_exhaustive()
    }
}

impl<const K: u8> Message for Elements<K> {
    const KIND: u8 = K;
    const NAME: &'static str = match K {
        kind::BLINDED_ITEMS => "BlindedItems",
        kind::EVALUATED_ITEMS => "EvaluatedItems",
        kind::BLINDED_KEYS => "BlindedKeys",
        kind::COLUMN_KEYS => "ColumnKeys",
        _ => "ShuffledItems",
    };
    const MAX_BYTES: usize = 1 + CHUNK_LEN * ELEMENT_BYTES;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.encoded.as_flattened());
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        let (elements, slack) = reader.rest().as_chunks::<ELEMENT_BYTES>();
        if !slack.is_empty() {
            return Err(Malformation::Truncated);
        }
        Ok(Self { encoded: elements.to_vec() })
    }
}

/// A number of matches that one side tells the other, if it may be released; `K` is the message's kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleasedCount<const K: u8> {
    released: bool,
    count: u64,
}

impl<const K: u8> ReleasedCount<K> {
    /// Tells `count` where it reaches `minimum`.
    pub(crate) fn of(count: u64, minimum: u64) -> Self {
        let released = count >= minimum;
        Self { released, count: if released { count } else { 0 } }
    }

    /// Tells whether the number may be released.
    pub fn is_released(&self) -> bool {
        self.released
    }

    /// Returns the number, which the peer may release from `minimum` on and which cannot be above `max`.
    ///
    /// # Errors
    /// [`Error::ImpossibleCount`], [`Error::BelowMinimum`].
    pub(crate) fn check_between(&self, minimum: u64, max: u64, peer: &PartyId) -> Result<Option<u64>, Error> {
        let (peer, found) = (peer.clone(), self.count);
        match self.released {
            false => Ok(None),
            true if found > max => Err(Error::ImpossibleCount { peer, found, max }), // CARD-4, JOIN-4
            true if found < minimum => Err(Error::BelowMinimum { peer, found, minimum }), // CARD-5, JOIN-4
            true => Ok(Some(found)),
        }
    }
}

impl<const K: u8> Message for ReleasedCount<K> {
    const KIND: u8 = K;
    const NAME: &'static str = match K {
        kind::SIZE => "Size",
        _ => "MatchedCount",
    };
    const MAX_BYTES: usize = 1 + 1 + 8;

    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.released));
        out.extend_from_slice(&self.count.to_le_bytes());
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        let message = Self { released: reader.bool("released")?, count: reader.u64()? };
        if !message.released && message.count != 0 {
            return Err(Malformation::Field { field: "released" });
        }
        Ok(message)
    }
}

/// Length of the chunk that starts at `done` of `total`.
pub(crate) fn next_chunk_len(done: u64, total: u64) -> usize {
    usize::try_from(total.saturating_sub(done)).map_or(CHUNK_LEN, |left| left.min(CHUNK_LEN))
}

/// The last message of either side: a digest of all messages that it saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    pub(crate) digest: [u8; 32],
}

impl Message for Finished {
    const KIND: u8 = kind::FINISHED;
    const NAME: &'static str = "Finished";
    const MAX_BYTES: usize = 33;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.digest);
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        Ok(Self { digest: reader.array()? })
    }
}
