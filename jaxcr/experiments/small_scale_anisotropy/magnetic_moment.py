"""Figure 1: the magnetic moment along orbits."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from scipy.stats import gaussian_kde

from jaxcr import orbits
from jaxcr.experiments.experiment import Experiment, Outcome, Size, Verdict
from jaxcr.experiments.small_scale_anisotropy.setup import (
    EQUAL_LEVEL,
    LEVEL,
    SOURCE,
    describe_field,
    make_place,
    numbers,
    random_states,
    withhold,
)
from jaxcr.experiments.small_scale_anisotropy.transport import (
    Transport,
    field_mean,
    measure_transport,
)
from jaxcr.experiments.verdicts import SIGMAS, UNRESOLVED, as_numbers, judge_sign, plus_minus
from jaxcr.plots.style import BLUE, GREEN, GREY, VERMILION, add_legend, new_figure, polish
from jaxcr.statistics import Estimate

COLORS = (VERMILION, BLUE, GREEN)
_GRID = np.linspace(0, 2, 401)
_EDGES = np.linspace(0, 2, 41)
_RESAMPLED = 100
_PUBLISHED_PEAK = 0.5
_AROUND = 1 / 3
"""How far from "around 0.5", relatively, a peak may be."""
_VOLUMES = 8
"""Orbits whose volume of phase space is followed, over ``_VOLUME_PATH`` gyroradii."""
_VOLUME_PATH = 10


def run(size: Size) -> Outcome:
    """Measure the moment of the three sets, and the volume of phase space along some orbits."""
    sets = orbits.PARTICLE_SETS
    found = {
        name: measure_transport(particles, size, level=LEVEL) for name, particles in sets.items()
    }
    peaks = {name: peak(x.ratio) for name, x in found.items()}
    equal = {} if size.simulated else {
        name: peak(measure_transport(particles, size, level=EQUAL_LEVEL).ratio)
        for name, particles in sets.items()
    }  # fmt: skip
    trends = {name: trend(x) for name, x in found.items()}
    ratio, volume = volumes(size)
    verdicts = [
        withhold(judge_peak(sets[name].name, x, equal.get(name)), size, sets[name])
        for name, x in peaks.items()
    ]
    verdicts += [
        withhold(judge_trend(sets[name].name, *x), size, sets[name]) for name, x in trends.items()
    ]
    verdicts += [judge_volume(ratio, volume)]
    result = {
        "field": describe_field(size),
        "edges": _EDGES.tolist(),
        "sets": {
            name: {
                "peak": as_numbers(peaks[name]),
                "peak_at_equal_fields": as_numbers(equal[name]) if equal else None,
                "median": float(np.median(x.ratio)),
                "share_below_one": float(np.mean(x.ratio < 1)),
                "trend": as_numbers(trends[name][0]),
                "spread": trends[name][1],
                "histogram": np.histogram(x.ratio, bins=_EDGES)[0].tolist(),
                "path": x.path.tolist(),
                "mean_moment": x.ensemble.mean(axis=0).tolist(),
            }
            for name, x in found.items()
        },
        "phase_space_volume": volume.tolist(),
        "sigma_over_mean_of_these": ratio.tolist(),
    }
    return Outcome(result, tuple(verdicts), lambda: draw(found))


def peak(ratio: Float[np.ndarray, "field orbit"]) -> Estimate:
    """Return where the distribution is highest, with its error by resampling the fields."""

    def highest(rows):
        return _GRID[np.argmax(gaussian_kde(rows.ravel())(_GRID))]

    rng = np.random.default_rng(0)
    drawn = [highest(ratio[rng.integers(0, len(ratio), len(ratio))]) for _ in range(_RESAMPLED)]
    return Estimate(jnp.asarray(highest(ratio)), jnp.asarray(np.std(drawn, ddof=1)))


def trend(found: Transport) -> tuple[Estimate, float]:
    """Return the last third's mean moment over the first third's less 1; sigma over mean of all."""
    third = found.ensemble.shape[1] // 3
    change = found.ensemble[:, -third:].mean(axis=1) / found.ensemble[:, :third].mean(axis=1) - 1
    return field_mean(change), float(np.mean(found.ratio))


def volumes(size: Size) -> tuple[Float[np.ndarray, " orbit"], Float[np.ndarray, " orbit"]]:
    """Return sigma over mean and the growth of phase-space volume for a few 30 PeV orbits."""
    particles = orbits.PARTICLE_SETS["30PeV"]
    number = numbers(particles, size)[0]
    field = make_place(particles, size, number).field
    states = [x.astype(jnp.float64) for x in random_states(particles, _VOLUMES, number)]
    path = _VOLUME_PATH * particles.gyroradius
    tracks = orbits.record_tracks(
        field, *states, rigidity=particles.rigidity, path_length=path, num_samples=200
    )
    ratio = orbits.moment_scatter(field, tracks, num_groups=2).ratio
    volume = [
        orbits.phase_space_jacobian(
            field, x, n, rigidity=particles.rigidity, path_length=path, num_steps=2000
        )
        for x, n in zip(*states, strict=True)
    ]
    return np.asarray(ratio), np.asarray(volume)


def judge_peak(name: str, found: Estimate, equal: Estimate | None = None) -> Verdict:
    """Return whether the peak is around the published one."""
    away = abs(float(found.value) - _PUBLISHED_PEAK)
    allowed = _AROUND * _PUBLISHED_PEAK
    sure = abs(away - allowed) > SIGMAS * float(found.error) or away <= allowed
    return Verdict(
        f"sigma/mean of the moment peaks around 0.5 ({name})",
        f"peak at {plus_minus(found)}",
        away <= allowed if sure else None,
        "A spread over gyro-phase, drifts and pitch angles along an orbit."
        + (f" With dB = B0 at {plus_minus(equal)}." if equal else ""),
    )


def judge_trend(name: str, found: Estimate, spread: float) -> Verdict:
    """Return whether the mean moment changes less along the path than it scatters."""
    sign = judge_sign(spread - abs(float(found.value)), float(found.error))
    return Verdict(
        f"the mean moment has no trend compared with sigma ({name})",
        f"last over first third of the path − 1: {plus_minus(found)}; sigma/mean {spread:.2f}",
        sign,
        UNRESOLVED if sign is None else "",
    )


def judge_volume(
    ratio: Float[np.ndarray, " orbit"], volume: Float[np.ndarray, " orbit"]
) -> Verdict:
    """Return whether volumes of phase space stay the same."""
    worst = float(np.max(np.abs(volume - 1)))
    return Verdict(
        "Liouville's theorem can be used for these orbits",
        f"volume of phase space changes by {worst:.1e} at most along {len(volume)} orbits with "
        f"sigma/mean from {ratio.min():.2f} to {ratio.max():.2f}",
        worst < 1e-6,
        "It holds in every static field, however much the moment changes: sigma/mean < 1 is not "
        "what it rests on.",
    )


def draw(found: dict[str, Transport]) -> Figure:
    """Return the mean moment of 30 PeV along the path, and the three distributions."""
    figure = new_figure(14, 5.5)
    left, right = figure.subplots(1, 2)
    high = found["30PeV"]
    field = orbits.PARTICLE_SETS["30PeV"].mean_field
    left.plot(high.path, field * high.ensemble.mean(axis=0), ".", color=VERMILION, ms=4,
              label="mean of the orbits")  # fmt: skip
    window = np.ones(30) / 30
    left.plot(high.path[15:-14], np.convolve(field * high.ensemble.mean(axis=0), window, "valid"),
              color=BLUE, lw=2, label="moving average over 30 samples")  # fmt: skip
    left.set_ylim(bottom=0)
    add_legend(left, loc="lower right")
    polish(left, x_label="path [pc]", y_label=r"mean $\mu B_0$ at $p = 1$", title="30 PeV")
    for (name, x), color, style in zip(found.items(), COLORS, ("-", "--", "-"), strict=True):
        counts = np.histogram(x.ratio, bins=_EDGES, density=True)[0]
        right.stairs(counts, _EDGES, color=color, ls=style, lw=2,
                     label=orbits.PARTICLE_SETS[name].name)  # fmt: skip
    right.axvline(_PUBLISHED_PEAK, color=GREY, ls=":", label="published peak")
    add_legend(right)
    polish(right, x_label=r"$\sigma_\mu / \bar\mu$ along an orbit", y_label="density of orbits",
           title="scatter of the magnetic moment")  # fmt: skip
    return figure


MAGNETIC_MOMENT = Experiment(
    "magnetic-moment", "scatter and trend of the magnetic moment", f"{SOURCE}, fig. 1", run
)
