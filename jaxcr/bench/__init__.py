"""Benchmarks that a user runs: small named jobs, beside other programs that do the same."""

from jaxcr.bench.comparison import Change, compare_rows, differences
from jaxcr.bench.record import Record, read_record, save_rows
from jaxcr.bench.rows import FULL, QUICK, TINY, Benchmark, Effort, NotMeasurableError, Peer, Row
from jaxcr.bench.suite import BENCHMARKS, run_rows, select
from jaxcr.bench.table import change_table, quantity, run_table
from jaxcr.bench.timing import Measured, Timing, measured, time_in_turn

__all__ = [
    "BENCHMARKS",
    "FULL",
    "QUICK",
    "TINY",
    "Benchmark",
    "Change",
    "Effort",
    "Measured",
    "NotMeasurableError",
    "Peer",
    "Record",
    "Row",
    "Timing",
    "change_table",
    "compare_rows",
    "differences",
    "measured",
    "quantity",
    "read_record",
    "run_rows",
    "run_table",
    "save_rows",
    "select",
    "time_in_turn",
]
