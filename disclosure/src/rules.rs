//! The disclosure policy: what a result must satisfy before it leaves, as data that parties sign.

use serde::{Deserialize, Serialize};

use crate::ratio::Ratio;
use crate::table::{MAX_CELLS, Place};
use crate::verdict::Reason;

/// Most of the largest contributors that [`Dominance`] looks at.
pub const MAX_LARGEST: u32 = 5;

/// Integers of documents stay below this, so that every reader of JSON gets them exactly.
const EXACT: u64 = 1 << 53;

/// Largest rounding base.
const MAX_BASE: u64 = 1_000_000_000;

/// Largest epsilon of one release; above it noise protects nobody.
const MAX_EPSILON: u64 = 64;

/// What every released figure satisfies.
///
/// Noise stands alone: with it neither dominance, nor p%, nor rounding may be set. The first two suppress
/// by exact values, so the pattern of suppression would tell what the noise hides; rounding would add an error that
/// the reported standard deviation does not hold. The minimum count stays, applied to the noisy count, where it
/// is post-processing and costs nothing. `class_disclosure` is excluded too.
///
/// A field that is absent is absent from the canonical form of a document as well, so that documents that were signed
/// before there was the field stay what they are.
///
/// # Examples
/// ```
/// use tidegate_disclosure::Policy;
///
/// let policy: Policy = toml::from_str("minimum_count = 10\nround_to = 5")?;
/// policy.check()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Smallest number of units in a released cell.
    pub minimum_count: u64,
    /// The (n, k) rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dominance: Option<Dominance>,
    /// The p% rule: a sum is suppressed when the second largest contributor, who knows its own part, could
    /// estimate the largest to within p percent: total - x1 - x2 < p/100 * x1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_percent: Option<u32>,
    /// Released counts and sums are multiples of this base, see [`round`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_to: Option<u64>,
    /// Noise that every count and sum carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<NoiseRule>,
    /// Classes of which nobody may learn that a whole group is in them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_disclosure: Option<ClassRule>,
    /// How many more units than parameters a model needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub degrees_of_freedom: Option<ModelRule>,
}

/// The rule of class disclosure, also called group disclosure: in a table of groups by classes, a cell that is the whole
/// of its group in a sensitive class tells the class of everybody in the group, and is suppressed. A cell of 0, by
/// which nobody of the group is in the class, is below every minimum count and so suppressed already.
///
/// The whole is compared with what the checker is handed: the margin of the group or, where it is not asked for,
/// the group's cells. Reasons of a release in which such a place was found are not told, since they would tell the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassRule {
    /// Whether rows or columns of a table are the classes.
    pub classes: Axis,
    /// The sensitive ones, counted from 0; all of them where nothing is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitive: Option<Vec<u32>>,
}

/// A direction of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Axis {
    /// Its rows.
    Rows,
    /// Its columns.
    Columns,
}

/// The rule of models: a fit with nearly as many parameters as units repeats the units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelRule {
    /// Fewest units beyond the parameters.
    pub minimum: u64,
    /// Most parameters in percent of the units.
    pub parameters_percent: u32,
}

impl Default for ModelRule {
    fn default() -> Self {
        Self { minimum: 10, parameters_percent: 33 }
    }
}

/// The (n, k) rule: a sum is suppressed when its n largest contributors make more than k percent of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dominance {
    /// n, from 1 to [`MAX_LARGEST`].
    pub largest: u32,
    /// k, from 1 to 100.
    pub percent: u32,
}

/// Which noise, and how much of the privacy budget a release takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoiseRule {
    /// The distribution.
    pub mechanism: Mechanism,
    /// Epsilon of differential privacy.
    pub epsilon: Ratio,
    /// Delta, for [`Mechanism::DiscreteGaussian`] alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<Ratio>,
}

/// A distribution of integer noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mechanism {
    /// P(x) proportional to exp(-|x|/b): pure epsilon differential privacy.
    DiscreteLaplace,
    /// P(x) proportional to exp(-x^2/(2 sigma^2)): epsilon and delta.
    DiscreteGaussian,
}

/// What is wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A field breaks its rule.
    #[error("`{name}` of a disclosure policy {rule}")]
    Field {
        /// The field.
        name: &'static str,
        /// What holds for it.
        rule: &'static str,
    },
}

