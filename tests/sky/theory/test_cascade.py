from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky.theory import cascade_spectrum


def test_first_values():
    exact = [0, 1, Fraction(3, 10), Fraction(9, 70), Fraction(1, 15), Fraction(3, 77)]
    # One division of small integers: round-off.
    assert np.allclose(cascade_spectrum(5), [float(value) for value in exact], rtol=4e-16)


@pytest.mark.parametrize("lmax", [1, 24, 3000])
def test_sum_rule_telescopes(lmax):
    # (2l+1) C_l = 18 [1/(l+1) - 1/(l+2)]: the sum to lmax is 9 - 18/(lmax + 2), and 9 in all.
    total = np.sum((2 * np.arange(lmax + 1) + 1) * np.asarray(cascade_spectrum(lmax)))
    assert np.isclose(total, 9 - 18 / (lmax + 2), rtol=1e-13)  # round-off of 3000 additions


def test_falls_as_the_cube():
    # 9 / l³ with the next term -7/(2l) + ...: 3.5e-3 at l = 1000.
    assert np.isclose(cascade_spectrum(1000)[-1], 9e-9, rtol=4e-3)


def test_error():
    with pytest.raises(ValueError, match="lmax: expected a number >= 1, got 0"):
        cascade_spectrum(0)


def test_takes_the_default_precision():
    assert cascade_spectrum(3).dtype == jnp.result_type(float)
    with jax.enable_x64(False):
        assert cascade_spectrum(3).dtype == jnp.float32
