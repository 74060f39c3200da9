//! The common refinement of three releases.

use std::collections::HashMap;

use super::guard::Warning;
use super::refinement::RefinementError;

/// How many units are in each triple of cells of a new release and two earlier ones.
///
/// # Examples
/// ```
/// use tidegate_disclosure::differencing::JointRefinement;
///
/// let mut refinement = JointRefinement::default();
/// refinement.add(&[0, 0, 0], &[1, 1, 1], &[0, 0, 2])?;
/// assert!(refinement.warning(0, 1, 2).is_some());
/// assert!(refinement.warning(0, 1, 1).is_none());
/// # Ok::<(), tidegate_disclosure::differencing::RefinementError>(())
/// ```
#[derive(Clone, Default)]
pub struct JointRefinement {
    blocks: HashMap<[u16; 3], u32>,
}

impl JointRefinement {
    /// Counts rows: the codes of each in the new release and in both earlier ones. Memory grows with the number of
    /// different triples.
    ///
    /// # Errors
    /// [`RefinementError::Lengths`].
    pub fn add(&mut self, new: &[u16], first: &[u16], second: &[u16]) -> Result<(), RefinementError> {
        for earlier in [first, second] {
            if earlier.len() != new.len() {
                return Err(RefinementError::Lengths { new: new.len(), earlier: earlier.len() });
            }
        }
        for ((&new, &first), &second) in new.iter().zip(first).zip(second) {
            let count = self.blocks.entry([new, first, second]).or_insert(0);
            *count = count.saturating_add(1);
        }
        Ok(())
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: Self) {
        for (triple, more) in other.blocks {
            let count = self.blocks.entry(triple).or_insert(0);
            *count = count.saturating_add(more);
        }
    }

    /// Returns what a reviewer should look at, if there is anything: triples with units, but fewer than `minimum`;
    /// units that no release counts are nobody's.
    pub fn warning(&self, first: usize, second: usize, minimum: u64) -> Option<Warning> {
        let counted = self.blocks.iter().filter(|(triple, _)| **triple != [super::OUTSIDE; 3]);
        let blocks = counted.filter(|&(_, &count)| u64::from(count) < minimum).count();
        (blocks > 0).then_some(Warning::JointBlocks { first, second, blocks })
    }
}

impl std::fmt::Debug for JointRefinement {
    /// Shows a size alone.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JointRefinement({} triples)", self.blocks.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::differencing::OUTSIDE;

    #[test]
    fn triples_are_counted_wherever_they_come_from() {
        let mut all = JointRefinement::default();
        let mut part = JointRefinement::default();
        all.add(&[0, 1, OUTSIDE], &[0, 1, OUTSIDE], &[0, OUTSIDE, OUTSIDE]).unwrap();
        part.add(&[0, 2], &[0, 2], &[0, 2]).unwrap();
        all.merge(part);
        assert_eq!(all.warning(3, 4, 2), Some(Warning::JointBlocks { first: 3, second: 4, blocks: 2 }));
        assert_eq!(all.warning(3, 4, 1), None);
        let refused = all.add(&[0], &[0], &[]);
        assert_eq!(refused, Err(RefinementError::Lengths { new: 1, earlier: 0 }));
    }
}
