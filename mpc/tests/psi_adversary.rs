//! One test for each check of the protocols, named after it: what breaks it, and the exact error.
//!
//! Where a peer's own conduct is checked, the peer deviates with a true transcript, so that nothing but the
//! check stands against it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod common;

use common::rogue::{Meeting, Rogue};
use common::{Case, Ended, Script, check_of, follow, honest, kind, set};
use tidegate_mpc::codec::Malformation;
use tidegate_mpc::group::Element;
use tidegate_mpc::psi::{cardinality, ecdh};
use tidegate_mpc::testing::seeded_rng;
use tidegate_mpc::{
    BadElement, Error, Finished, ItemSet, Message, Outputs, PartyId, Protocol, Role, RoleChoice, Term, Terms,
};

fn receiver() -> PartyId {
    "receiver".parse().unwrap()
}

fn sender() -> PartyId {
    "sender".parse().unwrap()
}

/// Two parties with 3 and 4 items, of which 2 are common, at a minimum of 2.
fn sets() -> (ItemSet, ItemSet) {
    (set(0..3), set(1..5))
}

/// Runs the two parties after a change to their terms.
fn with_terms(change: impl Fn(&mut Terms, &mut Terms)) -> [Error; 2] {
    let (receiver, sender) = sets();
    let mut case = Case::new(Protocol::PsiEcdh, Outputs::Both, 2, &receiver, &sender);
    change(&mut case.parties.receiver, &mut case.parties.sender);
    case.run(&mut honest, &mut honest).map(|ended| check_of(&ended).clone())
}

/// Runs with a changed message to one side, and returns the error of that side.
fn with_message(protocol: Protocol, to: Role, kind: u8, change: impl Fn(&mut Vec<u8>)) -> Error {
    let (receiver, sender) = sets();
    let case = Case::new(protocol, Outputs::Both, 2, &receiver, &sender);
    let run = case.check();
    let messages = if to == Role::Receiver { run.to_receiver } else { run.to_sender };
    let number = messages.iter().position(|message| message[0] == kind).unwrap();
    let mut message = messages[number].clone();
    change(&mut message);
    let script = Script::from([(number, Some(message))]);
    let [ours, theirs] = match to {
        Role::Receiver => case.run(&mut follow(&script), &mut honest),
        Role::Sender => case.run(&mut honest, &mut follow(&script)),
    };
    check_of(if to == Role::Receiver { &ours } else { &theirs }).clone()
}

const VERSION_AT: usize = 1;
/// Behind kind, version, protocol, agreement, channel binding and the length of the name.
const FROM_AT: usize = 1 + 2 + 1 + 32 + 32 + 2;

#[test]
fn session_1_the_version() {
    for to in [Role::Receiver, Role::Sender] {
        let error = with_message(Protocol::PsiEcdh, to, kind::HELLO, |hello| hello[VERSION_AT] = 2);
        let peer = if to == Role::Receiver { sender() } else { receiver() };
        assert_eq!(error, Error::Version { peer, found: 2, expected: 1 });
    }
}

#[test]
fn session_2_the_names() {
    let renamed = with_message(Protocol::PsiEcdh, Role::Receiver, kind::HELLO, |hello| hello[FROM_AT] = b'z');
    assert_eq!(renamed, Error::PeerName { peer: sender() });
    let [ours, theirs] = with_terms(|_, sender| sender.own = "somebody".parse().unwrap());
    assert_eq!(ours, Error::PeerName { peer: sender() });
    assert_eq!(theirs, Error::OwnName { peer: receiver() });
    let [ours, theirs] = with_terms(|receiver, _| receiver.peer = "somebody".parse().unwrap());
    assert_eq!(ours, Error::PeerName { peer: "somebody".parse().unwrap() });
    assert_eq!(theirs, Error::OwnName { peer: receiver() });
}

#[test]
fn session_3_the_terms() {
    type Change = fn(&mut Terms);
    let changes: [(Term, Change); 6] = [
        (Term::Agreement, |terms| terms.agreement[31] ^= 1),
        (Term::Protocol, |terms| terms.protocol = Protocol::PsiCardinality),
        (Term::Channel, |terms| terms.channel_binding[0] ^= 1),
        (Term::Outputs, |terms| terms.outputs = Outputs::Receiver),
        (Term::Outputs, |terms| terms.role = RoleChoice::SmallerReceives),
        (Term::Minimum, |terms| terms.minimum += 1),
    ];
    for (term, change) in changes {
        let [ours, theirs] = with_terms(|_, sender| change(sender));
        assert_eq!(ours, Error::Terms { peer: sender(), term });
        assert_eq!(theirs, Error::Terms { peer: receiver(), term });
    }
}

