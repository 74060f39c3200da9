//! The ledger on disk: appended to under a lock, read and verified by anybody.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::append::{Write, edge, next_level, prepare};
use super::checkpoint::{Checkpoint, SignedCheckpoint};
use super::entry::{Digest, Entry, Kind};
use super::error::LedgerError;
use super::note::MAX_NOTE_BYTES;
use super::proof::{consistency_proof, verify_consistency};
use super::tile::{
    Row, TILE_WIDTH, Tile, Tiles, entries_of, full_path, is_there, partial_directory, read_bounded,
};
use super::tree::{Nodes as _, fold, leaf_hash, root};
use crate::identity::{Identity, PublicKey};
use crate::state::{StateDir, create_private, lock};
use crate::whole_file::{self, Existing};

/// The current checkpoint.
const CHECKPOINT: &str = "checkpoint";

/// The last checkpoint that partners cosigned, once another has taken its place.
const COSIGNED: &str = "cosigned";

/// A ledger in a directory.
#[derive(Clone, Debug)]
pub struct Ledger {
    directory: PathBuf,
}

/// A ledger of which every byte was checked.
#[derive(Debug)]
pub struct Verified {
    /// Its checkpoint.
    pub checkpoint: SignedCheckpoint,
    /// What the checkpoint says.
    pub head: Checkpoint,
    /// Its entries, in order.
    pub entries: Vec<Entry>,
    directory: PathBuf,
    /// Keeps appends away, which would remove tiles.
    _lock: Option<File>,
}

impl Verified {
    /// Returns checkpoint and entries, and lets appends go on.
    pub fn into_parts(self) -> (SignedCheckpoint, Vec<Entry>) {
        (self.checkpoint, self.entries)
    }

    /// Checks that the ledger begins with an earlier state of it.
    ///
    /// # Errors
    /// [`LedgerError::Shrunk`], [`LedgerError::SplitView`]; those of reading tiles.
    pub fn continues(&self, earlier: &Checkpoint) -> Result<(), LedgerError> {
        let (found, before) = (self.head.size, earlier.size);
        let path = consistency_proof(&mut self.tiles(), before, found)?;
        let holds = verify_consistency((before, &earlier.root), (found, &self.head.root), &path);
        holds.map_err(|_| LedgerError::SplitView { found, before })
    }

    /// Lets appends go on.
    pub(super) fn into_head(self) -> (SignedCheckpoint, Checkpoint) {
        (self.checkpoint, self.head)
    }

    /// Returns the tiles.
    pub fn tiles(&self) -> Tiles {
        Tiles::new(&self.directory, self.head.size)
    }
}

impl Ledger {
    /// Names the ledger of a key's owner in the state directory; there need not be one.
    pub fn of(state: &StateDir, owner: &PublicKey) -> Self {
        Self { directory: state.ledgers().join(owner.fingerprint()) }
    }

    /// Names the ledger in a directory, which may be a copy of someone else's.
    pub fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Returns its directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Appends entries, all or none, and returns the place of the first; they are on disk when this returns. A ledger that
    /// does not exist yet begins.
    ///
    /// # Errors
    /// [`LedgerError`], among which are those of a ledger whose checkpoint does not verify: nothing is appended to it.
    pub fn append(&self, entries: &[Entry], owner: &Identity) -> Result<u64, LedgerError> {
        self.append_with(owner, |_| Ok(entries.to_vec()))
    }

    /// Appends entries that depend on what is in the ledger, under one lock.
    pub(super) fn append_with(
        &self,
        owner: &Identity,
        entries: impl FnOnce(&Self) -> Result<Vec<Entry>, LedgerError>,
    ) -> Result<u64, LedgerError> {
        create_private(&self.directory).map_err(|source| self.failed("", source))?;
        let _lock = lock(&self.directory.join("lock"))?;
        self.begin(owner)?;
        let signed = self.checkpoint()?;
        let head = signed.verify(&owner.public())?;
        let mut tiles = self.tiles(head.size);
        if root(&mut tiles, head.size)? != head.root {
            return Err(LedgerError::Root);
        }
        self.sweep(head.size)?;
        let entries = entries(self)?;
        let append = prepare(&entries, head.size, tiles, owner)?;
        self.carry_out(&append.writes)?;
        if signed.has_cosignatures() {
            self.put(Path::new(COSIGNED), signed.to_string().as_bytes())?;
        }
        self.put_checkpoint(&append.checkpoint)?;
        self.sweep(append.size)?;
        Ok(head.size)
    }

