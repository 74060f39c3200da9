//! Messages between the two aggregators.

use std::fmt;

use super::report::{REPORT_ID_BYTES, ReportId};
use super::tally::Rejection;
use crate::codec::{Malformation, Reader};
use crate::message::{MAX_MESSAGE_BYTES, Message, kind};

/// Most ids in one message.
pub(super) const IDS_PER_MESSAGE: usize = 8192;

/// Most reports that are verified at a time.
pub(super) const MAX_REPORTS_AT_A_TIME: usize = 2048;

/// Most bytes of an aggregate share in one message.
pub(super) const SHARE_BYTES_PER_MESSAGE: usize = 1 << 17;

/// The next ids of the reports that an aggregator has, sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportIds {
    pub(super) ids: Vec<ReportId>,
}

impl ReportIds {
    /// Counts the ids.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

impl Message for ReportIds {
    const KIND: u8 = kind::REPORT_IDS;
    const NAME: &'static str = "ReportIds";
    const MAX_BYTES: usize = 1 + IDS_PER_MESSAGE * REPORT_ID_BYTES;

    fn put(&self, out: &mut Vec<u8>) {
        self.ids.iter().for_each(|id| out.extend_from_slice(id.as_bytes()));
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        let (ids, slack) = reader.rest().as_chunks::<REPORT_ID_BYTES>();
        if !slack.is_empty() {
            return Err(Malformation::Truncated);
        }
        Ok(Self { ids: ids.iter().copied().map(ReportId::from_bytes).collect() })
    }
}

/// For each report that is verified at a time a verifier share, or why there is none.
///
/// `Debug` prints their number alone.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierShares {
    pub(super) rejected: Vec<Option<Rejection>>,
    /// The shares of those that are not rejected, one after the other.
    pub(super) shares: Vec<u8>,
}

impl VerifierShares {
    /// Counts the reports.
    pub fn len(&self) -> usize {
        self.rejected.len()
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rejected.is_empty()
    }
}

impl fmt::Debug for VerifierShares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifierShares").field("len", &self.rejected.len()).finish_non_exhaustive()
    }
}

impl Message for VerifierShares {
    const KIND: u8 = kind::VERIFIER_SHARES;
    const NAME: &'static str = "VerifierShares";
    const MAX_BYTES: usize = MAX_MESSAGE_BYTES;

    fn put(&self, out: &mut Vec<u8>) {
        let len = u16::try_from(self.rejected.len()).expect("at most 2048 reports are verified at a time");
        out.extend_from_slice(&len.to_le_bytes());
        out.extend(self.rejected.iter().map(|rejected| rejected.map_or(0, Rejection::code)));
        out.extend_from_slice(&self.shares);
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        let len = usize::from(reader.u16()?);
        let rejected = |&code: &u8| match Rejection::of_code(code) {
            None if code != 0 => Err(Malformation::Field { field: "rejected" }),
            reason => Ok(reason),
        };
        let rejected = reader.bytes(len)?.iter().map(rejected).collect::<Result<_, _>>()?;
        Ok(Self { rejected, shares: reader.rest().to_vec() })
    }
}

/// For each report that was verified at a time whether the proof holds at this aggregator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedReports {
    pub(super) accepted: Vec<bool>,
}

impl Message for AcceptedReports {
    const KIND: u8 = kind::ACCEPTED_REPORTS;
    const NAME: &'static str = "AcceptedReports";
    const MAX_BYTES: usize = 1 + MAX_REPORTS_AT_A_TIME;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend(self.accepted.iter().map(|&accepted| u8::from(accepted)));
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        let accepted = |&byte: &u8| match byte {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformation::Field { field: "accepted" }),
        };
        Ok(Self { accepted: reader.rest().iter().map(accepted).collect::<Result<_, _>>()? })
    }
}

/// A digest of the ids of all reports that an aggregator is about to add up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchDigest {
    pub(super) len: u64,
    pub(super) digest: [u8; 32],
}

impl Message for BatchDigest {
    const KIND: u8 = kind::BATCH_DIGEST;
    const NAME: &'static str = "BatchDigest";
    const MAX_BYTES: usize = 1 + 8 + 32;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.len.to_le_bytes());
        out.extend_from_slice(&self.digest);
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        Ok(Self { len: reader.u64()?, digest: reader.array()? })
    }
}

/// The next bytes of an aggregator's share of the total. `Debug` prints their number alone.
#[derive(Clone, PartialEq, Eq)]
pub struct AggregateShare {
    pub(super) bytes: Vec<u8>,
}

impl fmt::Debug for AggregateShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AggregateShare").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl Message for AggregateShare {
    const KIND: u8 = kind::AGGREGATE_SHARE;
    const NAME: &'static str = "AggregateShare";
    const MAX_BYTES: usize = 1 + SHARE_BYTES_PER_MESSAGE;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes);
    }

    fn get(reader: &mut Reader<'_>) -> Result<Self, Malformation> {
        Ok(Self { bytes: reader.rest().to_vec() })
    }
}
