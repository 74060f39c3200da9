//! A run of all statistics of an agreement, over a channel.

use rand::CryptoRng;
use tidegate_mpc::join::Plan;
use tidegate_mpc::run::{Borrow, JoinTask, Lend, Observer, RunError, join};
use tidegate_mpc::transport::Channel;
use tidegate_mpc::{ItemSet, Session};

use super::StatisticsError;
use super::opening::{MatcherSide, Opening, OwnerSide};
use super::owned::Owned;
use super::plan::Direction;
use super::released::Released;
use super::spending::spending;
use super::table::{StatisticTable, tables};
use crate::agreement::{Agreement, AgreementError, ColumnTerm, PartyTerm, Terms};
use crate::data::{ColumnData, ColumnSpec};
use crate::state::Spending;

/// Everything that a party's run computes.
#[derive(Clone, Debug)]
pub struct JoinPlan {
    /// The statistics of the own columns.
    pub own: Option<Direction>,
    /// The statistics of the other party's columns.
    pub peer: Option<Direction>,
    /// Places in the agreement of the own columns.
    own_columns: Vec<usize>,
}

/// A party's records.
#[derive(Clone, Copy, Debug)]
pub struct OwnRecords<'a> {
    /// The keys.
    pub items: &'a ItemSet,
    /// The columns of [`JoinPlan::column_specs`], in their order.
    pub columns: &'a [ColumnData],
}

/// What a run released.
#[derive(Clone, Debug)]
pub struct JoinResult {
    /// All statistics, the own columns' first.
    pub tables: Vec<StatisticTable>,
    /// The grids of the own columns.
    pub own: Vec<Released>,
    /// The grids of the other party's columns.
    pub peer: Vec<Released>,
}

/// Why a plan cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The agreement is not one on statistics.
    #[error(transparent)]
    Agreement(#[from] AgreementError),
    /// It asks for what the protocol cannot compute.
    #[error(transparent)]
    Statistics(#[from] StatisticsError),
}

impl JoinPlan {
    /// Works out what a run computes, as `own` sees it.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn new(agreement: &Agreement, own: &PartyTerm, peer: &PartyTerm) -> Result<Self, PlanError> {
        let (terms, join) = (agreement.terms(), agreement.join_terms()?);
        let owned = |column: &ColumnTerm| column.party() == Some(&own.name);
        let columns = terms.column.iter().enumerate();
        Ok(Self {
            own: Direction::new(terms, join, &own.name)?,
            peer: Direction::new(terms, join, &peer.name)?,
            own_columns: columns.filter(|(_, column)| owned(column)).map(|(place, _)| place).collect(),
        })
    }

    /// Says which columns the own table must have.
    pub fn column_specs(&self, terms: &Terms) -> Vec<ColumnSpec> {
        self.own_columns.iter().filter_map(|&place| terms.column.get(place)).map(ColumnTerm::spec).collect()
    }

    /// Returns the directions, the own first.
    pub fn directions(&self) -> impl Iterator<Item = &Direction> {
        self.own.iter().chain(&self.peer)
    }

    /// Says what a run spends of the own dataset's privacy budget: the figures about either party's columns are over the
    /// records that both share, so they depend on both tables.
    pub fn spending(&self, agreement: &Agreement, own: &PartyTerm) -> Option<Spending> {
        let noises: Vec<_> = self.directions().filter_map(|direction| direction.noise.as_ref()).collect();
        let rule = noises.first()?.rule;
        let figures = noises.iter().map(|noise| noise.spends).sum();
        spending(agreement, own, rule, figures)
    }

    fn lent(&self) -> Plan {
        Plan { own: self.own.as_ref().map(|own| own.lent), peer: self.peer.as_ref().map(|peer| peer.lent) }
    }

    /// Returns the own columns by their place in the agreement.
    fn placed<'a>(&self, columns: &'a [ColumnData]) -> Vec<Option<&'a ColumnData>> {
        let len = self.own_columns.last().map_or(0, |last| last + 1);
        let mut placed = vec![None; len];
        for (&place, column) in self.own_columns.iter().zip(columns) {
            if let Some(slot) = placed.get_mut(place) {
                *slot = Some(column);
            }
        }
        placed
    }

    /// Runs the own side; `rng` makes a generator each time it is called.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn run<R: CryptoRng>(
        &self,
        terms: &Terms,
        records: OwnRecords<'_>,
        session: &Session,
        channel: &mut impl Channel,
        observer: &mut impl Observer,
        rng: impl Fn() -> R,
    ) -> Result<JoinResult, RunError> {
        let [mut own_rng, mut peer_rng, mut rng] = [rng(), rng(), rng()];
        let dummies = self.own.as_ref().and_then(|own| Some((own, own.dummies.as_ref()?)));
        let used = dummies.map(|(own, dummies)| {
            let sample = |_| u32::try_from(dummies.sample(&mut rng)).unwrap_or(u32::MAX);
            (0..own.lent.labels).map(sample).collect()
        });
        let mut own = self.own.as_ref().map(|direction| OwnerSide {
            owned: Owned::new(direction, self.placed(records.columns), records.items.len(), &mut own_rng),
            opening: Opening::new(direction, &mut own_rng),
            tables: Vec::new(),
        });
        let mut peer = self.peer.as_ref().map(|direction| MatcherSide {
            opening: Opening::new(direction, &mut peer_rng),
            tables: Vec::new(),
        });
        let task = JoinTask { items: records.items, plan: self.lent(), used: used.unwrap_or_default() };
        let lend = own.as_mut().map(|own| own as &mut dyn Lend);
        let borrow = peer.as_mut().map(|peer| peer as &mut dyn Borrow);
        join(task, lend, borrow, session, channel, observer, &mut rng)?;
        let own = own.map(|own| own.tables).unwrap_or_default();
        let peer = peer.map(|peer| peer.tables).unwrap_or_default();
        let sides = [(&self.own, &own), (&self.peer, &peer)];
        let made = sides
            .into_iter()
            .filter_map(|(direction, released)| Some(tables(terms, direction.as_ref()?.subject(), released)));
        Ok(JoinResult { tables: made.flatten().collect(), own, peer })
    }
}
