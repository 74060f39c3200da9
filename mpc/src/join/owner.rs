//! The owner of the columns: lends its records encrypted, answers the tests, opens the sums.

use std::fmt;
use std::ops::Range;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::blinding::{Blinded, Entry, List};
use super::messages::{
    Aggregates, CIPHERTEXTS_PER_MESSAGE, ColumnKeys as PublicKeys, CountTests, EncryptedNoise,
    EncryptedRecords, MatchedCount, Verdicts, gather,
};
use super::{Cell, Counted, Lent, MAX_OPENING_STEPS, Records};
use crate::dlog::{self, DiscreteLog};
use crate::elgamal::{Ciphertext, ColumnKeys};
use crate::error::Error;
use crate::group::{Element, Encoded};
use crate::parallel;
use crate::secret::{BlindSeed, SecretScalar};
use crate::tags::{TagStream, Tags};

/// The owner while it returns the tags of the matcher's keys, in an order that says nothing about them.
#[derive(Debug)]
pub struct ReturningTags<'a> {
    lent: Lent,
    list: List<'a>,
    peer_len: u64,
    stream: TagStream,
}

impl<'a> ReturningTags<'a> {
    /// Starts the direction in which this party owns the columns.
    ///
    /// # Errors
    /// [`Error::WrongStep`] where it owns none.
    pub fn start(blinded: Blinded<'a>) -> Result<Self, Error> {
        let (lent, layout) = (blinded.own()?, blinded.peer_layout());
        let Blinded { list, peer_len, tags } = blinded;
        // [IKNP20 Fig. 2, round 2] the pairs {H(x)^(k k')} in shuffled order; sorting says no more.
        Ok(Self { lent, list, peer_len, stream: TagStream::new(layout, tags) })
    }

    /// Returns the next tags, `None` after the last.
    pub fn next_tags(&mut self) -> Option<Tags> {
        self.stream.next_chunk()
    }

    /// Draws the keys of the columns once all tags are on their way.
    ///
    /// # Errors
    /// [`Error::Unfinished`].
    pub fn close<R: CryptoRng + ?Sized>(self, rng: &mut R) -> Result<Lending<'a>, Error> {
        let tags = self.stream.close()?;
        let keys = ColumnKeys::random(self.lent.columns as usize, rng);
        let blinded = Blinded { list: self.list, peer_len: self.peer_len, tags };
        Ok(Lending { lent: self.lent, blinded, keys, seed: BlindSeed::random(rng), sent: 0 })
    }
}

/// The owner while it sends its encrypted records.
pub struct Lending<'a> {
    lent: Lent,
    blinded: Blinded<'a>,
    keys: ColumnKeys,
    seed: BlindSeed,
    sent: usize,
}

impl<'a> Lending<'a> {
    /// Returns the public keys, which go first.
    pub fn keys(&self) -> PublicKeys {
        PublicKeys { encoded: Element::encode_doubled(&self.keys.half_public()) }
    }

    /// Encrypts the next records, `None` after the last.
    ///
    /// # Errors
    /// [`Error::Label`] where a record of the caller has one out of range.
    pub fn next_records(&mut self, records: &dyn Records) -> Result<Option<EncryptedRecords>, Error> {
        let per_message = EncryptedRecords::records_per_message(self.keys.len());
        let first = self.sent;
        let end = self.blinded.list.len().min(first + per_message);
        if first == end {
            return Ok(None);
        }
        let encoded = parallel::batched(end - first, |range| {
            Ok(self.encrypt(records, first + range.start..first + range.end))
        })?;
        let labels = match self.lent.labels {
            1 => Vec::new(),
            _ => (first..end).map(|place| self.label(records, place)).collect::<Result<_, _>>()?,
        };
        self.sent = end;
        Ok(Some(EncryptedRecords { labels, encoded }))
    }

