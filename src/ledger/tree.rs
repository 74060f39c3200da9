//! The Merkle tree of RFC 6962 §2.1: hashes of leaves and nodes, and of any tree from those of its whole subtrees.

use sha2::{Digest, Sha256};

use super::error::LedgerError;

/// A hash of a leaf or node.
pub type Hash = [u8; 32];

/// Hashes an entry.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

/// Hashes two nodes side by side.
pub(super) fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// Where hashes of whole subtrees come from.
pub trait Nodes {
    /// Returns the hash of the subtree over the leaves from `index << height` on, `1 << height` of them.
    ///
    /// # Errors
    /// [`LedgerError`] where the hash is not to be had.
    fn node(&mut self, height: u32, index: u64) -> Result<Hash, LedgerError>;
}

/// Returns the root of the tree over the first `size` leaves.
///
/// # Errors
/// Those of `nodes`.
pub fn root(nodes: &mut impl Nodes, size: u64) -> Result<Hash, LedgerError> {
    if size == 0 { Ok(Sha256::digest([]).into()) } else { range(nodes, 0, size) }
}

/// Returns the hash over the leaves from `begin` up to `end`, which the tree's definition comes by.
pub(super) fn range(nodes: &mut impl Nodes, begin: u64, end: u64) -> Result<Hash, LedgerError> {
    let len = end - begin;
    if len.is_power_of_two() {
        let height = len.trailing_zeros();
        return nodes.node(height, begin >> height);
    }
    let middle = begin + split(len);
    Ok(node_hash(&range(nodes, begin, middle)?, &range(nodes, middle, end)?))
}

/// Returns the largest power of two below `len`, which is at least 2.
pub(super) fn split(len: u64) -> u64 {
    1 << (len - 1).ilog2()
}

/// Returns the hash of a whole subtree of these hashes, whose number is a power of two.
pub(super) fn fold(hashes: &[Hash]) -> Option<Hash> {
    match hashes {
        [] => None,
        [one] => Some(*one),
        many => {
            let (left, right) = many.split_at(many.len() / 2);
            Some(node_hash(&fold(left)?, &fold(right)?))
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::hex::{hex, unhex_all};

    /// A tree in memory, by its leaves.
    pub(in crate::ledger) struct Leaves(pub(in crate::ledger) Vec<Hash>);

    impl Nodes for Leaves {
        fn node(&mut self, height: u32, index: u64) -> Result<Hash, LedgerError> {
            let begin = usize::try_from(index << height).unwrap();
            Ok(fold(&self.0[begin..begin + (1 << height)]).unwrap())
        }
    }

    /// The leaves of the test tree that implementations of RFC 6962 share.
    pub(in crate::ledger) fn known_leaves() -> Vec<Vec<u8>> {
        let leaves = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        leaves.map(|leaf| unhex_all(leaf).unwrap()).to_vec()
    }

    /// Its roots from one leaf to eight.
    pub(in crate::ledger) const KNOWN_ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn trees_have_the_roots_that_others_compute() {
        let mut leaves = Leaves(known_leaves().iter().map(|leaf| leaf_hash(leaf)).collect());
        for (size, expected) in (1..).zip(KNOWN_ROOTS) {
            assert_eq!(hex(&root(&mut leaves, size).unwrap()), expected, "{size}");
        }
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hex(&root(&mut leaves, 0).unwrap()), empty);
    }
}
