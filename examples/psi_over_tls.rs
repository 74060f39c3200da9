//! Finds the common items of two parties that know each other's key, over TLS on this machine.
//! Run: `cargo run --example psi_over_tls`

use std::error::Error;
use std::io::{Write, stdout};
use std::sync::mpsc::channel;
use std::thread;

use tidegate::identity::{Identity, PublicKey};
use tidegate::link::{CancelToken, Endpoint, LinkConfig, LinkNotice, Timing, establish};
use tidegate_mpc::run::{Outcome, compare_offers, greet, psi_ecdh};
use tidegate_mpc::transport::Framed;
use tidegate_mpc::{ItemSet, Outputs, PartyId, Protocol, RoleChoice, Terms};

/// One side: who it is, whom it meets, where, and what it brings.
struct Side {
    own: PartyId,
    identity: Identity,
    peer: PartyId,
    peer_key: PublicKey,
    endpoint: Endpoint,
    items: ItemSet,
}

impl Side {
    /// Runs the side, and returns the common ones of its items; says where it listens.
    fn run(&self, notice: &mut dyn FnMut(LinkNotice)) -> Result<Vec<u32>, Box<dyn Error + Send + Sync>> {
        let (peer_name, peer_key) = (self.peer.clone(), self.peer_key);
        let (alpn, timing) = (b"tidegate-example/1", Timing::default());
        let config = LinkConfig { identity: &self.identity, peer_name, peer_key, alpn, timing };
        let link = establish(&self.endpoint, &config, &CancelToken::new(), notice)?;
        let terms = Terms {
            protocol: Protocol::PsiEcdh,
            agreement: [1; 32],
            channel_binding: link.channel_binding(),
            own: self.own.clone(),
            peer: self.peer.clone(),
            role: RoleChoice::SmallerReceives,
            outputs: Outputs::Both,
            minimum: 0,
            max_peer_len: 1000,
        };
        let (mut channel, rng) = (Framed::new(link), &mut rand::rng());
        compare_offers(&terms, &mut channel)?;
        let session = greet(&terms, self.items.len(), &mut channel, rng)?;
        let outcome = psi_ecdh(&self.items, &session, &mut channel, &mut (), rng)?;
        channel.into_inner().close()?;
        let Outcome::Released(common) = outcome else { return Err("nothing was released".into()) };
        Ok(common.indices().to_vec())
    }
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let (library, club): (PartyId, PartyId) = ("library".parse()?, "club".parse()?);
    let [ours, theirs] = [(), ()].map(|()| Identity::generate(&mut rand::rng()));
    let (our_key, their_key) = (ours.public(), theirs.public());

    let (port, ports) = channel();
    let (own, peer, endpoint) = (library.clone(), club.clone(), Endpoint::Listen("127.0.0.1:0".into()));
    let items = ItemSet::new(["ada", "ben", "cem", "dora"])?;
    let library_side = Side { own, identity: ours, peer, peer_key: their_key, endpoint, items };
    let listening = thread::spawn(move || {
        library_side.run(&mut |notice| {
            if let LinkNotice::Listening { address } = notice {
                port.send(address).expect("the other side waits for it");
            }
        })
    });
    let (endpoint, items) =
        (Endpoint::Connect(ports.recv()?.to_string()), ItemSet::new(["dora", "emil", "ben"])?);
    let club_side = Side { own: club, identity: theirs, peer: library, peer_key: our_key, endpoint, items };
    let members = club_side.run(&mut |_| {})?;
    let readers = listening.join().expect("no panic")?;

    assert_eq!((readers, members), (vec![1, 3], vec![0, 2]), "ben and dora");
    writeln!(stdout(), "ben and dora are readers and members; neither side showed anyone else")?;
    Ok(())
}
