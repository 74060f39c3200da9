//! Prio3: totals of many reports by two aggregators, of whom neither sees a report.

mod circuit;
mod listing;
mod messages;
mod release;
mod replay;
mod report;
mod seal;
mod tally;
mod task;
mod vector;
mod verifying;

pub use listing::{Candidates, Listing};
pub use messages::{AcceptedReports, AggregateShare, BatchDigest, ReportIds, VerifierShares};
pub use release::{Batch, Comparing, Noise, Releasing};
pub use replay::SeenReports;
pub use report::{REPORT_ID_BYTES, Report, ReportId, Reports};
pub use seal::{KEY_BYTES, ReportKey, ReportPublicKey};
pub use tally::{Rejection, Tally};
pub use task::{
    Aggregator, DEFAULT_MINIMUM, Kind, MAX_BITS, MAX_LEN, MAX_VALUE, Task, VDAF_DRAFT,
};
pub use verifying::{Next, Proving, Settling, Verifying};
