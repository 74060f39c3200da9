//! Identity keys of the parties: whoever holds them signs and checks, this crate only says what.

use super::contributor::Opening;
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

/// Keeps on disk what has to outlast a run.
pub trait AnswerOnce {
    /// Keeps what opens the commitment to the own vector, before the commitment leaves.
    ///
    /// # Errors
    /// [`Answered`] where it cannot be kept, which ends the run.
    fn keep(&mut self, opening: &Opening) -> Result<(), Answered>;

    /// Notes, before the answer leaves, that this session is being answered.
    ///
    /// # Errors
    /// [`Answered`] where it was noted before, or cannot be.
    fn note(&mut self, session: &[u8; 32]) -> Result<(), Answered>;
}

/// A session was answered before, or something cannot be kept, so that it must not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered;
