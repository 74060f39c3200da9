//! What is summed up, by whom, and under which thresholds: fixed before the run and bound into all of it.

use std::fmt;

use super::ring::{Ring, Word};
use crate::error::Error;
use crate::party::PartyId;
use crate::prg::Suite;
use crate::transcript::{self, DIGEST_BYTES};

/// Most parties, each of which shares a mask with every other.
pub const MAX_PARTIES: usize = 100;

/// Most words of a vector.
pub const MAX_LEN: usize = 1 << 27;

/// Fewest survivors of whose total none can subtract its own part and hold another's, without noise.
const FEWEST_WITHOUT_NOISE: usize = 3;

/// The terms of a sum, as agreed on.
#[derive(Clone, Debug)]
pub struct SumTerms {
    /// Hash of the agreement that all parties signed.
    pub agreement: [u8; DIGEST_BYTES],
    /// The parties, in the agreement's order, each once.
    pub parties: Vec<PartyId>,
    /// Who collects: a party, or a neutral hub.
    pub coordinator: PartyId,
    /// So many parties can unmask together, and fewer cannot.
    pub threshold: usize,
    /// Of fewer parties no total is made.
    pub minimum: usize,
    /// Words of a vector.
    pub len: usize,
    /// The least and the greatest value of a word of one party.
    pub bounds: (i128, i128),
    /// How masks are made.
    pub suite: Suite,
    /// Whether the parties' vectors carry noise that protects them from each other.
    pub noisy: bool,
    /// Whether each party commits to its plain vector, for a later audit.
    pub commitments: bool,
}

/// Checked terms of a sum, with the ring that holds it.
#[derive(Clone, Debug)]
pub struct Task {
    terms: SumTerms,
    ring: Ring,
    id: [u8; DIGEST_BYTES],
}

impl Task {
    /// Checks the terms: MASK-1.
    ///
    /// # Errors
    /// [`Error::Sum`] where they make no sum that protects its parties; [`Error::SumOverflow`] where no ring holds it.
    pub fn new(terms: SumTerms) -> Result<Self, Error> {
        let rule = |holds, rule| if holds { Ok(()) } else { Err(Error::Sum { rule }) };
        let parties = terms.parties.len();
        let mut names: Vec<_> = terms.parties.iter().collect();
        names.sort_unstable();
        names.dedup();
        rule(names.len() == parties, "names each party once")?;
        rule((2..=MAX_PARTIES).contains(&parties), "has 2 to 100 parties")?;
        rule(
            (2..=parties).contains(&terms.threshold),
            "has a threshold between 2 and its number of parties",
        )?;
        let majority = 2 * terms.threshold > parties + own_seats(&terms);
        rule(
            majority,
            "has a threshold of more than half of its parties, and one more where a party coordinates",
        )?;
        let minimum = (terms.threshold..=parties).contains(&terms.minimum);
        rule(minimum, "has a minimum between its threshold and its number of parties")?;
        let hidden = terms.noisy || terms.minimum >= FEWEST_WITHOUT_NOISE;
        rule(
            hidden,
            "has a minimum of 3 parties at least, or noise: of the sum of two each sees the other's part",
        )?;
        rule((1..=MAX_LEN).contains(&terms.len), "has 1 to 2^27 words")?;
        rule(terms.bounds.0 <= terms.bounds.1, "has a lower bound that is not above the upper one")?;
        let ring = Ring::holding(parties, terms.bounds.0, terms.bounds.1);
        let ring = ring.ok_or(Error::SumOverflow { parties })?; // MASK-1
        let id = identify(&terms, ring);
        Ok(Self { terms, ring, id })
    }

    /// Returns the terms.
    pub fn terms(&self) -> &SumTerms {
        &self.terms
    }

    /// Returns the ring in which vectors are added.
    pub fn ring(&self) -> Ring {
        self.ring
    }

    /// Returns the digest of the terms, which every party signs with its keys.
    pub fn id(&self) -> &[u8; DIGEST_BYTES] {
        &self.id
    }

    /// Returns how many parties may collude with a coordinator that lies, without learning another's vector: 2 t - n - 1,
    /// one of which is the coordinator itself where it is a party; and fewer than t with it in any case.
    pub fn tolerated(&self) -> usize {
        let (threshold, parties) = (self.terms.threshold, self.terms.parties.len());
        let seats = (2 * threshold).saturating_sub(parties + 1).min(threshold - 1);
        seats.saturating_sub(own_seats(&self.terms))
    }

