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

use stage::{Place, Side, Stage, Wire, altering, four_terms, honest, kind, losing, place};
use sum::name;
use tidegate_mpc::Error;
use tidegate_mpc::aggregation::masked::{Standing, SumTerms};
use tidegate_mpc::codec::Malformation;

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
        _ => false,
    }
}

/// Whether a signature or share may be altered without harm, since there are others.
fn may_be_spared(at: Place, byte: usize) -> bool {
    // The commitments to the shares that the dealer keeps, which count where it returns them.
    at.kind == kind::SEALED_SHARES && (65..129).contains(&byte)
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

#[test]
fn every_byte_is_protected() {
    for (at, message) in places() {
        for byte in 0..message.len() {
            for bit in [1, 0x80] {
                let flip = |bytes: &[u8]| {
                    let mut bytes = bytes.to_vec();
                    bytes[byte] ^= bit;
                    Some(bytes)
                };
                play(at, &flip, |wire| answers_a_flip(wire, at, byte, bit));
            }
        }
    }
}

fn answers_a_flip(wire: &Wire<'_>, at: Place, byte: usize, bit: u8) {
    let what = format!("{at:?}, byte {byte} ^ {bit}: {:?}", wire.faults);
    let Some((side, error)) = wire.faults.first() else {
        panic!("{what}: nobody notices");
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
    assert!(!wire.parties.contains_key(&1) || is_up(at.kind), "{what}: the receiver goes on");
}
