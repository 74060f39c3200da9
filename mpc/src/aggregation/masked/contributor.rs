//! The side of a party that brings a vector.

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::binding::{
    Deal, SHARES_BYTES, Secret, group_part_commitment, group_secret, keys_text, session_id, share_commitment,
    split, survivors_text,
};
use super::identities::{AnswerOnce, Identities};
use super::mask::{Mask, Masks, Sign, sealing_key};
use super::messages::{
    CHUNK_BYTES, Commitments, Complaint, Consent, Consents, Dealing, Dealt, KeyList, MaskedChunk, MaskedEnd,
    RoundKeys, SealedShare, SealedShares, ShareBundle, Survivors, TotalChunk, TotalEnd, Unmasking,
};
use super::ring::TILE_BYTES;
use super::sum::Sum;
use super::tag::{Tag, TagKey};
use super::task::{Admitted, Task, Values};
use super::vector::{Assembly, Root, commit};
use crate::error::Error;
use crate::group::{BadElement, Element, Encoded};
use crate::message::Message;
use crate::party::PartyId;
use crate::secret::SecretScalar;
use crate::shamir;
use crate::transcript::DIGEST_BYTES;

/// Begins a sum as `own`: draws the keys of this run.
///
/// # Errors
/// [`Error::NotAParty`].
pub fn start<'t, R: CryptoRng + ?Sized>(
    task: &'t Task,
    own: &PartyId,
    identities: &dyn Identities,
    rng: &mut R,
) -> Result<(AwaitingKeys<'t>, RoundKeys), Error> {
    let seat = task.seat(own)?;
    let [mask_key, sealing_key] = [(); 2].map(|()| SecretScalar::random(rng));
    let mut nonce = [0; 32];
    rng.fill_bytes(&mut nonce);
    let mut keys = RoundKeys {
        mask_key: Element::generate(&mask_key).encode(),
        sealing_key: Element::generate(&sealing_key).encode(),
        nonce,
        signature: [0; 64],
    };
    // [BIKMMPRSS17 figure 4, round 0]
    keys.signature = identities.sign(&keys_text(task, seat, &keys));
    Ok((AwaitingKeys { task, seat, mask_key, sealing_key, keys: keys.clone() }, keys))
}

/// A party that has sent its keys.
#[derive(Debug)]
pub struct AwaitingKeys<'t> {
    task: &'t Task,
    seat: u16,
    mask_key: SecretScalar,
    sealing_key: SecretScalar,
    keys: RoundKeys,
}

/// Another party of the run, and what was agreed with it.
#[derive(Debug)]
struct Peer {
    seat: u16,
    /// The mask key that both share.
    pair_key: Zeroizing<Encoded>,
    /// The value from which the sealing keys of both directions come.
    sealing: Zeroizing<Encoded>,
}

