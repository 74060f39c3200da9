//! A partner as a witness: it cosigns only what continues the last checkpoint that it cosigned, and remembers that one.

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::checkpoint::SignedCheckpoint;
use super::entry::{Entry, Kind, Time};
use super::error::LedgerError;
use super::note::MAX_NOTE_BYTES;
use super::store::Ledger;
use super::tile::{is_there, read_bounded};
use crate::hex::hex;
use crate::identity::{Identity, PublicKey};
use crate::state::{StateDir, create_private, lock};
use crate::whole_file::{self, Existing};

/// What a partner needs to cosign: its key, and where it remembers.
#[derive(Debug)]
pub struct Witness<'a> {
    identity: &'a Identity,
    state: &'a StateDir,
}

impl<'a> Witness<'a> {
    /// Takes the partner's key and state directory.
    pub fn new(identity: &'a Identity, state: &'a StateDir) -> Self {
        Self { identity, state }
    }

    /// Verifies a ledger whole, checks that it continues what was cosigned before, and cosigns its checkpoint. What was
    /// cosigned is remembered, and in the partner's own ledger, before this returns.
    ///
    /// # Errors
    /// [`LedgerError::SplitView`] and [`LedgerError::Shrunk`] where it is another ledger, or an older state of it, than was
    /// cosigned before; [`LedgerError`].
    pub fn cosign(
        &self,
        ledger: &Ledger,
        owner: &PublicKey,
        time: Time,
    ) -> Result<SignedCheckpoint, LedgerError> {
        let directory = self.state.witnessed();
        let failed = |source| LedgerError::Io { path: directory.clone(), source };
        create_private(&directory).map_err(failed)?;
        let _lock = lock(&directory.join("lock"))?;
        let verified = ledger.verify(owner)?;
        let before = self.remembered(&verified.head.origin)?;
        if let Some(before) = &before {
            verified.continues(before.unverified())?;
        }
        let (mut signed, head) = verified.into_head();
        signed.cosign(self.identity, time);
        let memory = signed.to_string();
        if before.is_none_or(|before| before.digest() != signed.digest()) {
            self.note_in_own_ledger(&signed, head.origin.clone(), time)?;
        }
        let path = self.memory_of(&head.origin);
        whole_file::write(&path, memory.as_bytes(), Existing::Replace).map_err(failed)?;
        Ok(signed)
    }

    /// Returns the last checkpoint of this ledger that was cosigned.
    fn remembered(&self, origin: &str) -> Result<Option<SignedCheckpoint>, LedgerError> {
        let path = self.memory_of(origin);
        if !is_there(&path)? {
            return Ok(None);
        }
        let damaged =
            |_| LedgerError::Damaged { path: path.clone(), what: "is not what was cosigned before" };
        let before =
            SignedCheckpoint::parse(&read_bounded(&path, MAX_NOTE_BYTES as u64)?).map_err(damaged)?;
        let is_own = before.cosigned_at(&self.identity.public()).map_err(damaged)?.is_some();
        let is_it = is_own && before.unverified().origin == origin;
        if is_it { Ok(Some(before)) } else { Err(damaged(LedgerError::Proof)) }
    }

    /// Names the file by key and origin: identities that share a state directory remember apart.
    fn memory_of(&self, origin: &str) -> PathBuf {
        let digest = Sha256::new().chain_update(self.identity.public().as_bytes()).chain_update(origin);
        let digest: [u8; 32] = digest.finalize().into();
        self.state.witnessed().join(hex(&digest))
    }

    fn note_in_own_ledger(
        &self,
        signed: &SignedCheckpoint,
        origin: String,
        time: Time,
    ) -> Result<(), LedgerError> {
        let checkpoint = Some(signed.digest());
        let entry = Entry { checkpoint, log: Some(origin), ..Entry::new(Kind::Cosigned, time) };
        Ledger::of(self.state, &self.identity.public()).append(&[entry], self.identity).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::store::tests::{grow, identity, time};

    #[test]
    fn a_witness_follows_a_ledger_and_no_other_of_the_same_owner() {
        let dir = tempfile::tempdir().unwrap();
        let (owner, east) = (identity(1), identity(2));
        let state = StateDir::find(Some(&dir.path().join("east"))).unwrap();
        let witness = Witness::new(&east, &state);
        let [honest, other] = ["honest", "other"].map(|name| Ledger::at(&dir.path().join(name)));
        grow(&honest, &owner, 3);
        let first = witness.cosign(&honest, &owner.public(), time(0)).unwrap();
        assert_eq!(first.cosigned_at(&east.public()).unwrap(), Some(time(0)));
        grow(&honest, &owner, 300);
        witness.cosign(&honest, &owner.public(), time(1)).unwrap();
        // Twice the same is no change, and one entry of its own ledger.
        witness.cosign(&honest, &owner.public(), time(2)).unwrap();
        let own = Ledger::of(&state, &east.public()).verify(&east.public()).unwrap();
        assert_eq!(own.entries.len(), 2);
        assert_eq!(own.entries[0].checkpoint, Some(first.digest()));

        grow(&other, &owner, 200);
        let shrunk = witness.cosign(&other, &owner.public(), time(3));
        assert!(matches!(shrunk, Err(LedgerError::Shrunk { found: 200, before: 303 })), "{shrunk:?}");
        grow(&other, &owner, 103);
        let split = witness.cosign(&other, &owner.public(), time(3));
        assert!(matches!(split, Err(LedgerError::SplitView { found: 303, before: 303 })), "{split:?}");
        grow(&other, &owner, 1);
        let split = witness.cosign(&other, &owner.public(), time(3));
        assert!(matches!(split, Err(LedgerError::SplitView { found: 304, before: 303 })), "{split:?}");
        witness.cosign(&honest, &owner.public(), time(4)).unwrap();
    }

    #[test]
    fn a_damaged_memory_is_not_taken_for_none() {
        let dir = tempfile::tempdir().unwrap();
        let (owner, east) = (identity(1), identity(2));
        let state = StateDir::find(Some(&dir.path().join("east"))).unwrap();
        let (witness, ledger) = (Witness::new(&east, &state), Ledger::at(&dir.path().join("ledger")));
        grow(&ledger, &owner, 3);
        witness.cosign(&ledger, &owner.public(), time(0)).unwrap();
        let memory = witness.memory_of(&crate::ledger::origin_of(&owner.public()));
        for content in [String::new(), ledger.checkpoint().unwrap().to_string()] {
            std::fs::write(&memory, content).unwrap();
            let refused = witness.cosign(&ledger, &owner.public(), time(0));
            assert!(matches!(refused, Err(LedgerError::Damaged { .. })), "{refused:?}");
        }
    }
}
