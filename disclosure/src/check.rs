//! The checker of opened values: from figures and a policy to a [`Release`].
//!
//! 1. Every place is looked at by itself: minimum count, dominance, p%, class disclosure, and in [`check_contributed`]
//!    how many owners brought its units.
//! 2. Complementary suppression as in [`crate::Suppressor`], with the counts at hand. What remains of a known sum
//!    must pass the same rules; contributors are those of all hidden terms together. Of withheld terms nothing is
//!    known, and they count as nothing: the remainder passes only if the opened ones pass.
//! 3. Interval audit. Who sees the release and knows that counts are not negative can bound the count of each
//!    suppressed place; the bounds must be at least the minimum count apart. Where they are closer, further places are
//!    suppressed, those that widen the interval at the least loss. The total is suppressed when every other way is closed.
//! 4. Differencing, where there are earlier releases ([`crate::differencing`]); then again from 2.
//! 5. Reasons. "Small" tells that a count is below the minimum, "complementary" that it is not. If that, with all else,
//!    leaves a single value for a small count, every reason of the release becomes
//!    [`Reason::Undisclosed`], and so do the numbers by reason. Where places were held back for a reason, that reason is
//!    known to whoever held them back; then further places are suppressed until every small count ranges over half of
//!    the minimum at least.
//! 6. Rounding.
//!
//! # What is not guaranteed
//! Intervals of sums are not audited, since their contributions may be bounded by what only an attacker knows; sums are
//! protected against exact recovery, and remainders of lines by dominance and p%. Rounding is not counted as
//! protection. Who knows the algorithm and reads the pattern itself may exclude some tables. A
//! contributor with units in several cells is taken for several.

use crate::cell::{Cell, Entry};
use crate::cover::Cover;
use crate::differencing::{Earlier, Guard, Warning};
use crate::flow::{Bounds, Circulation};
use crate::graph::{EdgeId, Graph, Step};
use crate::release::{Figures, Release};
use crate::rules::{Policy, PolicyError, round};
use crate::table::{Levels, Place, Shape};
use crate::verdict::{Reason, Verdict};

/// Why there is no release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The policy breaks its rules.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The policy asks for noise and the values have none, or the other way round.
    #[error("the policy {}", if *wanted { "asks for noise" } else { "knows no noise" })]
    Noise {
        /// Whether the policy asks for noise.
        wanted: bool,
    },
    /// Nothing is asked for.
    #[error("no level of the table is asked for")]
    NothingAsked,
    /// There are more or fewer entries than places.
    #[error("{found} entries for {expected} places")]
    Entries {
        /// The entries.
        found: usize,
        /// The places.
        expected: usize,
    },
    /// The entry of a place cannot be used: another number of sums, too few or unsorted contributors, too large.
    #[error("entry {index} lacks sums or contributors, or is too large")]
    Entry {
        /// Its index among the places asked for.
        index: usize,
    },
    /// Cells do not add up to margins.
    #[error("figures do not add up")]
    Inconsistent,
    /// A refinement is of another new release.
    #[error("the refinement with earlier release {index} is not of the {expected} cells of the new one")]
    Refinement {
        /// The index of the earlier release.
        index: usize,
        /// The base cells of the new release.
        expected: u32,
    },
    /// A received figure breaks the policy.
    #[error("received figure {index} {rule}")]
    Received {
        /// Its index among the places asked for.
        index: usize,
        /// What holds for it.
        rule: &'static str,
    },
}

/// Checks opened values against a policy.
///
/// `entries` holds one entry for every place that `levels` asks for, in the order of [`Levels::places`].
///
/// # Errors
/// [`CheckError`], but for `Received`.
///
/// # Security
/// Refusals depend on the form of the entries alone, not on how large a count is.
pub fn check(
    shape: Shape,
    levels: Levels,
    entries: &[Entry],
    policy: &Policy,
) -> Result<Release, CheckError> {
    check_contributed(shape, levels, entries, Contributors::NONE, policy)
}

/// How many owners of data brought the units of each place, and how many it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contributors<'a> {
    /// Fewest owners with units in a released place.
    pub minimum: u32,
    /// Owners with units in each place that is asked for, in the order of [`Levels::places`].
    pub of_places: &'a [u32],
}