    fn label(&self, records: &dyn Records, place: usize) -> Result<u16, Error> {
        let label = match self.blinded.list.entry(place) {
            Some(Entry::Item(index)) => records.label(index),
            Some(Entry::Dummy { label, .. }) => label,
            Some(Entry::Pool { .. }) | None => 0,
        };
        let max = self.lent.labels.saturating_sub(1);
        let known = u16::try_from(label).ok().filter(|_| label <= max);
        known.ok_or(Error::Label { found: label, max })
    }

    /// Encrypts the records at `places`: for each a randomizer and its values.
    fn encrypt(&self, records: &dyn Records, places: Range<usize>) -> Vec<Encoded> {
        let columns = self.keys.len();
        let mut values = Zeroizing::new(vec![0; columns]);
        let mut halves = Zeroizing::new(Vec::with_capacity(places.len() * (1 + columns)));
        for (place, randomizer) in places.clone().zip(self.seed.blinds(places.start as u64)) {
            match self.blinded.list.entry(place) {
                Some(Entry::Item(index)) => records.values(index, &mut values),
                _ => values.fill(0),
            }
            // [IKNP20 Fig. 2, round 2] AEnc(pk, t)
            self.keys.encrypt_halved(&randomizer, &values, &mut halves);
        }
        Element::encode_doubled(&halves)
    }

    /// Goes on to the tests once all records are sent.
    ///
    /// # Errors
    /// [`Error::Unfinished`].
    pub fn close(self) -> Result<Owner<'a>, Error> {
        match self.blinded.list.len() - self.sent {
            0 => Ok(Owner { lent: self.lent, blinded: self.blinded, keys: self.keys }),
            missing => Err(Error::Unfinished { missing: missing as u64 }),
        }
    }
}

impl fmt::Debug for Lending<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lending").field("lent", &self.lent).field("sent", &self.sent).finish_non_exhaustive()
    }
}

/// The owner while counts are tested and sums are opened.
#[derive(Debug)]
pub struct Owner<'a> {
    lent: Lent,
    blinded: Blinded<'a>,
    keys: ColumnKeys,
}

impl<'a> Owner<'a> {
    /// Finds out of the tests of one cell, shuffled by the matcher, whether its count reaches the minimum:
    /// whether none of them holds 0.
    ///
    /// # Errors
    /// [`Error::Cell`].
    fn reaches(&self, cell: &Cell, tests: &[Ciphertext]) -> Result<bool, Error> {
        let key = self.key(cell)?;
        let zero = parallel::batched(tests.len(), |range| {
            let tests = tests.get(range).unwrap_or_default();
            Ok::<_, Error>(tests.iter().map(|test| test.decrypt(&key).is_identity()).collect())
        })?;
        Ok(!zero.contains(&true))
    }

    /// Answers the tests of `cells`, which came in `messages`.
    ///
    /// # Errors
    /// [`Error::Count`], [`Error::BadElement`], [`Error::Cell`].
    pub fn answer(&self, cells: &[Cell], messages: &[CountTests]) -> Result<Verdicts, Error> {
        let per_cell = self.lent.tests_per_cell();
        let tests = gather(cells.len() * per_cell, messages, self.blinded.session().peer())?;
        let cells = cells.iter().zip(tests.chunks(per_cell));
        let reached = cells.map(|(cell, tests)| self.reaches(cell, tests)).collect::<Result<_, _>>()?;
        Ok(Verdicts { reached })
    }

    /// Encrypts noise for `cells`, one value each, so that the matcher can add it without knowing it.
    ///
    /// # Errors
    /// [`Error::Cell`], [`Error::Disclosure`].
    pub fn noise<R: CryptoRng + ?Sized>(
        &self,
        cells: &[Cell],
        noise: &[i64],
        rng: &mut R,
    ) -> Result<Vec<EncryptedNoise>, Error> {
        if cells.len() != noise.len() {
            return Err(Error::Disclosure);
        }
        let encrypt = |(cell, &value): (&Cell, &i64)| {
            let randomizer = SecretScalar::random(rng);
            let masked = Element::generate(&randomizer.mul_add(&self.key(cell)?, value));
            Ok(Ciphertext { randomizer: Element::generate(&randomizer), masked })
        };
        let noise = cells.iter().zip(noise).map(encrypt).collect::<Result<Vec<_>, Error>>()?;
        Ok(noise.chunks(CIPHERTEXTS_PER_MESSAGE).map(EncryptedNoise::new).collect())
    }

