//! Tiles: 256 hashes of one height of the tree in a file, and 256 entries in a bundle, or fewer at the right edge.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::LedgerError;
use super::tree::{Hash, Nodes, fold};

/// Hashes of a full tile, and entries of a full bundle.
pub(super) const TILE_WIDTH: u64 = 256;

/// Longest entry, in bytes: its length takes two.
pub(super) const MAX_ENTRY_BYTES: usize = u16::MAX as usize;

/// Longest bundle, in bytes.
const MAX_BUNDLE_BYTES: u64 = TILE_WIDTH * (MAX_ENTRY_BYTES as u64 + 2);

/// Rows of tiles above one another; more than any size of 64 bits needs.
const MAX_LEVELS: u32 = 8;

/// A row of tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Row {
    /// Bundles of entries.
    Entries,
    /// Tiles of hashes, those of entries at level 0.
    Hashes(u32),
}

impl Row {
    /// Returns how many items of this row a tree of `size` leaves has.
    pub(super) fn len(self, size: u64) -> u64 {
        match self {
            Self::Entries => size,
            Self::Hashes(level) => size.checked_shr(8 * level).unwrap_or(0),
        }
    }

    /// Names all rows of a tree of `size` leaves.
    pub(super) fn all(size: u64) -> impl Iterator<Item = Self> {
        let rows = (0..MAX_LEVELS).map(Self::Hashes);
        std::iter::once(Self::Entries).chain(rows).take_while(move |row| row.len(size) > 0)
    }
}

/// A tile or bundle: its row, its place in it, and how many items it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tile {
    pub(super) row: Row,
    pub(super) index: u64,
    /// From 1 to 256.
    pub(super) width: u64,
}

impl Tile {
    /// Returns the tile at a place in the tree of `size` leaves, if there is one.
    pub(super) fn at(row: Row, index: u64, size: u64) -> Option<Self> {
        let left = row.len(size).checked_sub(index.checked_mul(TILE_WIDTH)?)?;
        (left > 0).then_some(Self { row, index, width: left.min(TILE_WIDTH) })
    }

    /// Names all tiles and bundles of the tree of `size` leaves.
    pub(super) fn all(size: u64) -> impl Iterator<Item = Self> {
        Row::all(size).flat_map(move |row| (0..).map_while(move |index| Self::at(row, index, size)))
    }

    /// Returns its file, relative to the ledger.
    pub(super) fn path(&self) -> PathBuf {
        let full = full_path(self.row, self.index);
        if self.width == TILE_WIDTH { full } else { partial_directory(&full).join(self.width.to_string()) }
    }
}

/// Returns the file of the full tile at a place: the index in groups of three digits, all but the last after an `x`.
pub(super) fn full_path(row: Row, index: u64) -> PathBuf {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    let row = match row {
        Row::Entries => "entries".to_owned(),
        Row::Hashes(level) => level.to_string(),
    };
    Path::new("tile").join(row).join(path)
}

/// Returns where the partial tiles stand that become this full one.
pub(super) fn partial_directory(full: &Path) -> PathBuf {
    full.with_extension("p")
}

