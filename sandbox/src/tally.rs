//! What the host adds up itself: for each cell the units, the sums of bounded values, and the largest contributions.
//!
//! Everything is an exact integer, in units of a measure's last decimal, so that neither the order of the records nor
//! the number of threads changes a bit.
//!
//! # One unit, one cell
//! A unit (a person, a firm) is a row, or all rows with its id. Where a unit has rows in different cells, it is left out
//! and counted: so counts of cells add up to counts of margins, which complementary suppression relies on, and one
//! unit changes one cell, which noise relies on.

use hashbrown::HashMap;
use tidegate_disclosure::{Cell, Place, Policy, Shape, Sum};

use crate::declaration::MeasureDeclaration;

/// The number of no cell.
pub(crate) const NO_CELL: u32 = u32::MAX;

/// Doubles from 2^52 on are integers, so adding this rounds to one, half to even, and leaves it in the low bits.
const ROUNDING: f64 = 6_755_399_441_055_744.0;

/// How a measure becomes an integer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    minimum: f64,
    maximum: f64,
    factor: f64,
    highest: u64,
}

impl Scale {
    /// Makes the scale of a declared measure.
    pub fn new(measure: &MeasureDeclaration) -> Self {
        let factor = 10f64.powi(i32::try_from(measure.decimals).unwrap_or(0));
        let mut scale = Self { minimum: measure.minimum, maximum: measure.maximum, factor, highest: 0 };
        scale.highest = scale.fixed(scale.maximum);
        scale
    }

    /// Clamps a number, and rounds it to the last decimal; what is no number counts as the smallest.
    #[inline(always)]
    fn fixed(&self, value: f64) -> u64 {
        let clamped = if value >= self.minimum { value } else { self.minimum };
        let clamped = if clamped > self.maximum { self.maximum } else { clamped };
        (clamped * self.factor + ROUNDING).to_bits().wrapping_sub(ROUNDING.to_bits())
    }

    /// Returns the most that a row contributes to the sum, and to the sum of squares.
    pub fn widths(&self) -> [u128; 2] {
        [u128::from(self.highest), square(self.highest)]
    }

    /// Returns the units of the last decimal in one.
    pub fn factor(&self) -> f64 {
        self.factor
    }
}

/// What is added up, and how.
#[derive(Clone, Debug)]
pub(crate) struct Scheme {
    pub(crate) shape: Shape,
    pub(crate) policy: Policy,
    pub(crate) scales: Vec<Scale>,
    pub(crate) squares: Vec<bool>,
    pub(crate) largest_len: usize,
}

impl Scheme {
    pub(crate) fn new(shape: Shape, measures: &[MeasureDeclaration], policy: &Policy) -> Self {
        Self {
            shape,
            policy: policy.clone(),
            scales: measures.iter().map(Scale::new).collect(),
            squares: measures.iter().map(|measure| measure.squares).collect(),
            largest_len: policy.largest_len() as usize,
        }
    }

    fn cells(&self) -> usize {
        self.shape.cells_len() as usize
    }

    /// Holds a unit to what one row may contribute, where noise hides no more than that, and to 64 bits, in which
    /// contributions are compared.
    fn capped(&self, measure: usize, slot: Slot) -> Slot {
        let widths = self.scales.get(measure).map(Scale::widths).filter(|_| self.policy.noise.is_some());
        let [sum, squares] = widths.unwrap_or([u128::from(u64::MAX); 2]);
        Slot { sum: slot.sum.min(sum), squares: slot.squares.min(squares), ..slot }
    }
}

/// Sums of a measure in a cell, in one line of the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(align(64))]
struct Slot {
    /// Of values.
    sum: u128,
    /// Of squares of values.
    squares: u128,
    /// A row with a larger value may be among the largest.
    floor: u64,
}

