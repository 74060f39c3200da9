/* The contract `sbx/1` between guest and host (sandbox/ABI.md) for C11, without a library.
 *
 * Addresses of the contract are pointers here, as both have 32 bits. What the host hands over is where it says, in a
 * buffer of the guest's own memory; an algorithm that reads beyond the lengths given here harms nobody but itself. */
#ifndef SBX_H
#define SBX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Types of columns. */
enum { SBX_BOOLEAN = 0, SBX_INTEGER = 1, SBX_NUMBER = 2, SBX_DATE = 3, SBX_CATEGORY = 4 };

/* The cell of a row that belongs to none. */
#define SBX_NO_CELL UINT32_MAX

/* Stands where a table has no number. */
#define SBX_MISSING __builtin_nan("")

/* Kinds of outcomes. */
enum { SBX_TABLES = 0, SBX_CARRY = 1 };

typedef struct {
    const char *bytes; /* UTF-8, no zero at the end */
    uint32_t len;
} sbx_text;

typedef struct {
    uint32_t type;
    uint32_t labels_len; /* of a category; else 0 */
    const sbx_text *labels;
} sbx_column_setup;

typedef union {
    int64_t integer;
    double number;
} sbx_parameter;

typedef struct {
    uint32_t parameters_len;
    const sbx_parameter *parameters;
    uint32_t columns_len;
    const sbx_column_setup *columns;
    const uint8_t *carry; /* what the last pass left; none in the first */
    uint32_t carry_len;
} sbx_setup;

typedef struct {
    uint32_t type;
    union {
        const uint8_t *booleans; /* a bit a row, lowest first */
        const int64_t *integers;
        const double *numbers;
        const int32_t *dates; /* days since 1970-01-01 */
        const uint32_t *categories; /* places of labels */
    };
    const uint8_t *validity; /* a bit a row, lowest first; none where no value is missing */
    uint32_t null_len;
} sbx_column;

typedef struct {
    uint32_t rows;
    uint32_t columns_len;
    const sbx_column *columns;
    uint32_t *cells;  /* a mapper writes here to which cell a row belongs .. */
    double **values;  /* .. and what it adds to each measure */
} sbx_batch;

/* Released figures. Places are the cells row by row, then the totals of rows, of columns, and of all; one that is
 * suppressed is not a number. */
typedef struct {
    uint32_t rows;
    uint32_t columns;
    uint32_t measures_len;
    const double *counts;
    const double *const *sums;
    const double *const *squares; /* none where they were not declared */
} sbx_figures;

typedef struct {
    uint32_t kind;
    const void *address;
    uint32_t len;
} sbx_outcome;

typedef struct {
    const void *address;
    uint32_t len;
} sbx_bytes;

_Static_assert(sizeof(void *) == 4, "compile for wasm32");
_Static_assert(sizeof(sbx_text) == 8, "text");
_Static_assert(sizeof(sbx_column_setup) == 12, "column setup");
_Static_assert(sizeof(sbx_parameter) == 8, "parameter");
_Static_assert(sizeof(sbx_setup) == 24 && offsetof(sbx_setup, carry) == 16, "setup");
_Static_assert(sizeof(sbx_column) == 16 && offsetof(sbx_column, validity) == 8, "column");
_Static_assert(sizeof(sbx_batch) == 20 && offsetof(sbx_batch, cells) == 12, "batch");
_Static_assert(sizeof(sbx_figures) == 24 && offsetof(sbx_figures, counts) == 12, "figures");
_Static_assert(sizeof(sbx_outcome) == 12, "outcome");
_Static_assert(sizeof(sbx_bytes) == 8, "bytes");

/* Exports a function of the contract: SBX_EXPORT(sbx_map) uint32_t sbx_map(const sbx_batch *batch) { .. } */
#define SBX_EXPORT(name) __attribute__((export_name(#name)))

/* Embeds the declaration, a file beside the source or on the path of `-I`. Once in a module. */
#define SBX_DECLARATION(file)                                       \
    __asm__(".section \".custom_section.tidegate:algorithm\",\"\",@\n" \
            ".incbin \"" file "\"\n");

/* Exports `sbx_buffer`: the buffer starts where the module's own memory ends, and grows with the memory. */
#define SBX_BUFFER                                                                            \
    extern uint8_t __heap_base;                                                               \
    SBX_EXPORT(sbx_buffer) uint32_t sbx_buffer(uint32_t bytes) {                              \
        uint64_t start = ((uint64_t)(uintptr_t)&__heap_base + 63) / 64 * 64;                  \
        uint64_t pages = (start + bytes + 65535) / 65536;                                     \
        uint64_t held = __builtin_wasm_memory_size(0);                                        \
        bool fits = pages <= held || __builtin_wasm_memory_grow(0, pages - held) != SIZE_MAX; \
        return fits ? (uint32_t)start : 0;                                                    \
    }

/* Tells whether a row has a value. */
static inline bool sbx_has(const sbx_column *column, uint32_t row) {
    return !column->validity || (column->validity[row / 8] >> (row % 8) & 1);
}

/* Returns the value of a row of type boolean. */
static inline bool sbx_boolean(const sbx_column *column, uint32_t row) {
    return column->booleans[row / 8] >> (row % 8) & 1;
}

/* Returns the place of a cell, of the total of a row, of that of a column, and of that of all. */
static inline uint32_t sbx_cell(const sbx_figures *figures, uint32_t row, uint32_t column) {
    return row * figures->columns + column;
}
static inline uint32_t sbx_row(const sbx_figures *figures, uint32_t row) {
    return figures->rows * figures->columns + row;
}
static inline uint32_t sbx_of_column(const sbx_figures *figures, uint32_t column) {
    return figures->rows * figures->columns + figures->rows + column;
}
static inline uint32_t sbx_all(const sbx_figures *figures) {
    return figures->rows * figures->columns + figures->rows + figures->columns;
}

#endif
