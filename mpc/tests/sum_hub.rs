//! Each check of the coordinator of a masked sum, broken by itself: the exact error, and whom it blames.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

#[path = "common/dealer.rs"]
mod dealer;
#[path = "common/stage.rs"]
mod stage;
#[path = "common/sum.rs"]
mod sum;

use dealer::{Dealer, Dealt, sign_keys};
use stage::{Place, SEALED_SHARES, SEEDS, Side, Stage, Wire, altering, honest, kind, losing, place, relist};
use sum::name;
use tidegate_mpc::aggregation::masked::contributor;
use tidegate_mpc::aggregation::masked::coordinator::CollectingKeys;
use tidegate_mpc::aggregation::masked::{Complaint, MaskedChunk, MaskedEnd, Standing, Unmasking};
use tidegate_mpc::codec::Malformation;
use tidegate_mpc::run::{RunError, sum as channels};
use tidegate_mpc::transport::{Channel, memory_pair};
use tidegate_mpc::{BadElement, Error, Finished, Message, PartyId};

/// The party whose message is altered.
const SENDER: usize = 1;

/// Runs four parties with the one message altered, and requires this one error of the coordinator.
fn breaks(kind: u8, alter: impl FnMut(&mut Vec<u8>), expected: &Error) {
    let stage = Stage::four(1);
    let mut tamper = altering(place(kind, SENDER), alter);
    let wire = stage.play(&mut tamper);
    wire.only_fault(Side::Hub, expected);
    assert_eq!(expected.peer(), Some(&name(SENDER)));
    // Who gave out bad shares has given them out: the vector is part of the total.
    let ended = if kind == kind::UNMASKING { 4 } else { 3 };
    assert_eq!(wire.parties.len(), ended, "three of four are enough");
    let standings = wire.hub.unwrap().standings().to_vec();
    let expected = match kind {
        kind::ROUND_KEYS | kind::SEALED_SHARES => Standing::Absent,
        kind::MASKED_CHUNK | kind::MASKED_END => Standing::LostVector,
        _ => Standing::Survived,
    };
    assert_eq!(standings[SENDER], (name(SENDER), expected));
}

fn out_of_turn(seat: usize, message: &'static str) -> Error {
    Error::OutOfTurn { peer: name(seat), message }
}

fn strangers() -> [(PartyId, Error); 2] {
    ["hub", "party-009"].map(|peer| {
        let peer: PartyId = peer.parse().unwrap();
        (peer.clone(), Error::NotAParty { peer })
    })
}

#[test]
fn mask_13_keys_come_once_and_from_parties() {
    let stage = Stage::four(1);
    let hub = stage.notaries.last().unwrap();
    let keys = |seat: usize| {
        contributor::start(&stage.task, &name(seat), &stage.notaries[seat], &mut stage.rng(seat, 0))
            .unwrap()
            .1
    };
    let mut collecting = CollectingKeys::new(&stage.task);
    collecting.accept(&name(0), keys(0), hub).unwrap();
    assert_eq!(collecting.accept(&name(0), keys(0), hub), Err(out_of_turn(0, "RoundKeys")));
    for (stranger, error) in strangers() {
        assert_eq!(collecting.accept(&stranger, keys(1), hub), Err(error.clone()));
        let started = contributor::start(&stage.task, &stranger, hub, &mut stage.rng(0, 0));
        assert_eq!(started.map(drop).unwrap_err(), error);
    }
}

#[test]
fn mask_13_shares_come_once_and_from_those_who_came() {
    let stage = Stage::four(1);
    let (mut lose, mut pass) = (losing(kind::ROUND_KEYS, &[3]), honest);
    let (mut wire, mut whole) = (Wire::new(&mut lose), Wire::new(&mut pass));
    let (mut collecting, list, mut states) = stage.keys(&mut wire).unwrap();
    let deal = states.remove(&0).unwrap().deal(&list, &stage.notaries[0], &mut stage.rng(0, 1));
    let shares = deal.unwrap().1;
    collecting.accept(&name(0), shares.clone()).unwrap();
    assert_eq!(collecting.accept(&name(0), shares.clone()), Err(out_of_turn(0, "SealedShares")));
    assert_eq!(collecting.accept(&name(3), shares.clone()), Err(out_of_turn(3, "SealedShares")));
    for (stranger, error) in strangers() {
        assert_eq!(collecting.accept(&stranger, shares.clone()), Err(error));
    }
    // Shares for three others, where two others came.
    let (_, list, mut states) = stage.keys(&mut whole).unwrap();
    let deal = states.remove(&1).unwrap().deal(&list, &stage.notaries[1], &mut stage.rng(1, 1));
    let count = Error::Count { peer: name(1), message: "SealedShares", found: 3, expected: 2 };
    assert_eq!(collecting.accept(&name(1), deal.unwrap().1), Err(count));
}

