//! Count-blind suppression: a safe pattern found by asking only whether unions of cells reach the minimum.
//!
//! In a two-party protocol nobody may see a count before it is known to be released, but the parties can compare a
//! secret count with the minimum and open the one bit. [`Suppressor`] says which comparisons it needs. It is
//! deterministic, so two parties that see the same answers find the same [`Pattern`].
//!
//! # What the pattern guarantees
//! Let *known* be a place that is released or follows linearly from released ones.
//! - Every released place has at least the minimum of units.
//! - No suppressed place is a linear combination of released ones, whatever the counts (no bridge in the graph of
//!   unknown places, Gusfield 1988). All sums of the same cells are protected against this as the counts are.
//! - What remains of a known sum when the known terms of its line are subtracted has at least the minimum of units. Lines
//!   are: cells and the sum of their row or column; sums of rows, or of columns, and the total; and the total taken
//!   apart into known sums of rows (or columns) and the cells of the other rows (or columns).
//!
//! # What it does not guarantee
//! - Intervals: with all counts at least zero, the released ones bound the suppressed ones, at times to a single value.
//!   The checker of opened values audits that; without counts nobody can.
//! - Verdicts are information: two cells suppressed as small that sum to twice the minimum less two are known.
//! - Unions along no line, such as differences of two lines, may have fewer units than the minimum.
//! - The answers: each opens one bit. Those about places are what the verdicts say; the others
//!   say whether the remainder of a line reaches the minimum.
//!
//! # Cost
//! With n places asked for and L = rows + columns + 4 lines, the first round has n questions. Later ones ask about remainders
//! of lines in which all hidden places are themselves below the minimum. A plain line asks once at most; the two that
//! take the total apart ask anew only when another sum of a row or column becomes unknown. So there are at most n + 2L
//! questions, and, since every later round but the last has a negative answer, at most 2 + 2L rounds.
//! One to three is what tables of people need.

use std::collections::BTreeMap;

use crate::cover::Cover;
use crate::graph::EdgeId;
use crate::table::{Levels, Place, Shape};
use crate::verdict::{Reason, Verdict};

/// A set of base cells: their indices (row * columns + column), in order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Union(Vec<u32>);

/// What is wrong with the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// There are more or fewer answers than questions.
    #[error("{found} answers to {expected} questions")]
    Count {
        /// The answers given.
        found: usize,
        /// The questions open.
        expected: usize,
    },
    /// A union is said to be smaller than a part of it.
    #[error("a margin is said to be below the minimum, a cell of it is not")]
    Contradiction,
    /// Questions are open.
    #[error("{open} questions are not answered")]
    Unanswered {
        /// How many.
        open: usize,
    },
}

/// Finds a pattern, question by question.
///
/// # Examples
/// ```
/// use tidegate_disclosure::{Levels, Place, Shape, Suppressor, Verdict};
///
/// let counts = [3, 40, 50, 60];
/// let levels = Levels { cells: true, total: true, ..Levels::default() };
/// let mut suppressor = Suppressor::new(Shape::new(4, 1)?, levels, 10);
/// while !suppressor.questions().is_empty() {
///     let count = |cells: &[u32]| cells.iter().map(|&cell| counts[cell as usize]).sum::<u64>();
///     let answers: Vec<_> = suppressor.questions().iter().map(|q| count(q.cells()) >= 10).collect();
///     suppressor.answer(&answers)?;
/// }
/// let pattern = suppressor.finish()?;
/// // The first cell is small; with the total it would follow from the others, so a second one stays too.
/// assert_eq!(pattern.suppressed_len(), 2);
/// assert_eq!(pattern.verdict(Place::TOTAL), Verdict::Released);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Suppressor {
    cover: Cover,
    minimum: u64,
    answers: BTreeMap<Union, bool>,
    questions: Vec<Union>,
}

/// A verdict for every place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    shape: Shape,
    verdicts: BTreeMap<Place, Verdict>,
}

impl Union {
    /// Returns the indices, in order.
    pub fn cells(&self) -> &[u32] {
        &self.0
    }

