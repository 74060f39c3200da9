//! The vectors of the masked sum, made by an independent implementation (`vectors/make_sum.py`): whole runs whose
//! parties draw what the file says, message by message, and messages that are refused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

#[path = "common/stage.rs"]
mod stage;
#[path = "common/sum.rs"]
mod sum;

use serde_json::Value;
use sha2::{Digest, Sha256};
use stage::{Place, Side, Stage, four_terms, kind, losing};
use sum::{Record, name};
use tidegate_mpc::Suite;
use tidegate_mpc::aggregation::masked::{Opening, Standing, SumTerms, Values};
use tidegate_mpc::run::sum as channels;
use tidegate_mpc::transport::{Channel, memory_pair};
use zeroize::Zeroizing;

fn cases(text: &str, number: usize, expected: &str) -> Vec<Value> {
    let document: Value = serde_json::from_str(text).unwrap();
    let terms = [("parties", 4), ("threshold", 3), ("minimum", 3), ("lost", LOST)];
    assert!(terms.iter().all(|(term, value)| document["parameters"][term] == *value));
    let cases = document["cases"].as_array().unwrap().clone();
    assert_eq!(cases.len(), number);
    assert!(cases.iter().all(|case| case["expected"] == expected));
    cases
}

fn runs() -> Vec<Value> {
    cases(include_str!("vectors/sum.json"), 3, "accept")
}

const LOST: usize = 3;

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap().as_bytes();
    text.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn integers(value: &Value) -> Vec<i128> {
    list(value).iter().map(|value| value.as_str().unwrap().parse().unwrap()).collect()
}

/// Sets the stage as a case says.
fn stage(case: &Value) -> Stage {
    let bounds = integers(&case["bounds"]);
    let mut stage = Stage::new(
        SumTerms {
            len: usize::try_from(case["len"].as_u64().unwrap()).unwrap(),
            bounds: (bounds[0], bounds[1]),
            suite: *Suite::ALL.iter().find(|suite| case["suite"] == suite.name()).unwrap(),
            commitments: case["commitments"] == true,
            ..four_terms()
        },
        0,
    );
    assert_eq!(case["ring_bits"], stage.task.ring().bits());
    assert_eq!(stage.task.id()[..], hex(&case["task"]));
    let parties = list(&case["parties"]);
    let drawn = |party: &Value| -> [Vec<u8>; 3] {
        list(&party["draws"]).iter().map(hex).collect::<Vec<_>>().try_into().unwrap()
    };
    stage.drawn = parties.iter().map(drawn).collect();
    stage.inputs = parties.iter().map(|party| integers(&party["values"])).collect();
    for (seat, party) in (1u8..).zip(parties) {
        assert_eq!(hex(&party["identity"]), [seat; 32], "the identity keys are those of the stage");
    }
    stage
}

fn kind_of(name: &Value) -> u8 {
    let names = [
        ("RoundKeys", kind::ROUND_KEYS),
        ("KeyList", kind::KEY_LIST),
        ("SealedShares", kind::SEALED_SHARES),
        ("ShareBundle", kind::SHARE_BUNDLE),
        ("MaskedChunk", kind::MASKED_CHUNK),
        ("MaskedEnd", kind::MASKED_END),
        ("Survivors", kind::SURVIVORS),
        ("Consent", kind::CONSENT),
        ("Consents", kind::CONSENTS),
        ("Unmasking", kind::UNMASKING),
        ("TotalChunk", kind::TOTAL_CHUNK),
        ("TotalEnd", kind::TOTAL_END),
    ];
    names.iter().find(|(other, _)| name == other).unwrap().1
}

fn place_of(message: &Value) -> Place {
    let seat = usize::try_from(message["seat"].as_u64().unwrap()).unwrap();
    Place { kind: kind_of(&message["name"]), seat, number: 0 }
}

#[test]
fn whole_runs_are_those_of_the_vectors() {
    for case in runs() {
        let stage = stage(&case);
        let mut lose = losing(kind::MASKED_CHUNK, &[LOST]);
        let wire = stage.play(&mut lose);
        assert_eq!(wire.faults, []);
        let mut sent = wire.sent.clone();
        for message in list(&case["messages"]) {
            let at = place_of(message);
            let bytes = sent.remove(&at).unwrap();
            if let Some(expected) = message.get("bytes") {
                assert_eq!(bytes, hex(expected), "{at:?}");
            }
            assert_eq!(Sha256::digest(&bytes)[..], hex(&message["sha256"]), "{at:?}");
        }
        // What the lost party begins to send is lost, and stands in no vector.
        let left: Vec<_> = sent.keys().map(|at| (at.kind, at.seat)).collect();
        assert_eq!(left, [(kind::MASKED_CHUNK, LOST)]);
        let total = integers(&case["total"]);
        let sums: Vec<_> = wire.parties.values().chain(&wire.hub).collect();
        assert_eq!(sums.len(), 4);
        for sum in sums {
            assert_eq!((sum.values(), &sum.session()[..]), (total.clone(), &hex(&case["session"])[..]));
            assert_eq!(sum.standings()[LOST], (name(LOST), Standing::LostVector));
        }
    }
}

