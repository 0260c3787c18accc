import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxcr.runtime import cache, cache_directory, cached_arrays

CONFIGURATION = {"nside": 8, "nodes": (0.25, 0.4), "seed": 0}
ARRAYS = {"tensor": np.linspace(0, 1, 7, dtype=np.float32), "count": np.asarray(3)}


class Computation:
    """Counts how often the arrays are computed."""

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return ARRAYS


@pytest.fixture
def compute():
    return Computation()


def same(arrays):
    """Whether the arrays are those above, bit for bit."""
    return arrays.keys() == ARRAYS.keys() and all(
        np.array_equal(arrays[name], ARRAYS[name]) and arrays[name].dtype == ARRAYS[name].dtype
        for name in ARRAYS
    )


def test_the_second_time_comes_from_the_disk(tmp_path, compute):
    first, found_first = cached_arrays("test", CONFIGURATION, compute, directory=tmp_path)
    second, found_second = cached_arrays("test", CONFIGURATION, compute, directory=tmp_path)
    assert (found_first, found_second, compute.calls) == (False, True, 1)
    assert same(first)
    assert same(second)
    assert [path.suffix for path in tmp_path.iterdir()] == [".npz"]  # no temporary file is left


def test_the_order_of_settings_does_not_matter(tmp_path, compute):
    cached_arrays("test", CONFIGURATION, compute, directory=tmp_path)
    reordered = dict(reversed(CONFIGURATION.items()))
    assert cached_arrays("test", reordered, compute, directory=tmp_path)[1]


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("test", {"nside": 16}),
        ("test", {"nodes": (0.25, 0.4000000000000001)}),
        ("test", {"new": None}),
        ("other", {}),
    ],
)
def test_anything_else_is_computed(tmp_path, compute, kind, changed):
    cached_arrays("test", CONFIGURATION, compute, directory=tmp_path)
    _, found = cached_arrays(kind, CONFIGURATION | changed, compute, directory=tmp_path)
    assert not found
    assert compute.calls == 2
    assert len(list(tmp_path.iterdir())) == 2  # both are kept


@pytest.mark.parametrize("damage", [b"", b"not an archive", None])
def test_damaged_files_are_computed_again(tmp_path, compute, damage):
    cached_arrays("test", CONFIGURATION, compute, directory=tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-40] if damage is None else damage)
    arrays, found = cached_arrays("test", CONFIGURATION, compute, directory=tmp_path)
    assert same(arrays)
    assert not found
    assert cached_arrays("test", CONFIGURATION, compute, directory=tmp_path)[1]  # and stored


def test_a_folder_that_cannot_be_written_is_ignored(tmp_path, compute):
    blocked = tmp_path / "file"
    blocked.write_text("")
    for _ in range(2):
        arrays, found = cached_arrays("test", CONFIGURATION, compute, directory=blocked / "below")
        assert same(arrays)
        assert not found
    assert compute.calls == 2


def test_a_full_disk_leaves_no_half_file(tmp_path, compute, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    arrays, found = cached_arrays("test", CONFIGURATION, compute, directory=tmp_path)
    assert same(arrays)
    assert not found
    assert list(tmp_path.iterdir()) == []


def test_errors_of_the_computation_come_through(tmp_path):
    def fail():
        raise ValueError("too hot")

    with pytest.raises(ValueError, match="too hot"):
        cached_arrays("test", CONFIGURATION, fail, directory=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_folder_from_the_environment(tmp_path, monkeypatch, compute):
    monkeypatch.setenv("JAXCR_CACHE", str(tmp_path / "deep" / "cache"))
    assert cache_directory() == tmp_path / "deep" / "cache"
    cached_arrays("test", CONFIGURATION, compute)
    assert len(list((tmp_path / "deep" / "cache").glob("test-*.npz"))) == 1


@pytest.mark.parametrize("value", [None, ""])
def test_else_the_users_cache(monkeypatch, value):
    if value is None:
        monkeypatch.delenv("JAXCR_CACHE", raising=False)
    else:
        monkeypatch.setenv("JAXCR_CACHE", value)
    assert cache_directory().name == "jaxcr"
    assert cache_directory() != Path("jaxcr")


@pytest.mark.parametrize("chosen", [None, "0", "1"])
def test_compiled_programs_are_kept_when_the_user_says_so(tmp_path, chosen):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JAX_")}
    environment["JAXCR_CACHE"] = str(tmp_path)
    if chosen is not None:
        environment["JAXCR_COMPILE_CACHE"] = chosen
    command = [sys.executable, "-m", "jaxcr.cli.main", "info"]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    kept = str(tmp_path / "compiled") if chosen == "1" else "not kept"
    assert f"compiled     {kept}\n" in said.stdout


def test_compiled_programs_serve_the_next_process(tmp_path):
    code = (
        "import jax; from jaxcr.runtime import keep_compiled; keep_compiled();"
        "jax.config.update('jax_persistent_cache_min_compile_time_secs', 0);"
        "jax.config.update('jax_persistent_cache_min_entry_size_bytes', -1);"
        "jax.jit(lambda x: x + 1)(2.0)"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JAX_")}
    environment["JAXCR_CACHE"] = str(tmp_path)
    contents = []
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)
        contents.append(
            {p.name for p in (tmp_path / "compiled").iterdir() if "-atime" not in p.name}
        )
    assert contents[0]
    assert contents[0] == contents[1]


def test_a_sound_file_of_other_content_is_not_believed(tmp_path, compute):
    cached_arrays("test", CONFIGURATION, compute, directory=tmp_path)
    (path,) = tmp_path.iterdir()
    for other in ({"tensor": np.zeros(7, np.float32), "count": np.asarray(3)}, {"tensor": 1.0}):
        with np.load(path) as file:
            seal = file["digest"]
        np.savez(path, **other, digest=seal)
        with pytest.warns(UserWarning, match=f"{path.name}: expected the arrays"):
            arrays, found = cached_arrays("test", CONFIGURATION, compute, directory=tmp_path)
        assert same(arrays)
        assert not found
    with np.load(path) as file:
        kept = dict(file)
    elsewhere = tmp_path / "other"
    cached_arrays("test", CONFIGURATION | {"seed": 1}, compute, directory=elsewhere)
    (renamed,) = elsewhere.iterdir()
    np.savez(renamed, **kept)  # a sound file under the name of another
    with pytest.warns(UserWarning, match="expected the arrays"):
        cached_arrays("test", CONFIGURATION | {"seed": 1}, compute, directory=elsewhere)


def test_precision_and_versions_are_part_of_the_name(tmp_path, compute, monkeypatch):
    cached_arrays("test", CONFIGURATION, compute, directory=tmp_path)
    with jax.enable_x64(False):
        assert not cached_arrays("test", CONFIGURATION, compute, directory=tmp_path)[1]
    for module, name in ((jax, "__version__"), (cache, "__version__")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, "0.0")
            assert not cached_arrays("test", CONFIGURATION, compute, directory=tmp_path)[1]
    assert cached_arrays("test", CONFIGURATION, compute, directory=tmp_path)[1]
    assert compute.calls == 4