impl<'t> AwaitingKeys<'t> {
    /// Takes everyone's keys and deals shares of the own secrets.
    ///
    /// # Errors
    /// The errors of MASK-3 to MASK-5.
    pub fn deal<R: CryptoRng + ?Sized>(
        self,
        list: &KeyList,
        identities: &dyn Identities,
        rng: &mut R,
    ) -> Result<(AwaitingShares<'t>, SealedShares), Error> {
        self.check(list, identities)?;
        let peers = self.agree(list)?;
        let session = session_id(self.task, list);
        let seed = SecretScalar::random(rng);
        let mut group_part = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *group_part);
        let dealing = Dealing {
            self_key: Element::generate(&seed).encode(),
            group_part: group_part_commitment(&session, self.seat, &group_part),
        };
        let seats: Vec<u16> = list.entries.iter().map(|(seat, _)| *seat).collect();
        let threshold = self.task.terms().threshold;
        let dealer = Dealer {
            session: &session,
            own: self.seat,
            dealing,
            group_part: &group_part,
            // [BIKMMPRSS17 figure 4, round 1]
            key_shares: shamir::share(&self.mask_key, threshold, &seats, rng),
            seed_shares: shamir::share(&seed, threshold, &seats, rng),
        };
        let (shares, kept) = dealer.deal(&seats, &peers);
        let state =
            AwaitingShares { task: self.task, seat: self.seat, session, peers, seed, group_part, kept };
        Ok((state, shares))
    }

    /// Checks the list: MASK-3 and MASK-4.
    fn check(&self, list: &KeyList, identities: &dyn Identities) -> Result<(), Error> {
        let peer = self.task.coordinator();
        let seats = list.entries.iter().map(|(seat, _)| *seat);
        check_seats(self.task, seats)?;
        if !list.entries.iter().any(|(seat, keys)| *seat == self.seat && *keys == self.keys) {
            return Err(Error::OtherKeys { peer: peer.clone() }); // MASK-3
        }
        let (found, needed) = (list.entries.len(), self.task.quorum());
        if found < needed {
            return Err(Error::TooFewParties { found, needed, step: "came" }); // MASK-4
        }
        for (seat, keys) in list.entries.iter().filter(|(seat, _)| *seat != self.seat) {
            let signer = self.task.party(*seat);
            if !identities.verify(signer, &keys_text(self.task, *seat, keys), &keys.signature) {
                let (peer, signer) = (peer.clone(), signer.clone());
                return Err(Error::BadSignature { peer, signer, message: KeyList::NAME }); // MASK-3
            }
        }
        Ok(())
    }

    /// Agrees on keys with everyone: MASK-5.
    fn agree(&self, list: &KeyList) -> Result<Vec<Peer>, Error> {
        let others: Vec<_> = list.entries.iter().filter(|(seat, _)| *seat != self.seat).collect();
        let mut seen = vec![&self.keys.mask_key, &self.keys.sealing_key];
        let mut products = Zeroizing::new(Vec::with_capacity(2 * others.len()));
        for (seat, keys) in &others {
            let party = self.task.party(*seat);
            let is_shared = [&keys.mask_key, &keys.sealing_key].iter().any(|key| seen.contains(key));
            if is_shared || keys.mask_key == keys.sealing_key {
                return Err(Error::SharedKey { peer: party.clone() }); // MASK-5
            }
            seen.extend([&keys.mask_key, &keys.sealing_key]);
            let decode = |encoded| Element::decode(encoded).map_err(|cause| bad_key(party, *seat, cause)); // MASK-5
            products.push(decode(&keys.mask_key)?.mul(&self.mask_key));
            products.push(decode(&keys.sealing_key)?.mul(&self.sealing_key));
        }
        // Both sides double alike.
        let agreed = Zeroizing::new(Element::encode_doubled(&products));
        let (pairs, _) = agreed.as_chunks::<2>();
        let peer = |((seat, _), [pair_key, sealing]): (&&(u16, RoundKeys), &[Encoded; 2])| Peer {
            seat: *seat,
            pair_key: Zeroizing::new(*pair_key),
            sealing: Zeroizing::new(*sealing),
        };
        Ok(others.iter().zip(pairs).map(peer).collect())
    }
}

fn bad_key(party: &PartyId, seat: u16, cause: BadElement) -> Error {
    Error::BadElement { peer: party.clone(), message: RoundKeys::NAME, index: seat.into(), cause }
}

/// Checks that seats rise and exist: MASK-3.
fn check_seats(task: &Task, seats: impl Iterator<Item = u16> + Clone) -> Result<(), Error> {
    let rising = seats.clone().zip(seats.clone().skip(1)).all(|(a, b)| a < b);
    if rising && seats.last().is_none_or(|last| usize::from(last) < task.terms().parties.len()) {
        Ok(())
    } else {
        let rule = "seats are named in order, each once";
        Err(Error::BadSurvivors { peer: task.coordinator().clone(), rule }) // MASK-3
    }
}

/// Shares of both secrets that this party holds of one dealer.
#[derive(Debug)]
struct Kept {
    dealer: u16,
    shares: Zeroizing<[u8; SHARES_BYTES]>,
}

/// A party's own secrets on the way to the others.
struct Dealer<'a> {
    session: &'a [u8; DIGEST_BYTES],
    own: u16,
    dealing: Dealing,
    group_part: &'a [u8; 32],
    key_shares: Zeroizing<Vec<[u8; 32]>>,
    seed_shares: Zeroizing<Vec<[u8; 32]>>,
}

