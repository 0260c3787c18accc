"""``--json``: stdout holds one document, with the numbers of the report and of result.h5."""

import json
import shutil

import h5py
import numpy as np
import pytest

from jaxcr.cli.config import COMMANDS
from jaxcr.cli.main import main
from jaxcr.cli.output import Outcome, document, quantity, to_json
from jaxcr.experiments import EXPERIMENTS, Verdict
from jaxcr.experiments import Experiment as Published
from jaxcr.experiments import Outcome as Found
from jaxcr.plots import new_figure
from jaxcr.runtime import write_result

TURBULENCE = ["--turbulence.cells", "16", "--turbulence.outer-scale", "6"]
RUN = [*TURBULENCE, "--num", "128", "--chunk-size", "64", "--path", "2", "4", "--nside", "1",
       "--lmax", "3"]  # fmt: skip
ARGUMENTS = {
    "sky": [
        *TURBULENCE,
        "--nside",
        "2",
        "--lmax",
        "4",
        "--rigidity",
        "8",
        "--path",
        "3",
        "6",
        "--boundary",
        "quasi-steady",
    ],
    "field": [*TURBULENCE, "--rigidity", "3"],
    "orbits": [*TURBULENCE, "--num", "16", "--groups", "4", "--path", "8", "--samples", "10"],
    "traps": ["--sites", "5", "--lmax", "6"],
    "ensemble": RUN,
    "resume": ["stopped"],
    "status": ["run"],
    "merge": ["run"],
    "bench": ["--quick", "--only", "chain"],
    "experiment": ["stub"],
    "info": [],
}
OUT = {"bench": "out.json", "resume": None, "status": None, "info": None}
SAME = {
    "sky": (("stops", 1, "c_ell", "value"), "sky-2/c_ell", ...),
    "field": (("rms", "value"), "field/rms", ...),
    "orbits": (("kappa_parallel_over_v", "error"), "transport/kappa_parallel_error", ...),
    "traps": (("c_ell", "value"), "sky/spectrum", ...),
    "ensemble": (("stops", 1, "c_ell", "error"), "spectrum/c_ell_error", 1),
    "resume": (("num_steps",), "orbits/steps", ...),
    "merge": (("stops", 0, "path", "value"), "transport/path", 0),
}
"""A number of the report, and where result.h5 has it."""


def stub(size):
    verdicts = (Verdict("it is small", f"{size.cells} cells", True),)
    return Found({"cells": size.cells}, verdicts, lambda: new_figure(2, 2))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run of two chunks."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert main(["ensemble", *RUN, "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def folder(run, tmp_path, monkeypatch):
    """Go where a run lies, and the same that was stopped before its second chunk."""
    monkeypatch.chdir(tmp_path)
    for name in ("NPROC", "OMP_NUM_THREADS", "JAX_ENABLE_X64", "JAX_NUM_CPU_DEVICES"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setitem(EXPERIMENTS, "stub", Published("stub", "nothing", "nowhere", stub))
    shutil.copytree(run, tmp_path / "run")
    shutil.copytree(run, tmp_path / "stopped")
    for name in ("chunks/0000001.chunk", "merged.chunk", "result.h5"):
        (tmp_path / "stopped" / name).unlink()
    return tmp_path


@pytest.mark.parametrize("command", ARGUMENTS)
def test_every_command_prints_one_document(folder, capsys, read_document, command):
    out = OUT.get(command, "out")
    words = [command, *ARGUMENTS[command], *(["--out", out] if out else []), "--json"]
    assert main(words) == 0
    printed = capsys.readouterr()
    found = read_document(printed.out)
    assert found["command"] == command
    assert printed.err.count("\n") > 1  # the text, for people
    if command in SAME:
        path, name, index = SAME[command]
        told = found["report"]
        for key in path:
            told = told[key]
        with h5py.File(f"{found['folder']}/result.h5") as file:
            np.testing.assert_array_equal(told, file[name][...][index])


def test_the_table_above_has_every_command():
    assert {*ARGUMENTS, "fit"} == set(COMMANDS)  # a fit takes a minute: test_runs.py


def test_what_is_not_json_is_none_and_what_is_large_stays_in_its_file(tmp_path):
    groups = {"a": {"large": np.zeros(10_001), "edge": np.zeros((100, 100)), "word": "text"}}
    groups["a"]["bad"] = np.array([1.0, np.nan, -np.inf])
    write_result(tmp_path / "result.h5", configuration={}, seeds={}, groups=groups)
    (tmp_path / "shard.lock").touch()
    report = {"x": quantity(np.float32(np.nan), np.inf, "pc"), "y": np.bool_(True), 3: (1, None)}
    found = document("field", Outcome(report, tmp_path, (), ("mind the gap",)))
    text = to_json(found)
    assert json.loads(text) == found
    assert text.isascii()  # whatever the encoding of stdout
    assert found["report"]["x"] == {"value": None, "error": None, "unit": "pc"}
    assert found["report"]["y"] is True
    assert found["report"]["3"] == [1, None]
    assert found["numbers"]["a"]["bad"] == [1.0, None, None]
    assert found["numbers"]["a"]["word"] == "text"
    assert np.shape(found["numbers"]["a"]["edge"]) == (100, 100)
    assert found["left_out"] == {"a/large": f"{tmp_path}/result.h5"}
    assert found["files"] == [f"{tmp_path}/result.h5"]
    assert found["warnings"] == ["mind the gap"]


@pytest.mark.parametrize("words", [["bench", "--list"], ["experiment", "--list"], ["experiment"]])
def test_lists_are_documents(folder, capsys, read_document, words):
    assert main([*words, "--json"]) == 0
    listed = read_document(capsys.readouterr().out)["report"]
    assert all(x["what"] for x in listed.values())
    assert main(words) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed] == list(listed)


def test_settings_are_a_document(capsys, read_document):
    assert main(["traps", "--sites", "7", "--edge-width", "0.1", "--show-config", "--json"]) == 0
    settings = read_document(capsys.readouterr().out)["report"]["configuration"]
    assert settings["sites"] == 7
    assert settings["edge_width"] == 0.1


def test_doubts_are_warnings(folder, capsys, read_document):
    words = [*ARGUMENTS["traps"], "--scattering-rate", "10", "--json"]
    assert main(["traps", *words]) == 0
    (warning,) = read_document(capsys.readouterr().out)["warnings"]
    assert warning == "scatterings per trap: the loss cones close, and the rates are too low"


def test_bad_input_leaves_stdout_empty(capsys):
    assert main(["traps", "--sites", "0", "--json"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("jaxcr: error: --sites")
