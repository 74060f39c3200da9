//! Opened figures of a place, and the rules that look at one place alone.

use crate::rules::{Dominance, Policy};
use crate::verdict::Reason;

/// Largest count.
pub(crate) const MAX_COUNT: u64 = 1 << 53;

/// Largest magnitude of a sum.
pub(crate) const MAX_SUM: u128 = 1 << 96;

/// What is known of a place that is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Units that contribute.
    pub count: u64,
    /// Sums over them, in the same order for every place.
    pub sums: Vec<Sum>,
}

/// A sum of contributions that are not negative.
///
/// # Bounds instead of contributions
/// `largest` may hold upper bounds instead of the contributions themselves, as a protocol may only know those. This is
/// conservative. The (n, k) rule suppresses when 100 (x1 + .. + xn) > k total, the p% rule when
/// 100 (total - x1 - x2) < p x1: a greater x makes the left side of the first greater, and in the second the left side
/// smaller or the right side greater. So what is suppressed with the contributions is suppressed with bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// The sum.
    pub total: i128,
    /// The greatest contributions or bounds of them, in descending order: as many as the policy looks at
    /// ([`Policy::largest_len`]), or all if there are fewer.
    pub largest: Vec<u64>,
}

/// What the checker is handed for a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The place was opened.
    Known(Cell),
    /// The place was never opened, for this reason. It comes out of a [`Pattern`](crate::Pattern), whose unions were
    /// tested: what the released places tell of a union with it reaches the minimum.
    Withheld(Reason),
    /// The same, with the greatest contributions to each sum or bounds of them, as in [`Sum::largest`]: what the released
    /// places tell of a union with it is held to dominance and p% too.
    Bounded(Reason, Vec<Vec<u64>>),
}

impl Entry {
    /// Returns the greatest contributions to each sum, where they are known.
    pub(crate) fn largest(&self) -> Option<Vec<&[u64]>> {
        match self {
            Self::Known(cell) => Some(cell.sums.iter().map(|sum| &sum.largest[..]).collect()),
            Self::Bounded(_, largest) => Some(largest.iter().map(|largest| &largest[..]).collect()),
            Self::Withheld(_) => None,
        }
    }

    pub(crate) fn known(&self) -> Option<&Cell> {
        match self {
            Self::Known(cell) => Some(cell),
            Self::Withheld(_) | Self::Bounded(..) => None,
        }
    }
}

impl Cell {
    /// Returns why the place may not be released, looked at by itself.
    pub(crate) fn primary(&self, policy: &Policy) -> Option<Reason> {
        if self.count < policy.minimum_count {
            return Some(Reason::SmallCount);
        }
        let dominated = |rule: Dominance| self.sums.iter().any(|sum| sum.is_dominated(rule));
        if policy.dominance.is_some_and(dominated) {
            return Some(Reason::Dominance);
        }
        let estimated = |p: u32| self.sums.iter().any(|sum| sum.is_estimated(p));
        policy.p_percent.is_some_and(estimated).then_some(Reason::PPercent)
    }

    /// Returns what remains of `sum` without `parts`, to which `hidden` contribute; `None` where their contributions
    /// are not known.
    pub(crate) fn remainder<'a>(
        sum: &Self,
        parts: impl Iterator<Item = &'a Self>,
        hidden: &[&Entry],
    ) -> Option<Self> {
        let mut rest = Self { count: sum.count, sums: Vec::new() };
        rest.sums.extend(sum.sums.iter().map(|sum| Sum { total: sum.total, largest: Vec::new() }));
        for part in parts {
            rest.count = rest.count.saturating_sub(part.count);
            rest.sums.iter_mut().zip(&part.sums).for_each(|(rest, part)| rest.total -= part.total);
        }
        for entry in hidden {
            let largest = entry.largest()?;
            rest.sums.iter_mut().zip(largest).for_each(|(rest, largest)| rest.largest.extend(largest));
        }
        rest.sums.iter_mut().for_each(|sum| sum.largest.sort_unstable_by(|a, b| b.cmp(a)));
        Some(rest)
    }

    /// Puts disjoint places together.
    pub(crate) fn union<'a>(cells: impl Iterator<Item = &'a Self>) -> Self {
        let mut union = Self { count: 0, sums: Vec::new() };
        for cell in cells {
            union.count = union.count.saturating_add(cell.count);
            union.sums.resize(cell.sums.len(), Sum { total: 0, largest: Vec::new() });
            for (sum, more) in union.sums.iter_mut().zip(&cell.sums) {
                sum.total = sum.total.saturating_add(more.total);
                sum.largest.extend(&more.largest);
            }
        }
        union.sums.iter_mut().for_each(|sum| sum.largest.sort_unstable_by(|a, b| b.cmp(a)));
        union
    }

    /// Tells whether the figures are within bounds and name enough contributors.
    pub(crate) fn is_complete(&self, policy: &Policy) -> bool {
        let needed = self.count.min(u64::from(policy.largest_len()));
        let sums = self.sums.iter().all(|sum| {
            sum.total.unsigned_abs() <= MAX_SUM
                && sum.largest.len() as u64 >= needed
                && sum.largest.is_sorted_by(|a, b| a >= b)
        });
        self.count <= MAX_COUNT && sums
    }
}

