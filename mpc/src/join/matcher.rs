//! The matcher: finds the owner's records that match, without knowing to which of its own, and adds them up.

use std::fmt;

use rand_core::CryptoRng;
use subtle::Choice;
use zeroize::Zeroizing;

use super::blinding::{Blinded, List, shuffle};
use super::messages::{
    Aggregates, CIPHERTEXTS_PER_MESSAGE, ColumnKeys, CountTests, EncryptedNoise, EncryptedRecords,
    MatchedCount, Verdicts, gather,
};
use super::{Cell, Lent};
use crate::elgamal::Ciphertext;
use crate::error::Error;
use crate::group::{Element, Encoded};
use crate::message::Message;
use crate::parallel;
use crate::party::PartyId;
use crate::secret::{BlindSeed, SecretScalar};
use crate::tags::{TagMerger, Tags};

/// The matcher while it reads the tags of its own keys.
#[derive(Debug)]
pub struct AwaitingTags<'a> {
    lent: Lent,
    list: List<'a>,
    peer_len: u64,
    merger: TagMerger,
}

impl<'a> AwaitingTags<'a> {
    /// Starts the direction in which the peer owns the columns.
    ///
    /// # Errors
    /// [`Error::WrongStep`] where it owns none.
    pub fn start(blinded: Blinded<'a>) -> Result<Self, Error> {
        let (lent, layout) = (blinded.peer()?, blinded.own_layout());
        let Blinded { list, peer_len, tags } = blinded;
        Ok(Self { lent, list, peer_len, merger: TagMerger::new(layout, tags) })
    }

    /// Counts the tags that are still to come.
    pub fn missing(&self) -> u64 {
        self.merger.missing()
    }

    /// Reads the next tags.
    ///
    /// # Errors
    /// [`Error::Count`], [`Error::Malformed`], [`Error::TagRange`].
    pub fn accept(&mut self, tags: &Tags) -> Result<(), Error> {
        self.merger.accept(tags, self.list.peer())
    }

    /// Goes on to the records once all tags are there.
    ///
    /// # Errors
    /// [`Error::Unfinished`].
    pub fn close(self, keys: &ColumnKeys) -> Result<Matching<'a>, Error> {
        let keys = decode_keys(keys, self.lent.columns as usize, self.list.peer())?;
        let (matches, tags) = self.merger.close_with_own()?;
        // [IKNP20 Fig. 2, round 3] J = {j : H(y_j)^(k k') in E}
        let mut matched = Zeroizing::new(vec![0; usize::try_from(self.peer_len).unwrap_or_default()]);
        for found in &matches {
            if let Some(bit) = matched.get_mut(found.index as usize) {
                *bit = 1;
            }
        }
        let sums = vec![Element::identity(); self.lent.labels as usize * (1 + keys.len())];
        let blinded = Blinded { list: self.list, peer_len: self.peer_len, tags };
        Ok(Matching { lent: self.lent, blinded, keys, matched, sums, read: 0 })
    }
}

fn decode_keys(keys: &ColumnKeys, expected: usize, peer: &PartyId) -> Result<Vec<Element>, Error> {
    if keys.len() != expected {
        let (message, found) = (ColumnKeys::NAME, keys.len());
        return Err(Error::Count { peer: peer.clone(), message, found, expected }); // JOIN-1
    }
    let decode = |(encoded, index): (&Encoded, u64)| {
        let bad = |cause| Error::BadElement { peer: peer.clone(), message: ColumnKeys::NAME, index, cause };
        Element::decode(encoded).map_err(bad) // JOIN-2
    };
    keys.encoded.iter().zip(0..).map(decode).collect()
}

/// The matcher while it adds up the records that match.
pub struct Matching<'a> {
    lent: Lent,
    blinded: Blinded<'a>,
    keys: Vec<Element>,
    /// For each record of the owner 1 where it matches.
    matched: Zeroizing<Vec<u8>>,
    /// For each label the sum of randomizers, then that of each column.
    sums: Vec<Element>,
    read: usize,
}

impl<'a> Matching<'a> {
    /// Counts the records that are still to come.
    pub fn missing(&self) -> usize {
        self.matched.len() - self.read
    }

