//! Checkpoints: the size and root of a ledger, signed by its owner and cosigned by those who saw it grow.

use std::fmt;

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use sha2::{Digest as _, Sha256};

use super::entry::{Digest, Time};
use super::error::LedgerError;
use super::note::{Note, SignatureLine, SignatureType, key_id};
use super::tree::Hash;
use crate::identity::{Identity, PublicKey, Signature};

/// What origins begin with, and so all that an owner signs.
const ORIGIN_PREFIX: &str = "tidegate-ledger/";

/// What cosigners' names begin with.
const COSIGNER_PREFIX: &str = "tidegate-cosigner/";

/// The first line of what a cosigner signs.
const COSIGNATURE_LABEL: &str = "cosignature/v1";

/// Length of a time and a signature, in bytes.
const COSIGNATURE_BYTES: usize = 8 + Signature::BYTES;

/// Names the ledger of a key's owner: one owner has one.
pub fn origin_of(owner: &PublicKey) -> String {
    format!("{ORIGIN_PREFIX}{}", Base64UrlUnpadded::encode_string(owner.as_bytes()))
}

/// Names a key's owner as a cosigner.
pub fn cosigner_name(key: &PublicKey) -> String {
    format!("{COSIGNER_PREFIX}{}", Base64UrlUnpadded::encode_string(key.as_bytes()))
}

/// The size and root of a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which ledger.
    pub origin: String,
    /// Its entries.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Hash,
}

impl Checkpoint {
    /// Reads the text that is signed: three lines. Ledgers of this program have no further ones.
    fn parse(text: &str) -> Result<Self, LedgerError> {
        let failed = |what| LedgerError::NotACheckpoint { what };
        let [origin, size_text, root, ""] = text.split('\n').collect::<Vec<_>>()[..] else {
            return Err(failed("its text has other than three lines"));
        };
        let size: u64 = size_text.parse().map_err(|_| failed("its second line is no size"))?;
        let root = Base64::decode_vec(root).ok().and_then(|root| root.try_into().ok());
        let root = root.ok_or(failed("its third line is no root"))?;
        if size.to_string() != size_text || !origin.starts_with(ORIGIN_PREFIX) {
            return Err(failed("its first line names no ledger, or its second is no size"));
        }
        Ok(Self { origin: origin.to_owned(), size, root })
    }

    fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, Base64::encode_string(&self.root))
    }
}

/// A checkpoint with signatures, none of which is verified until somebody asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl SignedCheckpoint {
    /// Reads a checkpoint.
    ///
    /// # Errors
    /// [`LedgerError::NotACheckpoint`].
    pub fn parse(bytes: &[u8]) -> Result<Self, LedgerError> {
        let note = Note::parse(bytes).map_err(|what| LedgerError::NotACheckpoint { what })?;
        Ok(Self { checkpoint: Checkpoint::parse(&note.text)?, note })
    }

    /// Signs the size and root of the owner's own ledger.
    pub(super) fn sign(size: u64, root: Hash, owner: &Identity) -> Self {
        let origin = origin_of(&owner.public());
        let checkpoint = Checkpoint { origin: origin.clone(), size, root };
        let text = checkpoint.to_text();
        let signature = owner.sign_note(text.as_bytes()).as_bytes().to_vec();
        let key_id = key_id(&origin, SignatureType::Plain, &owner.public());
        let signatures = vec![SignatureLine { name: origin, key_id, signature }];
        Self { checkpoint, note: Note { text, signatures } }
    }

    /// Returns what it says, for where nothing hangs on its signature.
    pub(super) fn unverified(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Adds a cosignature, in place of an earlier one by the same key.
    pub(super) fn cosign(&mut self, cosigner: &Identity, time: Time) {
        let key = cosigner.public();
        let (name, seconds) = (cosigner_name(&key), time.seconds());
        let key_id = key_id(&name, SignatureType::Cosignature, &key);
        let signature = cosigner.sign_note(cosigned_text(seconds, &self.note.text).as_bytes());
        let signature = [&seconds.to_be_bytes()[..], signature.as_bytes()].concat();
        self.note.signatures.retain(|line| line.name != name || line.key_id != key_id);
        self.note.signatures.push(SignatureLine { name, key_id, signature });
    }

    /// Returns what it says, once the owner's signature is verified.
    ///
    /// # Errors
    /// [`LedgerError::OtherOwner`], [`LedgerError::NotSigned`], [`LedgerError::BadSignature`].
    pub fn verify(&self, owner: &PublicKey) -> Result<&Checkpoint, LedgerError> {
        let expected = origin_of(owner);
        if self.checkpoint.origin != expected {
            let found = shown_origin(&self.checkpoint.origin);
            return Err(LedgerError::OtherOwner { found, expected });
        }
        let mut is_signed = false;
        for signature in self.note.by(&expected, SignatureType::Plain, owner) {
            check(owner, self.note.text.as_bytes(), signature)?;
            is_signed = true;
        }
        if is_signed { Ok(&self.checkpoint) } else { Err(LedgerError::NotSigned { key: *owner }) }
    }

    /// Returns when this key cosigned, if it did.
    ///
    /// # Errors
    /// [`LedgerError::BadSignature`] where a line claims so and is wrong.
    pub fn cosigned_at(&self, key: &PublicKey) -> Result<Option<Time>, LedgerError> {
        let bad = || LedgerError::BadSignature { key: *key };
        let mut latest = None;
        for line in self.note.by(&cosigner_name(key), SignatureType::Cosignature, key) {
            let line: &[u8; COSIGNATURE_BYTES] = line.try_into().map_err(|_| bad())?;
            let (seconds, signature) = line.split_first_chunk::<8>().ok_or_else(bad)?;
            let seconds = u64::from_be_bytes(*seconds);
            check(key, cosigned_text(seconds, &self.note.text).as_bytes(), signature)?;
            latest = latest.max(Some(Time::from_seconds(seconds).ok_or_else(bad)?));
        }
        Ok(latest)
    }

    /// Takes in the signatures of another, if that is of the same tree; tells whether it is.
    pub(super) fn merge(&mut self, other: &Self) -> bool {
        let is_same = self.note.text == other.note.text;
        for line in other.note.signatures.iter().filter(|_| is_same) {
            self.note.signatures.retain(|own| (&own.name, own.key_id) != (&line.name, line.key_id));
            self.note.signatures.push(line.clone());
        }
        is_same
    }

    /// Tells whether there is any line beside one of the owner.
    pub(super) fn has_cosignatures(&self) -> bool {
        self.note.signatures.iter().any(|line| line.name != self.checkpoint.origin)
    }

    /// Returns the digest of the text that is signed.
    pub fn digest(&self) -> Digest {
        Digest::from(<[u8; 32]>::from(Sha256::digest(self.note.text.as_bytes())))
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.note.to_text())
    }
}