    /// Checks a party's own vector, and lends it for masking: MASK-2.
    ///
    /// # Errors
    /// [`Error::VectorLength`]; [`Error::OutOfRange`] with the number of values outside of the bounds.
    pub fn admit<'a>(&self, values: Values<'a>) -> Result<Admitted<'a>, Error> {
        let (found, expected) = (values.len(), self.terms.len);
        if found != expected {
            return Err(Error::VectorLength { found, expected }); // MASK-2
        }
        let terms = &self.terms;
        let (low, high) = terms.bounds;
        let outside = match values {
            Values::Narrow(values) => {
                // Of 64 bits are all values, so bounds beyond them change nothing but where they shut all out.
                let [low, high] = [low, high].map(|bound| bound.clamp(i64::MIN.into(), i64::MAX.into()));
                let [first, last] = [low, high].map(|bound| i64::try_from(bound).unwrap_or_default());
                if low > terms.bounds.1 || high < terms.bounds.0 {
                    values.len()
                } else {
                    let span = last.abs_diff(first);
                    values.iter().filter(|value| value.wrapping_sub(first).cast_unsigned() > span).count()
                }
            }
            Values::Wide(values) => values.iter().filter(|&&value| value < low || value > high).count(),
        };
        if outside > 0 {
            return Err(Error::OutOfRange { count: outside }); // MASK-2
        }
        Ok(Admitted(values))
    }

    pub(super) fn suite(&self) -> Suite {
        self.terms.suite
    }

    /// Returns the seat of a party.
    ///
    /// # Errors
    /// [`Error::NotAParty`].
    pub(super) fn seat(&self, party: &PartyId) -> Result<u16, Error> {
        let found = self.terms.parties.iter().position(|other| other == party);
        let found = found.and_then(|seat| u16::try_from(seat).ok());
        found.ok_or_else(|| Error::NotAParty { peer: party.clone() })
    }

    /// Returns the party of a seat; the coordinator for a seat that does not exist.
    pub(super) fn party(&self, seat: u16) -> &PartyId {
        self.terms.parties.get(usize::from(seat)).unwrap_or(&self.terms.coordinator)
    }

    pub(super) fn coordinator(&self) -> &PartyId {
        &self.terms.coordinator
    }

    /// Returns the length of a vector in bytes.
    pub fn vector_bytes(&self) -> usize {
        self.terms.len * self.ring.word_bytes()
    }

    /// Returns how many parties have to survive.
    pub(super) fn quorum(&self) -> usize {
        self.terms.threshold.max(self.terms.minimum)
    }
}

/// Counts the seats of the coordinator: one where it is a party.
fn own_seats(terms: &SumTerms) -> usize {
    usize::from(terms.parties.contains(&terms.coordinator))
}

fn identify(terms: &SumTerms, ring: Ring) -> [u8; DIGEST_BYTES] {
    let mut hash = transcript::labelled(transcript::SUM_TASK);
    let mut put = |bytes: &[u8]| transcript::put(&mut hash, bytes);
    put(&terms.agreement);
    put(&(terms.parties.len() as u64).to_le_bytes());
    terms.parties.iter().for_each(|party| put(party.as_str().as_bytes()));
    put(terms.coordinator.as_str().as_bytes());
    for number in [terms.threshold, terms.minimum, terms.len] {
        put(&(number as u64).to_le_bytes());
    }
    put(&terms.bounds.0.to_le_bytes());
    put(&terms.bounds.1.to_le_bytes());
    put(&ring.bits().to_le_bytes());
    put(&[terms.suite.id(), u8::from(terms.noisy), u8::from(terms.commitments)]);
    transcript::digest(hash)
}

/// A party's own vector.
#[derive(Clone, Copy)]
pub enum Values<'a> {
    /// Values of 64 bits.
    Narrow(&'a [i64]),
    /// Values of 128 bits.
    Wide(&'a [i128]),
}

impl Values<'_> {
    /// Counts the values.
    pub fn len(&self) -> usize {
        match self {
            Self::Narrow(values) => values.len(),
            Self::Wide(values) => values.len(),
        }
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// A vector whose length and bounds were checked.
#[derive(Clone, Copy, Debug)]
pub struct Admitted<'a>(Values<'a>);

impl<'a> From<Admitted<'a>> for Values<'a> {
    fn from(Admitted(values): Admitted<'a>) -> Self {
        values
    }
}

impl Admitted<'_> {
    /// Copies the values that stand from `first` on.
    pub(super) fn words<W: Word>(&self, first: usize, out: &mut [W]) {
        self.0.words(first, out);
    }
}

impl Values<'_> {
    /// Copies the values that stand from `first` on.
    pub(super) fn words<W: Word>(&self, first: usize, out: &mut [W]) {
        match self {
            Values::Narrow(values) => {
                let values = values.get(first..).unwrap_or_default();
                out.iter_mut().zip(values).for_each(|(word, value)| *word = W::from_narrow(*value));
            }
            Values::Wide(values) => {
                let values = values.get(first..).unwrap_or_default();
                out.iter_mut().zip(values).for_each(|(word, value)| *word = W::from_wide(*value));
            }
        }
    }
}
