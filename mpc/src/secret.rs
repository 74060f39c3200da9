//! Secrets: wiped on drop, and with a `Debug` that shows nothing.

use std::fmt;

use chacha20::ChaCha20Rng;
use curve25519_dalek::scalar::Scalar;
use rand_core::{CryptoRng, SeedableRng};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A secret scalar modulo the group order, never zero.
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
        Self(self.0 * Scalar::from(2u8).invert())
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
    fn only_canonical_scalars_other_than_zero_are_read() {
        assert!(SecretScalar::from_canonical_bytes([0; 32]).is_none());
        assert!(SecretScalar::from_canonical_bytes([0xff; 32]).is_none());
        let mut one = [0; 32];
        one[0] = 1;
        assert!(SecretScalar::from_canonical_bytes(one).is_some());
    }
}
