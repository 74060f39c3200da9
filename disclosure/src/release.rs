//! Releases: what may leave. Only the checker makes one, so a function that takes a [`Release`] cannot be handed
//! anything unchecked.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cell::{MAX_COUNT, MAX_SUM};
use crate::check::{CheckError, check_len};
use crate::cover::Cover;
use crate::differencing::ReleasedPlaces;
use crate::flow::{Bounds, Circulation};
use crate::graph::EdgeId;
use crate::rules::{NoiseRule, Policy, round};
use crate::table::{Levels, Place, Shape};
use crate::verdict::{Reason, Verdict};

/// A checked table: a verdict for every place, and figures for the released ones alone.
///
/// It holds nothing of a suppressed place but the reason.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Release {
    shape: Shape,
    levels: Levels,
    minimum_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rounded_to: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    noise: Option<NoiseRule>,
    /// How many places are suppressed for each reason.
    suppressed: BTreeMap<Reason, usize>,
    places: Vec<Outcome>,
}

/// A place of a [`Release`].
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Outcome {
    #[serde(flatten)]
    place: Place,
    verdict: Verdict,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    figures: Option<Figures>,
}

/// The figures of a released place, rounded or noisy as the policy says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Units.
    pub count: u64,
    /// Sums over them.
    pub sums: Vec<i128>,
    /// Of the noise, where there is any and it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deviations: Option<Deviations>,
}

/// Standard deviations of noise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Deviations {
    /// Of the count.
    pub count: f64,
    /// Of each sum.
    pub sums: Vec<f64>,
}

/// A base cell whose figures carry noise already, so that they may be negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoisyCell {
    /// Units, with noise.
    pub count: i128,
    /// Sums over them, with noise.
    pub sums: Vec<i128>,
}

impl Release {
    pub(crate) fn assemble(
        shape: Shape,
        levels: Levels,
        outcomes: impl Iterator<Item = (Verdict, Option<Figures>)>,
        policy: &Policy,
    ) -> Self {
        let named = levels.places(shape).into_iter().zip(outcomes);
        let places: Vec<_> =
            named.map(|(place, (verdict, figures))| Outcome { place, verdict, figures }).collect();
        let mut suppressed = BTreeMap::new();
        for outcome in &places {
            if let Verdict::Suppressed(reason) = outcome.verdict {
                *suppressed.entry(reason).or_insert(0) += 1;
            }
        }
        let Policy { minimum_count, round_to: rounded_to, noise, .. } = *policy;
        Self { shape, levels, minimum_count, rounded_to, noise, suppressed, places }
    }

    /// Takes a table from the party that checked it, and checks again what can be checked without the suppressed
    /// values: counts reach the minimum, figures are multiples of the rounding base or else add up, no
    /// suppressed place is determined, and the remainder of every line reaches the minimum.
    ///
    /// `entries` holds count and sums for every place that `levels` asks for, in the order of [`Levels::places`], or
    /// nothing for a suppressed one, whose reason is [`Reason::Undisclosed`] here. Of noisy figures the minimum alone
    /// can be checked.
    ///
    /// # Errors
    /// [`CheckError`], but for `Noise`.
    pub fn received(
        shape: Shape,
        levels: Levels,
        entries: Vec<Option<(u64, Vec<i128>)>>,
        policy: &Policy,
    ) -> Result<Self, CheckError> {
        policy.check()?;
        let mut cover = Cover::new(shape, levels);
        check_len(entries.len(), cover.asked().len())?;
        check_figures(&entries, policy)?;
        for (edge, entry) in cover.asked().to_vec().into_iter().zip(&entries) {
            if entry.is_none() {
                cover.suppress(edge, Reason::Undisclosed);
            }
        }
        if policy.noise.is_none() {
            check_pattern(&cover)?;
        }
        if policy.noise.is_none() && policy.round_to.is_none() {
            check_additivity(&cover, &entries, policy)?;
        }
        let outcomes = entries.into_iter().map(|entry| match entry {
            Some((count, sums)) => (Verdict::Released, Some(Figures { count, sums, deviations: None })),
            None => (Verdict::Suppressed(Reason::Undisclosed), None),
        });
        Ok(Self::assemble(shape, levels, outcomes, policy))
    }