#[test]
fn session_4_the_roles() {
    for role in [Role::Receiver, Role::Sender] {
        let [ours, theirs] =
            with_terms(|a, b| (a.role, b.role) = (RoleChoice::Fixed(role), RoleChoice::Fixed(role)));
        assert_eq!(ours, Error::SameRole { peer: sender(), role });
        assert_eq!(theirs, Error::SameRole { peer: receiver(), role });
    }
}

#[test]
fn session_5_the_own_greeting() {
    let (ours, theirs) = sets();
    let case = Case::new(Protocol::PsiEcdh, Outputs::Both, 2, &ours, &theirs);
    let run = case.check();
    let [own, mut hello] = [&run.to_sender, &run.to_receiver].map(|messages| messages[0].clone());
    let nonce = hello.len() - 32;
    hello.truncate(nonce);
    hello.extend(&own[own.len() - 32..]);
    let [ended, _] = case.run(&mut follow(&Script::from([(0, Some(hello))])), &mut honest);
    assert_eq!(check_of(&ended), &Error::Reflected { peer: sender() });
}

#[test]
fn session_6_the_size_of_the_peers_set() {
    let (ours, theirs) = sets();
    let mut case = Case::new(Protocol::PsiEcdh, Outputs::Both, 2, &ours, &theirs);
    (case.parties.receiver.max_peer_len, case.parties.sender.max_peer_len) = (4, 3);
    case.check();
    case.parties.receiver.max_peer_len = 3;
    let [ended, _] = case.run(&mut honest, &mut honest);
    assert_eq!(check_of(&ended), &Error::PeerSetTooLarge { peer: sender(), found: 4, max: 3 });
    case.parties.receiver.max_peer_len = 4;
    case.parties.sender.max_peer_len = 2;
    let [_, ended] = case.run(&mut honest, &mut honest);
    assert_eq!(check_of(&ended), &Error::PeerSetTooLarge { peer: receiver(), found: 3, max: 2 });
}

#[test]
fn session_6_holds_for_an_unlimited_agreement_too() {
    let (ours, theirs) = sets();
    let mut case = Case::new(Protocol::PsiEcdh, Outputs::Both, 2, &ours, &theirs);
    case.parties.receiver.max_peer_len = u64::MAX;
    let mut hello = case.check().to_receiver[0].clone();
    let set_len = hello.len() - 32 - 8;
    hello[set_len..][..8].copy_from_slice(&u64::MAX.to_le_bytes());
    let [ended, _] = case.run(&mut follow(&Script::from([(0, Some(hello))])), &mut honest);
    let max = 1 << 30;
    assert_eq!(check_of(&ended), &Error::PeerSetTooLarge { peer: sender(), found: u64::MAX, max });
}

/// Checks of a list of elements, which both protocols share; `last` is its number of elements less one.
fn list_checks(protocol: Protocol, to: Role, kind: u8, name: &'static str, last: usize) {
    let peer = || if to == Role::Receiver { sender() } else { receiver() };
    let count = |found| Error::Count { peer: peer(), message: name, found, expected: last + 1 };
    let altered = |change: &dyn Fn(&mut Vec<u8>)| with_message(protocol, to, kind, change);
    assert_eq!(altered(&|message| message.truncate(message.len() - 32)), count(last));
    assert_eq!(altered(&|message| message.truncate(1)), count(0));
    assert_eq!(altered(&|message| message.extend([1; 32])), count(last + 2));
}

fn element_checks(protocol: Protocol, to: Role, kind: u8, name: &'static str, places: &[usize]) {
    let peer = || if to == Role::Receiver { sender() } else { receiver() };
    for &place in places {
        for (element, cause) in [([0xff; 32], BadElement::NotCanonical), ([0; 32], BadElement::Identity)] {
            let error = with_message(protocol, to, kind, |message| {
                message[1 + 32 * place..][..32].copy_from_slice(&element);
            });
            let index = place as u64;
            assert_eq!(error, Error::BadElement { peer: peer(), message: name, index, cause });
        }
    }
}

#[test]
fn ecdh_1_the_number_of_elements() {
    list_checks(Protocol::PsiEcdh, Role::Sender, kind::BLINDED_ITEMS, "BlindedItems", 2);
    list_checks(Protocol::PsiEcdh, Role::Receiver, kind::EVALUATED_ITEMS, "EvaluatedItems", 2);
}

#[test]
fn ecdh_2_the_elements() {
    element_checks(Protocol::PsiEcdh, Role::Sender, kind::BLINDED_ITEMS, "BlindedItems", &[0, 1, 2]);
    element_checks(Protocol::PsiEcdh, Role::Receiver, kind::EVALUATED_ITEMS, "EvaluatedItems", &[0, 1, 2]);
}

#[test]
fn ecdh_3_the_senders_key() {
    element_checks(Protocol::PsiEcdh, Role::Receiver, kind::SENDER_KEY, "SenderKey", &[0]);
}

