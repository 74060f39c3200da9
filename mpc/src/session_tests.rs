use super::*;
use crate::testing::{seeded_rng, terms};

fn pair() -> (Terms, Terms) {
    let make = |role| terms(Protocol::PsiEcdh, role, Outputs::Receiver, 5);
    (make(Role::Receiver), make(Role::Sender))
}

fn agree(own: &Terms, other: &Terms) -> Result<Session, Error> {
    agree_with(own, &Hello::new(other, 20, &mut seeded_rng(2)))
}

fn agree_with(own: &Terms, hello: &Hello) -> Result<Session, Error> {
    Session::agree(own, &Hello::new(own, 10, &mut seeded_rng(1)), hello)
}

#[test]
fn both_sides_derive_the_same_session() {
    let (receiver, sender) = pair();
    let (a, b) = (Hello::new(&receiver, 10, &mut seeded_rng(1)), Hello::new(&sender, 20, &mut seeded_rng(2)));
    let ours = Session::agree(&receiver, &a, &b).unwrap();
    let theirs = Session::agree(&sender, &b, &a).unwrap();
    assert_eq!(ours.id(), theirs.id());
    assert_eq!((ours.role(), theirs.role()), (Role::Receiver, Role::Sender));
    assert_eq!((ours.receiver_len(), ours.sender_len()), (10, 20));
    assert_eq!((theirs.receiver_len(), theirs.sender_len()), (10, 20));
}

#[test]
fn every_field_enters_the_session_id() {
    let (receiver, sender) = pair();
    let hello = |change: &dyn Fn(&mut Hello)| {
        let mut hello = Hello::new(&receiver, 10, &mut seeded_rng(1));
        change(&mut hello);
        session_id(&hello, &Hello::new(&sender, 20, &mut seeded_rng(2)))
    };
    let changes: [&dyn Fn(&mut Hello); 11] = [
        &|_| {},
        &|h| h.version += 1,
        &|h| h.protocol = Protocol::PsiCardinality,
        &|h| h.agreement[31] ^= 1,
        &|h| h.channel_binding[0] ^= 1,
        &|h| h.from = "x".parse().unwrap(),
        &|h| h.to = "x".parse().unwrap(),
        &|h| h.outputs = Outputs::Both,
        &|h| h.minimum += 1,
        &|h| h.set_len += 1,
        &|h| h.nonce[5] ^= 1,
    ];
    let mut ids: Vec<_> = changes.iter().map(|change| hello(change)).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), changes.len());
}

#[test]
fn greetings_survive_encoding() {
    let (receiver, sender) = pair();
    let hello = Hello::new(&sender, 20, &mut seeded_rng(2));
    assert_eq!(Hello::decode(&hello.encode(), &receiver.peer), Ok(hello));
}

#[test]
fn different_terms_are_named() {
    let (receiver, sender) = pair();
    let term = |change: &dyn Fn(&mut Terms)| {
        let mut other = sender.clone();
        change(&mut other);
        match agree(&receiver, &other) {
            Err(Error::Terms { term, .. }) => term,
            found => panic!("{found:?}"),
        }
    };
    assert_eq!(term(&|t| t.agreement = [8; 32]), Term::Agreement);
    assert_eq!(term(&|t| t.protocol = Protocol::PsiCardinality), Term::Protocol);
    assert_eq!(term(&|t| t.channel_binding = [8; 32]), Term::Channel);
    assert_eq!(term(&|t| t.outputs = Outputs::Both), Term::Outputs);
    assert_eq!(term(&|t| t.role = RoleChoice::SmallerReceives), Term::Outputs);
    assert_eq!(term(&|t| t.minimum = 6), Term::Minimum);
}

#[test]
fn names_version_role_reflection_and_size_are_checked() {
    let (receiver, sender) = pair();
    let peer = receiver.peer.clone();
    let other = |change: &dyn Fn(&mut Terms)| {
        let mut other = sender.clone();
        change(&mut other);
        agree(&receiver, &other).unwrap_err()
    };
    assert_eq!(other(&|t| t.own = "x".parse().unwrap()), Error::PeerName { peer: peer.clone() });
    assert_eq!(other(&|t| t.peer = "x".parse().unwrap()), Error::OwnName { peer: peer.clone() });
    let role = Role::Receiver;
    assert_eq!(other(&|t| t.role = RoleChoice::Fixed(role)), Error::SameRole { peer: peer.clone(), role });

    let mut hello = Hello::new(&sender, 20, &mut seeded_rng(1));
    assert_eq!(agree_with(&receiver, &hello).unwrap_err(), Error::Reflected { peer: peer.clone() });
    hello.version = 2;
    let version = Error::Version { peer: peer.clone(), found: 2, expected: 1 };
    assert_eq!(agree_with(&receiver, &hello).unwrap_err(), version);

    let small = Terms { max_peer_len: 19, ..receiver.clone() };
    assert_eq!(agree(&small, &sender).unwrap_err(), Error::PeerSetTooLarge { peer, found: 20, max: 19 });
}

#[test]
fn the_smaller_set_receives_and_the_lesser_name_of_equal_ones() {
    let (mut a, mut b) = pair();
    (a.role, b.role) = (RoleChoice::SmallerReceives, RoleChoice::SmallerReceives);
    let roles = |a_len, b_len| {
        let (x, y) = (Hello::new(&a, a_len, &mut seeded_rng(1)), Hello::new(&b, b_len, &mut seeded_rng(2)));
        [Session::agree(&a, &x, &y).unwrap().role(), Session::agree(&b, &y, &x).unwrap().role()]
    };
    assert_eq!(roles(1, 2), [Role::Receiver, Role::Sender]);
    assert_eq!(roles(2, 1), [Role::Sender, Role::Receiver]);
    assert_eq!(roles(2, 2), [Role::Receiver, Role::Sender]);
}

#[test]
fn offers_are_compared_field_by_field() {
    let (receiver, sender) = pair();
    let peer = receiver.peer.clone();
    let own = Offer::new(&receiver);
    let check = |change: &dyn Fn(&mut Offer)| {
        let mut offer = Offer::new(&sender);
        change(&mut offer);
        own.check(&Offer::decode(&offer.encode(), &peer).unwrap(), &peer)
    };
    let terms = |term| Err(Error::Terms { peer: peer.clone(), term });
    assert_eq!(check(&|_| {}), Ok(()));
    assert_eq!(check(&|o| o.agreement[0] ^= 1), terms(Term::Agreement));
    assert_eq!(check(&|o| o.protocol = 2), terms(Term::Protocol));
    assert_eq!(check(&|o| o.protocol = 99), terms(Term::Protocol));
    assert_eq!(check(&|o| o.version = 2), Err(Error::Version { peer: peer.clone(), found: 2, expected: 1 }));
}
