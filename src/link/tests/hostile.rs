//! Peers that hold the right key and misbehave.

use std::io::{Read, Write};
use std::time::Instant;

use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;
use tokio_rustls::client;

use super::super::frame::{self, DataFrame, Frame};
use super::super::tls;
use super::*;

const DATA: u8 = 1;
const HEARTBEAT: u8 = 2;
const ABORT: u8 = 3;
const CLOSE: u8 = 4;

/// A peer driven by hand, in TLS or below it.
struct Hostile {
    stream: client::TlsStream<TcpStream>,
    runtime: Runtime,
}

impl Hostile {
    fn connect(config: ClientConfig, address: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let stream = runtime.block_on(async {
            let tcp = TcpStream::connect(address).await.unwrap();
            let name = ServerName::try_from("localhost").unwrap();
            TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap()
        });
        let mut hostile = Self { stream, runtime };
        assert!(matches!(hostile.read(), Some(Frame::Hello(id)) if id == ALPN));
        hostile.send(&frame::hello(ALPN));
        hostile
    }

    fn send(&mut self, bytes: &[u8]) {
        let stream = &mut self.stream;
        self.runtime.block_on(async {
            stream.write_all(bytes).await.unwrap();
            stream.flush().await.unwrap();
        });
    }

    /// Reads the next frame that is not a heartbeat, if the stream goes on.
    fn read(&mut self) -> Option<Frame> {
        let stream = &mut self.stream;
        self.runtime.block_on(async {
            loop {
                match frame::read_frame(stream, QUICK.stall).await {
                    Ok(Frame::Heartbeat) => {}
                    Ok(frame) => return Some(frame),
                    Err(_) => return None,
                }
            }
        })
    }

    /// Writes below TLS.
    fn send_raw(&mut self, bytes: &[u8]) {
        let tcp = self.stream.get_mut().0;
        self.runtime.block_on(async { tcp.write_all(bytes).await.unwrap() });
    }
}

fn frame_of(code: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![code];
    frame.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
    frame.extend(payload);
    frame
}

/// Returns a link to a peer driven by hand.
fn with_hostile(timing: Timing) -> (Link, Hostile) {
    let (mut alice, bob) = sides();
    alice.timing = timing;
    let config = tls::client_config(&bob.identity, bob.peer_key, ALPN).unwrap();
    let listening = alice.listen();
    let hostile = Hostile::connect(config, listening.address);
    (listening.join().unwrap(), hostile)
}

/// Asserts that the link fails reading after `bytes`, blames the peer and tells it so; returns the error.
fn error_after(bytes: &[u8]) -> LinkError {
    let (mut link, mut hostile) = with_hostile(QUICK);
    hostile.send(bytes);
    let error = link_error(link.read_to_end(&mut Vec::new()));
    assert_eq!(error.peer().unwrap().as_str(), "bob");
    let again = link_error(link.write_all(&[0; 100_000]));
    assert_eq!(again.to_string(), error.to_string());
    let dropping = thread::spawn(move || drop(link));
    assert!(matches!(hostile.read(), Some(Frame::Abort(AbortReason::ProtocolViolation))));
    drop(hostile);
    dropping.join().unwrap();
    error
}

#[test]
fn oversize_and_undersize_frames_are_refused() {
    for (code, length) in
        [(DATA, u32::MAX), (DATA, 65_532), (DATA, 0), (HEARTBEAT, 1), (ABORT, 0), (CLOSE, 9)]
    {
        let mut bytes = vec![code];
        bytes.extend(length.to_be_bytes());
        let error = error_after(&bytes);
        assert!(
            matches!(error, LinkError::PeerFrameLength { frame, found, .. } if (frame, found) == (code, length)),
            "{error:?}"
        );
    }
}

#[test]
fn unknown_and_misplaced_frames_are_refused() {
    let after_close = [frame::close(), frame_of(DATA, b"x")].concat();
    let (mut link, mut hostile) = with_hostile(QUICK);
    hostile.send(&after_close);
    assert_eq!(link.read(&mut [0]).unwrap(), 0);
    let error = loop {
        if let Err(error) = link.flush() {
            break error;
        }
    };
    assert!(matches!(LinkError::from_io(&error), Some(LinkError::PeerFrameType { found: DATA, .. })));

    for (bytes, code) in [(frame_of(77, b""), 77), (frame::hello(ALPN), 0)] {
        let error = error_after(&bytes);
        assert!(matches!(error, LinkError::PeerFrameType { found, .. } if found == code), "{error:?}");
    }
    let error = error_after(&frame_of(ABORT, &[200]));
    assert!(matches!(error, LinkError::PeerAbortReason { found: 200, .. }), "{error:?}");
}