#[test]
fn mask_13_shares_are_as_many_as_the_others() {
    for (found, change) in [(2, -1), (4, 1)] {
        let resize = |list: &mut Vec<Vec<u8>>| match change {
            1 => list.push(list[0].clone()),
            _ => list.truncate(2),
        };
        let count = Error::Count { peer: name(SENDER), message: "SealedShares", found, expected: 3 };
        breaks(kind::SEALED_SHARES, |bytes| relist(bytes, SEALED_SHARES, resize), &count);
    }
    let bad = |cause| Error::BadElement {
        peer: name(SENDER),
        message: "SealedShares",
        index: SENDER as u64,
        cause,
    };
    breaks(kind::SEALED_SHARES, |bytes| bytes[1..33].fill(0), &bad(BadElement::Identity));
    breaks(kind::SEALED_SHARES, |bytes| bytes[1..33].fill(0xff), &bad(BadElement::NotCanonical));
}

#[test]
fn mask_13_vectors_come_once_and_from_dealers() {
    let stage = Stage::four(1);
    let mut lose = losing(kind::SEALED_SHARES, &[3]);
    let mut wire = Wire::new(&mut lose);
    let (collecting, list, states) = stage.keys(&mut wire).unwrap();
    let (mut collecting, _, _) = stage.deal(&mut wire, collecting, &list, states).unwrap();
    assert_eq!(collecting.upload(&name(3)).map(drop), Err(out_of_turn(3, "MaskedChunk")));
    for (stranger, error) in strangers() {
        assert_eq!(collecting.upload(&stranger).map(drop), Err(error.clone()));
        assert_eq!(collecting.complain(&stranger, complaint(0)), Err(error));
    }
    // The same dice make the same vector again.
    let sent = Stage::four(1).play(&mut losing(kind::SEALED_SHARES, &[3])).sent;
    let mut deliver = || {
        let mut upload = collecting.upload(&name(0)).unwrap();
        let [chunk, end] = [kind::MASKED_CHUNK, kind::MASKED_END].map(|kind| &sent[&place(kind, 0)]);
        upload.accept(MaskedChunk::decode(chunk, &name(0)).unwrap()).unwrap();
        collecting.accept(upload.finish(MaskedEnd::decode(end, &name(0)).unwrap()).unwrap())
    };
    assert_eq!(deliver(), Ok(()));
    assert_eq!(deliver(), Err(out_of_turn(0, "MaskedEnd")));
    assert_eq!(collecting.complain(&name(0), complaint(1)), Err(out_of_turn(0, "Complaint")));
}

fn complaint(against: u16) -> Complaint {
    Complaint::decode(&[&[33][..], &against.to_le_bytes()].concat(), &name(0)).unwrap()
}

/// MASK-13: a complaint is about another dealer, and comes once, of a dealer that sends nothing else.
#[test]
fn mask_13_complaints_name_another_dealer_once() {
    let stage = Stage::four(1);
    let mut lose = losing(kind::SEALED_SHARES, &[3]);
    let mut wire = Wire::new(&mut lose);
    let (collecting, list, states) = stage.keys(&mut wire).unwrap();
    let (mut collecting, _, _) = stage.deal(&mut wire, collecting, &list, states).unwrap();
    let malformed = Error::Malformed {
        peer: name(0),
        message: "Complaint",
        cause: Malformation::Field { field: "against" },
    };
    for against in [0, 3, 4, u16::MAX] {
        assert_eq!(collecting.complain(&name(0), complaint(against)), Err(malformed.clone()), "{against}");
    }
    collecting.complain(&name(0), complaint(1)).unwrap();
    assert_eq!(collecting.complain(&name(0), complaint(2)), Err(out_of_turn(0, "Complaint")));
    assert_eq!(collecting.complain(&name(3), complaint(2)), Err(out_of_turn(3, "Complaint")));
    assert_eq!(collecting.complaints(), [(name(0), name(1))]);
}

