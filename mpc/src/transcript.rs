//! Domain separation and the transcript: every hash of the protocols but the one to the group starts from a
//! label of this file; that one takes the session id in front of each item.

use sha2::{Digest, Sha512};

/// Hash over the agreed session; its result is the session id.
pub(crate) const SESSION: &str = "tidegate/1 session";
/// Tag of an item in `psi::ecdh`.
pub(crate) const ECDH_TAG: &str = "tidegate/1 psi-ecdh tag";
/// Proof of the matches that the receiver returns in `psi::ecdh`.
pub(crate) const ECDH_MATCHES: &str = "tidegate/1 psi-ecdh matches";
/// Tag of an item in `psi::cardinality`.
pub(crate) const CARDINALITY_TAG: &str = "tidegate/1 psi-cardinality tag";
/// Tag of a key in `join`.
pub(crate) const JOIN_TAG: &str = "tidegate/1 join tag";
/// Dummy row of `join` that both sides know.
pub(crate) const JOIN_DUMMY: &str = "tidegate/1 join dummy";
/// Dummy row of `join` that matches nothing.
pub(crate) const JOIN_DECOY: &str = "tidegate/1 join decoy";
/// Terms of a sum in `aggregation::masked`.
pub(crate) const SUM_TASK: &str = "tidegate/1 sum task";
/// What a party signs with its keys of one sum.
pub(crate) const SUM_KEYS: &str = "tidegate/1 sum keys";
/// The session of one sum: its task and everyone's keys.
pub(crate) const SUM_SESSION: &str = "tidegate/1 sum session";
/// Mask of two parties.
pub(crate) const SUM_PAIR_MASK: &str = "tidegate/1 sum pair mask";
/// Mask of one party.
pub(crate) const SUM_SELF_MASK: &str = "tidegate/1 sum self mask";
/// Key under which shares are sealed.
pub(crate) const SUM_SEAL: &str = "tidegate/1 sum seal";
/// What sealed shares are bound to.
pub(crate) const SUM_DEAL: &str = "tidegate/1 sum deal";
/// Commitment to a share.
pub(crate) const SUM_SHARE: &str = "tidegate/1 sum share";
/// Commitment to a part of the secret that all parties share.
pub(crate) const SUM_GROUP_PART: &str = "tidegate/1 sum group part";
/// The secret that all parties share.
pub(crate) const SUM_GROUP: &str = "tidegate/1 sum group";
/// The list of survivors, which each of them signs.
pub(crate) const SUM_SURVIVORS: &str = "tidegate/1 sum survivors";
/// Root over a masked vector.
pub(crate) const SUM_VECTOR: &str = "tidegate/1 sum vector";
/// Receipt for the total.
pub(crate) const SUM_RECEIPT: &str = "tidegate/1 sum receipt";
/// Commitment to a plain vector.
pub(crate) const SUM_COMMITMENT: &str = "tidegate/1 sum commitment";
/// Everything that a report of `aggregation::prio` and its proof are bound to.
pub(crate) const PRIO_TASK: &str = "tidegate/1 prio3 task";
/// The key with which both aggregators verify proofs.
pub(crate) const PRIO_VERIFY_KEY: &str = "tidegate/1 prio3 verify key";
/// The reports of a batch.
pub(crate) const PRIO_BATCH: &str = "tidegate/1 prio3 batch";
/// An input share on its way to an aggregator, whose number follows.
pub(crate) const PRIO_INPUT_SHARE: &str = "tidegate/1 prio3 input share";
/// Messages from the receiver to the sender.
const TO_SENDER: &str = "tidegate/1 transcript to sender";
/// Messages from the sender to the receiver.
const TO_RECEIVER: &str = "tidegate/1 transcript to receiver";
/// Both directions together.
const TRANSCRIPT: &str = "tidegate/1 transcript";

/// Length in bytes of a session id and of a transcript digest.
pub(crate) const DIGEST_BYTES: usize = 32;

/// Starts a SHA-512 with a length-prefixed label.
pub(crate) fn labelled(label: &str) -> Sha512 {
    let mut hash = Sha512::new();
    put(&mut hash, label.as_bytes());
    hash
}

/// Absorbs `bytes` behind their u32 length.
pub(crate) fn put(hash: &mut Sha512, bytes: &[u8]) {
    hash.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
    hash.update(bytes);
}

/// Finishes with the first 32 bytes.
pub(crate) fn digest(hash: Sha512) -> [u8; DIGEST_BYTES] {
    let [first, _] = halves(hash);
    first
}

/// Finishes with both halves of the output.
pub(crate) fn halves(hash: Sha512) -> [[u8; 32]; 2] {
    let output: [u8; 64] = hash.finalize().into();
    let (first, second) = output.split_at(32);
    [first, second].map(|half| half.try_into().expect("half of 64 bytes is 32 bytes"))
}

/// The direction of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    ToSender,
    ToReceiver,
}

/// Running hash of all messages of a session, one for each direction, since the two interleave freely.
#[derive(Clone)]
pub(crate) struct Transcript {
    to_sender: Sha512,
    to_receiver: Sha512,
}

impl Transcript {
    pub(crate) fn new() -> Self {
        Self { to_sender: labelled(TO_SENDER), to_receiver: labelled(TO_RECEIVER) }
    }

    pub(crate) fn absorb(&mut self, direction: Direction, message: &[u8]) {
        match direction {
            Direction::ToSender => put(&mut self.to_sender, message),
            Direction::ToReceiver => put(&mut self.to_receiver, message),
        }
    }

    /// Digests what was absorbed so far.
    pub(crate) fn digest(&self, session: &[u8; DIGEST_BYTES]) -> [u8; DIGEST_BYTES] {
        let mut hash = labelled(TRANSCRIPT);
        hash.update(session);
        hash.update(digest(self.to_sender.clone()));
        hash.update(digest(self.to_receiver.clone()));
        digest(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest_of(messages: &[(Direction, &[u8])]) -> [u8; 32] {
        let mut transcript = Transcript::new();
        messages.iter().for_each(|(direction, message)| transcript.absorb(*direction, message));
        transcript.digest(&[0; 32])
    }

    #[test]
    fn interleaving_does_not_matter_and_direction_order_and_boundaries_do() {
        use Direction::{ToReceiver, ToSender};
        let base = digest_of(&[(ToSender, b"ab"), (ToReceiver, b"c"), (ToSender, b"d")]);
        assert_eq!(digest_of(&[(ToSender, b"ab"), (ToSender, b"d"), (ToReceiver, b"c")]), base);
        assert_ne!(digest_of(&[(ToReceiver, b"ab"), (ToReceiver, b"c"), (ToSender, b"d")]), base);
        assert_ne!(digest_of(&[(ToSender, b"d"), (ToReceiver, b"c"), (ToSender, b"ab")]), base);
        assert_ne!(digest_of(&[(ToSender, b"a"), (ToReceiver, b"c"), (ToSender, b"bd")]), base);
    }
}