impl Policy {
    /// Makes the policy with a minimum count and no other rule.
    pub fn with_minimum(minimum_count: u64) -> Self {
        Self {
            minimum_count,
            dominance: None,
            p_percent: None,
            round_to: None,
            noise: None,
            class_disclosure: None,
            degrees_of_freedom: None,
        }
    }

    /// Checks every field, and that the rules go together.
    ///
    /// # Errors
    /// [`PolicyError::Field`].
    pub fn check(&self) -> Result<(), PolicyError> {
        let counted = (1..EXACT).contains(&self.minimum_count);
        require(counted, "minimum_count", "is at least 1 and below 2^53")?;
        self.check_concentration()?;
        let base = self.round_to.is_none_or(|base| (2..=MAX_BASE).contains(&base));
        require(base, "round_to", "is between 2 and 10^9")?;
        self.noise.as_ref().map_or(Ok(()), NoiseRule::check)?;
        self.class_disclosure.as_ref().map_or(Ok(()), ClassRule::check)?;
        self.degrees_of_freedom.as_ref().map_or(Ok(()), ModelRule::check)?;
        let alone = self.dominance.is_none() && self.p_percent.is_none() && self.round_to.is_none();
        require(self.noise.is_none() || alone, "noise", "excludes `dominance`, `p_percent` and `round_to`")?;
        let alone = self.noise.is_none() || self.class_disclosure.is_none();
        require(alone, "noise", "excludes `class_disclosure`")
    }

    /// Tells why a model of so many parameters over so many units may not leave.
    pub fn refuses_model(&self, units: u64, parameters: u64) -> Option<Reason> {
        if units < self.minimum_count {
            return Some(Reason::SmallCount);
        }
        let is_free = |rule: ModelRule| rule.allows(units, parameters);
        (!self.degrees_of_freedom.is_none_or(is_free)).then_some(Reason::DegreesOfFreedom)
    }

    /// Counts the largest contributors that a sum must name for the rules.
    pub fn largest_len(&self) -> u32 {
        let dominance = self.dominance.map_or(0, |rule| rule.largest);
        dominance.max(if self.p_percent.is_some() { 2 } else { 0 })
    }

    /// Returns the smallest count that can stand in a release: the minimum, rounded like every figure.
    pub(crate) fn smallest_shown(&self) -> u64 {
        let rounded = round(i128::from(self.minimum_count), self.round_to);
        u64::try_from(rounded).unwrap_or(self.minimum_count)
    }

    fn check_concentration(&self) -> Result<(), PolicyError> {
        if let Some(Dominance { largest, percent }) = self.dominance {
            require((1..=MAX_LARGEST).contains(&largest), "dominance.largest", "is between 1 and 5")?;
            require((1..=100).contains(&percent), "dominance.percent", "is between 1 and 100")?;
        }
        let p_percent = self.p_percent.is_none_or(|p| (1..=100).contains(&p));
        require(p_percent, "p_percent", "is between 1 and 100")
    }
}

impl ClassRule {
    /// Tells whether a class is sensitive.
    pub(crate) fn covers(&self, place: Place) -> bool {
        let class = match self.classes {
            Axis::Rows => place.row,
            Axis::Columns => place.column,
        };
        class.is_some_and(|class| self.sensitive.as_ref().is_none_or(|sensitive| sensitive.contains(&class)))
    }

    /// Names the margin of the group that a cell is part of.
    pub(crate) fn group(&self, cell: Place) -> Place {
        match self.classes {
            Axis::Rows => Place { row: None, ..cell },
            Axis::Columns => Place { column: None, ..cell },
        }
    }

    fn check(&self) -> Result<(), PolicyError> {
        let is_known = |sensitive: &Vec<u32>| {
            let is_sorted = sensitive.is_sorted_by(|before, after| before < after);
            is_sorted && !sensitive.is_empty() && sensitive.iter().all(|&class| class < MAX_CELLS)
        };
        let sensitive = self.sensitive.as_ref().is_none_or(is_known);
        require(sensitive, "class_disclosure.sensitive", "names classes below 4096, in order and each once")
    }
}

impl ModelRule {
    fn allows(self, units: u64, parameters: u64) -> bool {
        let is_free = parameters <= units && units - parameters >= self.minimum;
        is_free && 100 * u128::from(parameters) <= u128::from(self.parameters_percent) * u128::from(units)
    }