    /// Makes a release of noisy base cells, row by row; `deviations` are those of the noise of each.
    ///
    /// Places are sums of noisy base cells, with deviations larger by the root of their number. A place
    /// is suppressed when its noisy count is below the minimum. That looks at noisy values alone, so it is
    /// post-processing: it costs no privacy, protects nothing more, and needs no complementary suppression.
    ///
    /// # Errors
    /// [`CheckError`], but for `Received` and `Inconsistent`.
    pub fn noisy(
        shape: Shape,
        levels: Levels,
        cells: &[NoisyCell],
        deviations: &Deviations,
        policy: &Policy,
    ) -> Result<Self, CheckError> {
        policy.check()?;
        if policy.noise.is_none() {
            return Err(CheckError::Noise { wanted: false });
        }
        let places = levels.places(shape);
        check_len(places.len(), places.len())?;
        check_len(cells.len(), shape.cells_len() as usize)?;
        let sums_len = deviations.sums.len();
        let bounded = |value: i128| value.unsigned_abs() <= MAX_SUM;
        let is_good = |cell: &NoisyCell| {
            cell.sums.len() == sums_len && bounded(cell.count) && cell.sums.iter().all(|&sum| bounded(sum))
        };
        if let Some(index) = cells.iter().position(|cell| !is_good(cell)) {
            return Err(CheckError::Entry { index });
        }
        let outcomes = places.iter().map(|&place| {
            let parts: Vec<_> =
                shape.base_cells(place).into_iter().filter_map(|cell| cells.get(cell as usize)).collect();
            noisy_outcome(&parts, deviations, policy)
        });
        Ok(Self::assemble(shape, levels, outcomes, policy))
    }

    /// Returns the shape of the table.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Returns which places were asked for.
    pub fn levels(&self) -> Levels {
        self.levels
    }

    /// Returns the verdict of a place; one outside the levels is suppressed as [`Reason::NotAsked`].
    pub fn verdict(&self, place: Place) -> Verdict {
        self.outcome(place).map_or(Verdict::Suppressed(Reason::NotAsked), |outcome| outcome.verdict)
    }

    /// Returns the figures of a released place.
    pub fn figures(&self, place: Place) -> Option<&Figures> {
        self.outcome(place)?.figures.as_ref()
    }

    /// Lists all places asked for with their verdicts and figures, in the order of [`Levels::places`].
    pub fn iter(&self) -> impl Iterator<Item = (Place, Verdict, Option<&Figures>)> {
        self.places.iter().map(|outcome| (outcome.place, outcome.verdict, outcome.figures.as_ref()))
    }

    /// Returns what later releases of the dataset are compared with; noisy figures tell nothing exactly, so that there
    /// are none of them.
    pub fn released_places(&self) -> ReleasedPlaces {
        let exact =
            self.places.iter().filter(|outcome| self.noise.is_none() && outcome.verdict.is_released());
        ReleasedPlaces { shape: self.shape, released: exact.map(|outcome| outcome.place).collect() }
    }

    /// Counts the suppressed places by reason.
    pub fn suppressed(&self) -> &BTreeMap<Reason, usize> {
        &self.suppressed
    }

    /// Counts the suppressed places.
    pub fn suppressed_len(&self) -> usize {
        self.suppressed.values().sum()
    }

    fn outcome(&self, place: Place) -> Option<&Outcome> {
        let place = self.shape.canonical(place);
        self.places.iter().find(|outcome| outcome.place == place)
    }
}