/// Appends an entry to a bundle.
pub(super) fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), LedgerError> {
    let what = "it takes more than 65535 bytes";
    let len = u16::try_from(entry.len()).map_err(|_| LedgerError::BadEntry { what })?;
    bundle.extend_from_slice(&len.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

/// Takes a bundle apart; none where it is anything else.
pub(super) fn entries_of(mut bundle: &[u8]) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::new();
    while let Some((len, rest)) = bundle.split_first_chunk::<2>() {
        let (entry, rest) = rest.split_at_checked(u16::from_be_bytes(*len).into())?;
        entries.push(entry);
        bundle = rest;
    }
    bundle.is_empty().then_some(entries)
}

/// The tiles of a tree of some size in a directory, each read when it is first needed.
#[derive(Debug)]
pub struct Tiles {
    directory: PathBuf,
    size: u64,
    read: HashMap<(Row, u64), Vec<Hash>>,
}

impl Tiles {
    /// Opens the tree over the first `size` entries of the ledger in `directory`.
    pub fn new(directory: &Path, size: u64) -> Self {
        Self { directory: directory.to_owned(), size, read: HashMap::new() }
    }

    /// Goes on with a larger tree, of which these tiles are not on disk yet.
    pub(super) fn grow(&mut self, size: u64, tiles: Vec<(u32, u64, Vec<Hash>)>) {
        self.size = size;
        self.read
            .extend(tiles.into_iter().map(|(level, index, hashes)| ((Row::Hashes(level), index), hashes)));
    }

    /// Returns the hashes of a tile, of which the tree has at least one.
    pub(super) fn hashes(&mut self, level: u32, index: u64) -> Result<&[Hash], LedgerError> {
        let row = Row::Hashes(level);
        let (directory, size) = (&self.directory, self.size);
        let missing =
            || LedgerError::Damaged { path: full_path(row, index), what: "is beyond the checkpoint" };
        Ok(match self.read.entry((row, index)) {
            std::collections::hash_map::Entry::Occupied(read) => read.into_mut(),
            std::collections::hash_map::Entry::Vacant(vacant) => {
                let tile = Tile::at(row, index, size).ok_or_else(missing)?;
                vacant.insert(read_hashes(directory, &tile)?)
            }
        })
    }

    /// Returns the bytes of a bundle and its entries' number.
    pub(super) fn bundle(&self, index: u64) -> Result<Vec<u8>, LedgerError> {
        let path = full_path(Row::Entries, index);
        let tile = Tile::at(Row::Entries, index, self.size);
        let tile = tile.ok_or(LedgerError::Damaged { path, what: "is beyond the checkpoint" })?;
        let path = tile.path();
        let bytes = read_bounded(&self.directory.join(&path), MAX_BUNDLE_BYTES)?;
        let whole = entries_of(&bytes).is_some_and(|entries| entries.len() as u64 == tile.width);
        let what = "is no bundle of as many entries as the checkpoint has there";
        if whole { Ok(bytes) } else { Err(LedgerError::Damaged { path, what }) }
    }
}

impl Nodes for Tiles {
    fn node(&mut self, height: u32, index: u64) -> Result<Hash, LedgerError> {
        let (level, within) = (height / 8, height % 8);
        let (tile, first) = ((index << within) / TILE_WIDTH, (index << within) % TILE_WIDTH);
        let damaged =
            LedgerError::Damaged { path: full_path(Row::Hashes(level), tile), what: "is too short" };
        let hashes = self.hashes(level, tile)?;
        let begin = usize::try_from(first).unwrap_or(usize::MAX);
        let hashes = hashes.get(begin..).and_then(|hashes| hashes.get(..1 << within));
        hashes.and_then(fold).ok_or(damaged)
    }
}

fn read_hashes(directory: &Path, tile: &Tile) -> Result<Vec<Hash>, LedgerError> {
    let path = tile.path();
    let bytes = read_bounded(&directory.join(&path), TILE_WIDTH * 32)?;
    let (hashes, rest) = bytes.as_chunks::<32>();
    let what = "does not hold as many hashes as the checkpoint has there";
    let whole = rest.is_empty() && hashes.len() as u64 == tile.width;
    if whole { Ok(hashes.to_vec()) } else { Err(LedgerError::Damaged { path, what }) }
}

/// Tells whether a file is there: one that cannot be looked at is not one that is absent.
pub(super) fn is_there(path: &Path) -> Result<bool, LedgerError> {
    path.try_exists().map_err(|source| LedgerError::Io { path: path.to_owned(), source })
}

/// Reads a regular file of at most so many bytes.
pub(super) fn read_bounded(path: &Path, max_bytes: u64) -> Result<Vec<u8>, LedgerError> {
    let damaged = |what| LedgerError::Damaged { path: path.to_owned(), what };
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => damaged("is missing"),
        _ => LedgerError::Io { path: path.to_owned(), source },
    };
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(damaged("is no regular file"));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(max_bytes + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 <= max_bytes { Ok(bytes) } else { Err(damaged("is too long")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_stand_where_the_format_says() {
        let path = |row, index, width| Tile { row, index, width }.path().to_str().unwrap().to_owned();
        assert_eq!(path(Row::Hashes(0), 1_234_067, 256), "tile/0/x001/x234/067");
        assert_eq!(path(Row::Hashes(1), 0, 17), "tile/1/000.p/17");
        assert_eq!(path(Row::Entries, 1000, 1), "tile/entries/x001/000.p/1");
    }

    #[test]
    fn a_tree_has_the_tiles_that_the_format_counts() {
        // The example of tlog-tiles.
        let tiles: Vec<_> = Tile::all(70_000).collect();
        let count =
            |row, width: u64| tiles.iter().filter(|tile| tile.row == row && tile.width == width).count();
        assert_eq!((count(Row::Hashes(0), 256), count(Row::Hashes(0), 112)), (273, 1));
        assert_eq!((count(Row::Hashes(1), 256), count(Row::Hashes(1), 17)), (1, 1));
        assert_eq!((count(Row::Hashes(2), 1), count(Row::Entries, 256)), (1, 273));
        assert_eq!(tiles.len(), 274 * 2 + 2 + 1);
        let paths: Vec<_> = Tile::all(256).map(|tile| tile.path().to_str().unwrap().to_owned()).collect();
        assert_eq!(paths, ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
        assert_eq!(Tile::all(0).count(), 0);
    }

    #[test]
    fn bundles_come_apart_as_they_were_put_together() {
        let mut bundle = Vec::new();
        for entry in [&b"first"[..], b"", &[7; 300]] {
            push_entry(&mut bundle, entry).unwrap();
        }
        assert_eq!(entries_of(&bundle).unwrap(), [&b"first"[..], b"", &[7; 300]]);
        for cut in 1..bundle.len() {
            let whole = [7, 9].contains(&cut);
            assert_eq!(entries_of(&bundle[..cut]).is_some(), whole, "{cut}");
        }
        assert!(push_entry(&mut bundle, &vec![0; MAX_ENTRY_BYTES + 1]).is_err());
    }
}