#[test]
fn garbage_below_tls_is_corruption() {
    let (mut link, mut hostile) = with_hostile(QUICK);
    hostile
        .send_raw(&[23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
    let error = link_error(link.read(&mut [0]));
    assert!(matches!(error, LinkError::PeerCorrupt { .. }), "{error:?}");
}

#[test]
fn a_cut_is_never_an_end() {
    let mut whole = DataFrame::new();
    whole.append(b"complete");
    let half = [&[DATA, 0, 0, 0, 100][..], b"only this"].concat();
    for (bytes, good_bye) in [(half, false), (whole.take(), false), (whole.take(), true), (vec![], true)] {
        let (mut link, mut hostile) = with_hostile(QUICK);
        if bytes.len() > 5 {
            hostile.send(&bytes);
        }
        if good_bye {
            // The orderly end of TLS is not that of the link.
            hostile.runtime.block_on(hostile.stream.shutdown()).unwrap();
        }
        drop(hostile);
        let error = link_error(link.read_to_end(&mut Vec::new()));
        assert!(matches!(error, LinkError::PeerLost { .. }), "{error:?}");
        let error = link_error(link.write_all(&[0; 100_000]));
        assert!(matches!(error, LinkError::PeerLost { .. }), "{error:?}");
    }
}

#[test]
fn a_silent_peer_is_noticed() {
    let timing = Timing { silence: Duration::from_millis(600), ..QUICK };
    let (mut link, hostile) = with_hostile(timing);
    let error = link_error(link.read(&mut [0]));
    assert!(matches!(error, LinkError::PeerSilent { .. }), "{error:?}");
    drop(link);
    drop(hostile);
}

/// Beats until the stream breaks.
fn beat(mut hostile: Hostile) -> JoinHandle<()> {
    thread::spawn(move || {
        hostile.runtime.block_on(async {
            while hostile.stream.write_all(&frame::heartbeat()).await.is_ok()
                && hostile.stream.flush().await.is_ok()
            {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
    })
}

#[test]
fn a_peer_that_only_beats_is_stalled() {
    let timing = Timing { stall: Duration::from_secs(3), ..QUICK };
    let (mut link, hostile) = with_hostile(timing);
    let beating = beat(hostile);
    let error = link_error(link.read(&mut [0]));
    assert!(matches!(error, LinkError::PeerStalled { .. }), "{error:?}");
    drop(link);
    beating.join().unwrap();
}

#[test]
fn the_stall_limit_can_be_extended() {
    let timing = Timing { stall: Duration::from_millis(200), ..QUICK };
    let (mut link, hostile) = with_hostile(timing);
    let beating = beat(hostile);
    link.extend_stall(Duration::from_millis(300));
    let error = link_error(link.read(&mut [0]));
    assert!(matches!(error, LinkError::PeerStalled { stall, .. } if stall.as_millis() == 500), "{error:?}");
    drop(link);
    beating.join().unwrap();
}

#[test]
fn a_peer_that_takes_nothing_is_stalled_and_dropping_does_not_hang() {
    let timing = Timing { stall: Duration::from_secs(3), ..QUICK };
    let (mut link, hostile) = with_hostile(timing);
    let beating = beat(hostile);
    let error = loop {
        if let Err(error) = link.write_all(&[1; 1 << 20]) {
            break LinkError::from_io(&error).unwrap().clone();
        }
    };
    assert!(matches!(error, LinkError::PeerStalled { .. }), "{error:?}");
    let start = Instant::now();
    drop(link);
    assert!(start.elapsed() < Duration::from_secs(5));
    beating.join().unwrap();
}

#[test]
fn a_peer_that_never_closes_does_not_hold_close_forever() {
    let timing = Timing { stall: Duration::from_secs(1), ..QUICK };
    let (link, hostile) = with_hostile(timing);
    let beating = beat(hostile);
    let error = link.close().unwrap_err();
    assert!(matches!(error, LinkError::PeerStalled { .. }), "{error:?}");
    beating.join().unwrap();
}

#[test]
fn a_peer_without_post_quantum_gets_x25519_and_no_ticket() {
    let (alice, bob) = sides();
    let mut config = tls::client_config(&bob.identity, bob.peer_key, ALPN).unwrap();
    let provider = rustls::crypto::CryptoProvider { kx_groups: vec![kx_group::X25519], ..default_provider() };
    let mut old = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(tls::pinned(bob.peer_key))
        .with_client_cert_resolver(Arc::clone(&config.client_auth_cert_resolver));
    old.alpn_protocols = std::mem::take(&mut config.alpn_protocols);
    let listening = alice.listen();
    let mut hostile = Hostile::connect(old, listening.address);
    let link = listening.join().unwrap();
    assert_eq!(link.key_exchange(), "X25519");
    link.abort(AbortReason::Expired);
    assert!(matches!(hostile.read(), Some(Frame::Abort(AbortReason::Expired))));
    assert_eq!(hostile.stream.get_ref().1.tls13_tickets_received(), 0);
}

#[test]
fn a_server_that_refuses_the_protocol_by_alert_is_a_version_mismatch() {
    let (alice, bob) = sides();
    let config = tls::server_config(&alice.identity, &[alice.peer_key], b"tidegate-test/9").unwrap();
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let thread = thread::spawn(move || {
        let (mut tcp, _) = server.accept().unwrap();
        let mut connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        let _ = connection.complete_io(&mut tcp);
        let _ = tcp.read_to_end(&mut Vec::new());
    });
    let error = bob.connect(address).unwrap_err();
    assert!(matches!(error, LinkError::VersionMismatch { found: None, .. }), "{error:?}");
    thread.join().unwrap();
}

#[test]
fn a_peer_that_vanishes_while_this_side_sends_is_lost() {
    let (mut link, hostile) = with_hostile(QUICK);
    let vanishing = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        drop(hostile);
    });
    let error = loop {
        if let Err(error) = link.write_all(&[1; 1 << 20]) {
            break LinkError::from_io(&error).unwrap().clone();
        }
    };
    assert!(matches!(error, LinkError::PeerLost { .. }), "{error:?}");
    vanishing.join().unwrap();
}

#[test]
fn a_peer_that_says_nothing_after_tls_is_put_out() {
    let (mut alice, bob) = sides();
    alice.timing.handshake = Duration::from_millis(800);
    let config = tls::client_config(&bob.identity, bob.peer_key, ALPN).unwrap();
    let listening = alice.listen();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _mute = runtime.block_on(async {
        let tcp = TcpStream::connect(listening.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
        stream.read_u8().await.unwrap();
        stream
    });
    assert_eq!(listening.refusal(), Refusal::TimedOut);
    bob.connect(listening.address).unwrap();
    listening.join().unwrap();
}
