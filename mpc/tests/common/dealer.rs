//! A party of a sum that keeps to no protocol: the bindings of the sum are written down here a second time, apart
//! from the crate, so that a test can make what an honest program would never send.
#![allow(dead_code, reason = "each user of this file needs a part of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use curve25519_dalek::Scalar;
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use hkdf::Hkdf;
use sha2::{Digest, Sha256, Sha512};
use tidegate_mpc::aggregation::masked::Identities;

use crate::stage::{KEY_LIST, Listed, Place, SEALED_SHARES, Stage, kind};

fn put(hash: &mut Sha512, bytes: &[u8]) {
    hash.update(u32::try_from(bytes.len()).unwrap().to_le_bytes());
    hash.update(bytes);
}

fn labelled(label: &str) -> Sha512 {
    let mut hash = Sha512::new();
    put(&mut hash, label.as_bytes());
    hash
}

fn digest(hash: Sha512) -> [u8; 32] {
    hash.finalize()[..32].try_into().unwrap()
}

/// The session of a task and a list of keys.
pub(crate) fn session_id(stage: &Stage, list: &[u8]) -> [u8; 32] {
    let mut hash = labelled("tidegate/1 sum session").chain_update(stage.task.id());
    put(&mut hash, list);
    digest(hash)
}

/// The digest of survivors, behind its label.
pub(crate) fn survivors_text(session: &[u8; 32], survivors: &[u8]) -> Vec<u8> {
    let label = "tidegate/1 sum survivors";
    let mut hash = labelled(label).chain_update(session);
    put(&mut hash, survivors);
    [label.as_bytes(), &digest(hash)].concat()
}

/// Signs the fields of keys anew, for the seat of a party.
pub(crate) fn sign_keys(stage: &Stage, signer: usize, seat: usize, keys: &mut [u8]) {
    let seat = u16::try_from(seat).unwrap().to_le_bytes();
    let text = [b"tidegate/1 sum keys", &stage.task.id()[..], &seat, &keys[..96]].concat();
    keys[96..160].copy_from_slice(&stage.notaries[signer].sign(&text));
}

/// What one recipient is dealt, in the clear.
pub(crate) struct Dealt {
    pub(crate) seat: u16,
    /// Share of the mask key, share of the seed, part of the group's secret.
    pub(crate) shares: [[u8; 32]; 3],
    /// Whether the commitments are to other shares than these.
    pub(crate) belied: bool,
}

/// A party whose own keys of a run are known.
pub(crate) struct Dealer<'s> {
    stage: &'s Stage,
    own: u16,
    sealing_key: Scalar,
}

impl<'s> Dealer<'s> {
    pub(crate) fn new(stage: &'s Stage, seat: usize) -> Self {
        let mut rng = stage.rng(seat, 0);
        let (_, sealing_key) = (Scalar::random(&mut rng), Scalar::random(&mut rng));
        Self { stage, own: u16::try_from(seat).unwrap(), sealing_key }
    }

    /// Has the party deal what `change` makes of its shares, as soon as its keys are listed.
    pub(crate) fn dealing_again(
        &self,
        mut change: impl FnMut(&mut Dealt),
    ) -> impl FnMut(Place, Vec<u8>) -> Option<Vec<u8>> {
        let mut list = Vec::new();
        move |place, mut bytes| {
            match place.kind {
                kind::KEY_LIST => list.clone_from(&bytes),
                kind::SEALED_SHARES if place.seat == usize::from(self.own) => {
                    self.deal_again(&list, &mut bytes, &mut change);
                }
                _ => {}
            }
            Some(bytes)
        }
    }

    /// Deals otherwise than the message says: opens its shares, lets `change` alter them, commits and seals again.
    pub(crate) fn deal_again(&self, list: &[u8], message: &mut Vec<u8>, mut change: impl FnMut(&mut Dealt)) {
        let session = session_id(self.stage, list);
        let keys = Listed::read(list, KEY_LIST).entries;
        let seat_of = |entry: &[u8]| u16::from_le_bytes([entry[0], entry[1]]);
        let mut others = keys.iter().filter(|entry| seat_of(entry) != self.own);
        let dealing = message[1..65].to_vec();
        let mut listed = Listed::read(message, SEALED_SHARES);
        for entry in &mut listed.entries {
            let keys = others.next().unwrap();
            let (key, seat) = (self.key(&session, keys), seat_of(keys));
            let text = self.text(&session, seat, &dealing, &entry[..64]);
            let cipher = ChaCha20Poly1305::new(&Key::from(key));
            let payload = Payload { msg: &entry[64..], aad: &text };
            let plain = cipher.decrypt(&Nonce::default(), payload).expect("the keys are those of the run");
            let part = |i: usize| <[u8; 32]>::try_from(&plain[32 * i..][..32]).unwrap();
            let mut dealt = Dealt { seat, shares: [part(0), part(1), part(2)], belied: false };
            change(&mut dealt);
            let commitments = self.commitments(&session, &dealt);
            let text = self.text(&session, seat, &dealing, &commitments);
            let payload = Payload { msg: dealt.shares.as_flattened(), aad: &text };
            *entry = [commitments, cipher.encrypt(&Nonce::default(), payload).unwrap()].concat();
        }
        *message = listed.write();
    }

    fn key(&self, session: &[u8; 32], keys: &[u8]) -> [u8; 32] {
        let public = CompressedRistretto(keys[34..66].try_into().unwrap()).decompress().unwrap();
        let agreed: RistrettoPoint = public * (self.sealing_key + self.sealing_key);
        let info = [b"tidegate/1 sum seal", &self.own.to_le_bytes()[..], &keys[..2]].concat();
        let mut key = [0; 32];
        let agreed = agreed.compress().to_bytes();
        Hkdf::<Sha256>::new(Some(session), &agreed).expand(&info, &mut key).unwrap();
        key
    }

    fn text(&self, session: &[u8; 32], to: u16, dealing: &[u8], commitments: &[u8]) -> Vec<u8> {
        let seats = [self.own.to_le_bytes(), to.to_le_bytes()].concat();
        [b"tidegate/1 sum deal", &session[..], &seats, dealing, commitments].concat()
    }

    fn commitments(&self, session: &[u8; 32], dealt: &Dealt) -> Vec<u8> {
        let commitment = |secret: u8| {
            let hash = labelled("tidegate/1 sum share").chain_update(session);
            let hash = hash.chain_update(self.own.to_le_bytes()).chain_update(dealt.seat.to_le_bytes());
            let share = if dealt.belied { [7; 32] } else { dealt.shares[usize::from(secret)] };
            digest(hash.chain_update([secret]).chain_update(share))
        };
        [commitment(0), commitment(1)].concat()
    }
}
