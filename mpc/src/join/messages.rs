//! Messages of the protocol besides [`Tags`](crate::psi::Tags) and [`Finished`](crate::Finished).

use std::fmt;

use crate::codec::{Malformation, Reader};
use crate::elgamal::Ciphertext;
use crate::error::Error;
use crate::group::{ELEMENT_BYTES, Element, Encoded};
use crate::message::{CHUNK_LEN, Elements, Message, ReleasedCount, kind};
use crate::party::PartyId;

/// The next keys of a party's list, each hashed to the group and under the party's exponent.
pub type BlindedKeys = Elements<{ kind::BLINDED_KEYS }>;

/// The owner's public keys, one for each column.
pub type ColumnKeys = Elements<{ kind::COLUMN_KEYS }>;

/// Bytes of a label on the wire.
const LABEL_BYTES: usize = 2;

/// The owner's next records in the order of its keys: for each its label and its encrypted values.
///
/// `Debug` prints lengths alone.
#[derive(Clone, PartialEq, Eq)]
pub struct EncryptedRecords {
    /// One for each record, or none where there is but one label.
    pub(crate) labels: Vec<u16>,
    /// For each record the randomizer, then one element for each column.
    pub(crate) encoded: Vec<Encoded>,
}

impl EncryptedRecords {
    /// Counts how many records of 1 + C elements fit into a message.
    pub(crate) fn records_per_message(columns: usize) -> usize {
        (CHUNK_LEN / (1 + columns)).max(1)
    }

    /// Counts the records, of so many columns each.
    pub fn len(&self, columns: u32) -> usize {
        self.encoded.len() / (1 + columns as usize)
    }
}

impl fmt::Debug for EncryptedRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptedRecords").field("elements", &self.encoded.len()).finish_non_exhaustive()
    }
}

impl Message for EncryptedRecords {
    const KIND: u8 = kind::ENCRYPTED_RECORDS;
    const NAME: &'static str = "EncryptedRecords";
    const MAX_BYTES: usize = 1 + 4 + CHUNK_LEN * (LABEL_BYTES + ELEMENT_BYTES);

    fn put(&self, out: &mut Vec<u8>) {
        let labels = u32::try_from(self.labels.len()).expect("a message holds at most 4096 records");
        out.extend_from_slice(&labels.to_le_bytes());
        self.labels.iter().for_each(|label| out.extend_from_slice(&label.to_le_bytes()));
        out.extend_from_slice(self.encoded.as_flattened());
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        let labels = usize::try_from(reader.u32()?).ok().filter(|&labels| labels <= CHUNK_LEN);
        let labels = labels.ok_or(Malformation::Field { field: "labels" })?;
        let (labels, _) = reader.bytes(LABEL_BYTES * labels)?.as_chunks::<LABEL_BYTES>();
        let labels = labels.iter().map(|label| u16::from_le_bytes(*label)).collect();
        let (elements, slack) = reader.rest().as_chunks::<ELEMENT_BYTES>();
        if !slack.is_empty() {
            return Err(Malformation::Truncated);
        }
        Ok(Self { labels, encoded: elements.to_vec() })
    }
}

/// A message of ciphertexts, two elements each; `K` is its kind. `Debug` prints their number alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Ciphertexts<const K: u8> {
    encoded: Vec<Encoded>,
}

/// Most ciphertexts in one message.
pub(crate) const CIPHERTEXTS_PER_MESSAGE: usize = CHUNK_LEN / 2;

impl<const K: u8> Ciphertexts<K> {
    pub(crate) fn new(ciphertexts: &[Ciphertext]) -> Self {
        let encoded = ciphertexts.iter().flat_map(|c| [c.randomizer.encode(), c.masked.encode()]);
        Self { encoded: encoded.collect() }
    }

    /// Counts the ciphertexts.
    pub fn len(&self) -> usize {
        self.encoded.len() / 2
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.encoded.is_empty()
    }

    /// Decodes the ciphertexts, of which `expected` belong here; the first stands at `first` of its list.
    pub(crate) fn decode_all(
        &self,
        first: usize,
        expected: usize,
        peer: &PartyId,
    ) -> Result<Vec<Ciphertext>, Error> {
        if self.encoded.len() != 2 * expected {
            let (message, found) = (Self::NAME, self.len());
            return Err(Error::Count { peer: peer.clone(), message, found, expected }); // JOIN-1
        }
        let (pairs, _) = self.encoded.as_chunks::<2>();
        let pairs = pairs.iter().zip(first as u64..);
        let decode = |([randomizer, masked], index): (&[Encoded; 2], u64)| {
            let bad = |cause| Error::BadElement { peer: peer.clone(), message: Self::NAME, index, cause };
            let element = |encoded: &Encoded| Element::decode(encoded).map_err(bad); // JOIN-2
            Ok(Ciphertext { randomizer: element(randomizer)?, masked: element(masked)? })
        };
        pairs.map(decode).collect()
    }
}

