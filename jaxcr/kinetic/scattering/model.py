"""Pitch-angle scattering as an object: D_mumu of a particle, whatever scatters it."""

import abc
from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import as_float, check_positive, check_range, is_concrete
from jaxcr.kinetic.kinematics import as_speed
from jaxcr.units import gyroradius


class ScatteringModel(eqx.Module):
    """What turns the momentum of a particle about the mean field, at constant energy.

    The sum of two models is a model: their D_mumu add.
    """

    @abc.abstractmethod
    def pitch_angle_diffusion(
        self, cosine: Float[Array, "..."], rigidity: Scalar, speed: Scalar
    ) -> Float[Array, "..."]:
        """Return D_mumu in 1/pc for pitch cosines of any shape, R in PV and v in c."""

    def __add__(self, other: "ScatteringModel") -> "SumOfScatterings":
        """Return the model of both, independent of each other."""
        return SumOfScatterings((self, other))


class SumOfScatterings(ScatteringModel):
    """Several independent scatterings at once."""

    models: tuple[ScatteringModel, ...]

    def pitch_angle_diffusion(
        self, cosine: Float[Array, "..."], rigidity: Scalar, speed: Scalar
    ) -> Float[Array, "..."]:
        """Return the sum of all D_mumu in 1/pc."""
        parts = [model.pitch_angle_diffusion(cosine, rigidity, speed) for model in self.models]
        return sum(parts[1:], start=parts[0])


class IsotropicScattering(ScatteringModel):
    """D_mumu = nu (1 - mu²)/2: small angles in any direction alike.

    Parameters
    ----------
    rate
        nu in 1/pc (per path of light). The mean free path is v/nu.

    Raises
    ------
    ValueError
        If the rate is known and negative.
    """

    rate: Scalar

    def __init__(self, rate: ScalarLike):
        self.rate = as_float(rate)
        check_range("IsotropicScattering: rate", self.rate, 0, remedy="v over the mean free path.")

    def pitch_angle_diffusion(
        self, cosine: Float[Array, "..."], rigidity: Scalar, speed: Scalar
    ) -> Float[Array, "..."]:
        """Return nu (1 - mu²)/2 in 1/pc, at any rigidity and speed."""
        return self.rate.astype(cosine.dtype) / 2 * (1 - cosine**2)


class FunctionScattering(ScatteringModel):
    """D_mumu is a function of yours.

    Parameters
    ----------
    function
        (mu of any shape, R in PV, v in c) to D_mumu in 1/pc, of the shape of mu; not negative,
        and zero at mu = ±1.
    """

    function: Callable[[Array, Array, Array], Array]

    def pitch_angle_diffusion(
        self, cosine: Float[Array, "..."], rigidity: Scalar, speed: Scalar
    ) -> Float[Array, "..."]:
        """Return the function."""
        return self.function(cosine, rigidity, speed)


def pitch_angle_diffusion(
    model: ScatteringModel,
    cosine: Float[Array, "..."] | float | int,
    rigidity: ScalarLike,
    *,
    speed: ScalarLike = 1.0,
) -> Float[Array, "..."]:
    """Return the Fokker-Planck coefficient D_mumu = <(change of mu)²> / (2 path of light).

    Parameters
    ----------
    cosine
        mu from -1 to 1, of any shape.
    rigidity
        p c / q in PV; only its size matters without helicity.
    speed
        v in c.

    Returns
    -------
    D_mumu in 1/pc, of the shape of ``cosine``.

    Raises
    ------
    ValueError
        If known: a rigidity of zero, a speed outside (0, 1], a cosine outside [-1, 1].
    """
    cosine = as_float(cosine)
    check_range("pitch_angle_diffusion: cosine", cosine, -1, 1)
    rigidity, speed = as_particle("pitch_angle_diffusion", rigidity, speed)
    dtype = cosine.dtype
    return _at_cosines(model, cosine, rigidity.astype(dtype), speed.astype(dtype))


@eqx.filter_jit
def _at_cosines(model: ScatteringModel, cosine: Array, rigidity: Scalar, speed: Scalar) -> Array:
    return model.pitch_angle_diffusion(cosine, rigidity, speed)


def as_particle(name: str, rigidity: ScalarLike, speed: ScalarLike) -> tuple[Scalar, Scalar]:
    """Return rigidity and speed as arrays of one type; raise unless a particle has them."""
    rigidity = as_float(rigidity)
    if is_concrete(rigidity):
        check_positive(f"{name}: |rigidity|", np.abs(rigidity), remedy="Momentum over charge, PV.")
    return rigidity, as_speed(name, speed, rigidity.dtype)


def as_turbulence(name: str, rms: ScalarLike, mean_strength: ScalarLike) -> tuple[Scalar, Scalar]:
    """Return both strengths as arrays; raise unless there is a mean field, and rms >= 0."""
    rms, mean_strength = as_float(rms), as_float(mean_strength)
    check_range(f"{name}: rms", rms, 0)
    check_positive(f"{name}: mean_strength", mean_strength, remedy="Or weak_scattering_diffusion.")
    return rms, mean_strength


def mean_gyroradius(rigidity: Scalar, mean_strength: Scalar) -> Scalar:
    """Return the gyroradius in the mean field in pc, positive."""
    return gyroradius(jnp.abs(rigidity), mean_strength.astype(rigidity.dtype))