fn cosigned_text(seconds: u64, text: &str) -> String {
    format!("{COSIGNATURE_LABEL}\ntime {seconds}\n{text}")
}

fn check(key: &PublicKey, text: &[u8], signature: &[u8]) -> Result<(), LedgerError> {
    let bad = || LedgerError::BadSignature { key: *key };
    let signature = Signature::from_bytes(signature.try_into().map_err(|_| bad())?);
    key.verify_note(text, &signature).map_err(|_| bad())
}

/// Returns the beginning of an origin that nobody has checked, without what a terminal obeys.
fn shown_origin(origin: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || "-_/.".contains(*c);
    origin.chars().filter(is_plain).take(ORIGIN_PREFIX.len() + 43).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::store::tests::identity;

    fn time() -> Time {
        "2026-11-22T05:19:31Z".parse().unwrap()
    }

    #[test]
    fn a_checkpoint_carries_the_signatures_of_owner_and_cosigners() {
        let (owner, [east, west]) = (identity(1), [2, 3].map(identity));
        let mut signed = SignedCheckpoint::sign(5, [7; 32], &owner);
        assert!(!signed.has_cosignatures());
        signed.cosign(&east, time());
        let signed = SignedCheckpoint::parse(signed.to_string().as_bytes()).unwrap();
        assert_eq!((signed.verify(&owner.public()).unwrap().size, signed.has_cosignatures()), (5, true));
        assert_eq!(signed.cosigned_at(&east.public()).unwrap(), Some(time()));
        assert_eq!(signed.cosigned_at(&west.public()).unwrap(), None);
        assert!(matches!(signed.verify(&east.public()), Err(LedgerError::OtherOwner { .. })));
    }

    #[test]
    fn a_key_cosigns_once_and_signs_nothing_by_cosigning() {
        let (owner, east) = (identity(1), identity(2));
        let mut signed = SignedCheckpoint::sign(5, [7; 32], &owner);
        signed.cosign(&east, time());
        let later = Time::from_seconds(time().seconds() + 60).unwrap();
        signed.cosign(&east, later);
        assert_eq!(signed.note.signatures.len(), 2);
        assert_eq!(signed.cosigned_at(&east.public()).unwrap(), Some(later));
        // The owner's own cosignature is not its signature.
        signed.note.signatures.clear();
        signed.cosign(&owner, time());
        assert!(matches!(signed.verify(&owner.public()), Err(LedgerError::NotSigned { .. })));
    }

    #[test]
    fn texts_that_are_no_checkpoints_are_refused() {
        let owner = identity(1);
        let signed = SignedCheckpoint::sign(5, [7; 32], &owner).to_string();
        let root = Base64::encode_string(&[7; 32]);
        let cases = [
            (signed.replace("\n5\n", "\n05\n"), "size"),
            (signed.replace("\n5\n", "\n+5\n"), "size"),
            (signed.replace("\n5\n", "\n5\n5\n"), "three lines"),
            (signed.replace(&root, &root[..40]), "root"),
            (signed.replace("tidegate-ledger/", "tidegate/ledger/"), "names no ledger"),
        ];
        for (text, expected) in cases {
            let error = SignedCheckpoint::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_published_cosignature_is_over_these_texts() {
        // The message of the example in tlog-cosignature.
        let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        let expected = "cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n\
            CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        assert_eq!(cosigned_text(1_679_315_147, text), expected);
    }
}
