//! Both protocols against the plain intersection, and what their messages may depend on.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod common;

use std::collections::HashSet;

use common::{Case, Found, Recorded, check_of, error_of, expected, honest, kind, set};
use proptest::prelude::*;
use tidegate_mpc::psi::tag_bits;
use tidegate_mpc::run::{Observer, Outcome, Phase, RunError, psi_cardinality, psi_ecdh};
use tidegate_mpc::testing::{Parties, agreed_sessions, seeded_rng};
use tidegate_mpc::transport::{ChannelError, memory_pair};
use tidegate_mpc::{Error, ItemSet, Outputs, Protocol, Role, RoleChoice};

const PROTOCOLS: [Protocol; 2] = [Protocol::PsiEcdh, Protocol::PsiCardinality];
const OUTPUTS: [Outputs; 2] = [Outputs::Receiver, Outputs::Both];

/// Each protocol once and each output once, where every combination would take long.
const PAIRED: [(Protocol, Outputs); 2] =
    [(Protocol::PsiEcdh, Outputs::Both), (Protocol::PsiCardinality, Outputs::Receiver)];

fn all_combinations() -> impl Iterator<Item = (Protocol, Outputs)> + Clone {
    PROTOCOLS.into_iter().flat_map(|protocol| OUTPUTS.map(|outputs| (protocol, outputs)))
}

/// A set of the receiver and one of the sender, in another order, that share half of the smaller one.
fn sets(receiver_len: u64, sender_len: u64) -> (ItemSet, ItemSet) {
    let common = receiver_len.min(sender_len).div_ceil(2);
    let start = receiver_len - common;
    let reversed = (start..start + sender_len).rev().map(|i| format!("item-{i}"));
    (set(0..receiver_len), ItemSet::new(reversed).unwrap())
}

fn check_sizes(
    pairs: &[(u64, u64)],
    combinations: impl IntoIterator<Item = (Protocol, Outputs), IntoIter: Clone>,
) {
    let combinations = combinations.into_iter();
    for &(receiver_len, sender_len) in pairs {
        let (receiver, sender) = sets(receiver_len, sender_len);
        for (protocol, outputs) in combinations.clone() {
            Case::new(protocol, outputs, 0, &receiver, &sender).check();
        }
    }
}

#[test]
fn small_sizes_match_the_plain_intersection() {
    let sizes = [0, 1, 2, 3];
    let pairs: Vec<_> = sizes.into_iter().flat_map(|x| sizes.map(|y| (x, y))).collect();
    check_sizes(&pairs, all_combinations());
}

#[test]
fn sizes_around_a_batch_match_the_plain_intersection() {
    check_sizes(
        &[(127, 129), (128, 128), (129, 127), (0, 129), (129, 0), (1, 128), (128, 1)],
        all_combinations(),
    );
}

#[test]
fn sizes_around_a_chunk_match_the_plain_intersection() {
    check_sizes(&[(4095, 3), (4096, 128), (4097, 4095), (2, 4096), (129, 4097)], PAIRED);
}

#[test]
fn unequal_sizes_match_the_plain_intersection() {
    check_sizes(&[(0, 10_000), (1, 10_000), (10_000, 1), (10_000, 0)], PAIRED);
}

#[test]
fn ten_thousand_items_match_the_plain_intersection() {
    check_sizes(&[(10_000, 10_000)], PAIRED);
}

/// The sender codes tags in chunks of their own, twice as long as those of elements.
#[test]
fn sizes_around_a_chunk_of_tags_match_the_plain_intersection() {
    for sender_len in [8191, 8192, 8193] {
        let (receiver, sender) = sets(5, sender_len);
        Case::new(Protocol::PsiEcdh, Outputs::Both, 0, &receiver, &sender).check();
    }
}

#[test]
fn the_number_of_threads_changes_no_message() {
    let (receiver, sender) = sets(300, 4100);
    for (protocol, outputs) in [(PROTOCOLS[0], OUTPUTS[1]), (PROTOCOLS[1], OUTPUTS[0])] {
        let run = |threads| {
            let case = Case { threads: Some(threads), ..Case::new(protocol, outputs, 0, &receiver, &sender) };
            let Recorded { to_receiver, to_sender, .. } = case.check();
            (to_receiver, to_sender)
        };
        let one = run(1);
        assert!([2, 3, 8].into_iter().all(|threads| run(threads) == one), "{protocol}");
    }
}

