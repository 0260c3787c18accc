"""The physical parameters of a simulated sky: what may be varied with the phases held."""

import dataclasses

import equinox as eqx

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import argument_error, as_float, checked, is_concrete


@checked
class SkyParameters(eqx.Module):
    """The parameters of turbulence and particles behind a sky, all differentiable scalars.

    Attributes
    ----------
    level
        dB/B0, rms of the fluctuations over the mean field.
    index
        Of the spectrum E(k) ~ k^-index.
    outer_scale, inner_scale
        Longest and shortest wavelength, cells.
    gyroradius
        Of the particles in the mean field, cells: their rigidity.
    slab_share
        Share a of the fluctuations' power in waves along the mean field; the rest is isotropic:
        sqrt(1 - a) times an isotropic field plus sqrt(a) times a slab field.
    reach
        The number of the ensemble's convention: path or radius in gyroradii, or path over the
        mean free path.
    """

    level: Scalar
    index: Scalar
    outer_scale: Scalar
    inner_scale: Scalar
    gyroradius: Scalar
    slab_share: Scalar
    reach: Scalar

    def __init__(
        self,
        *,
        level: ScalarLike,
        index: ScalarLike,
        outer_scale: ScalarLike,
        inner_scale: ScalarLike,
        gyroradius: ScalarLike,
        slab_share: ScalarLike = 0.0,
        reach: ScalarLike,
    ):
        self.level, self.index = as_float(level), as_float(index)
        self.outer_scale, self.inner_scale = as_float(outer_scale), as_float(inner_scale)
        self.gyroradius, self.slab_share = as_float(gyroradius), as_float(slab_share)
        self.reach = as_float(reach)

    def at(self, **changes: ScalarLike) -> "SkyParameters":
        """Return the parameters with some changed.

        Raises
        ------
        ValueError
            For a name that is not a parameter.
        """
        for name in changes:
            if name not in SKY_PARAMETERS:
                raise argument_error(
                    f"SkyParameters.at: {name}",
                    expected=f"one of {', '.join(SKY_PARAMETERS)}",
                    got=repr(name),
                    remedy="Everything else belongs to the ensemble: dataclasses.replace.",
                )
        return SkyParameters(**({n: getattr(self, n) for n in SKY_PARAMETERS} | changes))


SKY_PARAMETERS = tuple(field.name for field in dataclasses.fields(SkyParameters))
"""Names of all parameters, in order."""

SPECTRAL_PARAMETERS = ("index", "outer_scale", "inner_scale", "slab_share")
"""Those that change the realised field; the others act on the orbits."""


def check_sky_parameters(name: str, parameters: SkyParameters, cells: int | None) -> None:
    """Raise ``ValueError`` for known values that no sky can have.

    ``cells`` are those of the box along an axis; ``None`` for waves without a grid.
    """
    scales = {
        "outer_scale": (0, cells, f"at most the box, {cells} cells", "Enlarge cells."),
        "inner_scale": (2, None, "at least two cells", "A grid holds no shorter waves."),
    }
    may_vanish = ("level", "slab_share", "inner_scale")
    if cells is None:
        positive = (0, None, "a positive length", "Waves are as long as one likes.")
        scales, may_vanish = dict.fromkeys(scales, positive), ("level", "slab_share")
    limits = scales | {
        "level": (0, None, "dB/B0, not negative", "0 is the mean field alone."),
        "gyroradius": (0, None, "a positive length in cells", "It is that in the mean field."),
        "slab_share": (0, 1, "a share between 0 and 1", "It is a share of the power."),
        "reach": (0, None, "a positive number", "Path, radius or factor of the convention."),
    }
    for key, (low, high, expected, remedy) in limits.items():
        if not is_concrete(getattr(parameters, key)):
            continue
        value = float(getattr(parameters, key))
        enough = value >= low if key in may_vanish else value > low
        if not (enough and value < float("inf") and (high is None or value <= high)):
            raise argument_error(
                f"{name}: {key}", expected=expected, got=f"{value:g}", remedy=remedy
            )
    scales = (parameters.inner_scale, parameters.outer_scale)
    if is_concrete(scales) and not float(scales[0]) < float(scales[1]):
        raise argument_error(
            f"{name}: inner_scale, outer_scale",
            expected="an inner scale below the outer one",
            got=f"{float(scales[0]):g} and {float(scales[1]):g}",
            remedy="They are the shortest and the longest wavelength, in cells.",
        )
