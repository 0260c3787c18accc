"""Relativistic kinematics: momentum, energy and speed of a species at a rigidity."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, DTypeLike, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import argument_error, as_float, check_positive, check_range, is_concrete

Numbers = Float[Array, "..."] | float | int

_MEV = 1e-9  # PeV


class Species(eqx.Module):
    """What a particle is: its charge, its mass, and how many nucleons it has.

    Parameters
    ----------
    charge
        Number of elementary charges, with its sign.
    mass
        Rest energy m c² in PeV; 0 for a particle at the speed of light.
    mass_number
        Nucleons, for energies per nucleon; ``None`` for a lepton.

    Raises
    ------
    ValueError
        When the charge is 0, the mass negative or the mass number not positive.

    Examples
    --------
    >>> carbon = Species(6, 11.1749e-6, mass_number=12)
    >>> round(float(rigidity_from_energy_per_nucleon(1e-3, carbon)), 6)
    0.002002
    """

    charge: Scalar
    mass: Scalar
    mass_number: Scalar | None

    def __init__(
        self, charge: ScalarLike, mass: ScalarLike, *, mass_number: ScalarLike | None = None
    ):
        self.charge, self.mass = as_float(charge), as_float(mass)
        self.mass_number = None if mass_number is None else as_float(mass_number)
        if is_concrete(self.charge):
            check_positive("Species: |charge|", np.abs(self.charge))
        check_range("Species: mass", self.mass, 0, remedy="A proton has 9.38e-7 PeV.")
        check_positive("Species: mass_number", self.mass_number, remedy="None for electrons.")

    @property
    def rest_rigidity(self) -> Scalar:
        """The ``rest_rigidity`` m c² / (|Z| e) in PV that orbits take for a particle with mass."""
        return self.mass / jnp.abs(self.charge).astype(self.mass.dtype)


def proton() -> Species:
    """Return the proton. Masses of all species: CODATA 2022, and AME 2020 for iron."""
    return Species(1, 938.27208943 * _MEV, mass_number=1)


def electron() -> Species:
    """Return the electron, of charge -1."""
    return Species(-1, 0.51099895069 * _MEV)


def positron() -> Species:
    """Return the positron."""
    return Species(1, 0.51099895069 * _MEV)


def helium() -> Species:
    """Return the nucleus of helium-4."""
    return Species(2, 3727.3794118 * _MEV, mass_number=4)


def iron() -> Species:
    """Return the nucleus of iron-56: its atom less 26 electrons and their binding."""
    return Species(26, 52089.8 * _MEV, mass_number=56)


def momentum(rigidity: Numbers, species: Species) -> Float[Array, "..."]:
    """Return the momentum p = R Z e / c in PeV/c.

    Parameters
    ----------
    rigidity
        In PV with the sign of the charge; any shape.
    species
        The particle.

    Raises
    ------
    ValueError
        When a rigidity is known and is 0 or has not the sign of the charge.
    """
    rigidity = as_float(rigidity)
    p = rigidity * species.charge.astype(rigidity.dtype)
    check_positive(
        "momentum: rigidity", p, expected=f"the sign of the charge, {float(species.charge):+g}"
    )
    return p


def total_energy(rigidity: Numbers, species: Species) -> Float[Array, "..."]:
    """Return the energy E = sqrt(p² + m²), rest energy included, in PeV; see ``momentum``."""
    return energy_at(momentum(rigidity, species), species)


def kinetic_energy(rigidity: Numbers, species: Species) -> Float[Array, "..."]:
    """Return the kinetic energy T = E - m in PeV; see ``momentum``.

    Notes
    -----
    Evaluated as p² / (E + m), without loss of digits at small momentum.
    """
    return kinetic_energy_at(momentum(rigidity, species), species)


def kinetic_energy_per_nucleon(rigidity: Numbers, species: Species) -> Float[Array, "..."]:
    """Return the kinetic energy over the number of nucleons, T / A, in PeV; see ``momentum``.

    Raises
    ------
    ValueError
        Also when the species has no mass number.
    """
    energy = kinetic_energy(rigidity, species)
    return energy / _nucleons("kinetic_energy_per_nucleon", species, energy.dtype)


def speed(rigidity: Numbers, species: Species) -> Float[Array, "..."]:
    """Return the speed p / E over that of light; see ``momentum``."""
    return speed_at(momentum(rigidity, species), species)


def lorentz_factor(rigidity: Numbers, species: Species) -> Float[Array, "..."]:
    """Return the Lorentz factor E / m; see ``momentum``.

    Raises
    ------
    ValueError
        Also when the species has no mass.
    """
    check_positive("lorentz_factor: species.mass", species.mass, remedy="It divides by the mass.")
    energy = total_energy(rigidity, species)
    return energy / species.mass.astype(energy.dtype)


def rigidity_from_kinetic_energy(energy: Numbers, species: Species) -> Float[Array, "..."]:
    """Return the rigidity sqrt(T (T + 2 m)) / (Z e) in PV, with the sign of the charge.

    Parameters
    ----------
    energy
        Kinetic energy T in PeV; any shape.
    species
        The particle.

    Raises
    ------
    ValueError
        When an energy is known and not positive.
    """
    energy = as_float(energy)
    check_positive("rigidity_from_kinetic_energy: energy", energy)
    p = jnp.sqrt(energy) * jnp.sqrt(energy + 2 * species.mass.astype(energy.dtype))
    return p / species.charge.astype(energy.dtype)


def rigidity_from_energy_per_nucleon(energy: Numbers, species: Species) -> Float[Array, "..."]:
    """Return the rigidity in PV for a kinetic energy per nucleon in PeV.

    Raises
    ------
    ValueError
        As ``rigidity_from_kinetic_energy``, and when the species has no mass number.
    """
    energy = as_float(energy)
    number = _nucleons("rigidity_from_energy_per_nucleon", species, energy.dtype)
    return rigidity_from_kinetic_energy(energy * number, species)


def energy_at(momentum: Float[Array, "..."], species: Species) -> Float[Array, "..."]:
    """Return E in PeV for a momentum in PeV/c."""
    return jnp.hypot(momentum, species.mass.astype(momentum.dtype))  # a square may overflow


def kinetic_energy_at(momentum: Float[Array, "..."], species: Species) -> Float[Array, "..."]:
    """Return T in PeV for a momentum in PeV/c."""
    mass = species.mass.astype(momentum.dtype)
    return momentum * (momentum / (energy_at(momentum, species) + mass))


def speed_at(momentum: Float[Array, "..."], species: Species) -> Float[Array, "..."]:
    """Return v/c for a momentum in PeV/c."""
    return momentum / energy_at(momentum, species)


def as_speed(name: str, speed: ScalarLike, dtype: DTypeLike) -> Scalar:
    """Return a speed over that of light as an array; raise unless it is in (0, 1]."""
    speed = as_float(speed)
    check_range(f"{name}: speed", speed, 0, 1, ends="(]", remedy="In c: speed(rigidity, species).")
    return speed.astype(dtype)


def _nucleons(name: str, species: Species, dtype: DTypeLike) -> Scalar:
    """Return the mass number; raise when there is none."""
    if species.mass_number is None:
        raise argument_error(
            f"{name}: species",
            expected="a nucleus",
            got="a species without mass number",
            remedy="Give Species(..., mass_number=...), or use the kinetic energy itself.",
        )
    return species.mass_number.astype(dtype)
