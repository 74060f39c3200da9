//! Identities: the Ed25519 key by which the other parties know an organisation.
//!
//! One key serves several ends. It authenticates links ([`crate::link`]), where TLS 1.3 signs with it, and it
//! signs documents such as agreements. They cannot be taken for each other: what TLS signs starts with
//! 64 spaces (RFC 8446 §4.4.3), what [`Identity::sign`] signs starts with a label of its own, followed by
//! the length-prefixed domain. A third kind, checkpoints of a ledger ([`crate::ledger`]), is signed as its format
//! has it, without a label; its texts begin with neither.
//!
//! # Source
//! Ed25519: RFC 8032, documents are verified strictly (canonical encodings, no key of small order);
//! the signatures of TLS are verified by the TLS library, under keys that were checked in the same way. Key files: PKCS#8
//! (RFC 5958, RFC 8410) in PEM (RFC 7468). Text forms: base64url without padding (RFC 4648 §5).

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use rand::CryptoRng;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::hex::hex;
use crate::whole_file::{self, Existing};

/// Label in front of everything [`Identity::sign`] signs.
const SIGNATURE_LABEL: &[u8] = b"tidegate-signature-v1";

/// Prefix of a public key's text form.
const KEY_PREFIX: &str = "ed25519:";

/// Largest key file, in bytes; a PKCS#8 Ed25519 key takes about 200.
const MAX_KEY_FILE_BYTES: usize = 4096;

/// A party's public key; its text form is `ed25519:` and 43 characters of base64url.
///
/// Holds a point that is canonically encoded and not of small order.
///
/// # Examples
/// ```
/// use tidegate::identity::{Identity, PublicKey};
///
/// let key = Identity::generate(&mut rand::rng()).public();
/// assert_eq!(key.to_string().parse::<PublicKey>()?, key);
/// assert!("ed25519:AAAA".parse::<PublicKey>().is_err());
/// # Ok::<(), tidegate::identity::IdentityError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; Self::BYTES]);

impl PublicKey {
    /// Length of the raw key, in bytes.
    pub const BYTES: usize = 32;

    /// Takes a raw key, if it is one.
    ///
    /// # Errors
    /// [`IdentityError::NotAKey`] if no point has this encoding, [`IdentityError::WeakKey`] if the point is of
    /// small order.
    pub fn from_bytes(raw: [u8; Self::BYTES]) -> Result<Self, IdentityError> {
        let key = VerifyingKey::from_bytes(&raw).map_err(|_| IdentityError::NotAKey)?;
        if key.is_weak() {
            Err(IdentityError::WeakKey)
        } else if key.to_edwards().compress().to_bytes() != raw {
            Err(IdentityError::NotAKey)
        } else {
            Ok(Self(raw))
        }
    }

    /// Returns the raw key.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// Returns the first 16 hexadecimal digits of the SHA-256 of the raw key: for messages, not for comparing keys.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.0)
    }

    /// Checks that this key's owner signed `message` for `domain`.
    ///
    /// # Errors
    /// [`IdentityError::BadSignature`] otherwise.
    pub fn verify(
        &self,
        domain: &'static str,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), IdentityError> {
        self.verify_note(&signed_bytes(domain, message), signature)
    }

    /// Checks that this key's owner signed exactly these bytes: for formats that have no room for a domain.
    pub(crate) fn verify_note(&self, text: &[u8], signature: &Signature) -> Result<(), IdentityError> {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        VerifyingKey::from_bytes(&self.0)
            .and_then(|key| key.verify_strict(text, &signature))
            .map_err(|_| IdentityError::BadSignature)
    }
}

/// Returns the fingerprint of a raw key that need not be valid.
pub(crate) fn fingerprint(raw: &[u8]) -> String {
    let digest: [u8; 32] = Sha256::digest(raw).into();
    digest.first_chunk::<8>().map_or_else(String::new, |first| hex(first))
}

impl FromStr for PublicKey {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let encoded = text.strip_prefix(KEY_PREFIX).ok_or(IdentityError::KeyText)?;
        Self::from_bytes(decode(encoded).ok_or(IdentityError::KeyText)?)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{KEY_PREFIX}{}", Base64UrlUnpadded::encode_string(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// An Ed25519 signature; its text form is 86 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; Self::BYTES]);

impl Signature {
    /// Length of the raw signature, in bytes.
    pub const BYTES: usize = 64;

