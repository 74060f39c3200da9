//! Where in the guest's buffer the host puts what: offsets from the address that `sbx_buffer` returns.

use crate::declaration::{ColumnType, Declaration, Kind};
use crate::limits::BATCH_ROWS;
use crate::setup::{Setup, Value};

/// To what a buffer and its regions are aligned.
pub(crate) const ALIGNMENT: u32 = 64;

const HEADER_BYTES: u32 = 64;
const COLUMN_BYTES: u32 = 16;

/// A part of the buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) offset: u32,
    pub(crate) bytes: u32,
}

/// Hands out regions one after the other.
#[derive(Debug, Default)]
pub(crate) struct Regions {
    end: u64,
}

impl Regions {
    /// Goes on after so many bytes.
    pub(crate) fn after(bytes: u64) -> Self {
        Self { end: bytes }
    }

    /// Takes the next `bytes` bytes.
    pub(crate) fn take(&mut self, bytes: usize) -> Region {
        let region = Region { offset: clipped(self.end), bytes: clipped(bytes as u64) };
        self.end = (self.end + bytes as u64).next_multiple_of(ALIGNMENT.into());
        region
    }

    /// Returns the bytes of all.
    pub(crate) fn bytes(&self) -> u64 {
        self.end
    }
}

/// What is larger than an address can say is caught where the buffer is asked for.
fn clipped(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// The regions of a column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ColumnRegions {
    pub(crate) column_type: ColumnType,
    pub(crate) values: Region,
    pub(crate) validity: Region,
}

/// The buffer of an instance that sees records.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) setup: Region,
    pub(crate) carry: Region,
    pub(crate) state: Region,
    pub(crate) batch: Region,
    pub(crate) columns: Vec<ColumnRegions>,
    pub(crate) cells: Region,
    pub(crate) values: Vec<Region>,
    pub(crate) bytes: u64,
}

/// Returns the bytes of a value, times eight for a bit.
pub(crate) fn value_bits(column_type: ColumnType) -> usize {
    match column_type {
        ColumnType::Boolean => 1,
        ColumnType::Integer | ColumnType::Number => 64,
        ColumnType::Date | ColumnType::Category => 32,
    }
}

impl Layout {
    pub(crate) fn new(declaration: &Declaration, setup: &Setup) -> Self {
        let mut regions = Regions::default();
        let setup = regions.take(setup_bytes(setup));
        let state_bytes = match &declaration.kind {
            Kind::Mapper(_) => 0,
            Kind::Aggregate(aggregate) => aggregate.state_bytes as usize,
        };
        let (carry, state) = (regions.take(state_bytes), regions.take(state_bytes));
        let measures = match &declaration.kind {
            Kind::Mapper(mapper) => mapper.measures.len(),
            Kind::Aggregate(_) => 0,
        };
        let lists = COLUMN_BYTES as usize * declaration.columns.len() + 4 * measures;
        let batch = regions.take(HEADER_BYTES as usize + lists);
        let columns = declaration.columns.iter().map(|column| ColumnRegions {
            column_type: column.column_type,
            values: regions.take(BATCH_ROWS * value_bits(column.column_type) / 8),
            validity: regions.take(BATCH_ROWS / 8),
        });
        let columns = columns.collect();
        let is_mapper = matches!(declaration.kind, Kind::Mapper(_));
        let cells = regions.take(if is_mapper { 4 * BATCH_ROWS } else { 0 });
        let values = (0..measures).map(|_| regions.take(8 * BATCH_ROWS)).collect();
        Self { setup, carry, state, batch, columns, cells, values, bytes: regions.bytes() }
    }

    /// Writes the header of a batch, for a buffer at `base`; `null_lens` holds the missing values of each column.
    pub(crate) fn batch_header(&self, base: u32, rows: u32, null_lens: &[u32]) -> Vec<u8> {
        let address = |region: Region| base.saturating_add(region.offset);
        let columns_at = address(self.batch).saturating_add(HEADER_BYTES);
        let values_at =
            columns_at.saturating_add(clipped(self.columns.len() as u64 * u64::from(COLUMN_BYTES)));
        let is_mapper = self.cells.bytes > 0;
        let mut words = Words::default();
        words.put(rows).put(clipped(self.columns.len() as u64)).put(columns_at);
        words.put(if is_mapper { address(self.cells) } else { 0 });
        words.put(if is_mapper { values_at } else { 0 });
        words.0.resize(HEADER_BYTES as usize, 0);
        for (column, null_len) in self.columns.iter().zip(null_lens) {
            let validity = if *null_len == 0 { 0 } else { address(column.validity) };
            words.put(number(column.column_type)).put(address(column.values)).put(validity).put(*null_len);
        }
        self.values.iter().for_each(|region| {
            words.put(address(*region));
        });
        words.0
    }

    /// Writes the setup, for a buffer at `base`; `carried` bytes stand in the carry region.
    pub(crate) fn setup_block(&self, base: u32, setup: &Setup, carried: u32) -> Vec<u8> {
        let start = base.saturating_add(self.setup.offset);
        let parameters_at = start.saturating_add(HEADER_BYTES);
        let columns_at = parameters_at.saturating_add(clipped(8 * setup.parameters.len() as u64));
        let texts_at = columns_at.saturating_add(clipped(columns_bytes(setup) as u64));
        let mut words = Words::default();
        words.put(clipped(setup.parameters.len() as u64)).put(parameters_at);
        words.put(clipped(setup.labels.len() as u64)).put(columns_at);
        words.put(if carried == 0 { 0 } else { base.saturating_add(self.carry.offset) }).put(carried);
        words.0.resize(HEADER_BYTES as usize, 0);
        setup.parameters.iter().for_each(|value| words.put_value(*value));
        self.put_labels(&mut words, setup, texts_at);
        words.0
    }

