// The contract `sbx/1` between guest and host (sandbox/ABI.md). These classes lie over what the host hands over: they are
// parameters of exported functions. Make no other objects, arrays or strings: they bring a start function, which the host
// refuses.

/** The cell of a row that belongs to none. */
export const NO_CELL: u32 = u32.MAX_VALUE;

const TABLES: u32 = 0;

// @ts-ignore: decorator
@inline
function bit(bits: usize, row: u32): bool {
  return <bool>((load<u8>(bits + row / 8) >> <u8>(row % 8)) & 1);
}

/** Where free memory begins; 0 before it is asked for. */
let free: usize = 0;

/** Takes memory, aligned to 64; 0 where there is no room. It is never given back. */
export function take(bytes: u32): usize {
  const start: u64 = ((free == 0 ? <u64>__heap_base : <u64>free) + 63) & ~63;
  const pages = (start + bytes + 65535) >> 16;
  const held = <u64>memory.size();
  if (pages > held && memory.grow(<i32>(pages - held)) < 0) return 0;
  free = <usize>(start + bytes);
  return <usize>start;
}

@unmanaged
export class Text {
  bytes: usize;
  len: u32;
}

@unmanaged
class ColumnSetup {
  type: u32;
  labelsLen: u32;
  labels: usize;
}

/** Parameters, categories, and what the last pass left. */
@unmanaged
export class Setup {
  parametersLen: u32;
  parameters: usize;
  columnsLen: u32;
  columns: usize;
  carry: usize;
  carryLen: u32;

  /** Returns a parameter of type integer. */
  integer(parameter: u32): i64 {
    return load<i64>(this.parameters + parameter * 8);
  }

  /** Returns a parameter of type number. */
  number(parameter: u32): f64 {
    return load<f64>(this.parameters + parameter * 8);
  }

  /** Returns how many categories a column has. */
  labels(column: u32): u32 {
    return changetype<ColumnSetup>(this.columns + column * offsetof<ColumnSetup>()).labelsLen;
  }

  /** Returns the label of a category: `len` bytes of UTF-8 at `bytes`. */
  label(column: u32, category: u32): Text {
    const setup = changetype<ColumnSetup>(this.columns + column * offsetof<ColumnSetup>());
    return changetype<Text>(setup.labels + category * offsetof<Text>());
  }
}

/** A column of a batch; which function reads it depends on the type that is declared. */
@unmanaged
export class Column {
  type: u32;
  values: usize;
  validity: usize;
  nullLen: u32;

  /** Tells whether a row has a value. */
  has(row: u32): bool {
    return this.validity == 0 || bit(this.validity, row);
  }

  boolean(row: u32): bool {
    return bit(this.values, row);
  }

  integer(row: u32): i64 {
    return load<i64>(this.values + row * 8);
  }

  number(row: u32): f64 {
    return load<f64>(this.values + row * 8);
  }

  /** Returns days since 1970-01-01. */
  date(row: u32): i32 {
    return load<i32>(this.values + row * 4);
  }

  /** Returns the place of a label. */
  category(row: u32): u32 {
    return load<u32>(this.values + row * 4);
  }
}

/** Some rows, and where a mapper writes what becomes of them. */
@unmanaged
export class Batch {
  rows: u32;
  columnsLen: u32;
  columns: usize;
  cells: usize;
  values: usize;

  column(place: u32): Column {
    return changetype<Column>(this.columns + place * offsetof<Column>());
  }

  /** Puts a row into a cell: `row * columns + column` over the axes. */
  setCell(row: u32, cell: u32): void {
    store<u32>(this.cells + row * 4, cell);
  }

  setValue(measure: u32, row: u32, value: f64): void {
    store<f64>(load<u32>(this.values + measure * 4) + row * 8, value);
  }
}

/** Released figures. One that is suppressed is NaN. */
@unmanaged
export class Figures {
  rows: u32;
  columns: u32;
  measuresLen: u32;
  counts: usize;
  sums: usize;
  squares: usize;

  /** Returns the place of a cell. */
  cell(row: u32, column: u32): u32 {
    return row * this.columns + column;
  }

  /** Returns the place of the total of a row. */
  row(row: u32): u32 {
    return this.rows * this.columns + row;
  }

  /** Returns the place of the total of a column. */
  ofColumn(column: u32): u32 {
    return this.rows * this.columns + this.rows + column;
  }

  /** Returns the place of the total of all. */
  all(): u32 {
    return this.rows * this.columns + this.rows + this.columns;
  }

  count(place: u32): f64 {
    return load<f64>(this.counts + place * 8);
  }

  sum(measure: u32, place: u32): f64 {
    return load<f64>(load<u32>(this.sums + measure * 4) + place * 8);
  }

  square(measure: u32, place: u32): f64 {
    return load<f64>(load<u32>(this.squares + measure * 4) + place * 8);
  }
}

/** The declared tables, one after the other, row by row. */
@unmanaged
export class Tables {
  kind: u32;
  numbers: usize;
  len: u32;

  /** Makes tables of so many numbers, each 0. */
  static of(len: u32): Tables {
    const tables = changetype<Tables>(take(offsetof<Tables>()));
    tables.kind = TABLES;
    tables.numbers = take(len * 8);
    tables.len = len;
    return tables;
  }

  /** Sets a number; NaN where there is none. */
  set(place: u32, number: f64): void {
    store<f64>(this.numbers + place * 8, number);
  }
}
