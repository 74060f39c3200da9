//! What a module may be, looked at before anything of it is compiled.

use std::collections::BTreeMap;

use wasmparser::{
    Encoding, Export, ExternalKind, FuncType, Parser, Payload, ValType, Validator, WasmFeatures,
};

use crate::declaration::{Declaration, Kind, SECTION};
use crate::digest::Digest;

use super::one_line;

/// Most bytes of a module.
pub const MAX_MODULE_BYTES: usize = 4 << 20;

/// Most functions of a module.
pub const MAX_FUNCTIONS: usize = 20_000;

/// Most bytes of a function: what takes the compiler longest is one function that is large.
pub const MAX_BODY_BYTES: usize = 256 << 10;

/// Most entries of its table.
pub const MAX_TABLE_ENTRIES: u64 = 10_000;

/// Most segments of data or elements, globals, and types.
const MAX_ITEMS: u32 = 10_000;

/// Most locals of a function.
const MAX_LOCALS: u64 = 10_000;

/// Most pages of memory that a module may declare: 256 MiB.
const MAX_PAGES: u64 = 4096;

/// Why a module is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is too large.
    #[error("it has {found} bytes, of {MAX_MODULE_BYTES} allowed")]
    Size {
        /// Its bytes.
        found: usize,
    },
    /// It is another module than the approved one.
    #[error("its digest is {found}, and {approved} is approved")]
    Digest {
        /// What it is.
        found: Digest,
        /// What is approved.
        approved: Digest,
    },
    /// It is a component.
    #[error("it is a component, and not a core module")]
    Component,
    /// It is not valid WebAssembly under the profile.
    #[error("it is not valid under the sandbox's profile: {0}")]
    Invalid(String),
    /// It wants something from outside.
    #[error("it imports `{name}` from `{module}`; a guest imports nothing")]
    Import {
        /// From where.
        module: String,
        /// What.
        name: String,
    },
    /// It runs code when it is instantiated.
    #[error("it has a start function")]
    Start,
    /// Its memory is none, or has no maximum, or a larger one than it may have.
    #[error("it has no memory with a maximum of at most 4096 pages")]
    Memory,
    /// It has more of something than it may have.
    #[error("it has {found} {what}, of {allowed} allowed")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// What it has.
        found: u64,
        /// What it may have.
        allowed: u64,
    },
    /// It has no declaration, or two.
    #[error("it has {found} custom sections `{SECTION}`, and needs one")]
    Declarations {
        /// How many.
        found: usize,
    },
    /// An export of the contract is missing.
    #[error("it does not export `{0}`")]
    NoExport(&'static str),
    /// An export of the contract has another type.
    #[error("its export `{name}` is not {expected}")]
    ExportType {
        /// The export.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// It has one of two exports that go together.
    #[error("it exports one of `{0}` and `{1}` without the other")]
    HalfPair(&'static str, &'static str),
    /// It exports something of the contract that its kind has no use for.
    #[error("it exports `{name}`, which is not for a module of kind {kind}")]
    Foreign {
        /// The export.
        name: &'static str,
        /// Its kind.
        kind: &'static str,
    },
    /// It declares tables that nothing fills.
    #[error("it declares tables and does not export `sbx_derive`, or the reverse")]
    Derive,
    /// The compiler refused it.
    #[error("it does not compile: {0}")]
    Compile(String),
}

/// The features of the profile: WebAssembly 1.0, and what compilers of today emit without being asked.
fn features() -> WasmFeatures {
    WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::CALL_INDIRECT_OVERLONG
        | WasmFeatures::FLOATS
        | WasmFeatures::GC_TYPES
}

/// What is found in a module.
pub(super) struct Outline<'a> {
    pub(super) declaration: &'a [u8],
    pub(super) memory_pages: [u64; 2],
    types: Vec<FuncType>,
    functions: Vec<u32>,
    exports: BTreeMap<&'a str, Export<'a>>,
}

impl Outline<'_> {
    pub(super) fn functions_len(&self) -> usize {
        self.functions.len()
    }
}

