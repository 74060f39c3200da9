//! A module: checked first, compiled then, from the same bytes whose digest is approved.

mod check;

pub use check::{MAX_BODY_BYTES, MAX_FUNCTIONS, MAX_MODULE_BYTES, MAX_TABLE_ENTRIES, Refusal};

use crate::clock::Tickers;
use crate::declaration::{Declaration, Kind, parse};
use crate::digest::Digest;
use crate::engine::engine;
use crate::error::Error;

/// What a module is and asks for, known without compiling or running it.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// Its size.
    pub bytes: usize,
    /// What it says of itself.
    pub declaration: Declaration,
    /// Pages of 64 KiB that its memory begins with, and may grow to.
    pub memory_pages: [u64; 2],
    /// Functions that it defines.
    pub functions: usize,
    /// Names that it exports beside those of the contract.
    pub other_exports: Vec<String>,
    /// Whether it derives tables from released figures.
    pub derives: bool,
    /// Whether its state can be merged, so that partitions run side by side.
    pub merges: bool,
}

impl Inspection {
    /// Looks at the bytes of a module.
    ///
    /// # Errors
    /// [`Error::Module`] where it breaks the contract, [`Error::Declaration`] where its declaration breaks a rule.
    pub fn of(bytes: &[u8]) -> Result<Self, Error> {
        let outline = check::outline(bytes)?;
        let declaration = parse(outline.declaration)?;
        let exports = check::exports(&outline, &declaration.kind)?;
        check::tables(&declaration, exports.derives)?;
        Ok(Self {
            digest: Digest::of(bytes),
            bytes: bytes.len(),
            memory_pages: outline.memory_pages,
            functions: outline.functions_len(),
            other_exports: exports.others,
            derives: exports.derives,
            merges: exports.merges,
            declaration,
        })
    }
}

/// A module that is compiled.
pub struct Module {
    inspection: Inspection,
    pub(crate) compiled: wasmtime::Module,
    pub(crate) tickers: Tickers,
}

impl Module {
    /// Checks and compiles a module, after `bytes` are seen to have the `approved` digest.
    ///
    /// # Errors
    /// [`Refusal::Digest`] where they do not, [`Error::Module`] and [`Error::Declaration`] as [`Inspection::of`].
    pub fn approved(bytes: &[u8], approved: &Digest) -> Result<Self, Error> {
        let found = Digest::of(bytes);
        if found != *approved {
            return Err(Refusal::Digest { found, approved: *approved }.into());
        }
        Self::compile(bytes)
    }

    /// Checks and compiles a module that nobody approved: for whoever writes it.
    ///
    /// # Errors
    /// As [`Inspection::of`].
    pub fn compile(bytes: &[u8]) -> Result<Self, Error> {
        let inspection = Inspection::of(bytes)?;
        let compiled = wasmtime::Module::from_binary(&engine()?, bytes);
        let compiled = compiled.map_err(|error| Refusal::Compile(one_line(&error.to_string())))?;
        Ok(Self { inspection, compiled, tickers: Tickers::default() })
    }

    /// Returns what the module is and asks for.
    pub fn inspection(&self) -> &Inspection {
        &self.inspection
    }

    /// Returns what the module says of itself.
    pub fn declaration(&self) -> &Declaration {
        &self.inspection.declaration
    }

    pub(crate) fn is_mapper(&self) -> bool {
        matches!(self.inspection.declaration.kind, Kind::Mapper(_))
    }
}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Module").field("digest", &self.inspection.digest).finish_non_exhaustive()
    }
}

/// Puts what an engine or a reader says on one line.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
