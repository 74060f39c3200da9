//! What a run computes: statistics, or the totals of named cells; from the own table to what may leave.

use tidegate_mpc::aggregation::masked::{Sum, Values};

use super::plan::Plan;
use crate::agreement::{Agreement, AgreementError, PartyTerm};
use crate::cli::SumArgs;
use crate::data::{
    CellList, DataError, RecordSummary, SinkOptions, TableSource, read_cells, read_plain_records,
    write_cell_rejects, write_plain_rejects,
};
use crate::error::Error;
use crate::link::CancelToken;
use crate::progress::Progress;
use crate::report::VectorLines;
use crate::state::Spending;
use crate::statistics::{Contribution, SumError, SumPlan, SumResult, VectorContribution, VectorPlan};

/// What is computed.
#[derive(Debug)]
pub(super) enum Figures {
    Statistics(Box<SumPlan>),
    Vector(VectorPlan),
}

/// What may leave of the totals, with the plan by which it was found.
#[derive(Debug)]
pub(super) enum Released<'a> {
    Statistics(&'a SumPlan, SumResult),
    /// The total of each cell; none where it is withheld.
    Vector(&'a VectorPlan, Vec<Option<i64>>),
}

/// The own table: what was read of it, and what it adds up to.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) summary: RecordSummary,
    words: Words,
}

#[derive(Debug)]
enum Words {
    Statistics(Contribution),
    Vector(VectorContribution),
}

impl Figures {
    pub(super) fn new(agreement: &Agreement) -> Result<Self, Error> {
        Ok(match agreement.terms().vector {
            Some(_) => Self::Vector(VectorPlan::new(agreement)?),
            None => Self::Statistics(Box::new(SumPlan::new(agreement)?)),
        })
    }

    /// Counts the words of the masked vector.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Statistics(plan) => plan.len(),
            Self::Vector(plan) => plan.len(),
        }
    }

    /// Returns what a party's words lie between.
    pub(super) fn bounds(&self) -> (i128, i128) {
        match self {
            Self::Statistics(plan) => plan.bounds(),
            Self::Vector(plan) => {
                let (low, high) = plan.bounds();
                (low.into(), high.into())
            }
        }
    }

    pub(super) fn is_noisy(&self) -> bool {
        match self {
            Self::Statistics(plan) => plan.noise.is_some(),
            Self::Vector(plan) => plan.noise().is_some(),
        }
    }

    pub(super) fn spending(&self, agreement: &Agreement, own: &PartyTerm) -> Option<Spending> {
        match self {
            Self::Statistics(plan) => plan.spending(agreement, own),
            Self::Vector(plan) => plan.spending(agreement, own),
        }
    }

    /// Checks totals, and takes what may leave of them.
    pub(super) fn release(&self, agreement: &Agreement, sum: &Sum) -> Result<Released<'_>, Error> {
        let survivors = u32::try_from(sum.survivors_len()).unwrap_or(u32::MAX);
        Ok(match self {
            Self::Statistics(plan) => {
                Released::Statistics(plan, plan.release(agreement.terms(), &sum.values(), survivors)?)
            }
            Self::Vector(plan) => {
                let rule = "is below 2^63";
                let totals = sum.narrow_values().ok_or(SumError::Inconsistent { word: 0, rule })?;
                Released::Vector(plan, plan.release(&totals, survivors)?)
            }
        })
    }
}

impl Released<'_> {
    /// Tells whether anything may leave.
    pub(super) fn is_any(&self) -> bool {
        match self {
            Self::Statistics(_, result) => {
                result.tables.iter().flat_map(|table| &table.entries).any(|entry| !entry.suppressed)
            }
            Self::Vector(_, totals) => totals.iter().any(Option::is_some),
        }
    }
}

