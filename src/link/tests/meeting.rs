//! How the parties find each other, and who is turned away.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use super::*;

/// Returns an address on which nothing listens.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn the_listener_may_start_first() {
    let (to_bob, to_alice) = pair();
    assert_eq!(to_bob.peer_name().as_str(), "bob");
    assert_eq!(to_alice.peer_name().as_str(), "alice");
    assert_eq!(to_bob.key_exchange(), "X25519MLKEM768");
    assert_eq!(to_alice.key_exchange(), "X25519MLKEM768");
    assert_eq!(to_bob.channel_binding(), to_alice.channel_binding());
    let (other, _kept) = pair();
    assert_ne!(to_bob.channel_binding(), other.channel_binding());
}

#[test]
fn the_connecting_side_may_start_first() {
    let (alice, bob) = sides();
    let address = free_address();
    let (waiting, waits) = mpsc::channel();
    let thread = thread::spawn(move || {
        let endpoint = Endpoint::Connect(address.to_string());
        bob.establish(&endpoint, &CancelToken::new(), &mut |notice| waiting.send(notice).unwrap())
    });
    assert_eq!(waits.recv().unwrap(), LinkNotice::Waiting { address: address.to_string() });
    thread::sleep(Duration::from_millis(300));
    let endpoint = Endpoint::Listen(address.to_string());
    alice.establish(&endpoint, &CancelToken::new(), &mut |_| {}).unwrap();
    thread.join().unwrap().unwrap();
    assert!(waits.recv().is_err(), "said once");
}

#[test]
fn a_foreign_server_key_fails_at_once() {
    let (alice, mut bob) = sides();
    let (right, wrong) = (bob.peer_key, identity().public());
    bob.peer_key = wrong;
    let listening = alice.listen();
    match bob.connect(listening.address) {
        Err(LinkError::WrongPeerKey { peer, expected, found }) => {
            assert_eq!(peer.as_str(), "alice");
            assert_eq!((expected, found), (wrong.fingerprint(), right.fingerprint()));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(listening.refusal(), Refusal::RefusedUs);
    bob.peer_key = right;
    bob.connect(listening.address).unwrap();
    listening.join().unwrap();
}

#[test]
fn a_foreign_client_is_told_so_and_does_not_end_the_wait() {
    let (alice, mut bob) = sides();
    let listening = alice.listen();
    let stranger = identity();
    let fingerprint = stranger.public().fingerprint();
    let bobs = std::mem::replace(&mut bob.identity, stranger);
    let refused = bob.connect(listening.address);
    assert!(matches!(refused, Err(LinkError::PeerRefusedKey { .. })), "{refused:?}");
    assert_eq!(listening.refusal(), Refusal::WrongKey { fingerprint });
    bob.identity = bobs;
    bob.connect(listening.address).unwrap();
    listening.join().unwrap();
}

#[test]
fn other_versions_are_named_on_both_sides() {
    let (alice, mut bob) = sides();
    bob.alpn = b"tidegate-test/2";
    let listening = alice.listen();
    let bobs = bob.connect(listening.address).unwrap_err();
    let alices = listening.join().unwrap_err();
    for (error, mine, others) in [(alices, "test/1", "test/2"), (bobs, "test/2", "test/1")] {
        let LinkError::VersionMismatch { ours, found: Some(found), .. } = &error else { panic!("{error:?}") };
        assert_eq!(
            (ours.as_str(), found.as_str()),
            (&*format!("tidegate-{mine}"), &*format!("tidegate-{others}"))
        );
        assert!(error.hint().is_some());
    }
}

#[test]
fn a_stranger_of_another_version_does_not_end_the_wait() {
    let (alice, bob) = sides();
    let listening = alice.listen();
    let (_, mut stranger) = sides();
    stranger.alpn = b"tidegate-test/2";
    stranger.peer_key = bob.peer_key;
    let refused = stranger.connect(listening.address);
    assert!(matches!(refused, Err(LinkError::PeerRefusedKey { .. })), "{refused:?}");
    bob.connect(listening.address).unwrap();
    listening.join().unwrap();
}

#[test]
fn garbage_does_not_end_the_wait() {
    let (alice, bob) = sides();
    let listening = alice.listen();
    let mut scanner = TcpStream::connect(listening.address).unwrap();
    scanner.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(listening.refusal(), Refusal::NotTls);
    drop(TcpStream::connect(listening.address).unwrap());
    assert_eq!(listening.refusal(), Refusal::Cut);
    bob.connect(listening.address).unwrap();
    listening.join().unwrap();
}

#[test]
fn a_crowd_that_says_nothing_does_not_keep_the_peer_out() {
    let (mut alice, bob) = sides();
    alice.timing.handshake = Duration::from_secs(60);
    let listening = alice.listen();
    let _crowd: Vec<_> = (0..100).map(|_| TcpStream::connect(listening.address).unwrap()).collect();
    bob.connect(listening.address).unwrap();
    listening.join().unwrap();
}

#[test]
fn a_slow_stranger_is_put_out() {
    let (mut alice, bob) = sides();
    alice.timing.handshake = Duration::from_millis(500);
    let listening = alice.listen();
    let _slow = TcpStream::connect(listening.address).unwrap();
    assert_eq!(listening.refusal(), Refusal::TimedOut);
    bob.connect(listening.address).unwrap();
    listening.join().unwrap();
}

#[test]
fn another_service_at_the_address_is_named() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let thread = thread::spawn(move || {
        let (mut tcp, _) = server.accept().unwrap();
        tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        let _ = tcp.read_to_end(&mut Vec::new());
    });
    let (_, bob) = sides();
    let error = bob.connect(address).unwrap_err();
    assert!(matches!(error, LinkError::PeerNotTls { .. }), "{error:?}");
    thread.join().unwrap();
}

#[test]
fn a_peer_that_never_comes_is_an_error_in_time() {
    let (mut alice, mut bob) = sides();
    for side in [&mut alice, &mut bob] {
        side.timing.establish = Duration::from_millis(400);
    }
    let listening = alice.listen();
    assert!(matches!(listening.join(), Err(LinkError::PeerAbsent { source: None, .. })));
    let error = bob.connect(free_address()).unwrap_err();
    let LinkError::PeerAbsent { source: Some(cause), .. } = &error else { panic!("{error:?}") };
    assert_eq!(cause.kind(), std::io::ErrorKind::ConnectionRefused);
    assert_eq!(error.to_string(), "party `alice` could not be reached within 0.4 s");
}

#[test]
fn a_server_that_hangs_up_is_tried_again() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let (knocks, knocked) = mpsc::channel();
    thread::spawn(move || while knocks.send(server.accept().map(drop)).is_ok() {});
    let (_, mut bob) = sides();
    bob.timing.establish = Duration::from_millis(800);
    assert!(matches!(bob.connect(address), Err(LinkError::PeerAbsent { source: Some(_), .. })));
    assert!(knocked.try_iter().count() > 1);
}

