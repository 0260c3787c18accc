"""Record, tables and comparison: what is flagged, what is not, what is refused."""

import dataclasses
import json

import pytest

from jaxcr.bench import (
    Measured,
    Peer,
    Record,
    Row,
    change_table,
    compare_rows,
    differences,
    quantity,
    read_record,
    run_table,
    save_rows,
)

ROW = Row("steps: a", "64³ cells", Measured(100.0, 2.0, 9), "Msteps/s", "CPU")
PEERS = (
    Peer("other", "1.2", Measured(20.0, 1.0, 9), 3e-7, "rtol 1e-7"),
    Peer("third", "not installed"),
    Peer("fourth", "0.1", note="failed: TypeError: no such option"),
)


def with_value(value, **changes):
    spread = changes.pop("spread", 2.0)
    repeats = changes.pop("repeats", 9)
    return dataclasses.replace(ROW, measured=Measured(value, spread, repeats), **changes)


def verdict(old, new):
    (change,) = compare_rows([old], [new])
    return change.verdict


def test_a_change_within_a_tenth_is_noise_however_small_the_spread():
    assert verdict(with_value(100.0, spread=0.0), with_value(109.9, spread=0.0)) == "within noise"
    assert verdict(with_value(100.0, spread=0.0), with_value(91.0, spread=0.0)) == "within noise"
    assert verdict(with_value(100.0, spread=0.0), with_value(110.1, spread=0.0)) == "better"
    assert verdict(with_value(100.0, spread=0.0), with_value(90.8, spread=0.0)) == "worse"


def test_a_change_within_three_combined_standard_errors_is_noise():
    # the error of a median of 9 is sqrt(pi/18) = 0.418 of the spread: 20 of 100 make 8.4 %, twice
    # in quadrature 11.8 %, three times that 35 %
    noisy = {"spread": 20.0}
    (change,) = compare_rows([with_value(100.0, **noisy)], [with_value(130.0, spread=26.0)])
    assert change.noise == pytest.approx(0.354, abs=1e-3)
    assert change.verdict == "within noise"
    assert verdict(with_value(100.0, **noisy), with_value(140.0, spread=28.0)) == "better"


def test_rows_measured_once_need_a_quarter():
    once = {"spread": None, "repeats": 1}
    assert verdict(with_value(100.0, **once), with_value(120.0)) == "within noise"
    assert verdict(with_value(100.0, **once), with_value(130.0)) == "better"


def test_where_lower_is_better_a_larger_value_is_worse():
    lower = {"higher_is_better": False}
    assert verdict(with_value(100.0, **lower), with_value(200.0, **lower)) == "worse"
    assert verdict(with_value(200.0, **lower), with_value(100.0, **lower)) == "better"


@pytest.mark.parametrize(
    "other", [{"conditions": "128³ cells"}, {"unit": "steps/s"}, {"clock": "wall"}]
)
def test_rows_of_other_conditions_have_no_ratio(other):
    (change,) = compare_rows([ROW], [with_value(200.0, **other)])
    assert (change.verdict, change.ratio, change.is_flagged) == ("other conditions", None, False)


def test_rows_of_one_run_only_are_named():
    changes = compare_rows([ROW], [with_value(1.0, name="steps: b")])
    assert [(c.name, c.verdict) for c in changes] == [
        ("steps: b", "only new"),
        ("steps: a", "only old"),
    ]


def test_the_table_of_changes_flags_and_counts():
    changes = compare_rows(
        [ROW, with_value(10.0, name="b"), with_value(1.0, name="c")],
        [with_value(50.0), with_value(10.1, name="b"), with_value(1.0, name="c", unit="s")],
    )
    text = change_table(changes, ["jax: 0.9 before, 0.10 now"])
    assert "1 of 3 rows changed beyond the noise." in text
    assert "- jax: 0.9 before, 0.10 now" in text
    assert "| steps: a | 100 ± 2 Msteps/s | 50.0 ± 2.0 Msteps/s | 0.5 | 10 % | **worse** |" in text
    assert "| within noise |" in text
    assert text.endswith("|  |  | other conditions |")


def test_the_table_of_a_run_says_what_was_not_measured_and_who_is_not_installed(tmp_path):
    row = dataclasses.replace(ROW, peers=PEERS)
    text = run_table(save_rows(tmp_path / "a.json", [row, ROW], {"memory": "why"}, quick=True))
    lines = text.splitlines()
    assert "quick set" in lines[0]
    assert "jaxcr 0" in lines[0]
    table = [line for line in lines if line.startswith("|")]
    assert len({line.count("|") for line in table}) == 1
    assert "| other 1.2 | 20.0 ± 1.0 Msteps/s (rtol 1e-7) | 5.00 × faster | 3e-07 |" in table[2]
    assert table[3] == "|  |  |  |  | third | not installed |  |  |"
    assert "| fourth | failed: TypeError: no such option |  |  |" in table[4]
    assert "memory: not measured. why" in text


def test_slower_is_said_where_jaxcr_is():
    peer = Peer("other", "1.2", Measured(50.0, 1.0, 9))
    lower = dataclasses.replace(ROW, peers=(peer,), higher_is_better=False)
    record = Record({"versions": {}, "environment": {}, "processor": "", "machine": "m",
                     "num_devices": 1, "device": "d", "date": "today", "quick": False},
                    (lower,), {})  # fmt: skip
    assert "| 2.00 × slower |" in run_table(record)


@pytest.mark.parametrize(
    ("value", "spread", "text"),
    [
        (1354778.0, 131573.0, "1,350,000 ± 130,000"),
        (8168.0, 66.0, "8,170 ± 70"),
        (100.0, 2.0, "100 ± 2"),
        (26.83, 0.77, "26.8 ± 0.8"),
        (0.01114, 0.00251, "0.0111 ± 0.0025"),
        (13.9, None, "13.9"),
        (0.0, 0.0, "0 ± 0"),
    ],
)
def test_numbers_have_three_digits(value, spread, text):
    assert quantity(Measured(value, spread, 3)) == text


def test_a_record_comes_back_as_it_was_written(tmp_path):
    rows = (dataclasses.replace(ROW, peers=PEERS), with_value(3.0, name="b", spread=None))
    saved = save_rows(tmp_path / "new" / "a.json", rows, {"memory": "why"}, quick=False)
    assert saved.rows == rows
    assert saved.not_measured == {"memory": "why"}
    assert {"machine", "processor", "device", "versions", "date"} <= set(saved.about)
    assert differences(saved, saved) == []
    other = dataclasses.replace(
        saved, about=saved.about | {"quick": True, "versions": {"jax": "1"}}
    )
    lines = differences(saved, other)
    assert "quick: False before, True now" in lines
    assert any(line.startswith("jax: ") and line.endswith("before, 1 now") for line in lines)


@pytest.mark.parametrize(
    "content",
    ["", "[1, 2]", '{"rows": []}', "\ufffe", '{"kind": "jaxcr bench"}',
     '{"kind": "jaxcr bench", "not_measured": {}, "rows": [{"name": "a"}]}'],
)  # fmt: skip
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_text(content, encoding="utf-16")
    with pytest.raises(ValueError, match="--compare: expected a JSON file that jaxcr bench wrote"):
        read_record(path)
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match="--compare: expected a JSON file that jaxcr bench wrote"):
        read_record(path)


def test_the_file_is_plain_json(tmp_path):
    save_rows(tmp_path / "a.json", [ROW], {}, quick=True)
    numbers = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert numbers["rows"][0]["measured"] == {"value": 100.0, "spread": 2.0, "repeats": 9}