    /// Takes a raw signature; whether it is right shows in [`PublicKey::verify`].
    pub fn from_bytes(raw: [u8; Self::BYTES]) -> Self {
        Self(raw)
    }

    /// Returns the raw signature.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl FromStr for Signature {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        decode(text).map(Self).ok_or(IdentityError::SignatureText)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Base64UrlUnpadded::encode_string(&self.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({self})")
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A party's secret key.
///
/// # Security
/// Zeroized when dropped; neither `Debug` nor any error shows it; it is written only by [`Self::save_new`].
pub struct Identity(Arc<SigningKey>);

impl Identity {
    /// Makes a fresh identity.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        Self(Arc::new(SigningKey::generate(rng)))
    }

    /// Reads the identity in the PKCS#8 PEM file at `path`.
    ///
    /// # Errors
    /// [`IdentityError::Read`] if the file cannot be read, [`IdentityError::Exposed`] if others than its owner
    /// can read it (on Unix), [`IdentityError::KeyFile`] if it holds anything but one Ed25519 secret key.
    pub fn load(path: &Path) -> Result<Self, IdentityError> {
        let pem = read_private(path)?;
        let malformed = || IdentityError::KeyFile { path: path.into() };
        let pem = std::str::from_utf8(&pem).map_err(|_| malformed())?;
        let key = SigningKey::from_pkcs8_pem(pem.trim()).map_err(|_| malformed())?;
        Ok(Self(Arc::new(key)))
    }

    /// Writes the identity to a new PKCS#8 PEM file, which only its owner can read.
    ///
    /// The file appears whole or not at all, and is on disk when this returns.
    ///
    /// # Errors
    /// [`IdentityError::Exists`] if there is something at `path`, [`IdentityError::Write`] if the file cannot be
    /// written.
    pub fn save_new(&self, path: &Path) -> Result<(), IdentityError> {
        let failed = |source| IdentityError::Write { path: path.into(), source };
        let pem = self.0.to_pkcs8_pem(LineEnding::LF).map_err(|e| failed(io::Error::other(e.to_string())))?;
        match whole_file::write(path, pem.as_bytes(), Existing::Keep) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                Err(IdentityError::Exists { path: path.into() })
            }
            // Only the kind: the text names a temporary file.
            other => other.map_err(|e| failed(e.kind().into())),
        }
    }

    /// Returns the public key.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs `message` for `domain`, a constant that names the kind of document and its version.
    pub fn sign(&self, domain: &'static str, message: &[u8]) -> Signature {
        Signature(self.0.sign(&signed_bytes(domain, message)).to_bytes())
    }

    /// Signs exactly these bytes, for formats that have no room for a domain: what the caller passes must begin so that
    /// nothing else an identity signs can begin likewise.
    pub(crate) fn sign_note(&self, text: &[u8]) -> Signature {
        Signature(self.0.sign(text).to_bytes())
    }

    /// Returns the key for the signatures of TLS.
    pub(crate) fn tls_key(&self) -> Arc<SigningKey> {
        Arc::clone(&self.0)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({}, secret redacted)", self.public())
    }
}

/// What is wrong with a key, a signature or a key file; no text holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The text form of a public key is malformed.
    #[error("a public key reads `ed25519:` and 43 characters of base64url")]
    KeyText,
    /// The 32 bytes are not the encoding of an Ed25519 point.
    #[error("these 32 bytes are not an Ed25519 public key")]
    NotAKey,
    /// The point is of small order: signatures under it prove nothing.
    #[error("this Ed25519 public key is weak: anyone can sign for it")]
    WeakKey,
    /// The text form of a signature is malformed.
    #[error("a signature reads 86 characters of base64url")]
    SignatureText,
    /// The signature is not that of this key over this message and domain.
    #[error("the signature does not match the key and the signed text")]
    BadSignature,
    /// The key file cannot be read.
    #[error("cannot read key file `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The key file cannot be written.
    #[error("cannot write key file `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds no key for reports.
    #[error("`{}` is not an X25519 secret key in PKCS#8 PEM", path.display())]
    ReportKeyFile {
        /// The file.
        path: PathBuf,
    },
    /// The text form of a key for reports is malformed, or the key is of small order.
    #[error("a public key for reports reads `x25519:` and 43 characters of base64url")]
    ReportKeyText,
    /// There is a file where a new key was to be written.
    #[error("`{}` exists; a key file is never overwritten", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Others than its owner can read or write the key file.
    #[error("key file `{}` has mode {mode:04o}; only its owner may have access (0600)", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file holds something else.
    #[error("`{}` is not an Ed25519 secret key in PKCS#8 PEM", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
    },
}

