//! The side that collects: one state for each step, open for the messages of all parties until it is closed.
//!
//! A party that sends nothing before a step is closed has vanished; the step goes on without it as long as enough
//! are left. Nothing here is secret but the total.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::binding::{Secret, keys_text, session_id, share_commitment, survivors_text};
use super::identities::Identities;
use super::mask::{Mask, Masks, Sign};
use super::messages::{
    Commitments, Complaint, Consent, Consents, Dealt, KeyList, MaskedChunk, MaskedEnd, RoundKeys,
    SealedShares, ShareBundle, Survivors, TotalChunk, TotalEnd, Unmasking,
};
use super::ring::Words;
use super::sum::Sum;
use super::tag::Tag;
use super::task::Task;
use super::vector::{Assembly, Root, chunks};
use crate::codec::Malformation;
use crate::error::Error;
use crate::group::{Element, Encoded};
use crate::message::Message;
use crate::party::PartyId;
use crate::secret::SecretScalar;
use crate::shamir::Recovery;
use crate::transcript::DIGEST_BYTES;

/// Puts down what a party sent, once: MASK-13.
fn put<T>(
    into: &mut BTreeMap<u16, T>,
    seat: u16,
    from: &PartyId,
    message: &'static str,
    value: T,
) -> Result<(), Error> {
    if into.contains_key(&seat) {
        return Err(Error::OutOfTurn { peer: from.clone(), message }); // MASK-13
    }
    into.insert(seat, value);
    Ok(())
}

/// Checks that enough parties are left: MASK-15.
fn enough(found: usize, needed: usize, step: &'static str) -> Result<(), Error> {
    if found < needed { Err(Error::TooFewParties { found, needed, step }) } else { Ok(()) } // MASK-15
}

/// Collects the keys of those who come.
#[derive(Debug)]
pub struct CollectingKeys<'t> {
    task: &'t Task,
    keys: BTreeMap<u16, RoundKeys>,
}

impl<'t> CollectingKeys<'t> {
    /// Begins a sum.
    pub fn new(task: &'t Task) -> Self {
        Self { task, keys: BTreeMap::new() }
    }

    /// Takes a party's keys.
    ///
    /// # Errors
    /// [`Error::NotAParty`], [`Error::OutOfTurn`]: MASK-13. [`Error::BadSignature`], [`Error::BadElement`],
    /// [`Error::SharedKey`]: MASK-14.
    pub fn accept(
        &mut self,
        from: &PartyId,
        keys: RoundKeys,
        identities: &dyn Identities,
    ) -> Result<(), Error> {
        let seat = self.task.seat(from)?; // MASK-13
        let peer = || from.clone();
        if !identities.verify(from, &keys_text(self.task, seat, &keys), &keys.signature) {
            return Err(Error::BadSignature { peer: peer(), signer: peer(), message: RoundKeys::NAME }); // MASK-14
        }
        for key in [&keys.mask_key, &keys.sealing_key] {
            let bad = |cause| Error::BadElement {
                peer: peer(),
                message: RoundKeys::NAME,
                index: seat.into(),
                cause,
            };
            Element::decode(key).map_err(bad)?; // MASK-14
        }
        let mut known = self.keys.iter().filter(|(other, _)| **other != seat).map(|(_, keys)| keys);
        let own = [&keys.mask_key, &keys.sealing_key];
        let is_shared =
            known.any(|other| own.contains(&&other.mask_key) || own.contains(&&other.sealing_key));
        if is_shared || keys.mask_key == keys.sealing_key {
            return Err(Error::SharedKey { peer: peer() }); // MASK-14
        }
        put(&mut self.keys, seat, from, RoundKeys::NAME, keys)
    }

    /// Ends the step with the list that goes to all who came.
    ///
    /// # Errors
    /// [`Error::TooFewParties`], MASK-15.
    pub fn close(self) -> Result<(CollectingShares<'t>, KeyList), Error> {
        enough(self.keys.len(), self.task.quorum(), "came")?;
        let list = KeyList { entries: self.keys.iter().map(|(seat, keys)| (*seat, keys.clone())).collect() };
        let session = session_id(self.task, &list);
        let run = Run { task: self.task, session, keys: self.keys };
        Ok((CollectingShares { run, shares: BTreeMap::new() }, list))
    }
}

