"""A steady gradient at five energies: statements on skies whose answers are known."""

import numpy as np
import pytest

from jaxcr.experiments.small_scale_anisotropy.quasi_steady_by_energy import (
    BANDS,
    ENERGIES,
    LMAX,
    Skies,
    isotropic_shares,
    judge_amplitude,
    judge_break,
    judge_degree,
    judge_energy,
    judge_flattening,
    shares,
    slopes,
)

ELL = np.maximum(np.arange(LMAX + 1.0), 1)
ISOTROPIC = 1 - 1 / (2 * ELL + 1)


def broken(first, last, place):
    """A power law of one slope up to l = place, and of another beyond."""
    return np.where(place > ELL, (ELL / place) ** first, (ELL / place) ** last)


def skies(c_ell, share=ISOTROPIC, wide=ISOTROPIC, *, num=32, path=2.0, scatter=0.1, factor=49.0):
    """Skies with independent scatter from field to field, the same spectrum at all energies."""
    shape = (num, len(ENERGIES), LMAX + 1)
    total = c_ell * (1 + scatter * np.random.default_rng(7).standard_normal(shape))
    path = np.full(len(ENERGIES), path)
    return Skies(total, total * share, total * wide, factor * total, path)


def test_slopes_of_a_power_law():
    found = slopes(skies(ELL**-2.5, scatter=0.0))
    np.testing.assert_allclose(found.value, -2.5, rtol=1e-12)
    # Of other slopes the mean in a band is not the value at its mean ln l, by 3 % of 1.5.
    np.testing.assert_allclose(slopes(skies(ELL**-4.0, scatter=0.0)).value, -4.0, atol=0.045)
    assert found.value.shape == (len(ENERGIES), len(BANDS) - 1)


def test_only_the_normalisation_changes():
    assert judge_amplitude(skies(ELL**-2.0)).holds is True
    other = skies(ELL**-2.0)
    steeper = other._replace(stronger=other.stronger * ELL**-0.01)
    assert judge_amplitude(steeper).holds is False


@pytest.mark.parametrize(
    ("c_ell", "holds"),
    [
        (broken(-4.0, -1.5, 4), True),
        (broken(-4.0, -1.5, 2), False),
        (broken(-1.5, -4.0, 4), False),
        (broken(-2.5, -2.5, 4), None),
    ],
)
def test_a_break_is_found_where_it_is(c_ell, holds):
    assert judge_break(skies(c_ell)).holds is holds


def test_noise_resolves_nothing():
    for judge in (judge_break, judge_flattening):
        found = judge(skies(ELL**-4.0, scatter=30.0))
        assert found.holds is None
        assert "not resolved at this size" in found.note


def test_flattening_is_a_change_of_slope_at_the_end():
    assert judge_flattening(skies(broken(-3.0, -1.0, 8))).holds is True
    assert judge_flattening(skies(broken(-1.0, -3.0, 8))).holds is False
    assert judge_flattening(skies(broken(-3.0, -3.0, 8))).holds is None


def test_shares_of_an_isotropic_sky():
    found = shares(skies(ELL**-2.0).total, skies(ELL**-2.0).total * ISOTROPIC)
    # l = 1 and 2 are bands of one degree; of the others the mean depends on the spectrum.
    np.testing.assert_allclose(found.value[:, :2], np.array([[2 / 3, 4 / 5]]).repeat(5, 0))
    np.testing.assert_allclose(found.value[0], isotropic_shares(), atol=0.01)


def test_growth_with_energy():
    rise = np.linspace(0.2, 1.0, len(ENERGIES))[:, None]
    fields = np.random.default_rng(1).uniform(0.9, 1.1, (32, 1, 1))  # else there is no scatter
    assert judge_energy(skies(ELL**-2.0, ISOTROPIC * rise * fields)).holds is True
    assert judge_energy(skies(ELL**-2.0, ISOTROPIC * rise[::-1] * fields)).holds is False
    drawn = np.random.default_rng(2).uniform(0.2, 1.0, (32, len(ENERGIES), 1))
    assert judge_energy(skies(ELL**-2.0, ISOTROPIC * drawn)).holds is None
    assert "Orbits as short as 0.7" in judge_energy(skies(ELL**-2.0, rise, path=0.7)).note


def test_growth_with_l_is_told_from_that_of_an_isotropic_sky():
    fields = np.random.default_rng(1).uniform(0.8, 1.2, (32, 1, LMAX + 1))
    found = judge_degree(skies(ELL**-2.0, ISOTROPIC * fields))
    assert found.holds is True
    assert "in units of that the rise is 0.0" in found.note.replace("-0.0", "0.0")
    falling = judge_degree(skies(ELL**-2.0, fields / ELL))
    assert falling.holds is False