#[test]
fn the_shipped_runner_gives_the_same_result() {
    let (receiver, sender) = sets(20, 30);
    let parties = Parties::new(Protocol::PsiEcdh, Outputs::Both, 0, &receiver, &sender);
    let (ours, theirs) = parties.run_ecdh(&mut honest, &mut honest);
    for ended in [ours, theirs] {
        assert!(matches!(&ended, Ok(Outcome::Released(common)) if common.len() == 10), "{ended:?}");
    }
    let parties = Parties::new(Protocol::PsiCardinality, Outputs::Both, 0, &receiver, &sender);
    let (ours, theirs) = parties.run_cardinality(&mut honest, &mut honest);
    assert_eq!((ours.unwrap(), theirs.unwrap()), (Outcome::Released(10), Outcome::Released(10)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn random_sets_match_the_plain_intersection(
        receiver in prop::collection::hash_set(prop::collection::vec(0u8..4, 0..4), 0..30),
        sender in prop::collection::hash_set(prop::collection::vec(0u8..4, 0..4), 0..30),
        both in any::<bool>(),
        cardinality in any::<bool>(),
        minimum in 0u64..6,
        seeds in any::<[u64; 2]>(),
    ) {
        let (receiver, sender) = (ItemSet::new(receiver).unwrap(), ItemSet::new(sender).unwrap());
        let (protocol, outputs) = (PROTOCOLS[usize::from(cardinality)], OUTPUTS[usize::from(both)]);
        let case = Case { seeds, ..Case::new(protocol, outputs, minimum, &receiver, &sender) };
        let [ours, theirs] = case.record().ended;
        let enough = common::intersect(&receiver, &sender).len() as u64 >= minimum;
        let outcome = |own, other| match enough {
            true => Outcome::Released(expected(protocol, own, other)),
            false => Outcome::Withheld,
        };
        prop_assert_eq!(ours.unwrap(), outcome(&receiver, &sender));
        let entitled = if both { outcome(&sender, &receiver) } else { Outcome::NotEntitled };
        prop_assert_eq!(theirs.unwrap(), entitled);
    }
}

#[test]
fn the_minimum_releases_exactly_there_and_withholds_one_below() {
    let (receiver, sender) = sets(10, 12);
    for (protocol, outputs) in all_combinations() {
        Case::new(protocol, outputs, 5, &receiver, &sender).check();
        let recorded = Case::new(protocol, outputs, 6, &receiver, &sender).record();
        let [ours, theirs] = recorded.ended.map(Result::unwrap);
        assert_eq!(ours, Outcome::Withheld);
        match outputs {
            Outputs::Both => assert_eq!(theirs, Outcome::Withheld),
            Outputs::Receiver => assert_eq!(theirs, Outcome::NotEntitled),
        }
        // Below the minimum the sender is told one bit, and nothing that depends on how many matched.
        let verdict = [kind::MATCHES, kind::SIZE].map(|kind| of_kind(&recorded.to_sender, kind)).concat();
        assert!(verdict.iter().all(|message| message[1..].iter().all(|byte| *byte == 0)));
        assert_eq!(verdict.len(), usize::from(outputs == Outputs::Both));
        assert!(of_kind(&recorded.to_sender, kind::MATCH_BITS).is_empty());
    }
}

#[test]
fn the_smaller_set_receives() {
    for (first_len, second_len, first_receives) in [(3, 9, true), (9, 3, false), (6, 6, true)] {
        let (first, second) = sets(first_len, second_len);
        let mut case = Case::new(Protocol::PsiEcdh, Outputs::Receiver, 0, &first, &second);
        case.parties.receiver.role = RoleChoice::SmallerReceives;
        case.parties.sender.role = RoleChoice::SmallerReceives;
        let [ours, theirs] = case.record().ended.map(Result::unwrap);
        let released = |own, other| Outcome::Released(expected(Protocol::PsiEcdh, own, other));
        let expected = match first_receives {
            true => (released(&first, &second), Outcome::NotEntitled),
            false => (Outcome::NotEntitled, released(&second, &first)),
        };
        assert_eq!((ours, theirs), expected);
    }
}

fn of_kind(messages: &[Vec<u8>], kind: u8) -> Vec<Vec<u8>> {
    messages.iter().filter(|message| message[0] == kind).cloned().collect()
}

/// Kinds and lengths of messages, but for the code of tags, whose length is a random one.
fn shape(messages: &[Vec<u8>]) -> Vec<(u8, usize)> {
    let len = |message: &Vec<u8>| if message[0] == kind::TAGS { 0 } else { message.len() };
    messages.iter().map(|message| (message[0], len(message))).collect()
}

fn elements(messages: &[Vec<u8>], kind: u8) -> HashSet<Vec<u8>> {
    of_kind(messages, kind).iter().flat_map(|m| m[1..].chunks(32).map(<[u8]>::to_vec)).collect()
}

#[test]
fn lengths_and_blinded_items_say_nothing_about_the_overlap() {
    let (receiver, apart, equal) = (set(0..1000), set(5000..5800), set(100..900));
    for (protocol, outputs) in all_combinations() {
        let run =
            |sender, seeds| Case { seeds, ..Case::new(protocol, outputs, 0, &receiver, sender) }.check();
        let (none, all) = (run(&apart, [1, 2]), run(&equal, [3, 4]));
        assert_eq!(shape(&none.to_receiver), shape(&all.to_receiver));
        assert_eq!(shape(&none.to_sender), shape(&all.to_sender));

        // A code is as long as its remainders and stops and the unary quotients, which add up to about 2^10.
        let remainder_bits = tag_bits(1000, 800, outputs) - 10;
        let least = 5 + 800 * (remainder_bits as usize + 1) / 8;
        for tags in [&none, &all].map(|run| of_kind(&run.to_receiver, kind::TAGS)) {
            let bytes: usize = tags.iter().map(Vec::len).sum();
            assert!((least..=least + 128 + 1).contains(&bytes), "{bytes} bytes, expected {least} and a bit");
        }
        for kind in [kind::BLINDED_ITEMS, kind::EVALUATED_ITEMS, kind::SHUFFLED_ITEMS] {
            let both = [&none, &all].map(|run| {
                let messages = [run.to_receiver.clone(), run.to_sender.clone()].concat();
                elements(&messages, kind)
            });
            assert!(both[0].is_disjoint(&both[1]), "kind {kind}");
        }
        let blinded = elements(&all.to_sender, kind::BLINDED_ITEMS);
        assert_eq!(blinded.len(), 1000, "no two blinded items are equal");
    }
}

#[test]
fn messages_have_the_documented_lengths() {
    let (receiver, sender) = sets(4100, 50);
    let Recorded { to_receiver, to_sender, .. } =
        Case::new(Protocol::PsiEcdh, Outputs::Both, 0, &receiver, &sender).check();
    let bytes = |messages: &[Vec<u8>], kind| of_kind(messages, kind).iter().map(Vec::len).sum::<usize>();
    assert_eq!(bytes(&to_receiver, kind::SENDER_KEY), 33);
    assert_eq!(bytes(&to_sender, kind::BLINDED_ITEMS), 32 * 4100 + 2);
    assert_eq!(bytes(&to_receiver, kind::EVALUATED_ITEMS), 32 * 4100 + 2);
    assert_eq!((bytes(&to_receiver, kind::FINISHED), bytes(&to_sender, kind::FINISHED)), (33, 33));
    assert_eq!((bytes(&to_sender, kind::MATCHES), bytes(&to_sender, kind::MATCH_BITS)), (42, 1 + 7));

    let Recorded { to_receiver, to_sender, .. } =
        Case::new(Protocol::PsiCardinality, Outputs::Both, 0, &receiver, &sender).check();
    assert_eq!(bytes(&to_sender, kind::BLINDED_ITEMS), 32 * 4100 + 2);
    assert_eq!(bytes(&to_receiver, kind::SHUFFLED_ITEMS), 32 * 4100 + 2);
    assert_eq!(bytes(&to_sender, kind::SIZE), 10);
}

#[test]
fn the_order_of_the_senders_items_reaches_no_message() {
    let receiver = set(0..150);
    let numbers: Vec<u64> = (100..400).collect();
    let shuffled: Vec<u64> = numbers.iter().map(|i| 100 + (i * 77) % 300).collect();
    let [ordered, shuffled] =
        [numbers, shuffled].map(|order| ItemSet::new(order.iter().map(|i| format!("item-{i}"))).unwrap());
    assert_ne!(ordered.get(1), shuffled.get(1));
    for protocol in PROTOCOLS {
        let [one, other] = [&ordered, &shuffled]
            .map(|sender| Case::new(protocol, Outputs::Both, 0, &receiver, sender).check());
        assert!(one.to_receiver == other.to_receiver && one.to_sender == other.to_sender, "{protocol}");
    }
}

/// The receiver of the cardinality may not see either, from where an answer stands, whose it is.
#[test]
fn the_order_of_the_receivers_items_reaches_no_answer() {
    let sender = set(0..50);
    let [ordered, reversed] =
        [(0..40).collect::<Vec<_>>(), (0..40).rev().collect()].map(|order: Vec<u64>| {
            let receiver = ItemSet::new(order.iter().map(|i| format!("item-{i}"))).unwrap();
            Case::new(Protocol::PsiCardinality, Outputs::Both, 0, &receiver, &sender).check()
        });
    assert_ne!(ordered.to_sender, reversed.to_sender);
    // The last message confirms the transcript, which holds the blinded items in their order.
    let answers = |run: &Recorded| shape(&run.to_receiver).len() - 1;
    assert!(ordered.to_receiver[..answers(&ordered)] == reversed.to_receiver[..answers(&reversed)]);
}

/// Counts progress, and stops once it was asked `patience` times.
#[derive(Default)]
struct Watch {
    patience: Option<usize>,
    announced: Vec<(Phase, u64)>,
    advanced: Vec<u64>,
}

impl Observer for Watch {
    fn begin(&mut self, phase: Phase, items: u64) {
        self.announced.push((phase, items));
        self.advanced.push(0);
    }

    fn advance(&mut self, items: u64) {
        *self.advanced.last_mut().unwrap() += items;
        self.patience = self.patience.map(|left| left.saturating_sub(1));
    }

    fn cancelled(&self) -> bool {
        self.patience == Some(0)
    }
}

#[test]
fn progress_adds_up_to_what_each_phase_announces() {
    let (receiver, sender) = sets(4200, 8200);
    for protocol in PROTOCOLS {
        let case = Case::new(protocol, Outputs::Both, 0, &receiver, &sender);
        let (mut ours, mut theirs) = (Watch::default(), Watch::default());
        let [a, b] = case.observed(&mut honest, &mut honest, &mut ours, &mut theirs);
        assert!(a.is_ok() && b.is_ok());
        for watch in [ours, theirs] {
            let phases: Vec<_> = watch.announced.iter().map(|(phase, _)| *phase).collect();
            assert_eq!(phases, [Phase::Exchange, Phase::Matching, Phase::Closing]);
            let announced: Vec<_> = watch.announced.iter().map(|(_, items)| *items).collect();
            assert_eq!(watch.advanced, announced, "{protocol}");
        }
    }
}

#[test]
fn a_cancelled_side_stops_and_the_other_sees_the_channel_closed() {
    let (receiver, sender) = sets(9, 11);
    for (protocol, patience) in PROTOCOLS.into_iter().flat_map(|p| [1, 2, 3].map(|patience| (p, patience))) {
        let case = Case::new(protocol, Outputs::Both, 0, &receiver, &sender);
        for receiver_stops in [true, false] {
            let mut watch = Watch { patience: Some(patience), ..Watch::default() };
            let [ours, theirs] = match receiver_stops {
                true => case.observed(&mut honest, &mut honest, &mut watch, &mut ()),
                false => case.observed(&mut honest, &mut honest, &mut (), &mut watch),
            };
            let (stopped, left) = if receiver_stops { (ours, theirs) } else { (theirs, ours) };
            assert!(matches!(error_of(&stopped), RunError::Cancelled), "{stopped:?}");
            assert_eq!(error_of(&stopped).peer(), None);
            let closed = RunError::Channel {
                peer: if receiver_stops { "receiver" } else { "sender" }.parse().unwrap(),
                cause: ChannelError::Closed,
            };
            assert_eq!(error_of(&left).to_string(), closed.to_string());
        }
    }
}

#[test]
fn a_session_runs_its_own_protocol_with_its_own_number_of_items_alone() {
    let (ours, other) = (set(0..3), set(0..4));
    let sessions = |protocol| agreed_sessions(protocol, Outputs::Receiver, 0, 3, 3);
    let (mut channel, _peer) = memory_pair();
    let mut rng = seeded_rng(1);
    let mut ecdh = |items, session| {
        let ended = psi_ecdh(items, &session, &mut channel, &mut (), &mut rng);
        check_of(&ended.map(|_| Outcome::<Found>::NotEntitled)).clone()
    };
    let wrong = ecdh(&ours, sessions(Protocol::PsiCardinality).1);
    let step = Error::WrongStep { protocol: Protocol::PsiCardinality, role: Role::Sender };
    assert_eq!((wrong.peer(), &wrong), (None, &step));
    let changed = ecdh(&other, sessions(Protocol::PsiEcdh).1);
    assert_eq!((changed.peer(), &changed), (None, &Error::SetChanged { found: 4, expected: 3 }));

    for (session, found) in [(sessions(Protocol::PsiEcdh).0, 3), (sessions(Protocol::PsiCardinality).0, 4)] {
        let items = if found == 3 { &ours } else { &other };
        let ended = psi_cardinality(items, &session, &mut channel, &mut (), &mut seeded_rng(1));
        let error = ended.unwrap_err();
        assert!(
            matches!(error, RunError::Protocol(Error::WrongStep { .. } | Error::SetChanged { .. })),
            "{error:?}"
        );
        assert_eq!(error.peer(), None);
    }
}