/// What the coordinator knows of a run from the keys on.
#[derive(Debug)]
struct Run<'t> {
    task: &'t Task,
    session: [u8; DIGEST_BYTES],
    keys: BTreeMap<u16, RoundKeys>,
}

/// Collects the shares that parties deal to each other.
#[derive(Debug)]
pub struct CollectingShares<'t> {
    run: Run<'t>,
    shares: BTreeMap<u16, SealedShares>,
}

impl<'t> CollectingShares<'t> {
    /// Takes a party's shares.
    ///
    /// # Errors
    /// [`Error::NotAParty`], [`Error::OutOfTurn`], [`Error::Count`], [`Error::BadElement`]: MASK-13.
    pub fn accept(&mut self, from: &PartyId, shares: SealedShares) -> Result<(), Error> {
        let seat = self.run.task.seat(from)?;
        let (peer, message) = (from.clone(), SealedShares::NAME);
        if !self.run.keys.contains_key(&seat) {
            return Err(Error::OutOfTurn { peer, message }); // MASK-13
        }
        let (found, expected) = (shares.entries.len(), self.run.keys.len() - 1);
        if found != expected {
            return Err(Error::Count { peer, message, found, expected }); // MASK-13
        }
        let bad = |cause| Error::BadElement { peer, message, index: seat.into(), cause };
        Element::decode(&shares.dealing.self_key).map_err(bad)?; // MASK-13
        put(&mut self.shares, seat, from, message, shares)
    }

    /// Ends the step with the bundle of each dealer.
    ///
    /// # Errors
    /// [`Error::TooFewParties`], MASK-15.
    pub fn close(self) -> Result<(CollectingVectors<'t>, Vec<(PartyId, ShareBundle)>), Error> {
        enough(self.shares.len(), self.run.task.quorum(), "dealt shares")?;
        let all: Vec<u16> = self.run.keys.keys().copied().collect();
        let bundle = |to: u16| {
            let dealt = self.shares.iter().filter(|(from, _)| **from != to).filter_map(|(from, shares)| {
                // Everyone seals for all others of the key list, in its order.
                let index = all.iter().filter(|seat| **seat != *from).position(|seat| *seat == to)?;
                let share = shares.entries.get(index)?.clone();
                Some(Dealt { seat: *from, dealing: shares.dealing, share })
            });
            ShareBundle { entries: dealt.collect() }
        };
        let bundles = self.shares.keys().map(|seat| (self.run.task.party(*seat).clone(), bundle(*seat)));
        let bundles = bundles.collect();
        let dealings =
            self.shares.into_iter().map(|(seat, shares)| (seat, Committed::new(seat, &all, shares)));
        let dealings = dealings.collect();
        let sum = Words::zeros(self.run.task.ring(), self.run.task.terms().len);
        let (ends, complaints) = (BTreeMap::new(), Vec::new());
        Ok((CollectingVectors { run: self.run, dealings, ends, sum, complaints }, bundles))
    }
}

/// What a dealer is held to.
#[derive(Debug)]
struct Committed {
    self_key: Encoded,
    /// By the seat of the holder.
    commitments: BTreeMap<u16, Commitments>,
}

impl Committed {
    fn new(dealer: u16, all: &[u16], shares: SealedShares) -> Self {
        let others = all.iter().copied().filter(|seat| *seat != dealer);
        let commitments = others.zip(shares.entries.into_iter().map(|entry| entry.commitments));
        let commitments = commitments.chain([(dealer, shares.own)]).collect();
        Self { self_key: shares.dealing.self_key, commitments }
    }
}

/// Collects the masked vectors.
#[derive(Debug)]
pub struct CollectingVectors<'t> {
    run: Run<'t>,
    dealings: BTreeMap<u16, Committed>,
    ends: BTreeMap<u16, MaskedEnd>,
    sum: Words,
    complaints: Vec<(PartyId, PartyId)>,
}

/// A masked vector that is coming in; it counts once it is whole.
pub struct Upload {
    seat: u16,
    from: PartyId,
    vector: Assembly,
    root: Root,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload")
            .field("from", &self.from)
            .field("vector", &self.vector)
            .finish_non_exhaustive()
    }
}

/// A masked vector that came in whole.
#[derive(Debug)]
pub struct Delivered {
    seat: u16,
    from: PartyId,
    vector: Words,
    end: MaskedEnd,
}

