"""The parameters of turbulence an emulator runs over: range of the nodes, prior, meaning."""

from collections.abc import Mapping

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import argument_error, check_range, check_shape
from jaxcr.infer.parameters import Flat, Normal, Parameter, Prior
from jaxcr.infer.skies import SkyEnsemble

_LEVELS = (0.28, 1.6)
"""Range of dB/B0: straighter skies show the boundary itself, rougher ones are under the noise."""

_LEVEL = 0.8
"""dB/B0 at which fits start, and the centre of its prior."""

_FITTED = (0.3, 1.5)
"""Range of dB/B0 in a fit, inside the nodes: the ends of a polynomial are its worst part."""

_LABELS = {
    "level": "ln dB/B0",
    "index": "index",
    "outer_scale": "ln outer scale",
    "inner_scale": "ln inner scale",
    "gyroradius": "ln gyroradius",
    "slab_share": "slab share",
    "reach": "ln reach",
}
"""Names of the coordinates; those that begin with ``ln`` are logarithms."""


class TurbulenceAxis(eqx.Module):
    """One coordinate of an emulator.

    Attributes
    ----------
    field
        The field of `SkyParameters` it stands for.
    parameter
        Name, range and prior in a fit; a name that begins with ``ln`` is a logarithm.
    low, high
        Coordinates of the outermost nodes.
    """

    field: str = eqx.field(static=True)
    parameter: Parameter
    low: float
    high: float

    @property
    def logarithmic(self) -> bool:
        """Whether the coordinate is the logarithm of the field."""
        return self.parameter.name.startswith("ln ")

    def physical(self, coordinate: ScalarLike) -> Scalar:
        """Return the value of the field, differentiable."""
        coordinate = jnp.asarray(coordinate)
        return jnp.exp(coordinate) if self.logarithmic else coordinate

    def coordinate(self, value: float) -> float:
        """Return the coordinate of a value of the field."""
        return float(np.log(value)) if self.logarithmic else float(value)


def physical_values(
    axes: tuple[TurbulenceAxis, ...], point: Float[Array | np.ndarray, " axis"]
) -> dict[str, Scalar]:
    """Return the fields of `SkyParameters` at a point: what ``SkyEnsemble.at`` takes."""
    check_shape("physical_values: point", point, (len(axes),))
    return {axis.field: axis.physical(x) for axis, x in zip(axes, point, strict=True)}


def turbulence_axes(
    skies: SkyEnsemble,
    names: tuple[str, ...],
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> tuple[TurbulenceAxis, ...]:
    """Return coordinates with default ranges and priors around an ensemble's own values.

    Parameters
    ----------
    names
        Fields of `SkyParameters`: ``level``, ``index``, ``outer_scale``, ``inner_scale``,
        ``gyroradius``, ``slab_share``, ``reach``, in any order.
    ranges
        Lowest and highest value of some of them, in the unit of the field.

    Raises
    ------
    ValueError
        For an unknown or repeated name, and for a range that does not rise.
    """
    unknown = [name for name in (*names, *(ranges or {})) if name not in _LABELS]
    if unknown or len(set(names)) < len(names) or not names:
        raise argument_error(
            "turbulence_axes: names",
            expected=f"different ones of {', '.join(_LABELS)}",
            got=str(unknown or names),
            remedy="They are the fields of SkyParameters.",
        )
    return tuple(_axis(skies, name, (ranges or {}).get(name)) for name in names)


def narrowed(axis: TurbulenceAxis, centre: float, half_width: float) -> TurbulenceAxis:
    """Return the coordinate on ``centre`` ± ``half_width``, cut at the old prior's bounds."""
    old = axis.parameter
    low, high = max(old.lower, centre - half_width), min(old.upper, centre + half_width)
    start = min(max(centre, low + 1e-3 * (high - low)), high - 1e-3 * (high - low))
    return TurbulenceAxis(
        axis.field, Parameter(old.name, start, low, high, old.prior, old.unit), low, high
    )


def _axis(skies: SkyEnsemble, name: str, limits: tuple[float, float] | None) -> TurbulenceAxis:
    own, default, prior = _defaults(skies, name)
    low, high = default if limits is None else limits
    logarithmic = _LABELS[name].startswith("ln ")
    least = 0 if logarithmic else -np.inf
    remedy = f"The default is {default[0]:.4g} to {default[1]:.4g}."
    check_range(f"turbulence_axes: low end of {name}", low, least, high, ends="()", remedy=remedy)
    fitted = (max(low, _FITTED[0]), min(high, _FITTED[1])) if name == "level" else (low, high)
    ends = np.array([low, high, *fitted])
    a, b, lower, upper = (float(x) for x in (np.log(ends) if logarithmic else ends))
    start = (lower + upper) / 2
    if fitted[0] < own < fitted[1]:
        start = float(np.log(own)) if logarithmic else float(own)
    return TurbulenceAxis(name, Parameter(_LABELS[name], start, lower, upper, prior), a, b)


def _defaults(skies: SkyEnsemble, name: str) -> tuple[float, tuple[float, float], Prior]:
    """Return the value to start from, the range, and the prior of the coordinate."""
    if name == "level":
        return _LEVEL, _LEVELS, Normal(float(np.log(_LEVEL)), 0.5)
    if name == "index":
        return skies.index, (1.4, 1.95), Normal(5 / 3, 0.2)
    if name == "slab_share":
        return skies.slab_share, (0.0, 0.8), Flat()
    if name == "reach":
        own, factors = skies.path, (0.5, 2.0)
    elif name == "outer_scale":
        own = skies.outer_scale
        factors = (0.7, min(1.4, 0.999 * skies.max_outer_scale / own))
    else:
        own, factors = getattr(skies, name), (0.7, 1.4)
    return own, (own * factors[0], own * factors[1]), Normal(float(np.log(own)), 0.3)
