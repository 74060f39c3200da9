//! What a masked vector looks like: uniform words of its ring, and nothing in common with those of another session.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

#[path = "common/stage.rs"]
mod stage;
#[path = "common/sum.rs"]
mod sum;

use stage::{Stage, four_terms, honest, kind};
use tidegate_mpc::Suite;
use tidegate_mpc::aggregation::masked::{Ring, SumTerms};

const LEN: usize = 20_000;
const BOUNDS: [(Ring, i128); 3] = [(Ring::Bits32, 1000), (Ring::Bits64, 1 << 40), (Ring::Bits128, 1 << 100)];

fn stage(suite: Suite, (ring, bound): (Ring, i128), seed: u64) -> Stage {
    let stage = Stage::new(SumTerms { suite, len: LEN, bounds: (-bound, bound), ..four_terms() }, seed);
    assert_eq!(stage.task.ring(), ring);
    stage
}

/// The words that a party sends.
fn masked(stage: &Stage, seat: usize) -> Vec<u8> {
    let sent = stage.play(&mut honest).sent;
    let chunks = sent.iter().filter(|(at, _)| (at.kind, at.seat) == (kind::MASKED_CHUNK, seat));
    chunks.flat_map(|(_, bytes)| bytes[1..].to_vec()).collect()
}

/// Pearson's statistic of 256 equally likely values.
fn chi_square(values: impl Iterator<Item = u8>) -> f64 {
    let mut counts = [0u32; 256];
    values.for_each(|value| counts[usize::from(value)] += 1);
    let expected = f64::from(counts.iter().sum::<u32>()) / 256.0;
    counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum()
}

/// Requires that each byte of the words is uniform: with 255 degrees of freedom the statistic has the mean 255 and
/// the deviation 22.6, and 5.5 deviations leave less than one chance in a million.
fn is_uniform(bytes: &[u8], width: usize, what: &str) {
    assert_eq!(bytes.len(), LEN * width);
    for place in 0..width {
        let statistic = chi_square(bytes.chunks(width).map(|word| word[place]));
        assert!((131.0..380.0).contains(&statistic), "{what}, byte {place}: {statistic}");
    }
}

#[test]
fn masked_words_are_uniform_in_every_ring() {
    for bounds in BOUNDS {
        for suite in Suite::ALL {
            let stage = stage(suite, bounds, 1);
            for seat in [0, 3] {
                let what = format!("{suite}, {}, party {seat}", bounds.0);
                is_uniform(&masked(&stage, seat), bounds.0.word_bytes(), &what);
            }
        }
    }
}

/// The bits in which two vectors agree, as a deviation from a half in units of its standard deviation.
fn agreement(first: &[u8], second: &[u8]) -> f64 {
    assert_eq!(first.len(), second.len());
    let differing: u32 = first.iter().zip(second).map(|(a, b)| (a ^ b).count_ones()).sum();
    let bits = (first.len() * 8) as f64;
    (f64::from(differing) - bits / 2.0) / (bits / 4.0).sqrt()
}

/// The same parties and vectors in two sessions: what was sent in the one says nothing of what was sent in the other.
#[test]
fn the_masks_of_two_sessions_are_independent() {
    for bounds in BOUNDS {
        let width = bounds.0.word_bytes();
        let [first, second] = [1, 2].map(|seed| masked(&stage(Suite::Aes128Ctr, bounds, seed), 0));
        assert!(agreement(&first, &second).abs() < 5.0);
        let words = |bytes: &[u8]| -> Vec<u128> {
            let word = |word: &[u8]| word.iter().rev().fold(0, |value, byte| value << 8 | u128::from(*byte));
            bytes.chunks(width).map(word).collect()
        };
        // The vectors cancel in the difference; masks that are used again would as well.
        let pairs = words(&first).into_iter().zip(words(&second));
        let difference: Vec<u8> =
            pairs.flat_map(|(a, b)| a.wrapping_sub(b).to_le_bytes()[..width].to_vec()).collect();
        is_uniform(&difference, width, "difference of two sessions");
    }
}

/// Two parties of one session, whose masks have one in common with opposite signs.
#[test]
fn the_vectors_of_two_parties_are_independent() {
    let stage = stage(Suite::Aes128Ctr, BOUNDS[0], 1);
    let (first, second) = (masked(&stage, 0), {
        stage.records.borrow_mut().iter_mut().for_each(|record| record.0.clear());
        masked(&stage, 1)
    });
    assert!(agreement(&first, &second).abs() < 5.0);
    let word = |word: &[u8]| u32::from_le_bytes(word.try_into().unwrap());
    let pairs = first.chunks(4).map(word).zip(second.chunks(4).map(word));
    let sum: Vec<u8> = pairs.flat_map(|(a, b)| a.wrapping_add(b).to_le_bytes()).collect();
    is_uniform(&sum, 4, "sum of two parties");
}

/// A test that tells masked from plain: of plain words, and of masks that are cut to fewer values, it fails.
#[test]
fn the_tests_tell_plain_words_from_masked_ones() {
    let plain: Vec<u8> = (0..LEN).flat_map(|at| u32::try_from(at % 19).unwrap().to_le_bytes()).collect();
    assert!(chi_square(plain.chunks(4).map(|word| word[0])) > 1e5);
    assert!(agreement(&plain, &plain).abs() > 100.0);
    let masked = masked(&stage(Suite::Aes128Ctr, BOUNDS[0], 1), 0);
    // The greatest value is never reached by masks that are drawn below it.
    let cut = masked.chunks(4).map(|word| if word[3] == 255 { 254 } else { word[3] });
    assert!(chi_square(cut) > 380.0);
}