impl Dealer<'_> {
    /// Seals everyone's shares; the own stay here.
    fn deal(&self, seats: &[u16], peers: &[Peer]) -> (SealedShares, Kept) {
        let mut kept = Kept { dealer: self.own, shares: Zeroizing::new([0; SHARES_BYTES]) };
        let mut own = Commitments::default();
        let mut entries = Vec::with_capacity(peers.len());
        for (seat, (key, seed)) in seats.iter().zip(self.key_shares.iter().zip(self.seed_shares.iter())) {
            let shares = self.joined(key, seed);
            let commitments = self.commitments(*seat, key, seed);
            match peers.iter().find(|peer| peer.seat == *seat) {
                Some(peer) => entries.push(self.seal(peer, commitments, &shares)),
                None => (own, kept.shares) = (commitments, shares),
            }
        }
        (SealedShares { dealing: self.dealing, own, entries }, kept)
    }

    fn joined(&self, key: &[u8; 32], seed: &[u8; 32]) -> Zeroizing<[u8; SHARES_BYTES]> {
        let mut shares = Zeroizing::new([0; SHARES_BYTES]);
        let parts = key.iter().chain(seed).chain(self.group_part);
        shares.iter_mut().zip(parts).for_each(|(place, byte)| *place = *byte);
        shares
    }

    fn commitments(&self, holder: u16, key: &[u8; 32], seed: &[u8; 32]) -> Commitments {
        let commitment = |secret, share| share_commitment(self.session, self.own, holder, secret, share);
        [commitment(Secret::MaskKey, key), commitment(Secret::Seed, seed)]
    }

    fn seal(&self, peer: &Peer, commitments: Commitments, shares: &[u8; SHARES_BYTES]) -> SealedShare {
        let key = sealing_key(self.session, &peer.sealing, self.own, peer.seat);
        let deal = Deal {
            session: self.session,
            from: self.own,
            to: peer.seat,
            dealing: &self.dealing,
            commitments: &commitments,
        };
        SealedShare { commitments, sealed: deal.seal(&key, shares) }
    }
}

/// A party that has dealt its shares.
#[derive(Debug)]
pub struct AwaitingShares<'t> {
    task: &'t Task,
    seat: u16,
    session: [u8; DIGEST_BYTES],
    peers: Vec<Peer>,
    seed: SecretScalar,
    group_part: Zeroizing<[u8; 32]>,
    kept: Kept,
}