/// Sums by cell.
#[derive(Clone, Debug)]
pub struct Tally {
    scheme: Scheme,
    /// By cell, and last the rows that belong to none.
    counts: Vec<u64>,
    /// By cell, then measure; the last cell is none.
    slots: Vec<Slot>,
    /// By cell, then measure: contributions, then squares, the largest first; the last cell is none.
    largest: Vec<u128>,
    by_unit: Option<HashMap<u64, Unit>>,
    conflicting: u64,
}

/// What a unit contributes.
#[derive(Clone, Debug, PartialEq)]
struct Unit {
    /// [`NO_CELL`] where its rows are in different cells.
    cell: u32,
    slots: Vec<Slot>,
}

impl Tally {
    pub(crate) fn new(scheme: Scheme, by_unit: bool) -> Self {
        let slots = (scheme.cells() + 1) * scheme.scales.len();
        let largest = 2 * slots * scheme.largest_len;
        Self {
            counts: vec![0; scheme.cells() + 1],
            slots: vec![Slot::default(); slots],
            largest: vec![0; largest],
            by_unit: by_unit.then(HashMap::new),
            scheme,
            conflicting: 0,
        }
    }

    /// Adds rows: a cell for each, and for each measure a value for each. Rows of no cell are left out, and those with a
    /// value that is not a number.
    pub(crate) fn add(
        &mut self,
        cells: &mut [u32],
        values: &[&[f64]],
        units: Option<&[u64]>,
        fixed: &mut Fixed,
    ) {
        for values in values {
            let marks = cells.iter_mut().zip(*values);
            marks.for_each(|(cell, value)| *cell = if value.is_nan() { NO_CELL } else { *cell });
        }
        let none = u32::try_from(self.scheme.cells()).unwrap_or(NO_CELL);
        cells.iter_mut().for_each(|cell| *cell = (*cell).min(none));
        fixed.take(&self.scheme.scales, values);
        match units {
            Some(units) => self.add_units(cells, units, fixed),
            None => self.add_rows(cells, fixed),
        }
    }

    fn add_rows(&mut self, cells: &[u32], fixed: &Fixed) {
        for cell in cells {
            self.counts.get_mut(*cell as usize).into_iter().for_each(|count| *count += 1);
        }
        for (measure, values) in fixed.0.iter().enumerate() {
            let squares = self.scheme.squares.get(measure).copied().unwrap_or_default();
            match (squares, self.scheme.largest_len > 0) {
                (false, false) => self.add_values::<false, false>(cells, values, measure),
                (false, true) => self.add_values::<false, true>(cells, values, measure),
                (true, false) => self.add_values::<true, false>(cells, values, measure),
                (true, true) => self.add_values::<true, true>(cells, values, measure),
            }
        }
    }

    /// Adds the values of a measure: what this costs a row is what a row costs.
    fn add_values<const SQUARES: bool, const RANKS: bool>(
        &mut self,
        cells: &[u32],
        values: &[u64],
        measure: usize,
    ) {
        let measures = self.scheme.scales.len();
        for (cell, value) in cells.iter().zip(values) {
            let Some(slot) = self.slots.get_mut(*cell as usize * measures + measure) else { continue };
            slot.sum += u128::from(*value);
            if SQUARES {
                slot.squares += square(*value);
            }
            if RANKS && *value > slot.floor {
                self.rank_row(*cell as usize, measure, *value);
            }
        }
    }

    /// Keeps a row that may be among the largest.
    #[cold]
    fn rank_row(&mut self, cell: usize, measure: usize, value: u64) {
        let Some(smallest) = self.rank(cell, measure, u128::from(value), square(value)) else { return };
        let index = cell * self.scheme.scales.len() + measure;
        if let Some(slot) = self.slots.get_mut(index) {
            slot.floor = u64::try_from(smallest).unwrap_or(u64::MAX);
        }
    }

