//! Each check of a party of a masked sum, broken by itself: the exact error, whom it blames, and that everyone else
//! either ends with the right sum or with none.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

#[path = "common/dealer.rs"]
mod dealer;
#[path = "common/stage.rs"]
mod stage;
#[path = "common/sum.rs"]
mod sum;

use dealer::{Dealer, Dealt, session_id, sign_keys, survivors_text};
use stage::{
    CONSENTS, DEALERS, KEY_LIST, Place, SHARE_BUNDLE, Side, Stage, Wire, altering, four_terms, honest, kind,
    losing, place, relist, survivors_of,
};
use sum::{name, terms};
use tidegate_mpc::aggregation::masked::{
    AnswerOnce, Answered, Identities, MAX_LEN, Opening, SumTerms, Task, Values,
};
use tidegate_mpc::{BadElement, Error};

/// The party that a message is altered for.
const REACHED: usize = 1;

/// Runs four parties with the one message altered, and requires this one error of the party that it reaches.
fn breaks(kind: u8, alter: impl FnMut(&mut Vec<u8>), expected: &Error) {
    breaks_on(&Stage::four(1), kind, alter, expected);
}

fn breaks_on(stage: &Stage, kind: u8, alter: impl FnMut(&mut Vec<u8>), expected: &Error) {
    let mut tamper = altering(place(kind, REACHED), alter);
    let wire = stage.play(&mut tamper);
    wire.only_fault(Side::Party(REACHED), expected);
    assert!(!wire.parties.contains_key(&REACHED));
    if kind < kind::TOTAL_CHUNK {
        assert!(!wire.answered.contains(&REACHED), "shares are given out in spite of {expected}");
    }
    assert_eq!(wire.parties.len(), 3, "three of four are enough");
}

fn hub() -> tidegate_mpc::PartyId {
    "hub".parse().unwrap()
}

fn too_few(found: usize, step: &'static str) -> Error {
    Error::TooFewParties { found, needed: 3, step }
}

fn unlikely(rule: &'static str) -> Error {
    Error::BadSurvivors { peer: hub(), rule }
}

const IN_ORDER: &str = "seats are named in order, each once";

// MASK-1
#[test]
fn mask_1_terms_that_protect_nobody_make_no_task() {
    type Change = fn(&mut SumTerms);
    let broken: [(&str, Change); 13] = [
        ("names each party once", |terms| terms.parties[1] = terms.parties[0].clone()),
        ("has 2 to 100 parties", |terms| terms.parties.truncate(1)),
        ("has 2 to 100 parties", |terms| terms.parties = (0..101).map(name).collect()),
        ("has a threshold between 2 and its number of parties", |terms| terms.threshold = 1),
        ("has a threshold between 2 and its number of parties", |terms| terms.threshold = 5),
        ("has a minimum between its threshold and its number of parties", |terms| terms.minimum = 2),
        ("has a minimum between its threshold and its number of parties", |terms| terms.minimum = 5),
        (
            "has a minimum of 3 parties at least, or noise: of the sum of two each sees the other's part",
            |terms| {
                terms.parties.truncate(3);
                (terms.threshold, terms.minimum) = (2, 2);
            },
        ),
        (
            "has a threshold of more than half of its parties, and one more where a party coordinates",
            |terms| (terms.threshold, terms.minimum) = (2, 3),
        ),
        // A coordinator that is a party signs both of two lists.
        (
            "has a threshold of more than half of its parties, and one more where a party coordinates",
            |terms| {
                (terms.parties, terms.coordinator) = ((0..5).map(name).collect(), name(0));
                (terms.threshold, terms.minimum) = (3, 3);
            },
        ),
        ("has 1 to 2^27 words", |terms| terms.len = 0),
        ("has 1 to 2^27 words", |terms| terms.len = MAX_LEN + 1),
        ("has a lower bound that is not above the upper one", |terms| terms.bounds = (1, 0)),
    ];
    for (rule, change) in broken {
        let mut terms = four_terms();
        change(&mut terms);
        assert_eq!(Task::new(terms).unwrap_err(), Error::Sum { rule });
    }
    for bounds in [(i128::MIN, 0), (0, i128::MAX), (-(1 << 125), 0)] {
        let terms = SumTerms { bounds, ..four_terms() };
        assert_eq!(Task::new(terms).unwrap_err(), Error::SumOverflow { parties: 4 }, "{bounds:?}");
    }
    let largest = SumTerms { bounds: (-(1 << 125) + 1, 0), ..four_terms() };
    assert!(Task::new(largest).is_ok(), "the largest sum that fits");
}

