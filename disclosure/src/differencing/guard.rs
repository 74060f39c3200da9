//! An earlier release, and how a table on its way to release is kept from being subtracted from it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::contrast::Contrast;
use super::refinement::Refinement;
use super::search::{MOST, Search, Side};
use crate::cover::{Cover, Known, Origin};
use crate::table::{Levels, Place, Shape};
use crate::verdict::Reason;

/// What a recipient of a release holds: which places of which table. It is kept with the release's codes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasedPlaces {
    /// The table.
    pub shape: Shape,
    /// Its released places.
    pub released: Vec<Place>,
}

/// An earlier release of the same dataset, beside the new one.
#[derive(Clone, Debug)]
pub struct Earlier<'a> {
    cells: u32,
    known: Vec<Known>,
    refinement: &'a Refinement,
}

/// Why an earlier release cannot be compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EarlierError {
    /// The refinement is of another table.
    #[error("a refinement with {found} earlier cells; the earlier release has {expected}")]
    Cells {
        /// The earlier cells of the refinement.
        found: u32,
        /// The cells of the earlier release.
        expected: u32,
    },
    /// A released place lies outside its table.
    #[error("released place {index} lies outside its table")]
    Place {
        /// Its index.
        index: usize,
    },
}

/// What a reviewer should look at, though nothing was found that must not leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "review")]
#[non_exhaustive]
pub enum Warning {
    /// Some sets of fewer units than the minimum are told apart by both releases together. No combination of up to three
    /// known sums of each tells about so few.
    SmallBlocks {
        /// The index of the earlier release.
        earlier: usize,
        /// How many sets.
        blocks: usize,
    },
    /// The search ended before all combinations were looked at.
    Unsearched {
        /// The index of the earlier release.
        earlier: usize,
        /// Up to how many sums of each release were looked at.
        complete: usize,
    },
    /// Some sets of fewer units than the minimum are told apart by the new release and two earlier ones together.
    JointBlocks {
        /// The index of the first earlier release.
        first: usize,
        /// The index of the second.
        second: usize,
        /// How many sets.
        blocks: usize,
    },
}

impl<'a> Earlier<'a> {
    /// Takes an earlier release and its common refinement with the new one.
    ///
    /// # Errors
    /// [`EarlierError`].
    pub fn new(held: &ReleasedPlaces, refinement: &'a Refinement) -> Result<Self, EarlierError> {
        let (shape, cells) = (held.shape, held.shape.cells_len());
        if refinement.earlier_cells() != cells {
            return Err(EarlierError::Cells { found: refinement.earlier_cells(), expected: cells });
        }
        if let Some(index) = held.released.iter().position(|&place| shape.base_cells(place).is_empty()) {
            return Err(EarlierError::Place { index });
        }
        let released: BTreeSet<_> = held.released.iter().map(|&place| shape.canonical(place)).collect();
        let mut cover = Cover::new(shape, Levels::ALL);
        for edge in cover.asked().to_vec() {
            if cover.graph().edge(edge).is_none_or(|edge| !released.contains(&edge.place)) {
                cover.suppress(edge, Reason::Withheld);
            }
        }
        Ok(Self { cells, known: cover.known(), refinement })
    }

    /// Returns its refinement with the new release.
    pub fn refinement(&self) -> &Refinement {
        self.refinement
    }
}

/// Watches one earlier release.
#[derive(Debug)]
pub(crate) struct Guard<'a> {
    earlier: &'a Earlier<'a>,
    contrast: Contrast,
    minimum: u64,
    complete: usize,
}

impl<'a> Guard<'a> {
    pub(crate) fn new(earlier: &'a Earlier<'a>, minimum: u64) -> Self {
        let contrast = Contrast::new(earlier.refinement, minimum);
        Self { earlier, contrast, minimum, complete: MOST }
    }

    /// Suppresses one place for each combination of known sums that tells too much; tells whether there was any.
    pub(crate) fn refuse(&mut self, cover: &mut Cover) -> bool {
        if self.contrast.small.is_empty() {
            return false;
        }
        let known = cover.known();
        let new = Side::new(cover.shape().cells_len(), known.iter().map(|sum| &sum.cells[..]).collect());
        let earlier = self.earlier.known.iter().map(|sum| &sum.cells[..]).collect();
        let earlier = Side::new(self.earlier.cells, earlier);
        let search = Search::new(&self.contrast, self.minimum, new, earlier);
        let findings = search.run(&known, &|sum| loss(cover, sum));
        self.complete = findings.complete;
        let before = cover.released_len();
        let refused = findings.refused.iter().filter_map(|&id| known.get(id));
        refused.for_each(|sum| cover.conceal(&sum.origin, Reason::Differencing));
        let is_stuck = !findings.refused.is_empty() && cover.released_len() == before;
        if is_stuck {
            let asked = cover.asked().to_vec();
            asked.into_iter().for_each(|edge| cover.suppress(edge, Reason::Differencing));
        }
        cover.released_len() < before
    }

    /// Returns what a reviewer should look at, of the earlier release with this index.
    pub(crate) fn warning(&self, earlier: usize) -> Option<Warning> {
        let blocks = self.contrast.small.len();
        match self.complete {
            _ if blocks == 0 => None,
            MOST => Some(Warning::SmallBlocks { earlier, blocks }),
            complete => Some(Warning::Unsearched { earlier, complete }),
        }
    }
}

/// Tells how dear it is to make a sum unknown; what remains of a line is dearer than any place but the total.
fn loss(cover: &Cover, sum: &Known) -> u64 {
    match sum.origin {
        Origin::Place(edge) if cover.is_released(edge) => cover.loss(edge),
        Origin::Place(_) | Origin::Remainder(_) => 1 << 30,
    }
}
