//! Both ends of a link on loopback, and peers that misbehave.

mod flow;
mod gather;
mod hostile;
mod meeting;

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use super::*;

const ALPN: &[u8] = b"tidegate-test/1";

/// Short, but long enough for a machine that is busy with other tests.
const QUICK: Timing = Timing {
    establish: Duration::from_secs(20),
    handshake: Duration::from_secs(5),
    heartbeat: Duration::from_millis(100),
    silence: Duration::from_secs(2),
    stall: Duration::from_secs(10),
};

/// One party of a test.
struct Side {
    identity: Identity,
    peer_name: &'static str,
    peer_key: PublicKey,
    alpn: &'static [u8],
    timing: Timing,
}

impl Side {
    fn establish(
        &self,
        endpoint: &Endpoint,
        cancel: &CancelToken,
        notice: &mut dyn FnMut(LinkNotice),
    ) -> Result<Link, LinkError> {
        let peer_name = self.peer_name.parse().unwrap();
        let (peer_key, alpn, timing) = (self.peer_key, self.alpn, self.timing);
        let config = LinkConfig { identity: &self.identity, peer_name, peer_key, alpn, timing };
        super::establish(endpoint, &config, cancel, notice)
    }

    fn connect(&self, address: SocketAddr) -> Result<Link, LinkError> {
        let endpoint = Endpoint::Connect(address.to_string());
        self.establish(&endpoint, &CancelToken::new(), &mut |_| {})
    }

    /// Listens on a free port in another thread.
    fn listen(self) -> Listening {
        let (notices, noticed) = mpsc::channel();
        let thread = thread::spawn(move || {
            let endpoint = Endpoint::Listen("127.0.0.1:0".into());
            self.establish(&endpoint, &CancelToken::new(), &mut |notice| drop(notices.send(notice)))
        });
        let Ok(LinkNotice::Listening { address }) = noticed.recv() else { panic!("does not listen") };
        Listening { address, noticed, thread }
    }
}

struct Listening {
    address: SocketAddr,
    noticed: mpsc::Receiver<LinkNotice>,
    thread: JoinHandle<Result<Link, LinkError>>,
}

impl Listening {
    fn join(self) -> Result<Link, LinkError> {
        self.thread.join().unwrap()
    }

    /// Returns the cause of the next refusal.
    fn refusal(&self) -> Refusal {
        match self.noticed.recv_timeout(QUICK.establish) {
            Ok(LinkNotice::Refused { cause, .. }) => cause,
            other => panic!("expected a refusal, got {other:?}"),
        }
    }
}

fn identity() -> Identity {
    Identity::generate(&mut rand::rng())
}

/// Makes two parties that know each other: `alice` listens, `bob` connects.
fn sides() -> (Side, Side) {
    let (alice, bob) = (identity(), identity());
    let (alice_key, bob_key) = (alice.public(), bob.public());
    let side =
        |identity, peer_name, peer_key| Side { identity, peer_name, peer_key, alpn: ALPN, timing: QUICK };
    (side(alice, "bob", bob_key), side(bob, "alice", alice_key))
}

/// Links two parties.
fn linked(alice: Side, bob: &Side) -> (Link, Link) {
    let listening = alice.listen();
    let to_alice = bob.connect(listening.address).unwrap();
    (listening.join().unwrap(), to_alice)
}

fn pair() -> (Link, Link) {
    let (alice, bob) = sides();
    linked(alice, &bob)
}

/// Returns the link error that a read or write failed with.
fn link_error<T: fmt::Debug>(result: std::io::Result<T>) -> LinkError {
    let error = result.unwrap_err();
    LinkError::from_io(&error).unwrap_or_else(|| panic!("not a link error: {error:?}")).clone()
}
