"""Long runs from the command line: the same files however they were stopped, split or spread."""

import os
import random
import re
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

import h5py
import jax
import numpy as np
import pytest

from jaxcr.cli.config import parse
from jaxcr.cli.main import main
from jaxcr.runtime import ChunkStore

SMALL = [
    "ensemble", "--num", "300", "--chunk-size", "64", "--turbulence.cells", "16",
    "--turbulence.outer-scale", "6", "--path", "2", "4", "--nside", "1", "--lmax", "3",
]  # fmt: skip
NUM_CHUNKS = 5
RESULTS = ("merged.chunk", "report.txt", "result.h5", "sky.png")


def content(folder):
    """Return everything but the locks and leftovers of killed writes."""
    files = [p for p in folder.rglob("*") if p.is_file() and p.suffix not in (".lock", ".part")]
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


def process(*arguments, **environment):
    """Start the command line in a process of its own, which shares what others compiled."""
    command = [sys.executable, "-m", "jaxcr.cli.main", *map(str, arguments)]
    compiled = jax.config.jax_compilation_cache_dir
    environment |= {
        "JAX_COMPILATION_CACHE_DIR": compiled,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    return subprocess.Popen(
        command, env=os.environ | environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def count_chunks(folder):
    return len(list(folder.glob("chunks/*.chunk")))


def finished(run):
    """Wait until a process has ended well."""
    said = run.communicate(timeout=2000)
    assert run.returncode == 0, said


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    assert main([*SMALL, "--out", str(folder)]) == 0
    return folder


def copied(whole, folder, *, without=()):
    """Return a copy of a run, some files left out."""
    for name, data in content(whole).items():
        if name not in without:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return folder


def test_a_run_leaves_everything_behind(whole):
    names = {f"chunks/{n:07d}.chunk" for n in range(NUM_CHUNKS)} | {"run.json", *RESULTS}
    assert set(content(whole)) == names
    with h5py.File(whole / "result.h5") as file:
        assert int(file["orbits/traced"][()]) == 300
        assert file["spectrum/c_ell"].shape == (2, 4)
        assert np.all(file["transport/diffusion_error"][...] > 0)
        assert "date" not in file.attrs


def test_what_is_missing_or_damaged_is_computed_again(whole, tmp_path, capsys):
    folder = copied(whole, tmp_path / "run", without=("chunks/0000001.chunk", *RESULTS))
    damaged = folder / "chunks" / "0000003.chunk"
    damaged.write_bytes(damaged.read_bytes()[:-7])
    assert main(["status", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "chunks: 3 of 5 verified" in said
    assert "damaged: 3" in said
    assert f"jaxcr resume {folder}" in said
    assert main(["resume", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "chunk 3 is damaged and computed again" in said
    assert "2 chunks computed" in said
    assert content(folder) == content(whole)
    assert main(["status", str(folder)]) == 0
    assert "5 of 5 verified\ncomplete" in capsys.readouterr().out


def test_shards_in_three_folders_make_the_same_run(whole, tmp_path, capsys):
    folders = [str(tmp_path / f"part{i}") for i in (1, 2, 3)]
    for i in (3, 1, 2):
        assert main([*SMALL, "--shard", f"{i}/3", "--out", folders[i - 1]]) == 0
    assert main(["merge", *folders[:2], "--out", str(tmp_path / "all")]) == 0
    assert "1 of 5 chunks lack" in capsys.readouterr().out
    assert main(["merge", *folders, "--out", str(tmp_path / "all")]) == 0
    assert content(tmp_path / "all") == content(whole)


def same_numbers(folder, whole):
    """Compare two results up to the rounding of orbits that were compiled differently."""
    with h5py.File(folder / "result.h5") as one, h5py.File(whole / "result.h5") as two:
        for name in ("transport/path", "transport/diffusion", "spectrum/c_ell", "orbits/traced"):
            np.testing.assert_allclose(one[name][...], two[name][...], rtol=1e-6, atol=1e-9)


@pytest.mark.slow
def test_two_devices_make_the_same_run(whole, tmp_path):
    two = process(*SMALL, "--out", tmp_path / "two", JAX_NUM_CPU_DEVICES="2")
    _, said = two.communicate(timeout=300)
    assert two.returncode == 0, said
    same_numbers(tmp_path / "two", whole)


@pytest.mark.slow
def test_two_connected_processes_make_the_same_run(whole, tmp_path):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    connection = ("--distributed", "--coordinator", f"localhost:{port}", "--num-processes", 2)
    both = [
        process(*SMALL, "--out", tmp_path / "both", *connection, "--process", i) for i in (0, 1)
    ]
    said = [p.communicate(timeout=300) for p in both]
    assert [p.returncode for p in both] == [0, 0], said
    assert "shard 1/2" in said[0][0]
    assert "shard 2/2" in said[1][0]
    same_numbers(tmp_path / "both", whole)


def test_a_signal_ends_with_the_command_that_goes_on(whole, tmp_path):
    folder = tmp_path / "run"
    run = process(*SMALL, "--num", "200000", "--out", folder)
    while not list(folder.glob("chunks/*.chunk")):
        assert run.poll() is None, run.communicate()
        time.sleep(0.05)
    run.terminate()
    _, said = run.communicate(timeout=100)
    assert run.returncode == 143
    assert said.endswith(f"Go on: jaxcr resume {folder}\n")
    store = ChunkStore.open(folder)
    assert "damaged" not in dict(store.missing()).values()
    assert store.read(0) is not None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*SMALL, "--seed", "4"), "seed is 0 there, 4 here"),
        ((*SMALL, "--turbulence.rms", "2"), r"configuration\.turbulence\.rms is"),
        (("resume", "nowhere"), r"nowhere: expected the folder of a run, with its run\.json"),
        (("status", "nowhere"), r"expected the folder of a run"),
        (("merge", "nowhere"), r"expected the folder of a run"),
        (("merge",), r"merge: expected at least one folder"),
        ((*SMALL, "--shard", "4/3"), "--shard: expected I/N"),
        ((*SMALL, "--chunk-size", "63"), "multiple of 32"),
        ((*SMALL, "--num", "0"), "--num: expected a number >= 32, got 0"),
        ((*SMALL, "--observer", "1", "2"), "--observer: expected three numbers"),
        ((*SMALL, "--spread", "-1"), "--spread: expected a length, or 0"),
        ((*SMALL, "--step", "0"), "--step: expected a positive length"),
        ((*SMALL, "--nside", "3"), "--nside: expected a power of two"),
        ((*SMALL, "--lmax", "-1"), "--lmax"),
        ((*SMALL, "--path", "3", "1"), "--path: expected lengths in strictly rising order"),
        ((*SMALL, "--rigidity", "0"), "--rigidity: expected"),
        ((*SMALL, "--shard", "1/2", "--distributed"), "--shard, --distributed: expected one"),
        ((*SMALL, "--distributed"), "--distributed: expected a cluster that JAX knows"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(whole, capsys, arguments, message):
    before = content(whole)
    out = ("--out", str(whole)) if arguments[0] == "ensemble" else ()
    assert main([*arguments, *out]) == 2
    said = capsys.readouterr().err
    assert said.startswith("jaxcr: error: ")
    assert re.search(message, said), said
    assert said.count("\n") == 1
    assert content(whole) == before


@pytest.mark.slow
def test_killed_at_twenty_random_moments_a_million_orbits_are_the_same(tmp_path):
    settings = ("ensemble", "--num", 1_000_000, "--chunk-size", 16_384, "--turbulence.cells", 32,
                "--turbulence.outer-scale", 12, "--precision", "float32", "--path", 10)  # fmt: skip
    finished(process(*settings, "--out", tmp_path / "whole"))
    whole = content(tmp_path / "whole")
    rng, folder, numbers = random.Random(5), tmp_path / "killed", [0]
    for _ in range(20):
        run, more = process(*settings, "--out", folder), rng.randrange(5)
        # one in five is killed as it starts up, the others 1 to 4 chunks later
        end = time.monotonic() + (200 if more else rng.uniform(0.5, 6))
        while time.monotonic() < end and not 0 < more <= count_chunks(folder) - numbers[-1]:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.3))
        run.kill()
        run.communicate()
        numbers.append(count_chunks(folder))
    print("chunks after each kill:", numbers[1:])
    assert len(set(numbers)) > 10
    assert numbers[-1] < count_chunks(tmp_path / "whole")
    finished(process("resume", folder))
    assert content(folder) == whole


def test_the_example_for_a_cluster_is_a_valid_command():
    script = (Path(__file__).parents[2] / "examples" / "slurm.sh").read_text(encoding="utf-8")
    command = re.sub(r"\$\{[^}]*\}", "7", script[script.index("jaxcr ensemble") :])
    config = parse(shlex.split(command.replace("\\\n", " "))[1:])
    assert (config.num, config.shard, config.precision) == (10**9, "7/32", "float32")
