//! What a run gives to a guest before its records: parameters and labels; and the shape of the result that follows.

use crate::declaration::{
    AggregateDeclaration, ColumnType, Declaration, Extent, Kind, MAX_NUMBERS, MapperDeclaration,
    ParameterDeclaration, ParameterType, TableDeclaration, is_integer,
};

/// Most cells of a mapper.
pub const MAX_CELLS: u32 = tidegate_disclosure::MAX_CELLS;

/// Most bytes of all labels of a column.
const MAX_LABEL_BYTES: usize = 1 << 20;

/// The value of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// Of type integer.
    Integer(i64),
    /// Of type number.
    Number(f64),
}

/// Parameters and labels, checked against a declaration.
#[derive(Clone, Debug)]
pub struct Setup {
    /// In the order of the declaration.
    pub(crate) parameters: Vec<Value>,
    /// For each column its labels, empty where it is no category.
    pub(crate) labels: Vec<Vec<String>>,
    pub(crate) result: ResultShape,
}

/// The shape of a result, known before the run.
#[derive(Clone, Debug, PartialEq)]
pub enum ResultShape {
    /// Of a mapper.
    Cells {
        /// The labels of one or two axes.
        axes: Vec<Vec<String>>,
        /// Tables that are derived from what is released.
        derived: Vec<TableShape>,
    },
    /// Of an aggregate.
    Tables(Vec<TableShape>),
}

/// The shape of a table of numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct TableShape {
    /// Its name.
    pub name: String,
    /// Labels of its rows.
    pub rows: Vec<String>,
    /// Names of its columns.
    pub columns: Vec<String>,
    /// The range of its numbers, where one is declared.
    pub range: Option<(f64, f64)>,
}

/// Why parameters or labels do not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// No such parameter is declared.
    #[error("the algorithm has no parameter `{name}`; {known}")]
    UnknownParameter {
        /// The name that was given.
        name: String,
        /// What there is.
        known: String,
    },
    /// A parameter is given twice.
    #[error("parameter `{0}` is given twice")]
    Twice(String),
    /// A parameter has neither a value nor a default.
    #[error("parameter `{0}` has no default and is not given")]
    NoParameter(String),
    /// A value breaks the declared range or type.
    #[error("parameter `{name}` is {kind} from {minimum} to {maximum}")]
    Range {
        /// The parameter.
        name: String,
        /// Its type.
        kind: &'static str,
        /// Smallest value.
        minimum: String,
        /// Largest value.
        maximum: String,
    },
    /// Columns are not those of the declaration.
    #[error("the algorithm reads {expected} columns, and {found} are given")]
    Columns {
        /// How many are declared.
        expected: usize,
        /// How many are given.
        found: usize,
    },
    /// Labels for a column that is no category, or none for one that is.
    #[error("column `{0}` has labels if and only if it is a category")]
    Labels(String),
    /// Labels are too many.
    #[error("the labels of column `{0}` have more than 1 MiB")]
    LabelBytes(String),
    /// The result has too many cells or numbers.
    #[error("the result would have {found} {what}, of {allowed} allowed")]
    TooLarge {
        /// Cells or numbers.
        what: &'static str,
        /// How many.
        found: usize,
        /// How many may be.
        allowed: usize,
    },
}

impl Setup {
    /// Checks what a run gives: `parameters` by name, `labels` for each column in the order of the declaration, where it is a
    /// category.
    ///
    /// # Errors
    /// [`SetupError`] where they do not fit the declaration.
    pub fn new(
        declaration: &Declaration,
        parameters: &[(&str, f64)],
        labels: Vec<Option<Vec<String>>>,
    ) -> Result<Self, SetupError> {
        let parameters = parameter_values(&declaration.parameters, parameters)?;
        let labels = column_labels(declaration, labels)?;
        let shape = Shaping { parameters: &parameters, labels: &labels };
        let result = match &declaration.kind {
            Kind::Mapper(mapper) => shape.cells(mapper)?,
            Kind::Aggregate(AggregateDeclaration { tables, .. }) => {
                ResultShape::Tables(shape.tables(tables)?)
            }
        };
        Ok(Self { parameters, labels, result })
    }

    /// Returns the values of the parameters, in the order of the declaration.
    pub fn parameters(&self) -> &[Value] {
        &self.parameters
    }

    /// Returns the shape of the result.
    pub fn result(&self) -> &ResultShape {
        &self.result
    }
}