impl Upload {
    /// Counts the bytes that are still missing.
    pub fn missing_bytes(&self) -> usize {
        self.vector.missing_bytes()
    }

    /// Takes the next chunk.
    ///
    /// # Errors
    /// [`Error::Count`], MASK-9.
    pub fn accept(&mut self, chunk: MaskedChunk) -> Result<(), Error> {
        self.root.absorb(&chunk.bytes);
        self.vector.accept(chunk, &self.from)
    }

    /// Takes what stands behind the last chunk.
    ///
    /// # Errors
    /// [`Error::Count`], MASK-9; [`Error::Transcript`], [`Error::Malformed`], MASK-16.
    pub fn finish(self, end: MaskedEnd) -> Result<Delivered, Error> {
        let vector = self.vector.close(MaskedEnd::NAME, &self.from)?;
        let (peer, message) = (self.from.clone(), MaskedEnd::NAME);
        if self.root.finish() != end.root {
            return Err(Error::Transcript { peer }); // MASK-16
        }
        if Tag::from_bytes(&end.tag).is_none() {
            return Err(Error::Malformed { peer, message, cause: Malformation::Field { field: "tag" } }); // MASK-16
        }
        Ok(Delivered { seat: self.seat, from: self.from, vector, end })
    }
}

impl<'t> CollectingVectors<'t> {
    /// Begins to receive the vector of a party.
    ///
    /// # Errors
    /// [`Error::NotAParty`], [`Error::OutOfTurn`], MASK-13.
    pub fn upload(&self, from: &PartyId) -> Result<Upload, Error> {
        let seat = self.run.task.seat(from)?;
        if !self.dealings.contains_key(&seat) {
            return Err(Error::OutOfTurn { peer: from.clone(), message: MaskedChunk::NAME }); // MASK-13
        }
        let root = Root::new(&self.run.session, seat);
        Ok(Upload { seat, from: from.clone(), vector: Assembly::new(self.run.task), root })
    }

    /// Adds a whole vector.
    ///
    /// # Errors
    /// [`Error::OutOfTurn`], MASK-13.
    pub fn accept(&mut self, delivered: Delivered) -> Result<(), Error> {
        put(&mut self.ends, delivered.seat, &delivered.from, MaskedEnd::NAME, delivered.end)?;
        self.sum.add(&delivered.vector.bytes);
        Ok(())
    }

    /// Takes a party's word that it withdraws, because of whose shares.
    ///
    /// # Errors
    /// [`Error::NotAParty`], [`Error::OutOfTurn`], [`Error::Malformed`], MASK-13.
    pub fn complain(&mut self, from: &PartyId, complaint: Complaint) -> Result<(), Error> {
        let seat = self.run.task.seat(from)?;
        let (peer, message) = (from.clone(), Complaint::NAME);
        let complained = self.complaints.iter().any(|(other, _)| other == from);
        if complained || !self.dealings.contains_key(&seat) || self.ends.contains_key(&seat) {
            return Err(Error::OutOfTurn { peer, message }); // MASK-13
        }
        if complaint.against == seat || !self.dealings.contains_key(&complaint.against) {
            let cause = Malformation::Field { field: "against" };
            return Err(Error::Malformed { peer, message, cause }); // MASK-13
        }
        self.complaints.push((from.clone(), self.run.task.party(complaint.against).clone()));
        Ok(())
    }

    /// Returns who complained about whom.
    pub fn complaints(&self) -> &[(PartyId, PartyId)] {
        &self.complaints
    }

    /// Ends the step with the list of survivors.
    ///
    /// # Errors
    /// [`Error::TooFewParties`], MASK-15.
    pub fn close(self) -> Result<(CollectingConsents<'t>, Survivors), Error> {
        enough(self.ends.len(), self.run.task.quorum(), "survived")?;
        let dealers = self.dealings.keys().copied().collect();
        let survivors = Survivors { dealers, entries: self.ends.into_iter().collect() };
        let text = survivors_text(&self.run.session, &survivors);
        let list = survivors.clone();
        let masked = Masked { run: self.run, dealings: self.dealings, survivors, sum: self.sum };
        Ok((CollectingConsents { masked, text, consents: BTreeMap::new() }, list))
    }
}

/// The masked sum of the survivors.
#[derive(Debug)]
struct Masked<'t> {
    run: Run<'t>,
    dealings: BTreeMap<u16, Committed>,
    survivors: Survivors,
    sum: Words,
}