    /// Keeps what may be among the largest; returns the smallest sum of them.
    fn rank(&mut self, cell: usize, measure: usize, sum: u128, squares: u128) -> Option<u128> {
        let len = self.scheme.largest_len;
        let start = (cell * self.scheme.scales.len() + measure) * 2 * len;
        let (sums, roots) = self.largest.get_mut(start..start + 2 * len)?.split_at_mut(len);
        insert(sums, sum);
        insert(roots, squares);
        sums.last().copied()
    }

    fn add_units(&mut self, cells: &[u32], units: &[u64], fixed: &Fixed) {
        let Some(by_unit) = &mut self.by_unit else { return };
        let none = u32::try_from(self.scheme.cells()).unwrap_or(NO_CELL);
        for (row, (cell, unit)) in cells.iter().zip(units).enumerate() {
            if *cell == none {
                self.counts.last_mut().into_iter().for_each(|left_out| *left_out += 1);
                continue;
            }
            let slots = fixed.0.iter().map(|values| {
                let value = values.get(row).copied().unwrap_or_default();
                Slot { sum: u128::from(value), squares: square(value), floor: 0 }
            });
            match by_unit.get_mut(unit) {
                Some(found) => found.add(*cell, slots),
                None => {
                    by_unit.insert(*unit, Unit { cell: *cell, slots: slots.collect() });
                }
            }
        }
    }

    /// Adds what another part of the dataset came to.
    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.conflicting += other.conflicting;
        self.counts.iter_mut().zip(&other.counts).for_each(|(own, other)| *own += other);
        self.slots.iter_mut().zip(&other.slots).for_each(|(own, other)| own.add(*other));
        let len = self.scheme.largest_len.max(1);
        for (own, other) in self.largest.chunks_mut(len).zip(other.largest.chunks(len)) {
            other.iter().for_each(|value| insert(own, *value));
        }
        match (&mut self.by_unit, other.by_unit) {
            (Some(own), Some(other)) => merge_units(own, other),
            (own @ None, other) => *own = other,
            (Some(_), None) => {}
        }
        self
    }

    /// Counts units into their cells, once all of them are known.
    pub(crate) fn finish(mut self) -> Self {
        for (_, unit) in self.by_unit.take().into_iter().flatten() {
            let cell = unit.cell as usize;
            if unit.cell == NO_CELL {
                self.conflicting += 1;
                continue;
            }
            self.counts.get_mut(cell).into_iter().for_each(|count| *count += 1);
            for (measure, slot) in unit.slots.iter().enumerate() {
                let slot = self.scheme.capped(measure, *slot);
                let index = cell * self.scheme.scales.len() + measure;
                self.slots.get_mut(index).into_iter().for_each(|own| own.add(slot));
                if self.scheme.largest_len > 0 {
                    self.rank(cell, measure, slot.sum, slot.squares);
                }
            }
        }
        self
    }

    /// Counts rows that belong to no cell.
    pub fn left_out(&self) -> u64 {
        self.counts.last().copied().unwrap_or_default()
    }

    /// Counts units that are left out because their rows are in different cells.
    pub fn conflicting(&self) -> u64 {
        self.conflicting
    }

    /// Counts the units in all cells.
    pub fn units(&self) -> u64 {
        self.counts.iter().take(self.scheme.cells()).sum()
    }

    /// Returns the table that it fills.
    pub fn shape(&self) -> Shape {
        self.scheme.shape
    }

    /// Returns the policy for which it was made.
    pub fn policy(&self) -> &Policy {
        &self.scheme.policy
    }

    /// Returns how the measures became integers.
    pub fn scales(&self) -> &[Scale] {
        &self.scheme.scales
    }

    /// Tells of each measure whether it has squares.
    pub fn squares(&self) -> &[bool] {
        &self.scheme.squares
    }

    /// Returns a place as [`Self::cell`] does: a cell or a margin.
    pub fn place(&self, place: Place) -> Option<Cell> {
        let cells = self.scheme.shape.base_cells(place).into_iter().map(|cell| self.cell(cell as usize));
        let mut union: Option<Cell> = None;
        for cell in cells {
            let cell = cell?;
            match &mut union {
                Some(union) => add(union, cell, self.scheme.largest_len),
                None => union = Some(cell),
            }
        }
        union
    }

    /// Returns a cell as disclosure control takes it: for each measure the sum of its values in units of the last decimal, and,
    /// where it has them, the sum of their squares.
    pub fn cell(&self, index: usize) -> Option<Cell> {
        let count = *self.counts.get(..self.scheme.cells())?.get(index)?;
        let measures = self.scheme.scales.len();
        let mut sums = Vec::new();
        for (measure, squares) in self.scheme.squares.iter().enumerate() {
            let slot = self.slots.get(index * measures + measure)?;
            let len = self.scheme.largest_len;
            let lists = self.largest.get((index * measures + measure) * 2 * len..)?.get(..2 * len)?;
            let (contributions, roots) = lists.split_at(len);
            sums.push(sum(slot.sum, contributions, count));
            if *squares {
                sums.push(sum(slot.squares, roots, count));
            }
        }
        Some(Cell { count, sums })
    }
}