    /// Adds the next records to the sums where they match. The time does not depend on which do.
    ///
    /// # Errors
    /// [`Error::Count`], [`Error::BadElement`], [`Error::PeerLabel`].
    pub fn accept(&mut self, records: &EncryptedRecords) -> Result<(), Error> {
        let (width, peer) = (1 + self.keys.len(), self.blinded.session().peer());
        let expected = EncryptedRecords::records_per_message(self.keys.len()).min(self.missing());
        let labels = if self.lent.labels == 1 { 0 } else { expected };
        if expected == 0 || records.encoded.len() != expected * width || records.labels.len() != labels {
            let (message, found) = (EncryptedRecords::NAME, records.encoded.len() / width);
            return Err(Error::Count { peer: peer.clone(), message, found, expected }); // JOIN-1
        }
        if let Some(&found) = records.labels.iter().find(|&&label| u32::from(label) >= self.lent.labels) {
            let (peer, found, max) = (peer.clone(), found.into(), self.lent.labels - 1);
            return Err(Error::PeerLabel { peer, found, max }); // JOIN-3
        }
        let elements = decode_records(records, self.read * width, peer)?;
        for (row, values) in elements.chunks(width).enumerate() {
            let label = records.labels.get(row).copied().map_or(0, usize::from);
            let matched = self.matched.get(self.read + row).copied().unwrap_or_default();
            let sums = self.sums.get_mut(label * width..(label + 1) * width).unwrap_or_default();
            // [IKNP20 Fig. 2, round 3] the homomorphic sum over J
            sums.iter_mut().zip(values).for_each(|(sum, value)| sum.add_if(value, Choice::from(matched)));
        }
        self.read += expected;
        Ok(())
    }

    /// Ends the adding once all records are there.
    ///
    /// # Errors
    /// [`Error::Unfinished`].
    pub fn close(self) -> Result<Matcher<'a>, Error> {
        if self.missing() > 0 {
            return Err(Error::Unfinished { missing: self.missing() as u64 });
        }
        let matched: u64 = self.matched.iter().map(|&bit| u64::from(bit)).sum();
        // The own dummy rows match as well, and are known.
        let count = matched.saturating_sub(self.blinded.list.used_len());
        let Self { lent, blinded, keys, sums, .. } = self;
        Ok(Matcher { lent, blinded, keys, sums, count })
    }
}

impl fmt::Debug for Matching<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matching").field("lent", &self.lent).field("read", &self.read).finish_non_exhaustive()
    }
}

/// Decodes the elements of records; the first stands at `first` of all.
fn decode_records(records: &EncryptedRecords, first: usize, peer: &PartyId) -> Result<Vec<Element>, Error> {
    parallel::batched(records.encoded.len(), |range| {
        let batch = records.encoded.get(range.clone()).unwrap_or_default();
        let indices = (first + range.start) as u64..;
        let decode = |(encoded, index): (&Encoded, u64)| {
            let (peer, message) = (peer.clone(), EncryptedRecords::NAME);
            Element::decode(encoded).map_err(|cause| Error::BadElement { peer, message, index, cause }) // JOIN-2
        };
        batch.iter().zip(indices).map(decode).collect()
    })
}

/// The matcher while counts are tested and sums are opened.
pub struct Matcher<'a> {
    lent: Lent,
    blinded: Blinded<'a>,
    keys: Vec<Element>,
    sums: Vec<Element>,
    count: u64,
}

impl<'a> Matcher<'a> {
    /// Tells the number of matched records, where counts are not encrypted, if it reaches the minimum.
    pub fn count(&self) -> MatchedCount {
        MatchedCount::of(self.count, self.lent.minimum)
    }

    /// Makes the tests of `cells`: for each and each j below the minimum, the encryption of a random
    /// multiple of the count less j, in random order.
    ///
    /// # Errors
    /// [`Error::Cell`].
    pub fn tests<R: CryptoRng + ?Sized>(
        &self,
        cells: &[Cell],
        rng: &mut R,
    ) -> Result<Vec<CountTests>, Error> {
        let mut tests = Vec::new();
        for cell in cells {
            tests.extend(self.tests_of(cell, rng)?);
        }
        Ok(tests.chunks(CIPHERTEXTS_PER_MESSAGE).map(CountTests::new).collect())
    }

