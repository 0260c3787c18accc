"""The settings of ``jaxcr traps``. Imports no JAX."""

import dataclasses
import typing
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Traps:
    """Solve a chain of magnetic traps: rates, density, escape, relaxation, anisotropy; or fit one.

    Without arguments: forty traps of mirror ratio 3 in a field that weakens by 10 % a trap.
    """

    config: Path | None = None
    """TOML file with any of these settings; flags override it."""
    show_config: bool = False
    """Print the configuration as TOML and stop."""
    mirror_ratio: float = 3.0
    """R = sqrt(B1 B2)/B0 of every trap."""
    gradient: float = 0.1
    """ln(B1/B2) of every trap; positive where the field weakens to the right."""
    sites: int = 40
    """Traps of the chain, at least 3."""
    length: float = 1.0
    """Of a trap, pc."""
    scattering_rate: float | None = None
    """nu of isotropising events, or of D_mumu = nu (1 - mu²)/2, per pc of path; default one per
    trap."""
    closure: typing.Literal["detailed-balance", "loss-cone", "isotropising", "small-angles"] = (
        "detailed-balance"
    )
    """How hops follow from the trap: isotropising and small-angles have the drift of guiding
    centres that scatter so, and right times; detailed-balance has their drift over diffusion;
    loss-cone is the published one, which is not in balance."""
    left_end: typing.Literal["absorbing", "reflecting"] = "absorbing"
    right_end: typing.Literal["absorbing", "reflecting"] = "absorbing"
    source: int | None = None
    """Site that is fed, from 1; default the last."""
    inflow: float = 1.0
    """Particles per pc of path that are fed."""
    loss_rate: float = 0.0
    """Loss in every trap, per pc of path."""
    place: int | None = None
    """Site whose anisotropy is computed, from 2 to sites - 1; default the middle."""
    lmax: int = 24
    """Highest multipole of the anisotropy."""
    edge_width: float = 0.0
    """Rounding of the loss-cone edges, rad."""
    fit: Path | None = None
    """CSV file with columns site (from 1), occupation, error: fit mirror ratio and gradient."""
    out: Path | None = None
    """Result folder; default the next free jaxcr-results/traps-NNN."""
    overwrite: bool = False
    """Write into a result folder that exists."""
    json: bool = False
    """Print one JSON document; the text goes to stderr."""
