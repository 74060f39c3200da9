//! Tags: short pseudo-random names of items, sent sorted and Rice-coded, matched by merging.
//!
//! | check | what is checked | error | test |
//! |---|---|---|---|
//! | TAGS-1 | as many tags as belong into the chunk | [`Error::Count`] | `tests/psi_adversary.rs` |
//! | TAGS-2 | the Rice code is whole and canonical | [`Error::Malformed`] | same |
//! | TAGS-3 | no tag reaches 2^bits | [`Error::TagRange`] | same |

use std::fmt;

use sha2::Digest;
use zeroize::Zeroize;

use crate::codec::{Malformation, Reader};
use crate::error::Error;
use crate::group::Encoded;
use crate::message::{Message, kind};
use crate::parallel;
use crate::party::PartyId;
use crate::rice;
use crate::session::{Outputs, Session};
use crate::transcript;

/// Statistical security in bits: a run has a false match with probability at most 2^-40, and where both sides
/// learn the result, two equal tags of the sender with probability at most 2^-41.
pub const STATISTICAL_BITS: u32 = 40;

/// Most tags in one message.
pub const TAGS_PER_CHUNK: usize = 8192;

/// Computes the length of a tag in bits.
///
/// Of nx * ny pairs of different items, each collides with probability 2^-bits, so
/// `bits = 40 + ceil(log2 nx) + ceil(log2 ny)` keeps the chance of any false match at most 2^-40. Where both
/// sides learn the result, the sender's tags must be distinct too, and the larger size counts twice where
/// the sender's is the larger: `bits = 40 + ceil(log2 max(nx, ny)) + ceil(log2 ny)`.
///
/// # Examples
/// ```
/// use tidegate_mpc::psi::tag_bits;
/// use tidegate_mpc::Outputs;
///
/// assert_eq!(tag_bits(1 << 20, 1 << 20, Outputs::Receiver), 80);
/// assert_eq!(tag_bits(1 << 10, 1 << 20, Outputs::Receiver), 70);
/// assert_eq!(tag_bits(1 << 10, 1 << 20, Outputs::Both), 80);
/// ```
pub fn tag_bits(receiver_len: u64, sender_len: u64, outputs: Outputs) -> u32 {
    let other = match outputs {
        Outputs::Receiver => receiver_len,
        Outputs::Both => receiver_len.max(sender_len),
    };
    STATISTICAL_BITS + ceil_log2(other) + ceil_log2(sender_len)
}

fn ceil_log2(n: u64) -> u32 {
    n.max(1).next_power_of_two().trailing_zeros()
}

/// How the tags of a session are cut and coded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TagLayout {
    bits: u32,
    /// Bits of a Rice remainder; the sender's mean gap is between 2^k and 2^(k+1).
    remainder_bits: u32,
    sender_len: u64,
}

impl TagLayout {
    pub(crate) fn of(session: &Session) -> Self {
        let sender_len = session.sender_len();
        Self::new(tag_bits(session.receiver_len(), sender_len, session.outputs()), sender_len)
    }

    /// Lays out the tags of a list of `sent_len` elements, to be looked for in one of `other_len`.
    pub(crate) fn between(other_len: u64, sent_len: u64) -> Self {
        Self::new(tag_bits(other_len, sent_len, Outputs::Receiver), sent_len)
    }

    fn new(bits: u32, sender_len: u64) -> Self {
        Self { bits, remainder_bits: bits - ceil_log2(sender_len), sender_len }
    }

    /// Cuts 16 pseudo-random bytes to a tag.
    pub(crate) fn cut(&self, material: [u8; 16]) -> u128 {
        u128::from_be_bytes(material) >> (u128::BITS - self.bits)
    }

    fn max_quotient(&self) -> u128 {
        1 << (self.bits - self.remainder_bits)
    }
}

/// A tag and the index of its item; 20 bytes, and ordered by the tag since it is big-endian.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tagged {
    tag: [u8; 16],
    index: u32,
}