    /// Opens the sums of `cells`, each of which lies between the bounds beside it. Where `counted` says how many records
    /// a sum is over, it is looked for in the narrower range that follows.
    ///
    /// # Errors
    /// [`Error::Count`], [`Error::BadElement`], [`Error::Cell`], [`Error::OutOfBounds`].
    pub fn open(
        &self,
        cells: &[(Cell, (i64, i64))],
        counted: &[Option<Counted>],
        messages: &[Aggregates],
    ) -> Result<Vec<i64>, Error> {
        let sums = gather(cells.len(), messages, self.blinded.session().peer())?;
        let counted = |index: usize| counted.get(index).copied().flatten();
        let mut opened = vec![None; cells.len()];
        let free: Vec<_> = (0..cells.len()).filter(|&index| counted(index).is_none()).collect();
        self.open_into(&mut opened, cells, &free, &|_, bounds| bounds, &sums)?;
        let counts = opened.clone();
        let narrow = |index: usize, bounds| {
            let Some(Counted { by, low, high }) = counted(index) else { return bounds };
            let count = counts.get(by).copied().flatten().unwrap_or_default();
            (count.saturating_mul(low), count.saturating_mul(high))
        };
        let bound: Vec<_> = (0..cells.len()).filter(|&index| counted(index).is_some()).collect();
        self.open_into(&mut opened, cells, &bound, &narrow, &sums)?;
        opened.into_iter().collect::<Option<_>>().ok_or(Error::Disclosure)
    }

    /// Opens those of the sums whose indices are `chosen`.
    fn open_into(
        &self,
        opened: &mut [Option<i64>],
        cells: &[(Cell, (i64, i64))],
        chosen: &[usize],
        narrow: &dyn Fn(usize, (i64, i64)) -> (i64, i64),
        sums: &[Ciphertext],
    ) -> Result<(), Error> {
        let chosen = chosen.iter().filter_map(|&index| {
            let ((cell, bounds), sum) = (cells.get(index)?, sums.get(index)?);
            Some((index, cell, narrow(index, *bounds), sum))
        });
        let chosen: Vec<_> = chosen.collect();
        let peer = || self.blinded.session().peer().clone();
        let span = |(low, high): (i64, i64)| u128::from(high.abs_diff(low));
        let spans = chosen.iter().map(|&(_, _, bounds, _)| span(bounds)).sum();
        // Counts that do not fit together would make the ranges wider than those agreed on.
        if dlog::steps(spans, chosen.len()) > MAX_OPENING_STEPS {
            return Err(Error::OutOfBounds { peer: peer() }); // JOIN-5
        }
        let table = DiscreteLog::new(spans);
        for (index, cell, (low, high), sum) in chosen {
            let found = table.find(&sum.decrypt(&self.key(cell)?), low, high);
            let found = found.ok_or_else(|| Error::OutOfBounds { peer: peer() })?; // JOIN-5
            opened.get_mut(index).into_iter().for_each(|slot| *slot = Some(found));
        }
        Ok(())
    }

    /// Checks the number that the matcher counted, where it does; `None` where it may not be released.
    ///
    /// # Errors
    /// [`Error::ImpossibleCount`], [`Error::BelowMinimum`].
    pub fn check_count(&self, message: &MatchedCount) -> Result<Option<u64>, Error> {
        let (minimum, max) = (self.lent.minimum, self.blinded.most_matches());
        message.check_between(minimum, max, self.blinded.session().peer()) // JOIN-4
    }

    /// Ends the direction.
    pub fn finish(self) -> Blinded<'a> {
        self.blinded
    }

    fn key(&self, cell: &Cell) -> Result<SecretScalar, Error> {
        self.keys.of_sum(&cell.columns).ok_or(Error::Cell)
    }
}
