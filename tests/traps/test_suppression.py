import numpy as np
import pytest

from jaxcr.traps import (
    IsotropisingScattering,
    PitchAngleClosure,
    SmallAngleScattering,
    mirror_suppression,
    trap_from_ratio,
)

KINDS = [IsotropisingScattering(), SmallAngleScattering()]


@pytest.mark.parametrize("scattering", KINDS)
def test_the_limits_of_no_mirrors_and_of_frequent_scattering(scattering):
    weak = mirror_suppression(trap_from_ratio(1 + 1e-12, 0.0), 1.0, 1.0, scattering=scattering)
    np.testing.assert_allclose(weak, 1.0, rtol=1e-9)
    # ln B = (ln R/2) cos: <B> <1/B> = I_0(ln R/2)², up to 1/nu²
    often = mirror_suppression(trap_from_ratio(3.0, 0.0), 1.0, 300.0, scattering=scattering)
    np.testing.assert_allclose(often, np.i0(np.log(3) / 2) ** -2, rtol=1e-3)


@pytest.mark.parametrize("scattering", KINDS)
def test_it_is_the_diffusion_of_the_closure(scattering):
    trap = trap_from_ratio(3.0, 0.0)
    right, left = PitchAngleClosure(2.0, scattering).rates(trap, 0.5)
    found = mirror_suppression(trap, 2.0, 0.5, scattering=scattering)
    np.testing.assert_allclose(found, 4 * (right + left) / 2 * 3 * 0.5, rtol=1e-12)


def test_small_angles_suppress_more_when_they_are_rare():
    trap = trap_from_ratio(3.0, 0.0)
    large, small = (mirror_suppression(trap, 1.0, 0.1, scattering=x) for x in KINDS)
    assert 0.6 < large < 0.68
    assert small < large / 2


def test_the_direction_of_the_gradient_does_not_matter():
    one, other = (mirror_suppression(trap_from_ratio(3.0, x), 1.0, 1.0) for x in (0.4, -0.4))
    np.testing.assert_allclose(one, other, rtol=1e-9)


def test_speed_and_time_units_cancel():
    trap = trap_from_ratio(3.0, 0.1)
    per_path = mirror_suppression(trap, 5.0, 0.2)
    per_year = mirror_suppression(trap, 5.0, 0.2 * 0.3066, speed=0.3066)
    np.testing.assert_allclose(per_path, per_year, rtol=1e-13)


def test_a_bad_speed_is_named():
    with pytest.raises(ValueError, match="mirror_suppression: speed: expected a positive number"):
        mirror_suppression(trap_from_ratio(3.0, 0.1), 1.0, 1.0, speed=0.0)
