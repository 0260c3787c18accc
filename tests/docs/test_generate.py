"""The modules that write pages: numbers, links, tables, docstrings."""

import json

import pytest
from generate import docstrings, markdown, pages, reference, values

from jaxcr import bench


@pytest.fixture
def repository(tmp_path):
    """A repository with one result file."""
    rows = [{"field": "Linear", "points": "path", "ns": 97.0}, {"field": "Cubic, C2", "ns": 250.0}]
    (tmp_path / "a.json").write_text(json.dumps({"rows": rows, "x": {"y": [1.0, 2.5]}}))
    return tmp_path


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("{{ a.json | rows[field=Linear;points=path]/ns | .0f }}", "97"),
        ("{{ a.json | rows[field=Cubic, C2]/ns | .1f }}", "250.0"),
        ("{{ a.json | x/y/1 | .2f }}", "2.50"),
    ],
)
def test_numbers_of_result_files_are_filled_in(repository, field, text):
    assert values.resolved(f"is {field} ns", repository, "") == f"is {text} ns"


@pytest.mark.parametrize("path", ["rows[field=Cubic]/ns", "rows[points=x]/ns", "z", "x/y/7"])
def test_a_number_that_is_not_there_is_an_error(repository, path):
    with pytest.raises(LookupError):
        values.resolved(f"{{{{ a.json | {path} | .1f }}}}", repository, "")


def test_links_to_the_repository_must_exist(repository):
    address = values.resolved("[a](repo:a.json)", repository, "https://x")
    assert address == "[a](https://x/blob/main/a.json)"
    with pytest.raises(FileNotFoundError, match=r"b\.json"):
        values.resolved("[b](repo:b.json)", repository, "https://x")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0123, "0.0123"), (1234.5, "1,234"), (3.2e-6, "3.20 × 10<sup>-6</sup>"), (7, "7"),
     (float("nan"), "nan")],
)  # fmt: skip
def test_numbers_have_three_digits(value, text):
    assert markdown.number(value) == text


def test_errors_decide_how_many_digits_are_shown():
    assert markdown.with_error(1.23456, 0.0345) == "1.235 ± 0.035"
    assert markdown.with_error(46.7, 11.5) == "47 ± 12"
    assert markdown.with_error(2.0, 0.0) == "2"


def test_tables_keep_bars_in_cells():
    assert markdown.table(("|μ|",), [(True,)]) == "| \\|μ\\| |\n| --- |\n| yes |"


def test_docstrings_come_out_as_they_were_meant():
    text = "Return <w²> * 2 of `a*b`.\n\nReturns\n-------\nThe mean, in sr.\n\nNotes\n-----\nNone."
    changed = docstrings.with_prose(docstrings.escaped(text))
    assert "&lt;w²> \\* 2 of `a*b`" in changed
    assert "Returns\n-------\n:\n    The mean, in sr." in changed
    assert changed.endswith("Notes\n-----\nNone.")


def test_tables_of_the_bench_command_are_its_own(tmp_path):
    row = bench.Row("chains", "100 traps", bench.Measured(2.0, 0.1, 5), "µs", "CPU")
    file = tmp_path / "benchmarks" / "results" / "bench_quick.json"
    file.parent.mkdir(parents=True)
    bench.save_rows(file, [row], {}, quick=True)
    text = pages.own_runs(tmp_path)
    assert "### benchmarks/results/bench_quick.json" in text
    assert "| chains | 100 traps | 2.00 ± 0.10 µs |" in text


def test_a_folder_without_public_names_is_refused():
    with pytest.raises(ValueError, match="__all__"):
        reference.public_names(reference.ast.parse("x = 1"))