impl Contributors<'_> {
    /// No rule on contributors.
    pub const NONE: Self = Self { minimum: 0, of_places: &[] };
}

/// As [`check`], over units that several owners of data brought: a place with units of fewer than
/// `contributors.minimum` owners is suppressed, and so is what would give it away.
///
/// A union of places has at least as many contributors as the one of them that has most; more than that is not
/// known of it, so it may be known only if that one has enough.
///
/// # Errors
/// As [`check`]; [`CheckError::Entries`] also where `contributors` has another length, unless its minimum is 0.
pub fn check_contributed(
    shape: Shape,
    levels: Levels,
    entries: &[Entry],
    contributors: Contributors<'_>,
    policy: &Policy,
) -> Result<Release, CheckError> {
    let checked = check_differenced(shape, levels, entries, contributors, &[], policy)?;
    Ok(checked.release)
}

/// A release beside earlier ones of the same dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct Differenced {
    /// The release.
    pub release: Release,
    /// What a reviewer should look at.
    pub warnings: Vec<Warning>,
}

/// As [`check_contributed`], after earlier releases of the same dataset: a place that could be subtracted from them
/// is suppressed, and so is what would give it away; see [`crate::differencing`].
///
/// # Errors
/// As [`check_contributed`]; [`CheckError::Refinement`].
pub fn check_differenced(
    shape: Shape,
    levels: Levels,
    entries: &[Entry],
    contributors: Contributors<'_>,
    earlier: &[Earlier<'_>],
    policy: &Policy,
) -> Result<Differenced, CheckError> {
    policy.check()?;
    if policy.noise.is_some() {
        return Err(CheckError::Noise { wanted: true });
    }
    let expected = shape.cells_len();
    let cells = |earlier: &Earlier<'_>| earlier.refinement().new_cells();
    if let Some(index) = earlier.iter().position(|earlier| cells(earlier) != expected) {
        return Err(CheckError::Refinement { index, expected });
    }
    let mut checker = Checker::new(shape, levels, entries, policy)?;
    checker.take_contributors(contributors)?;
    checker.suppress_primary();
    let guards = checker.part_from(earlier)?;
    let warnings = guards.iter().enumerate().filter_map(|(index, guard)| guard.warning(index)).collect();
    let is_telling = checker.reasons_tell()?;
    Ok(Differenced { release: checker.release(levels, is_telling), warnings })
}

/// A table on its way through the rules.
struct Checker<'a> {
    cover: Cover,
    policy: &'a Policy,
    /// For each edge.
    entries: Vec<Option<&'a Entry>>,
    /// For each edge, whether enough owners have units in it.
    is_shared: Vec<bool>,
}

impl<'a> Checker<'a> {
    fn new(
        shape: Shape,
        levels: Levels,
        entries: &'a [Entry],
        policy: &'a Policy,
    ) -> Result<Self, CheckError> {
        let cover = Cover::new(shape, levels);
        check_len(entries.len(), cover.asked().len())?;
        let sums_len = entries.iter().find_map(|entry| entry.known()).map(|cell| cell.sums.len());
        let is_good = |cell: &Cell| Some(cell.sums.len()) == sums_len && cell.is_complete(policy);
        if let Some(index) = entries.iter().position(|entry| entry.known().is_some_and(|cell| !is_good(cell)))
        {
            return Err(CheckError::Entry { index });
        }
        let mut by_edge = vec![None; cover.graph().edges().len()];
        for (&edge, entry) in cover.asked().iter().zip(entries) {
            by_edge.get_mut(edge).into_iter().for_each(|at| *at = Some(entry));
        }
        let is_shared = vec![true; by_edge.len()];
        let checker = Self { cover, policy, entries: by_edge, is_shared };
        checker.check_sums(sums_len.unwrap_or(0))?;
        Ok(checker)
    }

