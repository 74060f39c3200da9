//! Numbers that untrusted code wrote and a reviewer lets pass.
//!
//! Nobody but the code knows how such a number came about: what it says it counted need not be so, and digits may
//! carry what they like. So there are three things here that do not depend on the code: how many units it was given,
//! how many parameters were declared for it, and how many digits a number keeps. All else is for people to look at,
//! with the bound of [`ReviewedTable::leak_bits`] before them. Code that shall run without review belongs into
//! [`crate::sample_and_aggregate`].

use serde::Serialize;

use crate::blocks::MAX_NUMBERS;
use crate::leak::leak_bits;
use crate::rules::{Policy, PolicyError, round};
use crate::significant::Significant;
use crate::verdict::Reason;

/// What the numbers rest on, as counted by the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Basis {
    /// Units that the code was given.
    pub units: u64,
    /// Parameters that were declared for the model; 0 where there is none.
    pub parameters: u64,
}

/// Numbers cut to a few digits, over enough units. Only [`review`] makes one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReviewedTable {
    minimum_count: u64,
    units: u64,
    parameters: u64,
    digits: Significant,
    numbers: Vec<Option<f64>>,
}

/// Why numbers may not leave.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReviewError {
    /// The policy breaks its rules.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The policy asks for noise.
    #[error("the policy asks for noise, which numbers of one run have none of")]
    Noise,
    /// There are no numbers or too many.
    #[error("{found} numbers; there are between 1 and {MAX_NUMBERS}")]
    Numbers {
        /// The numbers.
        found: usize,
    },
    /// A rule of the policy is broken.
    #[error("the rule `{}` holds the numbers back", .0.rule())]
    Refused(Reason),
}

/// Checks what numbers rest on, and cuts them to `digits`; what is not finite is missing.
///
/// # Errors
/// [`ReviewError`].
///
/// # Examples
/// ```
/// use tidegate_disclosure::{Basis, Policy, Reason, ReviewError, Significant, review};
///
/// let policy = Policy::with_minimum(10);
/// let (basis, digits) = (Basis { units: 500, parameters: 2 }, Significant::new(4)?);
/// let table = review(&[1.234_567, f64::NAN], basis, digits, &policy)?;
/// assert_eq!(table.numbers(), [Some(1.235), None]);
/// let few = review(&[1.0], Basis { units: 9, ..basis }, digits, &policy);
/// assert_eq!(few, Err(ReviewError::Refused(Reason::SmallCount)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn review(
    numbers: &[f64],
    basis: Basis,
    digits: Significant,
    policy: &Policy,
) -> Result<ReviewedTable, ReviewError> {
    policy.check()?;
    if policy.noise.is_some() {
        return Err(ReviewError::Noise);
    }
    if !(1..=MAX_NUMBERS).contains(&numbers.len()) {
        return Err(ReviewError::Numbers { found: numbers.len() });
    }
    let Basis { units, parameters } = basis;
    if let Some(reason) = policy.refuses_model(units, parameters) {
        return Err(ReviewError::Refused(reason));
    }
    let numbers = numbers.iter().map(|&number| digits.round(number)).collect();
    let units = u64::try_from(round(i128::from(units), policy.round_to)).unwrap_or(u64::MAX);
    Ok(ReviewedTable { minimum_count: policy.minimum_count, units, parameters, digits, numbers })
}

impl ReviewedTable {
    /// Returns the numbers; `None` is missing.
    pub fn numbers(&self) -> &[Option<f64>] {
        &self.numbers
    }

    /// Returns the units that the code was given, rounded as the policy says.
    pub fn units(&self) -> u64 {
        self.units
    }

    /// Returns how many digits numbers keep.
    pub fn digits(&self) -> Significant {
        self.digits
    }

    /// Returns how many bits the numbers tell at most.
    pub fn leak_bits(&self) -> u64 {
        leak_bits(self.numbers.len() as u64, self.digits.levels())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::ModelRule;

    fn reviewed(
        numbers: &[f64],
        units: u64,
        parameters: u64,
        policy: &str,
    ) -> Result<ReviewedTable, ReviewError> {
        let policy: Policy = toml::from_str(policy).unwrap();
        review(numbers, Basis { units, parameters }, Significant::new(6).unwrap(), &policy)
    }

    #[test]
    fn every_rule_holds_numbers_back() {
        let model = "minimum_count = 5\ndegrees_of_freedom = {}";
        assert_eq!(reviewed(&[1.0], 4, 0, model), Err(ReviewError::Refused(Reason::SmallCount)));
        let crowded = reviewed(&[1.0], 30, 15, model).unwrap_err();
        assert_eq!(crowded.to_string(), "the rule `degrees-of-freedom` holds the numbers back");
        let least = ModelRule::default().minimum;
        assert!(reviewed(&[1.0], least + 4, 4, model).is_ok());
        assert_eq!(reviewed(&[], 50, 1, model), Err(ReviewError::Numbers { found: 0 }));
        let many = vec![0.0; MAX_NUMBERS + 1];
        assert_eq!(reviewed(&many, 50, 1, model), Err(ReviewError::Numbers { found: MAX_NUMBERS + 1 }));
        let noise = "minimum_count = 5\nnoise = { mechanism = \"discrete-laplace\", epsilon = \"1\" }";
        assert_eq!(reviewed(&[1.0], 50, 1, noise), Err(ReviewError::Noise));
        assert!(matches!(reviewed(&[1.0], 50, 1, "minimum_count = 0"), Err(ReviewError::Policy(_))));
    }

    #[test]
    fn a_record_in_the_low_bits_of_numbers_does_not_leave() {
        // Eight means, with a byte each of a secret double in their last bits.
        let honest: Vec<f64> = (0..8).map(|k| 50.0 + f64::from(k) * 1.37).collect();
        let secret = 123.456_789_f64.to_le_bytes();
        let hidden: Vec<f64> = honest
            .iter()
            .zip(secret)
            .map(|(mean, byte)| f64::from_bits(mean.to_bits() ^ u64::from(byte)))
            .collect();
        let [a, b] = [&honest, &hidden]
            .map(|numbers| reviewed(numbers, 90, 1, "minimum_count = 5\nround_to = 20").unwrap());
        assert!(honest != hidden && a == b);
        assert_eq!((a.units(), a.leak_bits()), (80, leak_bits(8, a.digits().levels())));
    }
}