    /// Tells whether an agreement is in the ledger already.
    pub(super) fn has_seen(&self, agreement: &Digest) -> Result<bool, LedgerError> {
        let size = self.checkpoint()?.unverified().size;
        let mut is_seen = false;
        self.each_entry(&self.tiles(size), size, |_, bytes| {
            is_seen |= Entry::parse(bytes)
                .is_ok_and(|entry| entry.kind == Kind::AgreementSeen && entry.agreement == Some(*agreement));
            Ok(())
        })?;
        Ok(is_seen)
    }

    /// Reads the current checkpoint, of which nothing is verified yet.
    ///
    /// # Errors
    /// [`LedgerError::Absent`] where there is none; [`LedgerError`].
    pub fn checkpoint(&self) -> Result<SignedCheckpoint, LedgerError> {
        let path = self.directory.join(CHECKPOINT);
        if !is_there(&path)? && !is_there(&self.directory.join("tile"))? {
            return Err(LedgerError::Absent { path: self.directory.clone() });
        }
        SignedCheckpoint::parse(&read_bounded(&path, MAX_NOTE_BYTES as u64)?)
    }

    /// Reads the checkpoint that carries this key's cosignature: the current one, or the last one that partners cosigned.
    ///
    /// # Errors
    /// [`LedgerError::NotCosigned`] where there is none; [`LedgerError`].
    pub fn cosigned_checkpoint(&self, key: &PublicKey) -> Result<SignedCheckpoint, LedgerError> {
        let current = self.checkpoint()?;
        if current.cosigned_at(key)?.is_some() {
            return Ok(current);
        }
        let path = self.directory.join(COSIGNED);
        if is_there(&path)? {
            let earlier = SignedCheckpoint::parse(&read_bounded(&path, MAX_NOTE_BYTES as u64)?)?;
            if earlier.cosigned_at(key)?.is_some() {
                return Ok(earlier);
            }
        }
        Err(LedgerError::NotCosigned { key: *key })
    }

    /// Returns the tiles of the tree over the first `size` entries.
    pub fn tiles(&self, size: u64) -> Tiles {
        Tiles::new(&self.directory, size)
    }

    /// Checks every byte of the ledger against its checkpoint, and that against the owner's key.
    ///
    /// # Errors
    /// [`LedgerError`], by what is wrong.
    pub fn verify(&self, owner: &PublicKey) -> Result<Verified, LedgerError> {
        let lock = self.shared_lock();
        let checkpoint = self.checkpoint()?;
        let head = checkpoint.verify(owner)?.clone();
        let mut tiles = self.tiles(head.size);
        let entries = self.signed_entries(&mut tiles, head.size)?;
        check_levels(&mut tiles, head.size)?;
        if root(&mut tiles, head.size)? != head.root {
            return Err(LedgerError::Root);
        }
        // Nothing is parsed that nobody signed.
        let entries = (0..).zip(entries).map(|(index, bytes)| parse_entry(index, &bytes));
        let entries = entries.collect::<Result<_, _>>()?;
        Ok(Verified { checkpoint, head, entries, directory: self.directory.clone(), _lock: lock })
    }

    /// Takes in the cosignatures of a checkpoint, beside the owner's and those that are there.
    ///
    /// # Errors
    /// [`LedgerError`] where the ledger cannot be read or written.
    pub fn put_cosigned(&self, signed: &SignedCheckpoint) -> Result<(), LedgerError> {
        let _lock = lock(&self.directory.join("lock"))?;
        let mut current = self.checkpoint()?;
        if current.merge(signed) {
            return self.put_checkpoint(&current);
        }
        self.put(Path::new(COSIGNED), signed.to_string().as_bytes())
    }

    /// Reads all entries, each of which has the hash that the lowest tiles hold.
    fn signed_entries(&self, tiles: &mut Tiles, size: u64) -> Result<Vec<Vec<u8>>, LedgerError> {
        let mut all = Vec::new();
        let bundles = self.tiles(size);
        self.each_entry(&bundles, size, |index, bytes| {
            if tiles.node(0, index)? != leaf_hash(bytes) {
                return Err(LedgerError::Entry { index, what: "is not the one that was signed" });
            }
            all.push(bytes.to_vec());
            Ok(())
        })?;
        Ok(all)
    }

    fn each_entry(
        &self,
        tiles: &Tiles,
        size: u64,
        mut take: impl FnMut(u64, &[u8]) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        for bundle_index in 0..size.div_ceil(TILE_WIDTH) {
            let bundle = tiles.bundle(bundle_index)?;
            let entries = entries_of(&bundle).unwrap_or_default();
            for (index, entry) in (bundle_index * TILE_WIDTH..).zip(entries) {
                take(index, entry)?;
            }
        }
        Ok(())
    }