    /// Puts disjoint places together.
    fn of(cover: &Cover, edges: &[EdgeId]) -> Self {
        let places = edges.iter().filter_map(|&edge| cover.graph().edge(edge));
        let mut cells: Vec<u32> = places.flat_map(|edge| cover.shape().base_cells(edge.place)).collect();
        cells.sort_unstable();
        Self(cells)
    }
}

impl Suppressor {
    /// Starts with a question for every place that is asked for: does it have at least `minimum` units?
    pub fn new(shape: Shape, levels: Levels, minimum: u64) -> Self {
        let cover = Cover::new(shape, levels);
        let questions = cover.asked().iter().map(|&edge| Union::of(&cover, &[edge])).collect();
        Self { cover, minimum, answers: BTreeMap::new(), questions }
    }

    /// Returns the minimum that questions are about.
    pub fn minimum(&self) -> u64 {
        self.minimum
    }

    /// Returns the open questions: is the count of this union at least the minimum?
    pub fn questions(&self) -> &[Union] {
        &self.questions
    }

    /// Takes an answer to each open question, in their order.
    ///
    /// # Errors
    /// [`PatternError::Count`]; [`PatternError::Contradiction`], after which the suppressor is as before.
    pub fn answer(&mut self, answers: &[bool]) -> Result<(), PatternError> {
        if answers.len() != self.questions.len() {
            return Err(PatternError::Count { found: answers.len(), expected: self.questions.len() });
        }
        let mut next = self.clone();
        next.answers.extend(self.questions.iter().cloned().zip(answers.iter().copied()));
        next.check_lines()?;
        next.advance();
        *self = next;
        Ok(())
    }

    /// Returns the pattern.
    ///
    /// # Errors
    /// [`PatternError::Unanswered`].
    pub fn finish(self) -> Result<Pattern, PatternError> {
        if !self.questions.is_empty() {
            return Err(PatternError::Unanswered { open: self.questions.len() });
        }
        Ok(Pattern { shape: self.cover.shape(), verdicts: self.cover.verdicts().collect() })
    }

    fn advance(&mut self) {
        let Self { cover, answers, questions, .. } = self;
        let small: Vec<_> =
            cover.asked().iter().copied().filter(|&id| is_small(cover, answers, id)).collect();
        small.iter().for_each(|&edge| cover.suppress(edge, Reason::SmallCount));
        let open = cover.settle(&mut |cover, line| {
            let hidden = &line.hidden;
            // A place that was suppressed for the sake of others reaches the minimum alone.
            let reaches = hidden.iter().any(|&id| !is_small(cover, answers, id));
            if reaches { Some(true) } else { answers.get(&Union::of(cover, hidden)).copied() }
        });
        *questions = open.iter().map(|hidden| Union::of(cover, hidden)).collect();
        questions.sort_unstable();
        questions.dedup();
    }

    /// Checks that no sum is smaller than one of its terms.
    fn check_lines(&self) -> Result<(), PatternError> {
        let graph = self.cover.graph();
        let answer = |edge: EdgeId| self.answers.get(&Union::of(&self.cover, &[edge])).copied();
        for node in 0..graph.nodes_len() {
            if let Some((&sum, terms)) = graph.around(node).split_last()
                && self.cover.asked().contains(&sum)
                && answer(sum) == Some(false)
                && terms.iter().any(|&term| answer(term) == Some(true))
            {
                return Err(PatternError::Contradiction);
            }
        }
        Ok(())
    }
}

impl Pattern {
    /// Returns the verdict of a place; one outside the levels is suppressed as [`Reason::NotAsked`].
    pub fn verdict(&self, place: Place) -> Verdict {
        let place = self.shape.canonical(place);
        self.verdicts.get(&place).copied().unwrap_or(Verdict::Suppressed(Reason::NotAsked))
    }

    /// Returns the shape of the table.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Counts the places that are suppressed.
    pub fn suppressed_len(&self) -> usize {
        self.verdicts.values().filter(|verdict| !verdict.is_released()).count()
    }
}

/// Tells whether the answer about a place was negative.
fn is_small(cover: &Cover, answers: &BTreeMap<Union, bool>, edge: EdgeId) -> bool {
    answers.get(&Union::of(cover, &[edge])) == Some(&false)
}

#[cfg(test)]
#[path = "pattern_tests.rs"]
mod tests;
