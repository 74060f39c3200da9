//! Parties that deviate in ways no check can see: what they gain, and that it is no more than documented.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod common;

use common::rogue::{Meeting, Rogue, labelled};
use common::{Ended, Found, kind, set};
use sha2::Digest;
use tidegate_mpc::group::{Element, Encoded};
use tidegate_mpc::run::Outcome;
use tidegate_mpc::{Outputs, Protocol, Role, SecretScalar};

/// A key s = 2t of a sender's own choice, with its half.
fn key() -> (SecretScalar, SecretScalar) {
    let scalar = |low| {
        let mut bytes = [3; 32];
        (bytes[0], bytes[31]) = (low, 0);
        bytes[1..31].fill(if low == 2 { 6 } else { 3 });
        SecretScalar::from_canonical_bytes(bytes).unwrap()
    };
    (scalar(2), scalar(1))
}

fn elements(message: &[u8]) -> Vec<Element> {
    message[1..].as_chunks().0.iter().map(|encoded| Element::decode(encoded).unwrap()).collect()
}

fn message(kind: u8, elements: &[Encoded]) -> Vec<u8> {
    [&[kind], elements.as_flattened()].concat()
}

/// One tag of 0, for a receiver of 3 or 4 items: 43 zero bits.
const TAG_OF_ZERO: [u8; 11] = [kind::TAGS, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];

#[test]
fn the_key_is_twice_its_half() {
    let (s, t) = key();
    let half = Element::generate(&t);
    assert_eq!(Element::generate(&s), half.add(&half));
}

/// Nor does the batch in which a forced identity is encoded show it in another element.
#[test]
fn the_identity_leaves_the_other_elements_of_a_batch_alone() {
    let [first, last] = [b"first", b"last_"].map(|item| Element::hash(&[item]));
    let doubled = |element: &Element| element.add(element).encode();
    let batch = Element::encode_doubled(&[first, first.sub(&first), last]);
    assert_eq!(batch, [doubled(&first), [0; 32], doubled(&last)]);
}

/// Runs a sender that takes s·H(guess) off the evaluation of the receiver's first item, so that N is the
/// identity if that item is the guess; returns what it sees next, and what the receiver ends with.
fn guessing_sender(guess: &str) -> (Option<u8>, Ended) {
    let (honest_items, rogue_items) = (set(0..3), set(100..101));
    let meeting = Meeting {
        protocol: Protocol::PsiEcdh,
        outputs: Outputs::Receiver,
        minimum: 0,
        honest_items: &honest_items,
        rogue_items: &rogue_items,
    };
    let mut seen = None;
    let ended = meeting.run(Role::Receiver, |mut rogue: Rogue| {
        let (s, t) = key();
        rogue.send(&message(kind::SENDER_KEY, &[Element::generate(&s).encode()]));
        let blinded = elements(&rogue.receive().unwrap());
        let mut evaluated: Vec<_> = blinded.iter().map(|element| element.mul(&t)).collect();
        let hashed = Element::hash(&[rogue.session.id(), guess.as_bytes()]);
        evaluated[0] = evaluated[0].sub(&hashed.mul(&s));
        let evaluated: Vec<_> = evaluated.iter().map(Element::encode).collect();
        rogue.send(&message(kind::EVALUATED_ITEMS, &evaluated));
        rogue.send(&TAG_OF_ZERO);
        rogue.send_finished();
        seen = rogue.receive().map(|message| message[0]);
    });
    (seen, ended)
}

#[test]
fn a_senders_guess_of_an_item_is_not_answered() {
    for guess in ["item-0", "item-1", "nobody"] {
        let (seen, ended) = guessing_sender(guess);
        assert_eq!(seen, Some(kind::FINISHED), "the sender learns whether {guess} is the first item");
        assert_eq!(ended.unwrap(), Outcome::Released(Found::Items(Vec::new())));
    }
}

/// The tag of an evaluated item, of 42 bits.
fn tag(rogue: &Rogue, evaluated: &Encoded) -> u64 {
    let mut hash = labelled("tidegate/1 psi-cardinality tag");
    hash.update(rogue.session.id());
    hash.update(evaluated);
    let digest = hash.finalize();
    u64::from_be_bytes(digest[..8].try_into().unwrap()) >> (64 - TAG_BITS)
}