#[test]
fn waiting_can_be_cancelled() {
    for endpoint in [Endpoint::Listen("127.0.0.1:0".into()), Endpoint::Connect(free_address().to_string())] {
        let (alice, _) = sides();
        let cancel = CancelToken::new();
        let canceller = cancel.clone();
        let thread = thread::spawn(move || {
            thread::sleep(Duration::from_millis(200));
            canceller.cancel();
        });
        let start = Instant::now();
        let cancelled = alice.establish(&endpoint, &cancel, &mut |_| {});
        assert!(matches!(cancelled, Err(LinkError::Cancelled)), "{cancelled:?}");
        assert!(start.elapsed() < QUICK.establish / 2);
        thread.join().unwrap();
    }
}

#[test]
fn bad_addresses_are_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let attempt = |endpoint| sides().0.establish(&endpoint, &CancelToken::new(), &mut |_| {}).unwrap_err();
    let in_use = attempt(Endpoint::Listen(address.clone()));
    assert!(matches!(&in_use, LinkError::AddressInUse { address: found } if *found == address), "{in_use:?}");
    assert!(in_use.hint().is_some() && in_use.peer().is_none());
    for bad in ["", "host", ":80", "host:", "host:http", "host:70000", "127.0.0.1:5:5", "[::1:5", "::1:5"] {
        for endpoint in [Endpoint::Listen(bad.into()), Endpoint::Connect(bad.into())] {
            let error = attempt(endpoint);
            assert!(matches!(error, LinkError::BadAddress { .. }), "{bad:?}: {error:?}");
        }
    }
    // An address of documentation (RFC 5737), which no machine has.
    let foreign = attempt(Endpoint::Listen("192.0.2.1:7700".into()));
    assert!(matches!(foreign, LinkError::CannotListen { .. }), "{foreign:?}");
    let unknown = attempt(Endpoint::Listen("a host with spaces:7700".into()));
    assert!(matches!(unknown, LinkError::UnknownHost { .. }), "{unknown:?}");
}

#[test]
fn a_host_that_is_unknown_yet_is_asked_for_again() {
    let mut side = sides().0;
    side.timing.establish = Duration::from_millis(500);
    let endpoint = Endpoint::Connect("a host with spaces:7700".into());
    let mut notices = Vec::new();
    let absent =
        side.establish(&endpoint, &CancelToken::new(), &mut |notice| notices.push(notice)).unwrap_err();
    assert!(matches!(&absent, LinkError::PeerAbsent { source: Some(_), .. }), "{absent:?}");
    assert_eq!(notices.len(), 1);
}

#[test]
fn a_port_is_free_again_after_the_link() {
    let address = free_address();
    for _ in 0..2 {
        let (alice, bob) = sides();
        let thread = thread::spawn(move || {
            let endpoint = Endpoint::Listen(address.to_string());
            alice.establish(&endpoint, &CancelToken::new(), &mut |_| {})
        });
        let to_alice = bob.connect(address).unwrap();
        let closing = thread::spawn(move || thread.join().unwrap().unwrap().close());
        to_alice.close().unwrap();
        closing.join().unwrap().unwrap();
    }
}