    fn take_contributors(&mut self, contributors: Contributors<'_>) -> Result<(), CheckError> {
        if contributors.minimum == 0 {
            return Ok(());
        }
        check_len(contributors.of_places.len(), self.cover.asked().len())?;
        for (&edge, &found) in self.cover.asked().iter().zip(contributors.of_places) {
            let enough = found >= contributors.minimum;
            self.is_shared.get_mut(edge).into_iter().for_each(|at| *at = enough);
        }
        Ok(())
    }

    fn is_shared(&self, edge: EdgeId) -> bool {
        self.is_shared.get(edge).copied().unwrap_or(false)
    }

    /// Checks that counts fit one table, and sums of lines that are known whole.
    fn check_sums(&self, sums_len: usize) -> Result<(), CheckError> {
        let known = |edge| self.cell(edge).map_or(Bounds::at_least(0), count_of);
        self.circulation(self.cover.graph(), known)?;
        for node in 0..self.cover.graph().nodes_len() {
            let line: Option<Vec<_>> =
                self.cover.graph().around(node).iter().map(|&id| self.cell(id)).collect();
            let line = line.unwrap_or_default();
            let Some((margin, cells)) = line.split_last() else { continue };
            let total = |cell: &Cell, k: usize| cell.sums.get(k).map_or(0, |sum| sum.total);
            let adds_up = |k| cells.iter().map(|cell| total(cell, k)).sum::<i128>() == total(margin, k);
            if !(0..sums_len).all(adds_up) {
                return Err(CheckError::Inconsistent);
            }
        }
        Ok(())
    }

