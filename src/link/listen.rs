//! The listening side: lets anyone knock and lets the peer in.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_rustls::TlsStream;

use super::error::LinkError;
use super::handshake::{Desk, Failure};
use super::wire::Wire;
use super::{LinkConfig, LinkNotice, Refusal, resolve};

/// Connections whose handshake may run at the same time, besides one for each party that is expected.
const MAX_HANDSHAKES: usize = 32;

/// Different refusals that are reported; a flood of strangers must not become a flood of messages.
const MAX_REPORTS: usize = 64;

/// Pause after the operating system could not accept, for example for want of file descriptors.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Listens on `address` until the peer has come.
pub(super) async fn listen(
    address: &str,
    desk: &Arc<Desk>,
    config: &LinkConfig<'_>,
    notice: &mut dyn FnMut(LinkNotice),
) -> Result<TlsStream<Wire>, LinkError> {
    let deadline = Instant::now() + config.timing.establish;
    let listener = bind(address).await?;
    if let Ok(address) = listener.local_addr() {
        notice(LinkNotice::Listening { address });
    }
    let mut hall = Hall::new(1);
    loop {
        tokio::select! {
            knock = listener.accept() => match knock {
                Ok((tcp, from)) => hall.admit(tcp, from, desk),
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            Some(done) = hall.handshakes.join_next() => match done {
                Ok((_, Ok(stream))) => return Ok(stream),
                Ok((_, Err(Failure::PeerProtocol { found }))) => return Err(config.version_mismatch(Some(found))),
                Ok((from, Err(failure))) => hall.report(from, failure, notice),
                Err(_) => {} // evicted
            },
            () = sleep_until(deadline) => return Err(absent(config)),
        }
    }
}

/// Says that nobody came.
fn absent(config: &LinkConfig<'_>) -> LinkError {
    LinkError::PeerAbsent { peer: config.peer_name.clone(), waited: config.timing.establish, source: None }
}

/// Opens the port.
pub(super) async fn bind(address: &str) -> Result<TcpListener, LinkError> {
    let addresses = resolve(address).await?;
    let address = address.to_owned();
    TcpListener::bind(addresses.as_slice()).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => LinkError::AddressInUse { address },
        _ => LinkError::CannotListen { address, source: Arc::new(source) },
    })
}

/// Where those who knocked are looked at.
pub(super) struct Hall {
    /// Most handshakes at a time.
    most: usize,
    pub(super) handshakes: JoinSet<(SocketAddr, Result<TlsStream<Wire>, Failure>)>,
    /// Handshakes in order of arrival.
    guests: Vec<(IpAddr, AbortHandle)>,
    reported: HashSet<(IpAddr, Refusal)>,
}

impl Hall {
    /// Opens the hall for so many parties.
    pub(super) fn new(expected: usize) -> Self {
        let most = MAX_HANDSHAKES + expected;
        Self { most, handshakes: JoinSet::new(), guests: Vec::new(), reported: HashSet::new() }
    }

    /// Starts a handshake, and makes room for it if need be.
    pub(super) fn admit(&mut self, tcp: TcpStream, from: SocketAddr, desk: &Arc<Desk>) {
        self.guests.retain(|(_, handshake)| !handshake.is_finished());
        if self.guests.len() >= self.most {
            self.evict();
        }
        let desk = Arc::clone(desk);
        let handshake = self.handshakes.spawn(async move { (from, desk.accept(tcp).await) });
        self.guests.push((from.ip(), handshake));
    }

    /// Drops the oldest handshake of the address with the most of them: who floods evicts himself.
    fn evict(&mut self) {
        let from = |address| self.guests.iter().filter(|(ip, _)| *ip == address).count();
        let crowd = self.guests.iter().map(|(ip, _)| *ip).rev().max_by_key(|ip| from(*ip));
        if let Some(place) = self.guests.iter().position(|(ip, _)| Some(*ip) == crowd) {
            self.guests.remove(place).1.abort();
        }
    }

    /// Reports a stranger, each address and cause once.
    pub(super) fn report(&mut self, from: SocketAddr, failure: Failure, notice: &mut dyn FnMut(LinkNotice)) {
        let cause = refusal(failure);
        if self.reported.len() < MAX_REPORTS && self.reported.insert((from.ip(), cause.clone())) {
            notice(LinkNotice::Refused { address: from, cause });
        }
    }
}

/// Says why a connection was refused.
fn refusal(failure: Failure) -> Refusal {
    match failure {
        Failure::ForeignKey { found } => Refusal::WrongKey { fingerprint: found },
        Failure::RefusedKey => Refusal::RefusedUs,
        Failure::OtherProtocol | Failure::PeerProtocol { .. } => Refusal::OtherProtocol,
        Failure::NotTls(_) => Refusal::NotTls,
        Failure::TimedOut => Refusal::TimedOut,
        Failure::Cut(_) => Refusal::Cut,
    }
}
