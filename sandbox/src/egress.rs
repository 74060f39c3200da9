//! What leaves of a tally: checked by disclosure control, or with noise.

use rand_core::CryptoRng;
use tidegate_disclosure::noise::{NoiseError, Scale as Width};
use tidegate_disclosure::{
    CheckError, Deviations, Entry, Figures, Levels, NoiseRule, NoisyCell, Place, Reason, Release, Shape,
    ShapeError, check,
};

use crate::derive::DerivedFrom;
use crate::setup::ResultShape;
use crate::tally::Tally;

/// Why nothing leaves.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EgressError {
    /// The result has no cells, or too many.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// Disclosure control refuses the figures as a whole.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// No noise is as wide as the policy wants it.
    #[error(transparent)]
    Width(#[from] NoiseError),
    /// A measure spans more than noise is drawn for.
    #[error("measure {measure} spans more than 2^64 units of its last decimal{what}")]
    Span {
        /// The measure, from 0.
        measure: usize,
        /// Of what.
        what: &'static str,
    },
}

/// Returns the table that a result fills.
///
/// # Errors
/// [`ShapeError`] where it has no cells or too many.
pub fn shape(result: &ResultShape) -> Result<Shape, ShapeError> {
    let [rows, columns] = result.cells();
    Shape::new(rows, columns)
}

/// Makes the release of a tally under the policy for which it was made: exact figures that pass every rule, or noisy ones.
///
/// Sums are released as [`Tally::cell`] has them. Noise is drawn for each count, sum and sum of squares of a cell by itself, each
/// as wide as the policy's epsilon and what one unit can change of it say; a unit changes one cell.
///
/// # Errors
/// [`EgressError::Check`] where figures break a bound of disclosure control; [`EgressError::Width`] and
/// [`EgressError::Span`] where no noise is as wide as it should be.
pub fn release<R: CryptoRng + ?Sized>(
    tally: &Tally,
    levels: Levels,
    rng: &mut R,
) -> Result<Release, EgressError> {
    let (shape, policy) = (tally.shape(), tally.policy());
    if let Some(rule) = &policy.noise {
        return noisy(tally, levels, rule, rng);
    }
    let entry =
        |place: &Place| tally.place(*place).map_or(Entry::Withheld(Reason::Undisclosed), Entry::Known);
    let entries: Vec<_> = levels.places(shape).iter().map(entry).collect();
    Ok(check(shape, levels, &entries, policy)?)
}

fn noisy<R: CryptoRng + ?Sized>(
    tally: &Tally,
    levels: Levels,
    rule: &NoiseRule,
    rng: &mut R,
) -> Result<Release, EgressError> {
    let (shape, policy) = (tally.shape(), tally.policy());
    let (count, sums) = (Width::of(rule, 1)?, widths(tally, rule)?);
    let cells = (0..shape.cells_len() as usize).filter_map(|cell| tally.cell(cell));
    let cells: Vec<_> = cells
        .map(|cell| NoisyCell {
            count: i128::from(cell.count) + count.sample(rng),
            sums: cell.sums.iter().zip(&sums).map(|(sum, width)| sum.total + width.sample(rng)).collect(),
        })
        .collect();
    let deviation = Width::standard_deviation;
    let deviations = Deviations { count: deviation(&count), sums: sums.iter().map(deviation).collect() };
    Ok(Release::noisy(shape, levels, &cells, &deviations, policy)?)
}

/// Returns the width of the noise of each sum, in the order of [`Tally::cell`].
fn widths(tally: &Tally, rule: &NoiseRule) -> Result<Vec<Width>, EgressError> {
    let mut widths = Vec::new();
    for (measure, (scale, squares)) in tally.scales().iter().zip(tally.squares()).enumerate() {
        let [sum, roots] = scale.widths();
        let span = |width, what| u64::try_from(width).map_err(|_| EgressError::Span { measure, what });
        widths.push(Width::of(rule, span(sum, "")?)?);
        if *squares {
            widths.push(Width::of(rule, span(roots, ", squared")?)?);
        }
    }
    Ok(widths)
}

/// Counts the figures of a cell that carry noise, each of which spends the policy's epsilon.
pub fn noisy_figures(tally: &Tally) -> u32 {
    let squares = tally.squares().iter().filter(|squares| **squares).count();
    u32::try_from(1 + tally.scales().len() + squares).unwrap_or(u32::MAX)
}

/// Turns released figures into values: all that follows from them is worked out from what is released, rounding included.
#[allow(clippy::cast_precision_loss, reason = "figures for people; a double has 15 digits of them")]
pub fn values(tally: &Tally, figures: &Figures) -> DerivedFrom {
    let count = figures.count as f64;
    let mut found = DerivedFrom { count, sums: Vec::new(), squares: Vec::new() };
    let mut sums = figures.sums.iter();
    for (scale, squares) in tally.scales().iter().zip(tally.squares()) {
        let total = sums.next().copied().unwrap_or_default();
        found.sums.push(total as f64 / scale.factor());
        let roots = if *squares { sums.next().copied().unwrap_or_default() } else { 0 };
        found.squares.push(roots as f64 / (scale.factor() * scale.factor()));
    }
    found
}
