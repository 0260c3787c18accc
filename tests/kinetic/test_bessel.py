import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import jv, jvp

from jaxcr.kinetic.scattering.bessel import bessel_functions

ARGUMENTS = np.concatenate([np.linspace(0, 60, 601), np.geomspace(60, 1e5, 200)])


def test_against_scipy():
    values = jax.jit(lambda w: bessel_functions(8, w))(jnp.asarray(ARGUMENTS))
    expected = [jv(n, ARGUMENTS) for n in range(9)]
    # 1e-12: both lose a digit per decade of the phase
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-12)


def test_derivative():
    slopes = jax.jit(jax.vmap(jax.jacfwd(lambda w: bessel_functions(2, w))))
    slope = slopes(jnp.asarray(ARGUMENTS[::8]))
    expected = np.stack([jvp(n, ARGUMENTS[::8]) for n in range(3)], axis=-1)
    np.testing.assert_allclose(slope, expected, rtol=0, atol=1e-12)
