//! Secrets: wiped on drop, and with a `Debug` that shows nothing.

use std::fmt;

use chacha20::ChaCha20Rng;
use curve25519_dalek::scalar::Scalar;
use rand_core::{CryptoRng, SeedableRng};
use subtle::{Choice, ConditionallySelectable};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// 1/2 modulo the group order, little-endian.
const HALF: [u8; 32] = [
    0xf7, 0xe9, 0x7a, 0x2e, 0x8d, 0x31, 0x09, 0x2c, 0x6b, 0xce, 0x7b, 0x51, 0xef, 0x7c, 0x6f, 0x0a, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x08,
];

/// Takes an integer modulo the group order, in constant time.
pub(crate) fn signed(value: i64) -> Scalar {
    let magnitude = Scalar::from(value.unsigned_abs());
    let negative = Choice::from(u8::from(value < 0));
    Scalar::conditional_select(&magnitude, &-magnitude, negative)
}

/// A secret scalar modulo the group order, never zero but with negligible probability.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SecretScalar(Scalar);

impl SecretScalar {
    /// Draws a uniform scalar other than zero.
    pub fn random<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        loop {
            let scalar = Scalar::random(rng);
            if scalar != Scalar::ZERO {
                return Self(scalar);
            }
        }
    }

    /// Reads 32 little-endian bytes; `None` where they are zero or not below the group order.
    pub fn from_canonical_bytes(bytes: [u8; 32]) -> Option<Self> {
        let scalar: Option<Scalar> = Scalar::from_canonical_bytes(bytes).into();
        scalar.filter(|s| *s != Scalar::ZERO).map(Self)
    }

    /// Halves the scalar modulo the group order.
    pub(crate) fn halve(&self) -> Self {
        Self(self.0 * Scalar::from_bytes_mod_order(HALF))
    }

    /// Adds scalars up.
    pub(crate) fn sum<'a>(scalars: impl Iterator<Item = &'a Self>) -> Self {
        Self(scalars.map(|scalar| scalar.0).sum())
    }

    /// Multiplies by `factor` and adds `value`, in constant time.
    pub(crate) fn mul_add(&self, factor: &Self, value: i64) -> Self {
        Self(self.0 * factor.0 + signed(value))
    }

    /// Inverts the scalar modulo the group order.
    pub(crate) fn invert(&self) -> Self {
        Self(self.0.invert())
    }

    pub(crate) fn expose(&self) -> &Scalar {
        &self.0
    }
}

impl fmt::Debug for SecretScalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretScalar(..)")
    }
}

/// A seed from which a party derives one blind an item, so that blinds need no memory.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct BlindSeed([u8; 32]);

impl BlindSeed {
    pub(crate) fn random<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        Self(seed)
    }

    /// Derives the blinds of the items that start at index `first`: the same for the same index.
    ///
    /// Each call is one ChaCha20 stream, so calls for one seed must start at the same indices.
    pub(crate) fn blinds(&self, first: u64) -> impl Iterator<Item = SecretScalar> {
        let mut rng = ChaCha20Rng::from_seed(self.0);
        rng.set_stream(first);
        std::iter::repeat_with(move || SecretScalar::random(&mut rng))
    }
}

impl fmt::Debug for BlindSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlindSeed(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::seeded_rng;

    #[test]
    fn blinds_repeat_for_an_index_and_differ_between_indices() {
        let seed = BlindSeed::random(&mut seeded_rng(7));
        let blinds = |first| seed.blinds(first).take(3).map(|b| *b.expose()).collect::<Vec<_>>();
        assert_eq!(blinds(128), blinds(128));
        assert!(blinds(0).iter().all(|b| !blinds(128).contains(b)));
    }

    #[test]
    fn twice_the_half_is_the_whole() {
        let scalar = SecretScalar::random(&mut seeded_rng(3));
        let half = scalar.halve();
        assert_eq!(half.expose() + half.expose(), *scalar.expose());
    }

    #[test]
    fn values_are_added_with_their_sign() {
        let [a, b] = [1, 2].map(|seed| SecretScalar::random(&mut seeded_rng(seed)));
        for value in [0, 1, -1, i64::MAX, i64::MIN] {
            let expected = a.expose() * b.expose() + signed(value);
            assert_eq!(*a.mul_add(&b, value).expose(), expected);
            assert_eq!(signed(value) + Scalar::from(1u128 << 64), {
                Scalar::from((1u128 << 64).wrapping_add_signed(value.into()))
            });
        }
    }

    #[test]
    fn only_canonical_scalars_other_than_zero_are_read() {
        assert!(SecretScalar::from_canonical_bytes([0; 32]).is_none());
        assert!(SecretScalar::from_canonical_bytes([0xff; 32]).is_none());
        let mut one = [0; 32];
        one[0] = 1;
        assert!(SecretScalar::from_canonical_bytes(one).is_some());
    }
}
