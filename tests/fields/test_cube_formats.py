"""Cubes as simulation codes write them: the same random samples through every layout."""

import sys

import h5py
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields import Clamped, Periodic, read_field
from jaxcr.fields.field import sample_field

SHAPE = (8, 4, 12)
PLACE = {"unit": 2.0, "spacing": 0.5, "origin": jnp.zeros(3), "storage": jnp.float64}


@pytest.fixture
def values(rng):
    return rng.normal(size=(*SHAPE, 3))


def check(path, values, **options):
    field = read_field(path, **(PLACE | options))
    # Rounding of the positions of the samples.
    np.testing.assert_allclose(
        np.asarray(sample_field(field, field.lattice())), 2.0 * values, atol=1e-13
    )
    return field


def write_well(path, values, *, runs=1, times=1, order="xyz", periodic=True, stretch=False):
    with h5py.File(path, "w") as file:
        moved = values.transpose(*("xyz".index(a) for a in order), 3)
        stored = np.zeros((runs, times, *moved.shape))
        stored[-1, -1] = moved
        file["t1_fields/magnetic_field"] = stored
        file["t1_fields/velocity"] = 0 * stored
        dimensions = file.create_group("dimensions")
        dimensions.attrs["spatial_dims"] = list(order)
        for a in order:
            n = SHAPE["xyz".index(a)]
            dimensions[a] = np.linspace(0, 1, n) ** (2 if stretch else 1) * n / 12
            dimensions[a][...] = (np.arange(n) + 0.5) / 12 if not stretch else dimensions[a][...]
        for a in "xyz":
            group = file.create_group(f"boundary_conditions/{a}_boundary")
            group.attrs["bc_type"] = "PERIODIC" if periodic else "OPEN"
    return path


def test_the_well_states_axes_and_boundary(tmp_path, values):
    field = check(write_well(tmp_path / "a.h5", values), values)
    assert isinstance(field.boundary, Periodic)
    check(write_well(tmp_path / "b.h5", values, order="zxy"), values)
    check(write_well(tmp_path / "c.h5", values, runs=2, times=3), values, frame=(1, -1))


def test_the_well_is_not_guessed(tmp_path, values):
    path = write_well(tmp_path / "many.h5", values, runs=2, times=3)
    with pytest.raises(
        ValueError, match=r"frame: expected \(run, time\), below \(2, 3\), got None"
    ):
        read_field(path, **PLACE)
    with pytest.raises(ValueError, match=r"frame: expected .* got \(2, 0\)"):
        read_field(path, frame=(2, 0), **PLACE)
    path = write_well(tmp_path / "open.h5", values, periodic=False)
    with pytest.raises(ValueError, match=r"read_field: boundary: .*does not record it"):
        read_field(path, **PLACE)
    check(path, values, boundary=Clamped())
    with pytest.raises(ValueError, match=r"spacing: expected cells in the proportions"):
        read_field(path, boundary=Clamped(), **(PLACE | {"spacing": jnp.array([1.0, 1.0, 2.0])}))
    with pytest.raises(ValueError, match=r"expected evenly spaced x in .*got steps that differ"):
        read_field(write_well(tmp_path / "s.h5", values, stretch=True), **PLACE)


def write_athena(
    path, values, *, block=(4, 4, 4), levels=0, ratio=1.0, names=("Bcc1", "Bcc2", "Bcc3")
):
    counts = np.array(SHAPE) // block
    places = np.stack(np.meshgrid(*map(np.arange, counts), indexing="ij"), -1).reshape(-1, 3)
    places = places[np.random.default_rng(3).permutation(len(places))]
    blocks = np.zeros((3, len(places), *block[::-1]))
    for number, place in enumerate(places):
        where = tuple(slice(p * b, p * b + b) for p, b in zip(place, block, strict=True))
        blocks[:, number] = values[where].transpose(3, 2, 1, 0)
    with h5py.File(path, "w") as file:
        file.attrs["NumMeshBlocks"] = len(places)
        file.attrs["MeshBlockSize"] = block
        file.attrs["RootGridSize"] = SHAPE
        file.attrs["Coordinates"] = np.bytes_("cartesian")
        for i, n in enumerate(SHAPE):
            file.attrs[f"RootGridX{i + 1}"] = [0.0, n / 4, ratio]
        file.attrs["DatasetNames"] = np.array(["prim", "B"], "S")
        file.attrs["NumVariables"] = [4, 3]
        file.attrs["VariableNames"] = np.array(["rho", "vel1", "vel2", "vel3", *names], "S")
        file["prim"] = np.zeros((4, *blocks.shape[1:]))
        file["B"] = blocks
        file["LogicalLocations"] = places
        file["Levels"] = np.zeros(len(places), int)
        file["Levels"][0] = levels
    return path


