//! Messages of a sum. Seats are places in the task's list of parties; lists name them in rising order.

use std::fmt;

use zeroize::Zeroizing;

use super::identities::SIGNATURE_BYTES;
use super::tag::Tag;
use super::task::MAX_PARTIES;
use crate::codec::{Malformation, Reader};
use crate::group::{ELEMENT_BYTES, Encoded};
use crate::message::{Message, kind};
use crate::transcript::DIGEST_BYTES;

/// Most bytes of a vector in one message; whole tiles.
pub const CHUNK_BYTES: usize = 1 << 17;

/// Bytes of the shares of both secrets and of the part of the group's secret, sealed.
pub(super) const SEALED_BYTES: usize = 3 * 32 + 16;

const SEAT_BYTES: usize = 2;

/// Appends a list behind its u16 length.
fn put_list<T>(out: &mut Vec<u8>, list: &[T], mut put: impl FnMut(&T, &mut Vec<u8>)) {
    let len = u16::try_from(list.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&len.to_le_bytes());
    list.iter().for_each(|entry| put(entry, out));
}

/// Reads a list of at most one entry for each party.
fn get_list<T>(
    reader: &mut Reader<'_>,
    field: &'static str,
    get: impl FnMut(&mut Reader<'_>) -> Result<T, Malformation>,
) -> Result<Vec<T>, Malformation> {
    let len = usize::from(reader.u16()?);
    if len > MAX_PARTIES {
        return Err(Malformation::Field { field });
    }
    let mut get = get;
    (0..len).map(|_| get(reader)).collect()
}

/// Longest list of entries of so many bytes.
const fn list_bytes(entry: usize) -> usize {
    2 + MAX_PARTIES * entry
}

/// A party's public keys for one sum, signed with its identity key: party to coordinator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundKeys {
    /// Its part of the masks that it shares with others.
    pub(super) mask_key: Encoded,
    /// Its part of the keys under which shares are sealed.
    pub(super) sealing_key: Encoded,
    pub(super) nonce: [u8; 32],
    pub(super) signature: [u8; SIGNATURE_BYTES],
}

impl RoundKeys {
    const BYTES: usize = 2 * ELEMENT_BYTES + 32 + SIGNATURE_BYTES;
}

impl Message for RoundKeys {
    const KIND: u8 = kind::ROUND_KEYS;
    const NAME: &'static str = "RoundKeys";
    const MAX_BYTES: usize = 1 + Self::BYTES;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.mask_key);
        out.extend_from_slice(&self.sealing_key);
        out.extend_from_slice(&self.nonce);
        out.extend_from_slice(&self.signature);
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        Ok(Self {
            mask_key: reader.array()?,
            sealing_key: reader.array()?,
            nonce: reader.array()?,
            signature: reader.array()?,
        })
    }
}

/// The keys of all parties that came: coordinator to all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyList {
    pub(super) entries: Vec<(u16, RoundKeys)>,
}

impl Message for KeyList {
    const KIND: u8 = kind::KEY_LIST;
    const NAME: &'static str = "KeyList";
    const MAX_BYTES: usize = 1 + list_bytes(SEAT_BYTES + RoundKeys::BYTES);

    fn put(&self, out: &mut Vec<u8>) {
        put_list(out, &self.entries, |(seat, keys), out| {
            out.extend_from_slice(&seat.to_le_bytes());
            keys.put(out);
        });
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        let entries = get_list(reader, "entries", |reader| Ok((reader.u16()?, RoundKeys::get(reader)?)))?;
        Ok(Self { entries })
    }
}

/// Commitments to the two shares of one recipient: of the mask key, and of the own mask's seed.
pub(super) type Commitments = [[u8; DIGEST_BYTES]; 2];

/// One recipient's shares.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SealedShare {
    pub(super) commitments: Commitments,
    pub(super) sealed: [u8; SEALED_BYTES],
}

impl SealedShare {
    const BYTES: usize = 2 * DIGEST_BYTES + SEALED_BYTES;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.commitments.as_flattened());
        out.extend_from_slice(&self.sealed);
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        Ok(Self { commitments: [reader.array()?, reader.array()?], sealed: reader.array()? })
    }
}

/// What all recipients of one dealer are told alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dealing {
    /// The generator times the seed of the own mask.
    pub(super) self_key: Encoded,
    /// Commitment to the dealer's part of the group's secret.
    pub(super) group_part: [u8; DIGEST_BYTES],
}