/// Adds up words of a ring, little-endian, with their signs.
fn add_masks(words: &mut [u128], mask: &[u8], sign: i64, width: usize) {
    for (word, mask) in words.iter_mut().zip(mask.chunks(width)) {
        let mask = mask.iter().rev().fold(0u128, |value, byte| value << 8 | u128::from(*byte));
        *word = if sign == 1 { word.wrapping_add(mask) } else { word.wrapping_sub(mask) };
    }
}

#[test]
fn masks_of_the_vectors_are_what_hides_the_words() {
    for case in runs() {
        let stage = stage(&case);
        let width = stage.task.ring().word_bytes();
        let sent = stage.play(&mut losing(kind::MASKED_CHUNK, &[LOST])).sent;
        for (seat, party) in list(&case["parties"]).iter().enumerate() {
            let mut words: Vec<u128> = stage.inputs[seat].iter().map(|value| value.cast_unsigned()).collect();
            let masks = list(&party["masks"]);
            assert_eq!(masks.len(), 4, "its own, and one with each other");
            for mask in masks {
                add_masks(&mut words, &hex(&mask["words"]), mask["sign"].as_i64().unwrap(), width);
            }
            let words: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()[..width].to_vec()).collect();
            let chunk = &sent[&Place { kind: kind::MASKED_CHUNK, seat, number: 0 }];
            assert_eq!(chunk[1..], words, "party {seat}");
        }
    }
}

#[test]
fn commitments_of_the_vectors_open() {
    let committed: Vec<_> = runs().into_iter().filter(|case| case["commitments"] == true).collect();
    assert_eq!(committed.len(), 2);
    for case in committed {
        let stage = stage(&case);
        let mut lose = losing(kind::MASKED_CHUNK, &[LOST]);
        let wire = stage.play(&mut lose);
        let hub = wire.hub.unwrap();
        assert_eq!(hub.commitments().len(), 3);
        for (seat, (party, commitment)) in hub.commitments().iter().enumerate() {
            assert_eq!(*party, name(seat));
            let salt = Zeroizing::new(stage.drawn[seat][2].clone().try_into().unwrap());
            let opening = Opening::new(hex(&case["session"]).try_into().unwrap(), salt);
            let input = |values| stage.task.admit(Values::Wide(values)).unwrap();
            assert!(opening.opens(commitment, input(&stage.inputs[seat])));
            assert!(wire.openings[&seat].opens(commitment, input(&stage.inputs[seat])));
            let mut other = stage.inputs[seat].clone();
            other[0] = if other[0] == 0 { 1 } else { 0 };
            assert!(!opening.opens(commitment, input(&other)));
            assert!(!wire.openings[&seat].opens(commitment, input(&stage.inputs[(seat + 1) % 3])));
        }
    }
}

/// The coordinator takes the receipt of the vectors.
#[test]
fn receipts_are_those_of_the_vectors() {
    for case in runs() {
        let stage = stage(&case);
        let mut lose = losing(kind::MASKED_CHUNK, &[LOST]);
        let mut wire = stage::Wire::new(&mut lose);
        let (collecting, keys, states) = stage.keys(&mut wire).unwrap();
        let (collecting, bundles, states) = stage.deal(&mut wire, collecting, &keys, states).unwrap();
        let (collecting, survivors, states) = stage.mask(&mut wire, collecting, &bundles, states).unwrap();
        let (collecting, consents, states) =
            stage.confirm(&mut wire, collecting, &survivors, states).unwrap();
        let (total, _) = stage.answer(&mut wire, collecting, &consents, states).unwrap();
        let (mut hub, mut party) = memory_pair();
        party.send(&[&[7][..], &hex(&case["receipt"])].concat()).unwrap();
        channels::send_total(&total, &mut hub, &name(0)).unwrap();
    }
}

#[test]
fn bad_messages_are_refused() {
    let runs = runs();
    for case in cases(include_str!("vectors/sum_bad_message.json"), 9, "reject") {
        let stage = stage(&runs[usize::try_from(case["run"].as_u64().unwrap()).unwrap()]);
        *stage.records.borrow_mut() = (0..4).map(|_| Record::default()).collect();
        let (at, bytes) = (place_of(&case), hex(&case["bytes"]));
        let mut lose = losing(kind::MASKED_CHUNK, &[LOST]);
        let mut tamper = |place, sent| if place == at { Some(bytes.clone()) } else { lose(place, sent) };
        let wire = stage.play(&mut tamper);
        let (side, error) = wire.faults.first().unwrap_or_else(|| panic!("{case}: nobody notices"));
        assert_eq!(*side, Side::Party(at.seat), "{case}");
        let text = format!("{error:?}");
        assert_eq!(text.split_once(' ').unwrap().0, case["error"], "{case}");
        assert_eq!(error.peer().unwrap().as_str(), case["blames"], "{case}");
    }
}
