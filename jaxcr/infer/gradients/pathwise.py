"""The derivative along the orbits: exact for each, heavy-tailed in the mean of chaotic ones."""

from collections.abc import Iterable

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from jaxcr.annotations import checked
from jaxcr.checks import check_one_of, check_range
from jaxcr.infer.gradients.estimate import GradientEstimator, JacobianEstimate, Spectra
from jaxcr.infer.gradients.per_field import systematic_size
from jaxcr.infer.gradients.simulations import SLOPE_COST, field_numbers, path_slopes, point_label

_Slopes = Float[np.ndarray, "field sky parameter ell"]


class Pathwise(GradientEstimator):
    """Forward-mode derivative through every orbit, plain, clipped, or as median of means.

    Attributes
    ----------
    clip
        Share of the skies whose slopes stay as they are; larger ones are cut to the size of
        this quantile, for each multipole. ``None`` cuts nothing.
    groups
        Median of the means over this many groups of skies in each field; it must divide the
        number of skies.
    """

    clip: float | None = eqx.field(static=True, default=None)
    groups: int = eqx.field(static=True, default=1)
    label: str = eqx.field(static=True, default="path-wise")

    def __check_init__(self):
        check_range("Pathwise: clip", self.clip, 0, 1, ends="(]", remedy="0.9 cuts the top tenth.")

    @checked
    def __call__(
        self, spectra: Spectra, values: Float[Array, " parameter"], numbers: Iterable[int]
    ) -> JacobianEstimate:
        """Return the Jacobian; see ``GradientEstimator``."""
        _, slopes = path_slopes(spectra, values, field_numbers(numbers))
        cost = ((f"slopes: {point_label(values)}", SLOPE_COST * values.size),)
        return pathwise_estimate(
            slopes, clip=self.clip, groups=self.groups, simulations=cost, label=self.label
        )


def pathwise_estimate(
    slopes: _Slopes,
    *,
    clip: float | None = None,
    groups: int = 1,
    simulations: tuple[tuple[str, float], ...] = (("slopes", SLOPE_COST),),
    label: str = "path-wise",
) -> JacobianEstimate:
    """Return the estimate from the slopes of single skies.

    Raises
    ------
    ValueError
        If ``groups`` does not divide the number of skies in a field.

    Notes
    -----
    Both cures trade variance for bias, which is put at the shift of the mean beyond noise.
    Source: Metz et al., arXiv:2111.05803 (clipping); Lugosi & Mendelson, arXiv:1906.04280.
    """
    num_skies = slopes.shape[1]
    divisors = [n for n in range(1, num_skies + 1) if num_skies % n == 0]
    check_one_of("Pathwise: groups", groups, divisors, remedy="One group gives the plain mean.")
    robust = slopes
    if clip is not None:
        largest = np.quantile(np.abs(slopes), clip, axis=(0, 1))[None, None]
        robust = np.clip(slopes, -largest, largest)
    means = robust.reshape(len(slopes), groups, -1, *slopes.shape[2:]).mean(axis=2)
    rows = np.median(means, axis=1)
    plain = slopes.mean(axis=1)
    reason = "exact for each orbit" if clip is None and groups == 1 else _cure(clip, groups)
    return JacobianEstimate(rows, systematic_size(rows - plain), simulations, label, reason)


def _cure(clip: float | None, groups: int) -> str:
    """Say what was done against heavy tails."""
    parts = [] if clip is None else [f"slopes cut at their {clip:g} quantile"]
    return ", ".join(parts + ([f"median of {groups} means"] if groups > 1 else []))


def tail_weight(slopes: _Slopes) -> Float[np.ndarray, " parameter"]:
    """Return rms over median size of the slopes of single skies, mean over l >= 1.

    1.48 for a centred Gaussian, 1 for equal slopes, large when a few skies carry the mean.
    """
    size = np.abs(slopes.reshape(-1, *slopes.shape[2:])[..., 1:])
    scale = np.maximum(size.max(axis=0), np.finfo(size.dtype).tiny)
    size = size / scale[None]
    rms, median = np.sqrt(np.mean(size**2, axis=0)), np.median(size, axis=0)
    return np.mean(rms / np.maximum(median, np.finfo(size.dtype).tiny), axis=-1)