/// Runs a receiver that keeps to the protocol up to the verdict, and then says what `lie` makes of it.
fn lying_receiver(minimum: u64, lie: impl Fn(&mut Vec<u8>, &mut Vec<u8>)) -> Ended {
    let (rogue_items, honest_items) = sets();
    let meeting = Meeting {
        protocol: Protocol::PsiEcdh,
        outputs: Outputs::Both,
        minimum,
        honest_items: &honest_items,
        rogue_items: &rogue_items,
    };
    meeting.run(Role::Sender, |mut rogue: Rogue| {
        let session = rogue.session.clone();
        let mut rng = seeded_rng(2);
        let mut state = ecdh::Receiver::start(&rogue_items, &session, &rogue.expect(), &mut rng).unwrap();
        rogue.send(&state.blind_next().unwrap().encode());
        state.accept(&rogue.expect()).unwrap();
        let mut state = state.close().unwrap();
        state.accept(&rogue.expect()).unwrap();
        let matched = state.close().unwrap();
        let _: Finished = rogue.expect();
        let (mut matches, mut bits) =
            (matched.verdict().encode(), matched.match_bits().next().unwrap().encode());
        lie(&mut matches, &mut bits);
        rogue.send(&matches);
        rogue.send(&bits);
        rogue.send_finished();
    })
}

/// Where `Matches` holds the number of matches, behind kind and release.
const COUNT_AT: usize = 2;

#[test]
fn a_receiver_that_does_not_lie_is_believed() {
    let ended = lying_receiver(2, |_, _| ()).unwrap();
    let (ours, theirs) = sets();
    assert_eq!(
        ended,
        tidegate_mpc::run::Outcome::Released(common::expected(Protocol::PsiEcdh, &theirs, &ours))
    );
}

#[test]
fn ecdh_5_the_number_of_matches() {
    let ended = lying_receiver(2, |matches, _| matches[COUNT_AT] = 4);
    assert_eq!(check_of(&ended), &Error::ImpossibleCount { peer: receiver(), found: 4, max: 3 });
}

#[test]
fn ecdh_6_the_minimum() {
    let ended = lying_receiver(2, |matches, _| matches[COUNT_AT] = 1);
    assert_eq!(check_of(&ended), &Error::BelowMinimum { peer: receiver(), found: 1, minimum: 2 });
}

#[test]
fn ecdh_7_one_bit_for_each_tag() {
    let count = |found| Error::Count { peer: receiver(), message: "MatchBits", found, expected: 4 };
    let none = lying_receiver(2, |_, bits| bits.truncate(1));
    assert_eq!(check_of(&none), &count(0));
    let more = lying_receiver(2, |_, bits| bits.push(0));
    assert_eq!(check_of(&more), &count(16));
    for slack in 4..8 {
        let beyond = lying_receiver(2, |_, bits| bits[1] |= 1 << slack);
        assert_eq!(check_of(&beyond), &count(8));
    }
}

#[test]
fn ecdh_8_the_receiver_holds_what_it_claims() {
    let unproven = &Error::UnprovenMatches { peer: receiver() };
    // One more than it holds, in the bits and in the number.
    let claimed = lying_receiver(2, |matches, bits| {
        matches[COUNT_AT] = 3;
        bits[1] |= (bits[1] + 1) & !bits[1];
    });
    assert_eq!(check_of(&claimed), unproven);
    // Others than it holds, as many.
    let swapped = lying_receiver(2, |_, bits| bits[1] ^= 0b1111);
    assert_eq!(check_of(&swapped), unproven);
    // The bits and the proof are true and the number is not.
    let miscounted = lying_receiver(1, |matches, _| matches[COUNT_AT] = 1);
    assert_eq!(check_of(&miscounted), unproven);
    // The number and the bits are true and the proof is not.
    let unproved = lying_receiver(2, |matches, _| matches[COUNT_AT + 8] ^= 1);
    assert_eq!(check_of(&unproved), unproven);
}

#[test]
fn card_1_the_number_of_elements() {
    list_checks(Protocol::PsiCardinality, Role::Sender, kind::BLINDED_ITEMS, "BlindedItems", 2);
    list_checks(Protocol::PsiCardinality, Role::Receiver, kind::SHUFFLED_ITEMS, "ShuffledItems", 2);
}

#[test]
fn card_2_the_elements() {
    element_checks(Protocol::PsiCardinality, Role::Sender, kind::BLINDED_ITEMS, "BlindedItems", &[0, 1, 2]);
    // Only the last answer can be so large without breaking the order, and none so small as the identity.
    let last = 1 + 32 * 2;
    let error = with_message(Protocol::PsiCardinality, Role::Receiver, kind::SHUFFLED_ITEMS, |message| {
        message[last..].copy_from_slice(&[0xff; 32]);
    });
    let (message, index, cause) = ("ShuffledItems", 2, BadElement::NotCanonical);
    assert_eq!(error, Error::BadElement { peer: sender(), message, index, cause });
}

