"""Units: the conversion against CODATA numbers, not against itself."""

import math

from jaxcr import units


def test_gyroradius_of_one_petavolt_in_one_microgauss():
    # r = p / (q B) in SI: 1e15 V / c / 1e-10 T, in parsec; exact constants, so round-off only.
    metres = 1e15 / 299792458.0 / 1e-10
    parsec = 149597870700.0 * 648000 / math.pi
    assert math.isclose(units.gyroradius(1.0, 1.0), metres / parsec, rel_tol=1e-14)


def test_gyroradius_carries_the_sign_of_the_charge():
    assert units.gyroradius(-30.0 * units.PV, 3.0 * units.muG) < 0


def test_speeds_are_shares_of_that_of_light():
    assert math.isclose(299792.458 * units.km_per_s, 1.0, rel_tol=1e-15)


def test_lengths_agree_with_their_definitions():
    assert math.isclose(units.au, math.pi / 648000, rel_tol=1e-14)
    assert math.isclose(units.year / units.au, 365.25 * 86400 * 299792458 / 149597870700)
