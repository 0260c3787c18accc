"""Losses of momentum against numbers that others give, and against what they do to a spectrum."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import constants

from jaxcr import units
from jaxcr.kinetic import (
    CartesianGrid,
    MomentumGrid,
    MomentumLosses,
    ParkerProblem,
    Reflecting,
    Species,
    electron,
    evolve_parker,
    iron,
    proton,
)

HERE = jnp.zeros(1)
PARSEC = 3.0856775814913673e16  # m
REST = constants.physical_constants["electron mass energy equivalent in MeV"][0] * 1e6


def test_an_electron_of_a_tev_cools_by_synchrotron_and_inverse_compton():
    thomson = constants.physical_constants["Thomson cross section"][0]
    gamma = np.hypot(1e12, REST) / REST
    energy = (3e-10) ** 2 / (2 * constants.mu_0), 0.26e6 * constants.e  # J/m³
    rate = [4 / 3 * thomson * x * gamma * PARSEC / (REST * constants.e) for x in energy]
    field = MomentumLosses(electron(), strength=3.0)
    light = MomentumLosses(electron(), photon_energy_density=lambda x: 0.26)
    # CODATA of 2018 and 2022 differ by 1e-5 in the Thomson cross section
    np.testing.assert_allclose([field(HERE, 1e-3), light(HERE, 1e-3)], rate, rtol=2e-5)
    assert abs(1 / field(HERE, 1e-3) / units.year / 1.39e6 - 1) < 2e-3  # the well-known 1.4 Myr
    # a nucleus radiates as Z⁴/m⁴ of that at one momentum, in its rigidity p/Z
    ratio = 26**4 * (electron().mass / iron().mass) ** 4
    heavy = MomentumLosses(iron(), strength=3.0)(HERE, 1.0)
    same = MomentumLosses(electron(), strength=3.0)(HERE, 26.0)
    np.testing.assert_allclose(heavy / same, ratio, rtol=1e-5)


@pytest.mark.parametrize("gamma", [1e2, 1e4])
def test_electrons_in_gas_lose_what_textbooks_say(gamma):
    """Per second and hydrogen atom, or electron, per cm³: Ginzburg (1979), ch. 16; Longair."""
    p = np.sqrt(gamma**2 - 1) * REST  # eV
    known = 7.62e-9 * (3 * np.log(gamma) + 19.8), 7.62e-9 * (np.log(gamma) + 73.4)
    known = np.asarray(known) / constants.c * PARSEC
    atoms = MomentumLosses(electron(), atom_density=1.0)(HERE, p * 1e-15)
    free = MomentumLosses(electron(), electron_density=1.0)(HERE, p * 1e-15)
    # three digits there; their mean excitation energy is 15 eV, and ours ICRU's 19.2
    np.testing.assert_allclose(np.array([atoms, free]) * p, known, rtol=0.01)


def test_protons_in_hydrogen_have_the_minimum_ionisation_of_the_tables():
    """4.103 MeV cm²/g in the gas, at p/(m c) = 3.5: Particle Data Group."""
    ratio = np.geomspace(0.5, 30, 60)
    p = jnp.asarray(ratio * float(proton().mass))
    losses = MomentumLosses(proton(), atom_density=1.0)
    rates = jax.jit(jax.vmap(lambda x: losses(HERE, x)))(p)
    per_atom = np.asarray(rates * p) * 1e9 / (PARSEC * 100)  # MeV cm²
    stopping = per_atom * constants.N_A / 1.00794
    assert abs(stopping.min() / 4.103 - 1) < 3e-3
    assert abs(ratio[stopping.argmin()] / 3.5 - 1) < 0.1
    # free electrons take more, as ln(2 m_e c² beta² gamma/(hbar omega_p)) does: 37 to 11
    free = MomentumLosses(proton(), electron_density=1.0)(HERE, 1e-6)
    assert 2.5 < free / losses(HERE, 1e-6) < 4


def test_losses_add_and_depend_on_the_place():
    all_at_once = MomentumLosses(
        electron(), strength=lambda x: x[0], photon_energy_density=1.0, atom_density=2.0
    )
    parts = [
        MomentumLosses(electron(), strength=3.0),
        MomentumLosses(electron(), photon_energy_density=1.0),
        MomentumLosses(electron(), atom_density=2.0),
    ]
    found = all_at_once(jnp.array([3.0]), 1e-6)
    np.testing.assert_allclose(found, sum(part(HERE, 1e-6) for part in parts), rtol=1e-14)


@pytest.mark.slow  # compiles an evolution of its own
def test_a_spectrum_cools_as_every_electron_does():
    """p(t) = p0/(1 + b0 p0 t): N(p, t) = N0(p0) p0/p."""
    losses = MomentumLosses(electron(), strength=3.0)
    momentum = MomentumGrid(1e-4, 1e-2, 64, reference_index=0.0)
    problem = ParkerProblem(
        CartesianGrid(jnp.linspace(0.0, 1.0, 3)),
        diffusion=1.0,
        momentum=momentum,
        momentum_loss=losses,
        boundaries=((Reflecting(), Reflecting()),),
    )
    p, duration = momentum.centers(), 1.5e5  # at 1 TeV, a third of a cooling length

    def spectrum(p):
        return jnp.exp(-((jnp.log(p / 2e-3) / 0.8) ** 2))

    rate = losses(HERE, 1e-3) / 1e-3
    initial = spectrum(p)[:, None] * jnp.ones((1, 2))
    found = evolve_parker(problem, initial, times=jnp.array([0.0, duration]), step=duration / 75)
    left = 1 - rate * p * duration
    before = p / jnp.where(left > 0, left, 1)
    exact = jnp.where(left > 0, spectrum(before) * before / p, 0)
    # limited slopes at the crest, 32 cells a decade
    np.testing.assert_allclose(found.density[-1, :, 0], exact, atol=0.02 * float(exact.max()))
    np.testing.assert_allclose(found.total + found.gone, found.total[0], rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"strength": -1.0}, "strength: expected a number >= 0"),
        ({"species": Species(1, 0.0)}, "species.mass: expected a positive number"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        MomentumLosses(**({"species": electron()} | change))