/// MASK-1: two parties are a sum where their vectors carry noise.
#[test]
fn mask_1_two_parties_need_noise() {
    assert!(Task::new(terms(2, 1, (0, 1))).is_ok());
    let plain = SumTerms { noisy: false, ..terms(2, 1, (0, 1)) };
    assert!(matches!(Task::new(plain), Err(Error::Sum { .. })));
}

#[test]
fn mask_2_vectors_of_another_length_or_beyond_the_bounds_are_not_masked() {
    let task = Task::new(four_terms()).unwrap();
    for found in [0, 4, 6] {
        let short = Err(Error::VectorLength { found, expected: 5 });
        assert_eq!(task.admit(Values::Narrow(&vec![0; found])).map(drop), short);
        assert_eq!(task.admit(Values::Wide(&vec![0; found])).map(drop), short);
    }
    let outside = [10, -10, 9, i64::MIN, i64::MAX];
    assert_eq!(task.admit(Values::Narrow(&outside)).map(drop), Err(Error::OutOfRange { count: 4 }));
    let outside = outside.map(i128::from);
    assert_eq!(task.admit(Values::Wide(&outside)).map(drop), Err(Error::OutOfRange { count: 4 }));
    assert!(task.admit(Values::Narrow(&[9, -9, 0, 1, 2])).is_ok());
    assert!(task.admit(Values::Wide(&[9, -9, 0, 1, 2])).is_ok());
}

/// MASK-2: values of 64 bits against bounds that 64 bits do not hold.
#[test]
fn mask_2_bounds_beyond_64_bits_hold_for_short_values() {
    let extremes = [i64::MIN, -1, 0, 1, i64::MAX];
    let wide = extremes.map(i128::from);
    let (least, greatest) = (i128::from(i64::MIN), i128::from(i64::MAX));
    for bounds in [
        (least - 1, greatest + 1),
        (greatest + 1, greatest + 5),
        (least - 5, least - 1),
        (0, greatest + 1),
        (least - 1, 0),
        (least, greatest),
        (greatest, greatest + 1),
    ] {
        let task = Task::new(SumTerms { bounds, ..four_terms() }).unwrap();
        let count = wide.iter().filter(|value| !(bounds.0..=bounds.1).contains(value)).count();
        let expected = if count == 0 { Ok(()) } else { Err(Error::OutOfRange { count }) };
        assert_eq!(task.admit(Values::Narrow(&extremes)).map(drop), expected, "{bounds:?}");
        assert_eq!(task.admit(Values::Wide(&wide)).map(drop), expected, "{bounds:?}");
    }
}

#[test]
fn mask_3_seats_are_named_in_order_each_once() {
    for (kind, layout) in [
        (kind::KEY_LIST, KEY_LIST),
        (kind::SHARE_BUNDLE, SHARE_BUNDLE),
        (kind::SURVIVORS, survivors_of(4)),
        (kind::CONSENTS, CONSENTS),
    ] {
        breaks(kind, |bytes| relist(bytes, layout, |list| list.swap(0, 1)), &unlikely(IN_ORDER));
        breaks(
            kind,
            |bytes| relist(bytes, layout, |list| list.insert(1, list[0].clone())),
            &unlikely(IN_ORDER),
        );
        for seat in [4, 255] {
            let outside = |list: &mut Vec<Vec<u8>>| list.last_mut().unwrap()[0] = seat;
            breaks(kind, |bytes| relist(bytes, layout, outside), &unlikely(IN_ORDER));
        }
    }
}

#[test]
fn mask_3_a_list_without_the_own_keys_is_refused() {
    let expected = Error::OtherKeys { peer: hub() };
    for byte in [2, 34, 66, 98, 161] {
        breaks(kind::KEY_LIST, |bytes| relist(bytes, KEY_LIST, |list| list[REACHED][byte] ^= 1), &expected);
    }
    breaks(kind::KEY_LIST, |bytes| relist(bytes, KEY_LIST, |list| drop(list.remove(REACHED))), &expected);
}