    fn tests_of<R: CryptoRng + ?Sized>(&self, cell: &Cell, rng: &mut R) -> Result<Vec<Ciphertext>, Error> {
        let (sum, public) = self.sum(cell)?;
        let mut order: Vec<u32> =
            (0..u32::try_from(self.lent.tests_per_cell()).unwrap_or(u32::MAX)).collect();
        shuffle(&mut order, rng);
        let seed = BlindSeed::random(rng);
        parallel::batched(order.len(), |range| {
            let batch = order.get(range.clone()).unwrap_or_default();
            let mut blinds = seed.blinds(range.start as u64);
            let test = |&below: &u32| {
                let (factor, blind) = (blinds.next()?, blinds.next()?);
                Some(sum.add_value(-i64::from(below)).scale(&factor).randomize(&public, &blind))
            };
            Ok(batch.iter().filter_map(test).collect())
        })
    }

    /// Reads the owner's verdicts on `cells`.
    ///
    /// # Errors
    /// [`Error::Count`].
    pub fn read_verdicts(&self, cells: &[Cell], verdicts: Verdicts) -> Result<Vec<bool>, Error> {
        let (found, expected) = (verdicts.reached.len(), cells.len());
        if found != expected {
            let (peer, message) = (self.blinded.session().peer().clone(), Verdicts::NAME);
            return Err(Error::Count { peer, message, found, expected }); // JOIN-1
        }
        Ok(verdicts.reached)
    }

    /// Gives the sums of `cells` away to be opened, with the own noise added to each and, where both sides
    /// add some, the owner's.
    ///
    /// # Errors
    /// [`Error::Count`], [`Error::BadElement`], [`Error::Cell`], [`Error::Disclosure`].
    pub fn aggregates<R: CryptoRng + ?Sized>(
        &self,
        cells: &[Cell],
        noise: Option<(&[i64], &[EncryptedNoise])>,
        rng: &mut R,
    ) -> Result<Vec<Aggregates>, Error> {
        let (own, theirs) = match noise {
            Some((own, theirs)) => {
                (own.to_vec(), gather(cells.len(), theirs, self.blinded.session().peer())?)
            }
            None => (vec![0; cells.len()], vec![Ciphertext::zero(); cells.len()]),
        };
        if cells.len() != own.len() {
            return Err(Error::Disclosure);
        }
        let give = |((cell, own), theirs): ((&Cell, i64), &Ciphertext)| {
            let (sum, public) = self.sum(cell)?;
            // [IKNP20 Fig. 2, round 3] ARefresh
            let blind = SecretScalar::random(rng);
            Ok(sum.add(theirs).add_value(own).randomize(&public, &blind))
        };
        let given = cells.iter().zip(own).zip(&theirs).map(give).collect::<Result<Vec<_>, Error>>()?;
        Ok(given.chunks(CIPHERTEXTS_PER_MESSAGE).map(Aggregates::new).collect())
    }

    /// Ends the direction.
    pub fn finish(self) -> Blinded<'a> {
        self.blinded
    }

    /// Returns the sum over a cell, and the public key that it is encrypted under.
    fn sum(&self, cell: &Cell) -> Result<(Ciphertext, Element), Error> {
        let width = 1 + self.keys.len();
        let add = |sum: Element, element: Option<&Element>| Ok(sum.add(element.ok_or(Error::Cell)?));
        let public = cell.columns.iter().map(|&column| self.keys.get(column as usize));
        let public = public.into_iter().try_fold(Element::identity(), add)?;
        let mut sum = Ciphertext::zero();
        for &label in &cell.labels {
            let sums = self.sums.chunks(width).nth(label as usize).ok_or(Error::Cell)?;
            sum.randomizer = add(sum.randomizer, sums.first())?;
            let masked = cell.columns.iter().map(|&column| sums.get(1 + column as usize));
            sum.masked = masked.into_iter().try_fold(sum.masked, add)?;
        }
        Ok((sum, public))
    }
}

impl fmt::Debug for Matcher<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matcher").field("lent", &self.lent).finish_non_exhaustive()
    }
}
