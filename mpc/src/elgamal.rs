//! Lifted ElGamal on ristretto255, several values under one randomizer.
//!
//! A row of C integers m_1, .., m_C becomes the 1 + C elements r·G and r·S_c + m_c·G with S_c = s_c·G, where
//! r is fresh for each row and s_c the secret key of column c. The sum of ciphertexts of one column, or of
//! several columns under the sum of their keys, encrypts the sum of their values; what decryption leaves is
//! m·G, from which [`DiscreteLog`](crate::dlog::DiscreteLog) takes m.
//!
//! # Source
//! T. ElGamal, "A Public Key Cryptosystem and a Signature Scheme Based on Discrete Logarithms", IEEE Trans. IT
//! 31(4), 1985; values in the exponent: R. Cramer, R. Gennaro, B. Schoenmakers, EUROCRYPT 1997, section 2.4;
//! one randomizer for several keys: K. Kurosawa, "Multi-recipient Public-Key Encryption with Shortened
//! Ciphertext", PKC 2002, section 4. Indistinguishable under chosen plaintexts by decisional Diffie-Hellman.

use std::fmt;

use rand_core::CryptoRng;

use crate::group::Element;
use crate::secret::SecretScalar;

/// The secret keys of the columns.
pub(crate) struct ColumnKeys(Vec<SecretScalar>);

impl ColumnKeys {
    /// Draws a key for each of `columns`.
    pub(crate) fn random<R: CryptoRng + ?Sized>(columns: usize, rng: &mut R) -> Self {
        Self(std::iter::repeat_with(|| SecretScalar::random(rng)).take(columns).collect())
    }

    /// Counts the columns.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns half of each public key, for an encoding that doubles.
    pub(crate) fn half_public(&self) -> Vec<Element> {
        self.0.iter().map(|key| Element::generate(&key.halve())).collect()
    }

    /// Returns the key of the sum of `columns`; `None` where there is none or one is out of range.
    pub(crate) fn of_sum(&self, columns: &[u32]) -> Option<SecretScalar> {
        let keys: Option<Vec<_>> = columns.iter().map(|&column| self.0.get(column as usize)).collect();
        let keys = keys.filter(|keys| !keys.is_empty())?;
        Some(SecretScalar::sum(keys.into_iter()))
    }

    /// Encrypts a row under `randomizer` and appends half of each of its 1 + C elements to `out`.
    pub(crate) fn encrypt_halved(&self, randomizer: &SecretScalar, values: &[i64], out: &mut Vec<Element>) {
        out.push(Element::generate(&randomizer.halve()));
        let values = self.0.iter().zip(values);
        out.extend(values.map(|(key, &value)| Element::generate(&randomizer.mul_add(key, value).halve())));
    }
}

#[cfg(test)]
impl ColumnKeys {
    /// Takes the given keys, for vectors.
    pub(crate) fn of(keys: Vec<SecretScalar>) -> Self {
        Self(keys)
    }
}

impl fmt::Debug for ColumnKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ColumnKeys").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// A ciphertext of one value, r·G and r·S + m·G.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ciphertext {
    pub(crate) randomizer: Element,
    pub(crate) masked: Element,
}

impl Ciphertext {
    /// Returns the ciphertext of 0 without randomizer, from which sums start.
    pub(crate) fn zero() -> Self {
        Self { randomizer: Element::identity(), masked: Element::identity() }
    }

    /// Adds another ciphertext: the values add up.
    pub(crate) fn add(&self, other: &Self) -> Self {
        Self { randomizer: self.randomizer.add(&other.randomizer), masked: self.masked.add(&other.masked) }
    }

    /// Adds a known value.
    pub(crate) fn add_value(&self, value: i64) -> Self {
        Self { randomizer: self.randomizer, masked: self.masked.add(&Element::of_integer(value)) }
    }

    /// Multiplies the value by a secret factor other than zero.
    pub(crate) fn scale(&self, factor: &SecretScalar) -> Self {
        Self { randomizer: self.randomizer.mul(factor), masked: self.masked.mul(factor) }
    }

    /// Encrypts 0 under `public` with `blind` and adds it, so that nothing but the value is left of the
    /// ciphertext's origin.
    pub(crate) fn randomize(&self, public: &Element, blind: &SecretScalar) -> Self {
        let zero = Self { randomizer: Element::generate(blind), masked: public.mul(blind) };
        self.add(&zero)
    }

    /// Decrypts to m·G.
    pub(crate) fn decrypt(&self, key: &SecretScalar) -> Element {
        self.masked.sub(&self.randomizer.mul(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::seeded_rng;

    /// Encrypts a row and returns its ciphertexts.
    fn encrypt(keys: &ColumnKeys, values: &[i64], seed: u64) -> Vec<Ciphertext> {
        let mut halves = Vec::new();
        keys.encrypt_halved(&SecretScalar::random(&mut seeded_rng(seed)), values, &mut halves);
        let whole: Vec<_> = halves.iter().map(|half| half.add(half)).collect();
        whole[1..].iter().map(|&masked| Ciphertext { randomizer: whole[0], masked }).collect()
    }

    #[test]
    fn sums_over_rows_and_columns_decrypt_to_the_sum() {
        let keys = ColumnKeys::random(3, &mut seeded_rng(1));
        let rows = [encrypt(&keys, &[1, -20, 300], 2), encrypt(&keys, &[4000, 50_000, -7], 3)];
        let column = rows[0][1].add(&rows[1][1]);
        assert_eq!(column.decrypt(&keys.of_sum(&[1]).unwrap()), Element::of_integer(49_980));
        let randomizer = rows[0][0].randomizer.add(&rows[1][0].randomizer);
        let masked = [&rows[0][0], &rows[0][2], &rows[1][0], &rows[1][2]];
        let masked = masked.iter().fold(Element::identity(), |sum, c| sum.add(&c.masked));
        let both = Ciphertext { randomizer, masked };
        assert_eq!(both.decrypt(&keys.of_sum(&[0, 2]).unwrap()), Element::of_integer(4294));
    }

    #[test]
    fn randomizing_changes_both_parts_and_not_the_value() {
        let keys = ColumnKeys::random(1, &mut seeded_rng(1));
        let public: Vec<_> = keys.half_public().iter().map(|half| half.add(half)).collect();
        let plain = encrypt(&keys, &[5], 2)[0];
        let blind = SecretScalar::random(&mut seeded_rng(9));
        let changed = plain.add_value(-8).randomize(&public[0], &blind);
        assert!(changed.randomizer != plain.randomizer && changed.masked != plain.masked);
        assert_eq!(changed.decrypt(&keys.of_sum(&[0]).unwrap()), Element::of_integer(-3));
    }

    #[test]
    fn scaling_hides_every_value_but_zero() {
        let keys = ColumnKeys::random(1, &mut seeded_rng(1));
        let factor = SecretScalar::random(&mut seeded_rng(4));
        let decrypted =
            |value| encrypt(&keys, &[value], 2)[0].scale(&factor).decrypt(&keys.of_sum(&[0]).unwrap());
        assert!(decrypted(0).is_identity());
        assert_eq!(decrypted(6), Element::of_integer(6).mul(&factor));
    }

    #[test]
    fn a_sum_of_no_or_unknown_columns_has_no_key() {
        let keys = ColumnKeys::random(2, &mut seeded_rng(1));
        assert!(keys.of_sum(&[]).is_none() && keys.of_sum(&[0, 2]).is_none());
    }
}
