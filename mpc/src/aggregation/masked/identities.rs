//! Identity keys of the parties: whoever holds them signs and checks, this crate only says what.

use crate::party::PartyId;

/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 64;

/// Signs with the own identity key, and checks signatures of parties of the agreement.
///
/// # Security
/// A signature must be existentially unforgeable and verified strictly, such as Ed25519 (RFC 8032) without small-order
/// keys; the message begins with a label, but a domain of its own for this use of the key is expected.
pub trait Identities {
    /// Signs a message as this party.
    fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES];

    /// Tells whether `party` signed a message.
    fn verify(&self, party: &PartyId, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool;
}

/// Keeps on disk that a party has answered in a session.
pub trait AnswerOnce {
    /// Notes, before the answer leaves, that this session is being answered.
    ///
    /// # Errors
    /// [`Answered`] where it was noted before, or cannot be.
    fn note(&mut self, session: &[u8; 32]) -> Result<(), Answered>;
}

/// A session was answered before, or that cannot be noted, so that it must not be answered now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered;
