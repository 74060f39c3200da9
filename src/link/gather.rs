//! Gathering: one side lets several parties in on one port, each over a link of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use tidegate_mpc::PartyId;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_rustls::TlsStream;

use super::cancel::CancelToken;
use super::error::LinkError;
use super::handshake::{Desk, Failure};
use super::listen::{ACCEPT_PAUSE, Hall, bind};
use super::pump::Engine;
use super::wire::Wire;
use super::{Link, LinkNotice, Timing, tls};
use crate::identity::{Identity, PublicKey};

/// Who is let in, and what is run.
#[derive(Clone, Debug)]
pub struct GatherConfig<'a> {
    /// This side's key.
    pub identity: &'a Identity,
    /// Names and keys of those who may come.
    pub guests: &'a [(PartyId, PublicKey)],
    /// Protocol and version as an ALPN id of at most 255 bytes.
    pub alpn: &'static [u8],
    /// How long things may take; `establish` is until the last guest has come.
    pub timing: Timing,
}

/// Listens on `address` until every guest has come, or the time is up; returns the links to those who came.
///
/// A guest that comes again, because its first connection broke, takes the place of its first. Blocks; not to be called from
/// within an async runtime.
///
/// # Errors
/// - [`LinkError::BadAddress`], [`LinkError::UnknownHost`], [`LinkError::AddressInUse`],
///   [`LinkError::CannotListen`], [`LinkError::Setup`]: on this side.
/// - [`LinkError::Cancelled`]: `cancel` was set.
pub fn gather(
    address: &str,
    config: &GatherConfig<'_>,
    cancel: &CancelToken,
    notice: &mut dyn FnMut(LinkNotice),
) -> Result<BTreeMap<PartyId, Link>, LinkError> {
    let desk = Arc::new(Desk::for_guests(config)?);
    let engine = Arc::new(Engine::start()?);
    let mut came = Came { engine: Arc::clone(&engine), config, cancel, links: BTreeMap::new() };
    engine.run(async {
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(LinkError::Cancelled),
            gathered = listen(address, &desk, &mut came, notice) => gathered,
        }
    })?;
    Ok(came.links)
}

async fn listen(
    address: &str,
    desk: &Arc<Desk>,
    came: &mut Came<'_>,
    notice: &mut dyn FnMut(LinkNotice),
) -> Result<(), LinkError> {
    let deadline = Instant::now() + came.config.timing.establish;
    let listener = bind(address).await?;
    if let Ok(address) = listener.local_addr() {
        notice(LinkNotice::Listening { address });
    }
    let mut hall = Hall::new(came.config.guests.len());
    while came.links.len() < came.config.guests.len() {
        tokio::select! {
            knock = listener.accept() => match knock {
                Ok((tcp, from)) => hall.admit(tcp, from, desk),
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            Some(done) = hall.handshakes.join_next() => match done {
                Ok((_, Ok(stream))) => came.welcome(stream, notice)?,
                Ok((from, Err(failure))) => hall.report(from, told(failure), notice),
                Err(_) => {} // evicted
            },
            () = sleep_until(deadline) => break,
        }
    }
    Ok(())
}

/// Says of a guest with another protocol no more than of a stranger: the others go on without it.
fn told(failure: Failure) -> Failure {
    match failure {
        Failure::PeerProtocol { .. } => Failure::OtherProtocol,
        other => other,
    }
}

/// Those who came.
struct Came<'a> {
    engine: Arc<Engine>,
    config: &'a GatherConfig<'a>,
    cancel: &'a CancelToken,
    links: BTreeMap<PartyId, Link>,
}

impl Came<'_> {
    /// Makes the link to a guest that has proved its key.
    fn welcome(
        &mut self,
        stream: TlsStream<Wire>,
        notice: &mut dyn FnMut(LinkNotice),
    ) -> Result<(), LinkError> {
        let presented = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let keys = self.config.guests.iter().map(|(_, key)| *key);
        let place = presented.and_then(|presented| tls::presented_key(presented, keys));
        // Only guests pass the handshake.
        let Some((party, _)) = place.and_then(|place| self.config.guests.get(place)) else { return Ok(()) };
        let engine = Arc::clone(&self.engine);
        let link = Link::new(engine, stream, party.clone(), self.config.timing, self.cancel)?;
        notice(LinkNotice::Joined { party: party.clone() });
        if let Some(first) = self.links.insert(party.clone(), link) {
            // Ending a link blocks, which this thread must not.
            std::thread::spawn(move || drop(first));
        }
        Ok(())
    }
}
