"""Every field at positions of every type: whole numbers, float32 and float64, nan, complex."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import fields
from jaxcr.checks import ArgumentError

NEAR, FAR = (1, 2, -3), (-8500, 20, 100)
SPECTRUM = fields.PowerLaw(5 / 3, outer_scale=8.0, inner_scale=2.0)


def _grid(kind, dtype=jnp.float64, **options):
    samples = np.random.default_rng(0).normal(size=(6, 5, 4, 3))
    return kind(jnp.asarray(samples, dtype), spacing=0.7, origin=jnp.full(3, 0.1, dtype), **options)


def _uniform():
    return fields.UniformField([1.5, 0.5, 0.25])


FIELDS = {
    "UniformField": _uniform,
    "FunctionField": lambda: fields.FunctionField(
        lambda x: 0.3 * jnp.roll(x, 1) + 1, lower=jnp.full(3, -5.0), upper=jnp.full(3, 5.0)
    ),
    "GridField": lambda: _grid(fields.GridField),
    "GridField float32": lambda: _grid(fields.GridField, jnp.float32),
    "GridField nearest": lambda: _grid(fields.GridField, stencil=fields.Nearest()),
    "GridField spline": lambda: _grid(
        fields.GridField, stencil=fields.CubicSpline(), storage="int16", boundary=fields.Mirrored()
    ),
    "PotentialGridField": lambda: _grid(fields.PotentialGridField),
    "WaveField": lambda: fields.realise_waves(SPECTRUM, key=jax.random.key(0), num_waves=20, rms=3),
    "DipoleField": lambda: fields.DipoleField(
        polar_strength=3, radius=1.5, axis=[1, 0, 2], center=[0.3, 0.3, 0.3]
    ),
    "ParkerSpiralField": lambda: fields.ParkerSpiralField(
        strength=20, source_radius=0.3, pitch=1.1
    ),
    "JanssonFarrarField": fields.JanssonFarrarField,
    "MirrorChainField": lambda: fields.MirrorChainField(
        minimum=1.3, left_mirror=2.5, right_mirror=3.1, length=2.2, num_bottles=3
    ),
    "MotionalField": lambda: fields.MotionalField(
        fields.UniformField([0.3, 0.0, 0.2]), _grid(fields.GridField)
    ),
    "MovingField": lambda: fields.MovingField(
        _grid(fields.GridField, boundary=fields.Periodic()), jnp.array([0.1, 0.0, 0.0])
    ),
    "FieldSequence": lambda: fields.FieldSequence(
        [_grid(fields.GridField), _grid(fields.GridField)], jnp.array([0.0, 1.0])
    ),
    "ScaledField": lambda: 2 * _uniform(),
    "SumField": lambda: _grid(fields.GridField, jnp.float32) + 0.3 * _uniform(),
}
WAYS = {
    "eager": lambda field, x: field(x),
    "jit": lambda field, x: jax.jit(lambda y: field(y))(x),
    "vmap": lambda field, x: jax.vmap(lambda y: field(y))(x[None])[0],
}


def test_every_public_field_is_here():
    public = {
        name
        for name in fields.__all__
        if isinstance(kind := getattr(fields, name), type)
        and issubclass(kind, fields.Field)
        and kind is not fields.Field
    }
    assert public == {name.split()[0] for name in FIELDS}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", FIELDS)
def test_whole_numbers_are_positions(name, way):
    field, evaluate = FIELDS[name](), WAYS[way]
    point = FAR if name == "JanssonFarrarField" else NEAR
    right = field(jnp.array(point, float))
    assert float(jnp.max(jnp.abs(right))) > 0.05  # of the order of 1, so that 0 would be seen
    # The same numbers in the same order: only the compiler may round otherwise.
    np.testing.assert_allclose(evaluate(field, jnp.array(point)), right, rtol=1e-13, atol=1e-13)
    single = evaluate(field, jnp.array(point, jnp.float32))
    assert single.dtype == jnp.float32
    # A rounding of the position and of each product, and up to 3e-6 of the cosine of the waves.
    np.testing.assert_allclose(single, right, rtol=2e-5, atol=2e-5)
    with pytest.raises(ArgumentError, match=r"position: expected real numbers .*got complex"):
        evaluate(field, jnp.array(point, complex))


@pytest.mark.parametrize("name", sorted(set(FIELDS) - {"UniformField", "ScaledField"}))
def test_no_place_has_no_field(name):
    # A uniform field is the same everywhere, so that the place is not looked at.
    field = FIELDS[name]()
    for axis in range(3):
        if name == "MirrorChainField" and axis:
            continue  # B_x on the axis does not depend on y and z
        value = jax.jit(lambda x: field(x))(jnp.zeros(3).at[axis].set(jnp.nan))
        assert bool(jnp.any(jnp.isnan(value)))


def test_methods_take_whole_numbers_as_well():
    point = jnp.array(NEAR)
    grid, waves = FIELDS["GridField"](), FIELDS["WaveField"]()
    mode = fields.Slow([0, 0, 1], 0.5)
    for method in (grid.jacobian, grid.interpolate, waves.jacobian, mode.phase_speed):
        np.testing.assert_allclose(method(point), method(point.astype(float)), rtol=1e-13)


@pytest.mark.parametrize(
    "spectrum",
    [
        SPECTRUM,
        fields.BendOver(2, energy_index=4, bend_over_scale=1, outer_scale=8, inner_scale=2),
        fields.FunctionSpectrum(lambda k: k**-2.0, outer_scale=8, inner_scale=2),
    ],
)
def test_spectra_take_whole_numbers_and_keep_nan(spectrum):
    k = jnp.array([1, 2, 3, 9])
    np.testing.assert_allclose(spectrum(k), spectrum(k.astype(float)), rtol=1e-13)
    assert bool(jnp.isnan(spectrum(jnp.nan)))
    with pytest.raises(ArgumentError, match="wavenumber: expected real numbers"):
        spectrum(k.astype(complex))


def test_complex_numbers_are_refused_where_a_field_is_made():
    with pytest.raises(ArgumentError, match=r"DipoleField: polar_strength: .*got complex"):
        fields.DipoleField(polar_strength=3 + 4j, radius=1, axis=[0, 0, 1], center=[0, 0, 0])
    with pytest.raises(ArgumentError, match=r"ScaledField: factor: .*got complex"):
        _ = (1 + 2j) * _uniform()
    with pytest.raises(ArgumentError, match=r"FunctionField: function: .*got .*complex"):
        fields.FunctionField(lambda x: jax.lax.complex(x, x), lower=jnp.zeros(3), upper=jnp.ones(3))
    with pytest.raises(ArgumentError, match=r"FunctionSpectrum: function: .*got .*complex"):
        fields.FunctionSpectrum(lambda k: jax.lax.complex(k, k), outer_scale=8, inner_scale=2)


def test_samples_in_half_precision_may_be_splined():
    made = [_grid(fields.GridField, t, stencil=fields.CubicSpline()) for t in ("float16", float)]
    # float16 keeps three digits of samples and coefficients.
    np.testing.assert_allclose(*(x(jnp.array(NEAR, float)) for x in made), atol=5e-3)