    fn put_labels(&self, words: &mut Words, setup: &Setup, texts_at: u32) {
        let all: usize = setup.labels.iter().map(Vec::len).sum();
        let mut text_at = texts_at;
        let mut bytes_at = texts_at.saturating_add(clipped(8 * all as u64));
        for (column, labels) in self.columns.iter().zip(&setup.labels) {
            let len = clipped(labels.len() as u64);
            words.put(number(column.column_type)).put(len).put(if len == 0 { 0 } else { text_at });
            text_at = text_at.saturating_add(len.saturating_mul(8));
        }
        words.0.resize(words.0.len().next_multiple_of(8), 0);
        for label in setup.labels.iter().flatten() {
            let len = clipped(label.len() as u64);
            words.put(bytes_at).put(len);
            bytes_at = bytes_at.saturating_add(len);
        }
        setup.labels.iter().flatten().for_each(|label| words.0.extend(label.as_bytes()));
    }
}

fn setup_bytes(setup: &Setup) -> usize {
    let labels = setup.labels.iter().flatten().map(|label| 8 + label.len()).sum::<usize>();
    HEADER_BYTES as usize + 8 * setup.parameters.len() + columns_bytes(setup) + labels
}

/// Returns the bytes of what the setup says of columns, so that what follows is aligned.
fn columns_bytes(setup: &Setup) -> usize {
    (12 * setup.labels.len()).next_multiple_of(8)
}

fn number(column_type: ColumnType) -> u32 {
    match column_type {
        ColumnType::Boolean => 0,
        ColumnType::Integer => 1,
        ColumnType::Number => 2,
        ColumnType::Date => 3,
        ColumnType::Category => 4,
    }
}

/// Little-endian words, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Words(pub(crate) Vec<u8>);

impl Words {
    pub(crate) fn put(&mut self, word: u32) -> &mut Self {
        self.0.extend(word.to_le_bytes());
        self
    }

    fn put_value(&mut self, value: Value) {
        match value {
            Value::Integer(value) => self.0.extend(value.to_le_bytes()),
            Value::Number(value) => self.0.extend(value.to_le_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declaration::parse;

    fn word(bytes: &[u8], at: usize) -> u32 {
        u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
    }

    const MAPPER: &[u8] = br#"
            abi = "sbx/1"
            name = "m"
            version = "1"
            kind = "mapper"
            [[column]]
            name = "flag"
            type = "boolean"
            [[column]]
            name = "region"
            type = "category"
            [[column]]
            name = "amount"
            type = "number"
            [[parameter]]
            name = "width"
            type = "integer"
            minimum = -5
            maximum = 5
            [[axis]]
            name = "region"
            of = "region"
            [[measure]]
            name = "x"
            minimum = 0
            maximum = 1
            "#;

    #[test]
    fn blocks_are_as_the_contract_says() {
        let declaration = parse(MAPPER).unwrap();
        let labels = vec![None, Some(vec!["north".to_owned(), "süd".to_owned()]), None];
        let setup = Setup::new(&declaration, &[("width", -3.0)], labels).unwrap();
        let layout = Layout::new(&declaration, &setup);
        let block = layout.setup_block(4096, &setup, 0);
        assert_eq!(block.len(), layout.setup.bytes as usize);
        assert_eq!([word(&block, 0), word(&block, 8), word(&block, 16)], [1, 3, 0]);
        let parameter = word(&block, 4) as usize - 4096;
        assert_eq!(block[parameter..parameter + 8], (-3i64).to_le_bytes());
        let column = word(&block, 12) as usize - 4096 + 12;
        assert_eq!([word(&block, column), word(&block, column + 4)], [4, 2]);
        let text = word(&block, column + 8) as usize - 4096 + 8;
        let (at, len) = (word(&block, text) as usize - 4096, word(&block, text + 4) as usize);
        assert_eq!(&block[at..at + len], "süd".as_bytes());
        assert!([word(&block, 4), word(&block, 12), word(&block, column + 8)].iter().all(|at| at % 8 == 0));

        let header = layout.batch_header(4096, 100, &[0, 7, 0]);
        assert_eq!(header.len(), layout.batch.bytes as usize);
        assert_eq!([word(&header, 0), word(&header, 4)], [100, 3]);
        assert_eq!(word(&header, 12), 4096 + layout.cells.offset);
        let columns = (word(&header, 8) - 4096 - layout.batch.offset) as usize;
        assert_eq!(
            [word(&header, columns), word(&header, columns + 8), word(&header, columns + 12)],
            [0, 0, 0]
        );
        let second = columns + 16;
        let values = 4096 + layout.columns[1].values.offset;
        assert_eq!(
            [word(&header, second), word(&header, second + 4), word(&header, second + 12)],
            [4, values, 7]
        );
        let measures = (word(&header, 16) - 4096 - layout.batch.offset) as usize;
        assert_eq!(word(&header, measures), 4096 + layout.values[0].offset);
    }

    #[test]
    fn regions_are_aligned_and_apart() {
        let mut regions = Regions::default();
        let taken = [regions.take(1), regions.take(0), regions.take(65), regions.take(8)];
        assert_eq!(taken.map(|region| region.offset), [0, 64, 64, 192]);
        assert_eq!(regions.bytes(), 256);
    }
}