#[test]
fn mask_3_everyone_signed_its_own_keys() {
    let unsigned =
        |signer: usize| Error::BadSignature { peer: hub(), signer: name(signer), message: "KeyList" };
    for byte in [2, 34, 66, 98, 161] {
        breaks(kind::KEY_LIST, |bytes| relist(bytes, KEY_LIST, |list| list[2][byte] ^= 1), &unsigned(2));
    }
    // Signed, but by another party, or for another seat.
    let stage = Stage::four(1);
    for (signer, seat) in [(3, 2), (2, 3)] {
        let sign = |list: &mut Vec<Vec<u8>>| sign_keys(&stage, signer, seat, &mut list[2][2..]);
        breaks(kind::KEY_LIST, |bytes| relist(bytes, KEY_LIST, sign), &unsigned(2));
    }
}

#[test]
fn mask_4_fewer_than_the_minimum_are_not_dealt_to() {
    breaks(kind::KEY_LIST, |bytes| relist(bytes, KEY_LIST, |list| list.truncate(2)), &too_few(2, "came"));
}

/// Has party 2 sign keys that hold `key` at a byte of its entry.
fn breaks_keys(key: impl Fn(&[Vec<u8>]) -> Vec<u8>, at: usize, expected: &Error) {
    let stage = Stage::four(1);
    let change = |list: &mut Vec<Vec<u8>>| {
        let key = key(list);
        list[2][at..][..32].copy_from_slice(&key);
        sign_keys(&stage, 2, 2, &mut list[2][2..]);
    };
    breaks(kind::KEY_LIST, |bytes| relist(bytes, KEY_LIST, change), expected);
}

#[test]
fn mask_5_keys_are_elements() {
    let bad = |cause| Error::BadElement { peer: name(2), message: "RoundKeys", index: 2, cause };
    for at in [2, 34] {
        breaks_keys(|_| vec![0; 32], at, &bad(BadElement::Identity));
        breaks_keys(|_| vec![0xff; 32], at, &bad(BadElement::NotCanonical));
        // A negative field element, which no encoding is.
        breaks_keys(|_| [&[1][..], &[0; 31]].concat(), at, &bad(BadElement::NotCanonical));
    }
}

/// MASK-5: a party whose key is another's could have that party's masks taken off in its own name.
#[test]
fn mask_5_reflected_keys_are_refused() {
    let shared = Error::SharedKey { peer: name(2) };
    for at in [2, 34] {
        for (whose, from) in [(REACHED, 2), (REACHED, 34), (0, 2), (0, 34)] {
            breaks_keys(|list| list[whose][from..][..32].to_vec(), at, &shared);
        }
    }
}

/// MASK-5: one key for both purposes.
#[test]
fn mask_5_the_two_keys_of_a_party_differ() {
    breaks_keys(|list| list[2][2..34].to_vec(), 34, &Error::SharedKey { peer: name(2) });
}

/// Five parties of which the last does not come, or does not deal.
fn without_the_fifth(from: u8) -> impl FnMut(Place, Vec<u8>) -> Option<Vec<u8>> {
    losing(from, &[4])
}

fn five() -> Stage {
    Stage::new(SumTerms { threshold: 3, minimum: 3, noisy: false, ..terms(5, 5, (-9, 9)) }, 1)
}

/// Alters a message to the party that is looked at, in a run without the fifth party from a step on.
fn breaks_without_the_fifth(from: u8, kind: u8, mut alter: impl FnMut(&mut Vec<u8>), expected: &Error) {
    let stage = five();
    let mut lose = without_the_fifth(from);
    let mut tamper = |at: Place, mut bytes: Vec<u8>| {
        if at == place(kind, REACHED) {
            alter(&mut bytes);
        }
        lose(at, bytes)
    };
    let wire = stage.play(&mut tamper);
    wire.only_fault(Side::Party(REACHED), expected);
    assert_eq!(wire.parties.len(), 3);
}