impl Tagged {
    pub(crate) fn new(tag: u128, index: u32) -> Self {
        Self { tag: tag.to_be_bytes(), index }
    }

    /// Tags the element at `index`: the first bits of SHA-512(label, session id, element).
    pub(crate) fn of(
        label: &str,
        session: &Session,
        layout: TagLayout,
        element: &Encoded,
        index: usize,
    ) -> Self {
        let mut hash = transcript::labelled(label);
        hash.update(session.id());
        hash.update(element);
        let [half, _] = transcript::halves(hash);
        let (material, _) = half.split_first_chunk::<16>().expect("a half has 32 bytes");
        Self::new(layout.cut(*material), u32::try_from(index).unwrap_or(u32::MAX))
    }

    fn tag(&self) -> u128 {
        u128::from_be_bytes(self.tag)
    }
}

impl fmt::Debug for Tagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tagged(..)")
    }
}

/// Tags of a party, wiped on drop.
pub(crate) struct TagList(Vec<Tagged>);

impl TagList {
    /// Makes an empty list with room for `len` tags, so that it never moves.
    pub(crate) fn with_capacity(len: usize) -> Self {
        Self(Vec::with_capacity(len))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Extend<Tagged> for TagList {
    fn extend<I: IntoIterator<Item = Tagged>>(&mut self, tags: I) {
        self.0.extend(tags);
    }
}

impl Drop for TagList {
    fn drop(&mut self) {
        for tagged in &mut self.0 {
            tagged.tag.zeroize();
        }
    }
}

impl fmt::Debug for TagList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TagList").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// All tags of a party in rising order.
#[derive(Debug)]
pub(crate) struct SortedTags(TagList);

impl SortedTags {
    pub(crate) fn sort(mut tags: TagList) -> Self {
        parallel::sort(&mut tags.0);
        Self(tags)
    }

    /// Returns the tags behind the first `skipped`.
    fn behind(&self, skipped: usize) -> &[Tagged] {
        self.0.0.get(skipped..).unwrap_or_default()
    }

    /// Returns the index of the item whose tag stands at `position`.
    pub(crate) fn item_at(&self, position: usize) -> Option<u32> {
        self.0.0.get(position).map(|tagged| tagged.index)
    }
}

/// The next tags of the sender, as gaps from the tag before; `Debug` prints their number alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Tags {
    count: u32,
    code: Vec<u8>,
}

impl Tags {
    /// Counts the tags.
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl fmt::Debug for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tags").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Message for Tags {
    const KIND: u8 = kind::TAGS;
    const NAME: &'static str = "Tags";
    /// Remainders and stops of at most 105 bits, and eight times the unary ones that a chunk has on average.
    const MAX_BYTES: usize = 5 + TAGS_PER_CHUNK * (105 + 8) / 8;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.count.to_le_bytes());
        out.extend_from_slice(&self.code);
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        Ok(Self { count: reader.u32()?, code: reader.rest().to_vec() })
    }
}

/// Cuts sorted tags into messages.
pub(crate) struct TagStream {
    layout: TagLayout,
    tags: SortedTags,
    sent: usize,
    last: u128,
}

impl TagStream {
    pub(crate) fn new(layout: TagLayout, tags: SortedTags) -> Self {
        Self { layout, tags, sent: 0, last: 0 }
    }

    pub(crate) fn next_chunk(&mut self) -> Option<Tags> {
        let left = self.tags.behind(self.sent);
        let chunk = left.get(..left.len().min(TAGS_PER_CHUNK)).filter(|chunk| !chunk.is_empty())?;
        let last = &mut self.last;
        let gaps = chunk.iter().map(|tagged| tagged.tag() - std::mem::replace(last, tagged.tag()));
        let code = rice::encode(gaps, self.layout.remainder_bits);
        self.sent += chunk.len();
        Some(Tags { count: u32::try_from(chunk.len()).ok()?, code })
    }

