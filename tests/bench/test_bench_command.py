"""``jaxcr bench`` from end to end, and bad input to it."""

import json

import pytest

from jaxcr.bench import BENCHMARKS, Benchmark, Measured, Row
from jaxcr.cli.main import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Go to an empty folder; what the command sets in the environment goes with it."""
    monkeypatch.chdir(tmp_path)
    for name in ("NPROC", "OMP_NUM_THREADS", "JAX_ENABLE_X64", "JAX_NUM_CPU_DEVICES"):
        monkeypatch.setenv(name, "1")
    return tmp_path


@pytest.fixture
def stub(monkeypatch):
    """Add a benchmark of two rows that costs nothing; an exception may come in between."""
    between = []

    def rows(effort):
        yield Row("first", "none", Measured(100.0, 1.0, 9), "things/s", "CPU")
        if between:
            raise between[0]
        yield Row("second", "none", Measured(float(effort.level), 0.1, 9), "things/s", "CPU")

    monkeypatch.setitem(BENCHMARKS, "stub", Benchmark("stub", "two rows", rows))
    return between


def rows_of(path):
    return {row["name"]: row for row in json.loads(path.read_text(encoding="utf-8"))["rows"]}


def test_a_benchmark_is_written_printed_and_compared(folder, capsys):
    assert main(["bench", "--quick", "--only", "chain", "--out", "one.json"]) == 0
    printed = capsys.readouterr()
    table = (folder / "one.md").read_text(encoding="utf-8")
    assert table in printed.out
    assert "one.json and one.md" in printed.out
    assert "chain: 100 traps: " in printed.err
    record = json.loads((folder / "one.json").read_text(encoding="utf-8"))
    assert record["quick"]
    for row in record["rows"]:
        for peer in row["peers"]:
            assert peer["difference"] < 1e-10


def test_a_comparison_flags_what_changed(folder, stub, capsys):
    assert main(["bench", "--only", "stub", "--out", "old.json"]) == 0
    record = json.loads((folder / "old.json").read_text(encoding="utf-8"))
    record["rows"][0]["measured"]["value"] = 40.0
    record["versions"]["jax"] = "0.0"
    (folder / "old.json").write_text(json.dumps(record), encoding="utf-8")
    assert main(["bench", "--only", "stub", "--out", "new.json", "--compare", "old.json"]) == 0
    text = (folder / "new.md").read_text(encoding="utf-8")
    assert "1 of 2 rows changed beyond the noise." in text
    assert "| first | 40.0 ± 1.0 things/s | 100 ± 1 things/s | 2.5 | 10 % | **better** |" in text
    assert "- jax: 0.0 before" in text
    assert text in capsys.readouterr().out


def test_without_out_the_next_free_folder_is_taken(folder, stub):
    for _ in range(2):
        assert main(["bench", "--quick", "--only", "stub"]) == 0
    files = sorted(path.name for path in (folder / "jaxcr-results").glob("*/*"))
    assert files == ["bench.json", "bench.json", "bench.md", "bench.md"]
    assert rows_of(folder / "jaxcr-results" / "bench-002" / "bench.json")["second"]


def test_an_interruption_keeps_the_rows_that_are_finished(folder, stub, capsys):
    stub.append(KeyboardInterrupt())
    with pytest.raises(SystemExit) as stopped:
        main(["bench", "--only", "stub", "--out", "a.json"])
    assert stopped.value.code == 130
    assert "the rows that are finished are in a.json" in capsys.readouterr().err
    assert list(rows_of(folder / "a.json")) == ["first"]
    assert "| first |" in (folder / "a.md").read_text(encoding="utf-8")


def test_the_list_names_every_benchmark_and_writes_nothing(folder, capsys):
    assert main(["bench", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(BENCHMARKS)
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--only harmonic", "Did you mean harmonics?"),
        ("--only stub qqqq", "--only: expected names out of start"),
        ("--compare gone.json", "--compare: expected a JSON file that jaxcr bench wrote"),
        ("--compare text.json", "--compare: expected a JSON file that jaxcr bench wrote"),
        ("--compare .", "--compare: expected a JSON file that jaxcr bench wrote"),
        ("--out a.txt", "--out: expected a file NAME.json, got a.txt"),
        ("--out text.json", "got a file that exists: text.json. Name another one, or add"),
        ("--out other.json", "got a file that exists: other.md"),
        ("--out folder.json --overwrite", "got a folder: folder.json. Name another one."),
        ("--out text.json/a.json", "--out: expected a folder that can be made"),
    ],
)
def test_bad_input_is_one_message_before_anything_runs(folder, stub, capsys, arguments, message):
    (folder / "text.json").write_text("no JSON", encoding="utf-8")
    (folder / "other.md").write_text("mine", encoding="utf-8")
    (folder / "folder.json").mkdir()
    before = sorted(folder.rglob("*"))
    stub.append(AssertionError("was run"))
    words = arguments.split()
    assert main(["bench", *([] if "--only" in words else ["--only", "stub"]), *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("jaxcr: error: ")
    assert message in error
    assert "Traceback" not in error
    assert sorted(folder.rglob("*")) == before


def test_overwrite_replaces_both_files(folder, stub):
    (folder / "a.json").write_text("old", encoding="utf-8")
    (folder / "a.md").write_text("old", encoding="utf-8")
    assert main(["bench", "--only", "stub", "--out", "a.json", "--overwrite"]) == 0
    assert set(rows_of(folder / "a.json")) == {"first", "second"}
