//! Counts the common items of two parties, state by state and without any channel; nobody learns which.
//! Run: `cargo run --example cardinality`

use std::error::Error;
use std::io::{Write, stdout};

use tidegate_mpc::psi::cardinality::{Receiver, Sender};
use tidegate_mpc::{Hello, ItemSet, Outputs, Protocol, Role, RoleChoice, Session, Terms};

/// What the party with this role holds for agreed.
fn terms(role: Role) -> Result<Terms, Box<dyn Error>> {
    Ok(Terms {
        protocol: Protocol::PsiCardinality,
        agreement: [1; 32],
        channel_binding: [0; 32],
        own: role.to_string().parse()?,
        peer: role.other().to_string().parse()?,
        role: RoleChoice::Fixed(role),
        outputs: Outputs::Receiver,
        minimum: 100,
        max_peer_len: 100_000,
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let rng = &mut rand::rng();
    let ours = ItemSet::new((0..1000).map(|number| format!("person {number}")))?;
    let theirs = ItemSet::new((750..2750).map(|number| format!("person {number}")))?;

    // Both greet, and derive the same session.
    let (receiving, sending) = (terms(Role::Receiver)?, terms(Role::Sender)?);
    let hello = Hello::new(&receiving, ours.len(), rng);
    let answer = Hello::new(&sending, theirs.len(), rng);
    let session = Session::agree(&receiving, &hello, &answer)?;
    let other = Session::agree(&sending, &answer, &hello)?;

    // The receiver sends its items blinded; the sender tags its own meanwhile.
    let mut receiver = Receiver::start(&ours, &session, rng)?;
    let mut sender = Sender::start(&theirs, &other, rng)?;
    while let Some(blinded) = receiver.blind_next() {
        sender.accept(&blinded)?;
    }
    while sender.tag_next() > 0 {}

    // The sender returns them shuffled, and then its tags.
    let (mut sending, mut awaiting) = (sender.close()?, receiver.close()?);
    while let Some(shuffled) = sending.next_items() {
        awaiting.accept(&shuffled)?;
    }
    let mut awaiting = awaiting.close()?;
    while let Some(tags) = sending.next_tags() {
        awaiting.accept(&tags)?;
    }

    let count = awaiting.close()?.release().ok_or("fewer than the minimum of 100 are common")?;
    assert_eq!(count, 250);
    writeln!(stdout(), "{count} of {} and {} people are common", ours.len(), theirs.len())?;
    Ok(())
}
