//! Which reports were counted: a report counts once in a task.

use super::report::{REPORT_ID_BYTES, ReportId};
use crate::codec::Malformation;

/// The ids of the reports that were counted under a task.
///
/// # Examples
/// ```
/// use tidegate_mpc::aggregation::prio::{ReportId, SeenReports};
///
/// let mut seen = SeenReports::default();
/// seen.add(&[ReportId::from_bytes([2; 16]), ReportId::from_bytes([1; 16])]);
/// assert!(seen.contains(&ReportId::from_bytes([1; 16])));
/// assert_eq!(SeenReports::decode(&seen.encode()), Ok(seen));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenReports(Vec<ReportId>);

impl SeenReports {
    /// Counts the reports.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells whether a report was counted.
    pub fn contains(&self, id: &ReportId) -> bool {
        self.0.binary_search(id).is_ok()
    }

    /// Adds reports that were counted.
    pub fn add(&mut self, ids: &[ReportId]) {
        self.0.extend_from_slice(ids);
        self.0.sort_unstable();
        self.0.dedup();
    }

    /// Encodes the ids, sorted.
    pub fn encode(&self) -> Vec<u8> {
        self.0.iter().flat_map(ReportId::as_bytes).copied().collect()
    }

    /// Decodes what [`Self::encode`] made.
    ///
    /// # Errors
    /// [`Malformation`] where ids are cut off, not sorted, or equal.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformation> {
        let (ids, slack) = bytes.as_chunks::<REPORT_ID_BYTES>();
        if !slack.is_empty() {
            return Err(Malformation::Truncated);
        }
        let ids: Vec<_> = ids.iter().copied().map(ReportId::from_bytes).collect();
        if !ids.is_sorted_by(|a, b| a < b) {
            return Err(Malformation::Field { field: "ids" });
        }
        Ok(Self(ids))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(byte: u8) -> ReportId {
        ReportId::from_bytes([byte; 16])
    }

    #[test]
    fn what_was_added_is_contained_once() {
        let mut seen = SeenReports::default();
        assert!(seen.is_empty() && !seen.contains(&id(1)));
        seen.add(&[id(3), id(1)]);
        seen.add(&[id(2), id(3)]);
        assert_eq!(seen.len(), 3);
        assert!([1, 2, 3].iter().all(|&byte| seen.contains(&id(byte))));
        assert!(!seen.contains(&id(4)));
    }

    #[test]
    fn only_sorted_ids_are_decoded() {
        let bytes = |ids: &[u8]| ids.iter().flat_map(|&byte| [byte; 16]).collect::<Vec<_>>();
        assert_eq!(SeenReports::decode(&bytes(&[1, 2])).unwrap().len(), 2);
        let field = Err(Malformation::Field { field: "ids" });
        assert_eq!(SeenReports::decode(&bytes(&[2, 1])), field);
        assert_eq!(SeenReports::decode(&bytes(&[1, 1])), field);
        assert_eq!(SeenReports::decode(&bytes(&[1])[..15]), Err(Malformation::Truncated));
    }
}
