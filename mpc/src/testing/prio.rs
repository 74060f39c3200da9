//! Both aggregators of a task on reports.

use crate::aggregation::prio::{
    Aggregator, Candidates, Kind, Noise, Report, ReportId, ReportKey, SeenReports, Task,
};
use crate::run::{Aggregated, AggregatorTask, RunError, greet, prio3};
use crate::session::{Outputs, Protocol};
use crate::testing::{Tamper, Tampered, seeded_rng, terms};
use crate::transport::memory_pair;

/// Returns the keys of the leader and of the helper, the same ones always.
pub fn report_keys() -> [ReportKey; 2] {
    [2001, 2002].map(|seed| ReportKey::random(&mut seeded_rng(seed)))
}

/// Makes a task for these two.
///
/// # Panics
/// Where the task is not possible.
pub fn report_task(kind: Kind, minimum: u64) -> Task {
    Task::new(kind, minimum, &[7; 32], report_keys().map(|key| key.public())).expect("the task is possible")
}

/// Makes a report for each of the measurements.
///
/// # Panics
/// Where a measurement lies outside of its bounds.
pub fn sealed_reports(task: &Task, measurements: &[Vec<u64>], seed: u64) -> Vec<Report> {
    let mut rng = seeded_rng(seed);
    let report = |values: &Vec<u64>| Report::new(task, values, &mut rng).expect("measurements are possible");
    measurements.iter().map(report).collect()
}

/// What an aggregator brings to a run, and what it remembers of it.
#[derive(Debug, Default)]
pub struct AggregatorSide {
    /// The reports that it was given.
    pub reports: Vec<Report>,
    /// What it counted before.
    pub seen: SeenReports,
    /// Its noise, and the margin of both.
    pub noise: Option<(Vec<i64>, u64)>,
    /// What it counted in this run.
    pub remembered: Vec<ReportId>,
}

impl AggregatorSide {
    /// Makes the side of an aggregator that counted nothing before.
    pub fn new(reports: &[Report]) -> Self {
        Self { reports: reports.to_vec(), ..Self::default() }
    }

    fn run(
        &mut self,
        task: &Task,
        own: Aggregator,
        mut channel: Tampered<'_>,
    ) -> Result<Aggregated, RunError> {
        let keys = report_keys();
        let candidates = Candidates::gather(&self.reports, &self.seen)?;
        let terms = terms(Protocol::Prio3, own.role(), Outputs::Both, task.minimum());
        let mut rng = seeded_rng(u64::from(own == Aggregator::Leader));
        let session = greet(&terms, candidates.len(), &mut channel, &mut rng)?;
        let noise = self.noise.as_ref().map(|(own, margin)| Noise { own, margin: *margin });
        let key = own.of_pair(&keys);
        let task = AggregatorTask { task, key, reports: &self.reports, noise };
        let remembered = &mut self.remembered;
        let mut remember = |ids: &[ReportId]| {
            remembered.extend_from_slice(ids);
            Ok(())
        };
        prio3(task, candidates, &mut remember, &session, &mut channel, &mut ())
    }
}

/// Runs both aggregators of a task, each in a thread; the messages to each pass its [`Tamper`].
pub fn run_prio3(
    task: &Task,
    leader: &mut AggregatorSide,
    helper: &mut AggregatorSide,
    to_leader: Tamper<'_>,
    to_helper: Tamper<'_>,
) -> [Result<Aggregated, RunError>; 2] {
    let (a, b) = memory_pair();
    std::thread::scope(|scope| {
        let channel = Tampered::new(b, to_helper);
        let helper = scope.spawn(|| helper.run(task, Aggregator::Helper, channel));
        let leader = leader.run(task, Aggregator::Leader, Tampered::new(a, to_leader));
        [leader, helper.join().expect("an aggregator does not panic")]
    })
}
