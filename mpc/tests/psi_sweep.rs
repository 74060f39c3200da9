//! Every message of every protocol, in each direction, altered in every way that needs no thought.
//!
//! A side whose incoming message was altered fails and blames the other; so does the other, since the channel
//! ends or the transcripts differ. One thing cannot be otherwise: the receiver has its result before its own
//! last messages arrive (`Matches`, `MatchBits`, `Size`, `Finished`), so it does not see them altered. The
//! sender does, and releases nothing.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod common;

use common::{Case, Ended, Recorded, Script, error_of, follow, honest, kind, set};
use tidegate_mpc::group::Element;
use tidegate_mpc::run::{Outcome, RunError};
use tidegate_mpc::transport::ChannelError;
use tidegate_mpc::{Error, ItemSet, MAX_MESSAGE_BYTES, Outputs, Protocol};

const COMBINATIONS: [(Protocol, Outputs); 4] = [
    (Protocol::PsiEcdh, Outputs::Receiver),
    (Protocol::PsiEcdh, Outputs::Both),
    (Protocol::PsiCardinality, Outputs::Receiver),
    (Protocol::PsiCardinality, Outputs::Both),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Towards {
    Receiver,
    Sender,
}

impl Towards {
    fn messages<'a>(&self, run: &'a Recorded) -> &'a [Vec<u8>] {
        match self {
            Self::Receiver => &run.to_receiver,
            Self::Sender => &run.to_sender,
        }
    }
}

/// A run and what was recorded of it.
struct Scene<'a> {
    case: Case<'a>,
    run: Recorded,
    /// The same parties and items under other seeds.
    other: Recorded,
}

impl<'a> Scene<'a> {
    fn new(protocol: Protocol, outputs: Outputs, receiver: &'a ItemSet, sender: &'a ItemSet) -> Self {
        let case = || Case::new(protocol, outputs, 1, receiver, sender);
        let other = Case { seeds: [101, 102], ..case() }.check();
        Self { case: case(), run: case().check(), other }
    }

    /// Runs with the messages that `script` holds in place of the true ones, and returns why that failed: the
    /// error of the side that they reach, or of the other one where that closed the channel.
    fn play(&self, towards: Towards, script: &Script, what: &str) -> RunError {
        let messages = towards.messages(&self.run);
        let differs = script.iter().any(|(i, message)| message.as_ref() != Some(&messages[*i]));
        assert!(differs, "{what}: nothing is altered");
        let [receiver, sender] = match towards {
            Towards::Receiver => self.case.run(&mut follow(script), &mut honest),
            Towards::Sender => self.case.run(&mut honest, &mut follow(script)),
        };
        let first = *script.keys().next().unwrap();
        let too_late = towards == Towards::Sender && first >= self.first_after_release();
        for (own, peer, ended) in [("receiver", "sender", &receiver), ("sender", "receiver", &sender)] {
            if own == "receiver" && too_late && matches!(ended, Ok(Outcome::Released(_))) {
                continue;
            }
            self.blames(ended, peer, &format!("{what}: {own}"));
        }
        let (reached, other) = match towards {
            Towards::Receiver => (receiver, sender),
            Towards::Sender => (sender, receiver),
        };
        match (reached, other) {
            (Err(closed), Err(cause)) if is_closed(&closed) => cause,
            (reached, _) => reached.expect_err("the side that an altered message reaches fails"),
        }
    }

    /// Requires an error that blames `peer`, and not that nothing came for a minute.
    fn blames(&self, ended: &Ended, peer: &str, what: &str) {
        assert!(ended.is_err(), "{what}: {ended:?}");
        let error = error_of(ended);
        assert_eq!(error.peer().map(ToString::to_string).as_deref(), Some(peer), "{what}: {error:?}");
        let hangs = matches!(error, RunError::Channel { cause: ChannelError::Io(_), .. });
        assert!(!hangs, "{what}: the run hangs");
    }

    /// Number of the first message to the sender that leaves after the receiver has its result.
    fn first_after_release(&self) -> usize {
        let late = [kind::MATCHES, kind::SIZE, kind::FINISHED];
        self.run.to_sender.iter().position(|message| late.contains(&message[0])).unwrap()
    }

    /// Plays `alter` on each message of each direction by itself.
    fn each(
        &self,
        alter: impl Fn(&Self, Towards, usize) -> Vec<(String, Option<Vec<u8>>)>,
        check: impl Fn(&RunError, u8, &str),
    ) {
        for towards in [Towards::Receiver, Towards::Sender] {
            for (i, message) in towards.messages(&self.run).iter().enumerate() {
                for (alteration, altered) in alter(self, towards, i) {
                    let what = format!("message {i} (kind {}) towards {towards:?}: {alteration}", message[0]);
                    let error = self.play(towards, &Script::from([(i, altered)]), &what);
                    check(&error, message[0], &what);
                }
            }
        }
    }
}

