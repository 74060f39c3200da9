//! Sealing of input shares: HPKE (RFC 9180) in base mode with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM.

use std::fmt;

use curve25519_dalek::MontgomeryPoint;
use hpke::aead::AesGcm128;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeS, Serializable, single_shot_seal_with_rng};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::circuit::VerifyKey;
use super::opening::{Receiver, diffie_hellman};
use crate::error::Error;
use crate::transcript;

/// Bytes of a key, and of what a sealed share begins with.
pub const KEY_BYTES: usize = 32;

/// Bytes that a sealed share is longer than the share: the encapsulated key and the tag.
pub(super) const OVERHEAD_BYTES: usize = KEY_BYTES + 16;

/// The public key of an aggregator, under which shares for it are sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportPublicKey([u8; KEY_BYTES]);

impl ReportPublicKey {
    /// Takes the 32 bytes of an X25519 key.
    ///
    /// # Errors
    /// [`Error::ReportKey`] for a point of small order, under which nothing can be sealed.
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Result<Self, Error> {
        // Any scalar that is a multiple of the cofactor takes exactly the points of small order to zero.
        let product = MontgomeryPoint(bytes).mul_clamped([1; KEY_BYTES]);
        if bool::from(product.0.ct_eq(&[0; KEY_BYTES])) {
            return Err(Error::ReportKey); // PRIO-2
        }
        Ok(Self(bytes))
    }

    /// Returns the 32 bytes.
    pub fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// Seals `share`: the encapsulated key, then the ciphertext.
    pub(super) fn seal<R: CryptoRng + ?Sized>(
        &self,
        info: &[u8],
        bound: &[u8],
        share: &[u8],
        mut rng: &mut R,
    ) -> Vec<u8> {
        let key = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&self.0);
        let key = key.expect("any 32 bytes are an X25519 key");
        let sealed = single_shot_seal_with_rng::<AesGcm128, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &key,
            info,
            share,
            bound,
            &mut rng,
        );
        let (encapsulated, ciphertext) = sealed.expect("the key is of no small order and the share is short");
        [encapsulated.to_bytes().as_slice(), &ciphertext].concat()
    }
}

/// The secret key of an aggregator; wiped on drop.
pub struct ReportKey {
    secret: Zeroizing<[u8; KEY_BYTES]>,
    public: ReportPublicKey,
}

impl ReportKey {
    /// Draws a key.
    pub fn random<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        rng.fill_bytes(bytes.as_mut());
        Self::from_bytes(&bytes)
    }

    /// Takes the 32 bytes of an X25519 secret key.
    pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Self {
        let public = MontgomeryPoint::mul_base_clamped(*bytes).0;
        Self { secret: Zeroizing::new(*bytes), public: ReportPublicKey(public) }
    }

    /// Returns the 32 bytes that [`Self::from_bytes`] takes.
    pub fn to_bytes(&self) -> Zeroizing<[u8; KEY_BYTES]> {
        self.secret.clone()
    }

    /// Returns the public key.
    pub fn public(&self) -> ReportPublicKey {
        self.public.clone()
    }

    /// Opens what [`ReportPublicKey::seal`] made; `None` where it was made for another key, `info` or `bound`.
    pub(super) fn open(&self, info: &[u8], bound: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        Receiver { secret: &self.secret, public: self.public.as_bytes() }.open(info, bound, sealed)
    }

    /// Derives the verify key of a task: both aggregators do from their keys, and nobody else can.
    ///
    /// It is fixed with the keys, which the task names, before the first report. [VDAF-18 §9.2]
    pub(super) fn verify_key(&self, other: &ReportPublicKey, task: &[u8; 32]) -> VerifyKey {
        let shared = diffie_hellman(&self.secret, &other.0);
        let mut hash = transcript::labelled(transcript::PRIO_VERIFY_KEY);
        transcript::put(&mut hash, task);
        transcript::put(&mut hash, shared.as_slice());
        VerifyKey(transcript::digest(hash))
    }
}

impl fmt::Debug for ReportKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReportKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::seeded_rng;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        let bytes = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
        let bytes: Vec<u8> = bytes.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
        bytes.try_into().unwrap()
    }

    /// RFC 9180, appendix A.1.1: the suite and mode that are used here.
    #[test]
    fn the_vector_of_the_rfc_opens() {
        let key =
            ReportKey::from_bytes(&hex("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8"));
        let public = "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d";
        assert_eq!(key.public().as_bytes(), &hex(public));
        let sealed: [u8; 77] = hex(concat!(
            "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
            "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a9",
            "6d8770ac83d07bea87e13c512a",
        ));
        let open = |bound: &[u8], sealed: &[u8]| key.open(b"Ode on a Grecian Urn", bound, sealed);
        assert_eq!(open(b"Count-0", &sealed).unwrap().as_slice(), b"Beauty is truth, truth beauty");
        assert!(open(b"Count-1", &sealed).is_none());
        for place in [0, 31, 32, 76] {
            let mut altered = sealed;
            altered[place] ^= 1;
            assert!(open(b"Count-0", &altered).is_none(), "byte {place}");
        }
        assert!(open(b"Count-0", &sealed[..31]).is_none());
        assert!(open(b"Count-0", &[]).is_none());
    }

    #[test]
    fn only_the_named_key_opens() {
        let [key, other] = [1, 2].map(|seed| ReportKey::random(&mut seeded_rng(seed)));
        let sealed = key.public().seal(b"info", b"bound", b"share", &mut seeded_rng(3));
        assert_eq!(sealed.len(), 5 + OVERHEAD_BYTES);
        assert_eq!(key.open(b"info", b"bound", &sealed).unwrap().as_slice(), b"share");
        assert!(other.open(b"info", b"bound", &sealed).is_none());
        assert!(key.open(b"else", b"bound", &sealed).is_none());
    }

    #[test]
    fn both_aggregators_derive_one_verify_key_for_a_task() {
        let [a, b, c] = [1, 2, 3].map(|seed| ReportKey::random(&mut seeded_rng(seed)));
        let key = a.verify_key(&b.public(), &[1; 32]).0;
        assert_eq!(b.verify_key(&a.public(), &[1; 32]).0, key);
        assert_ne!(b.verify_key(&a.public(), &[2; 32]).0, key);
        assert_ne!(c.verify_key(&a.public(), &[1; 32]).0, key);
    }

    /// The u-coordinates of small order, RFC 7748 section 6.1 and its twist.
    #[test]
    fn prio_2_points_of_small_order_are_no_keys() {
        let one = hex("0100000000000000000000000000000000000000000000000000000000000000");
        let eight = hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800");
        let minus_one = hex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
        for point in [[0; 32], one, eight, minus_one] {
            assert_eq!(ReportPublicKey::from_bytes(point), Err(Error::ReportKey));
        }
    }
}
