//! Links: an authenticated, confidential byte stream between two parties that know each other's key.
//!
//! # What a link gives
//! - TLS 1.3 in which each side proves to hold the key that the other has pinned (raw public keys, RFC 7250),
//!   with a key exchange that is hybrid post-quantum where both can (X25519MLKEM768).
//! - Any order of starting: one side listens and waits, the other connects and retries.
//! - Sending that goes on while the owner computes, and heartbeats that tell a busy peer from a dead one.
//! - An end that is known: [`Link::close`] on both sides, or [`Link::abort`] with a reason, or an error that
//!   names the peer. A connection that is cut never looks like the end of the stream.
//!
//! # Layers
//! ```text
//! Link              read, write, close, abort: blocking, on the owner's thread
//!   | bounded queues, about 1 MiB each way
//! pump              two tasks on a thread of the link: heartbeats, time-outs, back-pressure
//! frame             data, heartbeat, abort, close
//! tls, handshake    TLS 1.3 with pinned keys, hello
//! dial, listen      getting a TCP connection to the right party
//! gather            letting several parties in, each over a link of its own
//! ```
//!
//! # Security
//! | adversary | what stops it |
//! |---|---|
//! | reads or alters the traffic | TLS 1.3; a recorded link with X25519MLKEM768 stays closed if either of the two holds |
//! | pretends to be the peer | the pinned key; anyone else is refused and reported |
//! | knocks to keep the peer out | 32 handshakes at a time (more where several parties are expected), each bounded in time; a flood from one address evicts itself, one from many may delay the peer |
//! | replays or splices connections | fresh keys per link, no resumption; [`Link::channel_binding`] |
//! | is the peer, and malicious | hard limits on every length before allocating, bounded queues; each wait is bounded, the whole run only by the number of waits |
//! | cuts the line | an error naming the peer, within the silence limit |
//!
//! Not hidden: addresses, times and amounts of traffic, the listening side's public key (it shows
//! it to anyone who connects), and, by the heartbeats, that a party is still alive.
//!
//! # Examples
//! ```
//! use std::io::{Read, Write};
//! use tidegate::identity::Identity;
//! use tidegate::link::{CancelToken, Endpoint, LinkConfig, LinkNotice, Timing, establish};
//!
//! let [health, housing] = [(), ()].map(|()| Identity::generate(&mut rand::rng()));
//! let (health_key, housing_key) = (health.public(), housing.public());
//! let (port, ports) = std::sync::mpsc::channel();
//! let listening = std::thread::spawn(move || {
//!     let (alpn, timing) = (b"tidegate-example/1", Timing::default());
//!     let peer_name = "housing".parse().expect("a party name");
//!     let config = LinkConfig { identity: &health, peer_name, peer_key: housing_key, alpn, timing };
//!     let endpoint = Endpoint::Listen("127.0.0.1:0".into());
//!     let mut link = establish(&endpoint, &config, &CancelToken::new(), &mut |notice| {
//!         if let LinkNotice::Listening { address } = notice {
//!             port.send(address).expect("the other thread waits");
//!         }
//!     })?;
//!     link.write_all(b"two thousand and twelve")?;
//!     link.close()?;
//!     Ok::<(), std::io::Error>(())
//! });
//!
//! let (alpn, timing) = (b"tidegate-example/1", Timing::default());
//! let peer_name = "health".parse()?;
//! let config = LinkConfig { identity: &housing, peer_name, peer_key: health_key, alpn, timing };
//! let endpoint = Endpoint::Connect(ports.recv()?.to_string());
//! let mut link = establish(&endpoint, &config, &CancelToken::new(), &mut |_| {})?;
//! let mut text = String::new();
//! link.read_to_string(&mut text)?;
//! link.close()?;
//! assert_eq!(text, "two thousand and twelve");
//! listening.join().expect("no panic")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cancel;
mod dial;
mod error;
mod frame;
mod gather;
mod handshake;
mod listen;
mod pump;
mod stream;
#[cfg(test)]
mod tests;
mod tls;
mod wire;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tidegate_mpc::PartyId;
use tokio_rustls::TlsStream;

pub use self::cancel::CancelToken;
pub(crate) use self::error::{AGREEMENT_HINT, PROTOCOL_HINT};
pub use self::error::{AbortReason, LinkError};
pub use self::gather::{GatherConfig, gather};
pub use self::stream::{Link, LinkReader, LinkWriter};
pub use self::wire::WireBytes;

use self::handshake::Desk;
use self::pump::Engine;
use self::wire::Wire;
use crate::identity::{Identity, PublicKey};

/// Which side makes the TCP connection; all else is the same for both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Waits for the peer on this `host:port`; port 0 takes a free one.
    Listen(String),
    /// Connects to the peer at this `host:port`.
    Connect(String),
}

/// Who is on both ends of a link, and what they run over it.
#[derive(Clone, Debug)]
pub struct LinkConfig<'a> {
    /// This side's key.
    pub identity: &'a Identity,
    /// The peer's name, for messages.
    pub peer_name: PartyId,
    /// The only key that the peer may have.
    pub peer_key: PublicKey,
    /// Protocol and version as an ALPN id of at most 255 bytes, such as `tidegate-psi/1`.
    pub alpn: &'static [u8],
    /// How long things may take.
    pub timing: Timing,
}

impl LinkConfig<'_> {
    /// Says that the peer runs another protocol.
    fn version_mismatch(&self, found: Option<String>) -> LinkError {
        let ours = self.alpn.escape_ascii().to_string();
        LinkError::VersionMismatch { peer: self.peer_name.clone(), ours, found }
    }
}