#[test]
fn mask_6_only_those_deal_who_came() {
    let rule = unlikely("only those deal who sent keys");
    let fifth = |list: &mut Vec<Vec<u8>>| list.last_mut().unwrap()[0] = 4;
    let deals = |bytes: &mut Vec<u8>| relist(bytes, SHARE_BUNDLE, fifth);
    breaks_without_the_fifth(kind::ROUND_KEYS, kind::SHARE_BUNDLE, deals, &rule);
    // The own shares do not come from others.
    let own = |list: &mut Vec<Vec<u8>>| list[1][0] = u8::try_from(REACHED).unwrap();
    breaks(kind::SHARE_BUNDLE, |bytes| relist(bytes, SHARE_BUNDLE, own), &rule);
}

#[test]
fn mask_6_fewer_than_the_minimum_are_not_sent_to() {
    let alone = |bytes: &mut Vec<u8>| relist(bytes, SHARE_BUNDLE, |list| list.truncate(1));
    breaks(kind::SHARE_BUNDLE, alone, &too_few(2, "dealt shares"));
}

#[test]
fn mask_7_every_byte_of_a_dealing_is_bound() {
    let bad = Error::BadShare { peer: name(2) };
    // The seed's key, the group's part, either commitment, the sealed shares, their tag.
    for byte in [2, 34, 66, 98, 130, 225, 226, 241] {
        breaks(kind::SHARE_BUNDLE, |bytes| relist(bytes, SHARE_BUNDLE, |list| list[1][byte] ^= 1), &bad);
    }
}

#[test]
fn mask_7_shares_for_or_of_another_do_not_open() {
    let bad = Error::BadShare { peer: name(0) };
    let other = |list: &mut Vec<Vec<u8>>| {
        let (first, second) = (list[0][2..].to_vec(), list[1][2..].to_vec());
        list[0][2..].copy_from_slice(&second);
        list[1][2..].copy_from_slice(&first);
    };
    breaks(kind::SHARE_BUNDLE, |bytes| relist(bytes, SHARE_BUNDLE, other), &bad);
    let stage = Stage::four(1);
    let sent = stage.play(&mut honest).sent;
    let for_another = sent[&place(kind::SHARE_BUNDLE, 3)][5..245].to_vec();
    breaks(kind::SHARE_BUNDLE, |bytes| bytes[5..245].copy_from_slice(&for_another), &bad);
}

#[test]
fn mask_7_a_dealer_of_shares_that_are_not_committed_to_is_named() {
    let lies: [fn(&mut Dealt); 2] = [|dealt| dealt.belied = true, |dealt| dealt.shares[2][0] ^= 1];
    for lie in lies {
        let stage = Stage::four(1);
        let dealer = Dealer::new(&stage, 2);
        let mut tamper = dealer.dealing_again(|dealt| {
            if usize::from(dealt.seat) == REACHED {
                lie(dealt);
            }
        });
        let wire = stage.play(&mut tamper);
        wire.only_fault(Side::Party(REACHED), &Error::BadShare { peer: name(2) });
        assert_eq!(wire.complaints, [(name(REACHED), name(2))]);
        assert_eq!(wire.parties.len(), 3);
    }
}

#[test]
fn mask_8_the_dealers_are_those_who_dealt() {
    let rule = unlikely("those who dealt shares are as this party knows them");
    breaks(kind::SURVIVORS, |bytes| relist(bytes, DEALERS, |list| drop(list.pop())), &rule);
    breaks(kind::SURVIVORS, |bytes| relist(bytes, DEALERS, |list| list.push(vec![4, 0])), &rule);
    breaks(kind::SURVIVORS, |bytes| relist(bytes, DEALERS, |list| list.swap(0, 3)), &rule);
}

#[test]
fn mask_8_only_dealers_survive() {
    let fifth = |list: &mut Vec<Vec<u8>>| list.last_mut().unwrap()[0] = 4;
    let survives = |bytes: &mut Vec<u8>| relist(bytes, survivors_of(4), fifth);
    let rule = unlikely("only those survive who dealt shares");
    breaks_without_the_fifth(kind::SEALED_SHARES, kind::SURVIVORS, survives, &rule);
}

#[test]
fn mask_8_the_own_vector_is_as_it_was_sent() {
    let rule = unlikely("this party sent what it sent");
    // Root, commitment, tag.
    for byte in [2, 34, 66, 73] {
        let alter = |list: &mut Vec<Vec<u8>>| list[REACHED][byte] ^= 1;
        breaks(kind::SURVIVORS, |bytes| relist(bytes, survivors_of(4), alter), &rule);
    }
    let without = |list: &mut Vec<Vec<u8>>| drop(list.remove(REACHED));
    breaks(kind::SURVIVORS, |bytes| relist(bytes, survivors_of(4), without), &rule);
}

