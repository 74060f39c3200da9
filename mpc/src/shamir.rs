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
    let coefficients: Zeroizing<Vec<Scalar>> = Zeroizing::new(random.chain([*secret.expose()]).collect());
    let value = |seat: &u16| {
        let at = point(*seat);
        let horner = |sum: Scalar, coefficient: &Scalar| sum * at + coefficient;
        Zeroizing::new(coefficients.iter().fold(Scalar::ZERO, horner)).to_bytes()
    };
    Zeroizing::new(seats.iter().map(value).collect())
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

    #[test]
    fn shares_that_are_no_scalars_give_nothing() {
        let recovery = Recovery::new(&[0]);
        assert!(recovery.secret(&[[0xff; 32]]).is_none());
        assert!(recovery.secret(&[[0; 32]]).is_none());
    }
}