/// Which of the contract's optional exports there are.
pub(super) struct Exports {
    pub(super) others: Vec<String>,
    pub(super) derives: bool,
    pub(super) merges: bool,
}

pub(super) fn outline(bytes: &[u8]) -> Result<Outline<'_>, Refusal> {
    if bytes.len() > MAX_MODULE_BYTES {
        return Err(Refusal::Size { found: bytes.len() });
    }
    if Parser::is_component(bytes) {
        return Err(Refusal::Component);
    }
    let mut reading = Reading::default();
    for payload in Parser::new(0).parse_all(bytes) {
        reading.take(payload.map_err(invalid)?)?;
    }
    Validator::new_with_features(features()).validate_all(bytes).map_err(invalid)?;
    reading.finish()
}

#[allow(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn invalid(error: wasmparser::BinaryReaderError) -> Refusal {
    Refusal::Invalid(one_line(&error.to_string()))
}

fn at_most(what: &'static str, found: u64, allowed: u64) -> Result<(), Refusal> {
    if found <= allowed { Ok(()) } else { Err(Refusal::TooMany { what, found, allowed }) }
}

#[derive(Default)]
struct Reading<'a> {
    declarations: Vec<&'a [u8]>,
    memories: Vec<wasmparser::MemoryType>,
    types: Vec<FuncType>,
    functions: Vec<u32>,
    exports: BTreeMap<&'a str, Export<'a>>,
}

impl<'a> Reading<'a> {
    fn take(&mut self, payload: Payload<'a>) -> Result<(), Refusal> {
        match payload {
            Payload::Version { encoding: Encoding::Component, .. } => return Err(Refusal::Component),
            Payload::ImportSection(imports) => return import(imports),
            Payload::StartSection { .. } => return Err(Refusal::Start),
            Payload::TypeSection(types) => {
                at_most("types", types.count().into(), MAX_ITEMS.into())?;
                self.types = types.into_iter_err_on_gc_types().collect::<Result<_, _>>().map_err(invalid)?;
            }
            Payload::FunctionSection(functions) => {
                at_most("functions", functions.count().into(), MAX_FUNCTIONS as u64)?;
                self.functions = functions.into_iter().collect::<Result<_, _>>().map_err(invalid)?;
            }
            Payload::MemorySection(memories) => {
                at_most("memories", memories.count().into(), 1)?;
                self.memories = memories.into_iter().collect::<Result<_, _>>().map_err(invalid)?;
            }
            Payload::TableSection(tables) => {
                at_most("tables", tables.count().into(), 1)?;
                for table in tables {
                    at_most("table entries", table.map_err(invalid)?.ty.initial, MAX_TABLE_ENTRIES)?;
                }
            }
            Payload::GlobalSection(globals) => at_most("globals", globals.count().into(), MAX_ITEMS.into())?,
            Payload::ElementSection(items) => at_most("segments", items.count().into(), MAX_ITEMS.into())?,
            Payload::DataSection(items) => at_most("segments", items.count().into(), MAX_ITEMS.into())?,
            Payload::CodeSectionEntry(body) => self.body(&body)?,
            Payload::ExportSection(exports) => {
                at_most("exports", exports.count().into(), MAX_ITEMS.into())?;
                for export in exports {
                    let export = export.map_err(invalid)?;
                    self.exports.insert(export.name, export);
                }
            }
            Payload::CustomSection(section) if section.name() == SECTION => {
                self.declarations.push(section.data())
            }
            _ => {}
        }
        Ok(())
    }

    fn body(&self, body: &wasmparser::FunctionBody<'_>) -> Result<(), Refusal> {
        at_most("bytes in a function", body.as_bytes().len() as u64, MAX_BODY_BYTES as u64)?;
        let mut locals = 0u64;
        for group in body.get_locals_reader().map_err(invalid)? {
            locals = locals.saturating_add(group.map_err(invalid)?.0.into());
        }
        at_most("locals in a function", locals, MAX_LOCALS)
    }