#[test]
fn mask_8_fewer_survivors_than_the_minimum_are_not_confirmed() {
    for left in [1, 2] {
        let few = |list: &mut Vec<Vec<u8>>| list.drain(..).skip(2 - left).take(left).collect();
        let few = |list: &mut Vec<Vec<u8>>| *list = few(list);
        let survive = |bytes: &mut Vec<u8>| relist(bytes, survivors_of(4), few);
        breaks(kind::SURVIVORS, survive, &too_few(left, "survived"));
    }
}

#[test]
fn mask_9_a_total_comes_in_the_agreed_chunks() {
    let count = |message, found, expected| Error::Count { peer: hub(), message, found, expected };
    breaks(kind::TOTAL_CHUNK, |bytes| bytes.truncate(20), &count("TotalChunk", 19, 20));
    breaks(kind::TOTAL_CHUNK, |bytes| bytes.push(0), &count("TotalChunk", 21, 20));
    breaks(kind::TOTAL_CHUNK, |bytes| bytes.truncate(1), &count("TotalChunk", 0, 20));
    let (stage, tamper) = (Stage::four(1), &mut honest);
    let mut wire = Wire::new(tamper);
    let (total, mut states) = until_the_total(&stage, &mut wire);
    let chunk = || total.chunks().next().unwrap();
    let early = states.remove(&0).unwrap().close(total.end());
    assert_eq!(early.unwrap_err(), count("TotalEnd", 0, 20));
    let mut twice = states.remove(&1).unwrap();
    twice.accept(chunk()).unwrap();
    assert_eq!(twice.accept(chunk()).unwrap_err(), count("TotalChunk", 20, 0));
}

type Totals<'t> =
    std::collections::BTreeMap<usize, tidegate_mpc::aggregation::masked::contributor::AwaitingTotal<'t>>;

fn until_the_total<'t>(
    stage: &'t Stage,
    wire: &mut Wire<'_>,
) -> (tidegate_mpc::aggregation::masked::coordinator::Total, Totals<'t>) {
    let (collecting, list, states) = stage.keys(wire).unwrap();
    let (collecting, bundles, states) = stage.deal(wire, collecting, &list, states).unwrap();
    let (collecting, survivors, states) = stage.mask(wire, collecting, &bundles, states).unwrap();
    let (collecting, consents, states) = stage.confirm(wire, collecting, &survivors, states).unwrap();
    stage.answer(wire, collecting, &consents, states).unwrap()
}

#[test]
fn mask_10_as_many_as_the_threshold_signed_the_own_list() {
    let no_consent = |found| Error::NoConsent { peer: hub(), found, needed: 3 };
    for left in [0, 2] {
        let few = |bytes: &mut Vec<u8>| relist(bytes, CONSENTS, |list| list.truncate(left));
        breaks(kind::CONSENTS, few, &no_consent(left));
    }
    let forge = |bytes: &mut Vec<u8>| {
        relist(bytes, CONSENTS, |list| list.iter_mut().skip(2).for_each(|entry| entry[2] ^= 1));
    };
    breaks(kind::CONSENTS, forge, &no_consent(2));
    // One signature for all.
    let copy = |list: &mut Vec<Vec<u8>>| {
        let first = list[0][2..].to_vec();
        list.iter_mut().for_each(|entry| entry[2..].copy_from_slice(&first));
    };
    breaks(kind::CONSENTS, |bytes| relist(bytes, CONSENTS, copy), &no_consent(1));
}

/// MASK-10: one bad signature of four leaves enough.
#[test]
fn mask_10_signatures_beyond_the_threshold_may_be_bad() {
    let forge = |bytes: &mut Vec<u8>| relist(bytes, CONSENTS, |list| list[3][2] ^= 1);
    let wire_faults = Stage::four(1).play(&mut altering(place(kind::CONSENTS, REACHED), forge)).faults;
    assert_eq!(wire_faults, []);
}

