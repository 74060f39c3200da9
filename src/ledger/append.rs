//! What an append writes: bundles and tiles at the right edge of the tree, and the checkpoint over them.

use std::path::PathBuf;

use super::checkpoint::SignedCheckpoint;
use super::entry::Entry;
use super::error::LedgerError;
use super::tile::{Row, TILE_WIDTH, Tile, Tiles, push_entry};
use super::tree::{Hash, fold, leaf_hash, root};
use crate::identity::Identity;

/// A file to be written, relative to the ledger.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
}

/// An append that was prepared: nothing of it counts before the checkpoint is replaced.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) writes: Vec<Write>,
    pub(super) checkpoint: SignedCheckpoint,
    pub(super) size: u64,
}

/// Makes the files of an append.
pub(super) fn prepare(
    entries: &[Entry],
    size: u64,
    mut tiles: Tiles,
    owner: &Identity,
) -> Result<Append, LedgerError> {
    let encoded = entries.iter().map(Entry::to_bytes).collect::<Result<Vec<_>, _>>()?;
    let new_size = size + encoded.len() as u64;
    let mut writes = bundles(&encoded, size, &tiles)?;
    let mut added = Vec::new();
    let mut new: Vec<Hash> = encoded.iter().map(|entry| leaf_hash(entry)).collect();
    for level in 0.. {
        if new.is_empty() {
            break;
        }
        new = extend_row(level, new, size, &mut tiles, &mut added)?;
    }
    writes.extend(added.iter().map(|(level, index, hashes)| {
        let tile = Tile { row: Row::Hashes(*level), index: *index, width: hashes.len() as u64 };
        Write { path: tile.path(), bytes: hashes.concat() }
    }));
    tiles.grow(new_size, added);
    let checkpoint = SignedCheckpoint::sign(new_size, root(&mut tiles, new_size)?, owner);
    Ok(Append { writes, checkpoint, size: new_size })
}

/// Appends hashes to a row, adds the tiles that change, and returns the roots of those that are full now.
fn extend_row(
    level: u32,
    new: Vec<Hash>,
    size: u64,
    tiles: &mut Tiles,
    added: &mut Vec<(u32, u64, Vec<Hash>)>,
) -> Result<Vec<Hash>, LedgerError> {
    let row = Row::Hashes(level);
    let mut index = row.len(size) / TILE_WIDTH;
    let mut tile = match edge(row, size) {
        Some(edge) => tiles.hashes(level, edge.index)?.to_vec(),
        None => Vec::new(),
    };
    let mut roots = Vec::new();
    for hash in new {
        tile.push(hash);
        if tile.len() as u64 == TILE_WIDTH {
            roots.extend(fold(&tile));
            added.push((level, index, std::mem::take(&mut tile)));
            index += 1;
        }
    }
    if !tile.is_empty() {
        added.push((level, index, tile));
    }
    Ok(roots)
}

/// Makes the bundles of an append.
fn bundles(encoded: &[Vec<u8>], size: u64, tiles: &Tiles) -> Result<Vec<Write>, LedgerError> {
    let mut bundle = edge(Row::Entries, size).map_or(Ok(Vec::new()), |edge| tiles.bundle(edge.index))?;
    let mut writes = Vec::new();
    let new_size = size + encoded.len() as u64;
    for (place, entry) in (size + 1..).zip(encoded) {
        push_entry(&mut bundle, entry)?;
        if place % TILE_WIDTH == 0 || place == new_size {
            let (index, width) = ((place - 1) / TILE_WIDTH, (place - 1) % TILE_WIDTH + 1);
            let tile = Tile { row: Row::Entries, index, width };
            writes.push(Write { path: tile.path(), bytes: std::mem::take(&mut bundle) });
        }
    }
    Ok(writes)
}

/// Returns the partial tile at the right edge of a row, if the last is one.
pub(super) fn edge(row: Row, size: u64) -> Option<Tile> {
    Tile::at(row, row.len(size) / TILE_WIDTH, size)
}

/// Returns the first level that the tree does not have.
pub(super) fn next_level(size: u64) -> u32 {
    size.checked_ilog2().map_or(0, |log| log / 8 + 1)
}
