"""The physical parameters of a simulated sky: what may be varied with the phases held."""

import dataclasses

import equinox as eqx

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import as_float, check_one_of, check_positive, check_range, is_concrete


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
            check_one_of("SkyParameters.at: name", name, SKY_PARAMETERS)
        return SkyParameters(**({n: getattr(self, n) for n in SKY_PARAMETERS} | changes))


SKY_PARAMETERS = tuple(field.name for field in dataclasses.fields(SkyParameters))
"""Names of all parameters, in order."""

SPECTRAL_PARAMETERS = ("index", "outer_scale", "inner_scale", "slab_share")
"""Those that change the realised field; the others act on the orbits."""


def check_sky_parameters(name: str, parameters: SkyParameters, cells: int | None) -> None:
    """Raise ``ValueError`` for known values that no sky can have.

    ``cells`` are those of the box along an axis; ``None`` for waves without a grid.
    """
    p = parameters
    if cells is None:
        check_positive(f"{name}: outer_scale", p.outer_scale)
        check_positive(f"{name}: inner_scale", p.inner_scale)
    else:
        box = f"at most the box, {cells} cells"
        check_range(f"{name}: outer_scale", p.outer_scale, 0, cells, ends="(]", expected=box)
        check_range(f"{name}: inner_scale", p.inner_scale, 2, remedy="A grid has no shorter waves.")
    check_range(f"{name}: level", p.level, 0, remedy="0 is the mean field alone.")
    check_positive(f"{name}: gyroradius", p.gyroradius, remedy="In cells, in the mean field.")
    check_range(f"{name}: slab_share", p.slab_share, 0, 1, remedy="It is a share of the power.")
    check_positive(f"{name}: reach", p.reach, remedy="Path, radius or factor of the convention.")
    if is_concrete(p.outer_scale):
        longest = float(p.outer_scale)
        check_range(f"{name}: inner_scale", p.inner_scale, 0, longest, ends="()")
