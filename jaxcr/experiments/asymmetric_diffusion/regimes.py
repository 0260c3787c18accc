"""Guiding centres in four regimes: displacement, spread, and time of escape.

One geometry: 21 traps of length λ; particles start in the middle one, isotropic, and have escaped
half a trap beyond ten others.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr import fields, traps
from jaxcr.experiments.asymmetric_diffusion.setup import (
    FALL,
    GROUPS,
    make_bottles,
    make_trap,
    whole_groups,
)
from jaxcr.statistics import Estimate, jackknife

MIDDLE = 10
"""Traps on either side of the first one."""
INTERVAL, SAMPLES = 0.5, 2000
"""Path between samples, in traps, and their number."""
AT = 200
"""Sample at path 100 whose displacement and spread are told."""
_EARLY = SAMPLES // 4 - 1
"""Sample from which drift, diffusion and growth are taken."""
_SPAN = INTERVAL * (SAMPLES - 1 - _EARLY)
_BLOCK = 4096
"""Guiding centres that are followed together."""
_UNIFORM = 1 + 1e-6


class Regime(NamedTuple):
    """A field and how guiding centres scatter in it; the rate in v/λ."""

    name: str
    scattering: str
    mirrors: bool = False
    fall: float = 1.0

    @property
    def rate(self) -> float:
        """Of scattering, in v/λ: a mean free path of one trap, as published."""
        return 0.0 if self.scattering == "none" else 1.0


STREAMING = Regime("free streaming", "none")
REGIMES = (STREAMING, *(
    Regime(name, scattering, *field)
    for scattering in ("large angles", "small angles")
    for name, field in (
        ("scattering", (False,)),
        ("symmetric traps", (True,)),
        ("asymmetric traps", (True, FALL)),
    )
))  # fmt: skip
Moments = dict[str, Float[Array, "group sample"]]


def paths() -> np.ndarray:
    """Return where samples are taken."""
    return INTERVAL * np.arange(1, SAMPLES + 1)


def follow(regime: Regime, num: int, number: int) -> Moments:
    """Return means over groups of guiding centres: displacement, its square, and who is inside.

    The field goes on beyond the traps that count for the escape.
    """
    num_blocks, each = blocks(num)
    keys = jax.random.split(jax.random.key(number), num_blocks)
    found = [_follow_block(regime, each, key) for key in keys]
    return jax.tree.map(lambda *x: sum(x) / num_blocks, *found)


def blocks(num: int) -> tuple[int, int]:
    """Return how many blocks are followed, and the guiding centres in each."""
    num_blocks = math.ceil(num / _BLOCK)
    return num_blocks, whole_groups(num // num_blocks)


def scattering_of(regime: Regime) -> traps.IsotropisingScattering | traps.SmallAngleScattering:
    """Return how pitch angles change in a regime."""
    small = regime.scattering == "small angles"
    return traps.SmallAngleScattering() if small else traps.IsotropisingScattering()


def _follow_block(regime: Regime, num: int, key) -> Moments:
    x = traps.scatter_in_bottles(
        bottles(regime), scattering_rate=regime.rate, sample_length=INTERVAL, num_samples=SAMPLES,
        num_particles=num, key=key, start_bottle=MIDDLE,
        scattering=scattering_of(regime),
    )  # fmt: skip
    moved = x.astype(float) - (MIDDLE + 0.5)
    gone = jax.lax.cummax(jnp.abs(moved), axis=0) >= MIDDLE + 0.5
    values = {"x": moved, "xx": moved**2, "inside": jnp.where(gone, 0.0, 1.0)}
    return {k: v.reshape(SAMPLES, GROUPS, -1).mean(axis=2).T for k, v in values.items()}


def bottles(regime: Regime) -> fields.MirrorChainField:
    """Return the field of a regime."""
    trap = make_trap(regime.fall) if regime.mirrors else traps.trap_from_ratio(_UNIFORM, 0.0)
    return make_bottles(trap)


def measure(regime: Regime, moments: Moments) -> dict[str, Estimate]:
    """Return what a regime is told by; free streaming has no mean time to escape."""
    estimators = {
        "drift": _drift, "diffusion": _diffusion, "growth": _growth,
        "displacement": lambda m: m["x"][AT - 1], "spread": lambda m: spread_of(m)[AT - 1],
        "median_escape_time": median_escape_time,
    } | ({"escape_time": escape_time} if regime.rate else {})  # fmt: skip
    return {name: jackknife(estimator, moments) for name, estimator in estimators.items()}


def spread_of(means: dict) -> Float[Array, " sample"]:
    """Return the standard deviation of the displacement."""
    return jnp.sqrt(means["xx"] - means["x"] ** 2)


def spread(moments: Moments) -> Float[Array, " sample"]:
    """Return that of all groups."""
    return spread_of(jax.tree.map(lambda x: x.mean(axis=0), moments))


def _drift(means: dict):
    return (means["x"][-1] - means["x"][_EARLY]) / _SPAN


def _diffusion(means: dict):
    wide = spread_of(means) ** 2
    return (wide[-1] - wide[_EARLY]) / (2 * _SPAN)


def _growth(means: dict):
    """Return q of spread ~ path^q over the last three quarters."""
    wide = spread_of(means)
    return jnp.log(wide[-1] / wide[_EARLY]) / math.log(SAMPLES / (_EARLY + 1))


def escape_time(means: dict):
    """Return the mean time of escape; the last that stay are taken to leave as those before did."""
    inside = means["inside"]
    counted = INTERVAL * (0.5 + jnp.sum(inside) - inside[-1] / 2)
    half, last = inside[SAMPLES // 2 - 1], inside[-1]
    some = (last > 0) & (last < half)
    decay = jnp.log(jnp.where(some, half / jnp.where(some, last, 1), 2))
    return counted + last * INTERVAL * SAMPLES / 2 / decay


def median_escape_time(means: dict):
    """Return when half have escaped."""
    inside = jnp.concatenate([jnp.ones(1), means["inside"]])
    return jnp.interp(-0.5, -inside, INTERVAL * jnp.arange(SAMPLES + 1.0))
