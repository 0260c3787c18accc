"""Chunks are computed once, whatever kills the process, and add up to the same bytes."""

import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from jaxcr.runtime import ChunkStore, Shard, compute_chunks, merge_chunks

NUM = 40

PROGRAM = """
import resource, signal, sys, time
from pathlib import Path
import numpy as np
from jaxcr.runtime import ChunkStore, Terminated, compute_chunks, terminable

# a shell's background jobs ignore it, and their children with them
signal.signal(signal.SIGINT, signal.default_int_handler)

def compute(number):
    time.sleep(0.02)
    return {{"sum": np.random.default_rng(number).normal(size=2000)}}

if {most_bytes}:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, ({most_bytes}, {most_bytes}))
store = ChunkStore.create(Path(sys.argv[1]), kind="test", configuration={{}}, num_chunks={num})
try:
    with terminable():
        print("begun", flush=True)
        compute_chunks(store, compute)
except Terminated:
    sys.exit(143)
except OSError as problem:
    sys.exit(str(problem))
"""


def compute(number):
    return {"sum": np.random.default_rng(number).normal(size=2000)}


def store_in(folder, num=NUM):
    return ChunkStore.create(folder, kind="test", configuration={}, num_chunks=num)


def chunks(folder):
    return {p.name: p.read_bytes() for p in (folder / "chunks").iterdir()}


def started(folder, most_bytes=0):
    """Start the program in a process of its own, and return it at work."""
    program = PROGRAM.format(num=NUM, most_bytes=most_bytes)
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(folder)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "begun\n"
    return process


@pytest.fixture
def whole(tmp_path):
    """The chunks of a run that nothing disturbed."""
    store = store_in(tmp_path / "whole")
    assert compute_chunks(store, compute) == NUM
    return chunks(tmp_path / "whole")


def test_killed_again_and_again_the_chunks_are_the_same(tmp_path, whole):
    rng, folder = random.Random(1), tmp_path / "killed"
    for _ in range(4):
        process = started(folder)
        time.sleep(rng.uniform(0.02, 0.4))
        process.kill()
        process.communicate()
    kept = len(list((folder / "chunks").glob("*.chunk")))
    assert 0 < kept < NUM
    assert compute_chunks(store_in(folder), compute) == NUM - kept
    assert {k: v for k, v in chunks(folder).items() if k.endswith(".chunk")} == whole


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_between_writes(tmp_path, number, whole):
    process = started(tmp_path / "run")
    time.sleep(0.2)
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == (143 if number == signal.SIGTERM else -signal.SIGINT)
    found = chunks(tmp_path / "run")
    assert found.items() <= whole.items()  # whole chunks only, no part files


def test_a_full_disk_is_said_and_what_was_written_is_kept(tmp_path, whole):
    # a limit on the size of files stands for a disk without room: the write itself fails
    process = started(tmp_path / "run", most_bytes=8000)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "while writing" in said
    assert "0000000.chunk" in said
    assert not chunks(tmp_path / "run")  # and no half file
    compute_chunks(store_in(tmp_path / "run"), compute)
    assert chunks(tmp_path / "run") == whole


def test_a_damaged_chunk_is_named_and_computed_again(tmp_path, whole):
    store = store_in(tmp_path / "whole")
    store.path(7).write_bytes(whole["0000007.chunk"][:-1])
    said = []
    assert merge_chunks(store) is None
    assert compute_chunks(store, compute, say=said.append) == 1
    assert said == [f"chunk 7 is damaged and computed again: {store.path(7)}"]
    assert chunks(tmp_path / "whole") == whole


def test_sums_are_the_same_bytes_from_shards_in_any_order(tmp_path, whole):
    parts = [store_in(tmp_path / f"part{i}") for i in (1, 2, 3)]
    for i in (3, 1, 2):
        compute_chunks(parts[i - 1], compute, Shard(i, 3))
    for other in parts[1:]:
        parts[0].adopt(other)
    merged = [merge_chunks(store) for store in (parts[0], store_in(tmp_path / "whole"))]
    assert merged[0]["sum"].tobytes() == merged[1]["sum"].tobytes()
    np.testing.assert_allclose(  # the sum of 40 rounds 40 times
        merged[0]["sum"], sum(compute(n)["sum"] for n in range(NUM)), rtol=0, atol=1e-13
    )
    assert parts[0].read_merged()["sum"].tobytes() == merged[0]["sum"].tobytes()


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    store = store_in(tmp_path / "run")
    (tmp_path / "run" / "chunks").rmdir()
    (tmp_path / "run" / "chunks").write_text("a file in its place", encoding="utf-8")
    with pytest.raises(OSError, match="while writing"):
        compute_chunks(store, compute)
    assert (tmp_path / "run" / "chunks").read_text(encoding="utf-8") == "a file in its place"


@pytest.mark.parametrize(
    "arrays", [{"sum": np.zeros(3)}, {"total": np.zeros(2000)}, {"sum": np.full(2000, "x")}]
)
def test_a_chunk_of_another_program_is_named(tmp_path, whole, arrays):
    store = store_in(tmp_path / "whole")
    store.write(9, arrays)
    with pytest.raises(ValueError, match=r"chunk 9 of .*whole: expected arrays of the names"):
        merge_chunks(store)
