import json
from datetime import UTC, date, datetime, timedelta

import h5py
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import __version__
from jaxcr.runtime import (
    check_free,
    new_folder,
    result_folder,
    versions,
    write_record,
    write_result,
)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_folders_are_numbered_by_kind(here):
    names = [new_folder(None, kind=kind) for kind in ("fit", "fit", "sky", "fit")]
    found = [str(name) for name in names]
    assert found == [f"jaxcr-results/{x}" for x in ("fit-001", "fit-002", "sky-001", "fit-003")]
    assert all((here / name).is_dir() for name in names)


def test_the_next_free_number_is_taken(here):
    (here / "jaxcr-results").mkdir()
    (here / "jaxcr-results" / "fit-001").write_text("a file is in the way")
    assert new_folder(None, kind="fit").name == "fit-002"


def test_a_named_folder_is_made_with_its_parents(tmp_path):
    folder = new_folder(tmp_path / "a" / "b", kind="fit")
    assert folder == tmp_path / "a" / "b"
    assert folder.is_dir()


def test_existing_folders_are_not_touched(tmp_path):
    with pytest.raises(ValueError, match=r"--out: expected a new folder, got a folder that exists"):
        new_folder(tmp_path, kind="fit")
    with pytest.raises(ValueError, match=r"Name another one, or add --overwrite\."):
        check_free(tmp_path)
    assert new_folder(tmp_path, kind="fit", overwrite=True) == tmp_path


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_file_is_never_overwritten(tmp_path, overwrite):
    (tmp_path / "file").write_text("precious")
    with pytest.raises(ValueError, match=r"got a file: .*file\. Name another one\.$"):
        new_folder(tmp_path / "file", kind="fit", overwrite=overwrite)
    assert (tmp_path / "file").read_text() == "precious"


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"--out: expected a folder that can.*Not a directory"):
        new_folder(tmp_path / "file" / "below", kind="fit")


def test_a_run_that_fails_leaves_no_empty_folder(tmp_path):
    def run(name, **files):
        with result_folder(tmp_path / name, kind="fit") as folder:
            for file in files:
                (folder / file).write_text("kept")
            raise KeyboardInterrupt

    for name, files in (("empty", {}), ("begun", {"report": 1})):
        with pytest.raises(KeyboardInterrupt):
            run(name, **files)
    assert not (tmp_path / "empty").exists()
    assert (tmp_path / "begun" / "report").read_text() == "kept"
    with result_folder(tmp_path / "good", kind="fit") as folder:
        pass
    assert folder.is_dir()


def test_free_names_pass(tmp_path):
    check_free(None)
    check_free(tmp_path / "new")
    assert not (tmp_path / "new").exists()  # only looked at


def test_result_describes_itself(tmp_path):
    path = tmp_path / "result.h5"
    configuration = {"nside": 8, "nodes": (0.25, 0.4), "target": None, "cache": True}
    write_result(
        path,
        configuration=configuration,
        seeds={"model": 0, "simulate": None},
        groups={
            "fit": {
                "values": jnp.arange(3.0),
                "cost": 1.5,
                "names": "ln A, ln dB/B0",
                "m0_blind": True,
                "converged": np.array([True, False]),
                "history": np.zeros((2, 0), np.float32),
                "num_skies": 4,
            },
            "empty": {},
        },
    )
    with h5py.File(path) as file:
        assert json.loads(file.attrs["configuration"]) == configuration | {"nodes": [0.25, 0.4]}
        assert json.loads(file.attrs["seeds"]) == {"model": 0, "simulate": None}
        assert json.loads(file.attrs["versions"]) == versions()
        age = datetime.now(UTC) - datetime.fromisoformat(file.attrs["date"])
        assert timedelta(0) <= age < timedelta(minutes=1)
        assert set(file) == {"fit", "empty"}
        assert np.array_equal(file["fit/values"], [0.0, 1.0, 2.0])
        assert file["fit/values"].dtype == np.float64
        assert file["fit/cost"][()] == 1.5
        assert file["fit/num_skies"][()] == 4
        assert file["fit/history"].shape == (2, 0)
        assert file["fit/converged"][()].tolist() == [True, False]
        assert file["fit"].attrs["names"] == "ln A, ln dB/B0"
        assert file["fit"].attrs["m0_blind"]


def test_versions_are_those_that_run():
    found = versions()
    assert found["jaxcr"] == __version__
    assert found["jax"] == jax.__version__
    assert found["numpy"] == np.__version__
    assert "not installed" not in found.values()


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("jaxcr.runtime.results._PACKAGES", ("no-such-package",))
    assert versions()["no-such-package"] == "not installed"


def test_a_record_says_where_and_when_its_numbers_come_from(tmp_path):
    write_record(tmp_path / "new" / "a.json", {"rows": [1.5, 2.0]})
    record = json.loads((tmp_path / "new" / "a.json").read_text(encoding="utf-8"))
    assert record["rows"] == [1.5, 2.0]
    assert record["versions"]["jaxcr"] == __version__
    assert "cores" in record["machine"]
    assert date.fromisoformat(record["date"])
    assert record["device"] == jax.devices()[0].device_kind
