//! Secret sharing over the scalars of the group: any `threshold` shares give the secret, fewer say nothing of it.
//!
//! # Source
//! A. Shamir, "How to Share a Secret", CACM 22(11), 1979. The share of seat i is the polynomial's value at i + 1.

use curve25519_dalek::scalar::Scalar;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::secret::SecretScalar;

/// Shares `secret` among `seats`, in their order, so that `threshold` of them give it back.
///
/// Seats are small and distinct; `threshold` is at least 1 and at most their number.
pub(crate) fn share<R: CryptoRng + ?Sized>(
    secret: &SecretScalar,
    threshold: usize,
    seats: &[u16],
    rng: &mut R,
) -> Zeroizing<Vec<[u8; 32]>> {
    let random = std::iter::repeat_with(|| Scalar::random(rng)).take(threshold.saturating_sub(1));
    // The highest power first, as Horner's rule takes them; the secret is the value at zero.
    let coefficients: Zeroizing<Vec<Limbs>> = Zeroizing::new(
        random.chain([*secret.expose()]).map(|scalar| limbs(&Zeroizing::new(scalar))).collect(),
    );
    Zeroizing::new(seats.iter().map(|seat| value(&coefficients, *seat)).collect())
}

/// A scalar, below 2^253, lowest limb first.
type Limbs = [u64; 4];

fn limbs(scalar: &Scalar) -> Limbs {
    let (words, _) = scalar.as_bytes().as_chunks();
    let mut limbs = Limbs::default();
    limbs.iter_mut().zip(words).for_each(|(limb, word)| *limb = u64::from_le_bytes(*word));
    limbs
}

/// Returns the value of a polynomial at the point of a seat.
///
/// A step of Horner's rule multiplies by a few bits only, so the sum is reduced when 320 bits could overflow and not
/// at every step. Which steps those are depends on the seat alone.
fn value(coefficients: &[Limbs], seat: u16) -> [u8; 32] {
    // A sum below 2^253 is below 2^(254 + n width) after n steps.
    let width = point_bits(seat);
    let mut sum = Zeroizing::new([0u64; 5]);
    let mut bits = 254;
    for coefficient in coefficients {
        if bits + width > 320 {
            reduce(&mut sum);
            bits = 254;
        }
        let mut carry = 0;
        let added = coefficient.iter().copied().chain([0]);
        for (limb, added) in sum.iter_mut().zip(added) {
            (*limb, carry) = limb.carrying_mul_add(u64::from(seat) + 1, added, carry);
        }
        bits += width;
    }
    reduce(&mut sum);
    let mut bytes = [0; 32];
    let (words, _) = bytes.as_chunks_mut();
    words.iter_mut().zip(sum.iter()).for_each(|(word, limb)| *word = limb.to_le_bytes());
    bytes
}

fn reduce(sum: &mut [u64; 5]) {
    let mut wide = Zeroizing::new([0; 64]);
    let (words, _) = wide.as_chunks_mut();
    words.iter_mut().zip(sum.iter()).for_each(|(word, limb)| *word = limb.to_le_bytes());
    let reduced = limbs(&Zeroizing::new(Scalar::from_bytes_mod_order_wide(&wide)));
    sum.iter_mut().zip(reduced.iter().copied().chain([0])).for_each(|(limb, reduced)| *limb = reduced);
}

fn point_bits(seat: u16) -> u32 {
    u64::BITS - (u64::from(seat) + 1).leading_zeros()
}

/// Recovers secrets from the shares of the same seats.
pub(crate) struct Recovery(Vec<Scalar>);

impl Recovery {
    /// Prepares to recover from shares of `seats`, which are distinct.
    pub(crate) fn new(seats: &[u16]) -> Self {
        let weight = |&own: &u16| {
            let others = seats.iter().filter(|seat| **seat != own).map(|&seat| point(seat));
            let (above, below) = others.fold((Scalar::ONE, Scalar::ONE), |(above, below), other| {
                (above * other, below * (other - point(own)))
            });
            above * below.invert()
        };
        Self(seats.iter().map(weight).collect())
    }

    /// Returns the secret of which these are shares, in the order of the seats; `None` where one is no canonical
    /// scalar or they give zero, which no secret is.
    pub(crate) fn secret(&self, shares: &[[u8; 32]]) -> Option<SecretScalar> {
        let mut sum = Zeroizing::new(Scalar::ZERO);
        for (weight, share) in self.0.iter().zip(shares) {
            let share: Option<Scalar> = Scalar::from_canonical_bytes(*share).into();
            *sum += *Zeroizing::new(share?) * weight;
        }
        SecretScalar::from_canonical_bytes(sum.to_bytes())
    }
}

fn point(seat: u16) -> Scalar {
    Scalar::from(u64::from(seat) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::seeded_rng;

    #[test]
    fn every_set_of_enough_shares_gives_the_secret() {
        let secret = SecretScalar::random(&mut seeded_rng(1));
        let seats: Vec<u16> = (0..6).collect();
        let shares = share(&secret, 3, &seats, &mut seeded_rng(2));
        for set in 0u32..64 {
            let chosen: Vec<_> = seats.iter().copied().filter(|seat| set >> seat & 1 == 1).collect();
            let given: Vec<_> = chosen.iter().map(|seat| shares[usize::from(*seat)]).collect();
            let found = Recovery::new(&chosen).secret(&given);
            let is_right = found.is_some_and(|found| found.expose() == secret.expose());
            assert_eq!(is_right, chosen.len() >= 3, "{chosen:?}");
        }
    }

    /// A polynomial known by its values: 5 + 3x + 2x^2 is 10, 19 and 32 at 1, 2 and 3.
    #[test]
    fn the_secret_is_the_value_at_zero() {
        let shares = [10u64, 19, 32].map(|value| Scalar::from(value).to_bytes());
        let found = Recovery::new(&[0, 1, 2]).secret(&shares).unwrap();
        assert_eq!(*found.expose(), Scalar::from(5u64));
    }

    /// A share of the last seat of all takes the fewest steps between reductions.
    #[test]
    fn a_share_is_the_value_of_the_polynomial() {
        for (threshold, seat) in
            [(1, 0), (2, 99), (51, 0), (51, 1), (51, 126), (51, 127), (67, 99), (99, u16::MAX)]
        {
            let coefficients: Vec<Scalar> = {
                let mut rng = seeded_rng(3);
                (1..threshold).map(|_| Scalar::random(&mut rng)).collect()
            };
            let secret = SecretScalar::random(&mut seeded_rng(4));
            let all = coefficients.iter().chain([secret.expose()]);
            let expected = all.fold(Scalar::ZERO, |sum, coefficient| sum * point(seat) + coefficient);
            let shares = share(&secret, threshold, &[seat], &mut seeded_rng(3));
            assert_eq!(shares[0], expected.to_bytes(), "threshold {threshold}, seat {seat}");
        }
    }

    #[test]
    fn the_largest_coefficients_overflow_nothing() {
        let largest = limbs(&-Scalar::ONE);
        for seat in [0, 1, 99, 127, 255, u16::MAX] {
            let expected = (0..200).fold(Scalar::ZERO, |sum, _| sum * point(seat) - Scalar::ONE);
            assert_eq!(value(&[largest; 200], seat), expected.to_bytes(), "seat {seat}");
        }
    }

    #[test]
    fn shares_that_are_no_scalars_give_nothing() {
        let recovery = Recovery::new(&[0]);
        assert!(recovery.secret(&[[0xff; 32]]).is_none());
        assert!(recovery.secret(&[[0; 32]]).is_none());
    }
}