impl ResultShape {
    /// Returns the tables of numbers that the guest itself writes.
    pub fn tables(&self) -> &[TableShape] {
        match self {
            Self::Cells { derived: tables, .. } | Self::Tables(tables) => tables,
        }
    }

    /// Counts the cells of each axis; a single axis has one column.
    pub(crate) fn cells(&self) -> [u32; 2] {
        let Self::Cells { axes, .. } = self else { return [0, 0] };
        let len = |axis: Option<&Vec<String>>| {
            axis.map_or(1, |labels| u32::try_from(labels.len()).unwrap_or(u32::MAX))
        };
        [len(axes.first()), len(axes.get(1))]
    }

    /// Counts the numbers that the guest itself writes.
    pub(crate) fn numbers_len(&self) -> usize {
        self.tables().iter().map(TableShape::len).sum()
    }
}

impl TableShape {
    /// Counts its numbers.
    #[allow(clippy::len_without_is_empty, reason = "a table has at least one row and one column")]
    pub fn len(&self) -> usize {
        self.rows.len() * self.columns.len()
    }
}

fn parameter_values(
    declared: &[ParameterDeclaration],
    given: &[(&str, f64)],
) -> Result<Vec<Value>, SetupError> {
    for (index, (name, _)) in given.iter().enumerate() {
        if given.iter().take(index).any(|(other, _)| other == name) {
            return Err(SetupError::Twice((*name).to_owned()));
        }
        if !declared.iter().any(|parameter| parameter.name == *name) {
            return Err(unknown(name, declared));
        }
    }
    let value = |parameter: &ParameterDeclaration| {
        let given = given.iter().find(|(name, _)| *name == parameter.name).map(|(_, value)| *value);
        let value =
            given.or(parameter.default).ok_or_else(|| SetupError::NoParameter(parameter.name.clone()))?;
        check_value(parameter, value)
    };
    declared.iter().map(value).collect()
}

fn unknown(name: &str, declared: &[ParameterDeclaration]) -> SetupError {
    let names: Vec<_> = declared.iter().map(|parameter| format!("`{}`", parameter.name)).collect();
    let known =
        if names.is_empty() { "it has none".to_owned() } else { format!("they are {}", names.join(", ")) };
    SetupError::UnknownParameter { name: name.to_owned(), known }
}

#[allow(clippy::cast_possible_truncation, reason = "integers are checked to be below 2^53")]
fn check_value(parameter: &ParameterDeclaration, value: f64) -> Result<Value, SetupError> {
    let ParameterDeclaration { name, parameter_type, minimum, maximum, .. } = parameter;
    let kind = match parameter_type {
        ParameterType::Integer => "an integer",
        ParameterType::Number => "a number",
    };
    let whole = is_integer(value);
    let fits = (*minimum..=*maximum).contains(&value) && (whole || *parameter_type == ParameterType::Number);
    if !fits {
        let (minimum, maximum) = (minimum.to_string(), maximum.to_string());
        return Err(SetupError::Range { name: name.clone(), kind, minimum, maximum });
    }
    Ok(match parameter_type {
        ParameterType::Integer => Value::Integer(value as i64),
        ParameterType::Number => Value::Number(value),
    })
}

fn column_labels(
    declaration: &Declaration,
    labels: Vec<Option<Vec<String>>>,
) -> Result<Vec<Vec<String>>, SetupError> {
    let (expected, found) = (declaration.columns.len(), labels.len());
    if expected != found {
        return Err(SetupError::Columns { expected, found });
    }
    let checked = |(column, labels): (&crate::declaration::ColumnDeclaration, Option<Vec<String>>)| {
        let is_category = column.column_type == ColumnType::Category;
        let labels = match (is_category, labels) {
            (true, Some(labels)) if !labels.is_empty() => labels,
            (false, None) => Vec::new(),
            _ => return Err(SetupError::Labels(column.name.clone())),
        };
        if labels.iter().map(|label| 1 + label.len()).sum::<usize>() > MAX_LABEL_BYTES {
            return Err(SetupError::LabelBytes(column.name.clone()));
        }
        Ok(labels)
    };
    declaration.columns.iter().zip(labels).map(checked).collect()
}

struct Shaping<'a> {
    parameters: &'a [Value],
    labels: &'a [Vec<String>],
}