impl<'t> AwaitingShares<'t> {
    /// Takes the others' shares and begins to mask `input`.
    ///
    /// # Errors
    /// The errors of MASK-3, MASK-6 and MASK-7; after [`Error::BadShare`], a [`Complaint`] tells the coordinator why this
    /// party withdraws.
    pub fn mask<'a, R: CryptoRng + ?Sized>(
        self,
        bundle: &ShareBundle,
        input: Admitted<'a>,
        rng: &mut R,
    ) -> Result<Masking<'t, 'a>, Error> {
        let dealers = self.check(bundle)?;
        let peers: Vec<&Peer> = self.peers.iter().filter(|peer| dealers.contains(&peer.seat)).collect();
        let opened = bundle.entries.iter().zip(&peers).map(|(dealt, peer)| self.open(dealt, peer));
        let mut kept = opened.collect::<Result<Vec<_>, _>>()?;
        let session = self.session;
        // [BIKMMPRSS17 figure 4, round 2]
        let between = |peer: &&Peer| {
            let sign = Sign::between(self.seat, peer.seat);
            Mask::between(self.task, &session, [self.seat, peer.seat], &peer.pair_key, sign)
        };
        let seed = Zeroizing::new(self.seed.expose().to_bytes());
        let alone = Mask::alone(self.task, &session, self.seat, &seed, Sign::Plus);
        let masks: Masks = peers.iter().map(between).chain([alone]).collect();
        kept.push(self.kept);
        kept.sort_unstable_by_key(|kept| kept.dealer);
        let parts = kept.iter().map(|kept| split(&kept.shares)[2]);
        let tag_key = TagKey::new(&group_secret(&session, parts));
        let tag = tag_key.offset(self.seat);
        let commitment = self.task.terms().commitments.then(|| {
            let mut salt = Zeroizing::new([0; 32]);
            rng.fill_bytes(&mut *salt);
            let digest = commit(&salt, &session, input.into());
            Opening { session, salt, digest }
        });
        let root = Root::new(&session, self.seat);
        let state = Shared { task: self.task, seat: self.seat, session, kept, tag_key };
        drop(self.group_part);
        Ok(Masking { state, masks, input, root, tag, done: 0, commitment })
    }

    /// Checks who dealt: MASK-3 and MASK-6.
    fn check(&self, bundle: &ShareBundle) -> Result<Vec<u16>, Error> {
        let dealers: Vec<u16> = bundle.entries.iter().map(|dealt| dealt.seat).collect();
        check_seats(self.task, dealers.iter().copied())?;
        if !dealers.iter().all(|seat| self.peers.iter().any(|peer| peer.seat == *seat)) {
            let rule = "only those deal who sent keys";
            return Err(Error::BadSurvivors { peer: self.task.coordinator().clone(), rule }); // MASK-6
        }
        let (found, needed) = (dealers.len() + 1, self.task.quorum());
        if found < needed {
            return Err(Error::TooFewParties { found, needed, step: "dealt shares" }); // MASK-6
        }
        Ok(dealers)
    }

    /// Opens a dealer's shares and checks them against its commitments: MASK-7.
    fn open(&self, dealt: &Dealt, peer: &Peer) -> Result<Kept, Error> {
        let session = &self.session;
        let commitments = &dealt.share.commitments;
        let deal = Deal { session, from: dealt.seat, to: self.seat, dealing: &dealt.dealing, commitments };
        let key = sealing_key(session, &peer.sealing, dealt.seat, self.seat);
        let bad = || Error::BadShare { peer: self.task.party(dealt.seat).clone() };
        let shares = deal.open(&key, &dealt.share.sealed).ok_or_else(bad)?; // MASK-7
        let [key_share, seed_share, part] = split(&shares);
        let committed = |secret, share| share_commitment(session, dealt.seat, self.seat, secret, share);
        let found = [committed(Secret::MaskKey, key_share), committed(Secret::Seed, seed_share)];
        let part = group_part_commitment(session, dealt.seat, part);
        if found != *commitments || part != dealt.dealing.group_part {
            return Err(bad()); // MASK-7
        }
        Ok(Kept { dealer: dealt.seat, shares })
    }
}

impl Complaint {
    /// Says whom a party blames that withdraws because of `error`.
    pub fn about(task: &Task, error: &Error) -> Option<Self> {
        match error {
            Error::BadShare { peer } => Some(Self { against: task.seat(peer).ok()? }),
            _ => None,
        }
    }
}

/// What opens a party's commitment to its plain vector, for a later audit.
#[derive(Debug)]
pub struct Opening {
    /// The session.
    pub session: [u8; DIGEST_BYTES],
    /// The salt, which only the party and its auditor know.
    pub salt: Zeroizing<[u8; 32]>,
    digest: [u8; DIGEST_BYTES],
}

impl Opening {
    /// Takes what a party kept.
    pub fn new(session: [u8; DIGEST_BYTES], salt: Zeroizing<[u8; 32]>) -> Self {
        Self { session, salt, digest: [0; DIGEST_BYTES] }
    }

    /// Tells whether this opens `commitment` as one to `input`.
    pub fn opens<'a>(&self, commitment: &[u8; DIGEST_BYTES], input: impl Into<Values<'a>>) -> bool {
        commit(&self.salt, &self.session, input.into()) == *commitment
    }
}

/// What a party keeps from masking on.
#[derive(Debug)]
struct Shared<'t> {
    task: &'t Task,
    seat: u16,
    session: [u8; DIGEST_BYTES],
    /// Shares of all dealers, the own included, by seat.
    kept: Vec<Kept>,
    tag_key: TagKey,
}

/// A party that masks its vector and sends it.
pub struct Masking<'t, 'a> {
    state: Shared<'t>,
    masks: Masks,
    input: Admitted<'a>,
    root: Root,
    tag: Tag,
    /// Bytes masked.
    done: usize,
    commitment: Option<Opening>,
}