fn scenes(with: impl Fn(&Scene<'_>)) {
    let (receiver, sender) = (set(0..3), set(1..5));
    for (protocol, outputs) in COMBINATIONS {
        with(&Scene::new(protocol, outputs, &receiver, &sender));
    }
}

fn is_too_long(error: &RunError) -> bool {
    matches!(error, RunError::Channel { cause: ChannelError::TooLong { .. }, .. })
}

fn is_closed(error: &RunError) -> bool {
    matches!(error, RunError::Channel { cause: ChannelError::Closed, .. })
}

fn is_unexpected(error: &RunError) -> bool {
    matches!(error, RunError::Protocol(Error::UnexpectedMessage { .. }))
}

fn is_malformed(error: &RunError) -> bool {
    matches!(error, RunError::Protocol(Error::Malformed { .. }))
}

fn is_count(error: &RunError) -> bool {
    matches!(error, RunError::Protocol(Error::Count { .. }))
}

/// Every byte with its lowest or its highest bit flipped; of long messages a few bytes of a few elements.
fn flips(message: &[u8]) -> Vec<(String, Option<Vec<u8>>)> {
    let flip = |(byte, bit): (usize, u8)| {
        let mut altered = message.to_vec();
        altered[byte] ^= bit;
        (format!("byte {byte} ^ {bit}"), Some(altered))
    };
    (0..message.len()).flat_map(|byte| [(byte, 1), (byte, 0x80)]).map(flip).collect()
}

/// Which checks may meet a flipped bit; no other error is an answer to one.
fn may_answer_a_flip(error: &RunError) -> bool {
    let RunError::Protocol(error) = error else { return false };
    matches!(
        error,
        Error::Version { .. }
            | Error::PeerName { .. }
            | Error::OwnName { .. }
            | Error::Terms { .. }
            | Error::SameRole { .. }
            | Error::PeerSetTooLarge { .. }
            | Error::UnexpectedMessage { .. }
            | Error::Malformed { .. }
            | Error::Count { .. }
            | Error::BadElement { .. }
            | Error::NotSorted { .. }
            | Error::TagRange { .. }
            | Error::Transcript { .. }
            | Error::ImpossibleCount { .. }
            | Error::BelowMinimum { .. }
            | Error::UnprovenMatches { .. }
    )
}

#[test]
fn every_byte_is_protected() {
    scenes(|scene| {
        let alter = |scene: &Scene<'_>, towards: Towards, i: usize| flips(&towards.messages(&scene.run)[i]);
        scene.each(alter, |error, _, what| assert!(may_answer_a_flip(error), "{what}: {error:?}"));
    });
}

#[test]
fn every_element_is_protected() {
    let carries = [kind::SENDER_KEY, kind::BLINDED_ITEMS, kind::EVALUATED_ITEMS, kind::SHUFFLED_ITEMS];
    scenes(|scene| {
        let alter = |scene: &Scene<'_>, towards: Towards, i: usize| {
            let message = &towards.messages(&scene.run)[i];
            let len = if carries.contains(&message[0]) { message.len() / 32 } else { 0 };
            let places: Vec<_> = [0, len / 2, len.saturating_sub(1)].into_iter().take(len).collect();
            let with = |place: usize, element: [u8; 32]| {
                let mut altered = message.clone();
                altered[1 + 32 * place..][..32].copy_from_slice(&element);
                Some(altered)
            };
            let altered = places.into_iter().flat_map(|place| {
                [
                    (format!("element {place} is the identity"), with(place, [0; 32])),
                    (format!("element {place} is not canonical"), with(place, [0xff; 32])),
                    (format!("element {place} is another"), with(place, Element::hash(&[b"other"]).encode())),
                ]
            });
            altered.collect()
        };
        scene.each(alter, |error, kind, what| {
            let RunError::Protocol(error) = error else { panic!("{what}: {error:?}") };
            let sorted = kind == kind::SHUFFLED_ITEMS && matches!(error, Error::NotSorted { .. });
            let expected = if what.ends_with("another") {
                matches!(error, Error::Transcript { .. })
            } else {
                matches!(error, Error::BadElement { .. })
            };
            assert!(expected || sorted, "{what}: {error:?}");
        });
    });
}

#[test]
fn lengths_are_protected() {
    scenes(|scene| {
        let alter = |scene: &Scene<'_>, towards: Towards, i: usize| {
            let message = &towards.messages(&scene.run)[i];
            vec![
                ("empty".to_owned(), Some(Vec::new())),
                ("its kind alone".to_owned(), Some(message[..1].to_vec())),
                ("one byte less".to_owned(), Some(message[..message.len() - 1].to_vec())),
                ("one byte more".to_owned(), Some([message, &[0][..]].concat())),
                ("oversized".to_owned(), Some(vec![message[0]; MAX_MESSAGE_BYTES + 1])),
                ("closed".to_owned(), None),
            ]
        };
        scene.each(alter, |error, found, what| {
            let fixed = [kind::SENDER_KEY, kind::MATCHES, kind::FINISHED, kind::SIZE].contains(&found);
            let bits = found == kind::MATCH_BITS;
            let lists = [kind::BLINDED_ITEMS, kind::EVALUATED_ITEMS, kind::SHUFFLED_ITEMS].contains(&found);
            let expected = match what.rsplit(": ").next().unwrap() {
                "empty" => is_unexpected(error),
                "its kind alone" if lists || bits => is_count(error),
                "one byte less" | "one byte more" if bits => is_count(error),
                "one byte more" if fixed => is_too_long(error),
                "oversized" => is_too_long(error),
                "closed" => is_closed(error),
                _ => is_malformed(error),
            };
            assert!(expected, "{what}: {error:?}");
        });
    });
}

