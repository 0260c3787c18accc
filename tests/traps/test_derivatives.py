"""Derivatives of every output by every parameter, also where the chain is exactly even."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.traps import (
    AbsorbingEnd,
    DetailedBalance,
    LossCone,
    Trap,
    bond_flux,
    equilibrium,
    escape_time,
    flux_tube_volume,
    gyrotropic_spectrum,
    mirror_suppression,
    steady_state,
    transport_cumulants,
    trap_chain,
    trap_distribution,
    trap_from_ratio,
)

NUM, OPEN = 12, {"left_end": AbsorbingEnd(), "right_end": AbsorbingEnd()}
CLOSURES = [DetailedBalance(), LossCone()]


def outputs(trap, nu, length, closure):
    """Density, flux, escape time, drift, diffusion, suppression and C_l of one chain."""
    chain = trap_chain(trap, NUM, scattering_rate=nu, closure=closure, **OPEN)
    source = jnp.zeros(NUM).at[-1].set(1.0)
    density = steady_state(chain, source) / flux_tube_volume(trap, NUM)
    sky = trap_distribution(trap, density[4], density[5], density[6], lmax=6, edge_width=0.05)
    cumulants = transport_cumulants(chain.rate_right[0], chain.rate_left[0], length)
    return {
        "density": density, "flux": bond_flux(chain, source)[:1], "time": escape_time(chain),
        "cumulants": cumulants, "sky": 1e3 * gyrotropic_spectrum(sky)[1:],
        "suppression": mirror_suppression(trap, length, nu)[None],
    }  # fmt: skip


def by_mirrors(p, closure):
    return outputs(Trap(jnp.ones(()), p[0], p[1]), p[2], p[3], closure)


def by_gradient(p, closure):
    return outputs(trap_from_ratio(p[0], p[1]), p[2], p[3], closure)


@pytest.mark.parametrize("closure", CLOSURES)
@pytest.mark.parametrize(
    ("function", "point"),
    [
        pytest.param(by_mirrors, (4.0, 3.0, 0.7, 1.3), marks=pytest.mark.slow),
        (by_gradient, (3.0, -0.2, 0.7, 1.3)),
    ],
)
@pytest.mark.slow
def test_derivatives_equal_differences(function, point, closure):
    def flat(p):
        return jnp.concatenate([jnp.ravel(x) for x in jax.tree.leaves(function(p, closure))])

    point = jnp.array(point)
    slopes = jax.jacfwd(flat)(point)
    np.testing.assert_allclose(jax.jacrev(flat)(point), slopes, rtol=1e-9, atol=1e-12)
    compiled, step = jax.jit(flat), 1e-3
    for i in range(4):
        unit = step * jnp.eye(4)[i]
        near = compiled(point + unit) - compiled(point - unit)
        far = compiled(point + 2 * unit) - compiled(point - 2 * unit)
        difference = (8 * near - far) / (12 * step)
        scale = jnp.maximum(jnp.abs(difference), 1e-3)
        # 1e-7: rounding 1e-16/step of values up to 1e2, truncation step⁴
        assert jnp.max(jnp.abs(slopes[:, i] - difference) / scale) < 1e-7


@pytest.mark.slow
@pytest.mark.parametrize("closure", CLOSURES)
def test_derivatives_are_finite_in_an_even_chain(closure):
    even = jnp.array([3.0, 0.0, 0.7, 1.3])
    for mode in (jax.jacfwd, jax.jacrev):
        for slope in jax.tree.leaves(mode(lambda p: by_gradient(p, closure))(even)):
            assert jnp.all(jnp.isfinite(slope))
    # at the kink the slope is the mean of both sides, to which differences across it converge
    step = 1e-4
    slope = jax.jacfwd(lambda e: by_gradient(even.at[1].set(e), closure))(jnp.zeros(()))
    above, below = (by_gradient(even.at[1].set(s), closure) for s in (step, -step))
    difference = (above["flux"] - below["flux"]) / (2 * step)
    np.testing.assert_allclose(slope["flux"], difference, rtol=step)


@pytest.mark.parametrize(("closure", "isotropic"), [(DetailedBalance(), True), (LossCone(), False)])
def test_only_detailed_balance_rests_in_isotropy(closure, isotropic):
    trap = trap_from_ratio(3.0, 0.1)
    chain = trap_chain(trap, NUM, scattering_rate=1.0, closure=closure, **OPEN)
    density = equilibrium(chain) / flux_tube_volume(trap, NUM)
    sky = trap_distribution(trap, density[4], density[5], density[6], lmax=24)
    relative = sky[1:] / sky[0]
    if isotropic:
        np.testing.assert_allclose(density / density[0], 1.0, rtol=1e-12)
        np.testing.assert_allclose(relative, 0.0, atol=1e-12)
    else:  # a false dipole as large as the gradient
        np.testing.assert_allclose(relative[0], -0.0527, atol=5e-4)
