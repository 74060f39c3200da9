//! Several parties on one port.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use super::*;

struct Host {
    address: SocketAddr,
    notices: mpsc::Receiver<LinkNotice>,
    thread: JoinHandle<Result<BTreeMap<PartyId, Link>, LinkError>>,
}

/// Gathers `guests` in another thread; the host's name is `hub`.
fn host(host: Identity, guests: Vec<(PartyId, PublicKey)>, timing: Timing) -> Host {
    let (notices, noticed) = mpsc::channel();
    let thread = thread::spawn(move || {
        let config = GatherConfig { identity: &host, guests: &guests, alpn: ALPN, timing };
        gather("127.0.0.1:0", &config, &CancelToken::new(), &mut |notice| drop(notices.send(notice)))
    });
    let Ok(LinkNotice::Listening { address }) = noticed.recv() else { panic!("does not listen") };
    Host { address, notices: noticed, thread }
}

fn guest(identity: Identity, hub: PublicKey) -> Side {
    Side { identity, peer_name: "hub", peer_key: hub, alpn: ALPN, timing: QUICK }
}

fn names(guests: &[&str]) -> (Vec<Identity>, Vec<(PartyId, PublicKey)>) {
    let keys: Vec<_> = guests.iter().map(|_| identity()).collect();
    let named = guests.iter().zip(&keys).map(|(name, key)| (name.parse().unwrap(), key.public()));
    let named = named.collect();
    (keys, named)
}

fn read_to_end(link: &mut Link) -> String {
    let mut text = String::new();
    link.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn every_guest_gets_a_link_of_its_own_and_strangers_none() {
    let (keys, guests) = names(&["a", "b", "c"]);
    let hub = identity();
    let hub_key = hub.public();
    let host = host(hub, guests, QUICK);
    let stranger = guest(identity(), hub_key).connect(host.address);
    assert!(matches!(stranger, Err(LinkError::PeerRefusedKey { .. })), "{stranger:?}");
    let sides: Vec<_> = keys.into_iter().map(|key| guest(key, hub_key)).collect();
    let mut own: Vec<_> = sides.iter().map(|side| side.connect(host.address).unwrap()).collect();
    let mut links = host.thread.join().unwrap().unwrap();
    let others: Vec<_> = host.notices.iter().collect();
    assert!(others.iter().any(|notice| matches!(notice, LinkNotice::Refused { .. })), "{others:?}");
    assert_eq!(links.keys().map(PartyId::as_str).collect::<Vec<_>>(), ["a", "b", "c"]);
    for (link, name) in own.iter_mut().zip(["a", "b", "c"]) {
        link.write_all(name.as_bytes()).unwrap();
        link.flush().unwrap();
    }
    let closing: Vec<_> = own.into_iter().map(|link| thread::spawn(move || link.close().unwrap())).collect();
    for (party, link) in &mut links {
        assert_eq!(read_to_end(link), party.as_str());
    }
    for link in links.into_values() {
        link.close().unwrap();
    }
    for thread in closing {
        thread.join().unwrap();
    }
}

#[test]
fn those_who_do_not_come_are_not_waited_for_any_longer_than_agreed() {
    let (keys, guests) = names(&["a", "b"]);
    let hub = identity();
    let hub_key = hub.public();
    let timing = Timing { establish: Duration::from_millis(1500), ..QUICK };
    let host = host(hub, guests, timing);
    let a = guest(keys.into_iter().next().unwrap(), hub_key).connect(host.address).unwrap();
    let links = host.thread.join().unwrap().unwrap();
    assert_eq!(links.keys().map(PartyId::as_str).collect::<Vec<_>>(), ["a"]);
    drop((a, links));
}

#[test]
fn a_guest_that_comes_again_takes_its_own_place() {
    let (mut keys, guests) = names(&["a", "b"]);
    let hub = identity();
    let hub_key = hub.public();
    let host = host(hub, guests, QUICK);
    let (b, a) = (keys.pop().unwrap(), keys.pop().unwrap());
    let a = guest(a, hub_key);
    drop(a.connect(host.address).unwrap());
    let mut again = a.connect(host.address).unwrap();
    let b = guest(b, hub_key).connect(host.address).unwrap();
    let mut links = host.thread.join().unwrap().unwrap();
    again.write_all(b"again").unwrap();
    again.flush().unwrap();
    let closing = thread::spawn(move || again.close().unwrap());
    let mut link = links.remove(&"a".parse().unwrap()).unwrap();
    assert_eq!(read_to_end(&mut link), "again");
    link.close().unwrap();
    closing.join().unwrap();
    drop((b, links));
}