/// Counts what is released of a vector.
pub(super) fn vector_lines(plan: &VectorPlan, totals: &[Option<i64>], survivors: usize) -> VectorLines {
    let (cells, released) = (totals.len() as u64, totals.iter().flatten().count() as u64);
    let unit = 10f64.powi(-i32::from(plan.decimals));
    let survivors = u32::try_from(survivors).unwrap_or(u32::MAX);
    let standard_error = plan.standard_deviation(survivors).map(|deviation| deviation * unit);
    VectorLines { cells, released, withheld: cells - released, standard_error }
}

impl Own {
    /// Returns the own words.
    pub(super) fn values(&self) -> Values<'_> {
        match &self.words {
            Words::Statistics(words) => Values::Wide(words.words()),
            Words::Vector(words) => Values::Narrow(words.words()),
        }
    }
}

/// The own table, and how it is read.
pub(super) struct Reading<'a> {
    pub(super) args: &'a SumArgs,
    pub(super) plan: &'a Plan,
    pub(super) source: &'a TableSource,
    /// The cells, where the agreement is on a vector.
    pub(super) cells: Option<&'a CellList>,
    pub(super) cancel: &'a CancelToken,
}

impl Reading<'_> {
    /// Reads the table, writes the rows that are left out, and adds up the others.
    pub(super) fn run(&self, progress: &mut Progress) -> Result<Own, Error> {
        progress.begin("read", None);
        match (&self.plan.figures, self.cells) {
            (Figures::Statistics(plan), _) => self.statistics(plan, progress),
            (Figures::Vector(plan), Some(cells)) => self.vector(plan, cells, progress),
            (Figures::Vector(_), None) => Err(AgreementError::OnAVector.into()),
        }
    }

    fn statistics(&self, plan: &SumPlan, progress: &mut Progress) -> Result<Own, Error> {
        let (source, cancelled) = (self.source, || self.cancel.is_cancelled());
        let set = &mut |rows| progress.set(rows);
        let records = read_plain_records(source, &self.plan.columns, self.plan.missing, set, &cancelled)?;
        if let Some(path) = &self.args.rejects {
            passed(write_plain_rejects(source, &records, path, self.options(), set, &cancelled))?;
        }
        self.check_rows(records.summary.records)?;
        progress.begin("add up", None);
        let words = plan.contribution(&records.columns, records.len, &mut rand::rng());
        Ok(Own { summary: records.summary, words: Words::Statistics(words) })
    }

    fn vector(&self, plan: &VectorPlan, cells: &CellList, progress: &mut Progress) -> Result<Own, Error> {
        let (source, cancelled) = (self.source, || self.cancel.is_cancelled());
        let vector = self.plan.agreement.vector()?;
        let Some(own) = self.plan.own() else { return Err(AgreementError::NotAVector.into()) };
        let (cell, value) = (vector.cell_column(own), vector.value_column(own));
        let set = &mut |rows| progress.set(rows);
        let found = read_cells(source, cells, cell, value, self.plan.missing, set, &cancelled)?;
        if let Some(path) = &self.args.rejects {
            passed(write_cell_rejects(source, &found.left_out, path, self.options(), set, &cancelled))?;
        }
        let summary = RecordSummary {
            rows: found.summary.rows,
            records: found.summary.keyed_rows,
            rejected: found.summary.rejected.clone(),
        };
        self.check_rows(summary.records)?;
        progress.begin("add up", None);
        let words = plan.contribution(&found, &mut rand::rng());
        Ok(Own { summary, words: Words::Vector(words) })
    }

    fn options(&self) -> SinkOptions {
        SinkOptions { force: self.args.force }
    }

    fn check_rows(&self, found: u64) -> Result<(), Error> {
        let max = self.plan.max_records;
        let path = || self.args.input.clone().unwrap_or_default();
        if found > max { Err(Error::TooManyRows { path: path(), found, max }) } else { Ok(()) }
    }
}

/// Takes it that whoever read the rejects has seen enough; the run goes on.
fn passed(written: Result<u64, DataError>) -> Result<(), Error> {
    match written {
        Ok(_) | Err(DataError::BrokenPipe { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
