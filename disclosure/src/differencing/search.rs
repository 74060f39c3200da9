//! The search for a few known sums whose combination tells about too few units.
//!
//! A combination takes distinct known sums, up to [`MOST`] of each release, with a sign each. Starting from one sum of the new
//! release, a block that must vanish and does not is looked for: one of at least the minimum first, then any of so
//! many small ones that not all of them can stay. Some further sum must contain it with the opposite sign, and few
//! sums contain a given cell; so the search branches little, and finds every combination.

use super::contrast::{Block, Contrast};
use crate::cover::Known;

/// Most known sums of each release in a combination.
pub(super) const MOST: usize = 3;

/// Most steps that one search takes.
const MOST_STEPS: u64 = 1 << 26;

/// A sum, and the number that it is taken with.
type Term = (usize, i32);

/// What the sums of one release give to units.
#[derive(Debug)]
pub(super) struct Side<'a> {
    sums: Vec<&'a [u32]>,
    /// For each cell counted from 1, the sums with it.
    around: Vec<Vec<usize>>,
    /// For each cell counted from 1, what the terms add up to.
    level: Vec<i32>,
    terms: Vec<Term>,
    /// For each sum, whether it is given up.
    is_spent: Vec<bool>,
}

/// A search over the known sums of two releases.
#[derive(Debug)]
pub(super) struct Search<'a> {
    contrast: &'a Contrast,
    minimum: u64,
    new: Side<'a>,
    earlier: Side<'a>,
    /// For each sum of the new release, whether the earlier one tells it too.
    is_twin: Vec<bool>,
    steps: u64,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Findings {
    /// Sums of the new release, one of each combination that tells too much.
    pub(super) refused: Vec<usize>,
    /// Up to how many sums of each release no other combination tells too much.
    pub(super) complete: usize,
}

impl<'a> Side<'a> {
    pub(super) fn new(cells: u32, sums: Vec<&'a [u32]>) -> Self {
        let mut around = vec![Vec::new(); cells as usize + 1];
        for (id, cells) in sums.iter().enumerate() {
            for &cell in *cells {
                around.get_mut(cell as usize + 1).into_iter().for_each(|at: &mut Vec<_>| at.push(id));
            }
        }
        let is_spent = vec![false; sums.len()];
        Self { level: vec![0; around.len()], sums, around, terms: Vec::new(), is_spent }
    }

    fn level(&self, cell: usize) -> i32 {
        self.level.get(cell).copied().unwrap_or(0)
    }

    fn add(&mut self, id: usize, sign: i32) {
        for &cell in self.sums.get(id).copied().unwrap_or_default() {
            self.level.get_mut(cell as usize + 1).into_iter().for_each(|level| *level += sign);
        }
    }

    fn push(&mut self, id: usize, sign: i32) {
        self.add(id, sign);
        self.terms.push((id, sign));
    }

    fn pop(&mut self) {
        if let Some((id, sign)) = self.terms.pop() {
            self.add(id, -sign);
        }
    }

    fn clear(&mut self) {
        while !self.terms.is_empty() {
            self.pop();
        }
    }

    /// Lists the sums with a cell that may be taken.
    fn open(&self, cell: usize, most: usize) -> Vec<usize> {
        let may = |id: &usize| {
            !self.is_spent.get(*id).copied().unwrap_or(true) && self.terms.iter().all(|term| term.0 != *id)
        };
        let around = self.around.get(cell).filter(|_| self.terms.len() < most);
        around.into_iter().flatten().copied().filter(may).collect()
    }
}

impl<'a> Search<'a> {
    pub(super) fn new(contrast: &'a Contrast, minimum: u64, new: Side<'a>, earlier: Side<'a>) -> Self {
        let is_twin = contrast.twins(&new.sums, &earlier.sums);
        Self { contrast, minimum, new, earlier, is_twin, steps: MOST_STEPS }
    }

    /// Finds combinations of 1, 2 and then up to [`MOST`] sums of each release, and gives up one sum of the new release
    /// for each: the cheapest. Sums that the earlier release tells too tell nothing new among themselves, and giving one
    /// up would take nothing from anybody.
    pub(super) fn run(mut self, known: &[Known], loss: &dyn Fn(&Known) -> u64) -> Findings {
        let mut findings = Findings { refused: Vec::new(), complete: 0 };
        let twins = std::mem::take(&mut self.is_twin);
        let is_twin = |id: usize| twins.get(id).copied().unwrap_or(false);
        for most in 1..=MOST {
            for root in (0..self.new.sums.len()).filter(|&id| !is_twin(id)) {
                while !self.new.is_spent.get(root).copied().unwrap_or(true) && self.finds(root, most) {
                    let terms = self.new.terms.iter().map(|term| term.0).filter(|&id| !is_twin(id));
                    let cheapest = terms.min_by_key(|&id| (known.get(id).map_or(u64::MAX, loss), id));
                    let refused = cheapest.unwrap_or(root);
                    self.new.is_spent.get_mut(refused).into_iter().for_each(|at| *at = true);
                    findings.refused.push(refused);
                }
            }
            if self.steps == 0 {
                return findings;
            }
            findings.complete = most;
        }
        findings
    }

    fn finds(&mut self, root: usize, most: usize) -> bool {
        self.new.clear();
        self.earlier.clear();
        self.new.push(root, 1);
        self.extends(most)
    }

    /// Tells whether the terms at hand, with further ones, tell about too few units; leaves these terms at hand.
    fn extends(&mut self, most: usize) -> bool {
        if self.steps == 0 {
            return false;
        }
        if let Some(block) = self.violated() {
            return self.mends(block, most);
        }
        let (told, blocks) = self.told();
        let has_both = !self.new.terms.is_empty() && !self.earlier.terms.is_empty();
        if has_both && (1..self.minimum).contains(&told) {
            return true;
        }
        blocks.into_iter().any(|block| self.mends(block, most))
    }

    /// Tells whether a further term that takes from a block leads to a combination.
    fn mends(&mut self, block: Block, most: usize) -> bool {
        let sign = -self.value(block).signum();
        for id in self.new.open(block.new, most) {
            self.new.push(id, sign);
            if self.extends(most) {
                return true;
            }
            self.new.pop();
        }
        for id in self.earlier.open(block.earlier, most) {
            self.earlier.push(id, sign);
            if self.extends(most) {
                return true;
            }
            self.earlier.pop();
        }
        false
    }

    /// Finds a block of at least the minimum about which the terms tell.
    fn violated(&mut self) -> Option<Block> {
        let found = self.contrast.tree.iter().position(|&block| self.value(block) != 0);
        self.spend(found.unwrap_or(self.contrast.tree.len()));
        found.and_then(|index| self.contrast.tree.get(index)).copied()
    }

    /// Counts the units of small blocks about which the terms tell, and lists so many of these blocks that not all of
    /// them stay.
    fn told(&mut self) -> (u64, Vec<Block>) {
        self.spend(self.contrast.small.len());
        let (mut told, mut blocks) = (0, Vec::new());
        for &block in self.contrast.small.iter().filter(|&&block| self.value(block) != 0) {
            if told < self.minimum {
                blocks.push(block);
            }
            told += block.count;
        }
        (told, blocks)
    }

    fn value(&self, block: Block) -> i32 {
        self.new.level(block.new) + self.earlier.level(block.earlier)
    }

    fn spend(&mut self, steps: usize) {
        self.steps = self.steps.saturating_sub(steps as u64 + 1);
    }
}
