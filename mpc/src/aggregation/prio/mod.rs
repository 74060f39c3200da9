//! Prio3: the total of many reports by two aggregators, of whom neither sees what a report holds.
//!
//! Any number of reporters make one [`Report`] each and are gone. Two aggregators, the leader and the helper, get the
//! same reports, check without opening them that what each holds lies within the bounds of the [`Task`], and open the sum.
//!
//! # What each party learns
//! A reporter learns nothing. Both aggregators learn the total, which reports there are, and which of them were
//! rejected and why. Whoever hands reports on sees how many there are.
//!
//! # Source
//! H. Corrigan-Gibbs, D. Boneh, "Prio: Private, Robust, and Scalable Computation of Aggregate Statistics", NSDI 2017;
//! D. Boneh, E. Boyle, H. Corrigan-Gibbs, N. Gilboa, Y. Ishai, "Zero-Knowledge Proofs on Secret-Shared Data via Fully
//! Linear PCPs", CRYPTO 2019 (ePrint 2019/188); analysis: H. Davis, C. Patton, M. Rosulek, P. Schoppmann, "Verifiable
//! Distributed Aggregation Functions", PETS 2023 (ePrint 2023/130). Shares, proofs and their encodings are those of
//! draft-irtf-cfrg-vdaf-18, section 7 \[VDAF-18\], by the crate `prio`; sealing is RFC 9180 in base mode, suite of appendix
//! A.1. What is sealed and the messages below are this crate's own, and not those of draft-ietf-ppm-dap.
//!
//! | kind | circuit | field | proofs |
//! |---|---|---|---|
//! | [`Kind::Count`] | Prio3Count, 0x00000001 | 64 bits | 1 |
//! | [`Kind::Sum`] | Prio3Sum, 0x00000002 | 64 bits | 1 |
//! | [`Kind::SumVec`] | Prio3SumVec, 0x00000003 | 128 bits | 1 |
//! | [`Kind::Histogram`] | Prio3Histogram, 0x00000004 | 128 bits | 1 |
//!
//! # Flow
//! After the [`Hello`](crate::Hello)s, which say how many reports n and m either side has, with v bytes of a verifier
//! share and s bytes of the total's share; both aggregators do the same at the same time:
//! ```text
//! ReportIds         sorted ids                       16 n, 16 m
//! VerifierShares    for the next common reports      (1 + v) each
//! AcceptedReports   whose proof holds                1 each               both repeated, at most 2048 reports at a time
//! BatchDigest       over the ids of the accepted     41
//! AggregateShare    the own share of the total       s
//! ```
//! and [`Finished`](crate::Finished) both ways.
//!
//! # Security
//! | who deviates | what is kept | what is not |
//! |---|---|---|
//! | reporters, any number | privacy of all others; a report adds no more than the bounds allow, but with a chance of at most 2^-50 (2^-100 with 128 bits) a report | the truth of what a report says; that one person sends one report (Sybil) |
//! | one aggregator | privacy of every report beside those of a batch as a whole | correctness: it can shift the total, drop reports, and accept made-up ones |
//! | one aggregator and reporters | as for the aggregator, of all but the colluding reporters | a batch of one honest report and made-up others shows that report; only noise of the honest aggregator helps |
//! | both aggregators | nothing | every report is theirs to open |
//! | whoever carries reports | privacy | it can drop reports, and see how many there are |
//!
//! The caller supplies: keys of both aggregators that every reporter trusts, bound by the agreement; a channel between
//! aggregators that is authentic and confidential, its binding in the session; a memory of the reports that were counted
//! ([`SeenReports`]), written before anything is released. Reports are not authenticated: who may report is decided where
//! they are collected. The same key must not be used for tasks that another one's programs decide about.
//!
//! Keys, verify keys, opened shares and the totals of a run are wiped on drop. The crate `prio` does not wipe its own
//! copies of shares and proofs. Verifying takes a time that depends on lengths alone, but for reports that fail.
//!
//! # Cost
//! For a report: two X25519 multiplications by the reporter for each aggregator, one by each aggregator to open its share,
//! and the proof: linear in the number of bits for Sum and SumVec, in the number of buckets for a histogram. Verifier
//! shares are of 4 (Count) to about 4 sqrt(bits) elements. A leader's share has one element for each bit or bucket,
//! a helper's 32 or 64 bytes. `benches/prio.rs` measures each kind.
//!
//! # Deviations from the draft and why they are safe
//! - Verifier shares go both ways at once and each aggregator derives the message from them, instead of the leader
//!   for both. What is sent is the same; each then says whether it accepts, since a report that was made to fail at
//!   one of them alone would count at the other.
//! - The verify key is a hash over the Diffie-Hellman secret of both report keys and the task id, instead of a random one
//!   that is exchanged. It is fixed with the agreement, before the first report, and only the aggregators know it. The
//!   same keys open sealed shares; hashes of the two uses start from different labels.
//! - Shares are opened by code of this module and not of the crate `hpke`, which seals them; see `opening.rs`. The vector of
//!   RFC 9180 holds for it, and `tests/prio_adversary.rs` seals and opens with the crate.
//! - Sums are decoded as integers of either sign, so that noise may take them below zero.
//!
//! # Checks
//! | check | what is checked | error | test |
//! |---|---|---|---|
//! | PRIO-1 | the parameters of a task are possible; a minimum of 1 is not | [`Error::ReportTask`] | `task.rs` |
//! | PRIO-2 | report keys are of no small order, two, and the task's | [`Error::ReportKey`] | `task.rs`, `seal.rs`, `tests/prio_adversary.rs` |
//! | PRIO-3 | a measurement lies within its bounds | [`Error::MeasurementLength`], [`Error::MeasurementRange`] | `report.rs` |
//! | PRIO-4 | a share is sealed for this aggregator, task, id and public share | [`Rejection::Undecryptable`] | `report.rs`, `tests/prio_adversary.rs` |
//! | PRIO-5 | a report counts once | [`Rejection::Replayed`] | `tests/prio.rs` |
//! | PRIO-6 | the proof of a report holds | [`Rejection::Unproven`] | `circuit_tests.rs`, `tests/prio_adversary.rs` |
//! | PRIO-7 | a message of the other aggregator holds what belongs there | [`Error::Count`], [`Error::NotSorted`], [`Error::Malformed`] | `tests/prio_adversary.rs` |
//! | PRIO-8 | both accepted the same reports, before a share of the total is sent | [`Error::BatchDiffers`] | same |
//! | PRIO-9 | the batch reaches the minimum | [`Error::BatchTooSmall`] | `tests/prio.rs`, `tests/prio_adversary.rs` |
//! | PRIO-10 | the total is one that so many reports can have | [`Error::OutOfBounds`] | `release.rs`, `tests/prio_adversary.rs` |
//!
//! [`Error`]: crate::Error
//! [`Error::ReportTask`]: crate::Error::ReportTask
//! [`Error::ReportKey`]: crate::Error::ReportKey
//! [`Error::MeasurementLength`]: crate::Error::MeasurementLength
//! [`Error::MeasurementRange`]: crate::Error::MeasurementRange
//! [`Error::Count`]: crate::Error::Count
//! [`Error::NotSorted`]: crate::Error::NotSorted
//! [`Error::Malformed`]: crate::Error::Malformed
//! [`Error::BatchDiffers`]: crate::Error::BatchDiffers
//! [`Error::BatchTooSmall`]: crate::Error::BatchTooSmall
//! [`Error::OutOfBounds`]: crate::Error::OutOfBounds
//!
//! # Examples
//! ```
//! use tidegate_mpc::aggregation::prio::Kind;
//! use tidegate_mpc::run::Outcome;
//! use tidegate_mpc::testing::{AggregatorSide, report_task, run_prio3, sealed_reports};
//!
//! // Five people say into which of three age groups they fall.
//! let task = report_task(Kind::Histogram { len: 3 }, 5);
//! let reports = sealed_reports(&task, &[0, 2, 2, 1, 2].map(|group| vec![group]), 1);
//!
//! let (mut leader, mut helper) = (AggregatorSide::new(&reports), AggregatorSide::new(&reports));
//! let mut pass = |_, message| Some(message);
//! let ended = run_prio3(&task, &mut leader, &mut helper, &mut pass, &mut |_, message| Some(message));
//! for aggregated in ended {
//!     assert_eq!(aggregated?.outcome, Outcome::Released(vec![1, 1, 3]));
//! }
//! # Ok::<(), tidegate_mpc::run::RunError>(())
//! ```

mod circuit;
mod listing;
mod messages;
mod opening;
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
pub use task::{Aggregator, DEFAULT_MINIMUM, Kind, MAX_BITS, MAX_LEN, MAX_VALUE, Task, VDAF_DRAFT};
pub use verifying::{Next, Proving, Settling, Verifying};
