//! Every message of a masked sum, in each direction, altered in every way that needs no thought.
//!
//! The receiver refuses, and goes on without the sender or is lost to the others; or the alteration makes itself felt
//! later, as an error of somebody else. Nobody ends with a wrong sum. Words of a masked vector are not checked one by
//! one: an altered one shows in the root, so the vector does not count.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

#[path = "common/stage.rs"]
mod stage;
#[path = "common/sum.rs"]
mod sum;

use std::collections::BTreeMap;

use stage::{Place, Side, Stage, Wire, four_terms, kind, losing};
use sum::name;
use tidegate_mpc::Error;
use tidegate_mpc::aggregation::masked::SumTerms;

/// Four parties of which the last vanishes after it has dealt, so that both kinds of shares are given out.
const LOST: usize = 3;

fn scene() -> Stage {
    Stage::new(SumTerms { commitments: true, len: 3, ..four_terms() }, 1)
}

/// Runs the scene with the message at `at` altered; `None` where nothing differs.
fn play(at: Place, alter: &dyn Fn(&[u8]) -> Option<Vec<u8>>, check: impl FnOnce(&Wire<'_>)) {
    let stage = scene();
    let mut lose = losing(kind::MASKED_CHUNK, &[LOST]);
    let mut altered = false;
    let mut tamper = |place: Place, bytes: Vec<u8>| {
        if place != at {
            return lose(place, bytes);
        }
        altered = true;
        let other = alter(&bytes);
        assert_ne!(other.as_ref(), Some(&bytes), "nothing is altered");
        other
    };
    let wire = stage.play(&mut tamper);
    check(&wire);
    drop(wire);
    assert!(altered, "{at:?} is never sent");
}

/// One message of each kind, up or down, as it goes from or to party 1.
fn places() -> Vec<(Place, Vec<u8>)> {
    let sent = scene().play(&mut losing(kind::MASKED_CHUNK, &[LOST])).sent;
    let places: BTreeMap<_, _> = sent.into_iter().filter(|(at, _)| (at.seat, at.number) == (1, 0)).collect();
    assert_eq!(places.len(), 12, "one message of each kind");
    places.into_iter().collect()
}

fn is_up(kind: u8) -> bool {
    use kind::*;
    [ROUND_KEYS, SEALED_SHARES, MASKED_CHUNK, MASKED_END, CONSENT, UNMASKING].contains(&kind)
}

fn receiver(kind: u8) -> Side {
    if is_up(kind) { Side::Hub } else { Side::Party(1) }
}

/// Whether an altered message may show at another place than where it is received.
///
/// What the coordinator passes on for others to check: shares under seal, and what a party says of its own vector.
fn may_show_later(at: Place, byte: usize) -> bool {
    match at.kind {
        kind::SEALED_SHARES => true,
        // The commitment to the plain vector, and the tag.
        kind::MASKED_END => byte > 32,
        // What is said of another survivor: the coordinator finds that another list is signed.
        kind::SURVIVORS => byte > 11,
        _ => false,
    }
}

/// Whether an altered byte changes nothing: the commitment to the share of the own mask key that a dealer keeps, which
/// counts only where the dealer is lost; who is lost returns no share.
fn is_idle(at: Place, byte: usize) -> bool {
    at.kind == kind::SEALED_SHARES && (65..97).contains(&byte)
}

/// Which checks may meet a flipped bit; no other error is an answer to one.
fn may_answer_a_flip(error: &Error) -> bool {
    matches!(
        error,
        Error::UnexpectedMessage { .. }
            | Error::Malformed { .. }
            | Error::Count { .. }
            | Error::BadElement { .. }
            | Error::Transcript { .. }
            | Error::BadSignature { .. }
            | Error::OtherKeys { .. }
            | Error::BadSurvivors { .. }
            | Error::BadShare { .. }
            | Error::BadDealing { .. }
            | Error::NoConsent { .. }
            | Error::AlteredTotal { .. }
    )
}

/// With a party lost to an alteration, only two are left beside the one that is lost anyway.
fn is_too_few(error: &Error) -> bool {
    matches!(error, Error::TooFewParties { .. })
}

/// Every byte with its lowest or its highest bit flipped, or, of a long message, with one bit in turn.
fn flip_each_byte(of: impl Fn(u8) -> bool) {
    for (at, message) in places().into_iter().filter(|(at, _)| of(at.kind)) {
        let is_long = message.len() > 256;
        let bits = |byte: usize| if is_long { vec![1u8 << (byte % 8)] } else { vec![1, 0x80] };
        for (byte, bit) in
            (0..message.len()).flat_map(|byte| bits(byte).into_iter().map(move |bit| (byte, bit)))
        {
            let flip = |bytes: &[u8]| {
                let mut bytes = bytes.to_vec();
                bytes[byte] ^= bit;
                Some(bytes)
            };
            play(at, &flip, |wire| answers_a_flip(wire, at, byte, bit));
        }
    }
}

#[test]
fn every_byte_of_a_party_is_protected() {
    flip_each_byte(is_up);
}

#[test]
fn every_byte_of_the_coordinator_is_protected() {
    flip_each_byte(|kind| !is_up(kind));
}

fn answers_a_flip(wire: &Wire<'_>, at: Place, byte: usize, bit: u8) {
    let what = format!("{at:?}, byte {byte} ^ {bit}: {:?}", wire.faults);
    let Some((side, error)) = wire.faults.first() else {
        assert!(is_idle(at, byte) && wire.parties.len() == 3, "{what}: nobody notices");
        return;
    };
    assert!(may_answer_a_flip(error), "{what}");
    assert!(wire.faults.iter().all(|(_, error)| may_answer_a_flip(error) || is_too_few(error)), "{what}");
    if !may_show_later(at, byte) {
        assert_eq!(*side, receiver(at.kind), "{what}");
    }
    if is_up(at.kind) && *side == Side::Hub {
        assert_eq!(error.peer(), Some(&name(1)), "{what}");
    }
    if at.kind == kind::MASKED_CHUNK && byte > 0 {
        assert_eq!(*error, Error::Transcript { peer: name(1) }, "{what}");
    }
    if !is_up(at.kind) {
        assert!(!wire.parties.contains_key(&1), "{what}: the receiver goes on");
    }
}

/// Requires that the receiver itself refuses a message, in one of these ways, and blames the sender.
fn refuses(wire: &Wire<'_>, at: Place, expected: impl Fn(&Error) -> bool, what: &str) {
    let (side, error) = wire.faults.first().unwrap_or_else(|| panic!("{at:?} {what}: nobody notices"));
    assert_eq!(*side, receiver(at.kind), "{at:?} {what}: {error:?}");
    assert!(expected(error), "{at:?} {what}: {error:?}");
    let blamed = if is_up(at.kind) { name(1) } else { scene().hub() };
    assert_eq!(error.peer(), Some(&blamed), "{at:?} {what}: {error:?}");
}

fn is_unexpected(error: &Error) -> bool {
    matches!(error, Error::UnexpectedMessage { .. })
}

#[test]
fn lengths_are_protected() {
    for (at, message) in places() {
        let is_chunk = [kind::MASKED_CHUNK, kind::TOTAL_CHUNK].contains(&at.kind);
        let wrong = |error: &Error| {
            if is_chunk {
                matches!(error, Error::Count { .. })
            } else {
                matches!(error, Error::Malformed { .. })
            }
        };
        play(at, &|_| Some(Vec::new()), |wire| refuses(wire, at, is_unexpected, "empty"));
        for len in (1..message.len()).step_by(11).chain([message.len() - 1]) {
            play(at, &|bytes| Some(bytes[..len].to_vec()), |wire| refuses(wire, at, wrong, "cut"));
        }
        for extra in [1, 2, 32, 1 << 18] {
            let longer = |bytes: &[u8]| Some([bytes, &vec![0; extra]].concat());
            play(at, &longer, |wire| refuses(wire, at, wrong, "extended"));
        }
    }
}

/// A list that announces more entries than any sum has parties is not read, whatever follows.
#[test]
fn lengths_of_lists_are_bounded() {
    for (at, _) in places() {
        let start = match at.kind {
            kind::KEY_LIST | kind::SHARE_BUNDLE | kind::SURVIVORS | kind::CONSENTS | kind::UNMASKING => 1,
            kind::SEALED_SHARES => 129,
            _ => continue,
        };
        for len in [101u16, 0x7fff, 0xffff] {
            let announced = |bytes: &[u8]| {
                let mut bytes = bytes.to_vec();
                bytes[start..start + 2].copy_from_slice(&len.to_le_bytes());
                bytes.resize(1 << 18, 0);
                Some(bytes)
            };
            let field = |error: &Error| {
                let cause = tidegate_mpc::codec::Malformation::Truncated;
                matches!(error, Error::Malformed { cause: found, .. } if *found != cause)
            };
            play(at, &announced, |wire| refuses(wire, at, field, "announced"));
        }
    }
}

#[test]
fn kinds_are_protected() {
    let all = places();
    for (at, _) in &all {
        let others = all.iter().filter(|(other, _)| other.kind != at.kind);
        for (other, bytes) in others {
            let what = format!("of kind {}", other.kind);
            play(*at, &|_| Some(bytes.clone()), |wire| refuses(wire, *at, is_unexpected, &what));
        }
        for kind in (0..=40).chain([255]).filter(|kind| *kind != at.kind) {
            let relabelled = |bytes: &[u8]| Some([&[kind][..], &bytes[1..]].concat());
            let what = format!("labelled {kind}");
            play(*at, &relabelled, |wire| refuses(wire, *at, is_unexpected, &what));
        }
    }
}

/// Another party's message of the same kind in place of one's own.
#[test]
fn messages_of_or_for_another_party_are_refused() {
    let sent = scene().play(&mut losing(kind::MASKED_CHUNK, &[LOST])).sent;
    for (at, message) in places() {
        let other = &sent[&Place { seat: 0, ..at }];
        if *other == message {
            // What the coordinator sends to all alike.
            let same = [kind::KEY_LIST, kind::SURVIVORS, kind::CONSENTS, kind::TOTAL_CHUNK, kind::TOTAL_END];
            assert!(same.contains(&at.kind));
            continue;
        }
        play(at, &|_| Some(other.clone()), |wire| {
            let (_, error) = wire.faults.first().unwrap_or_else(|| panic!("{at:?}: nobody notices"));
            let expected = match at.kind {
                kind::ROUND_KEYS | kind::CONSENT => matches!(error, Error::BadSignature { .. }),
                kind::MASKED_CHUNK | kind::MASKED_END => matches!(error, Error::Transcript { .. }),
                // A bundle for another holds this party's own shares.
                kind::SHARE_BUNDLE => matches!(error, Error::BadSurvivors { .. }),
                _ => matches!(error, Error::BadShare { .. }),
            };
            assert!(expected, "{at:?}: {error:?}");
        });
    }
}

/// A message that never comes: the party vanishes at that step, and the others go on or are too few.
#[test]
fn lost_messages_end_with_the_right_sum_or_too_few() {
    for (at, _) in places() {
        play(at, &|_| None, |wire| {
            let few = wire.faults.iter().all(|(side, error)| {
                *side == Side::Hub && (is_too_few(error) || matches!(error, Error::Count { .. }))
            });
            assert!(few, "{at:?}: {:?}", wire.faults);
            assert!(is_up(at.kind) || !wire.parties.contains_key(&1), "{at:?}");
        });
    }
}
