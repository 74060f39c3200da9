//! Proofs that an entry is in a tree, and that a tree begins with an earlier one.
//!
//! # Source
//! Made as RFC 6962 §2.1.1 and §2.1.2 define them; verified by the algorithms of RFC 9162 §2.1.3.2 and §2.1.4.2, which
//! need nothing but the proof. A proof has at most 63 and 64 hashes.

use super::error::LedgerError;
use super::tree::{Hash, Nodes, node_hash, range, split};

/// Proves that leaf `index` is in the tree over the first `size` leaves.
///
/// # Errors
/// [`LedgerError::NoEntry`] where it is not; those of `nodes`.
pub fn inclusion_proof(nodes: &mut impl Nodes, index: u64, size: u64) -> Result<Vec<Hash>, LedgerError> {
    if index >= size {
        return Err(LedgerError::NoEntry { index, size });
    }
    let (mut begin, mut end, mut path) = (0, size, Vec::new());
    while end - begin > 1 {
        let middle = begin + split(end - begin);
        if index < middle {
            path.push(range(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(range(nodes, begin, middle)?);
            begin = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// Proves that the tree over the first `new` leaves begins with that over the first `old`.
///
/// # Errors
/// [`LedgerError::Shrunk`] where the new one is smaller; those of `nodes`.
pub fn consistency_proof(nodes: &mut impl Nodes, old: u64, new: u64) -> Result<Vec<Hash>, LedgerError> {
    if old > new {
        return Err(LedgerError::Shrunk { found: new, before: old });
    }
    let (mut begin, mut end, mut path) = (0, new, Vec::new());
    if old == 0 || old == new {
        return Ok(path);
    }
    while old != end {
        let middle = begin + split(end - begin);
        if old <= middle {
            path.push(range(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(range(nodes, begin, middle)?);
            begin = middle;
        }
    }
    // The old tree's root itself is known to whoever verifies.
    if begin > 0 {
        path.push(range(nodes, begin, end)?);
    }
    path.reverse();
    Ok(path)
}

/// Checks that `leaf` is at `index` in the tree of this size and root.
///
/// # Errors
/// [`LedgerError::Proof`].
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    path: &[Hash],
    root: &Hash,
) -> Result<(), LedgerError> {
    if index >= size {
        return Err(LedgerError::NoEntry { index, size });
    }
    let (mut place, mut last, mut hash) = (index, size - 1, *leaf);
    for step in path {
        if last == 0 {
            return Err(LedgerError::Proof);
        }
        hash = climb(&hash, step, &mut place, &mut last);
    }
    if last == 0 && hash == *root { Ok(()) } else { Err(LedgerError::Proof) }
}

/// Joins a hash with the next of the path and goes up to where the two meet.
fn climb(hash: &Hash, step: &Hash, place: &mut u64, last: &mut u64) -> Hash {
    let joined = if *place & 1 == 1 || place == last {
        while *place & 1 == 0 && *place != 0 {
            *place >>= 1;
            *last >>= 1;
        }
        node_hash(step, hash)
    } else {
        node_hash(hash, step)
    };
    *place >>= 1;
    *last >>= 1;
    joined
}

/// Checks that a tree of `new` leaves begins with one of `old`, by their roots.
///
/// # Errors
/// [`LedgerError::Shrunk`], [`LedgerError::Proof`].
pub fn verify_consistency(
    (old, old_root): (u64, &Hash),
    (new, new_root): (u64, &Hash),
    path: &[Hash],
) -> Result<(), LedgerError> {
    if old > new {
        return Err(LedgerError::Shrunk { found: new, before: old });
    }
    if old == 0 || old == new {
        let holds = path.is_empty() && (old == 0 || old_root == new_root);
        return if holds { Ok(()) } else { Err(LedgerError::Proof) };
    }
    let whole = old.is_power_of_two().then_some(old_root);
    let mut path = whole.into_iter().chain(path);
    let first = *path.next().ok_or(LedgerError::Proof)?;
    let shift = (old - 1).trailing_ones();
    let (mut place, mut last) = ((old - 1) >> shift, (new - 1) >> shift);
    let (mut of_old, mut of_new) = (first, first);
    for step in path {
        if last == 0 {
            return Err(LedgerError::Proof);
        }
        if place & 1 == 1 || place == last {
            of_old = node_hash(step, &of_old);
        }
        of_new = climb(&of_new, step, &mut place, &mut last);
    }
    let holds = last == 0 && of_old == *old_root && of_new == *new_root;
    if holds { Ok(()) } else { Err(LedgerError::Proof) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::{hex, unhex};
    use crate::ledger::tree::tests::{KNOWN_ROOTS, Leaves, known_leaves};
    use crate::ledger::tree::{leaf_hash, root};

    fn known() -> Leaves {
        Leaves(known_leaves().iter().map(|leaf| leaf_hash(leaf)).collect())
    }

    fn texts(path: &[Hash]) -> Vec<String> {
        path.iter().map(|hash| hex(hash)).collect()
    }

    #[test]
    fn proofs_are_those_that_others_compute() {
        // The test tree of the Certificate Transparency implementations.
        let mut leaves = known();
        assert_eq!(
            texts(&inclusion_proof(&mut leaves, 0, 8).unwrap()),
            [
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ]
        );
        assert_eq!(
            texts(&inclusion_proof(&mut leaves, 5, 8).unwrap()),
            [
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ]
        );
        assert_eq!(
            texts(&consistency_proof(&mut leaves, 6, 8).unwrap()),
            [
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ]
        );
        let eighth: Hash = unhex(KNOWN_ROOTS[7]).unwrap();
        let path = inclusion_proof(&mut leaves, 5, 8).unwrap();
        verify_inclusion(&leaves.0[5], 5, 8, &path, &eighth).unwrap();
    }

    fn many() -> Leaves {
        Leaves((0..70_u8).map(|leaf| leaf_hash(&[leaf])).collect())
    }

    fn place(index: u64) -> usize {
        usize::try_from(index).unwrap()
    }

    #[test]
    fn every_leaf_is_proven_in_every_tree_and_nowhere_else() {
        let mut leaves = many();
        for size in 1..=70 {
            let top = root(&mut leaves, size).unwrap();
            for index in 0..size {
                let path = inclusion_proof(&mut leaves, index, size).unwrap();
                let leaf = leaves.0[place(index)];
                verify_inclusion(&leaf, index, size, &path, &top).unwrap();
                let other = (index + 1) % size;
                let elsewhere = verify_inclusion(&leaf, other, size, &path, &top);
                assert_eq!(elsewhere.is_ok(), size == 1, "{index} of {size}");
                assert!(
                    verify_inclusion(&leaves.0[place(other)], index, size, &path, &top).is_err()
                        == (size > 1)
                );
                let longer = [&path[..], &[top]].concat();
                assert!(verify_inclusion(&leaf, index, size, &longer, &top).is_err());
                assert!(path.is_empty() || verify_inclusion(&leaf, index, size, &path[1..], &top).is_err());
            }
        }
        assert!(matches!(
            inclusion_proof(&mut leaves, 5, 5),
            Err(LedgerError::NoEntry { index: 5, size: 5 })
        ));
    }

    #[test]
    fn every_tree_is_proven_to_begin_with_every_earlier_one_and_no_other() {
        let mut leaves = many();
        for new in 0..=70 {
            let new_root = root(&mut leaves, new).unwrap();
            for old in 0..=new {
                let old_root = root(&mut leaves, old).unwrap();
                let path = consistency_proof(&mut leaves, old, new).unwrap();
                let check = |old_root, new_root, path: &[Hash]| {
                    verify_consistency((old, old_root), (new, new_root), path)
                };
                check(&old_root, &new_root, &path).unwrap();
                let wrong = leaf_hash(b"another");
                assert!(old == 0 || check(&wrong, &new_root, &path).is_err());
                assert!(old == 0 || check(&old_root, &wrong, &path).is_err());
                assert!(check(&old_root, &new_root, &[&path[..], &[wrong]].concat()).is_err());
                for at in 0..path.len() {
                    let mut altered = path.clone();
                    altered[at][0] ^= 1;
                    assert!(check(&old_root, &new_root, &altered).is_err(), "{old} of {new}, {at}");
                }
            }
        }
        let shrunk = consistency_proof(&mut leaves, 6, 5);
        assert!(matches!(shrunk, Err(LedgerError::Shrunk { found: 5, before: 6 })));
    }
}
