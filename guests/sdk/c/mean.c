/* Mean of a number by category: what `mean.toml` declares.
 *
 * clang --target=wasm32-unknown-unknown -nostdlib -O3 -Wl,--no-entry -Wl,--strip-all -Wl,--max-memory=67108864 \
 *     -Wl,-z,stack-size=65536 mean.c -o mean.wasm */
#include "sbx.h"

/* Most categories. */
enum { GROUPS = 4096 };

SBX_DECLARATION("mean.toml")
SBX_BUFFER

SBX_EXPORT(sbx_init) uint32_t sbx_init(const sbx_setup *setup) {
    return setup->columns[0].labels_len > GROUPS;
}

SBX_EXPORT(sbx_map) uint32_t sbx_map(const sbx_batch *batch) {
    const sbx_column *group = &batch->columns[0], *value = &batch->columns[1];
    for (uint32_t row = 0; row < batch->rows; row++) {
        if (sbx_has(group, row) && sbx_has(value, row)) {
            batch->cells[row] = group->categories[row];
            batch->values[0][row] = value->numbers[row];
        }
    }
    return 0;
}

SBX_EXPORT(sbx_derive) const sbx_outcome *sbx_derive(const sbx_figures *figures) {
    static double means[GROUPS];
    static sbx_outcome outcome = {SBX_TABLES, means, 0};
    for (uint32_t row = 0; row < figures->rows && row < GROUPS; row++) {
        uint32_t cell = sbx_cell(figures, row, 0);
        means[row] = figures->counts[cell] > 0 ? figures->sums[0][cell] / figures->counts[cell] : SBX_MISSING;
    }
    outcome.len = figures->rows;
    return &outcome;
}