#[test]
fn mask_13_consents_and_answers_come_once_and_from_survivors() {
    let stage = Stage::new(sum::terms(5, 5, (-9, 9)), 1);
    let hub = stage.notaries.last().unwrap();
    let mut lose = losing(kind::MASKED_CHUNK, &[4]);
    let mut wire = Wire::new(&mut lose);
    let (collecting, list, states) = stage.keys(&mut wire).unwrap();
    let (collecting, bundles, states) = stage.deal(&mut wire, collecting, &list, states).unwrap();
    let (mut collecting, survivors, mut states) =
        stage.mask(&mut wire, collecting, &bundles, states).unwrap();
    let mut waiting = std::collections::BTreeMap::new();
    for seat in 0..4 {
        let state = states.remove(&seat).unwrap();
        let (state, consent) = state.confirm(&survivors, &stage.notaries[seat]).unwrap();
        waiting.insert(seat, state);
        collecting.accept(&name(seat), consent.clone(), hub).unwrap();
        assert_eq!(collecting.accept(&name(seat), consent.clone(), hub), Err(out_of_turn(seat, "Consent")));
        assert_eq!(collecting.accept(&name(4), consent.clone(), hub), Err(out_of_turn(4, "Consent")));
        for (stranger, error) in strangers() {
            assert_eq!(collecting.accept(&stranger, consent.clone(), hub), Err(error));
        }
    }
    let (mut collecting, consents) = collecting.close().unwrap();
    let mut record = sum::Record::default();
    let state = waiting.remove(&0).unwrap();
    let (_, unmasking) = state.answer(&consents, &stage.notaries[0], &mut record).unwrap();
    let bytes = unmasking.encode();
    let again = || Unmasking::decode(&bytes, &name(0)).unwrap();
    collecting.accept(&name(0), unmasking).unwrap();
    assert_eq!(collecting.accept(&name(0), again()), Err(out_of_turn(0, "Unmasking")));
    assert_eq!(collecting.accept(&name(4), again()), Err(out_of_turn(4, "Unmasking")));
    for (stranger, error) in strangers() {
        assert_eq!(collecting.accept(&stranger, again()), Err(error));
    }
    // Those of another survivor are not its own.
    assert_eq!(collecting.accept(&name(1), again()), Err(Error::BadShare { peer: name(1) }));
}

#[test]
fn mask_13_answers_hold_a_share_of_each_dealer() {
    let count = |found, expected| Error::Count { peer: name(SENDER), message: "Unmasking", found, expected };
    breaks(kind::UNMASKING, |bytes| relist(bytes, SEEDS, |list| drop(list.pop())), &count(3, 4));
    breaks(kind::UNMASKING, |bytes| relist(bytes, SEEDS, |list| list.push(vec![1; 32])), &count(5, 4));
    // A mask key's share, where everyone survived.
    let extra = |bytes: &mut Vec<u8>| {
        let end = bytes.len() - 2;
        bytes[end] = 1;
        bytes.extend([1; 32]);
    };
    breaks(kind::UNMASKING, extra, &count(1, 0));
}

#[test]
fn mask_14_keys_are_signed_by_who_sends_them() {
    let unsigned = Error::BadSignature { peer: name(SENDER), signer: name(SENDER), message: "RoundKeys" };
    for byte in [1, 33, 65, 97, 160] {
        breaks(kind::ROUND_KEYS, |bytes| bytes[byte] ^= 1, &unsigned);
    }
    let stage = Stage::four(1);
    for (signer, seat) in [(0, SENDER), (SENDER, 0)] {
        let sign = |bytes: &mut Vec<u8>| sign_keys(&stage, signer, seat, &mut bytes[1..]);
        breaks(kind::ROUND_KEYS, sign, &unsigned);
    }
    // Another party's keys as they are.
    let mut first = Vec::new();
    let mut copy = |at: Place, bytes: Vec<u8>| match (at.kind, at.seat) {
        (kind::ROUND_KEYS, 0) => {
            first.clone_from(&bytes);
            Some(bytes)
        }
        (kind::ROUND_KEYS, SENDER) => Some(first.clone()),
        _ => Some(bytes),
    };
    stage.play(&mut copy).only_fault(Side::Hub, &unsigned);
}

/// Has the party sign keys that hold other bytes from `at` on.
fn breaks_keys(at: usize, key: [u8; 32], expected: &Error) {
    let stage = Stage::four(1);
    let change = |bytes: &mut Vec<u8>| {
        bytes[at..][..32].copy_from_slice(&key);
        sign_keys(&stage, SENDER, SENDER, &mut bytes[1..]);
    };
    breaks(kind::ROUND_KEYS, change, expected);
}