#[test]
fn card_3_answers_rise() {
    let not_sorted = Error::NotSorted { peer: sender(), message: "ShuffledItems" };
    let altered = |change: &dyn Fn(&mut Vec<u8>)| {
        with_message(Protocol::PsiCardinality, Role::Receiver, kind::SHUFFLED_ITEMS, change)
    };
    let swapped = altered(&|message| message[1..].rotate_left(32));
    assert_eq!(swapped, not_sorted);
    let repeated = altered(&|message| message.copy_within(33..65, 65));
    assert_eq!(repeated, not_sorted);
    let identity = altered(&|message| message[1..33].fill(0));
    assert_eq!(identity, not_sorted);
}

/// Runs a receiver of the cardinality that keeps to the protocol and then reports what it likes.
fn lying_counter(size: &[u8]) -> Ended {
    let (rogue_items, honest_items) = sets();
    let meeting = Meeting {
        protocol: Protocol::PsiCardinality,
        outputs: Outputs::Both,
        minimum: 2,
        honest_items: &honest_items,
        rogue_items: &rogue_items,
    };
    meeting.run(Role::Sender, |mut rogue: Rogue| {
        let session = rogue.session.clone();
        let mut state = cardinality::Receiver::start(&rogue_items, &session, &mut seeded_rng(2)).unwrap();
        rogue.send(&state.blind_next().unwrap().encode());
        for _ in ["ShuffledItems", "Tags", "Finished"] {
            rogue.receive().unwrap();
        }
        rogue.send(&[&[kind::SIZE], size].concat());
        rogue.send_finished();
    })
}

#[test]
fn card_4_the_number_reported() {
    let ended = lying_counter(&[1, 4, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(check_of(&ended), &Error::ImpossibleCount { peer: receiver(), found: 4, max: 3 });
}

#[test]
fn card_5_the_minimum() {
    let ended = lying_counter(&[1, 1, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(check_of(&ended), &Error::BelowMinimum { peer: receiver(), found: 1, minimum: 2 });
    assert!(lying_counter(&[1, 3, 0, 0, 0, 0, 0, 0, 0]).is_ok(), "a wrong number is not detected");
}

const PROTOCOLS: [Protocol; 2] = [Protocol::PsiEcdh, Protocol::PsiCardinality];

#[test]
fn tags_1_the_number_of_tags() {
    for protocol in PROTOCOLS {
        for found in [0, 3, 5, 0xff] {
            let error = with_message(protocol, Role::Receiver, kind::TAGS, |tags| tags[1] = found);
            let found = usize::from(found);
            assert_eq!(error, Error::Count { peer: sender(), message: "Tags", found, expected: 4 });
        }
    }
}

#[test]
fn tags_2_the_code() {
    let cause = Malformation::Field { field: "code" };
    let malformed = Error::Malformed { peer: sender(), message: "Tags", cause };
    let changes: [fn(&mut Vec<u8>); 5] = [
        |tags| tags.truncate(tags.len() - 1),
        |tags| tags.truncate(5),
        |tags| tags.push(0),
        |tags| *tags.last_mut().unwrap() |= 1,
        |tags| tags[5..].fill(0xff),
    ];
    for (protocol, change) in PROTOCOLS.into_iter().flat_map(|p| changes.map(|change| (p, change))) {
        assert_eq!(with_message(protocol, Role::Receiver, kind::TAGS, change), malformed);
    }
}

#[test]
fn tags_3_the_range() {
    let (ours, theirs) = (set(0..1), set(0..1));
    for protocol in PROTOCOLS {
        let case = Case::new(protocol, Outputs::Receiver, 0, &ours, &theirs);
        let number = case.check().to_receiver.iter().position(|message| message[0] == kind::TAGS).unwrap();
        // One tag of 40 bits: quotient 1 as 10, then 40 zeros, is 2^40.
        let tags = vec![kind::TAGS, 1, 0, 0, 0, 0b1000_0000, 0, 0, 0, 0, 0];
        let [ended, _] = case.run(&mut follow(&Script::from([(number, Some(tags))])), &mut honest);
        assert_eq!(check_of(&ended), &Error::TagRange { peer: sender(), bits: 40 });
    }
}

#[test]
fn the_transcript_catches_what_no_other_check_can() {
    let other = Element::hash(&[b"another element"]).encode();
    for kind in [kind::EVALUATED_ITEMS, kind::SENDER_KEY] {
        let error = with_message(Protocol::PsiEcdh, Role::Receiver, kind, |message| {
            message[1..33].copy_from_slice(&other);
        });
        assert_eq!(error, Error::Transcript { peer: sender() });
    }
}
