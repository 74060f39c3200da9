//! What a sum ends with.

use sha2::Digest;

use super::messages::Survivors;
use super::ring::Words;
use super::task::Task;
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
}

impl Sum {
    pub(super) fn new(task: &Task, session: [u8; DIGEST_BYTES], survivors: &Survivors, words: Words) -> Self {
        let standing = |seat: usize| {
            let is = |other: &u16| usize::from(*other) == seat;
            match () {
                () if survivors.entries.iter().any(|(seat, _)| is(seat)) => Standing::Survived,
                () if survivors.dealers.iter().any(is) => Standing::LostVector,
                () => Standing::Absent,
            }
        };
        let parties = task.terms().parties.iter().enumerate();
        let commitments = survivors.entries.iter().filter(|_| task.terms().commitments);
        Self {
            words,
            session,
            standings: parties.map(|(seat, party)| (party.clone(), standing(seat))).collect(),
            commitments: commitments.map(|(seat, end)| (task.party(*seat).clone(), end.commitment)).collect(),
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
