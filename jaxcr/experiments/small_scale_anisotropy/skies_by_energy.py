"""Figure 4: skies of 750 TeV and 30 PeV at their mean free paths."""

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from jaxcr import orbits, sky
from jaxcr.experiments.experiment import Experiment, Outcome, Size, Verdict
from jaxcr.experiments.small_scale_anisotropy.pictures import draw_skies
from jaxcr.experiments.small_scale_anisotropy.setup import SOURCE, describe_field, withhold
from jaxcr.experiments.small_scale_anisotropy.skies import Skies, mean_degree, measure_skies
from jaxcr.experiments.small_scale_anisotropy.spectra_by_radius import RADII
from jaxcr.experiments.verdicts import UNRESOLVED, as_numbers, difference, judge_sign, plus_minus
from jaxcr.statistics import Estimate

NAMES = ("750TeV", "30PeV")


def skies_at_free_path(name: str, size: Size) -> Skies:
    """Return the skies of a set at its published mean free path, ``(field, 1, pixel)``."""
    if name == "30PeV":
        skies = measure_skies(orbits.PARTICLE_SETS[name], RADII, size)
        at = RADII.index(orbits.PARTICLE_SETS[name].published_path)
        return Skies(*(half[:, at : at + 1] for half in skies[:2]), skies.lost)
    particles = orbits.PARTICLE_SETS[name]
    return measure_skies(particles, (particles.published_path,), size)


def run(size: Size) -> Outcome:
    """Compare how fine the skies of the two energies are."""
    found = {name: skies_at_free_path(name, size) for name in NAMES}
    degrees = {name: mean_degree(x.spectra()[:, 0]) for name, x in found.items()}
    numbers = {
        "field": describe_field(size),
        "radius_pc": {name: orbits.PARTICLE_SETS[name].published_path for name in NAMES},
        "mean_degree": {name: as_numbers(x) for name, x in degrees.items()},
        "lost_share": {name: x.lost.tolist() for name, x in found.items()},
        "fields": size.fields,
    }
    used = [orbits.PARTICLE_SETS[name] for name in NAMES]
    verdict = withhold(judge_finer(degrees), size, *used)
    return Outcome(numbers, (verdict,), lambda: draw(found))


def judge_finer(degrees: dict[str, Estimate]) -> Verdict:
    """Return whether 30 PeV has the finer sky."""
    low, high = (degrees[name] for name in NAMES)
    step = difference(high, low)
    sign = judge_sign(float(step.value), float(step.error))
    note = UNRESOLVED if sign is None else ""
    if sign is False:
        note = (
            "A sphere of 5 pc is two free paths of 750 TeV in synthetic turbulence (table-1), "
            "60 pc one of 30 PeV: the lower energy has mixed longer."
        )
    return Verdict(
        "30 PeV shows more small structure than 750 TeV",
        f"mean multipole beyond the dipole: 750 TeV {plus_minus(low)}, 30 PeV {plus_minus(high)}",
        sign,
        note,
    )


def draw(found: dict[str, Skies]) -> Figure:
    """Return one sky of each energy without its dipole."""
    maps = {}
    for name, x in found.items():
        particles = orbits.PARTICLE_SETS[name]
        title = f"{particles.name}, R = {particles.published_path:g} pc"
        maps[title] = np.asarray(sky.remove_dipole(jnp.asarray(x.mean[0, 0])))
    return draw_skies(maps, rows=1, title="dipole removed, smoothed by 3°")


SKIES_BY_ENERGY = Experiment(
    "skies-by-energy", "skies of 750 TeV and 30 PeV at the mean free path", f"{SOURCE}, fig. 4", run
)