    /// Returns the tags, once all are sent.
    pub(crate) fn close(self) -> Result<SortedTags, Error> {
        match self.tags.behind(self.sent).len() {
            0 => Ok(self.tags),
            missing => Err(Error::Unfinished { missing: missing as u64 }),
        }
    }
}

impl fmt::Debug for TagStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { layout, tags, sent, last: _ } = self;
        let mut shown = f.debug_struct("TagStream");
        shown.field("layout", layout).field("tags", tags).field("sent", sent).finish_non_exhaustive()
    }
}

/// An own item that a tag of the sender matched.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Match {
    /// Index of the own item.
    pub(crate) index: u32,
    /// Position of the tag in the sender's order.
    pub(crate) position: u32,
}

/// Merges the own sorted tags with those that arrive; of the latter none is kept.
pub(crate) struct TagMerger {
    layout: TagLayout,
    own: SortedTags,
    /// Own tags below this one are behind all tags to come.
    cursor: usize,
    last: u128,
    received: u64,
    matches: Vec<Match>,
}

impl TagMerger {
    pub(crate) fn new(layout: TagLayout, own: SortedTags) -> Self {
        Self { layout, own, cursor: 0, last: 0, received: 0, matches: Vec::new() }
    }

    pub(crate) fn accept(&mut self, tags: &Tags, peer: &PartyId) -> Result<(), Error> {
        let left = self.layout.sender_len - self.received;
        let expected = usize::try_from(left).map_or(TAGS_PER_CHUNK, |left| left.min(TAGS_PER_CHUNK));
        if expected == 0 || tags.len() != expected {
            let (message, found) = (Tags::NAME, tags.len());
            return Err(Error::Count { peer: peer.clone(), message, found, expected }); // TAGS-1
        }
        let TagLayout { bits, remainder_bits, .. } = self.layout;
        let gaps = rice::decode(&tags.code, expected, remainder_bits, self.layout.max_quotient());
        let malformed = |_| Error::Malformed {
            peer: peer.clone(),
            message: Tags::NAME,
            cause: Malformation::Field { field: "code" },
        };
        let gaps = gaps.map_err(malformed)?; // TAGS-2
        for gap in gaps {
            self.last += gap;
            if self.last >> bits != 0 {
                return Err(Error::TagRange { peer: peer.clone(), bits }); // TAGS-3
            }
            self.step();
        }
        Ok(())
    }

    /// Looks for the tag that just arrived.
    fn step(&mut self) {
        let position = u32::try_from(self.received).unwrap_or(u32::MAX);
        self.received += 1;
        while let Some(own) = self.own.behind(self.cursor).first() {
            if own.tag() > self.last {
                break;
            }
            if own.tag() == self.last {
                self.matches.push(Match { index: own.index, position });
            }
            self.cursor += 1;
        }
    }

    /// Counts the tags that have not arrived yet.
    pub(crate) fn missing(&self) -> u64 {
        self.layout.sender_len - self.received
    }

    /// Returns the matches in the sender's order, once all tags arrived.
    pub(crate) fn close(self) -> Result<Vec<Match>, Error> {
        self.close_with_own().map(|(matches, _)| matches)
    }

    /// Returns the matches in the sender's order and the own tags, once all tags arrived.
    pub(crate) fn close_with_own(self) -> Result<(Vec<Match>, SortedTags), Error> {
        match self.missing() {
            0 => Ok((self.matches, self.own)),
            missing => Err(Error::Unfinished { missing }),
        }
    }
}

