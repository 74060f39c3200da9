// Mean of a number by category: what `algorithm.toml` declares. `npm install`, then `npm run build`.
import { Batch, Figures, NO_CELL, Setup, Tables, take } from "./sbx";

export function sbx_buffer(bytes: u32): usize {
  return take(bytes);
}

export function sbx_init(setup: Setup): u32 {
  return setup.columnsLen == 2 ? 0 : 1;
}

export function sbx_map(batch: Batch): u32 {
  const group = batch.column(0);
  const value = batch.column(1);
  for (let row: u32 = 0; row < batch.rows; row++) {
    const complete = group.has(row) && value.has(row);
    batch.setCell(row, complete ? group.category(row) : NO_CELL);
    batch.setValue(0, row, value.number(row));
  }
  return 0;
}

export function sbx_derive(figures: Figures): Tables {
  const means = Tables.of(figures.rows);
  for (let row: u32 = 0; row < figures.rows; row++) {
    const cell = figures.cell(row, 0);
    const count = figures.count(cell);
    means.set(row, count > 0 ? figures.sum(0, cell) / count : NaN);
  }
  return means;
}