def test_athena_blocks_are_put_together(tmp_path, values):
    check(write_athena(tmp_path / "a.athdf", values), values, boundary=Periodic())
    check(write_athena(tmp_path / "b.athdf", values, block=SHAPE), values, boundary=Clamped())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"levels": 1}, "expected a uniform Cartesian mesh"),
        ({"ratio": 1.1}, "expected evenly spaced cells"),
        ({"names": ("a", "b", "c")}, "expected variables Bcc1, Bcc2, Bcc3"),
    ],
)
def test_athena_meshes_that_are_not_uniform(tmp_path, values, options, message):
    path = write_athena(tmp_path / "a.athdf", values, **options)
    with pytest.raises(ValueError, match=message):
        read_field(path, boundary=Periodic(), **PLACE)


def test_athena_with_a_block_missing(tmp_path, values):
    path = write_athena(tmp_path / "a.athdf", values)
    with h5py.File(path, "r+") as file:
        file["LogicalLocations"][0] = file["LogicalLocations"][1]
    with pytest.raises(ValueError, match="expected blocks that fill the box"):
        read_field(path, boundary=Periodic(), **PLACE)


def write_flash(path, values, *, uneven=False):
    block = np.array([4, 2, 6])
    counts = np.array(SHAPE) // block
    places = np.stack(np.meshgrid(*map(np.arange, counts), indexing="ij"), -1).reshape(-1, 3)
    with h5py.File(path, "w") as file:
        low = places * block / 4 - 1.0
        bounds = np.stack([low, low + block / 4], axis=-1)
        if uneven:
            bounds[0, 0, 1] += 1.0
        # A parent block that is no leaf stands first.
        file["bounding box"] = np.concatenate([[[[-1.0, 9.0]] * 3], bounds])
        file["node type"] = [2] + [1] * len(places)
        for i, name in enumerate(("magx", "magy", "magz")):
            stored = np.zeros((1 + len(places), *block[::-1]))
            for number, place in enumerate(places):
                where = tuple(slice(p * b, p * b + b) for p, b in zip(place, block, strict=True))
                stored[1 + number] = values[(*where, i)].transpose(2, 1, 0)
            file[name] = stored
    return path


def test_flash_leaves_are_put_together(tmp_path, values):
    check(write_flash(tmp_path / "plt_0001", values), values, boundary=Periodic())
    with pytest.raises(ValueError, match="leaf blocks of several sizes"):
        read_field(write_flash(tmp_path / "amr", values, uneven=True), boundary=Periodic(), **PLACE)


def test_fits_images_in_three_files_or_one(tmp_path, values):
    from astropy.io import fits

    images = [values[..., i].transpose(2, 1, 0) for i in range(3)]
    paths = [tmp_path / f"b{c}.fits" for c in "xyz"]
    for path, image in zip(paths, images, strict=True):
        fits.writeto(path, image)
    check(paths, values, boundary=Periodic())
    together = tmp_path / "b.fits"
    units = [fits.PrimaryHDU(), *(fits.ImageHDU(image) for image in images)]
    fits.HDUList(units).writeto(together)
    check(together, values, boundary=Periodic())
    with pytest.raises(ValueError, match="expected three images of one shape"):
        read_field(paths[0], boundary=Periodic(), **PLACE)
    content = together.read_bytes()
    together.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"b\.fits"):
        read_field(together, boundary=Periodic(), **PLACE)


def test_crpropa_raw_grid(tmp_path, values):
    path = tmp_path / "grid.raw"
    values.astype("<f4").tofile(path)
    check(path, values.astype(np.float32), shape=SHAPE, boundary=Periodic())
    with pytest.raises(ValueError, match=r"shape: expected cells × 12 bytes = the 4608 bytes"):
        read_field(path, shape=(8, 8, 12), boundary=Periodic(), **PLACE)
    with pytest.raises(ValueError, match="for bare float32 numbers give shape"):
        read_field(path, axes="xyzc", boundary=Periodic(), **PLACE)


def test_yt_gives_units_box_and_boundary(tmp_path, rng):
    yt = pytest.importorskip("yt")
    from yt.utilities.grid_data_format.writer import write_to_gdf

    values = rng.normal(size=(8, 8, 8, 3))
    data = {("gas", f"magnetic_field_{c}"): (values[..., i], "G") for i, c in enumerate("xyz")}
    made = yt.load_uniform_grid(
        data, (8, 8, 8), length_unit=(1.0, "pc"), bbox=np.array([[-2.0, 2.0]] * 3)
    )
    write_to_gdf(made, str(tmp_path / "a.gdf"), fields=list(data))
    field = read_field(tmp_path / "a.gdf", level=0, boundary=Periodic(), storage=jnp.float64)
    np.testing.assert_allclose(field.spacing, 0.5)
    np.testing.assert_allclose(field.origin, -2.0)
    got = np.asarray(sample_field(field, field.lattice()))
    # Conversion of gauss to microgauss and back.
    np.testing.assert_allclose(got, 1e6 * values, rtol=1e-12, atol=1e-7)


def test_without_yt_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "yt", None)
    with pytest.raises(ValueError, match=r"read_field: level: .*pip install 'jaxcr\[io\]'"):
        read_field(tmp_path / "a.gdf", level=0)