impl IdentityError {
    /// Returns what the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::KeyText | Self::NotAKey | Self::WeakKey => {
                Some("copy the key exactly as its owner's `tidegate key show` prints it".into())
            }
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("make a key with `tidegate key new`".into())
            }
            Self::Write { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("make the directory first, or check the path".into())
            }
            Self::Exists { .. } => Some("give another path, or move the old key away".into()),
            Self::Exposed { path, .. } => Some(format!("chmod 600 {}", path.display())),
            Self::ReportKeyFile { .. } => Some("give the file that `tidegate key new --report` wrote".into()),
            Self::ReportKeyText => {
                Some("copy the key exactly as its owner's `tidegate key show --report` prints it".into())
            }
            Self::KeyFile { .. } => Some("give the file that `tidegate key new` wrote".into()),
            _ => None,
        }
    }
}

/// Returns what is signed for `domain`: label, length of the domain, domain, message.
fn signed_bytes(domain: &str, message: &[u8]) -> Vec<u8> {
    let domain_bytes = (domain.len() as u64).to_be_bytes();
    [SIGNATURE_LABEL, &domain_bytes, domain.as_bytes(), message].concat()
}

/// Decodes base64url without padding to exactly `N` bytes.
fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut raw = [0; N];
    let decoded = Base64UrlUnpadded::decode(text, &mut raw).ok()?;
    (decoded.len() == N).then_some(raw)
}

/// Reads a small file that nobody but its owner can access.
pub(crate) fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    let failed = |source| IdentityError::Read { path: path.into(), source };
    let file = File::open(path).map_err(failed)?;
    refuse_exposed(path, &file)?;
    // The capacity covers the whole read, so that no growing leaves a copy behind.
    let mut content = Zeroizing::new(Vec::with_capacity(2 * MAX_KEY_FILE_BYTES));
    file.take(MAX_KEY_FILE_BYTES as u64 + 1).read_to_end(&mut content).map_err(failed)?;
    if content.len() > MAX_KEY_FILE_BYTES {
        return Err(IdentityError::KeyFile { path: path.into() });
    }
    Ok(content)
}