    /// Signs the empty tree where there is nothing yet: from then on a missing checkpoint is damage and no beginning.
    fn begin(&self, owner: &Identity) -> Result<(), LedgerError> {
        match self.checkpoint() {
            Err(LedgerError::Absent { .. }) => {
                let empty = root(&mut self.tiles(0), 0)?;
                self.put_checkpoint(&SignedCheckpoint::sign(0, empty, owner))
            }
            Err(error) => Err(error),
            Ok(_) => Ok(()),
        }
    }

    fn carry_out(&self, writes: &[Write]) -> Result<(), LedgerError> {
        writes.iter().try_for_each(|write| self.put(&write.path, &write.bytes))
    }

    fn put_checkpoint(&self, checkpoint: &SignedCheckpoint) -> Result<(), LedgerError> {
        self.put(Path::new(CHECKPOINT), checkpoint.to_string().as_bytes())
    }

    fn put(&self, path: &Path, bytes: &[u8]) -> Result<(), LedgerError> {
        let full = self.directory.join(path);
        let written = create_private(whole_file::directory_of(&full));
        let written = written.and_then(|()| whole_file::write(&full, bytes, Existing::Replace));
        written.map_err(|source| self.failed(path, source))
    }

    /// Removes what a cut append has left at the right edge of the tree, and partial tiles that longer ones replaced.
    fn sweep(&self, size: u64) -> Result<(), LedgerError> {
        let needed: BTreeSet<PathBuf> =
            Row::all(size).filter_map(|row| edge(row, size)).map(|tile| tile.path()).collect();
        // Neither a batch nor a cut one goes further than one tile and one row beyond.
        let rows = Row::all(size.max(1)).chain([Row::Hashes(next_level(size))]);
        for row in rows {
            let current = row.len(size) / TILE_WIDTH;
            for index in current.saturating_sub(1)..=current + 1 {
                self.sweep_place(row, index, current, &needed)?;
            }
        }
        Ok(())
    }

    fn sweep_place(
        &self,
        row: Row,
        index: u64,
        current: u64,
        needed: &BTreeSet<PathBuf>,
    ) -> Result<(), LedgerError> {
        let full = full_path(row, index);
        if index >= current {
            self.remove(&full)?;
        }
        let partial = partial_directory(&full);
        let files = match fs::read_dir(self.directory.join(&partial)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            files => files.map_err(|source| self.failed(&partial, source))?,
        };
        for file in files {
            let name = file.map_err(|source| self.failed(&partial, source))?.file_name();
            let path = partial.join(name);
            if !needed.contains(&path) {
                self.remove(&path)?;
            }
        }
        // Fails where a tile is left in it.
        let _ = fs::remove_dir(self.directory.join(partial));
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<(), LedgerError> {
        match fs::remove_file(self.directory.join(path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed(path, error)),
            _ => Ok(()),
        }
    }

    /// Keeps appends away while the ledger is read. A copy may have no lock, and nobody who appends.
    fn shared_lock(&self) -> Option<File> {
        let path = self.directory.join("lock");
        // Opening a pipe would wait for ever.
        let file = path.is_file().then(|| File::open(path).ok()).flatten()?;
        file.lock_shared().ok()?;
        Some(file)
    }

    fn failed(&self, path: impl AsRef<Path>, source: io::Error) -> LedgerError {
        LedgerError::Io { path: self.directory.join(path), source }
    }
}

fn parse_entry(index: u64, bytes: &[u8]) -> Result<Entry, LedgerError> {
    let entry = Entry::parse(bytes).map_err(|what| LedgerError::Entry { index, what })?;
    if entry.started.is_some_and(|started| started >= index) {
        return Err(LedgerError::Entry { index, what: "belongs to a run that starts later" });
    }
    Ok(entry)
}

/// Checks that each tile of hashes above the lowest holds the roots of those below.
fn check_levels(tiles: &mut Tiles, size: u64) -> Result<(), LedgerError> {
    let uppers = Tile::all(size).filter_map(|tile| match tile.row {
        Row::Hashes(level) if level > 0 => Some((level, tile)),
        _ => None,
    });
    for (level, tile) in uppers {
        let upper = tiles.hashes(level, tile.index)?.to_vec();
        for (below, hash) in (tile.index * TILE_WIDTH..).zip(upper) {
            if fold(tiles.hashes(level - 1, below)?) != Some(hash) {
                return Err(LedgerError::Damaged {
                    path: tile.path(),
                    what: "does not fit the tiles below it",
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "store_tests.rs"]
pub(super) mod tests;
