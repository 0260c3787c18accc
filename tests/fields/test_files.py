import h5py
import numpy as np
import pytest

from jaxcr.fields.files import blaming, find_arrays

VALUES = np.arange(24.0).reshape(2, 2, 2, 3)


def load_array(path, name):
    """Return an array of a file and its attributes, as a reader would."""
    (found,) = find_arrays(path, name)
    with blaming(path), found.open() as array:
        values = np.asarray(array[...])
        assert values.shape == found.shape
        return values, found.attributes


@pytest.fixture
def files(tmp_path):
    """Return one file of each kind with the same array ``b`` and, where there can be, ``rho``."""
    paths = {kind: tmp_path / f"snapshot.{kind}" for kind in ("npy", "npz", "h5")}
    np.save(paths["npy"], VALUES)
    np.savez(paths["npz"], b=VALUES, rho=np.ones(2))
    with h5py.File(paths["h5"], "w") as file:
        file["gas/b"] = VALUES
        file["gas/b"].attrs["time"] = 3.0
        file["rho"] = np.ones(2)
    return paths


@pytest.mark.parametrize(("kind", "name"), [("npy", None), ("npz", "b"), ("h5", "gas/b")])
def test_each_kind_is_read(files, kind, name):
    values, attributes = load_array(files[kind], name)
    assert np.array_equal(values, VALUES)
    assert attributes == ({"time": 3.0} if kind == "h5" else {})


def test_hdf5_names_may_start_at_the_root(files):
    assert np.array_equal(load_array(files["h5"], "/gas/b")[0], VALUES)


@pytest.mark.parametrize("kind", ["npy", "npz", "h5"])
def test_content_decides_not_the_name(files, kind, tmp_path):
    moved = files[kind].rename(tmp_path / "snapshot.dat")
    name = {"npy": None, "npz": "b", "h5": "gas/b"}[kind]
    assert np.array_equal(load_array(str(moved), name)[0], VALUES)


def test_the_only_array_needs_no_name(tmp_path):
    np.savez_compressed(tmp_path / "one.npz", any_name=VALUES)
    assert np.array_equal(load_array(tmp_path / "one.npz", None)[0], VALUES)


def test_missing_file(tmp_path):
    with pytest.raises(ValueError, match=r"read_field: path: .*none\.npz \(No such file"):
        load_array(tmp_path / "none.npz", None)


def test_folder_instead_of_file(tmp_path):
    with pytest.raises(ValueError, match=r"expected a file that can be read, .*directory"):
        load_array(tmp_path, None)


@pytest.mark.parametrize("content", [b"x y z\n1 2 3\n", b""])
def test_other_content(tmp_path, content):
    path = tmp_path / "text.npz"
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"expected an NPZ, NPY, HDF5, FITS or VTK file, got .*text\.npz"
    ):
        load_array(path, None)


@pytest.mark.parametrize("keep", [0.05, 0.3, 0.6, 0.99])
@pytest.mark.parametrize(("kind", "name"), [("npy", None), ("npz", "b"), ("h5", "gas/b")])
def test_truncated_file(files, kind, name, keep):
    content = files[kind].read_bytes()
    files[kind].write_bytes(content[: max(8, int(keep * len(content)))])
    with pytest.raises(ValueError, match=rf"expected a complete file .*snapshot\.{kind}"):
        load_array(files[kind], name)


def test_damaged_archive(tmp_path):
    path = tmp_path / "damaged.npz"
    np.savez_compressed(path, b=np.random.default_rng(1).normal(size=1000))
    content = bytearray(path.read_bytes())
    content[2000:2100] = bytes(100)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"expected a complete file .*damaged\.npz"):
        load_array(path, None)


def test_python_objects_are_not_loaded(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"plain numbers, got .*objects\.npy .*Python objects"):
        load_array(tmp_path / "objects.npy", None)


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("npz", None, r"snapshot\.npz: b, rho, got None"),
        ("npz", "B", r"snapshot\.npz: b, rho, got 'B'"),
        ("h5", None, r"snapshot\.h5: gas/b, rho, got None"),
        ("h5", "gas", r"snapshot\.h5: gas/b, rho, got 'gas'"),
        ("npy", "b", r"snapshot\.npy: None, got 'b'"),
    ],
)
def test_missing_dataset_names_those_present(files, kind, name, message):
    with pytest.raises(
        ValueError, match="read_field: dataset: expected one of those in .*" + message
    ):
        load_array(files[kind], name)


def test_empty_files(tmp_path):
    np.savez(tmp_path / "empty.npz")
    h5py.File(tmp_path / "empty.h5", "w").close()
    for name in ("empty.npz", "empty.h5"):
        with pytest.raises(ValueError, match=rf"{name}: it is empty, got None"):
            load_array(tmp_path / name, None)
