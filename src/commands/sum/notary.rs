//! Signatures of the parties, and the note that a session was answered.

use tidegate_mpc::PartyId;
use tidegate_mpc::aggregation::masked::{AnswerOnce, Answered, Identities, SIGNATURE_BYTES};

use crate::identity::{Identity, PublicKey, Signature};
use crate::state::StateDir;

/// Domain of the signatures of a sum.
const DOMAIN: &str = "tidegate/1 sum";

/// The own identity, and everyone's keys.
#[derive(Debug)]
pub(super) struct Notary {
    pub(super) identity: Identity,
    parties: Vec<(PartyId, PublicKey)>,
}

impl Notary {
    pub(super) fn new(identity: Identity, parties: Vec<(PartyId, PublicKey)>) -> Self {
        Self { identity, parties }
    }
}

impl Identities for Notary {
    fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        *self.identity.sign(DOMAIN, message).as_bytes()
    }

    fn verify(&self, party: &PartyId, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        let key = self.parties.iter().find(|(name, _)| name == party).map(|(_, key)| key);
        key.is_some_and(|key| key.verify(DOMAIN, message, &Signature::from_bytes(*signature)).is_ok())
    }
}

/// The state directory as the place where answers are noted.
#[derive(Debug)]
pub(super) struct Answers<'a>(pub(super) &'a StateDir);

impl AnswerOnce for Answers<'_> {
    fn note(&mut self, session: &[u8; 32]) -> Result<(), Answered> {
        self.0.note_answer(session).map_err(|_| Answered)
    }
}