impl fmt::Debug for TagMerger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { layout, own, cursor: _, last: _, received, matches: _ } = self;
        let mut shown = f.debug_struct("TagMerger");
        shown.field("layout", layout).field("own", own).field("received", received).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn layout(receiver_len: u64, sender_len: u64) -> TagLayout {
        TagLayout::between(receiver_len, sender_len)
    }

    fn sorted(layout: TagLayout, seeds: &[u64]) -> SortedTags {
        let tag = |seed: &u64| {
            layout.cut(
                (u128::from(*seed).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)).to_be_bytes(),
            )
        };
        let mut tags = TagList::with_capacity(seeds.len());
        tags.extend((0..).zip(seeds).map(|(i, seed)| Tagged::new(tag(seed), i)));
        SortedTags::sort(tags)
    }

    fn peer() -> PartyId {
        "peer".parse().unwrap()
    }

    #[test]
    fn lengths_follow_the_formula() {
        assert_eq!(tag_bits(0, 0, Outputs::Receiver), 40);
        assert_eq!(tag_bits(1, 1, Outputs::Both), 40);
        assert_eq!(tag_bits(3, 5, Outputs::Receiver), 40 + 2 + 3);
        assert_eq!(tag_bits(3, 5, Outputs::Both), 40 + 3 + 3);
        assert_eq!(tag_bits(1 << 30, 1 << 30, Outputs::Both), 100);
    }

    #[test]
    fn two_to_the_twenty_tags_take_under_eight_bytes_each() {
        let layout = layout(1 << 20, 1 << 20);
        let seeds: Vec<u64> = (1..=1 << 20).collect();
        let mut stream = TagStream::new(layout, sorted(layout, &seeds));
        let bytes: usize = std::iter::from_fn(|| stream.next_chunk()).map(|c| c.encode().len()).sum();
        assert!(bytes < 8 << 20, "{bytes}");
    }

    #[test]
    fn wrong_chunks_are_refused() {
        let layout = layout(2, 2);
        let stream = || TagStream::new(layout, sorted(layout, &[1, 2]));
        let merger = || TagMerger::new(layout, sorted(layout, &[3, 4]));
        let good = stream().next_chunk().unwrap();

        let more = Tags { count: 3, ..good.clone() };
        assert!(matches!(merger().accept(&more, &peer()), Err(Error::Count { found: 3, expected: 2, .. })));
        let cut = Tags { code: good.code[1..].to_vec(), ..good.clone() };
        assert!(matches!(merger().accept(&cut, &peer()), Err(Error::Malformed { .. })));
        let high = Tags { count: 2, code: rice::encode([1 << 41, 1 << 41], layout.remainder_bits) };
        assert!(matches!(merger().accept(&high, &peer()), Err(Error::TagRange { bits: 42, .. })));

        let mut twice = merger();
        twice.accept(&good, &peer()).unwrap();
        assert!(matches!(twice.accept(&good, &peer()), Err(Error::Count { expected: 0, .. })));
        assert!(matches!(merger().close(), Err(Error::Unfinished { missing: 2 })));
        assert!(matches!(stream().close(), Err(Error::Unfinished { missing: 2 })));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn merging_finds_what_a_lookup_finds(
            own in prop::collection::hash_set(1u64..500, 0..300),
            other in prop::collection::hash_set(1u64..500, 0..300),
        ) {
            let (own, other): (Vec<_>, Vec<_>) = (own.into_iter().collect(), other.into_iter().collect());
            let layout = layout(own.len() as u64, other.len() as u64);
            let mut stream = TagStream::new(layout, sorted(layout, &other));
            let mut merger = TagMerger::new(layout, sorted(layout, &own));
            while let Some(chunk) = stream.next_chunk() {
                merger.accept(&chunk, &peer()).unwrap();
            }
            let theirs = stream.close().unwrap();
            let mut found: Vec<_> = merger.close().unwrap().iter().map(|m| {
                let theirs = other[theirs.item_at(m.position as usize).unwrap() as usize];
                assert_eq!(own[m.index as usize], theirs);
                theirs
            }).collect();
            found.sort_unstable();
            let mut expected: Vec<_> = own.iter().copied().filter(|i| other.contains(i)).collect();
            expected.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }
}