#[test]
fn mask_14_keys_are_elements_and_differ() {
    let bad = |cause| Error::BadElement { peer: name(SENDER), message: "RoundKeys", index: 1, cause };
    let shared = Error::SharedKey { peer: name(SENDER) };
    let sent = Stage::four(1).play(&mut honest).sent;
    let key = |seat, at: usize| sent[&place(kind::ROUND_KEYS, seat)][at..][..32].try_into().unwrap();
    for at in [1, 33] {
        breaks_keys(at, [0; 32], &bad(BadElement::Identity));
        breaks_keys(at, [0xff; 32], &bad(BadElement::NotCanonical));
        // Either key of the party before it, and the own other one.
        breaks_keys(at, key(0, 1), &shared);
        breaks_keys(at, key(0, 33), &shared);
        breaks_keys(at, key(SENDER, 34 - at), &shared);
    }
}

#[test]
fn mask_14_consents_are_to_the_list_that_was_sent() {
    let unsigned = Error::BadSignature { peer: name(SENDER), signer: name(SENDER), message: "Consent" };
    for byte in [1, 33, 64] {
        breaks(kind::CONSENT, |bytes| bytes[byte] ^= 1, &unsigned);
    }
    let others = Stage::four(1).play(&mut honest).sent[&place(kind::CONSENT, 0)].clone();
    breaks(kind::CONSENT, |bytes| bytes.clone_from(&others), &unsigned);
}

#[test]
fn mask_15_every_step_needs_enough_parties() {
    for (from, step) in [
        (kind::ROUND_KEYS, "came"),
        (kind::SEALED_SHARES, "dealt shares"),
        (kind::MASKED_CHUNK, "survived"),
        (kind::MASKED_END, "survived"),
        (kind::CONSENT, "confirmed the survivors"),
        (kind::UNMASKING, "gave out their shares"),
    ] {
        let stage = Stage::four(1);
        let wire_faults = stage.play(&mut losing(from, &[0, 3])).faults;
        assert_eq!(wire_faults, [(Side::Hub, Error::TooFewParties { found: 2, needed: 3, step })]);
        let stage = Stage::four(1);
        let mut one = losing(from, &[0]);
        let wire = stage.play(&mut one);
        assert_eq!((wire.faults.len(), wire.hub.is_some()), (0, true), "{step}: three are enough");
    }
}

#[test]
fn mask_9_a_vector_comes_in_the_agreed_chunks() {
    let count = |message, found, expected| Error::Count { peer: name(SENDER), message, found, expected };
    breaks(kind::MASKED_CHUNK, |bytes| bytes.truncate(20), &count("MaskedChunk", 19, 20));
    breaks(kind::MASKED_CHUNK, |bytes| bytes.push(0), &count("MaskedChunk", 21, 20));
    breaks(kind::MASKED_CHUNK, |bytes| bytes.truncate(1), &count("MaskedChunk", 0, 20));
    let stage = Stage::four(1);
    let sent = Stage::four(1).play(&mut honest).sent;
    let mut pass = honest;
    let mut wire = Wire::new(&mut pass);
    let (collecting, list, states) = stage.keys(&mut wire).unwrap();
    let (collecting, _, _) = stage.deal(&mut wire, collecting, &list, states).unwrap();
    let early = collecting.upload(&name(SENDER)).unwrap();
    let end = MaskedEnd::decode(&sent[&place(kind::MASKED_END, SENDER)], &name(SENDER)).unwrap();
    assert_eq!(early.finish(end).map(drop), Err(count("MaskedEnd", 0, 20)));
    let mut twice = collecting.upload(&name(SENDER)).unwrap();
    let chunk = || MaskedChunk::decode(&sent[&place(kind::MASKED_CHUNK, SENDER)], &name(SENDER)).unwrap();
    twice.accept(chunk()).unwrap();
    assert_eq!(twice.accept(chunk()), Err(count("MaskedChunk", 20, 0)));
}

#[test]
fn mask_16_the_root_is_that_of_the_words_that_came() {
    let other = Error::Transcript { peer: name(SENDER) };
    for byte in 1..=20 {
        breaks(kind::MASKED_CHUNK, |bytes| bytes[byte] ^= 0x80, &other);
    }
    for byte in [1, 32] {
        breaks(kind::MASKED_END, |bytes| bytes[byte] ^= 1, &other);
    }
    // Another party's words with their root: it is bound to the seat.
    let sent = Stage::four(1).play(&mut honest).sent;
    let stage = Stage::four(1);
    let mut copy = |at: Place, bytes: Vec<u8>| match at {
        Place { kind: kind::MASKED_CHUNK | kind::MASKED_END, seat: SENDER, .. } => {
            Some(sent[&place(at.kind, 0)].clone())
        }
        _ => Some(bytes),
    };
    stage.play(&mut copy).only_fault(Side::Hub, &other);
}