impl std::fmt::Debug for Masking<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Masking").field("done", &self.done).finish_non_exhaustive()
    }
}

impl<'t> Masking<'t, '_> {
    /// Masks the next chunk; none is left after the last.
    pub fn next_chunk(&mut self) -> Option<MaskedChunk> {
        const { assert!(CHUNK_BYTES.is_multiple_of(TILE_BYTES)) };
        let ring = self.state.task.ring();
        let left = self.state.task.vector_bytes() - self.done;
        if left == 0 {
            return None;
        }
        let mut bytes = vec![0; left.min(CHUNK_BYTES)];
        let first = self.done / ring.word_bytes();
        let tag = self.masks.hide(ring, &self.input, first, &self.state.tag_key, &mut bytes);
        self.tag = self.tag.add(tag);
        self.root.absorb(&bytes);
        self.done += bytes.len();
        Some(MaskedChunk { bytes })
    }

    /// Returns what opens the commitment to the vector, where one is agreed on; to be kept before [`Self::finish`].
    pub fn opening(&self) -> Option<&Opening> {
        self.commitment.as_ref()
    }

    /// Ends the vector; also returns what opens the commitment to it, where one is agreed on.
    ///
    /// # Errors
    /// [`Error::Unfinished`] while chunks are left.
    pub fn finish(self) -> Result<(AwaitingSurvivors<'t>, MaskedEnd, Option<Opening>), Error> {
        let missing = self.state.task.vector_bytes() - self.done;
        if missing > 0 {
            return Err(Error::Unfinished { missing: missing as u64 });
        }
        let end = MaskedEnd {
            root: self.root.finish(),
            commitment: self.commitment.as_ref().map_or([0; DIGEST_BYTES], |opening| opening.digest),
            tag: self.masks.apply_to_tag(self.tag).to_bytes(),
        };
        Ok((AwaitingSurvivors { state: self.state, end }, end, self.commitment))
    }
}

/// A party that has sent its vector.
#[derive(Debug)]
pub struct AwaitingSurvivors<'t> {
    state: Shared<'t>,
    end: MaskedEnd,
}

impl<'t> AwaitingSurvivors<'t> {
    /// Takes the list of survivors and signs it.
    ///
    /// # Errors
    /// The errors of MASK-3 and MASK-8.
    pub fn confirm(
        self,
        survivors: &Survivors,
        identities: &dyn Identities,
    ) -> Result<(AwaitingConsents<'t>, Consent), Error> {
        self.check(survivors)?;
        // [BIKMMPRSS17 figure 4, round 3]
        let text = survivors_text(&self.state.session, survivors);
        let consent = Consent { signature: identities.sign(&text) };
        let survivors = survivors.clone();
        Ok((AwaitingConsents { state: self.state, survivors, text }, consent))
    }

    /// Checks the list: MASK-3 and MASK-8.
    fn check(&self, survivors: &Survivors) -> Result<(), Error> {
        let state = &self.state;
        let seats = survivors.entries.iter().map(|(seat, _)| *seat);
        check_seats(state.task, seats.clone())?;
        let rule = |holds, rule| {
            let peer = state.task.coordinator().clone();
            if holds { Ok(()) } else { Err(Error::BadSurvivors { peer, rule }) } // MASK-8
        };
        let dealers: Vec<u16> = state.kept.iter().map(|kept| kept.dealer).collect();
        rule(survivors.dealers == dealers, "those who dealt shares are as this party knows them")?;
        rule(seats.clone().all(|seat| dealers.contains(&seat)), "only those survive who dealt shares")?;
        let own = survivors.entries.iter().find(|(seat, _)| *seat == state.seat);
        rule(own.is_some_and(|(_, end)| *end == self.end), "this party sent what it sent")?;
        let (found, needed) = (survivors.entries.len(), state.task.quorum());
        if found < needed {
            return Err(Error::TooFewParties { found, needed, step: "survived" }); // MASK-8
        }
        Ok(())
    }
}

/// A party that has signed the list of survivors.
#[derive(Debug)]
pub struct AwaitingConsents<'t> {
    state: Shared<'t>,
    survivors: Survivors,
    text: Vec<u8>,
}

