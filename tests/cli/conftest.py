"""What tests of commands share."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

KEYS = {"jaxcr", "command", "report", "folder", "files", "warnings"}


def refused(word):
    """Raise for what Python reads and JSON has not: NaN, Infinity."""
    raise AssertionError(f"{word} is no JSON")


def read_document(printed):
    """Return the one document that a command printed, once it is whole and its files agree."""
    found = json.loads(printed, parse_constant=refused)
    assert printed.count("\n") == 1
    assert found.keys() >= KEYS
    assert found["report"]
    for name in found["files"]:
        assert Path(name).is_file()
    results = [x for x in found["files"] if x.endswith("result.h5")]
    assert ("numbers" in found) == bool(results)
    for name in results:
        with h5py.File(name) as file:
            compare(found, {f"{g}/{k}": x[()] for g, y in file.items() for k, x in y.items()}, name)
    return found


def compare(found, stored, file):
    """Assert that every number of a result file is in a document, or named in what it left out."""
    for path, value in stored.items():
        group, name = path.split("/")
        if np.size(value) > 10_000:
            assert found["left_out"][path] == file
            assert name not in found["numbers"][group]
            continue
        mine = np.array(found["numbers"][group][name], np.asarray(value).dtype)  # None is nan
        stored_value = np.where(np.isfinite(value), value, np.nan)
        np.testing.assert_array_equal(mine, stored_value, err_msg=path)


@pytest.fixture(name="read_document")
def give_reader():
    """Reads what ``--json`` printed."""
    return read_document