#[test]
fn mask_16_a_tag_is_below_the_modulus() {
    let cause = Malformation::Field { field: "tag" };
    let malformed = Error::Malformed { peer: name(SENDER), message: "MaskedEnd", cause };
    breaks(kind::MASKED_END, |bytes| bytes[65..73].fill(0xff), &malformed);
    // The modulus itself, a second encoding of zero.
    let modulus = ((1u64 << 61) - 1).to_le_bytes();
    breaks(kind::MASKED_END, |bytes| bytes[65..73].copy_from_slice(&modulus), &malformed);
}

#[test]
fn mask_17_who_returns_other_shares_than_were_dealt_is_named() {
    let bad = Error::BadShare { peer: name(SENDER) };
    for share in 0..4 {
        for byte in [0, 31] {
            let alter = |list: &mut Vec<Vec<u8>>| list[share][byte] ^= 1;
            breaks(kind::UNMASKING, |bytes| relist(bytes, SEEDS, alter), &bad);
        }
    }
    breaks(kind::UNMASKING, |bytes| relist(bytes, SEEDS, |list| list.swap(0, 2)), &bad);
    // The share of a lost party's mask key.
    let stage = Stage::new(sum::terms(5, 5, (-9, 9)), 1);
    let mut lose = losing(kind::MASKED_CHUNK, &[4]);
    let mut tamper = |at: Place, mut bytes: Vec<u8>| {
        if at == place(kind::UNMASKING, SENDER) {
            *bytes.last_mut().unwrap() ^= 1;
        }
        lose(at, bytes)
    };
    let wire = stage.play(&mut tamper);
    let few = Error::TooFewParties { found: 3, needed: 4, step: "gave out their shares" };
    assert_eq!(wire.faults, [(Side::Hub, bad), (Side::Hub, few)]);
}

/// Runs a sum of five with a dealer of shares that are committed to and do not fit together; one party is lost.
fn dealt(lost: usize, change: impl Fn(&mut Dealt)) -> Vec<(Side, Error)> {
    let stage = Stage::new(sum::terms(5, 5, (-9, 9)), 1);
    let dealer = Dealer::new(&stage, 2);
    let (mut deal, mut lose) = (dealer.dealing_again(change), losing(kind::MASKED_CHUNK, &[lost]));
    let mut tamper = |at: Place, bytes: Vec<u8>| deal(at, bytes).and_then(|bytes| lose(at, bytes));
    let wire = stage.play(&mut tamper);
    assert!(wire.hub.is_none() && wire.parties.is_empty());
    wire.faults
}

#[test]
fn mask_18_a_dealer_of_shares_that_do_not_fit_together_is_named() {
    let culprit = [(Side::Hub, Error::BadDealing { peer: name(2) })];
    let lies: [fn(&mut [u8; 32]); 3] =
        [|share| share[0] ^= 1, |share| *share = [0xff; 32], |share| share.fill(0)];
    for lie in lies {
        let faults = dealt(4, |dealt| {
            if dealt.seat == 1 {
                lie(&mut dealt.shares[1])
            }
        });
        assert_eq!(faults, culprit, "the seed of a survivor");
        let faults = dealt(2, |dealt| {
            if dealt.seat == 1 {
                lie(&mut dealt.shares[0])
            }
        });
        assert_eq!(faults, culprit, "the mask key of a lost party");
    }
    // Shares of another secret altogether, which do fit together.
    let faults = dealt(4, |dealt| dealt.shares[1] = [&[5][..], &[0; 31]].concat().try_into().unwrap());
    assert_eq!(faults, culprit);
}

/// MASK-19: a receipt for another total, over a channel.
#[test]
fn mask_19_a_receipt_is_for_the_total_that_was_sent() {
    let stage = Stage::four(1);
    let mut pass = honest;
    let mut wire = Wire::new(&mut pass);
    let (collecting, list, states) = stage.keys(&mut wire).unwrap();
    let (collecting, bundles, states) = stage.deal(&mut wire, collecting, &list, states).unwrap();
    let (collecting, survivors, states) = stage.mask(&mut wire, collecting, &bundles, states).unwrap();
    let (collecting, consents, states) = stage.confirm(&mut wire, collecting, &survivors, states).unwrap();
    let (total, _) = stage.answer(&mut wire, collecting, &consents, states).unwrap();
    let (mut hub, mut party) = memory_pair();
    let receipt = Finished::decode(&[&[7][..], &[9; 32]].concat(), &name(0)).unwrap();
    party.send(&receipt.encode()).unwrap();
    let sent = channels::send_total(&total, &mut hub, &name(0));
    let Err(RunError::Protocol(error)) = sent else { panic!("{sent:?}") };
    assert_eq!(error, Error::Transcript { peer: name(0) });
}
