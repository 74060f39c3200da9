"""Times grouped count, mean and variance over ten million rows in DuckDB and Polars (PyPI `duckdb`, `polars`, `numpy`, `pyarrow`).

Usage: grouped.py [ROUNDS]     default: 5
Prints a line of JSON for each: processor and wall time of the best round. 1000 groups as 32-bit integers, values as doubles, in
memory as Arrow columns; the square root of a value is what is added up, as in `sandbox/benches/columns.rs`.
Run it on one processor for one thread: `taskset -c 1 python grouped.py`.
"""

import json
import os
import sys
import time

THREADS = len(os.sched_getaffinity(0))
os.environ["POLARS_MAX_THREADS"] = str(THREADS)

import duckdb
import numpy
import polars
import pyarrow

ROWS, GROUPS = 10_000_000, 1000


def best(name, version, rounds, work):
    """Prints the best of some rounds."""
    found = []
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        rows = work()
        found.append((time.process_time() - cpu, time.perf_counter() - wall))
        assert rows == GROUPS, rows
    cpu, wall = min(found)
    line = {"name": name, "version": version, "threads": THREADS, "cpu_ms": cpu * 1e3, "wall_ms": wall * 1e3}
    print(json.dumps(line), flush=True)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    random = numpy.random.default_rng(1)
    table = pyarrow.table({
        "g": pyarrow.array(random.integers(0, GROUPS, ROWS, dtype=numpy.uint32)),
        "v": pyarrow.array(random.integers(0, 1_000_000, ROWS).astype(numpy.float64)),
    })
    connection = duckdb.connect()
    connection.execute(f"set threads = {THREADS}")
    connection.register("source", table)
    connection.execute("create table t as select * from source")
    query = "select g, count(*), avg(sqrt(v)), var_samp(sqrt(v)) from t group by g"
    best("duckdb", duckdb.__version__, rounds, lambda: len(connection.execute(query).fetchall()))
    frame = polars.from_arrow(table)
    root = polars.col("v").sqrt()
    work = lambda: frame.lazy().group_by("g").agg(polars.len(), root.mean().alias("m"), root.var().alias("s")).collect().height
    best("polars", polars.__version__, rounds, work)


main()