/// For 3 items of the receiver and 2 of the sender.
const TAG_BITS: u32 = 40 + 2 + 1;

/// Codes two rising tags by hand: quotient in ones, a zero, and a remainder of 42 bits each.
fn two_tags(first: u64, second: u64) -> Vec<u8> {
    let remainder_bits = TAG_BITS as usize - 1;
    let code = [first, second - first].map(|gap| {
        let ones = "1".repeat(usize::try_from(gap >> remainder_bits).unwrap());
        format!("{ones}0{:0remainder_bits$b}", gap & ((1 << remainder_bits) - 1))
    });
    let mut bits = code.concat();
    bits.push_str(&"0".repeat(bits.len().wrapping_neg() % 8));
    let bytes = (0..bits.len() / 8).map(|i| u8::from_str_radix(&bits[8 * i..][..8], 2).unwrap());
    [kind::TAGS, 2, 0, 0, 0].into_iter().chain(bytes).collect()
}

/// Runs a sender of the cardinality that holds one of the receiver's items, and sends the tags that `choose`
/// makes of the true tag.
fn tagging_sender(choose: impl Fn(u64) -> (u64, u64)) -> Ended {
    let (honest_items, rogue_items) = (set(0..3), set(2..4));
    let meeting = Meeting {
        protocol: Protocol::PsiCardinality,
        outputs: Outputs::Receiver,
        minimum: 0,
        honest_items: &honest_items,
        rogue_items: &rogue_items,
    };
    meeting.run(Role::Receiver, |mut rogue: Rogue| {
        let (_, t) = key();
        let blinded = elements(&rogue.receive().unwrap());
        let mut answers: Vec<_> = blinded.iter().map(|element| element.mul(&t).encode()).collect();
        answers.sort_unstable();
        rogue.send(&message(kind::SHUFFLED_ITEMS, &answers));
        let common = Element::hash(&[rogue.session.id(), b"item-2"]).mul(&t).encode();
        let (first, second) = choose(tag(&rogue, &common));
        rogue.send(&two_tags(first, second));
        rogue.send_finished();
        rogue.receive();
    })
}

#[test]
fn a_tag_that_is_sent_twice_counts_once() {
    let count = |ended: Ended| match ended.unwrap() {
        Outcome::Released(Found::Count(count)) => count,
        other => panic!("{other:?}"),
    };
    assert_eq!(count(tagging_sender(|tag| (tag, tag + 1))), 1, "the tag is the true one");
    assert_eq!(count(tagging_sender(|tag| (tag, tag))), 1);
    assert_eq!(count(tagging_sender(|tag| (tag - 1, tag + 1))), 0);
}

/// Runs a receiver that reports nothing, whatever it found, with `rest` behind the refusal.
fn refusing_receiver(protocol: Protocol, verdict: &[u8]) -> Ended {
    let (rogue_items, honest_items) = (set(0..3), set(0..4));
    let meeting = Meeting {
        protocol,
        outputs: Outputs::Both,
        minimum: 1,
        honest_items: &honest_items,
        rogue_items: &rogue_items,
    };
    meeting.run(Role::Sender, |mut rogue: Rogue| {
        if protocol == Protocol::PsiEcdh {
            rogue.receive().unwrap();
        }
        let blinded = [1, 2, 3].map(|i: u8| Element::hash(&[&[i]]).encode());
        rogue.send(&message(kind::BLINDED_ITEMS, &blinded));
        for _ in ["EvaluatedItems or ShuffledItems", "Tags", "Finished"] {
            rogue.receive().unwrap();
        }
        rogue.send(verdict);
        rogue.send_finished();
    })
}

#[test]
fn a_refusal_withholds() {
    let ecdh = refusing_receiver(Protocol::PsiEcdh, &[&[kind::MATCHES][..], &[0; 41]].concat());
    assert_eq!(ecdh.unwrap(), Outcome::Withheld);
    let count = refusing_receiver(Protocol::PsiCardinality, &[&[kind::SIZE][..], &[0; 9]].concat());
    assert_eq!(count.unwrap(), Outcome::Withheld);
}