/// Refuses a file that group or others can access.
fn refuse_exposed(path: &Path, file: &File) -> Result<(), IdentityError> {
    use std::os::unix::fs::PermissionsExt;

    let metadata = file.metadata().map_err(|source| IdentityError::Read { path: path.into(), source })?;
    let mode = metadata.permissions().mode() & 0o7777;
    if metadata.is_file() && mode & 0o077 != 0 {
        return Err(IdentityError::Exposed { path: path.into(), mode });
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn identity(seed: u8) -> Identity {
        Identity(Arc::new(SigningKey::from_bytes(&[seed; 32])))
    }

    #[test]
    fn rfc8032_key_has_its_text_and_fingerprint() {
        // RFC 8032 §7.1, test 1.
        let secret = b"\x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4\
                       \x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60";
        let key = Identity(Arc::new(SigningKey::from_bytes(secret))).public();
        assert_eq!(key.to_string(), "ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(key.fingerprint(), "21fe31dfa154a261");
    }

    #[test]
    fn rfc8410_key_file_loads() {
        // RFC 8410 §10.3 (the secret key) and §10.1 (its public key): version 1, as OpenSSL writes it.
        let pem = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                   -----END PRIVATE KEY-----\n";
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        whole_file::write(&path, pem.as_bytes(), Existing::Keep).unwrap();
        let key = Identity::load(&path).unwrap().public();
        assert_eq!(key.to_string(), "ed25519:Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE");
    }

    #[test]
    fn text_forms_are_strict() {
        let key = identity(1).public();
        let text = key.to_string();
        assert_eq!(text.parse::<PublicKey>().unwrap(), key);
        for bad in [
            "",
            "ed25519:",
            &text[8..],
            &format!("{text}="),
            &format!(" {text}"),
            &text[..text.len() - 1],
            &text.replace("ed25519", "Ed25519"),
            &format!("{}é", &text[..text.len() - 2]),
        ] {
            assert!(matches!(bad.parse::<PublicKey>(), Err(IdentityError::KeyText)), "{bad:?}");
        }
        let signature = identity(1).sign("test", b"x");
        assert_eq!(signature.to_string().parse::<Signature>().unwrap(), signature);
        assert!(matches!("AAAA".parse::<Signature>(), Err(IdentityError::SignatureText)));
    }

    #[test]
    fn weak_and_undecodable_keys_are_refused() {
        let mut one = [0; 32];
        one[0] = 1;
        let mut minus_one = [0xff; 32];
        minus_one[0] = 0xec;
        minus_one[31] = 0x7f;
        for weak in [[0; 32], one, minus_one] {
            assert!(matches!(PublicKey::from_bytes(weak), Err(IdentityError::WeakKey)));
        }
        // 2 is not the y of any point.
        let mut no_point = [0; 32];
        no_point[0] = 2;
        assert!(matches!(PublicKey::from_bytes(no_point), Err(IdentityError::NotAKey)));
        // y = p + 3 encodes the point of y = 3 a second time.
        let mut twice = [0xff; 32];
        twice[0] = 0xf0;
        twice[31] = 0x7f;
        assert!(PublicKey::from_bytes(twice).is_err());
    }

    #[test]
    fn signatures_bind_key_domain_and_message() {
        let (mine, other) = (identity(1), identity(2));
        let signature = mine.sign("agreement", b"text");
        mine.public().verify("agreement", b"text", &signature).unwrap();
        let mut altered = *signature.as_bytes();
        altered[3] ^= 1;
        for result in [
            mine.public().verify("agreement", b"texT", &signature),
            mine.public().verify("agreementt", b"ext", &signature),
            other.public().verify("agreement", b"text", &signature),
            mine.public().verify("agreement", b"text", &Signature::from_bytes(altered)),
        ] {
            assert!(matches!(result, Err(IdentityError::BadSignature)));
        }
    }

    #[test]
    fn serde_uses_the_text() {
        let key = identity(1).public();
        let json = serde_json::to_string(&key).unwrap();
        assert_eq!(json, format!("\"{key}\""));
        assert_eq!(serde_json::from_str::<PublicKey>(&json).unwrap(), key);
        assert!(serde_json::from_str::<PublicKey>("\"ed25519:AA\"").is_err());
    }

    #[test]
    fn a_saved_key_loads_and_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        identity(1).save_new(&path).unwrap();
        assert_eq!(Identity::load(&path).unwrap().public(), identity(1).public());
        assert!(matches!(identity(2).save_new(&path), Err(IdentityError::Exists { .. })));
        assert_eq!(Identity::load(&path).unwrap().public(), identity(1).public());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        identity(1).save_new(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = Identity::load(&path).unwrap_err();
        assert!(matches!(error, IdentityError::Exposed { mode: 0o640, .. }));
        assert!(error.hint().unwrap().starts_with("chmod 600"));
    }

    #[test]
    fn bad_key_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Identity::load(&folder.path().join("none")).unwrap_err();
        assert!(matches!(missing, IdentityError::Read { .. }));
        assert!(missing.hint().is_some());
        for content in [&b""[..], b"\xff\xfe", b"-----BEGIN PRIVATE KEY-----\n", &[b'a'; 5000]] {
            let path = folder.path().join("bad");
            whole_file::write(&path, content, Existing::Keep).unwrap();
            assert!(matches!(Identity::load(&path), Err(IdentityError::KeyFile { .. })));
            std::fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let text = format!("{:?}", identity(7));
        assert!(text.contains("redacted"));
        assert!(!text.contains("0707") && !text.contains("7, 7") && !text.contains("BwcH"), "{text}");
    }
}
