"""Files are written whole and before the text, and no text fails a run."""

import contextlib
import errno
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import h5py
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import fields, runs
from jaxcr.cli.main import main
from jaxcr.runtime import write_result

MODULES = """
import importlib, pkgutil, jaxcr.cli
from jax._src import xla_bridge
for module in pkgutil.iter_modules(jaxcr.cli.__path__):
    importlib.import_module(f"jaxcr.cli.{module.name}")
    assert not xla_bridge._backends, module.name
"""


def python(*arguments, **environment):
    return subprocess.run(
        [sys.executable, *map(str, arguments)], env=os.environ | environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_no_module_of_the_commands_starts_a_backend():
    done = python("-c", MODULES)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_an_encoding_without_the_signs_fails_no_run(tmp_path):
    out = tmp_path / "out"
    done = python("-m", "jaxcr.cli.main", "traps", "--out", out, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert r"loss cones 34.3\xb0 left" in done.stdout
    assert (out / "result.h5").is_file()
    assert "loss cones 34.3° left" in (out / "report.txt").read_text(encoding="utf-8")


class Closed:
    """A stream that nobody reads."""

    def write(self, text):
        raise BrokenPipeError

    def flush(self):
        pass

    def isatty(self):
        return False


@pytest.mark.parametrize(
    ("words", "files"),
    [
        pytest.param("traps", {"result.h5", "report.txt", "traps.png"}, marks=pytest.mark.slow),
        (
            "field --turbulence.cells 16 --turbulence.outer-scale 6",
            {"result.h5", "report.txt", "field.png"},
        ),
    ],
)
def test_files_are_there_when_nobody_reads_the_text(tmp_path, monkeypatch, words, files):
    monkeypatch.setattr(sys, "stdout", Closed())
    assert main([*words.split(), "--out", str(tmp_path / "out")]) == 141
    assert {x.name for x in (tmp_path / "out").iterdir()} == files


@contextlib.contextmanager
def small_files():
    """Let no file grow beyond 4096 bytes, as on a disk that becomes full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _write_result(path):
    write_result(path, configuration={}, seeds={}, groups={"a": {"b": np.zeros(10_000)}})


def _write_field(path):
    samples = jax.random.normal(jax.random.key(0), (16, 16, 16, 3))
    fields.write_field(path, fields.GridField(samples, spacing=1.0, origin=jnp.zeros(3)))


@pytest.mark.parametrize("write", [_write_result, _write_field])
def test_a_file_that_does_not_fit_leaves_the_old_one(tmp_path, write):
    path = tmp_path / "result.h5"
    write(path)  # so that nothing is compiled below, which writes files, too
    path.write_bytes(b"precious")
    with small_files(), pytest.raises(OSError, match="while writing") as raised:
        write(path)
    said = f"[Errno {errno.EFBIG}] {os.strerror(errno.EFBIG)}, while writing: {str(path)!r}"
    assert str(raised.value) == said  # the file, and nothing of what HDF5 was doing
    assert path.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [path]


def test_a_result_takes_the_place_of_an_old_one(tmp_path):
    path = tmp_path / "result.h5"
    path.write_bytes(b"old")
    _write_result(path)
    with h5py.File(path) as file:
        assert file["a/b"].shape == (10_000,)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [(errno.ENOSPC, "make room"), (errno.EACCES, "allow writing there"), (errno.EIO, "mend that")],
)
def test_the_remedy_is_for_what_happened(tmp_path, monkeypatch, capsys, code, remedy):
    def fail(run, number, devices=None):
        raise OSError(code, os.strerror(code), "0000000.chunk")

    monkeypatch.setattr(runs.OrbitRun, "chunk", fail)
    words = "ensemble --num 64 --chunk-size 64 --turbulence.cells 16 --turbulence.outer-scale 6"
    assert main([*words.split(), "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert f"{os.strerror(code)}" in error
    assert f"Finished chunks are kept; {remedy}, then: jaxcr resume {tmp_path / 'run'}" in error


def test_traps_say_what_mirrors_do_to_diffusion(tmp_path, capsys):
    assert main(["traps", "--out", str(tmp_path / "out")]) == 0
    (line,) = [x for x in capsys.readouterr().out.splitlines() if "without mirrors" in x]
    ratios = [float(x) for x in re.findall(r"\d\.\d+", line)]
    assert len(ratios) == 2  # of isotropising scattering and of small angles, which is less
    assert 0 < ratios[1] < ratios[0] < 1
    assert line in Path(tmp_path / "out" / "report.txt").read_text("utf-8")