/// How long things may take; the defaults suit runs of hours over slow lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Until the peer has come: 10 minutes.
    pub establish: Duration,
    /// One TCP connection, or one handshake with its hello: 10 seconds each.
    pub handshake: Duration,
    /// Longest pause between two frames to the peer: 5 seconds. Must stay well below the peer's `silence`.
    pub heartbeat: Duration,
    /// Without a byte from the peer, heartbeats included: 30 seconds.
    pub silence: Duration,
    /// Of one wait for data, or for the peer to take data, while it is alive: 10 minutes.
    pub stall: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            establish: Duration::from_secs(600),
            handshake: Duration::from_secs(10),
            heartbeat: Duration::from_secs(5),
            silence: Duration::from_secs(30),
            stall: Duration::from_secs(600),
        }
    }
}

/// What happens while a link is being established.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkNotice {
    /// This side listens.
    Listening {
        /// The address, with the port that was taken.
        address: SocketAddr,
    },
    /// The peer does not answer yet; said once, then this side goes on trying.
    Waiting {
        /// The address as given.
        address: String,
    },
    /// A party came to a side that gathers several.
    Joined {
        /// The party.
        party: PartyId,
    },
    /// Someone knocked and was refused; said once for each host and cause, and 64 times at most.
    Refused {
        /// Where the connection came from.
        address: SocketAddr,
        /// Why it was refused.
        cause: Refusal,
    },
}

impl fmt::Display for LinkNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listening { address } => write!(f, "listening on {address}"),
            Self::Waiting { address } => {
                write!(f, "nobody answers at {address} yet; trying again until they do")
            }
            Self::Joined { party } => write!(f, "party {party} has come"),
            Self::Refused { address, cause } => write!(f, "refused a connection from {address}: {cause}"),
        }
    }
}

/// Why a connection was refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// It presented another key than the pinned one; whether it holds that key was not checked.
    WrongKey {
        /// Fingerprint of the key presented.
        fingerprint: String,
    },
    /// It does not accept this side's key.
    RefusedUs,
    /// It runs another protocol or version, and did not prove to be the peer.
    OtherProtocol,
    /// It does not speak TLS 1.3 with raw public keys.
    NotTls,
    /// It did not finish the handshake in time.
    TimedOut,
    /// It went away during the handshake.
    Cut,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongKey { fingerprint } => {
                write!(f, "it has key {fingerprint} (fingerprint), not the pinned one")
            }
            Self::RefusedUs => f.write_str("it expects another key than this side's"),
            Self::OtherProtocol => f.write_str("it runs another protocol or version"),
            Self::NotTls => f.write_str("it does not speak TLS 1.3 with raw public keys"),
            Self::TimedOut => f.write_str("it did not finish the handshake in time"),
            Self::Cut => f.write_str("it went away during the handshake"),
        }
    }
}

/// Waits for the peer and returns the link to it, authenticated on both sides.
///
/// Blocks; not to be called from within an async runtime. `notice` is called on the caller's thread.
///
/// # Errors
/// - [`LinkError::BadAddress`], [`LinkError::UnknownHost`], [`LinkError::AddressInUse`],
///   [`LinkError::CannotListen`], [`LinkError::Setup`]: on this side.
/// - [`LinkError::PeerAbsent`]: the peer did not come within [`Timing::establish`].
/// - [`LinkError::WrongPeerKey`], [`LinkError::PeerRefusedKey`], [`LinkError::PeerNotTls`]: on the side that
///   connects. The side that listens reports them as notices and waits on.
/// - [`LinkError::VersionMismatch`]: on both sides.
/// - [`LinkError::Cancelled`]: `cancel` was set.
pub fn establish(
    endpoint: &Endpoint,
    config: &LinkConfig<'_>,
    cancel: &CancelToken,
    notice: &mut dyn FnMut(LinkNotice),
) -> Result<Link, LinkError> {
    let desk = Arc::new(Desk::new(config)?);
    let engine = Arc::new(Engine::start()?);
    let stream = engine.run(async {
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(LinkError::Cancelled),
            met = meet(endpoint, &desk, config, notice) => met,
        }
    })?;
    Link::new(engine, stream, config.peer_name.clone(), config.timing, cancel)
}

/// Gets the peer by listening or connecting.
async fn meet(
    endpoint: &Endpoint,
    desk: &Arc<Desk>,
    config: &LinkConfig<'_>,
    notice: &mut dyn FnMut(LinkNotice),
) -> Result<TlsStream<Wire>, LinkError> {
    match endpoint {
        Endpoint::Listen(address) => listen::listen(address, desk, config, notice).await,
        Endpoint::Connect(address) => dial::dial(address, desk, config, notice).await,
    }
}

/// Tells whether a text reads `host:port`, with brackets around an address of IPv6.
pub(crate) fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host_holds = match bracketed {
        Some(host) => host.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && !host.contains([':', '[', ']']),
    };
    host_holds && port.parse::<u16>().is_ok()
}

/// Returns the addresses of `host:port`, at least one.
async fn resolve(address: &str) -> Result<Vec<SocketAddr>, LinkError> {
    if !is_address(address) {
        return Err(LinkError::BadAddress { address: address.into() });
    }
    let unknown = |source| LinkError::UnknownHost { address: address.into(), source: Arc::new(source) };
    let found: Vec<_> = tokio::net::lookup_host(address).await.map_err(unknown)?.collect();
    if found.is_empty() { Err(unknown(std::io::ErrorKind::NotFound.into())) } else { Ok(found) }
}
