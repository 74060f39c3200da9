//! The connecting side: tries until the peer is there.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_rustls::TlsStream;

use super::error::LinkError;
use super::handshake::{Desk, Failure};
use super::wire::Wire;
use super::{LinkConfig, LinkNotice, resolve};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Connects to `address`, again and again until the time is up.
pub(super) async fn dial(
    address: &str,
    desk: &Desk,
    config: &LinkConfig<'_>,
    notice: &mut dyn FnMut(LinkNotice),
) -> Result<TlsStream<Wire>, LinkError> {
    let deadline = Instant::now() + config.timing.establish;
    let mut pause = FIRST_PAUSE;
    let mut last = None;
    while let Ok(attempt) = timeout_at(deadline, attempt(address, desk, config)).await {
        match attempt? {
            Ok(stream) => return Ok(stream),
            Err(cause) => {
                if last.replace(cause).is_none() {
                    notice(LinkNotice::Waiting { address: address.into() });
                }
            }
        }
        // Ends at the deadline too, where the next attempt ends at once.
        sleep(pause.min(deadline - Instant::now())).await;
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
    let (peer, waited) = (config.peer_name.clone(), config.timing.establish);
    Err(LinkError::PeerAbsent { peer, waited, source: last.map(Arc::new) })
}

/// Tries once; the inner error is one that may heal.
async fn attempt(
    address: &str,
    desk: &Desk,
    config: &LinkConfig<'_>,
) -> Result<Result<TlsStream<Wire>, io::Error>, LinkError> {
    let addresses = match resolve(address).await {
        Ok(addresses) => addresses,
        // The name may appear when the peer starts, and a name server may come back.
        Err(LinkError::UnknownHost { source, .. }) => {
            return Ok(Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("the host is unknown: {source}"),
            )));
        }
        Err(error) => return Err(error),
    };
    let tcp = match connect(&addresses, config.timing.handshake).await {
        Ok(tcp) => tcp,
        Err(error) => return Ok(Err(error)),
    };
    let peer = config.peer_name.clone();
    match desk.connect(tcp).await {
        Ok(stream) => Ok(Ok(stream)),
        Err(Failure::Cut(error)) => Ok(Err(error)),
        Err(Failure::TimedOut) => Ok(Err(io::ErrorKind::TimedOut.into())),
        Err(Failure::ForeignKey { found }) => {
            Err(LinkError::WrongPeerKey { peer, expected: config.peer_key.fingerprint(), found })
        }
        Err(Failure::RefusedKey) => Err(LinkError::PeerRefusedKey { peer }),
        Err(Failure::OtherProtocol) => Err(config.version_mismatch(None)),
        Err(Failure::PeerProtocol { found }) => Err(config.version_mismatch(Some(found))),
        Err(Failure::NotTls(error)) => Err(LinkError::PeerNotTls { peer, source: Arc::new(error) }),
    }
}

/// Connects to the first of the host's addresses that answers.
async fn connect(addresses: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let mut last = io::ErrorKind::AddrNotAvailable.into();
    for address in addresses {
        match timeout(limit, TcpStream::connect(address)).await {
            // While nobody listens on an ephemeral port, TCP may connect a socket to itself.
            Ok(Ok(tcp)) if tcp.local_addr().ok() == tcp.peer_addr().ok() => {
                last = io::ErrorKind::ConnectionRefused.into();
            }
            Ok(Ok(tcp)) => return Ok(tcp),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}
