//! Masks: what hides a vector, tile by tile, so that no mask ever stands in memory as a whole.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use super::ring::{Ring, TILE_BYTES, Word, Words, with_word};
use super::tag::{Tag, TagKey};
use super::task::{Admitted, Task};
use crate::group::Encoded;
use crate::parallel;
use crate::prg::{KEY_BYTES, Keystream};
use crate::transcript::{DIGEST_BYTES, SUM_PAIR_MASK, SUM_SEAL, SUM_SELF_MASK};

/// Whether a mask is added or taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Plus,
    Minus,
}

impl Sign {
    /// Returns the sign with which `own` takes the mask that it shares with `other`: who sits lower adds.
    pub(super) fn between(own: u16, other: u16) -> Self {
        if own < other { Self::Plus } else { Self::Minus }
    }

    /// Returns the other sign.
    pub(super) fn opposite(self) -> Self {
        match self {
            Self::Plus => Self::Minus,
            Self::Minus => Self::Plus,
        }
    }
}

/// A mask on a vector and its tag.
#[derive(Debug)]
pub(super) struct Mask {
    stream: Keystream,
    tag: Tag,
    sign: Sign,
}

impl Drop for Mask {
    fn drop(&mut self) {
        self.tag.zeroize();
    }
}

impl Mask {
    /// Makes the mask of a party alone from its shared seed.
    pub(super) fn alone(
        task: &Task,
        session: &[u8; DIGEST_BYTES],
        seat: u16,
        seed: &[u8; 32],
        sign: Sign,
    ) -> Self {
        Self::derive(task, session, seed, &[SUM_SELF_MASK.as_bytes(), &seat.to_le_bytes()], sign)
    }

    /// Makes the mask of two parties from their agreed key.
    pub(super) fn between(
        task: &Task,
        session: &[u8; DIGEST_BYTES],
        seats: [u16; 2],
        key: &Encoded,
        sign: Sign,
    ) -> Self {
        let [a, b] = seats;
        let info = [SUM_PAIR_MASK.as_bytes(), &a.min(b).to_le_bytes(), &a.max(b).to_le_bytes()];
        Self::derive(task, session, key, &info, sign)
    }

    fn derive(
        task: &Task,
        session: &[u8; DIGEST_BYTES],
        secret: &[u8; 32],
        info: &[&[u8]],
        sign: Sign,
    ) -> Self {
        let mut material = Zeroizing::new([0; KEY_BYTES + 16]);
        expand(session, secret, info, &mut *material);
        let (key, tag) = material.split_first_chunk::<KEY_BYTES>().expect("32 bytes are a part of 48");
        let tag = tag.first_chunk().expect("16 bytes are left of 48");
        Self { stream: Keystream::new(task.suite(), key), tag: Tag::of_uniform(tag), sign }
    }
}

/// Derives the key under which `from` seals its shares for `to`.
pub(super) fn sealing_key(
    session: &[u8; DIGEST_BYTES],
    agreed: &Encoded,
    from: u16,
    to: u16,
) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    expand(session, agreed, &[SUM_SEAL.as_bytes(), &from.to_le_bytes(), &to.to_le_bytes()], &mut *key);
    key
}

/// HKDF with SHA-256 (RFC 5869), salted with the session.
fn expand(session: &[u8; DIGEST_BYTES], secret: &[u8; 32], info: &[&[u8]], out: &mut [u8]) {
    let expanded = Hkdf::<Sha256>::new(Some(session), secret).expand_multi_info(info, out);
    expanded.expect("two or fewer blocks are asked for");
}

/// All masks on one vector.
#[derive(Debug, Default)]
pub(super) struct Masks(Vec<Mask>);

impl FromIterator<Mask> for Masks {
    fn from_iter<I: IntoIterator<Item = Mask>>(masks: I) -> Self {
        Self(masks.into_iter().collect())
    }
}

impl Masks {
    /// Masks the words of `input` that stand from `first` on, a multiple of a tile, into `out`; returns their hash.
    pub(super) fn hide(
        &self,
        ring: Ring,
        input: &Admitted<'_>,
        first: usize,
        key: &TagKey,
        out: &mut [u8],
    ) -> Tag {
        with_word!(ring, W => self.hide_words::<W>(input, first, key, out))
    }

    fn hide_words<W: Word>(&self, input: &Admitted<'_>, first: usize, key: &TagKey, out: &mut [u8]) -> Tag {
        let tile_len = TILE_BYTES / W::BYTES;
        let tags = parallel::chunked(out, TILE_BYTES, |index, out| {
            let start = first + index * tile_len;
            // In the end it holds what is sent, so nothing is left to wipe.
            let mut words = vec![W::default(); out.len() / W::BYTES];
            input.words(start, &mut words);
            let tag = key.hash(start, &words);
            self.apply(start, &mut words);
            words.iter().zip(out.chunks_exact_mut(W::BYTES)).for_each(|(word, place)| word.write(place));
            tag
        });
        tags.into_iter().fold(Tag::default(), Tag::add)
    }

    /// Applies the masks to a whole vector, in place.
    pub(super) fn apply_to(&self, vector: &mut Words) {
        let ring = vector.ring;
        parallel::chunked(&mut vector.bytes, TILE_BYTES, |index, bytes| {
            with_word!(ring, W => {
                let mut words: Vec<W> = bytes.chunks_exact(W::BYTES).map(W::read).collect();
                self.apply(index * TILE_BYTES / W::BYTES, &mut words);
                words.iter().zip(bytes.chunks_exact_mut(W::BYTES)).for_each(|(word, place)| word.write(place));
            });
        });
    }

    /// Applies the masks to the words of a tile, of which the first stands at `first`.
    fn apply<W: Word>(&self, first: usize, words: &mut [W]) {
        let mut masks = [0; TILE_BYTES];
        // Streams come in whole blocks; the last tile may end within one.
        let bytes = (words.len() * W::BYTES).next_multiple_of(64);
        let tile = masks.get_mut(..bytes).unwrap_or_default();
        for mask in &self.0 {
            mask.stream.fill(first * W::BYTES, tile);
            let pairs = words.iter_mut().zip(tile.chunks_exact(W::BYTES));
            match mask.sign {
                Sign::Plus => pairs.for_each(|(word, mask)| *word = word.add(W::read(mask))),
                Sign::Minus => pairs.for_each(|(word, mask)| *word = word.subtract(W::read(mask))),
            }
        }
        tile.fill(0);
        std::hint::black_box(&masks);
    }

    /// Applies the masks to a tag.
    pub(super) fn apply_to_tag(&self, tag: Tag) -> Tag {
        self.0.iter().fold(tag, |tag, mask| match mask.sign {
            Sign::Plus => tag.add(mask.tag),
            Sign::Minus => tag.subtract(mask.tag),
        })
    }
}