impl<const K: u8> fmt::Debug for Ciphertexts<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(Self::NAME).field("len", &self.len()).finish_non_exhaustive()
    }
}

impl<const K: u8> Message for Ciphertexts<K> {
    const KIND: u8 = K;
    const NAME: &'static str = match K {
        kind::COUNT_TESTS => "CountTests",
        kind::ENCRYPTED_NOISE => "EncryptedNoise",
        _ => "Aggregates",
    };
    const MAX_BYTES: usize = 1 + CHUNK_LEN * ELEMENT_BYTES;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.encoded.as_flattened());
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        let (elements, slack) = reader.rest().as_chunks::<ELEMENT_BYTES>();
        if !slack.is_empty() || elements.len() % 2 != 0 {
            return Err(Malformation::Truncated);
        }
        Ok(Self { encoded: elements.to_vec() })
    }
}

/// Counts the messages that `ciphertexts` fill.
pub(crate) fn messages_len(ciphertexts: usize) -> usize {
    ciphertexts.div_ceil(CIPHERTEXTS_PER_MESSAGE)
}

/// Decodes `expected` ciphertexts from as few messages as hold them.
pub(crate) fn gather<const K: u8>(
    expected: usize,
    messages: &[Ciphertexts<K>],
    peer: &PartyId,
) -> Result<Vec<Ciphertext>, Error> {
    let mut gathered = Vec::with_capacity(expected);
    for message in messages {
        let next = CIPHERTEXTS_PER_MESSAGE.min(expected - gathered.len());
        gathered.extend(message.decode_all(gathered.len(), next, peer)?);
    }
    match expected - gathered.len() {
        0 => Ok(gathered),
        missing => Err(Error::Unfinished { missing: missing as u64 }),
    }
}

/// The matcher's tests of counts against the minimum: for each cell as many ciphertexts as the minimum.
pub type CountTests = Ciphertexts<{ kind::COUNT_TESTS }>;

/// The owner's noise, encrypted under its own keys.
pub type EncryptedNoise = Ciphertexts<{ kind::ENCRYPTED_NOISE }>;

/// The sums that the matcher gives to the owner to open.
pub type Aggregates = Ciphertexts<{ kind::AGGREGATES }>;

/// Most verdicts and most figures in one message.
pub(crate) const FIGURES_PER_MESSAGE: usize = 1 << 14;

/// For each tested cell whether its count reaches the minimum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdicts {
    pub(crate) reached: Vec<bool>,
}

impl Message for Verdicts {
    const KIND: u8 = kind::VERDICTS;
    const NAME: &'static str = "Verdicts";
    const MAX_BYTES: usize = 1 + FIGURES_PER_MESSAGE;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend(self.reached.iter().map(|&reached| u8::from(reached)));
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        let bit = |&byte: &u8| match byte {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformation::Field { field: "reached" }),
        };
        Ok(Self { reached: reader.rest().iter().map(bit).collect::<Result<_, _>>()? })
    }
}

/// The number of matched records, where the matcher is the one to count them and may release it.
pub type MatchedCount = ReleasedCount<{ kind::MATCHED_COUNT }>;

/// The figures that the owner releases, in the order that both sides know; `None` is a suppressed one.
#[derive(Clone, PartialEq, Eq)]
pub struct Figures {
    pub(crate) figures: Vec<Option<i64>>,
}

impl Figures {
    /// Checks that the message holds as many figures as belong at `done` of `total`.
    pub(crate) fn expect_next(&self, done: usize, total: usize, peer: &PartyId) -> Result<(), Error> {
        let (found, expected) = (self.figures.len(), FIGURES_PER_MESSAGE.min(total - done));
        if found == expected {
            return Ok(());
        }
        Err(Error::Count { peer: peer.clone(), message: Self::NAME, found, expected }) // JOIN-1
    }
}

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Figures").field("len", &self.figures.len()).finish_non_exhaustive()
    }
}

impl Message for Figures {
    const KIND: u8 = kind::FIGURES;
    const NAME: &'static str = "Figures";
    const MAX_BYTES: usize = 1 + 9 * FIGURES_PER_MESSAGE;

    fn put(&self, out: &mut Vec<u8>) {
        for figure in &self.figures {
            out.push(u8::from(figure.is_some()));
            out.extend_from_slice(&figure.unwrap_or_default().to_le_bytes());
        }
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        let (entries, slack) = reader.rest().as_chunks::<9>();
        if !slack.is_empty() {
            return Err(Malformation::Truncated);
        }
        let figure = |[released, value @ ..]: &[u8; 9]| match (released, i64::from_le_bytes(*value)) {
            (0, 0) => Ok(None),
            (1, value) => Ok(Some(value)),
            _ => Err(Malformation::Field { field: "figures" }),
        };
        Ok(Self { figures: entries.iter().map(figure).collect::<Result<_, _>>()? })
    }
}
