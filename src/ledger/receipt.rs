//! Receipts: an entry, with all that shows that its owner's ledger holds it, in a file that is verified by itself.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::checkpoint::SignedCheckpoint;
use super::entry::{Digest, Entry};
use super::error::LedgerError;
use super::proof::{inclusion_proof, verify_inclusion};
use super::store::Verified;
use super::tile::read_bounded;
use super::tree::{Hash, leaf_hash};
use crate::identity::PublicKey;

/// Version of receipts.
const VERSION: u32 = 1;

/// Longest receipt, in bytes: an entry, a checkpoint, a proof.
const MAX_RECEIPT_BYTES: u64 = 1 << 18;

/// Reads a file that should be a receipt or a checkpoint.
pub(crate) fn read_limited(path: &Path) -> Result<Vec<u8>, LedgerError> {
    read_bounded(path, MAX_RECEIPT_BYTES)
}

/// That an entry is in a ledger. Its one form is a line of canonical JSON, as that of entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    checkpoint: String,
    entry: Entry,
    index: u64,
    proof: Vec<Digest>,
    version: u32,
}

impl Receipt {
    /// Makes the receipt of an entry under a checkpoint of this ledger, the current one or an earlier one.
    ///
    /// # Errors
    /// [`LedgerError::NoEntry`] where the checkpoint does not cover it; [`LedgerError::SplitView`],
    /// [`LedgerError::Shrunk`] where it is not one of this ledger; those of reading tiles.
    pub fn new(ledger: &Verified, checkpoint: &SignedCheckpoint, index: u64) -> Result<Self, LedgerError> {
        let head = checkpoint.unverified();
        ledger.continues(head)?;
        let no_entry = LedgerError::NoEntry { index, size: head.size };
        let entry = usize::try_from(index).ok().and_then(|place| ledger.entries.get(place));
        let entry = entry.ok_or(no_entry)?.clone();
        let proof = inclusion_proof(&mut ledger.tiles(), index, head.size)?;
        let proof = proof.into_iter().map(Digest::from).collect();
        Ok(Self { checkpoint: checkpoint.to_string(), entry, index, proof, version: VERSION })
    }

    /// Reads the canonical form and nothing else.
    ///
    /// # Errors
    /// [`LedgerError::NotAReceipt`].
    pub fn parse(bytes: &[u8]) -> Result<Self, LedgerError> {
        let receipt: Self = serde_json::from_slice(bytes).map_err(|_| LedgerError::NotAReceipt)?;
        let is_known = receipt.version == VERSION && receipt.to_json().as_bytes() == bytes;
        if is_known { Ok(receipt) } else { Err(LedgerError::NotAReceipt) }
    }

    /// Returns the canonical form, a line.
    pub fn to_json(&self) -> String {
        let mut text =
            serde_json::to_string(self).expect("receipts are strings, integers, lists and objects");
        text.push('\n');
        text
    }

    /// Checks it by nothing but the key of the ledger's owner, and returns the checkpoint that it stands on.
    ///
    /// # Errors
    /// [`LedgerError`], by what is wrong.
    pub fn verify(&self, owner: &PublicKey) -> Result<SignedCheckpoint, LedgerError> {
        let signed = SignedCheckpoint::parse(self.checkpoint.as_bytes())?;
        let head = signed.verify(owner)?;
        let leaf = leaf_hash(&self.entry.to_bytes().map_err(|_| LedgerError::NotAReceipt)?);
        let proof: Vec<Hash> = self.proof.iter().map(|hash| *hash.as_bytes()).collect();
        verify_inclusion(&leaf, self.index, head.size, &proof, &head.root)?;
        Ok(signed)
    }

    /// Returns the entry.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Returns the entry's place in the ledger, counted from 0.
    pub fn index(&self) -> u64 {
        self.index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::store::tests::{grow, identity};
    use crate::ledger::{Ledger, LedgerError};

    #[test]
    fn receipts_verify_alone_under_any_checkpoint_that_covers_the_entry() {
        let dir = tempfile::tempdir().unwrap();
        let (owner, ledger) = (identity(1), Ledger::at(dir.path()));
        grow(&ledger, &owner, 5);
        let early = ledger.checkpoint().unwrap();
        grow(&ledger, &owner, 300);
        let verified = ledger.verify(&owner.public()).unwrap();
        for (checkpoint, index) in
            [(&early, 0), (&early, 4), (&verified.checkpoint, 0), (&verified.checkpoint, 304)]
        {
            let receipt = Receipt::new(&verified, checkpoint, index).unwrap();
            let receipt = Receipt::parse(receipt.to_json().as_bytes()).unwrap();
            assert_eq!(receipt.verify(&owner.public()).unwrap(), *checkpoint);
            assert!(matches!(receipt.verify(&identity(2).public()), Err(LedgerError::OtherOwner { .. })));
            let moved = Receipt { index: index + 1, ..receipt.clone() };
            assert!(moved.verify(&owner.public()).is_err());
            let entry = verified.entries[usize::try_from(index + 1).unwrap() % 5 + 10].clone();
            assert!(Receipt { entry, ..receipt }.verify(&owner.public()).is_err());
        }
        let uncovered = Receipt::new(&verified, &early, 5);
        assert!(matches!(uncovered, Err(LedgerError::NoEntry { index: 5, size: 5 })));
    }

    #[test]
    fn a_checkpoint_of_another_ledger_makes_no_receipt() {
        let dir = tempfile::tempdir().unwrap();
        let (owner, ledger, other) =
            (identity(1), Ledger::at(&dir.path().join("a")), Ledger::at(&dir.path().join("other")));
        grow(&ledger, &owner, 5);
        grow(&other, &owner, 2);
        grow(&other, &owner, 1);
        let verified = ledger.verify(&owner.public()).unwrap();
        let split = Receipt::new(&verified, &other.checkpoint().unwrap(), 0);
        assert!(matches!(split, Err(LedgerError::SplitView { found: 5, before: 3 })), "{split:?}");
    }
}
