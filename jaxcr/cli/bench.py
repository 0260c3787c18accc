"""``jaxcr bench``: measure the speed of this installation, and compare."""

import json
import os
import sys
import time
from pathlib import Path

# One thread for each device of XLA, as in benchmarks/; and for OpenMP in healpy, whose waiting
# threads spin, which processor time counts. Read when the libraries start.
os.environ.setdefault("NPROC", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from jaxcr import bench
from jaxcr.checks import argument_error
from jaxcr.cli.config import Bench
from jaxcr.cli.interruption import interruptible
from jaxcr.cli.output import Outcome
from jaxcr.runtime import new_folder
from jaxcr.runtime.atomic import write_whole


def run_bench(config: Bench) -> Outcome:
    """Run the benchmarks one by one; file and table hold every row that is finished."""
    chosen = bench.select(config.only)
    if config.list:
        for benchmark in chosen:
            print(f"{benchmark.name:15}{benchmark.what}")
        return Outcome({benchmark.name: {"what": benchmark.what} for benchmark in chosen})
    if config.out is not None:
        _check_out(config.out, overwrite=config.overwrite)
    before = None if config.compare is None else bench.read_record(config.compare)
    out = config.out or new_folder(None, kind="bench") / "bench.json"
    with interruptible(f"the rows that are finished are in {out}"):
        _measure(chosen, out, before, quick=config.quick)
    print(_table(out).read_text(encoding="utf-8"))
    print(f"{out} and {_table(out)}")
    return Outcome(_numbers(out, before), files=(out, _table(out)))


def _numbers(out: Path, before: bench.Record | None) -> dict:
    """Return what the file holds, and what changed since an earlier run."""
    found = json.loads(out.read_text(encoding="utf-8"))
    if before is not None:
        after = bench.read_record(out)
        changes = bench.compare_rows(before.rows, after.rows)
        found["changes"] = [
            {"name": x.name, "ratio": x.ratio, "noise": x.noise, "verdict": x.verdict}
            for x in changes
        ]
        found["differences"] = bench.differences(before, after)
    return found


def _measure(
    chosen: list[bench.Benchmark], out: Path, before: bench.Record | None, *, quick: bool
) -> None:
    """Run the benchmarks, and write the file and the table at the start and after each row."""
    rows: list[bench.Row] = []
    missing: dict[str, str] = {}
    _write(out, bench.save_rows(out, rows, missing, quick=quick), before)
    begin = time.perf_counter()
    for row in bench.run_rows(chosen, bench.QUICK if quick else bench.FULL):
        if isinstance(row, bench.Row):
            rows.append(row)
            text = f"{row.name}: {bench.quantity(row.measured)} {row.unit}"
        else:
            missing[row[0]] = row[1]
            text = f"{row[0]}: not measured. {row[1]}"
        print(f"{time.perf_counter() - begin:5.0f} s  {text}", file=sys.stderr, flush=True)
        _write(out, bench.save_rows(out, rows, missing, quick=quick), before)


def _write(out: Path, record: bench.Record, before: bench.Record | None) -> None:
    """Write the table of a run, and what changed since an earlier one."""
    text = bench.run_table(record)
    if before is not None:
        changes = bench.compare_rows(before.rows, record.rows)
        text += f"\n\n{bench.change_table(changes, bench.differences(before, record))}"
    write_whole(_table(out), f"{text}\n".encode())


def _table(out: Path) -> Path:
    return out.with_suffix(".md")


def _check_out(out: Path, *, overwrite: bool) -> None:
    """Raise ``ValueError`` unless the file and its table can be written."""
    if out.suffix != ".json":
        raise argument_error(
            "--out", expected="a file NAME.json", got=str(out), remedy="The table is NAME.md."
        )
    for path in (out, _table(out)):
        if path.is_dir() or (path.exists() and not overwrite):
            what = "a folder" if path.is_dir() else "a file that exists"
            raise argument_error(
                "--out", expected="a new file", got=f"{what}: {path}",
                remedy="Name another one" + (", or add --overwrite." if path.is_file() else "."),
            )  # fmt: skip
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise argument_error(
            "--out",
            expected="a folder that can be made",
            got=f"{out.parent} ({problem.strerror})",
            remedy="Name another one.",
        ) from problem
