"""Notebooks run from top to bottom, and agree with the scripts that they are paired with."""

import ast
import re
from pathlib import Path

import jupytext
import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from traitlets.config import Config

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
PLANTED = {
    "01-field": 5,
    "02-orbits": 2,
    "03-traps": 2,
    "04-from-spectrum-to-transport": 4,
    "05-sky": 5,
    "06-trust-a-gradient": 2,
    "07-fit-a-power-spectrum": 4,
    "08-your-own-mhd-cube": 3,
    "09-fit-a-trap-chain": 4,
    "10-fit-turbulence-to-a-spectrum": 6,
    "11-joint-fit-and-posterior": 8,
}
"""Rows ``value ± error  planted truth`` that each prints."""

HEAVY = {"01-field", "02-orbits", "05-sky"}
"""Half a minute each."""
SMALL = {
    "01-field": {
        "num_cells": 32,
        "num_fields": 2,
        "num_waves": 32,
        "num_pairs": 32,
        "num_points": 50,
    },
    "02-orbits": {
        "num_cells": 32,
        "num_orbits": 64,
        "num_fields": 2,
        "num_free_paths": 0.5,
        "num_path_samples": 16,
        "num_waves": 16,
        "num_pairs": 8,
        "num_scheme_orbits": 2,
        "num_steps": (20, 40),
    },
    "03-traps": {"num_traps": 20, "num_particles": 512, "hop_path": 40.0},
    "05-sky": {
        "num_cells": 32,
        "nside": 8,
        "lmax": 20,
        "num_null_steps": 60,
        "num_isotropic": 50,
        "num_fields": 3,
        "slope_nside": 2,
        "num_slope_steps": 32,
    },
}
"""Sizes in place of those in the cell tagged ``sizes``: errors in the code, not in the physics.

Notebooks that fit, two others that compile for long, and all in full are left to the slow tests.
"""


def reduced(notebook, sizes):
    """Return the notebook with a cell of other sizes behind its own."""
    (at,) = (i for i, x in enumerate(notebook.cells) if "sizes" in x.metadata.get("tags", ()))
    names = {x.id for x in ast.walk(ast.parse(notebook.cells[at].source)) if type(x) is ast.Name}
    assert sizes.keys() <= names
    source = "\n".join(f"{name} = {value!r}" for name, value in sizes.items())
    notebook.cells.insert(at + 1, nbformat.v4.new_code_cell(source))
    return notebook


def planted_rows(notebook):
    """Run a notebook; return value, error and truth of each row that it printed."""
    # Files instead of ports, which another kernel could take between their choice and their use.
    config = Config({"ConnectionFileMixin": {"transport": "ipc"}})
    NotebookClient(notebook, timeout=300, kernel_name="python3", config=config).execute()
    printed = "".join(
        output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])
    )
    rows = re.findall(r"(-?[\d.]+) ± ([\d.]+) +planted (-?[\d.]+)", printed)
    return np.array(rows, float).T


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(p, marks=pytest.mark.slow) if p.stem in HEAVY else p
        for p in NOTEBOOKS
        if p.stem in SMALL
    ],
    ids=lambda p: p.stem,
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning")
def test_notebook_runs_with_small_sizes(path, monkeypatch):
    # Most of the time is XLA's: programs this small need not be good ones.
    monkeypatch.setenv("XLA_FLAGS", "--xla_backend_optimization_level=0")
    rows = planted_rows(reduced(nbformat.read(path, as_version=4), SMALL[path.stem]))
    # nan and inf are no rows
    assert rows.shape == (3, PLANTED[path.stem])


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning")
def test_notebook_runs_and_recovers_what_it_planted(path):
    value, error, planted = planted_rows(nbformat.read(path, as_version=4))
    assert len(value) == PLANTED[path.stem]
    # Eight skies and 80 simulated ones: pulls of order one; 4 sigma on any would be a defect.
    assert np.all(np.abs(value - planted) < 4 * error)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_equals_its_script(path):
    notebook = [c.source for c in nbformat.read(path, as_version=4).cells]
    script = [c.source for c in jupytext.read(path.with_suffix(".py")).cells]
    assert notebook == script
