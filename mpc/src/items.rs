//! Item sets: the distinct byte strings that a party brings to a protocol.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use zeroize::Zeroize;

use crate::error::Error;

/// Longest item, in bytes.
pub const MAX_ITEM_BYTES: usize = 4096;

/// Most items in one set.
pub const MAX_SET_LEN: usize = 1 << 30;

/// An immutable set of distinct byte strings, in the order in which they were inserted.
///
/// `Debug` prints the size alone and the bytes are wiped on drop, since items are records of people.
///
/// # Examples
/// ```
/// use tidegate_mpc::ItemSet;
///
/// let set = ItemSet::new(["alice", "bob"])?;
/// assert_eq!((set.len(), set.get(1)), (2, Some(&b"bob"[..])));
/// assert!(ItemSet::new(["alice", "alice"]).is_err());
/// # Ok::<(), tidegate_mpc::Error>(())
/// ```
pub struct ItemSet {
    /// All items, one behind the other.
    bytes: Vec<u8>,
    /// End of each item in `bytes`.
    ends: Vec<u64>,
}

impl ItemSet {
    /// Makes a set of n byte strings, each of at most [`MAX_ITEM_BYTES`].
    ///
    /// # Errors
    /// [`Error::DuplicateItem`] with the index of the second copy; [`Error::ItemTooLong`];
    /// [`Error::SetTooLarge`].
    pub fn new<T: AsRef<[u8]>>(items: impl IntoIterator<Item = T>) -> Result<Self, Error> {
        let mut builder = ItemSetBuilder::new();
        for (index, item) in items.into_iter().enumerate() {
            if !builder.insert(item.as_ref())?.is_new {
                return Err(Error::DuplicateItem { index });
            }
        }
        Ok(builder.finish())
    }

    /// Counts the items.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Tells whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns the item at `index`, counted from 0 in the order of insertion.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let end = usize::try_from(*self.ends.get(index)?).ok()?;
        let start = match index.checked_sub(1) {
            Some(before) => usize::try_from(*self.ends.get(before)?).ok()?,
            None => 0,
        };
        self.bytes.get(start..end)
    }
}

impl Drop for ItemSet {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl fmt::Debug for ItemSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ItemSet").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Where [`ItemSetBuilder::insert`] found or put an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Insertion {
    /// The item's index in the set.
    pub index: u32,
    /// Whether the set did not hold the item before.
    pub is_new: bool,
}

/// Builds an [`ItemSet`] from items of which some may be equal.
pub struct ItemSetBuilder {
    set: ItemSet,
    /// Indices of `set`, found by the hash of the item.
    index: HashTable<u32>,
    /// Keys of the table's hash; they decide the table's layout and nothing that a peer sees.
    hasher: RandomState,
}

impl ItemSetBuilder {
    /// Starts with the empty set.
    pub fn new() -> Self {
        let set = ItemSet { bytes: Vec::new(), ends: Vec::new() };
        Self { set, index: HashTable::new(), hasher: RandomState::new() }
    }

    /// Finds `item` in the set or appends it.
    ///
    /// # Errors
    /// [`Error::ItemTooLong`] above [`MAX_ITEM_BYTES`]; [`Error::SetTooLarge`] above [`MAX_SET_LEN`].
    pub fn insert(&mut self, item: &[u8]) -> Result<Insertion, Error> {
        if item.len() > MAX_ITEM_BYTES {
            return Err(Error::ItemTooLong { found: item.len(), max: MAX_ITEM_BYTES });
        }
        let Self { set, index, hasher } = self;
        let hash = hasher.hash_one(item);
        if let Some(&found) = index.find(hash, |&i| set.get(i as usize) == Some(item)) {
            return Ok(Insertion { index: found, is_new: false });
        }
        let new = u32::try_from(set.len()).ok().filter(|&n| (n as usize) < MAX_SET_LEN);
        let new = new.ok_or(Error::SetTooLarge { found: set.len() + 1, max: MAX_SET_LEN })?;
        append_without_residue(&mut set.bytes, item);
        set.ends.push(set.bytes.len() as u64);
        index.insert_unique(hash, new, |&i| hasher.hash_one(set.get(i as usize).unwrap_or_default()));
        Ok(Insertion { index: new, is_new: true })
    }

    /// Finds `item` in the set.
    pub fn find(&self, item: &[u8]) -> Option<u32> {
        let hash = self.hasher.hash_one(item);
        self.index.find(hash, |&i| self.set.get(i as usize) == Some(item)).copied()
    }

    /// Returns the item at `index`, counted from 0 in the order of insertion.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        self.set.get(index)
    }

    /// Counts the distinct items so far.
    pub fn len(&self) -> usize {
        self.set.len()
    }

    /// Tells whether no item was inserted.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// Returns the set and drops the index.
    pub fn finish(self) -> ItemSet {
        self.set
    }
}

impl Default for ItemSetBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ItemSetBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ItemSetBuilder").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Appends, wiping the old buffer when a larger one takes its place.
fn append_without_residue(bytes: &mut Vec<u8>, item: &[u8]) {
    if bytes.capacity() - bytes.len() < item.len() {
        let mut larger = Vec::with_capacity((bytes.len() + item.len()).next_multiple_of(1 << 16) * 3 / 2);
        larger.extend_from_slice(bytes);
        bytes.zeroize();
        *bytes = larger;
    }
    bytes.extend_from_slice(item);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_are_refused_by_new_and_found_by_the_builder() {
        let twice = ItemSet::new(["a", "b", "a"]).unwrap_err();
        assert!(matches!(twice, Error::DuplicateItem { index: 2 }), "{twice:?}");

        let mut builder = ItemSetBuilder::new();
        let insertions: Vec<_> =
            ["a", "", "a", ""].iter().map(|i| builder.insert(i.as_bytes()).unwrap()).collect();
        assert_eq!(
            insertions.iter().map(|i| (i.index, i.is_new)).collect::<Vec<_>>(),
            [(0, true), (1, true), (0, false), (1, false)]
        );
        assert_eq!([b"a", &b""[..], b"b"].map(|item| builder.find(item)), [Some(0), Some(1), None]);
        assert_eq!([0, 2].map(|index| builder.get(index)), [Some(&b"a"[..]), None]);
    }

    #[test]
    fn items_survive_growth() {
        let mut builder = ItemSetBuilder::new();
        let item = |i: u32| vec![i.to_le_bytes()[0]; i as usize % 300];
        for i in 0..3000u32 {
            builder.insert(&[&i.to_le_bytes()[..], &item(i)].concat()).unwrap();
        }
        let set = builder.finish();
        assert_eq!(set.len(), 3000);
        for i in 0..3000u32 {
            assert_eq!(set.get(i as usize).unwrap(), [&i.to_le_bytes()[..], &item(i)].concat());
        }
        assert_eq!(set.get(3000), None);
    }

    #[test]
    fn long_items_are_refused() {
        let error = ItemSetBuilder::new().insert(&[0; MAX_ITEM_BYTES + 1]).unwrap_err();
        assert!(matches!(error, Error::ItemTooLong { found: 4097, max: 4096 }), "{error:?}");
    }
}
