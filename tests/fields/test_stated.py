"""What files state of themselves: names, units, places; layouts that people have."""

import struct

import h5py
import jax.numpy as jnp
import numpy as np
import pytest
from astropy.io import fits

from jaxcr.checks import ArgumentError
from jaxcr.fields import Clamped, GridField, Periodic, PotentialGridField, describe, read_field
from jaxcr.fields.field import sample_field

SHAPE = (4, 5, 6)
BOX = {"spacing": 0.5, "origin": jnp.zeros(3), "boundary": Clamped()}
PLACE = {"unit": 1.0, "storage": jnp.float64, **BOX}


@pytest.fixture
def values(rng):
    return rng.normal(size=(*SHAPE, 3))


def check(path, values, **options):
    field = read_field(path, **(PLACE | options))
    # Rounding of the positions of the samples.
    np.testing.assert_allclose(sample_field(field, field.lattice()), values, atol=1e-12)
    return field


def write_fits(path, images, names, **cards):
    units = [fits.PrimaryHDU()]
    for image, name in zip(images, names, strict=True):
        units.append(fits.ImageHDU(image.T, name=name))
        units[-1].header.update(cards)
    fits.HDUList(units).writeto(path)
    return path


def components(values, order):
    return [values[..., "xyz".index(letter)] for letter in order]


@pytest.mark.parametrize("names", [("BZ", "BX", "BY"), ("Bcc3", "Bcc1", "Bcc2")])
def test_names_of_fits_images_decide(tmp_path, values, names):
    check(write_fits(tmp_path / "b.fits", components(values, "zxy"), names), values)


def test_names_decide_in_three_files_as_well(tmp_path, values):
    paths = [tmp_path / f"{letter}.fits" for letter in "zxy"]
    for path, letter in zip(paths, "zxy", strict=True):
        write_fits(path, components(values, letter), ["B" + letter])
    check(paths, values)


@pytest.mark.parametrize("names", [("BX", "BX", "BY"), ("BX", "", "BZ"), ("BX", "BY", "RHO")])
def test_names_that_leave_it_open_are_refused(tmp_path, values, names):
    path = write_fits(tmp_path / "b.fits", components(values, "xyz"), names)
    with pytest.raises(ArgumentError, match=r"three images .*, Bx, By, Bz, by name.*b\.fits"):
        read_field(path, **PLACE)


def test_other_images_are_left_out(tmp_path, values):
    images = [*components(values, "xyz"), values[..., 0] ** 2]
    check(write_fits(tmp_path / "b.fits", images, ["BX", "BY", "BZ", "DENSITY"]), values)


