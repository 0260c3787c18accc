import h5py
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields import CubicSpline, GridField, Linear, UniformField, read_field, write_field
from jaxcr.fields.field import sample_field

BOX = {"spacing": jnp.array([1.0, 2.0, 0.5]), "origin": jnp.array([-1.0, 0.0, 3.0])}


@pytest.fixture
def values(rng):
    return rng.normal(size=(4, 5, 6, 3))


def saved(path, values):
    np.save(path / "b.npy", values)
    return path / "b.npy"


def samples_of(field):
    return np.asarray(sample_field(field, field.lattice()))


@pytest.mark.parametrize("kind", ["npy", "npz", "h5"])
def test_samples_arrive_in_microgauss(tmp_path, values, kind):
    path = tmp_path / f"snapshot.{kind}"
    if kind == "npy":
        np.save(path, values)
    elif kind == "npz":
        np.savez(path, b=values)
    else:
        with h5py.File(path, "w") as file:
            file["b"] = values
    field = read_field(path, unit=1e6, storage=jnp.float64, **BOX)
    # Rounding of the positions of the samples.
    assert np.allclose(samples_of(field), 1e6 * values, rtol=0, atol=1e-7)
    assert jnp.array_equal(field.origin, BOX["origin"])
    assert jnp.array_equal(field.spacing, BOX["spacing"])


@pytest.mark.parametrize("dtype", [">f8", "<f4", "i4", "u1"])
def test_any_real_type_is_read(tmp_path, dtype):
    values = (np.arange(81).reshape(3, 3, 3, 3) % 7).astype(dtype)
    field = read_field(saved(tmp_path, values), unit=2.0, storage=jnp.float64, **BOX)
    # Rounding of the positions of the samples.
    assert np.allclose(samples_of(field), 2.0 * values.astype(float), rtol=0, atol=1e-13)


def test_dataset_is_chosen_by_name(tmp_path, values):
    np.savez(tmp_path / "s.npz", old=values, new=2 * values)
    field = read_field(tmp_path / "s.npz", unit=1.0, dataset="new", storage=jnp.float64, **BOX)
    # Rounding of the positions of the samples.
    assert np.allclose(samples_of(field), 2 * values, rtol=0, atol=1e-13)


@pytest.mark.parametrize("stencil", [Linear(), CubicSpline()])
def test_round_trip(tmp_path, values, stencil):
    field = GridField(jnp.asarray(values), stencil=stencil, scale=3.0, **BOX)
    write_field(tmp_path / "f.h5", 2.0 * field)
    again = read_field(tmp_path / "f.h5", stencil=stencil, storage=jnp.float64)
    point = jnp.array([0.3, 7.1, 3.2])
    # Rounding of the positions of the samples, of the spline prefilter done twice.
    assert jnp.allclose(again(point), 2.0 * field(point), rtol=0, atol=1e-12)
    assert jnp.array_equal(again.origin, field.origin)
    assert jnp.array_equal(again.spacing, field.spacing)


def test_record_is_in_microgauss_and_parsec(tmp_path, values):
    write_field(tmp_path / "f.h5", GridField(jnp.asarray(values), **BOX))
    with h5py.File(tmp_path / "f.h5") as file:
        stored = file["magnetic_field"]
        assert stored.attrs["unit"] == 1
        assert np.array_equal(stored.attrs["spacing"], BOX["spacing"])
        assert np.array_equal(stored.attrs["origin"], BOX["origin"])
        # Rounding of the positions of the samples.
        assert np.allclose(stored, values, rtol=0, atol=1e-13)


def test_record_may_be_repeated_but_not_contradicted(tmp_path, values):
    write_field(tmp_path / "f.h5", GridField(jnp.asarray(values), **BOX))
    read_field(tmp_path / "f.h5", unit=1.0, **BOX)
    with pytest.raises(ValueError, match=r"read_field: spacing: expected \[1\. .*f\.h5 records"):
        read_field(tmp_path / "f.h5", spacing=1.0)


@pytest.mark.parametrize("name", ["unit", "spacing", "origin"])
def test_rejects_a_snapshot_without_units(tmp_path, values, name):
    known = {"unit": 1.0, **BOX}
    del known[name]
    with pytest.raises(ValueError, match=rf"read_field: {name}: .*b\.npy does not record it"):
        read_field(saved(tmp_path, values), **known)


def test_attributes_of_other_programs_are_not_trusted(tmp_path, values):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["b"] = values
        file["b"].attrs.update({"unit": 1.0, "spacing": 1.0, "origin": np.zeros(3)})
    with pytest.raises(ValueError, match=r"unit, spacing, origin: .*other\.h5 does not record it"):
        read_field(tmp_path / "other.h5")


@pytest.mark.parametrize("unit", [0.0, -1.0, float("nan"), float("inf")])
def test_rejects_a_unit_that_is_none(tmp_path, values, unit):
    with pytest.raises(ValueError, match="read_field: unit: expected a positive number of µG"):
        read_field(saved(tmp_path, values), unit=unit, **BOX)


@pytest.mark.parametrize("shape", [(3, 4, 4, 4), (4, 4, 3), (4, 4, 4, 1, 3), (4, 0, 4, 3)])
def test_rejects_a_wrong_shape(tmp_path, shape):
    with pytest.raises(ValueError, match=r"shape \(nx, ny, nz, 3\), got float64 .*b\.npy"):
        read_field(saved(tmp_path, np.ones(shape)), unit=1.0, **BOX)


@pytest.mark.parametrize("dtype", [complex, bool, "S3", [("x", "f8")]])
def test_rejects_what_is_no_real_number(tmp_path, dtype):
    with pytest.raises(ValueError, match=r"expected real numbers of shape .*b\.npy"):
        read_field(saved(tmp_path, np.zeros((2, 2, 2, 3), dtype)), unit=1.0, **BOX)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_rejects_values_that_are_not_finite(tmp_path, values, bad):
    values[1, 2, 3, :2] = bad
    with pytest.raises(ValueError, match=r"finite values, got 2 of 360 not finite in .*b\.npy"):
        read_field(saved(tmp_path, values), unit=1.0, **BOX)


def test_write_rejects_a_field_without_grid(tmp_path):
    with pytest.raises(ValueError, match="write_field: field: expected a field that contains"):
        write_field(tmp_path / "f.h5", UniformField(jnp.ones(3)))
    assert not (tmp_path / "f.h5").exists()


@pytest.mark.parametrize("storage", [jnp.float32, jnp.int16])
def test_storage_is_that_asked_for(tmp_path, values, storage):
    path = saved(tmp_path, values)
    assert read_field(path, unit=1.0, storage=storage, **BOX).coefficients.dtype == storage
    assert read_field(path, unit=1.0, **BOX).coefficients.dtype == jnp.float32
