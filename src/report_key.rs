//! Keys for reports: the X25519 key of an aggregator, under which reporters seal what is for it.
//!
//! A key file is PKCS#8 (RFC 5958, RFC 8410) in PEM (RFC 7468), as for identities; the text form of a public key is
//! `x25519:` and 43 characters of base64url without padding (RFC 4648 §5).

use std::fmt;
use std::io;
use std::path::Path;
use std::str::FromStr;

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tidegate_mpc::aggregation::prio::{KEY_BYTES, ReportKey, ReportPublicKey};
use zeroize::Zeroizing;

use crate::identity::{IdentityError, read_private};
use crate::whole_file::{self, Existing};

/// Prefix of a public key's text form.
const PREFIX: &str = "x25519:";

/// What precedes the 32 bytes of an X25519 key in PKCS#8. [RFC 8410 §7]
const PKCS8: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20];

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// The public key of an aggregator as agreements hold it.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicReportKey(ReportPublicKey);

impl PublicReportKey {
    /// Returns the key.
    pub fn key(&self) -> &ReportPublicKey {
        &self.0
    }
}

impl From<ReportPublicKey> for PublicReportKey {
    fn from(key: ReportPublicKey) -> Self {
        Self(key)
    }
}

impl FromStr for PublicReportKey {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(IdentityError::ReportKeyText)?;
        let mut raw = [0; KEY_BYTES];
        let decoded =
            Base64UrlUnpadded::decode(encoded, &mut raw).map_err(|_| IdentityError::ReportKeyText)?;
        if decoded.len() != KEY_BYTES {
            return Err(IdentityError::ReportKeyText);
        }
        ReportPublicKey::from_bytes(raw).map(Self).map_err(|_| IdentityError::ReportKeyText)
    }
}

impl fmt::Display for PublicReportKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", Base64UrlUnpadded::encode_string(self.0.as_bytes()))
    }
}

impl fmt::Debug for PublicReportKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicReportKey({self})")
    }
}

impl Serialize for PublicReportKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicReportKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Writes a key to a new file, which only its owner can read.
///
/// # Errors
/// [`IdentityError::Exists`], [`IdentityError::Write`].
pub fn save_new(key: &ReportKey, path: &Path) -> Result<(), IdentityError> {
    let der = Zeroizing::new([PKCS8.as_slice(), key.to_bytes().as_slice()].concat());
    let body = Zeroizing::new(Base64::encode_string(&der));
    let pem = Zeroizing::new(format!("{BEGIN}\n{}\n{END}\n", body.as_str()));
    whole_file::write(path, pem.as_bytes(), Existing::Keep).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => IdentityError::Exists { path: path.into() },
        // Only the kind: the text names a temporary file.
        kind => IdentityError::Write { path: path.into(), source: kind.into() },
    })
}

/// Reads the key in a file.
///
/// # Errors
/// [`IdentityError::Read`], [`IdentityError::Exposed`], [`IdentityError::ReportKeyFile`].
pub fn load(path: &Path) -> Result<ReportKey, IdentityError> {
    let pem = read_private(path)?;
    let key = parse(&pem).ok_or_else(|| IdentityError::ReportKeyFile { path: path.into() })?;
    Ok(ReportKey::from_bytes(&key))
}

fn parse(pem: &[u8]) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let text = std::str::from_utf8(pem).ok()?.trim();
    let body = text.strip_prefix(BEGIN)?.strip_suffix(END)?.trim();
    let mut der = Zeroizing::new([0; PKCS8.len() + KEY_BYTES]);
    let decoded = Base64::decode(body, der.as_mut()).ok()?;
    let key: [u8; KEY_BYTES] = decoded.strip_prefix(&PKCS8)?.try_into().ok()?;
    Some(Zeroizing::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ReportKey {
        ReportKey::random(&mut tidegate_mpc::testing::seeded_rng(1))
    }

    #[test]
    fn a_saved_key_loads_and_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("reports.key");
        save_new(&key(), &path).unwrap();
        assert_eq!(load(&path).unwrap().public(), key().public());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(save_new(&key(), &path), Err(IdentityError::Exists { .. })));
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        assert!(matches!(load(&path), Err(IdentityError::Exposed { .. })));
    }

    /// A key as OpenSSL writes it: RFC 7748 §6.1, Alice.
    #[test]
    fn keys_of_others_load() {
        let pem = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VuBCIEIHcHbQpzGKV9PBbBclGyZkXfTC+H68CZKrF3+6UduSwq\n\
                   -----END PRIVATE KEY-----\n";
        let key = ReportKey::from_bytes(&parse(pem.as_bytes()).unwrap());
        let public = PublicReportKey::from(key.public()).to_string();
        assert_eq!(public, "x25519:hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo");
        assert!(parse(pem.replace("2Vu", "2Vw").as_bytes()).is_none());
        assert!(parse(b"").is_none());
    }

    #[test]
    fn public_keys_have_one_text() {
        let key = PublicReportKey::from(key().public());
        assert_eq!(key.to_string().parse::<PublicReportKey>().unwrap(), key);
        let zeros = format!("x25519:{}", "A".repeat(43));
        for bad in ["", "x25519:", "x25519:AAAA", &zeros, &key.to_string().replace("x25519", "ed25519")] {
            assert!(bad.parse::<PublicReportKey>().is_err(), "{bad}");
        }
    }
}
