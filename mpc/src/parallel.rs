//! Batches of independent work, on the current rayon pool where the feature `parallel` is on.

use std::ops::Range;

/// Items per batch: enough to share one field inversion, few enough to spread a small set over the cores.
const BATCH_LEN: usize = 128;

/// Applies `work` to consecutive ranges that cover `0..len` and joins the results in order.
///
/// The result, and of several errors the one returned, do not depend on the number of threads.
pub(crate) fn batched<T, E, F>(len: usize, work: F) -> Result<Vec<T>, E>
where
    T: Send,
    E: Send,
    F: Fn(Range<usize>) -> Result<Vec<T>, E> + Sync,
{
    let batches = len.div_ceil(BATCH_LEN);
    let one = |batch: usize| work(batch * BATCH_LEN..len.min((batch + 1) * BATCH_LEN));
    #[cfg(feature = "parallel")]
    let results: Vec<_> = {
        use rayon::prelude::*;
        (0..batches).into_par_iter().map(one).collect()
    };
    #[cfg(not(feature = "parallel"))]
    let results: Vec<_> = (0..batches).map(one).collect();
    join(results, len)
}

/// Applies `work` to consecutive chunks of `len`, with their numbers, and returns what it made of them in order.
pub(crate) fn chunked<T, R, F>(items: &mut [T], len: usize, work: F) -> Vec<R>
where
    T: Send,
    R: Send,
    F: Fn(usize, &mut [T]) -> R + Sync,
{
    let one = |(index, chunk): (usize, &mut [T])| work(index, chunk);
    #[cfg(feature = "parallel")]
    {
        use rayon::prelude::*;
        items.par_chunks_mut(len).enumerate().map(one).collect()
    }
    #[cfg(not(feature = "parallel"))]
    items.chunks_mut(len).enumerate().map(one).collect()
}

/// As [`chunked`], of items that stay as they are.
pub(crate) fn mapped<T, R, F>(items: &[T], len: usize, work: F) -> Vec<R>
where
    T: Sync,
    R: Send,
    F: Fn(usize, &[T]) -> R + Sync,
{
    let one = |(index, chunk): (usize, &[T])| work(index, chunk);
    #[cfg(feature = "parallel")]
    {
        use rayon::prelude::*;
        items.par_chunks(len).enumerate().map(one).collect()
    }
    #[cfg(not(feature = "parallel"))]
    items.chunks(len).enumerate().map(one).collect()
}

/// Applies `work` to each item by itself, for work that is long; results stand in order.
pub(crate) fn each<I, T, F>(items: Vec<I>, work: F) -> Vec<T>
where
    I: Send,
    T: Send,
    F: Fn(I) -> T + Sync + Send,
{
    #[cfg(feature = "parallel")]
    {
        use rayon::prelude::*;
        items.into_par_iter().map(work).collect()
    }
    #[cfg(not(feature = "parallel"))]
    items.into_iter().map(work).collect()
}

/// Sorts in place; equal elements are indistinguishable to every caller.
pub(crate) fn sort<T: Ord + Send>(items: &mut [T]) {
    #[cfg(feature = "parallel")]
    rayon::slice::ParallelSliceMut::par_sort_unstable(items);
    #[cfg(not(feature = "parallel"))]
    items.sort_unstable();
}

fn join<T, E>(results: Vec<Result<Vec<T>, E>>, len: usize) -> Result<Vec<T>, E> {
    let mut joined = Vec::with_capacity(len);
    for result in results {
        joined.extend(result?);
    }
    Ok(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_cover_the_range_in_order() {
        for len in [0, 1, BATCH_LEN - 1, BATCH_LEN, BATCH_LEN + 1, 10 * BATCH_LEN] {
            let covered = batched(len, |range| Ok::<_, ()>(range.collect())).unwrap();
            assert_eq!(covered, (0..len).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_first_error_is_returned() {
        let failing = |range: Range<usize>| {
            if range.contains(&300) || range.contains(&900) { Err(range.start) } else { Ok(vec![()]) }
        };
        assert_eq!(batched(1000, failing), Err(256));
    }
}