impl Sum {
    /// Applies the (n, k) rule.
    fn is_dominated(&self, rule: Dominance) -> bool {
        let largest: i128 = self.largest.iter().take(rule.largest as usize).map(|&x| i128::from(x)).sum();
        100 * largest > i128::from(rule.percent) * self.total
    }

    /// Applies the p% rule.
    fn is_estimated(&self, percent: u32) -> bool {
        let mut largest = self.largest.iter().map(|&x| i128::from(x));
        let (first, second) = (largest.next().unwrap_or(0), largest.next().unwrap_or(0));
        100 * (self.total - first - second) < i128::from(percent) * first
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(dominance: Option<(u32, u32)>, p_percent: Option<u32>) -> Policy {
        let dominance = dominance.map(|(largest, percent)| Dominance { largest, percent });
        Policy { dominance, p_percent, ..Policy::with_minimum(3) }
    }

    fn cell(contributions: &[u64]) -> Cell {
        let mut largest = contributions.to_vec();
        largest.sort_unstable_by(|a, b| b.cmp(a));
        let total = contributions.iter().map(|&x| i128::from(x)).sum();
        Cell { count: contributions.len() as u64, sums: vec![Sum { total, largest }] }
    }

    #[test]
    fn rules_suppress_beyond_their_bound_and_not_at_it() {
        let nk = policy(Some((2, 75)), None);
        assert_eq!(cell(&[50, 25, 20, 5]).primary(&nk), None);
        assert_eq!(cell(&[50, 26, 19, 5]).primary(&nk), Some(Reason::Dominance));
        let p = policy(None, Some(10));
        assert_eq!(cell(&[100, 50, 10]).primary(&p), None);
        assert_eq!(cell(&[100, 50, 9]).primary(&p), Some(Reason::PPercent));
        assert_eq!(cell(&[1, 1]).primary(&p), Some(Reason::SmallCount));
        assert_eq!(cell(&[0, 0, 0]).primary(&policy(Some((1, 50)), Some(10))), None);
    }

    #[test]
    fn contributors_that_the_rules_need_are_demanded() {
        let p = policy(None, Some(10));
        let mut short = cell(&[5, 4, 3]);
        short.sums[0].largest.truncate(1);
        assert!(!short.is_complete(&p) && short.is_complete(&policy(None, None)));
        short.sums[0].largest = vec![1, 2];
        assert!(!short.is_complete(&p));
        assert!(cell(&[5]).is_complete(&p));
    }

    proptest! {
        #[test]
        fn bounds_instead_of_contributions_suppress_no_less(
            values in proptest::collection::vec((0_u64..100, 0_u64..50), 3..7), n in 1_u32..5, k in 1_u32..101,
        ) {
            let exact = cell(&values.iter().map(|v| v.0).collect::<Vec<_>>());
            let mut bounded = cell(&values.iter().map(|v| v.0 + v.1).collect::<Vec<_>>());
            bounded.sums[0].total = exact.sums[0].total;
            for policy in [policy(Some((n, k)), None), policy(None, Some(k))] {
                prop_assert!(exact.primary(&policy).is_none() || bounded.primary(&policy).is_some());
            }
        }

        #[test]
        fn a_union_is_the_cell_of_all_contributions(
            a in proptest::collection::vec(0_u64..100, 1..5), b in proptest::collection::vec(0_u64..100, 1..5),
        ) {
            let union = Cell::union([cell(&a), cell(&b)].iter());
            prop_assert_eq!(union, cell(&[a, b].concat()));
        }
    }
}
