"""Critical balance: the form of its power, its exponent, its limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields import GoldreichSridhar, Isotropic, PowerLaw, realise_grid, realise_waves

Z = jnp.array([0.0, 0.0, 1.0])


def test_power_is_that_of_yan_and_lazarian():
    # P = dB²/(6 pi) L^(-1/3) k_perp^(-10/3) exp(-L^(1/3) k_par/k_perp^(2/3)) for k_perp > 1/L,
    # to a cut at infinity; the trace of twice their tensor.
    length = 1000 / (2 * np.pi)
    law = PowerLaw(5 / 3, outer_scale=1000.0, inner_scale=1e-7)
    k_perp, k_par = 0.31, 0.05
    cell = 1e-5
    power, toroidal = GoldreichSridhar(Z).lattice_modes(
        jnp.array([0.6 * k_perp, -0.8 * k_perp, k_par]), jnp.full(3, cell), law
    )
    closed = k_perp ** (-10 / 3) / (6 * np.pi * length ** (1 / 3))
    closed *= np.exp(-(length ** (1 / 3)) * k_par / k_perp ** (2 / 3))
    # The cell is 3e-5 wide; the inner cut takes (1e-10)^(2/3) of the power.
    assert float(power) / cell**3 == pytest.approx(closed, rel=1e-5)
    assert float(toroidal) == 0.5


def test_cells_along_the_axis_hold_the_whole_ring():
    law = PowerLaw(5 / 3, outer_scale=16.0, inner_scale=2.0)
    cell = jnp.array([0.4, 0.4, 0.03])
    k = jnp.stack(
        [jnp.full(20001, 1.2), jnp.zeros(20001), 0.03 * jnp.arange(-10000.0, 10001.0)], axis=1
    )
    power, _ = GoldreichSridhar(Z, alfven_mach=0.7).lattice_modes(k, cell, law)
    low, high = (np.array([x]) for x in (1.0, 1.4))
    ring = np.trapezoid(np.asarray(law(jnp.linspace(low[0], high[0], 4001))), dx=0.4 / 4000)
    # Exponentials telescope; three nodes of Gauss's rule over a ratio of 1.4 leave 1e-7.
    assert float(power.sum()) == pytest.approx(ring * 0.4 / (2 * np.pi * 1.2), rel=1e-6)


def exponent(lengths, across, along, low, high):
    """Return the slope of ln l_par over ln l_perp at equal structure functions."""
    levels = np.geomspace(np.interp(low, lengths, across), np.interp(high, lengths, across), 12)
    rising = slice(0, np.argmax(along) + 1)
    l_perp = np.interp(np.log(levels), np.log(across), np.log(lengths))
    l_par = np.interp(np.log(levels), np.log(along[rising]), np.log(lengths[rising]))
    return np.polyfit(l_perp, l_par, 1)[0]


def structure_of_waves(geometry, key):
    """Return lengths, and the structure functions <(B(x+l) - B(x))²> across and along z.

    The range of scales is three decades, the inner one has length one.
    """
    law = PowerLaw(5 / 3, outer_scale=1000.0, inner_scale=1.0)
    field = realise_waves(law, key=key, num_waves=1000, rms=1.0, geometry=geometry)
    places = jax.random.uniform(key, (1000, 3), minval=-1e5, maxval=1e5)
    lengths = np.geomspace(1, 300, 30)

    @jax.jit
    def structure(direction):
        def one(place):
            moved = jax.vmap(lambda l: field(place + l * direction))(jnp.asarray(lengths))
            return jnp.sum((moved - field(place)[None]) ** 2, axis=1)

        return jnp.mean(jax.lax.map(one, places), axis=0)

    across, along = structure(jnp.array([0.6, 0.8, 0.0])), structure(Z)
    return lengths, np.asarray(across), np.asarray(along)


def structure_of_grid(geometry):
    """Return three-point structure functions <(B(x+l) - 2B(x) + B(x-l))²> across and along z.

    They do not feel gradients of larger eddies: on a grid the range is a decade and a half.
    """
    law = PowerLaw(5 / 3, outer_scale=128.0, inner_scale=2.0)
    total = 0.0
    for number in range(2):
        field = realise_grid(
            law, key=jax.random.key(number), shape=(128,) * 3, spacing=1.0, rms=1.0,
            geometry=geometry,
        )  # fmt: skip
        samples = np.asarray(field.coefficients[:128, :128, :128])
        power = sum(np.abs(np.fft.rfftn(samples[..., i])) ** 2 for i in range(3))
        total = total + np.fft.irfftn(power, s=(128,) * 3, axes=(0, 1, 2))
    l = np.arange(1, 32)

    def pick(c):
        return 6 * c[0] - 8 * c[l] + 2 * c[2 * l]

    return l, (pick(total[:, 0, 0]) + pick(total[0, :, 0])) / 2, pick(total[0, 0, :])


@pytest.mark.slow
def test_waves_have_the_exponent(key):
    slopes = [
        exponent(*structure_of_waves(GoldreichSridhar(Z), k), 3, 60)
        for k in jax.random.split(key, 3)
    ]
    # Single fields scatter by 0.03; two and a half decades of E end the range on both sides.
    assert np.mean(slopes) == pytest.approx(2 / 3, abs=0.1)


@pytest.mark.slow
def test_grids_have_the_exponent():
    assert exponent(*structure_of_grid(GoldreichSridhar(Z)), 2, 8) == pytest.approx(2 / 3, abs=0.1)
    # An isotropic field has the exponent one.
    assert exponent(*structure_of_grid(Isotropic()), 2, 8) == pytest.approx(1, abs=0.1)


@pytest.mark.slow
def test_gradient_by_the_mach_number(key):
    law = PowerLaw(5 / 3, outer_scale=16.0, inner_scale=4.0)
    here = jnp.array([0.3, 2.0, -5.0])

    def of_waves(mach):
        geometry = GoldreichSridhar(Z, alfven_mach=mach)
        return realise_waves(law, key=key, num_waves=40, rms=1.0, geometry=geometry)(here)

    def of_grid(mach):
        options = {"shape": (16, 16, 16), "spacing": 1.0, "rms": 1.0, "storage": jnp.float64}
        geometry = GoldreichSridhar(Z, alfven_mach=mach)
        return realise_grid(law, key=key, geometry=geometry, **options)(here)

    for value in (jax.jit(of_waves), jax.jit(of_grid)):
        slope = jax.jacfwd(value)(jnp.asarray(0.8))
        difference = (value(jnp.asarray(0.8 + 1e-5)) - value(jnp.asarray(0.8 - 1e-5))) / 2e-5
        # Truncation and rounding below 1e-8.
        np.testing.assert_allclose(slope, difference, atol=1e-7)
        assert jnp.max(jnp.abs(slope)) > 1e-3


@pytest.mark.parametrize("mach", [0.0, 1.2])
def test_rejects_mach_numbers_beyond_the_theory(mach):
    with pytest.raises(
        ValueError, match=r"alfven_mach: expected above 0 and at most 1.*outer_scale"
    ):
        GoldreichSridhar(Z, alfven_mach=mach)
