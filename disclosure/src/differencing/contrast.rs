//! Where two releases tell different things: the small blocks of their common refinement between components.
//!
//! A combination of sums of two releases adds a number a(i) to every unit of new cell i and a number b(j) to every unit of
//! earlier cell j, and nothing on behalf of no cell. It tells about the units of a block (i, j) unless a(i) + b(j) = 0.
//! What tells about fewer units than the minimum therefore vanishes on all blocks of at least the minimum. Take cells
//! as nodes, these blocks as edges and both kinds of no cell as one node: along edges a and -b stay the same, so they are
//! constant on every component, and zero on that of no cell. So such a combination can only tell about small
//! blocks between different components. Where there are none, no combination of any number of sums tells about
//! fewer units than the minimum.

use std::collections::BTreeSet;

use super::refinement::Refinement;

/// A block of the refinement: cells counted from 1, with 0 for no cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) new: usize,
    pub(super) earlier: usize,
    pub(super) count: u64,
}

/// What two releases can tell together.
#[derive(Clone, Debug)]
pub(super) struct Contrast {
    /// Blocks of at least the minimum that connect every component.
    pub(super) tree: Vec<Block>,
    /// Blocks below the minimum between components.
    pub(super) small: Vec<Block>,
    /// For each new cell, the earlier cells with units of it.
    of_new: Vec<Vec<usize>>,
    /// For each earlier cell, the new cells with units of it.
    of_earlier: Vec<Vec<usize>>,
}

impl Contrast {
    pub(super) fn new(refinement: &Refinement, minimum: u64) -> Self {
        let new_len = refinement.new_cells() as usize + 1;
        let nodes = new_len + refinement.earlier_cells() as usize + 1;
        let mut components = Components((0..nodes).collect());
        components.join(0, new_len);
        let mut tree = Vec::new();
        for block in blocks(refinement).filter(|block| block.count >= minimum) {
            if components.join(block.new, new_len + block.earlier) {
                tree.push(block);
            }
        }
        let mut is_between =
            |block: &Block| components.root(block.new) != components.root(new_len + block.earlier);
        let small = blocks(refinement).filter(|block| block.count < minimum && is_between(block)).collect();
        let (mut of_new, mut of_earlier) = (vec![Vec::new(); new_len], vec![Vec::new(); nodes - new_len]);
        for block in blocks(refinement) {
            of_new.get_mut(block.new).into_iter().for_each(|cells: &mut Vec<_>| cells.push(block.earlier));
            of_earlier
                .get_mut(block.earlier)
                .into_iter()
                .for_each(|cells: &mut Vec<_>| cells.push(block.new));
        }
        Self { tree, small, of_new, of_earlier }
    }

    /// Tells of each sum of the new release whether a sum of the earlier one is over the same units: then it tells
    /// nothing that was not told.
    pub(super) fn twins(&self, new: &[&[u32]], earlier: &[&[u32]]) -> Vec<bool> {
        let cells_of = |sum: &[u32], of: &[Vec<usize>]| {
            let filled = |cell: &usize| of.get(*cell).is_some_and(|there| !there.is_empty());
            sum.iter().map(|&cell| cell as usize + 1).filter(filled).collect::<BTreeSet<_>>()
        };
        // Two sums are over the same units if each is all that the other shares units with.
        let pair = |sum: &&[u32]| {
            let cells = cells_of(sum, &self.of_earlier);
            (reached(&cells, &self.of_earlier), cells)
        };
        let told: BTreeSet<_> = earlier.iter().map(pair).collect();
        let is_twin = |sum: &&[u32]| {
            let cells = cells_of(sum, &self.of_new);
            let there = reached(&cells, &self.of_new);
            told.contains(&(cells, there))
        };
        new.iter().map(is_twin).collect()
    }
}

/// Returns the cells that share units with any of these.
fn reached(cells: &BTreeSet<usize>, of: &[Vec<usize>]) -> BTreeSet<usize> {
    cells.iter().filter_map(|&cell| of.get(cell)).flatten().copied().collect()
}

fn blocks(refinement: &Refinement) -> impl Iterator<Item = Block> {
    refinement.blocks().map(|(new, earlier, count)| Block { new, earlier, count })
}

/// Disjoint sets of nodes, each node with one nearer to the root of its set.
struct Components(Vec<usize>);

impl Components {
    fn root(&mut self, mut node: usize) -> usize {
        while let Some(&parent) = self.0.get(node).filter(|&&parent| parent != node) {
            let above = self.0.get(parent).copied().unwrap_or(parent);
            self.0.get_mut(node).into_iter().for_each(|at| *at = above);
            node = above;
        }
        node
    }

    /// Puts two sets together; tells whether they were different.
    fn join(&mut self, a: usize, b: usize) -> bool {
        let (a, b) = (self.root(a), self.root(b));
        self.0.get_mut(a).into_iter().for_each(|at| *at = b);
        a != b
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::differencing::OUTSIDE;

    fn refined(blocks: &[(u16, u16, usize)]) -> Refinement {
        let mut refinement = Refinement::new(3, 3).unwrap();
        for &(new, earlier, count) in blocks {
            refinement.add(&vec![new; count], &vec![earlier; count]).unwrap();
        }
        refinement
    }

    #[test]
    fn small_blocks_within_a_component_tell_nothing() {
        let connected = [(0, 0, 20), (0, 1, 20), (1, 1, 20), (1, 0, 1)];
        let contrast = Contrast::new(&refined(&connected), 10);
        assert!(contrast.small.is_empty() && contrast.tree.len() == 3);
        let apart = [(0, 0, 20), (1, 1, 20), (1, 0, 1), (2, OUTSIDE, 9), (OUTSIDE, OUTSIDE, 3)];
        let contrast = Contrast::new(&refined(&apart), 10);
        let small: Vec<_> = contrast.small.iter().map(|b| (b.new, b.earlier, b.count)).collect();
        assert_eq!(small, [(2, 1, 1), (3, 0, 9)]);
        assert!(Contrast::new(&refined(&apart), 1).small.is_empty());
    }

    #[test]
    fn units_in_no_cell_connect() {
        let blocks = [(0, OUTSIDE, 30), (OUTSIDE, 1, 30), (0, 1, 4), (0, 0, 2)];
        let contrast = Contrast::new(&refined(&blocks), 10);
        assert_eq!(contrast.small, [Block { new: 1, earlier: 1, count: 2 }]);
    }
}
