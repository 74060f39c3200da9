//! What keys, shares and survivors are bound to: the digests that both roles compute alike.

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Tag as AeadTag};
use sha2::Digest;
use zeroize::Zeroizing;

use super::messages::{Commitments, Dealing, KeyList, RoundKeys, SEALED_BYTES, Survivors};
use super::task::Task;
use crate::message::Message;
use crate::transcript::{self, DIGEST_BYTES};

/// Bytes of the shares of both secrets and of the part of the group's secret, in the clear.
pub(super) const SHARES_BYTES: usize = 3 * 32;

/// Returns what a party signs with its keys.
pub(super) fn keys_text(task: &Task, seat: u16, keys: &RoundKeys) -> Vec<u8> {
    let mut text = transcript::SUM_KEYS.as_bytes().to_vec();
    text.extend_from_slice(task.id());
    text.extend_from_slice(&seat.to_le_bytes());
    for field in [&keys.mask_key, &keys.sealing_key, &keys.nonce] {
        text.extend_from_slice(field);
    }
    text
}

/// Returns the session id: the task, and the keys and nonces of all who came.
pub(super) fn session_id(task: &Task, keys: &KeyList) -> [u8; DIGEST_BYTES] {
    let mut hash = transcript::labelled(transcript::SUM_SESSION);
    hash.update(task.id());
    transcript::put(&mut hash, &keys.encode());
    transcript::digest(hash)
}

/// Which of a dealer's two secrets a share is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secret {
    MaskKey,
    Seed,
}

/// Commits to a share; uniform shares need no salt.
pub(super) fn share_commitment(
    session: &[u8; DIGEST_BYTES],
    dealer: u16,
    holder: u16,
    secret: Secret,
    share: &[u8; 32],
) -> [u8; DIGEST_BYTES] {
    let mut hash = transcript::labelled(transcript::SUM_SHARE);
    hash.update(session);
    hash.update(dealer.to_le_bytes());
    hash.update(holder.to_le_bytes());
    hash.update([u8::from(secret == Secret::Seed)]);
    hash.update(share);
    transcript::digest(hash)
}

/// Commits to a dealer's part of the group's secret.
pub(super) fn group_part_commitment(
    session: &[u8; DIGEST_BYTES],
    dealer: u16,
    part: &[u8; 32],
) -> [u8; DIGEST_BYTES] {
    let mut hash = transcript::labelled(transcript::SUM_GROUP_PART);
    hash.update(session);
    hash.update(dealer.to_le_bytes());
    hash.update(part);
    transcript::digest(hash)
}

/// Makes the group's secret of the parts of all dealers, in rising order.
pub(super) fn group_secret<'a>(
    session: &[u8; DIGEST_BYTES],
    parts: impl Iterator<Item = &'a [u8; 32]>,
) -> Zeroizing<[[u8; 32]; 2]> {
    let mut hash = transcript::labelled(transcript::SUM_GROUP);
    hash.update(session);
    parts.for_each(|part| hash.update(part));
    Zeroizing::new(transcript::halves(hash))
}

/// Returns the digest of the survivors, which each of them signs.
pub(super) fn survivors_text(session: &[u8; DIGEST_BYTES], survivors: &Survivors) -> Vec<u8> {
    let mut hash = transcript::labelled(transcript::SUM_SURVIVORS);
    hash.update(session);
    transcript::put(&mut hash, &survivors.encode());
    let mut text = transcript::SUM_SURVIVORS.as_bytes().to_vec();
    text.extend_from_slice(&transcript::digest(hash));
    text
}

/// What sealed shares are bound to besides the key.
pub(super) struct Deal<'a> {
    pub(super) session: &'a [u8; DIGEST_BYTES],
    pub(super) from: u16,
    pub(super) to: u16,
    pub(super) dealing: &'a Dealing,
    pub(super) commitments: &'a Commitments,
}

impl Deal<'_> {
    fn text(&self) -> Vec<u8> {
        let mut text = transcript::SUM_DEAL.as_bytes().to_vec();
        text.extend_from_slice(self.session);
        text.extend_from_slice(&self.from.to_le_bytes());
        text.extend_from_slice(&self.to.to_le_bytes());
        text.extend_from_slice(&self.dealing.self_key);
        text.extend_from_slice(&self.dealing.group_part);
        text.extend_from_slice(self.commitments.as_flattened());
        text
    }

    /// Seals shares under a key that serves no other message, hence the nonce of zeros (RFC 8439).
    pub(super) fn seal(&self, key: &[u8; 32], shares: &[u8; SHARES_BYTES]) -> [u8; SEALED_BYTES] {
        let mut sealed = [0; SEALED_BYTES];
        let (body, end) = sealed.split_at_mut(SHARES_BYTES);
        body.copy_from_slice(shares);
        let cipher = ChaCha20Poly1305::new(key.into());
        let tag = cipher.encrypt_inout_detached(&Default::default(), &self.text(), body.into());
        end.copy_from_slice(&tag.expect("96 bytes are not too long"));
        sealed
    }

    /// Opens sealed shares.
    pub(super) fn open(
        &self,
        key: &[u8; 32],
        sealed: &[u8; SEALED_BYTES],
    ) -> Option<Zeroizing<[u8; SHARES_BYTES]>> {
        let (body, tag) = sealed.split_at(SHARES_BYTES);
        let mut shares: Zeroizing<[u8; SHARES_BYTES]> = Zeroizing::new(body.try_into().ok()?);
        let tag = AeadTag::try_from(tag).ok()?;
        let cipher = ChaCha20Poly1305::new(key.into());
        cipher
            .decrypt_inout_detached(&Default::default(), &self.text(), (&mut shares[..]).into(), &tag)
            .ok()?;
        Some(shares)
    }
}

/// Splits opened shares into that of the mask key, that of the seed, and the part of the group's secret.
pub(super) fn split(shares: &[u8; SHARES_BYTES]) -> [&[u8; 32]; 3] {
    let (parts, _) = shares.as_chunks::<32>();
    match parts {
        [mask_key, seed, group] => [mask_key, seed, group],
        _ => [&[0; 32]; 3],
    }
}