    fn cell(&self, edge: EdgeId) -> Option<&'a Cell> {
        self.entries.get(edge).copied().flatten()?.known()
    }

    fn suppress_primary(&mut self) {
        for edge in self.cover.asked().to_vec() {
            let reason = match self.entries.get(edge).copied().flatten() {
                Some(Entry::Known(cell)) => cell.primary(self.policy),
                Some(Entry::Withheld(Reason::NotAsked) | Entry::Bounded(Reason::NotAsked, _)) | None => {
                    Some(Reason::Withheld)
                }
                Some(Entry::Withheld(reason) | Entry::Bounded(reason, _)) => Some(*reason),
            };
            let reason = reason.or_else(|| (!self.is_shared(edge)).then_some(Reason::FewContributors));
            let reason = reason.or_else(|| self.is_whole_group(edge).then_some(Reason::ClassDisclosure));
            reason.into_iter().for_each(|reason| self.cover.suppress(edge, reason));
        }
    }

    /// Tells whether a cell is the whole of its group in a sensitive class; not where the group cannot be known.
    fn is_whole_group(&self, edge: EdgeId) -> bool {
        let Some(rule) = &self.policy.class_disclosure else { return false };
        let place = self.cover.graph().edge(edge).map(|edge| edge.place);
        let cell = place.filter(|&place| place.row.is_some() && place.column.is_some() && rule.covers(place));
        let Some((cell, found)) = cell.zip(self.cell(edge)) else { return false };
        let count =
            |place| Some(self.cell(self.cover.graph().id(self.cover.shape().canonical(place))?)?.count);
        let shape = self.cover.shape();
        let others = || {
            let cells = shape.base_cells(rule.group(cell)).into_iter();
            cells.map(|index| count(Place::cell(index / shape.columns(), index % shape.columns()))).sum()
        };
        count(rule.group(cell)).or_else(others) == Some(found.count)
    }

    /// Suppresses until the table tells too little by itself and beside each earlier release. Each turn of the loop
    /// suppresses at least one place more, so it ends.
    fn part_from<'e>(&mut self, earlier: &'e [Earlier<'e>]) -> Result<Vec<Guard<'e>>, CheckError> {
        let guard = |earlier| Guard::new(earlier, self.policy.minimum_count);
        let mut guards: Vec<_> = earlier.iter().map(guard).collect();
        loop {
            self.settle();
            self.widen_intervals()?;
            self.widen_small()?;
            let refusals = guards.iter_mut().filter_map(|guard| guard.refuse(&mut self.cover).then_some(()));
            if refusals.count() == 0 {
                return Ok(guards);
            }
        }
    }

    fn settle(&mut self) {
        let Self { cover, policy, entries, is_shared } = self;
        let open = cover.settle(&mut |_, line| {
            let is_shared = |id: &EdgeId| is_shared.get(*id).copied().unwrap_or(false);
            if !line.hidden.iter().any(is_shared) {
                return Some(false);
            }
            let entry = |id: &EdgeId| entries.get(*id).copied().flatten();
            let known = |id: &EdgeId| entry(id).and_then(Entry::known);
            let hidden: Option<Vec<&Entry>> = line.hidden.iter().map(entry).collect();
            let shown = line.terms.iter().filter(|term| !line.hidden.contains(term));
            let shown: Option<Vec<&Cell>> = shown.map(known).collect();
            // What a line tells is its sum without the terms that are shown; its contributors are all hidden ones.
            let rest = known(&line.sum).zip(shown).zip(hidden);
            let rest =
                rest.and_then(|((sum, shown), hidden)| Cell::remainder(sum, shown.into_iter(), &hidden));
            let union = || {
                let cells: Option<Vec<_>> = line.hidden.iter().map(known).collect();
                cells.map(|cells| Cell::union(cells.into_iter()))
            };
            // Whoever held a place back has tested the unions that it is part of, and knows of them no more than that.
            Some(rest.or_else(union).is_none_or(|cell| cell.primary(policy).is_none()))
        });
        debug_assert!(open.is_empty(), "every union is answered");
    }

    fn circulation<'g>(
        &self,
        graph: &'g Graph,
        bounds: impl Fn(EdgeId) -> Bounds,
    ) -> Result<Circulation<'g>, CheckError> {
        Circulation::find(graph, (0..graph.edges().len()).map(bounds)).ok_or(CheckError::Inconsistent)
    }

    /// Suppresses until the count of every hidden place ranges over the minimum at least.
    fn widen_intervals(&mut self) -> Result<(), CheckError> {
        let minimum = i128::from(self.policy.minimum_count);
        self.widen(&|checker, edge| checker.cover.is_hidden(edge).then_some(minimum), &Self::untold)
    }

    /// Suppresses until every small count ranges over half of the minimum at least, also for who was told which counts
    /// are small: both parties of a protocol are, where places were held back.
    fn widen_small(&mut self) -> Result<(), CheckError> {
        let was_told = self.entries.iter().flatten().any(|entry| entry.known().is_none());
        let most = i128::from(self.policy.minimum_count) - 1;
        if !was_told || most < 1 {
            return Ok(());
        }
        let needed = most.div_euclid(2).max(1);
        self.widen(&|checker, edge| checker.is_small(edge).then_some(needed), &Self::told)
    }

    /// Suppresses until the count of every place ranges over the width that it needs.
    ///
    /// Suppressing more only widens intervals, so each place is looked at until it passes, and never again; and the
    /// circulation at hand fits the wider bounds too.
    fn widen(
        &mut self,
        needed: &dyn Fn(&Self, EdgeId) -> Option<i128>,
        bounds: &dyn Fn(&Self, EdgeId) -> Bounds,
    ) -> Result<(), CheckError> {
        let graph = self.cover.graph().clone();
        let mut circulation = self.circulation(&graph, |id| bounds(self, id))?;
        for edge in self.cover.asked().to_vec() {
            while let Some(needed) = needed(self, edge) {
                let width = circulation.width(edge, needed);
                let released = self.cover.asked().iter().filter(|&&id| self.cover.is_released(id)).count();
                if width >= needed || released == 0 {
                    break;
                }
                let further = self.cheapest(edge, &circulation, needed - width);
                further.iter().for_each(|&id| self.cover.suppress(id, Reason::Complementary));
                self.settle();
                let hidden: Vec<_> =
                    self.cover.asked().iter().copied().filter(|&id| self.cover.is_hidden(id)).collect();
                hidden.into_iter().for_each(|id| circulation.free(id, bounds(self, id)));
            }
        }
        Ok(())
    }

    /// Bounds a count for who knows the released figures alone.
    fn untold(&self, id: EdgeId) -> Bounds {
        match self.cover.is_released(id) {
            true => self.cell(id).map_or(Bounds::at_least(0), count_of),
            false => Bounds::at_least(0),
        }
    }

    /// Bounds a count for who knows the reasons too.
    fn told(&self, id: EdgeId) -> Bounds {
        let minimum = i128::from(self.policy.minimum_count);
        match self.cover.verdict(id) {
            Verdict::Suppressed(Reason::SmallCount) => Bounds { low: 0, high: minimum - 1 },
            Verdict::Suppressed(
                Reason::Complementary
                | Reason::Dominance
                | Reason::PPercent
                | Reason::FewContributors
                | Reason::ClassDisclosure
                | Reason::Differencing,
            ) => Bounds::at_least(minimum),
            _ => self.untold(id),
        }
    }

    fn is_small(&self, id: EdgeId) -> bool {
        self.cover.verdict(id) == Verdict::Suppressed(Reason::SmallCount)
    }

    /// Finds the released places on the cheapest way to raise `edge` or, where it is as high as it can be, to lower it; by
    /// `needed` if there is such a way.
    fn cheapest(&self, edge: EdgeId, circulation: &Circulation<'_>, needed: i128) -> Vec<EdgeId> {
        let is_raised = circulation.room(Step { edge, is_forward: true }) > 0;
        let way = |least: i128| {
            let found = self.cover.graph().edge(edge)?;
            let (start, end) = if is_raised { (found.to, found.from) } else { (found.from, found.to) };
            self.cover.graph().cheapest_way(
                start,
                |node| node == end,
                |step: Step| {
                    let is_released = self.cover.is_released(step.edge);
                    let has_room = match is_released {
                        true => step.is_forward || circulation.value(step.edge) >= least,
                        false => circulation.room(step) >= least,
                    };
                    let cost = if is_released { self.cover.loss(step.edge) } else { 0 };
                    (step.edge != edge && has_room).then_some(cost)
                },
            )
        };
        let steps = way(needed).or_else(|| way(1)).unwrap_or_default();
        let found: Vec<_> =
            steps.iter().map(|step| step.edge).filter(|&id| self.cover.is_released(id)).collect();
        // A way with room and nothing released on it would have been used by the flow.
        if found.is_empty() { self.cover.asked().to_vec() } else { found }
    }

    /// Tells whether a small count follows from the release and its reasons, or a reason is what must not be told.
    fn reasons_tell(&self) -> Result<bool, CheckError> {
        let whole = Verdict::Suppressed(Reason::ClassDisclosure);
        if self.cover.asked().iter().any(|&id| self.cover.verdict(id) == whole) {
            return Ok(true);
        }
        let mut circulation = self.circulation(self.cover.graph(), |id| self.told(id))?;
        // Below a minimum of 1 there is one value alone, and the reason is meant to tell it.
        let mut small = self.cover.asked().iter().copied().filter(|&id| self.is_small(id));
        Ok(self.policy.minimum_count > 1 && small.any(|edge| circulation.width(edge, 1) < 1))
    }

    fn release(&self, levels: Levels, is_telling: bool) -> Release {
        let base = self.policy.round_to;
        let verdict = |id: EdgeId| match self.cover.verdict(id) {
            Verdict::Suppressed(_) if is_telling => Verdict::Suppressed(Reason::Undisclosed),
            verdict => verdict,
        };
        let figures = |cell: &Cell| {
            let count = u64::try_from(round(i128::from(cell.count), base)).unwrap_or(u64::MAX);
            let sums = cell.sums.iter().map(|sum| round(sum.total, base)).collect();
            Figures { count, sums, deviations: None }
        };
        let places = self.cover.asked().iter().map(|&id| {
            let open = self.cell(id).filter(|_| self.cover.is_released(id));
            (verdict(id), open.map(figures))
        });
        Release::assemble(self.cover.shape(), levels, places, self.policy)
    }
}

/// Compares the number of entries with that of places.
pub(crate) fn check_len(found: usize, expected: usize) -> Result<(), CheckError> {
    match expected {
        0 => Err(CheckError::NothingAsked),
        _ if found != expected => Err(CheckError::Entries { found, expected }),
        _ => Ok(()),
    }
}

fn count_of(cell: &Cell) -> Bounds {
    Bounds::exactly(i128::from(cell.count))
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