impl Shaping<'_> {
    fn cells(&self, mapper: &MapperDeclaration) -> Result<ResultShape, SetupError> {
        let found = mapper.axes.iter().map(|axis| self.len(&axis.extent)).fold(1, usize::saturating_mul);
        at_most("cells", found, MAX_CELLS as usize)?;
        let axes: Vec<_> = mapper.axes.iter().map(|axis| self.extent(&axis.extent)).collect();
        Ok(ResultShape::Cells { axes, derived: self.tables(&mapper.derived)? })
    }

    fn tables(&self, tables: &[TableDeclaration]) -> Result<Vec<TableShape>, SetupError> {
        let shape = |table: &TableDeclaration| TableShape {
            name: table.name.clone(),
            rows: self.extent(&table.rows),
            columns: table.columns.clone(),
            range: table.range,
        };
        let numbers = |table: &TableDeclaration| self.len(&table.rows).saturating_mul(table.columns.len());
        at_most("numbers", tables.iter().map(numbers).fold(0, usize::saturating_add), MAX_NUMBERS)?;
        Ok(tables.iter().map(shape).collect())
    }

    fn len(&self, extent: &Extent) -> usize {
        match extent {
            Extent::Labels(labels) => labels.len(),
            Extent::Column(column) => self.labels.get(*column).map_or(0, Vec::len),
            Extent::Parameter(parameter) => match self.parameters.get(*parameter) {
                Some(Value::Integer(size)) => usize::try_from(*size).unwrap_or(0),
                _ => 0,
            },
        }
    }

    fn extent(&self, extent: &Extent) -> Vec<String> {
        match extent {
            Extent::Labels(labels) => labels.clone(),
            Extent::Column(column) => self.labels.get(*column).cloned().unwrap_or_default(),
            Extent::Parameter(parameter) => match self.parameters.get(*parameter) {
                Some(Value::Integer(size)) => (1..=*size).map(|number| number.to_string()).collect(),
                _ => Vec::new(),
            },
        }
    }
}

fn at_most(what: &'static str, found: usize, allowed: usize) -> Result<(), SetupError> {
    if found <= allowed { Ok(()) } else { Err(SetupError::TooLarge { what, found, allowed }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declaration::parse;

    const MAPPER: &str = r#"
        abi = "sbx/1"
        name = "m"
        version = "1"
        kind = "mapper"
        [[column]]
        name = "region"
        type = "category"
        [[column]]
        name = "income"
        type = "number"
        [[parameter]]
        name = "bins"
        type = "integer"
        minimum = 2
        maximum = 5000
        [[axis]]
        name = "region"
        of = "region"
        [[axis]]
        name = "bin"
        size = "bins"
    "#;

    fn setup(parameters: &[(&str, f64)], labels: Vec<Option<Vec<String>>>) -> Result<Setup, SetupError> {
        Setup::new(&parse(MAPPER.as_bytes()).unwrap(), parameters, labels)
    }

    fn labels() -> Vec<Option<Vec<String>>> {
        vec![Some(vec!["north".to_owned(), "south".to_owned()]), None]
    }

    #[test]
    fn parameters_and_labels_shape_the_result() {
        let setup = setup(&[("bins", 3.0)], labels()).unwrap();
        let ResultShape::Cells { axes, derived } = setup.result() else { panic!("cells") };
        assert_eq!(axes, &[vec!["north", "south"], vec!["1", "2", "3"]]);
        assert_eq!((setup.result().cells(), derived.len()), ([2, 3], 0));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let error = |parameters, labels| setup(parameters, labels).unwrap_err().to_string();
        assert_eq!(error(&[], labels()), "parameter `bins` has no default and is not given");
        assert_eq!(error(&[("bin", 3.0)], labels()), "the algorithm has no parameter `bin`; they are `bins`");
        for wrong in [1.0, 5001.0, 2.5, f64::NAN, f64::INFINITY] {
            let message = setup(&[("bins", wrong)], labels()).unwrap_err().to_string();
            assert_eq!(message, "parameter `bins` is an integer from 2 to 5000");
        }
        assert_eq!(error(&[("bins", 2.0), ("bins", 3.0)], labels()), "parameter `bins` is given twice");
        assert_eq!(error(&[("bins", 2049.0)], labels()), "the result would have 4098 cells, of 4096 allowed");
        assert_eq!(
            error(&[("bins", 2.0)], vec![None, None]),
            "column `region` has labels if and only if it is a category"
        );
        assert_eq!(error(&[("bins", 2.0)], vec![None]), "the algorithm reads 2 columns, and 1 are given");
    }
}