/// Adds a cell of other units.
fn add(union: &mut Cell, cell: Cell, largest_len: usize) {
    union.count += cell.count;
    for (sum, more) in union.sums.iter_mut().zip(cell.sums) {
        sum.total += more.total;
        sum.largest.extend(more.largest);
        sum.largest.sort_unstable_by(|a, b| b.cmp(a));
        sum.largest.truncate(largest_len);
    }
}

/// A sum with its largest contributions, which 64 bits hold: of rows as they are declared, of units as they are capped.
fn sum(total: u128, largest: &[u128], count: u64) -> Sum {
    let named = largest.len().min(usize::try_from(count).unwrap_or(usize::MAX));
    let narrow = |value: &u128| u64::try_from(*value).unwrap_or(u64::MAX);
    Sum {
        total: i128::try_from(total).unwrap_or(i128::MAX),
        largest: largest.iter().take(named).map(narrow).collect(),
    }
}

impl Slot {
    fn add(&mut self, other: Self) {
        self.sum += other.sum;
        self.squares += other.squares;
    }
}

impl Unit {
    fn add(&mut self, cell: u32, slots: impl Iterator<Item = Slot>) {
        if self.cell == cell {
            self.slots.iter_mut().zip(slots).for_each(|(own, other)| own.add(other));
        } else {
            self.cell = NO_CELL;
        }
    }
}

fn merge_units(own: &mut HashMap<u64, Unit>, other: HashMap<u64, Unit>) {
    for (unit, found) in other {
        match own.get_mut(&unit) {
            Some(known) => known.add(found.cell, found.slots.into_iter()),
            None => {
                own.insert(unit, found);
            }
        }
    }
}

/// Puts a value into a list of the largest, in descending order.
fn insert(largest: &mut [u128], value: u128) {
    if largest.last().is_none_or(|smallest| value <= *smallest) {
        return;
    }
    let at = largest.partition_point(|other| *other >= value);
    if let Some(tail) = largest.get_mut(at..) {
        tail.rotate_right(1);
        tail.first_mut().into_iter().for_each(|place| *place = value);
    }
}

#[inline(always)]
fn square(magnitude: u64) -> u128 {
    u128::from(magnitude) * u128::from(magnitude)
}

/// Values of a batch as integers; kept from batch to batch.
#[derive(Debug, Default)]
pub(crate) struct Fixed(Vec<Vec<u64>>);

impl Fixed {
    fn take(&mut self, scales: &[Scale], values: &[&[f64]]) {
        self.0.resize_with(scales.len(), Vec::new);
        for ((fixed, scale), values) in self.0.iter_mut().zip(scales).zip(values) {
            fixed.clear();
            fixed.extend(values.iter().map(|value| scale.fixed(*value)));
        }
    }
}

#[cfg(test)]
#[path = "tally_tests.rs"]
mod tests;