    fn check(&self) -> Result<(), PolicyError> {
        let minimum = (1..EXACT).contains(&self.minimum);
        require(minimum, "degrees_of_freedom.minimum", "is at least 1 and below 2^53")?;
        let percent = (1..=100).contains(&self.parameters_percent);
        require(percent, "degrees_of_freedom.parameters_percent", "is between 1 and 100")
    }
}

impl NoiseRule {
    fn check(&self) -> Result<(), PolicyError> {
        let epsilon = self.epsilon.numerator() / self.epsilon.denominator() < MAX_EPSILON;
        require(epsilon, "noise.epsilon", "is below 64")?;
        match (self.mechanism, &self.delta) {
            (Mechanism::DiscreteLaplace, None) => Ok(()),
            (Mechanism::DiscreteLaplace, Some(_)) => {
                require(false, "noise.delta", "is not used by discrete-laplace")
            }
            (Mechanism::DiscreteGaussian, Some(delta)) => {
                require(delta.numerator() < delta.denominator(), "noise.delta", "is below 1")
            }
            (Mechanism::DiscreteGaussian, None) => {
                require(false, "noise.delta", "is given for discrete-gaussian")
            }
        }
    }
}

/// Rounds to the nearest multiple of `base`, a tie to the even multiple; without a base nothing changes.
///
/// Rounding hides a figure to within half a base from who knows nothing else, and it takes the last digits from
/// differences of two releases. It is no protection by itself: it is deterministic, so that figures near a
/// tie jump when one unit is added, and a margin, rounded by itself, narrows the cells that it sums.
pub fn round(value: i128, base: Option<u64>) -> i128 {
    let Some(base) = base.map(i128::from).filter(|&base| base > 1) else {
        return value;
    };
    let (multiple, rest) = (value.div_euclid(base), value.rem_euclid(base));
    let up = 2 * rest > base || (2 * rest == base && multiple % 2 != 0);
    multiple.saturating_add(i128::from(up)).saturating_mul(base)
}