    fn finish(self) -> Result<Outline<'a>, Refusal> {
        let [declaration] = self.declarations[..] else {
            return Err(Refusal::Declarations { found: self.declarations.len() });
        };
        let memory = self.memories.first().ok_or(Refusal::Memory)?;
        let maximum = memory.maximum.filter(|pages| *pages <= MAX_PAGES).ok_or(Refusal::Memory)?;
        let memory_pages = [memory.initial, maximum];
        let Self { types, functions, exports, .. } = self;
        Ok(Outline { declaration, memory_pages, types, functions, exports })
    }
}

fn import(imports: wasmparser::ImportSectionReader<'_>) -> Result<(), Refusal> {
    let first = imports.into_imports().next();
    let Some(import) = first.transpose().map_err(invalid)? else { return Ok(()) };
    Err(Refusal::Import { module: import.module.to_owned(), name: import.name.to_owned() })
}

/// How many numbers of 32 bits an export of the contract takes; it returns one.
const FUNCTIONS: [(&str, usize); 8] = [
    ("sbx_buffer", 1),
    ("sbx_init", 1),
    ("sbx_map", 1),
    ("sbx_derive", 1),
    ("sbx_update", 1),
    ("sbx_state", 0),
    ("sbx_merge", 2),
    ("sbx_finish", 0),
];

/// Holds the exports to the contract.
pub(super) fn exports(outline: &Outline<'_>, kind: &Kind) -> Result<Exports, Refusal> {
    let memory = outline.exports.get("memory").ok_or(Refusal::NoExport("memory"))?;
    if memory.kind != ExternalKind::Memory {
        return Err(Refusal::ExportType { name: "memory", expected: "a memory" });
    }
    let (needed, optional): (&[&str], &[&str]) = match kind {
        Kind::Mapper(_) => (&["sbx_buffer", "sbx_init", "sbx_map"], &["sbx_derive"]),
        Kind::Aggregate(_) => {
            (&["sbx_buffer", "sbx_init", "sbx_update", "sbx_finish"], &["sbx_state", "sbx_merge"])
        }
    };
    for (name, takes) in FUNCTIONS {
        match outline.exports.get(name) {
            Some(_) if !needed.contains(&name) && !optional.contains(&name) => {
                return Err(Refusal::Foreign { name, kind: kind.name() });
            }
            Some(export) => check_function(outline, name, export, takes)?,
            None if needed.contains(&name) => return Err(Refusal::NoExport(name)),
            None => {}
        }
    }
    let has = |name| outline.exports.contains_key(name);
    if has("sbx_state") != has("sbx_merge") {
        return Err(Refusal::HalfPair("sbx_state", "sbx_merge"));
    }
    let known = |name: &&str| *name == "memory" || FUNCTIONS.iter().any(|(known, _)| known == name);
    let others = outline.exports.keys().filter(|name| !known(name)).map(|name| (*name).to_owned()).collect();
    Ok(Exports { others, derives: has("sbx_derive"), merges: has("sbx_merge") })
}

/// A mapper declares tables if and only if it derives some.
pub(super) fn tables(declaration: &Declaration, derives: bool) -> Result<(), Refusal> {
    match &declaration.kind {
        Kind::Mapper(mapper) if mapper.derived.is_empty() == derives => Err(Refusal::Derive),
        _ => Ok(()),
    }
}

fn check_function(
    outline: &Outline<'_>,
    name: &'static str,
    export: &Export<'_>,
    takes: usize,
) -> Result<(), Refusal> {
    let found = (export.kind == ExternalKind::Func)
        .then(|| outline.functions.get(export.index as usize))
        .flatten()
        .and_then(|index| outline.types.get(*index as usize));
    let fits = found.is_some_and(|found| {
        let numbers = found.params().iter().chain(found.results()).all(|value| *value == ValType::I32);
        numbers && found.params().len() == takes && found.results().len() == 1
    });
    let expected = match takes {
        0 => "a function () -> i32",
        1 => "a function (i32) -> i32",
        _ => "a function (i32, i32) -> i32",
    };
    if fits { Ok(()) } else { Err(Refusal::ExportType { name, expected }) }
}
