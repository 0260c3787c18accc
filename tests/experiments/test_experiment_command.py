"""``jaxcr experiment`` from end to end, and bad input to it."""

import json

import pytest

from jaxcr.cli.main import main
from jaxcr.experiments import EXPERIMENTS, Experiment, Outcome, Verdict
from jaxcr.plots import new_figure


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Go to an empty folder; what the command sets in the environment goes with it."""
    monkeypatch.chdir(tmp_path)
    for name in ("JAX_ENABLE_X64", "JAX_NUM_CPU_DEVICES"):
        monkeypatch.setenv(name, "1")
    return tmp_path


@pytest.fixture
def stub(monkeypatch):
    """Add two experiments that cost nothing; an exception may come in the second."""
    problems = []

    def run(size):
        verdicts = (Verdict("it is small", f"{size.cells} cells", size.cells < 100, "a note"),)
        return Outcome({"cells": size.cells}, verdicts, lambda: new_figure(2, 2))

    def fail(size):
        if problems:
            raise problems[0]
        return run(size)

    monkeypatch.setitem(EXPERIMENTS, "stub", Experiment("stub", "nothing", "nowhere", run))
    monkeypatch.setitem(EXPERIMENTS, "stub-2", Experiment("stub-2", "nothing", "nowhere", fail))
    return problems


def test_no_name_prints_the_list(folder, capsys):
    assert main(["experiment"]) == 0
    printed = capsys.readouterr().out
    for name, experiment in EXPERIMENTS.items():
        assert any(x.startswith(name) and experiment.what in x for x in printed.splitlines())
    assert not list(folder.iterdir())


def test_a_run_leaves_numbers_picture_and_verdicts(folder, stub, capsys):
    assert main(["experiment", "stub", "stub-2", "--quick", "--out", "one"]) == 0
    printed = capsys.readouterr()
    table = (folder / "one" / "verdicts.md").read_text(encoding="utf-8")
    assert printed.out.startswith("stub\n  yes          it is small\n               64 cells\n")
    assert "| stub | it is small | 64 cells | yes | a note |" in table
    assert "stub-2: yes" in printed.err
    record = json.loads((folder / "one" / "stub" / "result.json").read_text(encoding="utf-8"))
    assert record["numbers"] == {"cells": 64}
    assert record["verdicts"][0]["holds"] is True
    assert record["size"]["name"] == "quick"
    assert (folder / "one" / "stub" / "stub.png").stat().st_size > 0


def test_no_is_an_answer_and_not_an_error(folder, stub, capsys):
    assert main(["experiment", "stub", "--full", "--field", "mhd", "--json"]) == 0
    verdicts = json.loads(capsys.readouterr().out)["report"]
    assert verdicts["stub"][0]["holds"] is False
    result = folder / "jaxcr-results" / "experiment-001" / "stub" / "result.json"
    assert json.loads(result.read_text(encoding="utf-8"))["size"]["simulated"] is True


def test_what_is_finished_survives_an_interruption(folder, stub, capsys):
    stub.append(KeyboardInterrupt())
    with pytest.raises(SystemExit) as ended:
        main(["experiment", "stub", "stub-2", "--out", "one"])
    assert ended.value.code == 130
    assert "what is finished is in one" in capsys.readouterr().err
    assert {x.name for x in (folder / "one").iterdir()} == {"stub", "verdicts.md"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("skies-by-radios", "Did you mean skies-by-radius?"),
        ("stub --quick --full", "--quick, --full: expected one of them, got both"),
        ("stub --out .", "--out: expected a new folder, got a folder that exists"),
    ],
)
def test_bad_input_is_one_message(folder, stub, capsys, words, message):
    assert main(["experiment", *words.split()]) == 2
    assert message in capsys.readouterr().err


def test_a_published_result_from_end_to_end(folder, tiny, monkeypatch):
    monkeypatch.setattr("jaxcr.experiments.QUICK", tiny)
    assert main(["experiment", "spectra-by-radius", "--quick", "--out", "one"]) == 0
    result = folder / "one" / "spectra-by-radius" / "result.json"
    record = json.loads(result.read_text(encoding="utf-8"))
    assert record["numbers"]["radii_pc"] == [10, 20, 60, 90]
    assert len(record["numbers"]["boundary"]["mean field"]["mean"][0]) == 33
    assert len(record["verdicts"]) == 4
