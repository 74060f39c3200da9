//! Finds the common items of two parties in one process, over a channel in memory.
//! Run: `cargo run --example psi_in_memory`

use std::error::Error;
use std::io::{Write, stdout};
use std::thread;

use tidegate_mpc::run::{Outcome, RunError, compare_offers, greet, psi_ecdh};
use tidegate_mpc::transport::{Channel, memory_pair};
use tidegate_mpc::{ItemSet, Outputs, PartyId, Protocol, Role, RoleChoice, Terms};

/// What one party holds for agreed; the agreement is the same, own and peer change places.
fn terms(own: &PartyId, peer: &PartyId, role: Role) -> Terms {
    Terms {
        protocol: Protocol::PsiEcdh,
        agreement: [1; 32],
        // The two ends of a real link derive this from its keys, see the example `psi_over_tls`.
        channel_binding: [0; 32],
        own: own.clone(),
        peer: peer.clone(),
        role: RoleChoice::Fixed(role),
        outputs: Outputs::Receiver,
        minimum: 2,
        max_peer_len: 1000,
    }
}

/// Runs one side; returns which of its items are common, where it may know.
fn side(items: &ItemSet, terms: &Terms, mut channel: impl Channel) -> Result<Option<Vec<u32>>, RunError> {
    let rng = &mut rand::rng();
    compare_offers(terms, &mut channel)?;
    let session = greet(terms, items.len(), &mut channel, rng)?;
    match psi_ecdh(items, &session, &mut channel, &mut (), rng)? {
        Outcome::Released(common) => Ok(Some(common.indices().to_vec())),
        Outcome::Withheld | Outcome::NotEntitled => Ok(None),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (library, club): (PartyId, PartyId) = ("library".parse()?, "club".parse()?);
    let readers = ItemSet::new(["ada", "ben", "cem", "dora"])?;
    let members = ItemSet::new(["dora", "emil", "ben"])?;

    let (ours, theirs) = memory_pair();
    let lending = terms(&club, &library, Role::Sender);
    let (found, lent) = thread::scope(|scope| {
        let lent = scope.spawn(|| side(&members, &lending, theirs));
        (side(&readers, &terms(&library, &club, Role::Receiver), ours), lent.join())
    });

    assert_eq!(found?, Some(vec![1, 3]), "ben and dora");
    assert_eq!(lent.expect("no panic")?, None, "the club learns how many readers there are, and no more");
    writeln!(stdout(), "2 of the library's 4 readers are members of the club")?;
    Ok(())
}
