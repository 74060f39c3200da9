//! What a sum ends with.

use sha2::Digest;

use super::binding::survivors_text;
use super::identities::SIGNATURE_BYTES;
use super::messages::{Consents, Survivors};
use super::ring::Words;
use super::task::Task;
use crate::message::Message;
use crate::party::PartyId;
use crate::transcript::{self, DIGEST_BYTES};

/// How far a party came, as a survivor or the coordinator knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its vector is part of the total.
    Survived,
    /// It dealt shares and sent no whole vector.
    LostVector,
    /// It did not come, or dealt no shares.
    Absent,
}

/// The sum of the survivors' vectors.
#[derive(Clone, Debug)]
pub struct Sum {
    words: Words,
    session: [u8; DIGEST_BYTES],
    standings: Vec<(PartyId, Standing)>,
    commitments: Vec<(PartyId, [u8; DIGEST_BYTES])>,
    evidence: Evidence,
}

/// The list of survivors, with the signatures of those who confirmed it: what shows others which commitment a party signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    survivors: Vec<u8>,
    signatures: Vec<(PartyId, [u8; SIGNATURE_BYTES])>,
}

impl Evidence {
    /// Returns the list as it was sent.
    pub fn survivors(&self) -> &[u8] {
        &self.survivors
    }

    /// Returns the signatures over [`signed_text`] of it; those beyond the threshold were not checked by this party.
    pub fn signatures(&self) -> &[(PartyId, [u8; SIGNATURE_BYTES])] {
        &self.signatures
    }
}

/// Returns what a survivor signed: the text for [`Identities::verify`](super::Identities::verify); none where the bytes are no
/// list of survivors.
pub fn signed_text(session: &[u8; DIGEST_BYTES], survivors: &[u8]) -> Option<Vec<u8>> {
    Some(survivors_text(session, &listed(survivors)?))
}

/// Returns the commitment that a list of survivors holds for the party at this place of the task's list.
pub fn listed_commitment(survivors: &[u8], place: usize) -> Option<[u8; DIGEST_BYTES]> {
    let entries = listed(survivors)?.entries;
    entries.iter().find(|(seat, _)| usize::from(*seat) == place).map(|(_, end)| end.commitment)
}

fn listed(survivors: &[u8]) -> Option<Survivors> {
    // Nobody is blamed here for bytes of a file.
    let nobody: PartyId = "nobody".parse().ok()?;
    Survivors::decode(survivors, &nobody).ok()
}

impl Sum {
    pub(super) fn new(
        task: &Task,
        session: [u8; DIGEST_BYTES],
        survivors: &Survivors,
        consents: &Consents,
        words: Words,
    ) -> Self {
        let standing = |seat: usize| {
            let is = |other: &u16| usize::from(*other) == seat;
            match () {
                () if survivors.entries.iter().any(|(seat, _)| is(seat)) => Standing::Survived,
                () if survivors.dealers.iter().any(is) => Standing::LostVector,
                () => Standing::Absent,
            }
        };
        let parties = task.terms().parties.iter().enumerate();
        let signatures = consents.entries.iter();
        let commitments = survivors.entries.iter().filter(|_| task.terms().commitments);
        Self {
            words,
            session,
            standings: parties.map(|(seat, party)| (party.clone(), standing(seat))).collect(),
            commitments: commitments.map(|(seat, end)| (task.party(*seat).clone(), end.commitment)).collect(),
            evidence: Evidence {
                survivors: survivors.encode(),
                signatures: signatures
                    .map(|(seat, consent)| (task.party(*seat).clone(), consent.signature))
                    .collect(),
            },
        }
    }

    /// Returns the total: so many words as agreed on, each the sum of the survivors' values.
    pub fn values(&self) -> Vec<i128> {
        self.words.centred()
    }

    /// Returns the same in 64 bits each; none where a total does not fit them.
    pub fn narrow_values(&self) -> Option<Vec<i64>> {
        self.words.narrow()
    }

    /// Returns the session, which no other run has.
    pub fn session(&self) -> &[u8; DIGEST_BYTES] {
        &self.session
    }

    /// Says how far each party came, in the agreement's order.
    pub fn standings(&self) -> &[(PartyId, Standing)] {
        &self.standings
    }

    /// Counts the parties whose vectors are part of the total.
    pub fn survivors_len(&self) -> usize {
        self.standings.iter().filter(|(_, standing)| *standing == Standing::Survived).count()
    }

    /// Returns the survivors' commitments to their plain vectors, which they signed with the list of survivors; none
    /// where none are agreed on.
    pub fn commitments(&self) -> &[(PartyId, [u8; DIGEST_BYTES])] {
        &self.commitments
    }

    /// Returns what the survivors signed.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// Digests session and total, for the receipt by which parties confirm to each other what they hold.
    pub(crate) fn digest(&self) -> [u8; DIGEST_BYTES] {
        let mut hash = transcript::labelled(transcript::SUM_RECEIPT);
        hash.update(self.session);
        hash.update(blake3::hash(&self.words.bytes).as_bytes());
        transcript::digest(hash)
    }

    pub(super) fn words(&self) -> &Words {
        &self.words
    }
}
