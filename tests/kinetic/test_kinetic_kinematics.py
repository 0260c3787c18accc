"""Kinematics against energies in closed form, round trips, and arithmetic in many digits."""

from decimal import Decimal, getcontext

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import constants

from jaxcr.kinetic import kinematics as km

MEV = 1e-9
ROUND_OFF = 1e-14  # a handful of operations


def test_masses_are_those_of_the_particles():
    units = {"proton": km.proton(), "electron": km.electron(), "alpha particle": km.helium()}
    for name, species in units.items():
        energy = constants.physical_constants[f"{name} mass energy equivalent in MeV"][0]
        # 1e-8: SciPy may carry another CODATA year
        np.testing.assert_allclose(species.mass, energy * MEV, rtol=1e-8)
    assert float(km.positron().mass) == float(km.electron().mass)
    # an atom of iron-56 weighs 55.934936 u; its electrons are bound by 34 keV
    u = constants.physical_constants["atomic mass constant energy equivalent in MeV"][0]
    nucleus = 55.934936 * u - 26 * 0.510999 + 0.034
    np.testing.assert_allclose(km.iron().mass, nucleus * MEV, rtol=1e-6)  # written to six digits


def test_a_pythagorean_proton():
    # p : m : E = 4 : 3 : 5
    species = km.Species(2, 3.0, mass_number=4)
    functions = (km.momentum, km.total_energy, km.kinetic_energy, km.speed, km.lorentz_factor)
    found = [f(2.0, species) for f in (*functions, km.kinetic_energy_per_nucleon)]
    np.testing.assert_allclose(found, [4, 5, 2, 0.8, 5 / 3, 0.5], rtol=ROUND_OFF)


@pytest.mark.parametrize("species", [km.proton(), km.electron(), km.iron(), km.Species(-1, 0.0)])
def test_energies_and_rigidities_are_inverse(species):
    energy = jnp.geomspace(1e-14, 1e3, 40)
    rigidity = km.rigidity_from_kinetic_energy(energy, species)
    assert np.all(np.sign(rigidity) == np.sign(species.charge))
    np.testing.assert_allclose(km.kinetic_energy(rigidity, species), energy, rtol=ROUND_OFF)
    if species.mass_number is not None:
        rigidity = km.rigidity_from_energy_per_nucleon(energy, species)
        back = km.kinetic_energy_per_nucleon(rigidity, species)
        np.testing.assert_allclose(back, energy, rtol=ROUND_OFF)


def test_small_kinetic_energies_keep_their_digits():
    getcontext().prec = 60
    p, m = Decimal("1e-13"), Decimal(float(km.proton().mass))
    exact = (p * p + m * m).sqrt() - m
    np.testing.assert_allclose(km.kinetic_energy(1e-13, km.proton()), float(exact), rtol=ROUND_OFF)
    naive = km.total_energy(1e-13, km.proton()) - km.proton().mass
    assert abs(float(naive) / float(exact) - 1) > 1e-4  # what the difference would give


def test_rest_rigidity_makes_the_speed_of_the_orbits():
    # an orbit of rigidity R has v = 1 / sqrt(1 + (rest_rigidity/R)²)
    for species in (km.electron(), km.helium()):
        rigidity = 1e-6 * jnp.sign(species.charge)
        speed = 1 / jnp.sqrt(1 + (species.rest_rigidity / rigidity) ** 2)
        np.testing.assert_allclose(km.speed(rigidity, species), speed, rtol=ROUND_OFF)


def test_derivatives():
    # dE/dp = v; 1e-8: step² of truncation and eps/step of rounding
    species = km.helium()
    slope = jax.grad(lambda r: km.kinetic_energy(r, species))(1e-6)
    np.testing.assert_allclose(slope, 2 * km.speed(1e-6, species), rtol=ROUND_OFF)

    def by_mass(mass):
        return km.speed(1e-6, km.Species(1, mass))

    step = 1e-11
    difference = (by_mass(1e-6 + step) - by_mass(1e-6 - step)) / (2 * step)
    np.testing.assert_allclose(jax.grad(by_mass)(1e-6), difference, rtol=1e-8)


def test_float32_stays_float32():
    rigidity = jnp.float32(1e-6)
    for function in (km.kinetic_energy, km.speed, km.lorentz_factor):
        value = function(rigidity, km.iron())
        assert value.dtype == jnp.float32
        # 1e-6: about ten float32 roundings
        np.testing.assert_allclose(value, function(1e-6, km.iron()), rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: km.Species(0, 1.0), r"Species: \|charge\|: expected a positive"),
        (lambda: km.Species(1, -1.0), r"Species: mass: expected .* got -1"),
        (lambda: km.Species(1, 1.0, mass_number=0), r"Species: mass_number: .* None for"),
        (lambda: km.momentum(1.0, km.electron()), r"momentum: rigidity: .* the charge, -1"),
        (lambda: km.speed(jnp.array([1.0, 0.0]), km.proton()), r"rigidity: .* got 0.0 at index 1"),
        (
            lambda: km.lorentz_factor(1.0, km.Species(1, 0)),
            r"lorentz_factor: species.mass: expected a positive",
        ),
        (lambda: km.kinetic_energy_per_nucleon(-1.0, km.electron()), r"expected a nucleus"),
        (
            lambda: km.rigidity_from_kinetic_energy(0.0, km.proton()),
            r"rigidity_from_kinetic_energy: energy: expected a positive",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_speeds_beyond_the_square_root_of_the_float_range():
    # p² overflowed in float32, and the speed of the fastest became 0
    for dtype in (jnp.float32, jnp.float64):
        assert float(km.speed(jnp.asarray(1e30, dtype), km.proton())) == 1
        energy = km.kinetic_energy(jnp.asarray(1e30, dtype), km.proton())
        assert float(energy) == pytest.approx(1e30)
