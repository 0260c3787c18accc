"""Notebooks run from top to bottom, and agree with the scripts that they are paired with."""

import re
from pathlib import Path

import jupytext
import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
PLANTED = {
    "01-fit-a-power-spectrum": 4,
    "02-traps": 2,
    "03-from-spectrum-to-transport": 4,
    "04-sky": 5,
    "05-fit-a-trap-chain": 4,
    "06-fit-turbulence-to-a-spectrum": 6,
    "07-trust-a-gradient": 2,
    "08-joint-fit-and-posterior": 8,
}


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning")
def test_notebook_runs_and_recovers_what_it_planted(path):
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    printed = "".join(
        output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])
    )
    rows = re.findall(r"(-?[\d.]+) ± ([\d.]+) +planted (-?[\d.]+)", printed)
    assert len(rows) == PLANTED[path.stem]
    value, error, planted = np.array(rows, float).T
    # Eight skies and 80 simulated ones: pulls of order one; 4 sigma on any would be a defect.
    assert np.all(np.abs(value - planted) < 4 * error)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_equals_its_script(path):
    notebook = [c.source for c in nbformat.read(path, as_version=4).cells]
    script = [c.source for c in jupytext.read(path.with_suffix(".py")).cells]
    assert notebook == script
