//! Honest parties: volume, patience, and the ways to end.

use std::io::{Read, Write};
use std::time::Instant;

use super::*;

const MIB: usize = 1 << 20;

/// Returns bytes whose order shows.
fn pattern(seed: u8, length: usize) -> Vec<u8> {
    let byte = |i: usize| {
        let [low, high, ..] = i.to_le_bytes();
        low.wrapping_mul(31).wrapping_add(high) ^ seed
    };
    (0..length).map(byte).collect()
}

/// Sends `out` and receives as much, both at once.
fn exchange(mut link: Link, out: Vec<u8>) -> (Vec<u8>, WireBytes) {
    let mut found = vec![0; out.len()];
    let (reader, writer) = link.halves();
    thread::scope(|scope| {
        scope.spawn(|| {
            writer.write_all(&out).unwrap();
            writer.flush().unwrap();
        });
        reader.read_exact(&mut found).unwrap();
    });
    (found, link.close().unwrap())
}

#[test]
fn both_directions_carry_32_mib_at_once() {
    let (to_bob, to_alice) = pair();
    let (from_alice, from_bob) = (pattern(1, 32 * MIB), pattern(2, 32 * MIB));
    let sent = from_alice.clone();
    let alice = thread::spawn(move || exchange(to_bob, sent));
    let (found, wire) = exchange(to_alice, from_bob.clone());
    assert!(found == from_alice);
    let (found, other) = alice.join().unwrap();
    assert!(found == from_bob);
    let (least, most) = (32 * MIB as u64, 33 * MIB as u64);
    for count in [wire.sent, wire.received, other.sent, other.received] {
        assert!((least..most).contains(&count), "{wire:?} {other:?}");
    }
}

/// Sends and receives in turns on one thread.
fn take_turns(mut link: Link, seed: u8, other: u8) {
    for _ in 0..32 {
        link.write_all(&pattern(seed, MIB)).unwrap();
        link.flush().unwrap();
        let mut found = vec![0; MIB];
        link.read_exact(&mut found).unwrap();
        assert!(found == pattern(other, MIB));
    }
    link.close().unwrap();
}

#[test]
fn one_thread_a_side_is_enough_for_chunks() {
    let (to_bob, to_alice) = pair();
    let alice = thread::spawn(move || take_turns(to_bob, 1, 2));
    take_turns(to_alice, 2, 1);
    alice.join().unwrap();
}

#[test]
fn heartbeats_carry_a_long_computation() {
    let (mut to_bob, mut to_alice) = pair();
    let alice = thread::spawn(move || {
        thread::sleep(2 * QUICK.silence);
        to_bob.write_all(b"done").unwrap();
        to_bob.close()
    });
    let mut found = Vec::new();
    to_alice.read_to_end(&mut found).unwrap();
    assert_eq!(found, b"done");
    to_alice.close().unwrap();
    alice.join().unwrap().unwrap();
}

#[test]
fn a_slow_reader_holds_the_sender_back_and_nobody_gives_up() {
    let (mut to_bob, mut to_alice) = pair();
    // More than all queues and what TCP buffers on loopback.
    let out = pattern(3, 32 * MIB);
    let sent = out.clone();
    let alice = thread::spawn(move || {
        to_bob.write_all(&sent).unwrap();
        to_bob.close()
    });
    thread::sleep(2 * QUICK.silence);
    assert!(to_alice.wire().received < out.len() as u64, "the sender was held back");
    let mut found = Vec::new();
    to_alice.read_to_end(&mut found).unwrap();
    assert!(found == out);
    to_alice.close().unwrap();
    alice.join().unwrap().unwrap();
}

#[test]
fn an_orderly_close_loses_nothing() {
    let (mut to_bob, mut to_alice) = pair();
    let out = pattern(4, 3 * MIB + 17);
    let sent = out.clone();
    let alice = thread::spawn(move || {
        to_bob.write_all(&sent).unwrap();
        to_bob.close()
    });
    thread::sleep(Duration::from_millis(500));
    let mut found = Vec::new();
    to_alice.read_to_end(&mut found).unwrap();
    assert!(found == out);
    assert_eq!(to_alice.read(&mut [0]).unwrap(), 0, "the end stays the end");
    to_alice.close().unwrap();
    alice.join().unwrap().unwrap();
}

#[test]
fn what_the_side_that_was_closed_on_still_sends_arrives_or_fails() {
    let (to_bob, mut to_alice) = pair();
    let alice = thread::spawn(move || to_bob.close());
    assert_eq!(to_alice.read(&mut [0]).unwrap(), 0);
    to_alice.write_all(b"one more thing").unwrap();
    let bobs = to_alice.close();
    let alices = alice.join().unwrap().unwrap_err();
    assert!(matches!(alices, LinkError::PeerOutOfStep { unread: 14, .. }), "{alices:?}");
    assert!(matches!(bobs, Ok(_) | Err(LinkError::PeerAborted { .. })), "{bobs:?}");
}

