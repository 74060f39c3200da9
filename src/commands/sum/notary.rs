//! Signatures of the parties, and what of a run is kept on disk.

use tidegate_mpc::PartyId;
use tidegate_mpc::aggregation::masked::{AnswerOnce, Answered, Identities, Opening, SIGNATURE_BYTES, Values};

use super::opening;
use super::plan::Plan;
use crate::error::Error;
use crate::identity::{Identity, PublicKey, Signature};

/// Domain of the signatures of a sum.
pub(crate) const DOMAIN: &str = "tidegate/1 sum";

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

/// What has to outlast a run: the opening in its file, the answer in the state directory.
#[derive(Debug)]
pub(super) struct Keeper<'a> {
    plan: &'a Plan,
    /// The own figures.
    words: Values<'a>,
    /// Why something was not kept, of which the protocol knows only that.
    failure: Option<Error>,
}

impl<'a> Keeper<'a> {
    pub(super) fn new(plan: &'a Plan, words: Values<'a>) -> Self {
        Self { plan, words, failure: None }
    }

    /// Returns why the run ended: for want of keeping something, or `error`.
    pub(super) fn cause(self, error: Error) -> Error {
        self.failure.unwrap_or(error)
    }

    fn kept(&mut self, kept: Result<(), Error>) -> Result<(), Answered> {
        kept.map_err(|error| {
            self.failure = Some(error);
            Answered
        })
    }
}

impl AnswerOnce for Keeper<'_> {
    fn keep(&mut self, opening: &Opening) -> Result<(), Answered> {
        let kept = opening::write(self.plan, opening, self.words);
        self.kept(kept)
    }

    fn note(&mut self, session: &[u8; 32]) -> Result<(), Answered> {
        let kept = self.plan.state.note_answer(session, &self.plan.own_name).map_err(Error::from);
        self.kept(kept)
    }
}
