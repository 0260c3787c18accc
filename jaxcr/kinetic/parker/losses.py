"""Losses of momentum in magnetic fields, photons and gas, for ``ParkerProblem``."""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import as_float, check_positive, check_range
from jaxcr.kinetic.kinematics import Species, electron, energy_at, kinetic_energy_at

Position = Float[Array, " axis"]

_THOMSON = 6.6524587051e-25 * 3.0856775814913673e18
"""Cross-section of the electron times a pc, cm³; CODATA 2022."""
_MAGNETIC = 0.0248341755  # eV/cm³: (1 µG)²/(2 mu_0)
_IONISATION = 19.2  # eV: mean of hydrogen, ICRU Report 49
_PLASMON = 3.7132766e-11  # eV: hbar times the plasma frequency of one electron per cm³
_EV = 1e-15  # PeV


class MomentumLosses(eqx.Module):
    """The rate b = -dlnp/dt of synchrotron, inverse Compton, ionisation and Coulomb losses.

    b = (4/3) sigma_T Z⁴ (m_e/m)² gamma (U_B + U_photon) / (m c²)
    + (3/2) sigma_T Z² m_e c² (n_atoms L_atoms + n_electrons L_electrons) / (beta² p c).

    Parameters
    ----------
    species
        Mass and charge.
    strength
        Of the magnetic field, in µG.
    photon_energy_density
        In eV/cm³; 0.26 of the microwave background.
    atom_density, electron_density
        Of neutral hydrogen and of free electrons, per cm³. All four are numbers or functions of
        the position, and 0 by default.

    Raises
    ------
    ValueError
        For a negative number, or a species without mass.

    Notes
    -----
    A ``momentum_loss`` of ``ParkerProblem`` whose momenta are rigidities in PV, p = Z R: called
    with position and momentum it returns 1/pc. Adiabatic losses are in the equation already.
    Photons scatter in Thomson's limit, at energies far below (m c²)²/(4 energy of a photon): 100
    TeV for electrons in the microwave background, 50 GeV in starlight. Collisions follow Bethe's
    formula, for nuclei above 1 MeV per nucleon and relativistic electrons, without a density effect
    in atoms. Source: Blumenthal & Gould, Rev. Mod. Phys. 42 (1970) 237; Strong & Moskalenko, ApJ
    509 (1998) 212, appendix C; Mannheim & Schlickeiser, A&A 286 (1994) 983.

    Examples
    --------
    >>> losses = MomentumLosses(electron(), strength=3.0, photon_energy_density=0.26)
    >>> print(f"{1 / losses(jnp.zeros(1), 1e-3):.3g} pc")  # cooling at 1 TeV: 640,000 years
    1.97e+05 pc
    """

    species: Species
    strength: Scalar | Callable
    photon_energy_density: Scalar | Callable
    atom_density: Scalar | Callable
    electron_density: Scalar | Callable

    def __init__(
        self,
        species: Species,
        *,
        strength: ScalarLike | Callable = 0.0,
        photon_energy_density: ScalarLike | Callable = 0.0,
        atom_density: ScalarLike | Callable = 0.0,
        electron_density: ScalarLike | Callable = 0.0,
    ):
        self.species = species
        check_positive("MomentumLosses: species.mass", species.mass, remedy="Light loses nothing.")
        self.strength = _medium("strength", strength)
        self.photon_energy_density = _medium("photon_energy_density", photon_energy_density)
        self.atom_density = _medium("atom_density", atom_density)
        self.electron_density = _medium("electron_density", electron_density)

    def __call__(self, position: Position, momentum: ScalarLike) -> Scalar:
        """Return b in 1/pc."""
        rigidity = as_float(momentum)
        charge, mass = (x.astype(rigidity.dtype) for x in (self.species.charge, self.species.mass))
        p = rigidity * jnp.abs(charge)
        energy = energy_at(p, self.species)
        light = electron().mass.astype(p.dtype)

        def at(medium):
            return jnp.asarray(medium(position) if callable(medium) else medium).astype(p.dtype)

        radiated = _MAGNETIC * at(self.strength) ** 2 + at(self.photon_energy_density)
        radiated = radiated * charge**4 * (light / mass) ** 2 * energy / mass / (mass / _EV)
        atoms, electrons = at(self.atom_density), at(self.electron_density)
        plasmon = _PLASMON * _EV * jnp.sqrt(jnp.where(electrons > 0, electrons, 1))
        logarithms = _lepton if self.species.mass_number is None else _nucleus
        bound, free = logarithms(p, self.species, light, plasmon)
        collided = atoms * jnp.maximum(bound, 0) + electrons * jnp.maximum(free, 0)
        collided = collided * charge**2 * (energy / p) ** 2 * light / p
        return _THOMSON * (4 / 3 * radiated + 3 / 2 * collided)


def _medium(name: str, value: ScalarLike | Callable) -> Scalar | Callable:
    if callable(value):
        return value
    return check_range(f"MomentumLosses: {name}", as_float(value), 0, remedy="Its unit is there.")


def _nucleus(p: Scalar, species: Species, light: Scalar, plasmon: Scalar):
    """Return Bethe's logarithm with atoms and with free electrons, for a heavy particle."""
    mass = species.mass.astype(p.dtype)
    gamma, ratio = energy_at(p, species) / mass, light / mass
    recoil = jnp.log1p(2 * gamma * ratio + ratio**2) / 2
    given = jnp.log(2 * light * (p / mass) ** 2) - recoil
    return given - jnp.log(_IONISATION * _EV) - 1 + 1 / gamma**2, given - jnp.log(gamma * plasmon)


def _lepton(p: Scalar, species: Species, light: Scalar, plasmon: Scalar):
    """Return the same for an electron: half of the energy is the most that it loses."""
    mass = species.mass.astype(p.dtype)
    gained = kinetic_energy_at(p, species) / mass
    with_atoms = jnp.log(gained / 2) + 2 * jnp.log(p / (_IONISATION * _EV)) + 1 / 8
    with_electrons = jnp.log(energy_at(p, species) / mass) + 2 * jnp.log(light / plasmon) - 3 / 4
    return with_atoms / 2, with_electrons / 2