impl Masked<'_> {
    fn survives(&self, seat: u16) -> bool {
        self.survivors.entries.iter().any(|(other, _)| *other == seat)
    }

    /// Returns the seat of a survivor: MASK-13.
    fn survivor(&self, from: &PartyId, message: &'static str) -> Result<u16, Error> {
        let seat = self.run.task.seat(from)?;
        if self.survives(seat) { Ok(seat) } else { Err(Error::OutOfTurn { peer: from.clone(), message }) } // MASK-13
    }
}

/// Collects the survivors' signatures over their list.
#[derive(Debug)]
pub struct CollectingConsents<'t> {
    masked: Masked<'t>,
    text: Vec<u8>,
    consents: BTreeMap<u16, Consent>,
}

impl<'t> CollectingConsents<'t> {
    /// Takes a survivor's signature.
    ///
    /// # Errors
    /// [`Error::NotAParty`], [`Error::OutOfTurn`], MASK-13; [`Error::BadSignature`], MASK-14.
    pub fn accept(
        &mut self,
        from: &PartyId,
        consent: Consent,
        identities: &dyn Identities,
    ) -> Result<(), Error> {
        let message = Consent::NAME;
        let seat = self.masked.survivor(from, message)?;
        if !identities.verify(from, &self.text, &consent.signature) {
            return Err(Error::BadSignature { peer: from.clone(), signer: from.clone(), message }); // MASK-14
        }
        put(&mut self.consents, seat, from, message, consent)
    }

    /// Ends the step with the signatures that go to all who signed.
    ///
    /// # Errors
    /// [`Error::TooFewParties`], MASK-15.
    pub fn close(self) -> Result<(CollectingAnswers<'t>, Consents), Error> {
        enough(self.consents.len(), self.masked.run.task.terms().threshold, "confirmed the survivors")?;
        let consents = Consents { entries: self.consents.into_iter().collect() };
        let signed = consents.clone();
        Ok((CollectingAnswers { masked: self.masked, consents, answers: BTreeMap::new() }, signed))
    }
}

/// Collects the shares by which masks are taken off.
#[derive(Debug)]
pub struct CollectingAnswers<'t> {
    masked: Masked<'t>,
    consents: Consents,
    answers: BTreeMap<u16, Unmasking>,
}

impl<'t> CollectingAnswers<'t> {
    /// Takes a survivor's shares.
    ///
    /// # Errors
    /// [`Error::NotAParty`], [`Error::OutOfTurn`], [`Error::Count`], MASK-13; [`Error::BadShare`], MASK-17.
    pub fn accept(&mut self, from: &PartyId, answer: Unmasking) -> Result<(), Error> {
        let seat = self.masked.survivor(from, Unmasking::NAME)?;
        for (survived, secret, shares) in
            [(true, Secret::Seed, &answer.seeds), (false, Secret::MaskKey, &answer.keys)]
        {
            let dealers = self.dealers(survived);
            let (found, expected) = (shares.len(), dealers.len());
            if found != expected {
                return Err(Error::Count { peer: from.clone(), message: Unmasking::NAME, found, expected }); // MASK-13
            }
            let holds = |(dealer, share): (&(u16, &Committed), &[u8; 32])| {
                let commitments = dealer.1.commitments.get(&seat);
                let committed = commitments.and_then(|pair| pair.get(usize::from(secret == Secret::Seed)));
                committed == Some(&share_commitment(&self.masked.run.session, dealer.0, seat, secret, share))
            };
            if !dealers.iter().zip(shares.iter()).all(holds) {
                return Err(Error::BadShare { peer: from.clone() }); // MASK-17
            }
        }
        put(&mut self.answers, seat, from, Unmasking::NAME, answer)
    }

    fn dealers(&self, survived: bool) -> Vec<(u16, &Committed)> {
        let dealers = self.masked.dealings.iter().map(|(seat, dealing)| (*seat, dealing));
        dealers.filter(|(seat, _)| self.masked.survives(*seat) == survived).collect()
    }

