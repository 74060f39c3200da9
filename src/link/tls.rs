//! TLS 1.3 with one key on each side: raw public keys (RFC 7250), pinned.
//!
//! There are no certificates, no names, no trust anchors and nothing to expire: each side expects exactly one
//! Ed25519 key. Sessions are never resumed and no early data is accepted, so every link has a fresh key
//! exchange: X25519MLKEM768, or X25519 with a peer that cannot do the former.

use std::fmt;
use std::io;
use std::sync::Arc;

use ed25519_dalek::Signer as _;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime, alg_id};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage};
use rustls::sign::{CertifiedKey, Signer, SigningKey, public_key_to_spki};
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, OtherError,
    PeerMisbehaved, ServerConfig, SignatureAlgorithm, SignatureScheme,
};

use super::error::LinkError;
use crate::identity::{Identity, PublicKey, fingerprint};

/// Label of the exported value that stands for the connection (in the manner of RFC 9266).
pub(super) const CHANNEL_BINDING_LABEL: &[u8] = b"EXPORTER-tidegate-channel-binding";

/// Returns the settings of the side that connects.
pub(super) fn client_config(own: &Identity, peer: PublicKey, alpn: &[u8]) -> Result<ClientConfig, LinkError> {
    let provider = Arc::new(provider());
    let pinned = Arc::new(PinnedKeys::new(&[peer], &provider));
    let own = Arc::new(AlwaysResolvesClientRawPublicKeys::new(certified_key(own)));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(set_up)?
        .dangerous()
        .with_custom_certificate_verifier(pinned)
        .with_client_cert_resolver(own);
    config.alpn_protocols = vec![alpn.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    Ok(config)
}

/// Returns the settings of the side that listens.
pub(super) fn server_config(
    own: &Identity,
    peers: &[PublicKey],
    alpn: &[u8],
) -> Result<ServerConfig, LinkError> {
    let provider = Arc::new(provider());
    let pinned = Arc::new(PinnedKeys::new(peers, &provider));
    let own = Arc::new(AlwaysResolvesServerRawPublicKeys::new(certified_key(own)));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(set_up)?
        .with_client_cert_verifier(pinned)
        .with_cert_resolver(own);
    config.alpn_protocols = vec![alpn.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// Returns the key exchanges on offer, best first.
fn provider() -> CryptoProvider {
    CryptoProvider { kx_groups: vec![kx_group::X25519MLKEM768, kx_group::X25519], ..default_provider() }
}

/// Reports settings that the TLS library does not take.
fn set_up(error: Error) -> LinkError {
    LinkError::Setup { source: Arc::new(io::Error::other(error)) }
}

/// Returns the key as TLS presents it.
fn certified_key(own: &Identity) -> Arc<CertifiedKey> {
    let presented = CertificateDer::from(spki(&own.public()).to_vec());
    Arc::new(CertifiedKey::new(vec![presented], Arc::new(TlsKey(own.tls_key()))))
}

/// Encodes a key as a SubjectPublicKeyInfo (RFC 8410 §4).
fn spki(key: &PublicKey) -> SubjectPublicKeyInfoDer<'static> {
    public_key_to_spki(&alg_id::ED25519, key.as_bytes())
}

/// The own key, which signs with the copy that the [`Identity`] holds.
#[derive(Clone)]
struct TlsKey(Arc<ed25519_dalek::SigningKey>);

impl SigningKey for TlsKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let acceptable = offered.contains(&SignatureScheme::ED25519);
        acceptable.then(|| Box::new(self.clone()) as Box<dyn Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ED25519
    }
}

impl Signer for TlsKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.0.sign(message).to_bytes().to_vec())
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

impl fmt::Debug for TlsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsKey(redacted)")
    }
}

/// Another key than the pinned one was presented.
#[derive(Debug, thiserror::Error)]
#[error("key {found} is not the pinned one")]
pub(super) struct ForeignKey {
    /// Fingerprint of the key presented.
    pub(super) found: String,
}

/// Finds which of some keys the other side has proved to hold.
pub(super) fn presented_key(presented: &[u8], keys: impl Iterator<Item = PublicKey>) -> Option<usize> {
    keys.map(|key| spki(&key)).position(|key| key.as_ref() == presented)
}

/// Accepts exactly these keys: one, or on a side that gathers many parties one for each.
#[derive(Debug)]
struct PinnedKeys {
    expected: Vec<SubjectPublicKeyInfoDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl PinnedKeys {
    fn new(peers: &[PublicKey], provider: &CryptoProvider) -> Self {
        let expected = peers.iter().map(spki).collect();
        Self { expected, algorithms: provider.signature_verification_algorithms }
    }

    /// Compares the key presented with the pinned ones.
    fn check(&self, presented: &[u8]) -> Result<&SubjectPublicKeyInfoDer<'static>, Error> {
        if let Some(key) = self.expected.iter().find(|key| key.as_ref() == presented) {
            return Ok(key);
        }
        // The raw key ends a SubjectPublicKeyInfo of Ed25519.
        let raw = presented.len().checked_sub(PublicKey::BYTES).and_then(|start| presented.get(start..));
        let foreign = ForeignKey { found: fingerprint(raw.unwrap_or(presented)) };
        Err(CertificateError::Other(OtherError(Arc::new(foreign))).into())
    }

    /// Checks the signature of the handshake by the key presented.
    fn check_signature(
        &self,
        message: &[u8],
        presented: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = self.check(presented)?;
        if signature.scheme != SignatureScheme::ED25519 {
            return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
        }
        verify_tls13_signature_with_raw_key(message, key, signature, &self.algorithms)
    }
}

/// Returns the check that a link makes, for the hand-made peers of tests.
#[cfg(test)]
pub(super) fn pinned(peer: PublicKey) -> Arc<dyn ServerCertVerifier> {
    Arc::new(PinnedKeys::new(&[peer], &provider()))
}

/// Refuses what belongs to TLS 1.2, which is not offered.
fn refuse_tls12() -> Result<HandshakeSignatureValid, Error> {
    Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into())
}

impl ServerCertVerifier for PinnedKeys {
    fn verify_server_cert(
        &self,
        presented: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(presented).map(|_| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        refuse_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        presented: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(message, presented, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for PinnedKeys {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        presented: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(presented).map(|_| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        refuse_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        presented: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(message, presented, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spki_is_that_of_rfc8410() {
        let key = Identity::generate(&mut rand::rng()).public();
        let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        assert_eq!(spki(&key).as_ref(), [&prefix, &key.as_bytes()[..]].concat());
    }

    #[test]
    fn only_the_pinned_keys_pass() {
        let [peer, second, other] = [(); 3].map(|()| Identity::generate(&mut rand::rng()).public());
        let pinned = PinnedKeys::new(&[peer, second], &provider());
        for peer in [peer, second] {
            assert_eq!(pinned.check(&spki(&peer)).unwrap(), &spki(&peer));
        }
        assert_eq!(presented_key(&spki(&second), [peer, second].into_iter()), Some(1));
        assert_eq!(presented_key(&spki(&other), [peer, second].into_iter()), None);
        for presented in [&spki(&other)[..], &spki(&peer)[1..], b"", b"x"] {
            assert!(pinned.check(presented).is_err());
        }
    }
}
