//! Reading a declaration: every name, number and reference in it is checked.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{
    ABI, AggregateDeclaration, AxisDeclaration, ColumnDeclaration, ColumnType, Declaration, Extent, Kind,
    MAX_COLUMNS, MAX_DECLARATION_BYTES, MAX_MEASURES, MAX_NUMBERS, MAX_PARAMETERS, MAX_PASSES,
    MAX_STATE_BYTES, MAX_TABLES, MapperDeclaration, MeasureDeclaration, ParameterDeclaration, ParameterType,
    TableDeclaration,
};

/// Longest name or label, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// Tells whether a number is an integer below 2^53 in magnitude, which a double holds exactly.
pub(crate) fn is_integer(value: f64) -> bool {
    value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0
}

/// Largest magnitude of a measure in units of its last decimal: rounding to it is exact below 2^51.
const MAX_SCALED: f64 = 1_125_899_906_842_624.0;

/// The same of a measure with squares, whose squares are compared in 64 bits.
const MAX_ROOT: f64 = 2_147_483_648.0;

/// Most decimals of a measure.
const MAX_DECIMALS: u32 = 9;

/// What is wrong with a declaration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeclarationError {
    /// It is too long.
    #[error("has {found} bytes, of {MAX_DECLARATION_BYTES} allowed")]
    Length {
        /// Its bytes.
        found: usize,
    },
    /// It is not text.
    #[error("is not UTF-8")]
    Encoding,
    /// It is not TOML of the declared form.
    #[error("{0}")]
    Syntax(String),
    /// It speaks another version of the contract.
    #[error("speaks `{found}`; this program speaks `{ABI}`")]
    Version {
        /// What it speaks.
        found: String,
    },
    /// A part of it breaks a rule.
    #[error("{place} {rule}")]
    Rule {
        /// Which part.
        place: String,
        /// What holds for it.
        rule: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    abi: String,
    name: String,
    version: String,
    #[serde(default)]
    description: String,
    kind: KindName,
    #[serde(default, rename = "column")]
    columns: Vec<ColumnDeclaration>,
    #[serde(default, rename = "parameter")]
    parameters: Vec<ParameterDeclaration>,
    #[serde(default, rename = "axis")]
    axes: Vec<Axis>,
    #[serde(default, rename = "measure")]
    measures: Vec<MeasureDeclaration>,
    passes: Option<u32>,
    state_bytes: Option<u32>,
    #[serde(default, rename = "table")]
    tables: Vec<Table>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum KindName {
    Mapper,
    Aggregate,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Axis {
    name: String,
    labels: Option<Vec<String>>,
    size: Option<String>,
    of: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    name: String,
    rows: Option<Vec<String>>,
    rows_size: Option<String>,
    rows_of: Option<String>,
    columns: Vec<String>,
    minimum: Option<f64>,
    maximum: Option<f64>,
}

pub(super) fn parse(text: &[u8]) -> Result<Declaration, DeclarationError> {
    if text.len() > MAX_DECLARATION_BYTES {
        return Err(DeclarationError::Length { found: text.len() });
    }
    let text = std::str::from_utf8(text).map_err(|_| DeclarationError::Encoding)?;
    let document: Document = toml::from_str(text).map_err(|error| syntax(&error))?;
    if document.abi != ABI {
        return Err(DeclarationError::Version { found: document.abi });
    }
    document.check()
}

/// Keeps the first line of what the reader says: the rest quotes the document.
fn syntax(error: &toml::de::Error) -> DeclarationError {
    DeclarationError::Syntax(error.message().lines().next().unwrap_or_default().to_owned())
}

fn require(holds: bool, place: &str, rule: &'static str) -> Result<(), DeclarationError> {
    if holds { Ok(()) } else { Err(DeclarationError::Rule { place: place.to_owned(), rule }) }
}

fn check_name(name: &str, place: &str) -> Result<(), DeclarationError> {
    let plain = name.chars().all(|c| !c.is_control()) && name.trim() == name;
    let length = (1..=MAX_NAME_BYTES).contains(&name.len());
    require(plain && length, place, "has 1 to 128 bytes, no control characters and no space at its ends")
}

fn check_names<'a>(names: impl Iterator<Item = &'a str>, place: &str) -> Result<(), DeclarationError> {
    let mut seen = BTreeSet::new();
    for name in names {
        check_name(name, place)?;
        require(seen.insert(name), place, "are not named twice")?;
    }
    Ok(())
}

impl Document {
    fn check(self) -> Result<Declaration, DeclarationError> {
        check_name(&self.name, "`name`")?;
        check_name(&self.version, "`version`")?;
        require(self.description.len() <= 4096, "`description`", "has at most 4096 bytes")?;
        require(!self.columns.is_empty(), "`column`", "is given at least once")?;
        require(self.columns.len() <= MAX_COLUMNS, "`column`", "is given at most 64 times")?;
        check_names(self.columns.iter().map(|column| &column.name[..]), "names of columns")?;
        require(self.parameters.len() <= MAX_PARAMETERS, "`parameter`", "is given at most 32 times")?;
        check_names(self.parameters.iter().map(|parameter| &parameter.name[..]), "names of parameters")?;
        self.parameters.iter().try_for_each(check_parameter)?;
        let kind = match self.kind {
            KindName::Mapper => Kind::Mapper(self.mapper()?),
            KindName::Aggregate => Kind::Aggregate(self.aggregate()?),
        };
        let Self { name, version, description, columns, parameters, .. } = self;
        Ok(Declaration { name, version, description, columns, parameters, kind })
    }

    fn mapper(&self) -> Result<MapperDeclaration, DeclarationError> {
        require(self.passes.is_none(), "`passes`", "is for aggregates")?;
        require(self.state_bytes.is_none(), "`state_bytes`", "is for aggregates")?;
        require(self.axes.len() <= 2, "`axis`", "is given at most twice")?;
        require(self.measures.len() <= MAX_MEASURES, "`measure`", "is given at most 16 times")?;
        check_names(self.axes.iter().map(|axis| &axis.name[..]), "names of axes")?;
        check_names(self.measures.iter().map(|measure| &measure.name[..]), "names of measures")?;
        self.measures.iter().try_for_each(check_measure)?;
        let axis = |axis: &Axis| {
            let extent = self.extent(&axis.name, axis.labels.as_ref(), axis.size.as_ref(), axis.of.as_ref());
            Ok(AxisDeclaration { name: axis.name.clone(), extent: extent? })
        };
        let axes = self.axes.iter().map(axis).collect::<Result<_, _>>()?;
        Ok(MapperDeclaration { axes, measures: self.measures.clone(), derived: self.tables()? })
    }

    fn aggregate(&self) -> Result<AggregateDeclaration, DeclarationError> {
        require(self.axes.is_empty(), "`axis`", "is for mappers")?;
        require(self.measures.is_empty(), "`measure`", "is for mappers")?;
        require(!self.tables.is_empty(), "`table`", "is given at least once by an aggregate")?;
        let passes = self.passes.unwrap_or(1);
        require((1..=MAX_PASSES).contains(&passes), "`passes`", "is between 1 and 100")?;
        let state_bytes = self.state_bytes.unwrap_or(1 << 16);
        require(state_bytes <= MAX_STATE_BYTES, "`state_bytes`", "is at most 2^26")?;
        Ok(AggregateDeclaration { passes, state_bytes, tables: self.tables()? })
    }

    fn tables(&self) -> Result<Vec<TableDeclaration>, DeclarationError> {
        require(self.tables.len() <= MAX_TABLES, "`table`", "is given at most 16 times")?;
        check_names(self.tables.iter().map(|table| &table.name[..]), "names of tables")?;
        self.tables.iter().map(|table| self.table(table)).collect()
    }

    fn table(&self, table: &Table) -> Result<TableDeclaration, DeclarationError> {
        let (given, size, of) = (table.rows.as_ref(), table.rows_size.as_ref(), table.rows_of.as_ref());
        let rows = self.extent(&table.name, given, size, of)?;
        check_names(table.columns.iter().map(|name| &name[..]), "columns of a table")?;
        require((1..=MAX_NUMBERS).contains(&table.columns.len()), &table.name, "has at least one column")?;
        let range = match (table.minimum, table.maximum) {
            (None, None) => None,
            (Some(low), Some(high)) => Some((low, high)),
            _ => return Err(rule(&table.name, "has both `minimum` and `maximum` or neither")),
        };
        let ordered = range.is_none_or(|(low, high)| low.is_finite() && high.is_finite() && low < high);
        require(ordered, &table.name, "has a `minimum` below its `maximum`")?;
        Ok(TableDeclaration { name: table.name.clone(), rows, columns: table.columns.clone(), range })
    }

    fn extent(
        &self,
        place: &str,
        labels: Option<&Vec<String>>,
        size: Option<&String>,
        of: Option<&String>,
    ) -> Result<Extent, DeclarationError> {
        match (labels, size, of) {
            (Some(labels), None, None) => {
                require((1..=MAX_NUMBERS).contains(&labels.len()), place, "has at least one label")?;
                check_names(labels.iter().map(|label| &label[..]), place)?;
                Ok(Extent::Labels(labels.clone()))
            }
            (None, Some(name), None) => self.sizing_parameter(place, name).map(Extent::Parameter),
            (None, None, Some(name)) => self.category(place, name).map(Extent::Column),
            _ => Err(rule(place, "has one of labels, a size and the column whose categories it takes")),
        }
    }

    fn sizing_parameter(&self, place: &str, name: &str) -> Result<usize, DeclarationError> {
        let found = self.parameters.iter().position(|parameter| parameter.name == name);
        let index = found.ok_or_else(|| rule(place, "takes its size from a declared parameter"))?;
        let sizes = self.parameters.get(index).is_some_and(|parameter| {
            parameter.parameter_type == ParameterType::Integer
                && parameter.minimum >= 1.0
                && parameter.maximum <= 65_536.0
        });
        require(sizes, place, "takes its size from an integer parameter between 1 and 65536")?;
        Ok(index)
    }

    fn category(&self, place: &str, name: &str) -> Result<usize, DeclarationError> {
        let found = self.columns.iter().position(|column| column.name == name);
        let index = found.ok_or_else(|| rule(place, "takes its labels from a declared column"))?;
        let is_category =
            self.columns.get(index).is_some_and(|column| column.column_type == ColumnType::Category);
        require(is_category, place, "takes its labels from a column of type category")?;
        Ok(index)
    }
}

fn rule(place: &str, rule: &'static str) -> DeclarationError {
    DeclarationError::Rule { place: place.to_owned(), rule }
}

fn check_parameter(parameter: &ParameterDeclaration) -> Result<(), DeclarationError> {
    let ParameterDeclaration { name, parameter_type, minimum, maximum, default } = parameter;
    let ordered = minimum.is_finite() && maximum.is_finite() && minimum <= maximum;
    require(ordered, name, "has a `minimum` that is not above its `maximum`")?;
    let within = default.is_none_or(|default| (*minimum..=*maximum).contains(&default));
    require(within, name, "has a `default` within its range")?;
    let integers = [Some(*minimum), Some(*maximum), *default].into_iter().flatten().all(is_integer);
    require(*parameter_type == ParameterType::Number || integers, name, "has integers as its range")
}

fn check_measure(measure: &MeasureDeclaration) -> Result<(), DeclarationError> {
    let MeasureDeclaration { name, minimum, maximum, decimals, squares } = measure;
    require(*decimals <= MAX_DECIMALS, name, "has at most 9 decimals")?;
    let ordered = minimum.is_finite() && maximum.is_finite() && minimum < maximum;
    require(ordered, name, "has a `minimum` below its `maximum`")?;
    let scale = 10f64.powi(i32::try_from(*decimals).unwrap_or(0));
    require(
        *minimum >= 0.0,
        name,
        "has a `minimum` that is not negative: rules on concentration compare parts of a sum",
    )?;
    require(maximum * scale < MAX_SCALED, name, "stays below 2^50 in units of its last decimal")?;
    let fits = !squares || maximum * scale < MAX_ROOT;
    require(fits, name, "has squares and stays below 2^31 in units of its last decimal")
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
