//! The report of `sandbox inspect`.

use std::fmt;

use serde::{Deserialize, Serialize};
use tidegate_sandbox::Inspection;
use tidegate_sandbox::declaration::{
    ColumnDeclaration, Declaration, Extent, Kind, MapperDeclaration, ParameterDeclaration, ParameterType,
    TableDeclaration,
};

use super::{REPORT_VERSION, Report, grouped};

/// What a module is and asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModuleReport {
    /// [`REPORT_VERSION`].
    pub report_version: u32,
    /// `sandbox inspect`.
    pub command: String,
    /// SHA-256 of the module's bytes.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// Name of the algorithm.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What its author says that it computes.
    pub description: String,
    /// `mapper` or `aggregate`.
    pub kind: String,
    /// The columns that it reads.
    pub columns: Vec<ModuleColumn>,
    /// Its parameters.
    pub parameters: Vec<ModuleParameter>,
    /// What spans the cells of a mapper.
    pub axes: Vec<ModuleAxis>,
    /// What a mapper has summed in each cell.
    pub measures: Vec<ModuleMeasure>,
    /// The tables of numbers that it writes itself.
    pub tables: Vec<ModuleTable>,
    /// Most passes over the data.
    pub passes: u32,
    /// Bytes of memory that it begins with, and may grow to.
    pub memory_bytes: [u64; 2],
    /// Functions that it defines.
    pub functions: u64,
    /// Exports that nobody uses.
    pub other_exports: Vec<String>,
    /// What it can bring about, in sentences.
    pub notes: Vec<String>,
}

/// A column that a module reads.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModuleColumn {
    /// The algorithm's own name for it.
    pub name: String,
    /// The type of its values.
    #[serde(rename = "type")]
    pub column_type: String,
}

/// A parameter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModuleParameter {
    /// Its name.
    pub name: String,
    /// `integer` or `number`.
    #[serde(rename = "type")]
    pub parameter_type: String,
    /// Smallest value.
    pub minimum: f64,
    /// Largest value.
    pub maximum: f64,
    /// The value where a request gives none.
    pub default: Option<f64>,
}

/// What spans cells.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModuleAxis {
    /// Its name.
    pub name: String,
    /// Its labels, or where they come from.
    pub labels: String,
}

/// What is summed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModuleMeasure {
    /// Its name.
    pub name: String,
    /// Smallest value.
    pub minimum: f64,
    /// Largest value.
    pub maximum: f64,
    /// Decimals of a value.
    pub decimals: u32,
    /// Whether squares are summed too.
    pub squares: bool,
}

/// A table of numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModuleTable {
    /// Its name.
    pub name: String,
    /// Its rows, or where they come from.
    pub rows: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// The range of its numbers, where one is declared.
    pub range: Option<[f64; 2]>,
}

impl ModuleReport {
    /// Says what was found in a module.
    pub fn new(found: &Inspection) -> Self {
        let Declaration { name, version, description, columns, parameters, kind } = &found.declaration;
        let mapper = match kind {
            Kind::Mapper(mapper) => Some(mapper),
            Kind::Aggregate(_) => None,
        };
        let passes = match kind {
            Kind::Mapper(_) => 1,
            Kind::Aggregate(aggregate) => aggregate.passes,
        };
        let declared = &found.declaration;
        Self {
            report_version: REPORT_VERSION,
            command: "sandbox inspect".to_owned(),
            sha256: found.digest.to_string(),
            bytes: found.bytes as u64,
            name: name.clone(),
            version: version.clone(),
            description: description.clone(),
            kind: kind.name().to_owned(),
            columns: columns.iter().map(column).collect(),
            parameters: parameters.iter().map(parameter).collect(),
            axes: mapper.map(|mapper| axes(mapper, declared)).unwrap_or_default(),
            measures: mapper.map(measures).unwrap_or_default(),
            tables: declared.tables().iter().map(|one| table(one, declared)).collect(),
            passes,
            memory_bytes: found.memory_pages.map(|pages| pages << 16),
            functions: found.functions as u64,
            other_exports: found.other_exports.clone(),
            notes: notes(kind, found),
        }
    }
}

fn column(column: &ColumnDeclaration) -> ModuleColumn {
    ModuleColumn { name: column.name.clone(), column_type: column.column_type.name().to_owned() }
}

fn parameter(parameter: &ParameterDeclaration) -> ModuleParameter {
    let parameter_type = match parameter.parameter_type {
        ParameterType::Integer => "integer",
        ParameterType::Number => "number",
    };
    ModuleParameter {
        name: parameter.name.clone(),
        parameter_type: parameter_type.to_owned(),
        minimum: parameter.minimum,
        maximum: parameter.maximum,
        default: parameter.default,
    }
}