def test_unit_and_place_of_fits_images(tmp_path, values):
    cards = {"BUNIT": "G"}
    for i, (cell, corner) in enumerate([(0.5, -1.0), (0.25, 2.0), (1.0, 0.0)]):
        # The centre of the first pixel lies half a cell behind the corner.
        more = {
            "CDELT": cell / 1e3,
            "CUNIT": "kpc",
            "CRPIX": 1.0,
            "CRVAL": (corner + cell / 2) / 1e3,
        }
        cards |= {f"{word}{i + 1}": value for word, value in more.items()}
    path = write_fits(tmp_path / "b.fits", components(values, "xyz"), ["BX", "BY", "BZ"], **cards)
    field = read_field(path, boundary=Clamped(), storage=jnp.float64)
    np.testing.assert_allclose(field.spacing, [0.5, 0.25, 1.0], rtol=1e-12)
    np.testing.assert_allclose(field.origin, [-1.0, 2.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(
        sample_field(field, field.lattice()), 1e6 * values, rtol=1e-9, atol=1e-3
    )
    for option, value in {"unit": "uG", "spacing": 0.5, "origin": jnp.ones(3)}.items():
        with pytest.raises(ArgumentError, match=rf"read_field: {option}: .*b\.fits records"):
            read_field(path, boundary=Clamped(), **{option: value})


def test_steps_without_a_length_are_proportions(tmp_path, values):
    cards = {"CDELT1": 1.0, "CDELT2": 1.0, "CDELT3": 2.0}
    path = write_fits(tmp_path / "b.fits", components(values, "xyz"), ["BX", "BY", "BZ"], **cards)
    with pytest.raises(ArgumentError, match=r"spacing: expected cells in the proportions"):
        read_field(path, **PLACE)
    check(path, values, spacing=jnp.array([0.5, 0.5, 1.0]))
    cards["CDELT1"] = -1.0
    path = write_fits(tmp_path / "c.fits", components(values, "xyz"), ["BX", "BY", "BZ"], **cards)
    with pytest.raises(ArgumentError, match=r"c\.fits \(CDELT \[-1.0, 1.0, 2.0\]: turn the axes"):
        read_field(path, **PLACE)


def test_what_is_not_stated_is_asked_for(tmp_path, values):
    path = write_fits(tmp_path / "b.fits", components(values, "xyz"), ["BX", "BY", "BZ"])
    with pytest.raises(ArgumentError, match=r"read_field: unit, spacing, origin, boundary: "):
        read_field(path)


def scaled(path, *, blank=None):
    cards = [("SIMPLE", True), ("BITPIX", 16), ("NAXIS", 4)]
    cards += [(f"NAXIS{i + 1}", n) for i, n in enumerate((*SHAPE, 3))]
    cards += [("BSCALE", 0.5), ("BZERO", 100.0)] + ([] if blank is None else [("BLANK", blank)])
    stored = np.arange(360, dtype=">i2").reshape(3, *SHAPE[::-1])
    header = fits.Header(cards).tostring().encode()
    path.write_bytes(header + stored.tobytes().ljust(2880, b"\0"))
    return 100 + 0.5 * stored.transpose(3, 2, 1, 0)


def test_images_of_four_axes_and_scaled_whole_numbers(tmp_path):
    check(tmp_path / "b.fits", scaled(tmp_path / "b.fits"))
    image = np.arange(360.0).reshape(6, 5, 4, 3)
    fits.writeto(tmp_path / "last.fits", image)
    check(tmp_path / "last.fits", image.transpose(2, 1, 0, 3))
    with pytest.raises(ArgumentError, match=r"three components on the axis c"):
        read_field(tmp_path / "last.fits", axes="czyx", **PLACE)


def test_blank_pixels_are_counted(tmp_path):
    scaled(tmp_path / "b.fits", blank=7)
    with pytest.raises(ArgumentError, match=r"1 of 360 not finite in .*b\.fits, first at index"):
        read_field(tmp_path / "b.fits", **PLACE)


NAMES = [
    ("Bx", "By", "Bz"),
    ("Bcc1", "Bcc2", "Bcc3"),
    ("bcc1", "bcc2", "bcc3"),
    ("Bx1", "Bx2", "Bx3"),
    ("magnetic_field_x", "magnetic_field_y", "magnetic_field_z"),
    ("B_x", "B_y", "B_z"),
]


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("kind", ["h5", "npz", "npy"])
def test_three_arrays_in_one_file(tmp_path, values, kind, names):
    arrays = dict(zip(names, components(values, "xyz"), strict=True))
    arrays = dict(reversed(arrays.items())) | {"rho": np.ones(SHAPE)}
    path = tmp_path / f"b.{kind}"
    if kind == "h5":
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file[f"grid/{name}"] = array
    elif kind == "npz":
        np.savez(path, **arrays)
    else:
        made = np.zeros(SHAPE, [(name, float) for name in arrays])
        for name, array in arrays.items():
            made[name] = array
        np.save(path, made)
    check(path, values, axes="xyz")
    with pytest.raises(ArgumentError, match="read_field: axes: "):
        read_field(path, **PLACE)


def test_several_sets_are_asked_about(tmp_path, values):
    with h5py.File(tmp_path / "b.h5", "w") as file:
        for name, array in zip(("Bx", "By", "Bz"), components(values, "xyz"), strict=True):
            file[f"old/{name}"], file[f"new/{name}"] = 0 * array, array
    with pytest.raises(ArgumentError, match=r"dataset: expected one of those in .*new/Bx"):
        read_field(tmp_path / "b.h5", axes="xyz", **PLACE)
    check(tmp_path / "b.h5", values, axes="xyz", dataset="new")
    check(tmp_path / "b.h5", values, axes="xyz", dataset="/new/B")


def test_units_of_hdf5_arrays(tmp_path, values):
    def write(units):
        with h5py.File(tmp_path / "b.h5", "w") as file:
            for i, unit in enumerate(units):
                file[["Bx", "By", "Bz"][i]] = values[..., i]
                file[["Bx", "By", "Bz"][i]].attrs["units"] = unit
        return tmp_path / "b.h5"

    field = read_field(write(["nT"] * 3), axes="xyz", storage=jnp.float64, **BOX)
    # Rounding of the positions of the samples.
    np.testing.assert_allclose(sample_field(field, field.lattice()), 10 * values, atol=1e-12)
    with pytest.raises(ArgumentError, match=r"unit: expected 10.0, as .*b\.h5 records, got 1.0"):
        read_field(tmp_path / "b.h5", axes="xyz", **PLACE)
    with pytest.raises(ArgumentError, match=r"one unit for the three components, got G, nT"):
        read_field(write(["nT", "nT", "G"]), axes="xyz", **PLACE)
    check(write(["code_magnetic"] * 3), values, axes="xyz")
    with pytest.raises(ArgumentError, match=r"read_field: unit: "):
        read_field(tmp_path / "b.h5", axes="xyz", **BOX)


def test_axes_that_a_layout_fixes_are_not_contradicted(tmp_path, values):
    values.astype("<f4").tofile(tmp_path / "b.raw")
    with pytest.raises(ArgumentError, match=r"axes: expected xyzc, as .* records, got czyx"):
        read_field(tmp_path / "b.raw", shape=SHAPE, axes="czyx", **PLACE)


def test_units_of_codes_that_leave_out_4_pi(tmp_path, values):
    np.save(tmp_path / "b.npy", values)
    options = {"axes": "xyzc", "storage": jnp.float64, **BOX}
    code = read_field(tmp_path / "b.npy", unit="G/sqrt(4pi)", **options)
    again = read_field(tmp_path / "b.npy", unit="gauss/sqrt(4 pi)", **options)
    gauss = np.asarray(sample_field(code, code.lattice())) / 1e6
    # The pressure of a code, B²/2, is B²/8pi in gauss.
    np.testing.assert_allclose(np.sum(gauss**2) / (8 * np.pi), np.sum(values**2) / 2, rtol=1e-12)
    assert jnp.array_equal(code.coefficients, again.coefficients)


def test_pluto(tmp_path, values):
    with h5py.File(tmp_path / "data.0007.dbl.h5", "w") as file:
        for i in range(3):
            file[f"Timestep_7/vars/Bx{i + 1}"] = values[..., i].T
        file["Timestep_7/vars/rho"] = np.ones(SHAPE[::-1])
        for i, letter in enumerate("XYZ"):
            file[f"cell_coords/{letter}"] = np.indices(SHAPE)[i].T * (1.0 + (i == 2))
    spacing = jnp.array([0.5, 0.5, 1.0])
    check(tmp_path / "data.0007.dbl.h5", values, spacing=spacing)
    with pytest.raises(ArgumentError, match="spacing: expected cells in the proportions"):
        read_field(tmp_path / "data.0007.dbl.h5", **PLACE)


def write_athenak(path, values, *, block=(2, 5, 3), location=8, names="dens bcc1 bcc2 bcc3"):
    lines = f"""Athena binary output version=1.1
  size of preheader=5
  time=0.5
  cycle=7
  size of location={location}
  size of variable=4
  number of variables={len(names.split())}
  variables:  {names}
  header offset=6
<job>
"""
    content = [lines.encode()]
    counts = np.array(SHAPE) // block
    for place in reversed(list(np.ndindex(*counts))):
        low = np.array(place) * block
        where = tuple(slice(a, a + n) for a, n in zip(low, block, strict=True))
        edges = np.stack([low, low + block], axis=1).ravel() / 4
        ends = [x for n in block for x in (2, 1 + n)]
        content.append(struct.pack("<10i", *ends, *place, 0))
        content.append(edges.astype(f"<f{location}").tobytes())
        cells = np.concatenate([np.ones((1, *block)), np.moveaxis(values[where], -1, 0)])
        content.append(cells.transpose(0, 3, 2, 1).astype("<f4").tobytes())
    path.write_bytes(b"".join(content))
    return path


@pytest.mark.parametrize("location", [4, 8])
def test_athenak(tmp_path, values, location):
    values = values.astype(np.float32)
    path = write_athenak(tmp_path / "b.bin", values, location=location)
    check(path, values)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ArgumentError, match=r"b\.bin \(.*bytes, which are no whole blocks\)"):
        read_field(path, **PLACE)
    with pytest.raises(ArgumentError, match="variables bcc1, bcc2, bcc3"):
        read_field(write_athenak(tmp_path / "c.bin", values, names="dens a b c"), **PLACE)


def test_text_grids_of_crpropa(tmp_path, values):
    np.savetxt(tmp_path / "b.txt", values.reshape(-1, 3), header="grid 4 5 6")
    # Text of 18 digits, kept in float32.
    check(tmp_path / "b.txt", values.astype(np.float32), shape=SHAPE)
    with pytest.raises(ArgumentError, match=r"shape of .*b\.txt: expected shape \(144, 3\), got"):
        read_field(tmp_path / "b.txt", shape=(4, 6, 6), **PLACE)


NODES = np.linspace(0, 2 * np.pi, 33)


def nodes(x):
    """One wave, transverse, in all three directions."""
    x, y, z = np.meshgrid(x, x, x, indexing="ij")
    return np.stack([np.sin(y) + np.cos(z), np.sin(z) + np.cos(x), np.sin(x) + np.cos(y)], axis=-1)


def test_a_plane_that_is_there_twice_is_noticed_and_left_out(tmp_path):
    np.save(tmp_path / "b.npy", nodes(NODES))
    step = NODES[1]
    options = {"unit": 1.0, "spacing": step, "origin": jnp.zeros(3), "axes": "xyzc"}
    options |= {"boundary": Periodic(), "storage": jnp.float64}
    message = "the first once more at the end, along x, y, z in .*endpoint=True"
    with pytest.raises(ArgumentError, match=message):
        read_field(tmp_path / "b.npy", **options)
    field = read_field(tmp_path / "b.npy", endpoint=True, **options)
    assert field.shape == (32, 32, 32)
    for place in ((0, 0, 0), (3, 30, 17), (31, 32, 64)):
        right = nodes(np.array([i * step for i in place]))[0, 1, 2]
        # At a sample: rounding of the place, 1e-15 of a box, times the slope.
        np.testing.assert_allclose(field(jnp.array(place, float) * step), right, atol=1e-13)
    report = describe(field)
    # All power lies in one wave as long as the box: 1.52 was the index of what the jump leaked.
    np.testing.assert_allclose([report.outer_scale, report.inner_scale], 2 * np.pi, rtol=1e-6)
    assert report.divergence_rms < 1e-12


def test_planes_that_are_there_once_are_not_left_out(tmp_path):
    np.save(tmp_path / "b.npy", nodes(NODES)[:-1])
    options = {"unit": 1.0, "spacing": 1.0, "origin": jnp.zeros(3), "axes": "xyzc"}
    with pytest.raises(ArgumentError, match=r"endpoint: expected .*got other planes along x"):
        read_field(tmp_path / "b.npy", boundary=Periodic(), endpoint=True, **options)
    with pytest.raises(ArgumentError, match=r"endpoint: .*Only a periodic cube"):
        read_field(tmp_path / "b.npy", boundary=Clamped(), endpoint=True, **options)


@pytest.mark.parametrize("kind", [GridField, PotentialGridField])
def test_a_plane_twice_is_noticed_in_samples_too(kind):
    place = {"spacing": 1.0, "origin": jnp.zeros(3)}
    rough = np.random.default_rng(2).normal(size=(9, 8, 8, 3))
    rough[-1] = rough[0]
    for samples in (nodes(NODES)[:, :-1, :-1], rough):
        with pytest.raises(ArgumentError, match=rf"{kind.__name__}: samples: .*along x\. Leave"):
            kind(jnp.asarray(samples), **place)


def test_waves_that_are_even_about_the_seam_are_no_repeated_plane():
    place = {"spacing": 1.0, "origin": jnp.zeros(3)}
    for num in (8, 32):
        cells = (np.arange(num) + 0.5) * 2 * np.pi / num
        for samples in (nodes(cells), np.cos(nodes(cells))):
            GridField(jnp.asarray(samples), **place)
    half = np.random.default_rng(3).normal(size=(16, 8, 8, 3))
    GridField(jnp.asarray(np.concatenate([half, half[::-1]])), **place)  # mirrored to be periodic
    GridField(jnp.ones((9, 9, 9, 3)), **place)


def test_sizes_are_checked_before_anything_is_allocated():
    import jax

    from jaxcr import fields

    spectrum = fields.PowerLaw(5 / 3, outer_scale=100, inner_scale=10)
    key = jax.random.key(0)
    with pytest.raises(ArgumentError, match=r"realise_grid: shape: expected at most .* GiB"):
        fields.realise_grid(spectrum, key=key, shape=(10**6,) * 3, spacing=1, rms=1)
    with pytest.raises(ArgumentError, match=r"realise_waves: num_waves: expected at most .* GiB"):
        fields.realise_waves(spectrum, key=key, num_waves=10**13, rms=1)
    lattice = fields.Lattice([0, 0, 0], [1, 1, 1], (10**6,) * 3)
    with pytest.raises(ArgumentError, match=r"lattice: expected at most .* GiB"):
        describe(fields.UniformField([1, 0, 0]), lattice=lattice)
    with pytest.raises(ArgumentError, match=r"read_field: level: expected a number in \[0, 30\]"):
        read_field("none", level=10**6)
