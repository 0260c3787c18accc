"""The spiral disc with halo: an oracle, modes, divergence of disc and halo, derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields.galactic import SpiralDiscField

SUN = jnp.array([-8500.0, 0.0, 0.0])

# x, y, z in pc and B in µG from PT11Field::getField (BSS) of CRPropa 3 (db97df1), compiled alone
# with kpc = 1000 and µG = 1 and printed to 13 digits. Beyond 5 kpc only: its core differs.
ORACLE = np.array(
    [
        (-8500, 0, 1, 0.2088479741024, 1.844458191441, 0),
        (6000, -4000, 30, -0.5472687583629, -0.6351245561627, 0),
        (-3000, 9000, -700, 0.7565639286225, 0.2291948551089, 0),
        (500, -11000, 1300, 3.120269471678, 0.2104311937869, 0),
        (9000, 2500, -3000, 0.03279893339422, -0.06459881219665, 0),
        (-7000, -7000, 2000, 0.4564522887822, -0.4040708905176, 0),
    ]
)


def disc(**changes):
    return SpiralDiscField(**({"halo_strength": 0.0} | changes))


def evaluate(field, points):
    return jax.jit(jax.vmap(field))(jnp.asarray(points, dtype=float))


def box(rng, num=1000):
    return rng.uniform(-1, 1, (num, 3)) * [15000, 15000, 4000]


def divergence(field, points):
    jacobian = evaluate(jax.jacfwd(field), points)
    return jnp.trace(jacobian, axis1=1, axis2=2)


def outward(field, points):
    value = np.asarray(evaluate(field, points))
    radius = np.hypot(points[:, 0], points[:, 1])
    return np.sum(value[:, :2] * points[:, :2], axis=1) / radius


def test_agrees_with_crpropa():
    # Its pitch counts with the azimuth clockwise; it names the reversal at 7.9 kpc, a quarter of
    # a turn from the maximum, and divides by the cosine at the sun.
    pitch = np.radians(6.0)
    peak = 7900 * np.exp(np.pi / 2 * np.tan(pitch))
    strength = -2 / np.cos(np.log(8500 / peak) / np.tan(pitch))
    field = SpiralDiscField(strength=strength, peak_radius=peak, core_radius=1.0)
    # Half a unit in the 13th digit of 3.12; without that rounding the two differ by 2e-14.
    np.testing.assert_allclose(evaluate(field, ORACLE[:, :3]), ORACLE[:, 3:], rtol=0, atol=6e-13)
    # The defaults are those numbers, to their digits.
    np.testing.assert_allclose([strength, peak], [-3.12, 9320], rtol=1e-3)


def test_axisymmetric_field_at_the_sun():
    field = disc(mode=0, strength=-2.0, pitch=np.radians(10))
    # Clockwise and inward: toward l = 80°. tanh³(4.25) is 0.9988.
    expected = 2 * 0.9988 * np.array([np.sin(np.radians(10)), np.cos(np.radians(10)), 0])
    np.testing.assert_allclose(field(SUN), expected, atol=1e-4)
    above = field(SUN + jnp.array([0.0, 0.0, 1000.0]))
    np.testing.assert_allclose(above, expected / np.e, atol=1e-4)  # the same digits


@pytest.mark.parametrize("mode", [0, 1, 2, 3])
def test_mode_counts_reversals(mode):
    field = disc(mode=mode)
    phi = np.linspace(0, 2 * np.pi, 1000, endpoint=False)
    circle = 8500 * np.stack([np.cos(phi), np.sin(phi), np.zeros_like(phi)], axis=1)
    sign = np.sign(outward(field, circle))
    assert np.sum(sign != np.roll(sign, 1)) == 2 * mode


def test_strongest_at_the_peak_radius_and_constant_along_the_spiral():
    field = disc(core_radius=1.0, pitch=0.2)
    turn = np.array([0.0, 0.3, 1.0, 2.5])
    radius = 9320 * np.exp(turn * np.tan(0.2))
    points = np.stack([-radius * np.cos(turn), -radius * np.sin(turn), 0 * turn], axis=1)
    strength = np.linalg.norm(evaluate(field, points), axis=1)
    np.testing.assert_allclose(strength, 3.12 * 8500 / radius, rtol=1e-13)  # round-off


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_divergence_of_the_disc_is_that_of_its_core(rng, mode):
    field, points = disc(mode=mode), box(rng)
    core = np.hypot(points[:, 0], points[:, 1]) / 2000
    expected = 3 / (2000 * np.tanh(core) * np.cosh(core) ** 2) * outward(field, points)
    found = divergence(field, points)
    # Round-off of derivatives up to 0.04 µG/pc; the largest divergence is 6e-4.
    np.testing.assert_allclose(found, expected, atol=2e-17)
    assert jnp.max(jnp.abs(found)) > 1e-4
    # At the sun, 0.2% of the outward field over the radius of the core.
    at_sun = divergence(field, SUN[None]) * 2000 / outward(field, SUN[None])
    np.testing.assert_allclose(at_sun, 0.0024, atol=1e-4)


def test_halo_has_no_divergence(rng):
    # Round-off of derivatives up to 0.01 µG/pc.
    np.testing.assert_allclose(divergence(SpiralDiscField(strength=0.0), box(rng)), 0, atol=2e-18)


def test_disc_is_even_and_halo_odd(rng):
    points = box(rng, 200)
    mirrored = points * [1, 1, -1]
    np.testing.assert_array_equal(evaluate(disc(), points), evaluate(disc(), mirrored))
    halo = SpiralDiscField(strength=0.0)
    np.testing.assert_array_equal(evaluate(halo, points), -evaluate(halo, mirrored))
    # At its strongest: counter-clockwise in the north.
    np.testing.assert_allclose(halo(jnp.array([8000.0, 0, 1300.0])), [0, 4, 0], atol=1e-14)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
@pytest.mark.parametrize("mode", [0, 1, 2])
def test_axis_has_no_field_and_finite_derivatives(mode, dtype):
    field = SpiralDiscField(mode=mode)
    axis = jnp.array([[0, 0, 0], [0, 0, 700]], dtype)
    value = jax.jit(jax.vmap(field))
    assert value(axis).dtype == dtype
    assert not jnp.any(value(axis))
    for derivative in (jax.jacfwd, jax.jacrev):
        assert jnp.all(jnp.isfinite(jax.jit(jax.vmap(derivative(field)))(axis)))
    # A parsec from the axis, the halo has grown to e / 8000 of its 4 µG.
    assert jnp.max(jnp.abs(value(axis + jnp.array([[1, 0, 0]], dtype)))) < 1.4e-3


def test_bound_holds(rng):
    # tanh³(x) / x reaches 0.4966 at x = 1.42.
    x = np.linspace(1e-3, 20, 100000)
    assert 0.49 < np.max(np.tanh(x) ** 3 / x) < 0.5
    for changes in ({"mode": 0}, {"halo_strength": -9.0}, {"core_radius": 100.0}):
        field = SpiralDiscField(**changes)
        points = np.concatenate([box(rng, 5000), box(rng, 5000) * [0.02, 0.02, 0.01]])
        strength = jnp.max(jnp.linalg.norm(evaluate(field, points), axis=1))
        # Disc and halo never peak together, but no bound is twice too large.
        assert field.max_strength() / 2 < strength <= field.max_strength()


def test_derivatives_by_parameters():
    defaults = {
        "strength": -3.12,
        "pitch": 0.105,
        "sun_radius": 8500.0,
        "peak_radius": 9320.0,
        "core_radius": 2000.0,
        "disc_height": 1000.0,
        "halo_strength": 4.0,
        "halo_radius": 8000.0,
        "halo_height": 1300.0,
        "halo_inner_width": 250.0,
        "halo_outer_width": 400.0,
    }
    names, values = list(defaults), jnp.array(list(defaults.values()))
    points = jnp.array([[-4000.0, 300.0, 1000.0], [2000.0, 5000.0, -1700.0]])

    @jax.jit
    def value(scale):
        settings = dict(zip(names, scale * values, strict=True))
        return jax.vmap(SpiralDiscField(**settings))(points)

    one, step = jnp.ones(len(names)), 1e-5
    jacobian = jax.jacfwd(value)(one)
    for i in range(len(names)):
        change = step * jnp.zeros(len(names)).at[i].set(1.0)
        difference = (value(one + change) - value(one - change)) / (2 * step)
        assert jnp.max(jnp.abs(difference)) > 1e-3, names[i]
        # Third derivatives of up to 10³ times 4 µG times step²/6: 1e-7.
        np.testing.assert_allclose(jacobian[..., i], difference, atol=1e-7, err_msg=names[i])


def test_single_precision_stays():
    field = SpiralDiscField()
    points = jnp.asarray(ORACLE[:, :3])
    single = jax.jit(jax.vmap(field))(points.astype(jnp.float32))
    assert single.dtype == jnp.float32
    # 1e-7 of some 10 rad in the phase, times 4 µG.
    np.testing.assert_allclose(single, evaluate(field, points), atol=4e-6)
    assert field.lattice() is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": -1}, "mode: expected a number >= 0, got -1"),
        ({"pitch": -0.1}, "pitch: expected an angle between 0 and pi/2, got -0.1"),
        ({"core_radius": 0.0}, "core_radius: expected a positive length, got 0"),
        ({"halo_outer_width": -5.0}, "halo_outer_width: expected a positive length"),
    ],
)
def test_rejects_what_is_no_galaxy(changes, message):
    with pytest.raises(ValueError, match="SpiralDiscField: " + message):
        SpiralDiscField(**changes)