#[test]
fn mask_10_those_who_did_not_survive_do_not_count() {
    let stage = Stage::four(1);
    let mut list = Vec::new();
    let mut survivors = Vec::new();
    let mut lose = losing(kind::MASKED_CHUNK, &[3]);
    let mut tamper = |at: Place, mut bytes: Vec<u8>| {
        match at.kind {
            kind::KEY_LIST => list.clone_from(&bytes),
            kind::SURVIVORS => survivors.clone_from(&bytes),
            kind::CONSENTS if at.seat == REACHED => {
                let text = survivors_text(&session_id(&stage, &list), &survivors);
                relist(&mut bytes, CONSENTS, |list| {
                    list[2] = [&[3, 0][..], &stage.notaries[3].sign(&text)].concat();
                });
            }
            _ => {}
        }
        lose(at, bytes)
    };
    let wire = stage.play(&mut tamper);
    let expected = (Side::Party(REACHED), Error::NoConsent { peer: hub(), found: 2, needed: 3 });
    assert_eq!(wire.faults[0], expected);
    assert_eq!(wire.answered.into_iter().collect::<Vec<_>>(), [0, 2]);
}

#[test]
fn mask_11_a_session_is_answered_once() {
    let stage = Stage::four(1);
    let (mut once, mut again) = (honest, honest);
    let first = stage.play(&mut once);
    assert_eq!((first.parties.len(), first.faults.len()), (4, 0));
    // The same dice give the same session, as in a party restored from a copy of its memory.
    let second = stage.play(&mut again);
    assert!(second.answered.is_empty() && second.hub.is_none());
    let refused = (0..4).map(|seat| (Side::Party(seat), Error::AnsweredBefore));
    let end = (Side::Hub, too_few(0, "gave out their shares"));
    assert_eq!(second.faults, refused.chain([end]).collect::<Vec<_>>());
    assert_eq!(second.sent[&place(kind::KEY_LIST, 0)], first.sent[&place(kind::KEY_LIST, 0)]);
}

/// MASK-11: where nothing can be noted, nothing is answered.
#[test]
fn mask_11_a_record_that_cannot_be_kept_keeps_the_shares_back() {
    struct Full;
    impl AnswerOnce for Full {
        fn keep(&mut self, _: &Opening) -> Result<(), Answered> {
            Ok(())
        }

        fn note(&mut self, _: &[u8; 32]) -> Result<(), Answered> {
            Err(Answered)
        }
    }
    let (stage, tamper) = (Stage::four(1), &mut honest);
    let mut wire = Wire::new(tamper);
    let (collecting, list, states) = stage.keys(&mut wire).unwrap();
    let (collecting, bundles, states) = stage.deal(&mut wire, collecting, &list, states).unwrap();
    let (collecting, survivors, states) = stage.mask(&mut wire, collecting, &bundles, states).unwrap();
    let (_, consents, mut states) = stage.confirm(&mut wire, collecting, &survivors, states).unwrap();
    let answer = states.remove(&0).unwrap().answer(&consents, &stage.notaries[0], &mut Full);
    assert_eq!(answer.map(drop).unwrap_err(), Error::AnsweredBefore);
}

#[test]
fn mask_12_an_altered_total_is_refused() {
    let altered = Error::AlteredTotal { peer: hub() };
    for byte in 1..=20 {
        for bit in [1, 0x80] {
            breaks(kind::TOTAL_CHUNK, |bytes| bytes[byte] ^= bit, &altered);
        }
    }
    for byte in 1..=8 {
        breaks(kind::TOTAL_END, |bytes| bytes[byte] ^= 1, &altered);
    }
    // Without its pad, the tag of zeros would be zero under any points.
    let stage = Stage::four(1);
    let mut zeros = |at: Place, bytes: Vec<u8>| match at.kind {
        kind::TOTAL_CHUNK | kind::TOTAL_END => Some([&bytes[..1], &vec![0; bytes.len() - 1]].concat()),
        _ => Some(bytes),
    };
    let faults = stage.play(&mut zeros).faults;
    assert_eq!(faults, (0..4).map(|seat| (Side::Party(seat), altered.clone())).collect::<Vec<_>>());
}

/// MASK-12: words in another order are another vector.
#[test]
fn mask_12_the_places_of_words_are_bound() {
    let swap = |bytes: &mut Vec<u8>| bytes[1..9].rotate_left(4);
    breaks(kind::TOTAL_CHUNK, swap, &Error::AlteredTotal { peer: hub() });
}