impl Dealing {
    const BYTES: usize = ELEMENT_BYTES + DIGEST_BYTES;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.self_key);
        out.extend_from_slice(&self.group_part);
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        Ok(Self { self_key: reader.array()?, group_part: reader.array()? })
    }
}

/// A party's shares for all others of the key list, in its order: party to coordinator.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedShares {
    pub(super) dealing: Dealing,
    /// Commitments to the shares that the dealer keeps.
    pub(super) own: Commitments,
    pub(super) entries: Vec<SealedShare>,
}

impl fmt::Debug for SealedShares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedShares").field("len", &self.entries.len()).finish_non_exhaustive()
    }
}

impl Message for SealedShares {
    const KIND: u8 = kind::SEALED_SHARES;
    const NAME: &'static str = "SealedShares";
    const MAX_BYTES: usize = 1 + Dealing::BYTES + 2 * DIGEST_BYTES + list_bytes(SealedShare::BYTES);

    fn put(&self, out: &mut Vec<u8>) {
        self.dealing.put(out);
        out.extend_from_slice(self.own.as_flattened());
        put_list(out, &self.entries, SealedShare::put);
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        let dealing = Dealing::get(reader)?;
        let own = [reader.array()?, reader.array()?];
        Ok(Self { dealing, own, entries: get_list(reader, "entries", SealedShare::get)? })
    }
}

/// What one dealer sent to one recipient.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Dealt {
    pub(super) seat: u16,
    pub(super) dealing: Dealing,
    pub(super) share: SealedShare,
}

/// The shares of all dealers for one recipient: coordinator to party.
#[derive(Clone, PartialEq, Eq)]
pub struct ShareBundle {
    pub(super) entries: Vec<Dealt>,
}

impl fmt::Debug for ShareBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShareBundle").field("len", &self.entries.len()).finish_non_exhaustive()
    }
}

impl Message for ShareBundle {
    const KIND: u8 = kind::SHARE_BUNDLE;
    const NAME: &'static str = "ShareBundle";
    const MAX_BYTES: usize = 1 + list_bytes(SEAT_BYTES + Dealing::BYTES + SealedShare::BYTES);

    fn put(&self, out: &mut Vec<u8>) {
        put_list(out, &self.entries, |dealt, out| {
            out.extend_from_slice(&dealt.seat.to_le_bytes());
            dealt.dealing.put(out);
            dealt.share.put(out);
        });
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        let entries = get_list(reader, "entries", |reader| {
            Ok(Dealt {
                seat: reader.u16()?,
                dealing: Dealing::get(reader)?,
                share: SealedShare::get(reader)?,
            })
        })?;
        Ok(Self { entries })
    }
}

/// A part of a vector, as words of the task's ring; `K` is the message's kind.
#[derive(Clone, PartialEq, Eq)]
pub struct VectorChunk<const K: u8> {
    pub(super) bytes: Vec<u8>,
}

/// A part of a masked vector: party to coordinator.
pub type MaskedChunk = VectorChunk<{ kind::MASKED_CHUNK }>;

/// A part of the total: coordinator to all survivors.
pub type TotalChunk = VectorChunk<{ kind::TOTAL_CHUNK }>;

impl<const K: u8> VectorChunk<K> {
    /// Returns the length of the part in bytes.
    pub fn bytes_len(&self) -> usize {
        self.bytes.len()
    }
}

impl<const K: u8> fmt::Debug for VectorChunk<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(Self::NAME).field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl<const K: u8> Message for VectorChunk<K> {
    const KIND: u8 = K;
    const NAME: &'static str = match K {
        kind::MASKED_CHUNK => "MaskedChunk",
        _ => "TotalChunk",
    };
    const MAX_BYTES: usize = 1 + CHUNK_BYTES;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes);
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        Ok(Self { bytes: reader.rest().to_vec() })
    }
}

/// What stands behind a masked vector: party to coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskedEnd {
    /// Root over the masked vector.
    pub(super) root: [u8; DIGEST_BYTES],
    /// Commitment to the plain vector; zeros where none is agreed on.
    pub(super) commitment: [u8; DIGEST_BYTES],
    /// The masked tag.
    pub(super) tag: [u8; Tag::BYTES],
}

impl MaskedEnd {
    const BYTES: usize = 2 * DIGEST_BYTES + Tag::BYTES;
}

impl Message for MaskedEnd {
    const KIND: u8 = kind::MASKED_END;
    const NAME: &'static str = "MaskedEnd";
    const MAX_BYTES: usize = 1 + Self::BYTES;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.root);
        out.extend_from_slice(&self.commitment);
        out.extend_from_slice(&self.tag);
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        Ok(Self { root: reader.array()?, commitment: reader.array()?, tag: reader.array()? })
    }
}