    /// Recovers what hides the sum and takes it off.
    ///
    /// # Errors
    /// [`Error::TooFewParties`], MASK-15; [`Error::BadDealing`], MASK-18.
    pub fn close(self) -> Result<Total, Error> {
        let threshold = self.masked.run.task.terms().threshold;
        enough(self.answers.len(), threshold, "gave out their shares")?;
        let masks = self.masks(threshold)?;
        let Masked { run, survivors, sum: mut words, .. } = self.masked;
        masks.apply_to(&mut words);
        let tags = survivors.entries.iter().filter_map(|(_, end)| Tag::from_bytes(&end.tag));
        let tag = masks.apply_to_tag(tags.fold(Tag::default(), Tag::add)).to_bytes();
        Ok(Total {
            sum: Sum::new(run.task, run.session, &survivors, &self.consents, words),
            end: TotalEnd { tag },
        })
    }

    /// Returns what takes off all masks: of each survivor alone, and of each pair of which one did not survive.
    fn masks(&self, threshold: usize) -> Result<Masks, Error> {
        let run = &self.masked.run;
        let answers: Vec<_> = self.answers.iter().take(threshold).collect();
        let seats: Vec<u16> = answers.iter().map(|(seat, _)| **seat).collect();
        let recovery = Recovery::new(&seats);
        let mut masks = Vec::new();
        for (index, (seat, dealing)) in self.dealers(true).into_iter().enumerate() {
            let shares = answers.iter().filter_map(|(_, answer)| answer.seeds.get(index).copied());
            let seed = self.recover(&recovery, shares.collect(), seat, &dealing.self_key)?;
            let seed = Zeroizing::new(seed.expose().to_bytes());
            masks.push(Mask::alone(run.task, &run.session, seat, &seed, Sign::Minus));
        }
        for (index, (seat, _)) in self.dealers(false).into_iter().enumerate() {
            let shares = answers.iter().filter_map(|(_, answer)| answer.keys.get(index).copied());
            let public = run.keys.get(&seat).map(|keys| keys.mask_key).unwrap_or_default();
            let key = self.recover(&recovery, shares.collect(), seat, &public)?;
            masks.extend(self.pair_masks(seat, &key)?);
        }
        Ok(masks.into_iter().collect())
    }

    /// Recovers a secret of a dealer and checks it against its public key: MASK-18.
    fn recover(
        &self,
        recovery: &Recovery,
        shares: Vec<[u8; 32]>,
        dealer: u16,
        public: &Encoded,
    ) -> Result<SecretScalar, Error> {
        let secret = recovery.secret(&Zeroizing::new(shares));
        let secret = secret.filter(|secret| Element::generate(secret).encode() == *public);
        secret.ok_or_else(|| Error::BadDealing { peer: self.masked.run.task.party(dealer).clone() }) // MASK-18
    }

    /// Returns what takes off the masks that a vanished party shares with the survivors.
    fn pair_masks(&self, vanished: u16, key: &SecretScalar) -> Result<Vec<Mask>, Error> {
        let run = &self.masked.run;
        let seats: Vec<u16> = self.masked.survivors.entries.iter().map(|(seat, _)| *seat).collect();
        let mut products = Zeroizing::new(Vec::with_capacity(seats.len()));
        for seat in &seats {
            let public = run.keys.get(seat).map(|keys| keys.mask_key).unwrap_or_default();
            let bad = |cause| Error::BadElement {
                peer: run.task.party(*seat).clone(),
                message: RoundKeys::NAME,
                index: (*seat).into(),
                cause,
            };
            products.push(Element::decode(&public).map_err(bad)?.mul(key));
        }
        let agreed = Zeroizing::new(Element::encode_doubled(&products));
        let mask = |(seat, key): (&u16, &Encoded)| {
            let sign = Sign::between(*seat, vanished).opposite();
            Mask::between(run.task, &run.session, [*seat, vanished], key, sign)
        };
        Ok(seats.iter().zip(agreed.iter()).map(mask).collect())
    }
}

/// The total, to be sent to all survivors.
#[derive(Debug)]
pub struct Total {
    sum: Sum,
    end: TotalEnd,
}

impl Total {
    /// Cuts the total into the messages that carry it.
    pub fn chunks(&self) -> impl Iterator<Item = TotalChunk> {
        chunks(self.sum.words())
    }

    /// Returns what stands behind the last part.
    pub fn end(&self) -> TotalEnd {
        self.end
    }

    /// Returns the sum.
    pub fn sum(&self) -> &Sum {
        &self.sum
    }

    /// Takes the sum.
    pub fn into_sum(self) -> Sum {
        self.sum
    }
}
