//! Discrete logarithms of small range: from m·G back to m.
//!
//! Baby-step giant-step with a table of encodings, 2^k baby steps for a range of 2^(2k): D. Shanks, "Class
//! Number, a Theory of Factorization, and Genera", Proc. Symp. Pure Math. 20, 1971. Both kinds of step are
//! encoded in batches, so that one field inversion serves each. Variable-time in the logarithm, which
//! is about to be opened to the party that computes it.

use std::fmt;

use hashbrown::HashTable;

use crate::group::{Element, Encoded};
use crate::parallel;
use crate::secret::SecretScalar;

/// Largest range that can be searched: an integer between two bounds that differ by no more.
pub const MAX_SPAN: u64 = 1 << 44;

/// Table lengths: 2^10 to 2^22 baby steps, the last taking 32 MiB.
const TABLE_BITS: std::ops::RangeInclusive<u32> = 10..=22;

/// Baby steps that are encoded together: the smallest table.
const TABLE_CHUNK: u32 = 1 << 10;

/// Giant steps that are encoded together.
const GIANT_BATCH: u32 = 1 << 14;

/// A table that finds m in m·G for all m in a range.
pub(crate) struct DiscreteLog {
    /// The first eight bytes of the encoding of j·G for 0 <= j < 2^bits; found by itself, as it is uniform.
    table: HashTable<(u64, u32)>,
    bits: u32,
}

impl DiscreteLog {
    /// Builds a table that fits searches of ranges whose widths sum up to `spans`.
    pub(crate) fn new(spans: u128) -> Self {
        let bits = table_bits(spans);
        let mut table = HashTable::with_capacity(1 << bits);
        let half = Element::of_integer(1).mul(&half());
        let mut first = Element::identity();
        for chunk in 0..1u32 << (bits - *TABLE_BITS.start()) {
            let (halves, next) = ladder(first, |element| element.add(&half), TABLE_CHUNK);
            first = next;
            let indices = chunk * TABLE_CHUNK..;
            for (index, name) in indices.zip(names(&halves)) {
                table.insert_unique(name, (name, index), |(name, _)| *name);
            }
        }
        Self { table, bits }
    }

    /// Finds m in `element` = m·G with `low <= m <= high`; `None` where there is none.
    pub(crate) fn find(&self, element: &Element, low: i64, high: i64) -> Option<i64> {
        let span = high.checked_sub(low).and_then(|span| u64::try_from(span).ok())?;
        let start = element.sub(&Element::of_integer(low));
        let giants = span >> self.bits;
        let mut done = 0;
        while done <= giants {
            let batch = u32::try_from(giants - done + 1).map_or(GIANT_BATCH, |left| left.min(GIANT_BATCH));
            if let Some(offset) = self.find_in_batch(&start, done, batch) {
                let offset = i64::try_from(offset).ok().filter(|_| offset <= span)?;
                return low.checked_add(offset);
            }
            done += u64::from(batch);
        }
        None
    }

    /// Looks at the giant steps `done..done + batch` from `start`.
    fn find_in_batch(&self, start: &Element, done: u64, batch: u32) -> Option<u64> {
        let step = Element::of_integer(i64::try_from(1u64 << self.bits).ok()?);
        let (half, walked) = (half(), step_times(&step, done)?);
        let half_step = step.mul(&half);
        let (halves, _) = ladder(start.sub(&walked).mul(&half), |element| element.sub(&half_step), batch);
        (done..).zip(names(&halves)).find_map(|(giant, name)| {
            let found = self.table.iter_hash(name).filter(|(other, _)| *other == name);
            let mut found = found.map(|&(_, baby)| (giant << self.bits) + u64::from(baby));
            // Eight bytes of an encoding may agree by chance.
            found.find(|&offset| {
                i64::try_from(offset).is_ok_and(|offset| Element::of_integer(offset) == *start)
            })
        })
    }
}

impl fmt::Debug for DiscreteLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiscreteLog").field("bits", &self.bits).finish_non_exhaustive()
    }
}

/// Balances the table against the giant steps of all searches.
fn table_bits(spans: u128) -> u32 {
    let bits = (u128::BITS - spans.leading_zeros()).div_ceil(2);
    bits.clamp(*TABLE_BITS.start(), *TABLE_BITS.end())
}

/// Counts the group operations of a table and of `searches` searches of ranges whose widths sum up to `spans`, at
/// worst.
pub(crate) fn steps(spans: u128, searches: usize) -> u128 {
    let bits = table_bits(spans);
    (1u128 << bits) + (spans >> bits) + searches as u128
}

/// Returns `len` elements, each a step behind the one before, and the next.
fn ladder(first: Element, step: impl Fn(&Element) -> Element, len: u32) -> (Vec<Element>, Element) {
    let mut current = first;
    let mut advance = || {
        let next = step(&current);
        std::mem::replace(&mut current, next)
    };
    let elements = (0..len).map(|_| advance()).collect();
    (elements, current)
}

/// Encodes the doubles of elements and returns the names of the encodings.
fn names(halves: &[Element]) -> Vec<u64> {
    let names = parallel::batched(halves.len(), |range| {
        let batch = halves.get(range).unwrap_or_default();
        Ok::<_, ()>(Element::encode_doubled(batch).iter().map(name).collect())
    });
    names.unwrap_or_default()
}

/// Returns 1/2.
fn half() -> SecretScalar {
    let mut one = [0; 32];
    one[0] = 1;
    SecretScalar::from_canonical_bytes(one).expect("1 is below the group order").halve()
}

fn step_times(step: &Element, times: u64) -> Option<Element> {
    let mut bytes = [0; 32];
    bytes.first_chunk_mut::<8>()?.copy_from_slice(&times.to_le_bytes());
    Some(SecretScalar::from_canonical_bytes(bytes).map_or(Element::identity(), |times| step.mul(&times)))
}

fn name(encoded: &Encoded) -> u64 {
    let (first, _) = encoded.split_first_chunk::<8>().expect("an encoding has 32 bytes");
    u64::from_le_bytes(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_at_both_ends_and_across_giant_steps_are_found() {
        let (low, high) = (-300_000, 2_000_000);
        let table = DiscreteLog::new(1 << 21);
        for value in [low, -1, 0, 1, 1023, 1024, 1_234_567, high] {
            assert_eq!(table.find(&Element::of_integer(value), low, high), Some(value));
        }
    }

    #[test]
    fn values_outside_of_the_range_are_not_found() {
        let table = DiscreteLog::new(15_000);
        for value in [-1, 5001, 6000, i64::MAX] {
            assert_eq!(table.find(&Element::of_integer(value), 0, 5000), None, "{value}");
        }
        assert_eq!(table.find(&Element::hash(&[b"no small multiple"]), 0, 5000), None);
        assert_eq!(table.find(&Element::of_integer(1), 5, 0), None);
    }

    #[test]
    fn a_range_of_two_to_the_thirty_four_is_searched_through() {
        let (low, high) = (-(1 << 33), 1 << 33);
        let table = DiscreteLog::new(1 << 35);
        assert_eq!(table.find(&Element::of_integer(high - 1), low, high), Some(high - 1));
        assert_eq!(table.find(&Element::of_integer(low + 1), low, high), Some(low + 1));
    }

    #[test]
    fn tables_grow_with_the_work_up_to_their_limit() {
        let widest = u128::from(MAX_SPAN);
        assert_eq!((table_bits(0), table_bits(1 << 30), table_bits(100 * widest)), (10, 16, 22));
        assert_eq!(steps(widest, 1), (1 << 22) + (1 << 22) + 1);
    }
}