fn axes(mapper: &MapperDeclaration, declared: &Declaration) -> Vec<ModuleAxis> {
    let axes = mapper.axes.iter();
    axes.map(|axis| ModuleAxis { name: axis.name.clone(), labels: extent(&axis.extent, declared) }).collect()
}

fn measures(mapper: &MapperDeclaration) -> Vec<ModuleMeasure> {
    let measure = |measure: &tidegate_sandbox::declaration::MeasureDeclaration| ModuleMeasure {
        name: measure.name.clone(),
        minimum: measure.minimum,
        maximum: measure.maximum,
        decimals: measure.decimals,
        squares: measure.squares,
    };
    mapper.measures.iter().map(measure).collect()
}

fn table(table: &TableDeclaration, declared: &Declaration) -> ModuleTable {
    ModuleTable {
        name: table.name.clone(),
        rows: extent(&table.rows, declared),
        columns: table.columns.clone(),
        range: table.range.map(|(low, high)| [low, high]),
    }
}

/// Says what labels there are, or where they come from.
fn extent(extent: &Extent, declared: &Declaration) -> String {
    match extent {
        Extent::Labels(labels) => labels.join(", "),
        Extent::Parameter(index) => {
            let name = declared.parameters.get(*index).map(|parameter| &parameter.name[..]);
            format!("1 to parameter {}", name.unwrap_or_default())
        }
        Extent::Column(index) => {
            let name = declared.columns.get(*index).map(|column| &column.name[..]);
            format!("the categories of column {}", name.unwrap_or_default())
        }
    }
}

fn notes(kind: &Kind, found: &Inspection) -> Vec<String> {
    let mut notes = vec!["it imports nothing: no file, network, clock, random number or log".to_owned()];
    notes.push(match kind {
        Kind::Mapper(_) => {
            "it maps each record to a cell and bounded values; the host counts, adds, checks and rounds. See in its source that what it \
             says of a record follows from that record alone: a false mapper can spell one record in the cells of others"
        }
        Kind::Aggregate(_) => {
            "it computes its numbers itself, and they may hold anything that it read: release them after a review, or as \
             the noisy mean over many disjoint blocks"
        }
    }.to_owned());
    if found.derives {
        notes.push(
            "its tables are derived from figures that are released, in an instance that has seen no record"
                .to_owned(),
        );
    }
    if matches!(kind, Kind::Aggregate(_)) && !found.merges {
        notes.push("it cannot merge states: all records go through one instance".to_owned());
    }
    notes
}

/// Takes from a text what could move a terminal's cursor.
fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}

impl Report for ModuleReport {}

impl fmt::Display for ModuleReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}, {}", self.name, self.version, self.kind)?;
        if !self.description.is_empty() {
            writeln!(f, "Says of itself: {}", plain(&self.description))?;
        }
        writeln!(f, "SHA-256: {}", self.sha256)?;
        let [first, most] = self.memory_bytes.map(|bytes| bytes >> 10);
        let (size, functions) = (grouped(self.bytes), grouped(self.functions));
        writeln!(
            f,
            "Size: {size} bytes, {functions} functions; memory: {} to {} KiB",
            grouped(first),
            grouped(most)
        )?;
        self.write_reads(f)?;
        self.write_gives(f)?;
        if !self.other_exports.is_empty() {
            writeln!(f, "Exports that nobody uses: {}", plain(&self.other_exports.join(", ")))?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "Note: {note}"))
    }
}

impl ModuleReport {
    fn write_reads(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Reads:")?;
        self.columns
            .iter()
            .try_for_each(|column| writeln!(f, "  {}: {}", column.name, column.column_type))?;
        if self.passes > 1 {
            writeln!(f, "  up to {} times", self.passes)?;
        }
        if self.parameters.is_empty() {
            return Ok(());
        }
        writeln!(f, "Parameters:")?;
        self.parameters.iter().try_for_each(|parameter| {
            let ModuleParameter { name, parameter_type, minimum, maximum, default } = parameter;
            write!(f, "  {name}: {parameter_type} from {minimum} to {maximum}")?;
            match default {
                Some(default) => writeln!(f, ", {default} where it is not given"),
                None => writeln!(f),
            }
        })
    }

    fn write_gives(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Gives:")?;
        self.axes.iter().try_for_each(|axis| writeln!(f, "  cells by {}: {}", axis.name, axis.labels))?;
        for ModuleMeasure { name, minimum, maximum, decimals, squares } in &self.measures {
            let squares = if *squares { ", and of its square" } else { "" };
            writeln!(
                f,
                "  the sum of {name}, from {minimum} to {maximum} with {decimals} decimals{squares}"
            )?;
        }
        self.tables.iter().try_for_each(|table| {
            let ModuleTable { name, rows, columns, range } = table;
            write!(f, "  table {name}, rows: {rows}; columns: {}", columns.join(", "))?;
            match range {
                Some([low, high]) => writeln!(f, "; numbers from {low} to {high}"),
                None => writeln!(f),
            }
        })
    }
}
