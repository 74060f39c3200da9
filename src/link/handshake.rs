//! One attempt to secure one TCP connection: TLS, then a hello frame each way.
//!
//! ```text
//! connecting side                         listening side
//!        ClientHello, ALPN  ------------>  may echo a protocol that it does not run
//!                           <------------  ServerHello, raw public key, Finished
//! raw public key, Finished  ------------>  checks the key
//!                           <------------  hello(own protocol)
//!       hello(own protocol) ------------>
//! ```
//! In TLS 1.3 the connecting side is done before the listening side has checked its key. The hello tells it
//! that the key was accepted. It also names the protocol once both sides are authenticated: a listening side
//! believes in a version mismatch only then, since it must not let strangers end its wait.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::server::{Acceptor, ClientHello};
use rustls::{AlertDescription, CertificateError, ClientConfig, OtherError, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::{LazyConfigAcceptor, TlsConnector, TlsStream};

use super::LinkConfig;
use super::error::LinkError;
use super::frame::{self, Frame, FrameFault};
use super::gather::GatherConfig;
use super::tls::{self, ForeignKey};
use super::wire::Wire;

/// How long a side that refuses waits for the other to have read why.
const PARTING: Duration = Duration::from_millis(500);

/// Everything an attempt needs; shared by concurrent attempts.
pub(super) struct Desk {
    /// None on a side that only listens.
    client: Option<Arc<ClientConfig>>,
    server: Arc<ServerConfig>,
    alpn: &'static [u8],
    limit: Duration,
}

/// Why an attempt failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The connection broke.
    Cut(io::Error),
    /// The time was up.
    TimedOut,
    /// The other side presented another key.
    ForeignKey { found: String },
    /// The other side refused this side's key.
    RefusedKey,
    /// The other side, perhaps not authenticated, does not run this protocol.
    OtherProtocol,
    /// The authenticated peer runs another protocol.
    PeerProtocol { found: String },
    /// The other side speaks something else.
    NotTls(io::Error),
}

impl Desk {
    /// Prepares to connect to the peer, or to let it in.
    pub(super) fn new(config: &LinkConfig<'_>) -> Result<Self, LinkError> {
        let client = tls::client_config(config.identity, config.peer_key, config.alpn)?;
        let server = tls::server_config(config.identity, &[config.peer_key], config.alpn)?;
        let limit = config.timing.handshake;
        Ok(Self { client: Some(Arc::new(client)), server: Arc::new(server), alpn: config.alpn, limit })
    }

    /// Prepares to let several parties in.
    pub(super) fn for_guests(config: &GatherConfig<'_>) -> Result<Self, LinkError> {
        let keys: Vec<_> = config.guests.iter().map(|(_, key)| *key).collect();
        let server = tls::server_config(config.identity, &keys, config.alpn)?;
        let limit = config.timing.handshake;
        Ok(Self { client: None, server: Arc::new(server), alpn: config.alpn, limit })
    }

    /// Secures a connection that this side made.
    pub(super) async fn connect(&self, tcp: TcpStream) -> Result<TlsStream<Wire>, Failure> {
        self.bounded(async {
            let Some(client) = &self.client else {
                return Err(Failure::Cut(io::ErrorKind::Unsupported.into()));
            };
            let nobody = ServerName::from(std::net::IpAddr::from([0, 0, 0, 0]));
            let connecting = TlsConnector::from(Arc::clone(client)).connect(nobody, Wire::new(tcp));
            match connecting.into_fallible().await {
                Ok(stream) => self.greet_as_client(stream.into()).await,
                Err((error, wire)) => Err(refuse(wire, classify(error)).await),
            }
        })
        .await
    }

    /// Secures a connection that this side accepted.
    pub(super) async fn accept(&self, tcp: TcpStream) -> Result<TlsStream<Wire>, Failure> {
        self.bounded(async {
            let start =
                LazyConfigAcceptor::new(Acceptor::default(), Wire::new(tcp)).await.map_err(classify)?;
            let config = self.answer_to(&start.client_hello());
            match start.into_stream(config).into_fallible().await {
                Ok(stream) => self.greet_as_server(stream.into()).await,
                Err((error, wire)) => Err(refuse(wire, classify(error)).await),
            }
        })
        .await
    }