/// Who dealt shares, and who of them delivered what: coordinator to all survivors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survivors {
    pub(super) dealers: Vec<u16>,
    pub(super) entries: Vec<(u16, MaskedEnd)>,
}

impl Message for Survivors {
    const KIND: u8 = kind::SURVIVORS;
    const NAME: &'static str = "Survivors";
    const MAX_BYTES: usize = 1 + list_bytes(SEAT_BYTES) + list_bytes(SEAT_BYTES + MaskedEnd::BYTES);

    fn put(&self, out: &mut Vec<u8>) {
        put_list(out, &self.dealers, |seat, out| out.extend_from_slice(&seat.to_le_bytes()));
        put_list(out, &self.entries, |(seat, end), out| {
            out.extend_from_slice(&seat.to_le_bytes());
            end.put(out);
        });
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        let dealers = get_list(reader, "dealers", |reader| reader.u16())?;
        let entries = get_list(reader, "entries", |reader| Ok((reader.u16()?, MaskedEnd::get(reader)?)))?;
        Ok(Self { dealers, entries })
    }
}

/// A survivor's signature over the list of survivors: party to coordinator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    pub(super) signature: [u8; SIGNATURE_BYTES],
}

impl Message for Consent {
    const KIND: u8 = kind::CONSENT;
    const NAME: &'static str = "Consent";
    const MAX_BYTES: usize = 1 + SIGNATURE_BYTES;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.signature);
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        Ok(Self { signature: reader.array()? })
    }
}

/// The signatures of the survivors: coordinator to all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consents {
    pub(super) entries: Vec<(u16, Consent)>,
}

impl Message for Consents {
    const KIND: u8 = kind::CONSENTS;
    const NAME: &'static str = "Consents";
    const MAX_BYTES: usize = 1 + list_bytes(SEAT_BYTES + SIGNATURE_BYTES);

    fn put(&self, out: &mut Vec<u8>) {
        put_list(out, &self.entries, |(seat, consent), out| {
            out.extend_from_slice(&seat.to_le_bytes());
            consent.put(out);
        });
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        let entries = get_list(reader, "entries", |reader| Ok((reader.u16()?, Consent::get(reader)?)))?;
        Ok(Self { entries })
    }
}

/// The shares by which masks are taken off: party to coordinator.
pub struct Unmasking {
    /// Of the survivors' own seeds, in the order of their list.
    pub(super) seeds: Zeroizing<Vec<[u8; 32]>>,
    /// Of the mask keys of dealers who did not survive, in the order of their list.
    pub(super) keys: Zeroizing<Vec<[u8; 32]>>,
}

impl fmt::Debug for Unmasking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seeds, keys) = (self.seeds.len(), self.keys.len());
        f.debug_struct("Unmasking").field("seeds", &seeds).field("keys", &keys).finish_non_exhaustive()
    }
}

impl Message for Unmasking {
    const KIND: u8 = kind::UNMASKING;
    const NAME: &'static str = "Unmasking";
    const MAX_BYTES: usize = 1 + 2 * list_bytes(32);

    fn put(&self, out: &mut Vec<u8>) {
        for shares in [&self.seeds, &self.keys] {
            put_list(out, shares, |share, out| out.extend_from_slice(share));
        }
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        let seeds = Zeroizing::new(get_list(reader, "seeds", |reader| reader.array())?);
        Ok(Self { seeds, keys: Zeroizing::new(get_list(reader, "keys", |reader| reader.array())?) })
    }
}

/// What stands behind the total: coordinator to all survivors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TotalEnd {
    pub(super) tag: [u8; Tag::BYTES],
}

impl Message for TotalEnd {
    const KIND: u8 = kind::TOTAL_END;
    const NAME: &'static str = "TotalEnd";
    const MAX_BYTES: usize = 1 + Tag::BYTES;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.tag);
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        Ok(Self { tag: reader.array()? })
    }
}

/// Says whose shares made a party withdraw: party to coordinator, instead of its vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Complaint {
    pub(super) against: u16,
}

impl Message for Complaint {
    const KIND: u8 = kind::COMPLAINT;
    const NAME: &'static str = "Complaint";
    const MAX_BYTES: usize = 1 + SEAT_BYTES;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.against.to_le_bytes());
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        Ok(Self { against: reader.u16()? })
    }
}
