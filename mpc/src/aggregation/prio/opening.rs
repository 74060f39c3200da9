//! Opening of sealed shares: the receiver of HPKE (RFC 9180) in base mode, for the one suite that is used here.
//!
//! An aggregator opens every report with one key, so this costs most of its time. The crate `hpke`, which seals and against
//! which this is tested, multiplies on the Montgomery curve and derives the public key anew for each share; here the
//! multiplication is on the birationally equivalent Edwards curve, which takes about half as long on a processor with
//! vectors, and the public key is known.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes128Gcm, KeyInit};
use curve25519_dalek::MontgomeryPoint;
use hkdf::Hkdf;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::seal::KEY_BYTES;

/// `suite_id` of the key encapsulation and of the whole. [RFC 9180 §4.1, §5.1]
const KEM: &[u8] = b"KEM\x00\x20";
const HPKE: &[u8] = b"HPKE\x00\x20\x00\x01\x00\x01";

const VERSION: &[u8] = b"HPKE-v1";
const MODE_BASE: u8 = 0;

/// The keys of a receiver.
#[derive(Clone, Copy)]
pub(super) struct Receiver<'a> {
    pub(super) secret: &'a [u8; KEY_BYTES],
    pub(super) public: &'a [u8; KEY_BYTES],
}

impl Receiver<'_> {
    /// Opens an encapsulated key with a ciphertext behind it; `None` where it was made otherwise.
    pub(super) fn open(self, info: &[u8], bound: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (encapsulated, ciphertext) = sealed.split_first_chunk::<KEY_BYTES>()?;
        let shared = self.decapsulate(encapsulated)?;
        // [RFC 9180 §5.1 KeySchedule]
        let (psk_id_hash, _) = extract(b"", HPKE, b"psk_id_hash", b"");
        let (info_hash, _) = extract(b"", HPKE, b"info_hash", info);
        let context = [&[MODE_BASE], psk_id_hash.as_slice(), info_hash.as_slice()].concat();
        let (_, secret) = extract(shared.as_slice(), HPKE, b"secret", b"");
        let key: Zeroizing<[u8; 16]> = expand(&secret, HPKE, b"key", &context)?;
        let nonce: Zeroizing<[u8; 12]> = expand(&secret, HPKE, b"base_nonce", &context)?;
        let cipher = Aes128Gcm::new((&*key).into());
        let payload = Payload { msg: ciphertext, aad: bound };
        cipher.decrypt((&*nonce).into(), payload).ok().map(Zeroizing::new)
    }

    // [RFC 9180 §4.1 Decap]
    fn decapsulate(self, encapsulated: &[u8; KEY_BYTES]) -> Option<Zeroizing<[u8; 32]>> {
        let dh = diffie_hellman(self.secret, encapsulated);
        if bool::from(dh.ct_eq(&[0; KEY_BYTES])) {
            return None;
        }
        let (_, key) = extract(b"", KEM, b"eae_prk", dh.as_slice());
        expand(&key, KEM, b"shared_secret", &[*encapsulated, *self.public].concat())
    }
}

/// Multiplies as X25519 does (RFC 7748 §5), on whichever curve is faster: a point of the twist, which no honest sender
/// makes and everybody can tell, has no Edwards form here.
pub(super) fn diffie_hellman(
    secret: &[u8; KEY_BYTES],
    point: &[u8; KEY_BYTES],
) -> Zeroizing<[u8; KEY_BYTES]> {
    let point = MontgomeryPoint(*point);
    let product = match point.to_edwards(0) {
        Some(edwards) => edwards.mul_clamped(*secret).to_montgomery(),
        None => point.mul_clamped(*secret),
    };
    Zeroizing::new(product.0)
}

// [RFC 9180 §4 LabeledExtract]
fn extract(salt: &[u8], suite: &[u8], label: &[u8], secret: &[u8]) -> (Zeroizing<[u8; 32]>, Hkdf<Sha256>) {
    let labelled = Zeroizing::new([VERSION, suite, label, secret].concat());
    let (key, expander) = Hkdf::<Sha256>::extract(Some(salt), &labelled);
    (Zeroizing::new(key.into()), expander)
}

// [RFC 9180 §4 LabeledExpand]
fn expand<const N: usize>(
    key: &Hkdf<Sha256>,
    suite: &[u8],
    label: &[u8],
    info: &[u8],
) -> Option<Zeroizing<[u8; N]>> {
    let len = u16::try_from(N).ok()?.to_be_bytes();
    let mut out = Zeroizing::new([0; N]);
    key.expand(&[&len, VERSION, suite, label, info].concat(), out.as_mut()).ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use rand_core::Rng;

    use super::*;
    use crate::testing::seeded_rng;

    #[test]
    fn both_curves_give_one_product() {
        let mut rng = seeded_rng(1);
        let mut twisted = 0;
        for _ in 0..50 {
            let (mut secret, mut point) = ([0; 32], [0; 32]);
            rng.fill_bytes(&mut secret);
            rng.fill_bytes(&mut point);
            twisted += u32::from(MontgomeryPoint(point).to_edwards(0).is_none());
            let expected = MontgomeryPoint(point).mul_clamped(secret).0;
            assert_eq!(*diffie_hellman(&secret, &point), expected);
        }
        assert!((5..45).contains(&twisted), "{twisted} points lie on the twist");
    }

    /// Coordinates that are not reduced, of small order, or without a point on the Edwards curve.
    #[test]
    fn odd_points_give_the_same_product() {
        let near_the_modulus = |low: u8| {
            let mut point = [0xff; 32];
            (point[0], point[31]) = (low, 0x7f);
            point
        };
        let small = [0, 1, 2, 9].map(|low| {
            let mut point = [0; 32];
            point[0] = low;
            point
        });
        let great = [0xeb, 0xec, 0xed, 0xee, 0xff].map(near_the_modulus);
        for point in small.into_iter().chain(great).chain([[0xff; 32]]) {
            let expected = MontgomeryPoint(point).mul_clamped([7; 32]).0;
            assert_eq!(*diffie_hellman(&[7; 32], &point), expected, "{point:?}");
        }
    }

    #[test]
    fn a_share_for_a_point_of_small_order_does_not_open() {
        let (secret, public) = ([5; 32], MontgomeryPoint::mul_base_clamped([5; 32]).0);
        let receiver = Receiver { secret: &secret, public: &public };
        assert!(receiver.decapsulate(&[0; 32]).is_none());
        assert!(receiver.decapsulate(&public).is_some());
    }
}