    /// Gives an attempt the time it may take.
    async fn bounded<T>(&self, attempt: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::time::timeout(self.limit, attempt).await.unwrap_or(Err(Failure::TimedOut))
    }

    /// Returns the settings that agree to a protocol on offer even if it is another one: the hello will tell.
    fn answer_to(&self, hello: &ClientHello<'_>) -> Arc<ServerConfig> {
        let offered: Vec<&[u8]> = hello.alpn().into_iter().flatten().collect();
        match offered.first() {
            Some(first) if !offered.contains(&self.alpn) => {
                let mut config = ServerConfig::clone(&self.server);
                config.alpn_protocols = vec![first.to_vec()];
                Arc::new(config)
            }
            _ => Arc::clone(&self.server),
        }
    }

    async fn greet_as_client(&self, mut stream: TlsStream<Wire>) -> Result<TlsStream<Wire>, Failure> {
        let found = self.read_hello(&mut stream).await;
        // Sent even after a mismatch: the peer wants to know as well.
        let sent = self.send_hello(&mut stream).await;
        self.agree(stream, found, sent).await
    }

    async fn greet_as_server(&self, mut stream: TlsStream<Wire>) -> Result<TlsStream<Wire>, Failure> {
        let sent = self.send_hello(&mut stream).await;
        let found = self.read_hello(&mut stream).await;
        self.agree(stream, found, sent).await
    }

    /// Compares the protocols.
    async fn agree(
        &self,
        stream: TlsStream<Wire>,
        found: Result<Vec<u8>, Failure>,
        sent: io::Result<()>,
    ) -> Result<TlsStream<Wire>, Failure> {
        let failure = match (found, sent) {
            (Ok(id), Ok(())) if id == self.alpn && stream.get_ref().1.alpn_protocol() == Some(self.alpn) => {
                return Ok(stream);
            }
            (Ok(id), Ok(())) => Failure::PeerProtocol { found: id.escape_ascii().to_string() },
            (Err(failure), _) => failure,
            (Ok(_), Err(error)) => Failure::Cut(error),
        };
        Err(refuse(stream, failure).await)
    }

    async fn send_hello(&self, stream: &mut TlsStream<Wire>) -> io::Result<()> {
        stream.write_all(&frame::hello(self.alpn)).await?;
        stream.flush().await
    }

    async fn read_hello(&self, stream: &mut TlsStream<Wire>) -> Result<Vec<u8>, Failure> {
        match frame::read_frame(stream, self.limit).await {
            Ok(Frame::Hello(id)) => Ok(id),
            Err(FrameFault::Cut(Some(error))) => Err(classify(error)),
            Err(FrameFault::Cut(None)) => Err(Failure::Cut(io::ErrorKind::UnexpectedEof.into())),
            Err(FrameFault::Silent(_)) => Err(Failure::TimedOut),
            Ok(_) | Err(_) => Err(Failure::OtherProtocol),
        }
    }
}

/// Says good-bye so that the other side reads this side's last word: closing at once, with bytes of the other
/// side unread, would make TCP discard it.
async fn refuse<S>(mut stream: S, failure: Failure) -> Failure
where
    S: AsyncRead + AsyncWriteExt + Unpin,
{
    let drained = async {
        let _ = stream.shutdown().await;
        let mut scrap = [0; 1024];
        while matches!(stream.read(&mut scrap).await, Ok(count) if count > 0) {}
    };
    let _ = tokio::time::timeout(PARTING, drained).await;
    failure
}

/// Finds out what an error of the handshake means.
fn classify(error: io::Error) -> Failure {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        None => Failure::Cut(error),
        Some(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(inner)))) => {
            match inner.downcast_ref::<ForeignKey>() {
                Some(foreign) => Failure::ForeignKey { found: foreign.found.clone() },
                None => Failure::NotTls(error),
            }
        }
        Some(rustls::Error::NoApplicationProtocol) => Failure::OtherProtocol,
        Some(rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => Failure::OtherProtocol,
        Some(rustls::Error::AlertReceived(alert)) if refuses_key(*alert) => Failure::RefusedKey,
        Some(_) => Failure::NotTls(error),
    }
}

/// Tells whether an alert is about the key that was presented (RFC 8446 §6.2).
fn refuses_key(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::CertificateRequired
    )
}
