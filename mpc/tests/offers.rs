//! Offers over a channel: every byte counts, and a peer that offers something else is named.
#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use tidegate_mpc::run::{RunError, compare_offers};
use tidegate_mpc::testing::{Tamper, Tampered, terms};
use tidegate_mpc::transport::{ChannelError, memory_pair};
use tidegate_mpc::{Error, Outputs, Protocol, Role, Term, Terms};

fn side(role: Role) -> Terms {
    terms(Protocol::PsiEcdh, role, Outputs::Receiver, 0)
}

/// Compares the offers of two sides; those of the sender pass `tamper` on their way to the receiver.
fn compare(receiver: &Terms, sender: &Terms, tamper: Tamper<'_>) -> [Result<(), RunError>; 2] {
    let (a, b) = memory_pair();
    let mut honest = |_, message| Some(message);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| compare_offers(sender, &mut Tampered::new(b, &mut honest)));
        let mut channel = Tampered::new(a, tamper);
        let own = compare_offers(receiver, &mut channel);
        drop(channel);
        [own, other.join().unwrap()]
    })
}

fn protocol(result: Result<(), RunError>) -> Error {
    match result {
        Err(RunError::Protocol(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn session_7_every_byte_of_an_offer() {
    let (receiver, sender) = (side(Role::Receiver), side(Role::Sender));
    let [own, other] = compare(&receiver, &sender, &mut |_, message| Some(message));
    assert!(own.is_ok() && other.is_ok());
    for place in 0..36 {
        let [own, _] = compare(&receiver, &sender, &mut |_, mut message| {
            assert_eq!(message.len(), 36);
            *message.get_mut(place).unwrap() ^= 1;
            Some(message)
        });
        let error = protocol(own);
        assert_eq!(error.peer(), Some(&receiver.peer), "{place}: {error:?}");
        match place {
            0 => assert!(matches!(error, Error::UnexpectedMessage { .. }), "{error:?}"),
            1..3 => assert!(matches!(error, Error::Version { .. }), "{error:?}"),
            3 => assert!(matches!(error, Error::Terms { term: Term::Protocol, .. }), "{error:?}"),
            _ => assert!(matches!(error, Error::Terms { term: Term::Agreement, .. }), "{error:?}"),
        }
    }
}

#[test]
fn session_7_offers_of_another_length_or_none() {
    let (receiver, sender) = (side(Role::Receiver), side(Role::Sender));
    let with = |change: &mut (dyn FnMut(Vec<u8>) -> Option<Vec<u8>> + Send)| {
        let [own, _] = compare(&receiver, &sender, &mut |_, message| change(message));
        own
    };
    let shorter = with(&mut |message| Some(message.split_last().unwrap().1.to_vec()));
    assert!(matches!(protocol(shorter), Error::Malformed { .. }));
    let longer = with(&mut |message| Some([&message[..], &[0]].concat()));
    assert!(matches!(
        longer,
        Err(RunError::Channel { cause: ChannelError::TooLong { found: 37, max: 36 }, .. })
    ));
    assert!(matches!(with(&mut |_| None), Err(RunError::Channel { cause: ChannelError::Closed, .. })));
}

#[test]
fn session_7_both_sides_find_out() {
    let receiver = side(Role::Receiver);
    let sender = Terms { agreement: [8; 32], ..side(Role::Sender) };
    for (result, terms) in
        compare(&receiver, &sender, &mut |_, message| Some(message)).into_iter().zip([&receiver, &sender])
    {
        let expected = Error::Terms { peer: terms.peer.clone(), term: Term::Agreement };
        assert_eq!(protocol(result), expected);
    }
}