fn require(holds: bool, name: &'static str, rule: &'static str) -> Result<(), PolicyError> {
    if holds { Ok(()) } else { Err(PolicyError::Field { name, rule }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(document: &str) -> &'static str {
        let policy: Policy = toml::from_str(document).unwrap();
        let PolicyError::Field { name, .. } = policy.check().unwrap_err();
        name
    }

    #[test]
    fn a_full_policy_reads_as_written() {
        let text = "minimum_count = 10\nround_to = 5\np_percent = 15\n[dominance]\nlargest = 2\npercent = 85";
        let policy: Policy = toml::from_str(text).unwrap();
        policy.check().unwrap();
        assert_eq!(policy.dominance, Some(Dominance { largest: 2, percent: 85 }));
        assert_eq!(toml::from_str::<Policy>(&toml::to_string(&policy).unwrap()).unwrap(), policy);
        assert_eq!(policy.largest_len(), 2);
    }

    #[test]
    fn noise_reads_as_written() {
        let text = "minimum_count = 1\n[noise]\nmechanism = \"discrete-gaussian\"\nepsilon = \"0.5\"\ndelta = \"0.000000001\"";
        let policy: Policy = toml::from_str(text).unwrap();
        policy.check().unwrap();
        assert_eq!(policy.noise.unwrap().mechanism, Mechanism::DiscreteGaussian);
    }

    #[test]
    fn every_bound_is_checked_and_named() {
        assert_eq!(broken("minimum_count = 0"), "minimum_count");
        assert_eq!(broken("minimum_count = 9007199254740992"), "minimum_count");
        for base in [0, 1, 1_000_000_001] {
            assert_eq!(broken(&format!("minimum_count = 1\nround_to = {base}")), "round_to");
        }
        for p in [0, 101] {
            assert_eq!(broken(&format!("minimum_count = 1\np_percent = {p}")), "p_percent");
        }
        let dominance = |n, k| {
            broken(&format!("minimum_count = 1\ndominance = {{ largest = {n}, percent = {k} }}")).to_owned()
        };
        assert_eq!([dominance(0, 5), dominance(6, 5)], ["dominance.largest"; 2]);
        assert_eq!([dominance(1, 0), dominance(1, 101)], ["dominance.percent"; 2]);
        assert!(toml::from_str::<Policy>("minimum_count = 1\nminimum = 2").is_err());
    }

    #[test]
    fn noise_has_its_own_rules_and_stands_alone() {
        let with = |noise: &str, more: &str| {
            broken(&format!("minimum_count = 1\n{more}\nnoise = {{ mechanism = {noise} }}"))
        };
        let laplace = "\"discrete-laplace\", epsilon = \"1\"";
        assert_eq!(with("\"discrete-laplace\", epsilon = \"64\"", ""), "noise.epsilon");
        assert_eq!(with(&format!("{laplace}, delta = \"0.1\""), ""), "noise.delta");
        assert_eq!(with("\"discrete-gaussian\", epsilon = \"1\"", ""), "noise.delta");
        assert_eq!(with("\"discrete-gaussian\", epsilon = \"1\", delta = \"1\"", ""), "noise.delta");
        for more in ["round_to = 5", "p_percent = 10", "dominance = { largest = 1, percent = 50 }"] {
            assert_eq!(with(laplace, more), "noise");
        }
    }

    #[test]
    fn rules_of_classes_and_models_read_as_written() {
        let text = "minimum_count = 10\nclass_disclosure = { classes = \"columns\", sensitive = [0, 2] }\ndegrees_of_freedom = {}";
        let policy: Policy = toml::from_str(text).unwrap();
        policy.check().unwrap();
        assert_eq!(policy.degrees_of_freedom, Some(ModelRule { minimum: 10, parameters_percent: 33 }));
        assert_eq!(toml::from_str::<Policy>(&toml::to_string(&policy).unwrap()).unwrap(), policy);
        let class = policy.class_disclosure.unwrap();
        assert!(
            class.covers(Place::cell(5, 2))
                && !class.covers(Place::cell(2, 1))
                && !class.covers(Place::row(2))
        );
        assert_eq!(class.group(Place::cell(5, 2)), Place::row(5));
    }

    #[test]
    fn rules_that_are_absent_leave_no_trace() {
        let written = serde_json::to_string(&Policy::with_minimum(5)).unwrap();
        assert_eq!(written, r#"{"minimum_count":5}"#);
    }

    #[test]
    fn bounds_of_classes_and_models_are_checked_and_named() {
        for sensitive in ["[]", "[1, 1]", "[2, 1]", "[4096]"] {
            let rule = format!("class_disclosure = {{ classes = \"rows\", sensitive = {sensitive} }}");
            assert_eq!(broken(&format!("minimum_count = 1\n{rule}")), "class_disclosure.sensitive");
        }
        let model = |rule: &str| broken(&format!("minimum_count = 1\ndegrees_of_freedom = {{ {rule} }}"));
        assert_eq!(model("minimum = 0"), "degrees_of_freedom.minimum");
        assert_eq!(model("parameters_percent = 101"), "degrees_of_freedom.parameters_percent");
        let noise = "noise = { mechanism = \"discrete-laplace\", epsilon = \"1\" }";
        assert_eq!(
            broken(&format!("minimum_count = 1\nclass_disclosure = {{ classes = \"rows\" }}\n{noise}")),
            "noise"
        );
    }

    #[test]
    fn models_need_more_units_than_parameters() {
        let rule = Some(ModelRule::default());
        let policy = Policy { degrees_of_freedom: rule, ..Policy::with_minimum(12) };
        let refused = |units, parameters| policy.refuses_model(units, parameters);
        assert_eq!(refused(11, 0), Some(Reason::SmallCount));
        assert_eq!((refused(12, 2), refused(12, 3)), (None, Some(Reason::DegreesOfFreedom)));
        assert_eq!((refused(100, 33), refused(100, 34)), (None, Some(Reason::DegreesOfFreedom)));
        assert_eq!(refused(20, u64::MAX), Some(Reason::DegreesOfFreedom));
        assert_eq!(Policy::with_minimum(12).refuses_model(12, 12), None);
    }

    #[test]
    fn ties_round_to_the_even_multiple() {
        let rounded = [-15, -10, -6, -5, 4, 5, 6, 14, 15, 25].map(|value| round(value, Some(10)));
        assert_eq!(rounded, [-20, -10, -10, 0, 0, 0, 10, 10, 20, 20]);
        assert_eq!(round(7, None), 7);
    }
}