fn noisy_outcome(
    parts: &[&NoisyCell],
    deviations: &Deviations,
    policy: &Policy,
) -> (Verdict, Option<Figures>) {
    let count: i128 = parts.iter().map(|cell| cell.count).sum();
    let released = u64::try_from(count).ok().filter(|&count| count >= policy.minimum_count);
    let Some(count) = released else {
        return (Verdict::Suppressed(Reason::SmallCount), None);
    };
    let sum = |k: usize| parts.iter().filter_map(|cell| cell.sums.get(k)).sum();
    let sums = (0..deviations.sums.len()).map(sum).collect();
    let root = (parts.len() as f64).sqrt();
    let sums_off = deviations.sums.iter().map(|deviation| deviation * root).collect();
    let deviations = Some(Deviations { count: deviations.count * root, sums: sums_off });
    (Verdict::Released, Some(Figures { count, sums, deviations }))
}

/// Checks each received figure by itself.
fn check_figures(entries: &[Option<(u64, Vec<i128>)>], policy: &Policy) -> Result<(), CheckError> {
    let refuse = |index, rule| Err(CheckError::Received { index, rule });
    let base = policy.round_to;
    let sums_len = entries.iter().flatten().map(|(_, sums)| sums.len()).next();
    for (index, (count, sums)) in entries.iter().enumerate().filter_map(|(i, e)| Some((i, e.as_ref()?))) {
        if Some(sums.len()) != sums_len || *count > MAX_COUNT.saturating_mul(2) {
            return Err(CheckError::Entry { index });
        }
        if sums.iter().any(|sum| sum.unsigned_abs() > 2 * MAX_SUM) {
            return Err(CheckError::Entry { index });
        }
        if *count < policy.smallest_shown() {
            return refuse(index, "has a count of at least the minimum");
        }
        let is_rounded = |value: i128| round(value, base) == value;
        if !is_rounded(i128::from(*count)) || !sums.iter().all(|&sum| is_rounded(sum)) {
            return refuse(index, "is a multiple of the rounding base");
        }
    }
    Ok(())
}

/// Checks that no suppressed place follows from the others.
fn check_pattern(cover: &Cover) -> Result<(), CheckError> {
    match cover.determined().first().and_then(|edge| cover.asked().iter().position(|asked| asked == edge)) {
        Some(index) => Err(CheckError::Received { index, rule: "is suppressed and follows from no others" }),
        None => Ok(()),
    }
}

/// Checks that exact figures fit one table, and what they leave of their lines.
fn check_additivity(
    cover: &Cover,
    entries: &[Option<(u64, Vec<i128>)>],
    policy: &Policy,
) -> Result<(), CheckError> {
    let by_edge: BTreeMap<EdgeId, _> =
        cover.asked().iter().copied().zip(entries).filter_map(|(id, e)| Some((id, e.as_ref()?))).collect();
    let graph = cover.graph();
    let bounds = (0..graph.edges().len()).map(|id| match by_edge.get(&id) {
        Some((count, _)) => Bounds::exactly(i128::from(*count)),
        None => Bounds::at_least(0),
    });
    Circulation::find(graph, bounds).ok_or(CheckError::Inconsistent)?;
    for node in 0..graph.nodes_len() {
        let Some((sum, terms)) = graph.around(node).split_last() else { continue };
        let Some(margin) = by_edge.get(sum) else { continue };
        let open: Vec<_> = terms.iter().filter_map(|term| by_edge.get(term)).collect();
        let rest = i128::from(margin.0) - open.iter().map(|(count, _)| i128::from(*count)).sum::<i128>();
        if open.len() < terms.len() {
            if rest < i128::from(policy.minimum_count) {
                let index = cover.asked().iter().position(|asked| asked == sum).unwrap_or(0);
                return Err(CheckError::Received { index, rule: "leaves at least the minimum to its line" });
            }
        } else if (0..margin.1.len()).any(|k| sum_of(margin, k) != open.iter().map(|e| sum_of(e, k)).sum()) {
            return Err(CheckError::Inconsistent);
        }
    }
    Ok(())
}

fn sum_of(entry: &(u64, Vec<i128>), index: usize) -> i128 {
    entry.1.get(index).copied().unwrap_or(0)
}

#[cfg(test)]
#[path = "release_tests.rs"]
mod tests;