impl<'t> AwaitingConsents<'t> {
    /// Takes the others' signatures and gives out its shares, once: of the seed of each survivor, of the mask key of
    /// each other dealer, and never both of one.
    ///
    /// # Errors
    /// [`Error::BadSurvivors`], MASK-3; [`Error::NoConsent`], MASK-10; [`Error::AnsweredBefore`], MASK-11.
    pub fn answer(
        self,
        consents: &Consents,
        identities: &dyn Identities,
        once: &mut dyn AnswerOnce,
    ) -> Result<(AwaitingTotal<'t>, Unmasking), Error> {
        let (found, needed) = (self.signers_len(consents, identities)?, self.state.task.terms().threshold);
        let state = self.state;
        let survives = |seat: u16| self.survivors.entries.iter().any(|(other, _)| *other == seat);
        if found < needed {
            return Err(Error::NoConsent { peer: state.task.coordinator().clone(), found, needed }); // MASK-10
        }
        once.note(&state.session).map_err(|_| Error::AnsweredBefore)?; // MASK-11
        // [BIKMMPRSS17 figure 4, round 4]
        let shares = |of_survivors: bool| {
            let kept = state.kept.iter().filter(|kept| survives(kept.dealer) == of_survivors);
            let share = |kept: &Kept| {
                let [mask_key, seed, _] = split(&kept.shares);
                if of_survivors { *seed } else { *mask_key }
            };
            kept.map(share).collect()
        };
        let unmasking =
            Unmasking { seeds: Zeroizing::new(shares(true)), keys: Zeroizing::new(shares(false)) };
        let total = Assembly::new(state.task);
        let Shared { task, session, tag_key, .. } = state;
        let (survivors, consents) = (self.survivors, consents.clone());
        Ok((AwaitingTotal { task, session, tag_key, survivors, consents, total }, unmasking))
    }

    /// Counts the survivors whose signatures over the own list hold, up to the threshold.
    fn signers_len(&self, consents: &Consents, identities: &dyn Identities) -> Result<usize, Error> {
        check_seats(self.state.task, consents.entries.iter().map(|(seat, _)| *seat))?;
        let survived = |seat: u16| self.survivors.entries.iter().any(|(other, _)| *other == seat);
        let holds = |(seat, consent): &&(u16, Consent)| {
            survived(*seat) && identities.verify(self.state.task.party(*seat), &self.text, &consent.signature)
        };
        Ok(consents.entries.iter().filter(holds).take(self.state.task.terms().threshold).count())
    }
}

/// A party that has given out its shares.
#[derive(Debug)]
pub struct AwaitingTotal<'t> {
    task: &'t Task,
    session: [u8; DIGEST_BYTES],
    tag_key: TagKey,
    survivors: Survivors,
    consents: Consents,
    total: Assembly,
}

impl AwaitingTotal<'_> {
    /// Counts the bytes of the total that are still missing.
    pub fn missing_bytes(&self) -> usize {
        self.total.missing_bytes()
    }

    /// Takes the next part of the total.
    ///
    /// # Errors
    /// [`Error::Count`], MASK-9.
    pub fn accept(&mut self, chunk: TotalChunk) -> Result<(), Error> {
        self.total.accept(chunk, self.task.coordinator())
    }

    /// Checks the total by its tag.
    ///
    /// # Errors
    /// [`Error::Count`], MASK-9; [`Error::AlteredTotal`], MASK-12.
    pub fn close(self, end: TotalEnd) -> Result<Sum, Error> {
        let peer = self.task.coordinator();
        let words = self.total.close(TotalEnd::NAME, peer)?;
        let offsets = self.survivors.entries.iter().map(|(seat, _)| self.tag_key.offset(*seat));
        let found = offsets.fold(words.hash(&self.tag_key), Tag::add).to_bytes();
        if !bool::from(found.ct_eq(&end.tag)) {
            return Err(Error::AlteredTotal { peer: peer.clone() }); // MASK-12
        }
        Ok(Sum::new(self.task, self.session, &self.survivors, &self.consents, words))
    }
}