#[test]
fn both_sides_may_close_at_once() {
    for _ in 0..20 {
        let (to_bob, to_alice) = pair();
        let alice = thread::spawn(move || to_bob.close());
        to_alice.close().unwrap();
        alice.join().unwrap().unwrap();
    }
}

#[test]
fn unread_data_is_an_error_of_close() {
    let (mut to_bob, to_alice) = pair();
    to_bob.write_all(b"unexpected").unwrap();
    let alice = thread::spawn(move || to_bob.close());
    let error = to_alice.close().unwrap_err();
    assert!(matches!(error, LinkError::PeerOutOfStep { unread: 10, .. }), "{error:?}");
    let _ = alice.join().unwrap();
}

/// Asserts that `link` fails with the peer's `reason`, in both directions.
fn assert_aborted(mut link: Link, reason: AbortReason) {
    let aborted =
        |error: &LinkError| matches!(error, LinkError::PeerAborted { reason: found, .. } if *found == reason);
    let error = link_error(link.read(&mut [0]));
    assert!(aborted(&error), "{error:?}");
    let error = link_error(link.write_all(&[0; MIB]).and_then(|()| link.flush()));
    assert!(aborted(&error), "{error:?}");
    let error = link.close().unwrap_err();
    assert!(aborted(&error), "{error:?}");
}

#[test]
fn an_abort_reaches_the_peer_with_its_reason() {
    for reason in [AbortReason::AgreementMismatch, AbortReason::Expired] {
        let (to_bob, to_alice) = pair();
        to_bob.abort(reason);
        assert_aborted(to_alice, reason);
    }
}

#[test]
fn a_dropped_link_aborts() {
    let (to_bob, to_alice) = pair();
    drop(to_bob);
    assert_aborted(to_alice, AbortReason::Internal);
}

#[test]
fn an_abort_reaches_a_peer_that_is_blocked_sending() {
    let (to_bob, mut to_alice) = pair();
    let alice = thread::spawn(move || {
        thread::sleep(Duration::from_millis(500));
        to_bob.abort(AbortReason::RunsSpent);
    });
    let error = loop {
        if let Err(error) = to_alice.write_all(&[1; MIB]) {
            break LinkError::from_io(&error).unwrap().clone();
        }
    };
    assert!(matches!(error, LinkError::PeerAborted { reason: AbortReason::RunsSpent, .. }), "{error:?}");
    alice.join().unwrap();
}

#[test]
fn a_blocked_read_can_be_cancelled_and_the_peer_learns_it() {
    let (alice, bob) = sides();
    let listening = alice.listen();
    let cancel = CancelToken::new();
    let endpoint = Endpoint::Connect(listening.address.to_string());
    let mut to_alice = bob.establish(&endpoint, &cancel, &mut |_| {}).unwrap();
    let to_bob = listening.join().unwrap();
    let canceller = thread::spawn(move || {
        thread::sleep(Duration::from_millis(200));
        cancel.cancel();
    });
    let start = Instant::now();
    assert!(matches!(link_error(to_alice.read(&mut [0])), LinkError::Cancelled));
    assert!(matches!(link_error(to_alice.flush()), LinkError::Cancelled));
    assert!(start.elapsed() < QUICK.silence);
    drop(to_alice);
    assert_aborted(to_bob, AbortReason::Cancelled);
    canceller.join().unwrap();
}

#[test]
fn debug_shows_no_key_and_no_payload() {
    let (alice, bob) = sides();
    let shown = {
        let peer_name = "bob".parse().unwrap();
        let (identity, peer_key) = (&alice.identity, alice.peer_key);
        format!("{:?}", LinkConfig { identity, peer_name, peer_key, alpn: ALPN, timing: QUICK })
    };
    let secret = alice.identity.tls_key().to_bytes();
    let (mut to_bob, mut to_alice) = linked(alice, &bob);
    to_bob.write_all(b"payload of a record").unwrap();
    let (reader, writer) = to_alice.halves();
    let all = format!("{shown} {reader:?} {writer:?} {to_bob:?} {:?}", to_bob.channel_binding().len());
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{:?}", secret);
    for secret in [&hex[..16], &list[1..20], "payload", &format!("{:?}", b"payload")[1..10]] {
        assert!(!all.contains(secret), "{all}");
    }
    assert!(!all.contains(&format!("{:?}", to_bob.channel_binding())));
}
