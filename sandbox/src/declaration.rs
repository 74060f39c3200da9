//! What a module says of itself: the columns that it reads, its parameters, the shape of its result.
//!
//! The text is TOML in the custom section [`SECTION`], described in `ABI.md`. It is the module author's word, and the host
//! holds the module to it.

use serde::Deserialize;

mod check;

pub use check::DeclarationError;
pub(crate) use check::is_integer;

/// Name of the custom section.
pub const SECTION: &str = "tidegate:algorithm";

/// Most bytes of a declaration.
pub const MAX_DECLARATION_BYTES: usize = 1 << 16;

/// The version of the contract.
pub const ABI: &str = "sbx/1";

/// Most columns that a module reads.
pub const MAX_COLUMNS: usize = 64;

/// Most parameters.
pub const MAX_PARAMETERS: usize = 32;

/// Most measures of a mapper.
pub const MAX_MEASURES: usize = 16;

/// Most tables of an aggregate.
pub const MAX_TABLES: usize = 16;

/// Most numbers of a result.
pub const MAX_NUMBERS: usize = 1 << 16;

/// Most passes of an aggregate over the data.
pub const MAX_PASSES: u32 = 100;

/// Most bytes of a state.
pub const MAX_STATE_BYTES: u32 = 1 << 26;

/// A checked declaration.
#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    /// Name of the algorithm.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it computes, for whoever approves it.
    pub description: String,
    /// The columns that it reads, in the order of a batch.
    pub columns: Vec<ColumnDeclaration>,
    /// Its parameters, in the order of the setup.
    pub parameters: Vec<ParameterDeclaration>,
    /// What it gives.
    pub kind: Kind,
}

/// A column that a module reads.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnDeclaration {
    /// The algorithm's own name for it.
    pub name: String,
    /// The type of its values.
    #[serde(rename = "type")]
    pub column_type: ColumnType,
}

/// The type of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnType {
    /// A bit.
    Boolean,
    /// A signed integer of 64 bits.
    Integer,
    /// A finite number of IEEE 754, 64 bits.
    Number,
    /// Days since 1970-01-01, 32 bits.
    Date,
    /// One of a declared list of labels.
    Category,
}

impl ColumnType {
    /// Returns the name used in declarations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Date => "date",
            Self::Category => "category",
        }
    }
}

/// A parameter with its range.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterDeclaration {
    /// Its name.
    pub name: String,
    /// The type of its value.
    #[serde(rename = "type")]
    pub parameter_type: ParameterType,
    /// Smallest value.
    pub minimum: f64,
    /// Largest value.
    pub maximum: f64,
    /// The value where a request gives none.
    pub default: Option<f64>,
}

/// The type of a parameter's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParameterType {
    /// An integer below 2^53 in magnitude.
    Integer,
    /// A finite number.
    Number,
}

/// What a module gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A cell and bounded values for each record; the host does the rest.
    Mapper(MapperDeclaration),
    /// Tables of numbers that the guest computed.
    Aggregate(AggregateDeclaration),
}

impl Kind {
    /// Returns the name used in declarations.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Mapper(_) => "mapper",
            Self::Aggregate(_) => "aggregate",
        }
    }
}

/// The cells and measures of a mapper, and what it may derive from their released figures.
#[derive(Clone, Debug, PartialEq)]
pub struct MapperDeclaration {
    /// At most two; without any there is one cell.
    pub axes: Vec<AxisDeclaration>,
    /// What is summed in each cell.
    pub measures: Vec<MeasureDeclaration>,
    /// Tables of `sbx_derive`.
    pub derived: Vec<TableDeclaration>,
}

/// A span of cells.
#[derive(Clone, Debug, PartialEq)]
pub struct AxisDeclaration {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub extent: Extent,
}

/// How many there are, and what they are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extent {
    /// These.
    Labels(Vec<String>),
    /// As many as this parameter says, called by their number from 1.
    Parameter(usize),
    /// The categories of this column.
    Column(usize),
}

/// A bounded value that is summed in each cell.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureDeclaration {
    /// Its name.
    pub name: String,
    /// Smallest value; smaller ones count as it.
    pub minimum: f64,
    /// Largest value; larger ones count as it.
    pub maximum: f64,
    /// Decimals to which a value is rounded before it is added.
    #[serde(default)]
    pub decimals: u32,
    /// Whether squares are summed too.
    #[serde(default)]
    pub squares: bool,
}

/// Tables of numbers, and how they come about.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateDeclaration {
    /// Most passes over the data.
    pub passes: u32,
    /// Most bytes of a state and of what is carried into another pass.
    pub state_bytes: u32,
    /// The tables.
    pub tables: Vec<TableDeclaration>,
}

/// A table of numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct TableDeclaration {
    /// Its name.
    pub name: String,
    /// Its rows.
    pub rows: Extent,
    /// Its columns.
    pub columns: Vec<String>,
    /// The range of its numbers, where one is declared.
    pub range: Option<(f64, f64)>,
}

/// Reads a declaration.
///
/// # Errors
/// [`DeclarationError`] where it is no declaration or breaks a rule.
pub fn parse(text: &[u8]) -> Result<Declaration, DeclarationError> {
    check::parse(text)
}

impl Declaration {
    /// Returns the tables of numbers that the guest itself writes.
    pub fn tables(&self) -> &[TableDeclaration] {
        match &self.kind {
            Kind::Mapper(mapper) => &mapper.derived,
            Kind::Aggregate(aggregate) => &aggregate.tables,
        }
    }
}
