//! From an evaluated item to its tag and its confirmation.

use std::fmt;

use sha2::{Digest, Sha512};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::messages::SenderKey;
use crate::group::Encoded;
use crate::session::Session;
use crate::transcript::{self, ECDH_MATCHES, ECDH_TAG};

/// 16 bytes that only a party which evaluated the item knows; they never travel.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Confirmation([u8; 16]);

#[cfg(test)]
impl Confirmation {
    pub(crate) fn expose(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for Confirmation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Confirmation(..)")
    }
}

/// The outer hash of the OPRF, with all that is the same for every item absorbed already.
#[derive(Clone)]
pub(crate) struct Tagger(Sha512);

impl Tagger {
    pub(crate) fn new(session: &Session, key: &SenderKey) -> Self {
        let mut hash = transcript::labelled(ECDH_TAG);
        hash.update(session.id());
        hash.update(key.encoded);
        Self(hash)
    }

    /// Hashes an item and its evaluation N to 16 bytes of tag and its confirmation.
    ///
    /// \[JKX21\]: the item, the key and the session are inputs of the outer hash; additive blinding is
    /// insecure without the key.
    pub(crate) fn tag(&self, item: &[u8], evaluated: &Encoded) -> ([u8; 16], Confirmation) {
        let mut hash = self.0.clone();
        transcript::put(&mut hash, item);
        hash.update(evaluated);
        let [tag, confirmation] = transcript::halves(hash).map(|half| {
            let (first, _) = half.split_first_chunk::<16>().expect("a half has 32 bytes");
            *first
        });
        (tag, Confirmation(confirmation))
    }
}

impl fmt::Debug for Tagger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tagger(..)")
    }
}

/// Hash over the confirmations of the matched items, in the sender's order.
#[derive(Clone)]
pub(crate) struct MatchProof(Sha512);

impl MatchProof {
    pub(crate) fn new(session: &Session) -> Self {
        let mut hash = transcript::labelled(ECDH_MATCHES);
        hash.update(session.id());
        Self(hash)
    }

    pub(crate) fn add(&mut self, confirmation: &Confirmation) {
        self.0.update(confirmation.0);
    }

    pub(crate) fn digest(self) -> [u8; 32] {
        transcript::digest(self.0)
    }
}
