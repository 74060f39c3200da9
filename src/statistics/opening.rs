//! What is tested, opened and released in a direction: both sides decide it alike, out of the plan and of the
//! answers that both see.

use rand::CryptoRng;
use tidegate_disclosure::{Levels, Pattern, Place, Suppressor};
use tidegate_mpc::join::{Cell, Counted, Records};
use tidegate_mpc::run::{Borrow, Disclosure, Lend, Refused};

use super::grid::{GridPlan, Measure};
use super::owned::Owned;
use super::plan::Direction;
use super::released::{self, Released};

/// A direction's tests and sums.
pub(super) struct Opening<'a> {
    direction: &'a Direction,
    patterns: Vec<Progress>,
    rng: &'a mut dyn CryptoRng,
}

/// How far the pattern of a table is.
enum Progress {
    Asking(Suppressor),
    Known(Pattern),
    /// Everything is opened, since everything carries noise.
    Noisy,
}

impl<'a> Opening<'a> {
    pub(super) fn new(direction: &'a Direction, rng: &'a mut dyn CryptoRng) -> Self {
        let start = |grid: &GridPlan| match direction.noise {
            Some(_) => Progress::Noisy,
            None => {
                Progress::Asking(Suppressor::new(grid.shape, grid.levels, direction.policy.minimum_count))
            }
        };
        Self { direction, patterns: direction.grids.iter().map(start).collect(), rng }
    }

    /// Returns the places of a grid whose sums are opened, in order.
    fn opened_places(&self, grid: &GridPlan, pattern: &Progress) -> Vec<Place> {
        match pattern {
            Progress::Asking(_) => Vec::new(),
            Progress::Noisy => Levels::CELLS.places(grid.shape),
            Progress::Known(pattern) => {
                let places = grid.places().into_iter();
                places.filter(|&place| pattern.verdict(place).is_released()).collect()
            }
        }
    }

    fn grids(&self) -> impl Iterator<Item = (&'a GridPlan, &Progress)> {
        self.direction.grids.iter().zip(&self.patterns)
    }
}

impl Progress {
    /// Returns the pattern, once it is known.
    fn pattern(&self) -> Option<&Pattern> {
        match self {
            Self::Known(pattern) => Some(pattern),
            _ => None,
        }
    }
}

impl Disclosure for Opening<'_> {
    fn questions(&self) -> Vec<Cell> {
        let unions = self.grids().filter_map(|(grid, pattern)| match pattern {
            Progress::Asking(suppressor) => Some((grid, suppressor)),
            _ => None,
        });
        let cells = unions.flat_map(|(grid, suppressor)| {
            suppressor.questions().iter().map(|union| self.direction.cell(grid, union.cells(), 0))
        });
        cells.collect()
    }

    fn answer(&mut self, reached: &[bool]) -> Result<(), Refused> {
        let mut left = reached;
        for progress in &mut self.patterns {
            let Progress::Asking(suppressor) = progress else { continue };
            let (answers, rest) = left.split_at_checked(suppressor.questions().len()).ok_or(Refused)?;
            left = rest;
            suppressor.answer(answers).map_err(|_| Refused)?;
            if suppressor.questions().is_empty() {
                *progress = Progress::Known(suppressor.clone().finish().map_err(|_| Refused)?);
            }
        }
        Ok(())
    }

    fn opened(&self) -> Vec<(Cell, (i64, i64))> {
        let mut opened = Vec::new();
        for (grid, pattern) in self.grids() {
            for place in self.opened_places(grid, pattern) {
                let base = grid.shape.base_cells(place);
                for (index, &measure) in grid.measures.iter().enumerate().skip(self.direction.skipped()) {
                    opened.push((self.direction.cell(grid, &base, index), self.direction.bounds(measure)));
                }
            }
        }
        opened
    }

    fn counted(&self) -> Vec<Option<Counted>> {
        if self.direction.noise.is_some() || self.direction.skipped() > 0 {
            return Vec::new();
        }
        let mut counted = Vec::new();
        for (grid, pattern) in self.grids() {
            for _ in self.opened_places(grid, pattern) {
                let by = counted.len();
                counted.extend(grid.measures.iter().map(|&measure| {
                    let (low, high) = self.direction.range(measure);
                    (measure != Measure::Count).then_some(Counted { by, low, high })
                }));
            }
        }
        counted
    }

    fn noise(&mut self, _opened: usize) -> Option<Vec<i64>> {
        let noise = self.direction.noise.as_ref()?;
        let mut drawn = Vec::new();
        for grid in &self.direction.grids {
            for _ in 0..grid.cell_count() {
                drawn.extend(grid.measures.iter().map(|&measure| noise.draw(measure, self.rng)));
            }
        }
        Some(drawn)
    }

    fn figures_len(&self) -> usize {
        self.direction.figures_len()
    }
}

/// The owner's side of a direction.
pub(super) struct OwnerSide<'a> {
    pub(super) opening: Opening<'a>,
    pub(super) owned: Owned<'a>,
    /// What is released of each grid, once it is.
    pub(super) tables: Vec<Released>,
}

impl Lend for OwnerSide<'_> {
    fn disclosure(&mut self) -> &mut dyn Disclosure {
        &mut self.opening
    }

    fn records(&self) -> &dyn Records {
        &self.owned.records
    }

    fn release(&mut self, count: Option<u64>, sums: &[i64]) -> Result<Vec<Option<i64>>, Refused> {
        let direction = self.opening.direction;
        let mut sums = sums.iter().copied();
        let mut figures = Vec::with_capacity(direction.figures_len());
        for (grid, progress) in self.opening.grids() {
            let places = self.opening.opened_places(grid, progress).into_iter();
            let opened =
                places.map(|place| (place, released::take(direction, grid, count, &mut sums))).collect();
            let checked = released::own_table(direction, grid, progress.pattern(), &opened, &self.owned);
            let (table, own) = checked.map_err(|_| Refused)?;
            figures.extend(own);
            self.tables.push(table);
        }
        Ok(figures)
    }
}

/// The matcher's side of a direction.
pub(super) struct MatcherSide<'a> {
    pub(super) opening: Opening<'a>,
    /// What the owner releases of each grid, once it does.
    pub(super) tables: Vec<Released>,
}

impl Borrow for MatcherSide<'_> {
    fn disclosure(&mut self) -> &mut dyn Disclosure {
        &mut self.opening
    }

    fn receive(&mut self, figures: &[Option<i64>]) -> Result<(), Refused> {
        let direction = self.opening.direction;
        let mut left = figures;
        for (grid, progress) in self.opening.grids() {
            let (own, rest) = left.split_at_checked(direction.figures_of(grid)).ok_or(Refused)?;
            left = rest;
            let table = released::received_table(direction, grid, progress.pattern(), own);
            self.tables.push(table.map_err(|_| Refused)?);
        }
        Ok(())
    }
}