#[test]
fn kinds_are_protected() {
    let (receiver, sender) = (set(0..3), set(1..5));
    let mut catalogue: Vec<Vec<u8>> = Vec::new();
    for (protocol, outputs) in COMBINATIONS {
        let run = Scene::new(protocol, outputs, &receiver, &sender).other;
        for message in run.to_receiver.into_iter().chain(run.to_sender) {
            if catalogue.iter().all(|known| known[0] != message[0]) {
                catalogue.push(message);
            }
        }
    }
    assert_eq!(catalogue.len(), 10, "one message of each kind");
    scenes(|scene| {
        let alter = |scene: &Scene<'_>, towards: Towards, i: usize| {
            let message = &towards.messages(&scene.run)[i];
            let others = catalogue.iter().filter(|other| other[0] != message[0]);
            let others = others.map(|other| (format!("kind {} instead", other[0]), Some(other.clone())));
            let relabelled = (0..=12)
                .chain([255])
                .filter(|kind| *kind != message[0])
                .map(|kind| (format!("labelled {kind}"), Some([&[kind][..], &message[1..]].concat())));
            others.chain(relabelled).collect()
        };
        scene.each(alter, |error, _, what| {
            assert!(is_unexpected(error) || is_too_long(error), "{what}: {error:?}");
        });
    });
}

#[test]
fn replays_and_swaps_are_refused() {
    scenes(|scene| {
        for towards in [Towards::Receiver, Towards::Sender] {
            let messages = towards.messages(&scene.run);
            for (i, pair) in messages.windows(2).enumerate() {
                let [before, after] = pair else { unreachable!("windows of two") };
                let what = format!("messages {i} and {} towards {towards:?}", i + 1);
                let replayed = Script::from([(i + 1, Some(before.clone()))]);
                let error = scene.play(towards, &replayed, &format!("{what} replayed"));
                assert!(is_unexpected(&error) || is_too_long(&error), "{what} replayed: {error:?}");
                let swapped = Script::from([(i, Some(after.clone())), (i + 1, Some(before.clone()))]);
                let error = scene.play(towards, &swapped, &format!("{what} swapped"));
                assert!(is_unexpected(&error) || is_too_long(&error), "{what} swapped: {error:?}");
            }
        }
    });
}

#[test]
fn messages_of_another_session_are_refused() {
    scenes(|scene| {
        let alter = |scene: &Scene<'_>, towards: Towards, i: usize| {
            let other = towards.messages(&scene.other)[i].clone();
            // Which tags matched is the same by chance, where neither set nor order differs.
            let same = other == towards.messages(&scene.run)[i];
            if same { Vec::new() } else { vec![("of another session".to_owned(), Some(other))] }
        };
        scene.each(alter, |error, kind, what| {
            let RunError::Protocol(error) = error else { panic!("{what}: {error:?}") };
            let proof = [kind::MATCHES, kind::MATCH_BITS].contains(&kind);
            let expected = match error {
                Error::Transcript { .. } => !proof,
                Error::UnprovenMatches { .. } => proof,
                _ => false,
            };
            assert!(expected, "{what}: {error:?}");
        });
    });
}

/// Whole runs of two chunks: chunks of one kind replayed, swapped, or cut to each other's length.
#[test]
fn chunks_keep_their_places() {
    let (receiver, sender) = (set(0..4100), set(0..3));
    for (protocol, outputs) in [COMBINATIONS[0], COMBINATIONS[2]] {
        let scene = Scene::new(protocol, outputs, &receiver, &sender);
        for towards in [Towards::Receiver, Towards::Sender] {
            let messages = towards.messages(&scene.run);
            let first = messages.windows(2).position(|pair| pair[0][0] == pair[1][0]).unwrap();
            let (long, short) = (&messages[first], &messages[first + 1]);
            assert_eq!((long.len(), short.len()), (1 + 32 * 4096, 1 + 32 * 4));
            let scripts = [
                ("replayed", Script::from([(first + 1, Some(long.clone()))])),
                ("swapped", Script::from([(first, Some(short.clone())), (first + 1, Some(long.clone()))])),
                ("cut by an element", Script::from([(first, Some(long[..long.len() - 32].to_vec()))])),
                ("without elements", Script::from([(first + 1, Some(short[..1].to_vec()))])),
            ];
            for (what, script) in scripts {
                let error = scene.play(towards, &script, what);
                assert!(is_count(&error), "{protocol} {towards:?} {what}: {error:?}");
            }
        }
    }
}
