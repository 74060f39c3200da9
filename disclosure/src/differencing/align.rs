//! Codes of two versions of a dataset, brought together by the stable identifiers of units.

use std::cmp::Ordering;

use super::OUTSIDE;

/// Units that do not come in order, or twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unit {index} of the {} does not come after the one before it", if *is_new { "new version" } else { "earlier version" })]
pub struct UnitOrderError {
    /// Whether it is of the new version.
    pub is_new: bool,
    /// Its index.
    pub index: usize,
}

/// Returns the codes of the units of both versions side by side, by a merge of two lists in strictly ascending order of
/// units; a unit in one version only has the code [`OUTSIDE`] in the other.
///
/// Units are named by what both versions derive alike, such as a hash of the identifier; two units with one name
/// would be taken for one, so the hash is long enough that this does not happen.
///
/// # Errors
/// [`UnitOrderError`].
///
/// # Examples
/// ```
/// use tidegate_disclosure::differencing::{OUTSIDE, align};
///
/// let (new, earlier) = align(&[(10, 0), (30, 1)], &[(10, 5), (20, 6)])?;
/// assert_eq!((new, earlier), (vec![0, OUTSIDE, 1], vec![5, 6, OUTSIDE]));
/// # Ok::<(), tidegate_disclosure::differencing::UnitOrderError>(())
/// ```
pub fn align<K: Ord>(new: &[(K, u16)], earlier: &[(K, u16)]) -> Result<(Vec<u16>, Vec<u16>), UnitOrderError> {
    check_order(new, true)?;
    check_order(earlier, false)?;
    let most = new.len().saturating_add(earlier.len());
    let mut aligned = (Vec::with_capacity(most), Vec::with_capacity(most));
    let (mut new, mut earlier) = (new.iter().peekable(), earlier.iter().peekable());
    loop {
        let order = match (new.peek(), earlier.peek()) {
            (Some(a), Some(b)) => a.0.cmp(&b.0),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return Ok(aligned),
        };
        let of_new = if order.is_le() { new.next() } else { None };
        let of_earlier = if order.is_ge() { earlier.next() } else { None };
        aligned.0.push(of_new.map_or(OUTSIDE, |unit| unit.1));
        aligned.1.push(of_earlier.map_or(OUTSIDE, |unit| unit.1));
    }
}

fn check_order<K: Ord>(units: &[(K, u16)], is_new: bool) -> Result<(), UnitOrderError> {
    let mut pairs = units.iter().zip(units.iter().skip(1));
    match pairs.position(|(before, after)| before.0 >= after.0) {
        Some(before) => Err(UnitOrderError { is_new, index: before + 1 }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_unit_is_there_once_with_both_codes(
            new in proptest::collection::btree_map(0_u64..60, 0_u16..9, 0..40),
            earlier in proptest::collection::btree_map(0_u64..60, 0_u16..9, 0..40),
        ) {
            let listed = |map: &BTreeMap<u64, u16>| map.iter().map(|(&unit, &code)| (unit, code)).collect::<Vec<_>>();
            let found = align(&listed(&new), &listed(&earlier)).unwrap();
            let units = new.keys().chain(earlier.keys()).collect::<std::collections::BTreeSet<_>>();
            let code = |map: &BTreeMap<u64, u16>, unit| map.get(unit).copied().unwrap_or(OUTSIDE);
            let expected = units.into_iter().map(|unit| (code(&new, unit), code(&earlier, unit))).unzip();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn units_out_of_order_are_refused() {
        let refused = align(&[(1, 0), (1, 0)], &[]).unwrap_err();
        assert_eq!(refused, UnitOrderError { is_new: true, index: 1 });
        let refused = align(&[(1, 0)], &[(1, 0), (3, 0), (2, 0)]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "unit 2 of the earlier version does not come after the one before it"
        );
    }
}
