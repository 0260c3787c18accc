"""D_mumu of orbits in slab turbulence beside quasilinear and second-order theory."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxcr import fields, kinetic, orbits
from jaxcr.experiments.experiment import DEFAULT, Experiment, Outcome, Size, Verdict
from jaxcr.experiments.transport_theory.setup import (
    Z,
    both_hemispheres,
    make_spectrum,
    record_tracks,
    rigidity_of,
    seen_by_lags,
    slab_theories,
)
from jaxcr.experiments.verdicts import UNRESOLVED, agrees, as_numbers, entry, judge_sign, plus_minus
from jaxcr.plots.style import BLACK, BLUE, GREY, VERMILION, add_legend, new_figure, polish
from jaxcr.statistics import Estimate

GYRATION = 2 * np.pi
"""In gyroradii, which are bend-over scales."""


class Case(NamedTuple):
    """Waves of an amplitude dB/B0, and two lags in gyrations."""

    rms: float
    lags: tuple[int, int]

    @property
    def path(self) -> tuple[float, float]:
        """Return the lags in pc."""
        return self.lags[0] * GYRATION, self.lags[1] * GYRATION


WEAK, LATE, STRONG = Case(0.1, (1, 2)), Case(0.1, (4, 8)), Case(0.3, (1, 2))
"""Late lags for 90 degrees, where the force is remembered long.

Along undisturbed helices quasilinear theory itself comes out larger over finite lags than over
endless ones: by 29 % at mu = 0.05 over 1 to 2 gyrations, 6 % over 4 to 8, and by 2 % at mu = 0.35
over 1 to 2. Lags much longer mix cosines.
"""
CASES = (WEAK, LATE, STRONG)
_SAMPLES = 8
"""Per gyration."""
BINS = np.linspace(0, 1, 11)
WIDE = np.array([0.0, 0.3, 1.0])
_LARGEST = 50.0
"""k of the shortest wave over 1/r_L: it resonates at mu = 0.02."""
_GAP_RADIUS, _GAP_LARGEST = 0.1, 100.0
"""Of the spectrum that ends: no wave resonates below mu = 0.1."""
_NEAR = 3
"""Bins next to 90 degrees."""
_COSINES = np.linspace(0, 1, 201)
_TELLING = 0.1
"""Error of a ratio that can tell a theory from twice the power."""

Found = dict[Case, dict[str, Estimate]]
Ratios = dict[str, Estimate]


def waves() -> fields.Spectrum:
    """Return the spectrum of waves that resonates at all angles that are measured."""
    return make_spectrum(outer_scale=1e4, largest=_LARGEST)


"""Measured over theory, by theory; ``(bin,)``."""


def run(size: Size) -> Outcome:
    """Measure D_mumu for weak and stronger waves; compute it where the spectrum ends."""
    per_field = (3 if size.orbits >= DEFAULT.orbits else 1) * size.orbits // size.fields
    found = measure(WEAK.rms, (WEAK, LATE), size.fields, per_field)
    found |= measure(STRONG.rms, (STRONG,), size.fields, per_field)
    seen = {case: theories(case) for case in CASES}
    weak, late, strong = (
        {k: ratios(found[case][k], seen[case][k]) for k in found[case]} for case in CASES
    )
    gap = resonances(STRONG.rms)
    verdicts = (
        judge_weak(weak["wide"]),
        judge_control(weak["wide"]),
        judge_right_angle(late["wide"]),
        judge_second_order(late["bins"]),
        judge_strong(strong["wide"]),
        judge_gap(gap),
    )
    numbers = {
        "gyroradius": 1.0, "bend_over_scale": 1.0, "orbits": size.fields * per_field,
        "realisations": size.fields,
        "rows": [
            {"amplitude": case.rms, "lags_in_gyrations": list(case.lags), "edges": edges.tolist(),
             "measured": as_numbers(found[case][name]),
             "theories": {k: x.tolist() for k, x in seen[case][name].items()}}
            for case in CASES for name, edges in (("bins", BINS), ("wide", WIDE))
        ],
        "gap": {"gyroradius": _GAP_RADIUS, "largest_k": _GAP_LARGEST, "amplitude": STRONG.rms,
                "cosine": _COSINES.tolist(), "resonances": gap},
    }  # fmt: skip
    return Outcome(numbers, verdicts, lambda: draw(found, seen, gap))


def measure(rms: float, cases: tuple[Case, ...], realisations: int, per_field: int) -> Found:
    """Return D_mumu of orbits in 1/pc, in narrow bins of |mu| and in two wide ones."""
    gyrations = max(case.lags[1] for case in cases) + 4
    tracks = record_tracks(
        waves(), fields.Slab(Z), rms, path_length=gyrations * GYRATION,
        num_samples=gyrations * _SAMPLES, realisations=realisations, per_field=per_field,
    )  # fmt: skip
    tracks = both_hemispheres(tracks, realisations)
    return {
        case: {
            name: orbits.measure_pitch_angle_diffusion(
                tracks, axis=Z, lags=case.path, edges=jnp.asarray(edges), num_groups=realisations
            ).coefficient
            for name, edges in (("bins", BINS), ("wide", WIDE))
        }
        for case in cases
    }


def theories(case: Case) -> dict[str, dict[str, Float[np.ndarray, " bin"]]]:
    """Return what the lags would measure in the same bins, by theory."""
    models = slab_theories(case.rms, waves())
    return {
        name: {key: seen_by_lags(model, case.path, edges) for key, model in models.items()}
        for name, edges in (("bins", BINS), ("wide", WIDE))
    }


def ratios(measured: Estimate, seen: dict[str, Float[np.ndarray, " bin"]]) -> Ratios:
    """Return measured over theory."""
    value, error = np.asarray(measured.value, float), np.asarray(measured.error, float)
    return {k: Estimate(jnp.asarray(value / x), jnp.asarray(error / x)) for k, x in seen.items()}


def resonances(rms: float) -> dict[str, dict]:
    """Return D_mumu and the mean free path in a spectrum that ends, by shape of the resonance."""
    spectrum = make_spectrum(outer_scale=1e6, largest=_GAP_LARGEST)
    rigidity = rigidity_of(_GAP_RADIUS)
    shapes = {
        "sharp": kinetic.SharpResonance(),
        # phases that live for l B0/dB: as long as it takes to wander by a wave
        "Lorentzian": kinetic.LorentzianResonance(rms),
        "second order": kinetic.SecondOrderResonance(),
    }
    found = {}
    for name, shape in shapes.items():
        model = kinetic.SlabScattering(spectrum, rms=rms, mean_strength=1.0, resonance=shape)
        path = float(kinetic.parallel_mean_free_path(model, rigidity))
        diffusion = kinetic.pitch_angle_diffusion(model, jnp.asarray(_COSINES), rigidity)
        found[name] = {
            "diffusion": np.asarray(diffusion).tolist(),
            "mean_free_path": path if np.isfinite(path) else None,
        }
    return found


def _bin(found: Ratios, theory: str, number: int) -> Estimate:
    return entry(found[theory], number)


def judge_weak(wide: Ratios) -> Verdict:
    """Return whether quasilinear theory holds for weak waves away from 90 degrees."""
    ratio = _bin(wide, "quasilinear", 1)
    off, error = abs(float(ratio.value) - 1), float(ratio.error)
    holds = judge_sign(WEAK.rms - off, error)
    return Verdict(
        "quasilinear D_mumu holds for weak waves away from 90 degrees, to the order of dB/B0",
        f"measured over theory {plus_minus(ratio)} at |mu| > {WIDE[1]:g}, dB/B0 = {WEAK.rms:g}",
        holds,
        UNRESOLVED if holds is None else
        f"Off by {off / error:.1f} errors: a theory of lowest order in dB/B0.",
    )  # fmt: skip


def judge_control(wide: Ratios) -> Verdict:
    """Return whether orbits reject a wrong theory; it must fail."""
    ratio = _bin(wide, "twice the power", 1)
    off = judge_sign(abs(float(ratio.value) - 1) - WEAK.rms, float(ratio.error))
    return Verdict(
        "a wrong theory is rejected: quasilinear with twice the power",
        f"measured over theory {plus_minus(ratio)} at |mu| > {WIDE[1]:g}, dB/B0 = {WEAK.rms:g}",
        off,
        UNRESOLVED if off is None else
        "Not 1/2: cosines move far between the lags, and theory is asked for what these see.",
    )  # fmt: skip


def judge_right_angle(wide: Ratios) -> Verdict:
    """Return whether particles pass 90 degrees faster than quasilinear theory allows."""
    inner, outer = (_bin(wide, "quasilinear", number) for number in (0, 1))
    sign = judge_sign(float(outer.value) - 1, float(outer.error))
    return Verdict(
        "quasilinear theory fails at 90 degrees: particles pass it faster",
        f"over lags in which many pass it, measured over theory {plus_minus(inner)} at |mu| < "
        f"{WIDE[1]:g}, {plus_minus(outer)} above; second order "
        f"{plus_minus(_bin(wide, 'second order', 0))}, {plus_minus(_bin(wide, 'second order', 1))}",
        sign,
        UNRESOLVED if sign is None else "",
    )


def judge_second_order(bins: Ratios) -> Verdict:
    """Return whether the second-order resonance describes scattering through 90 degrees."""
    near = [_bin(bins, "second order", number) for number in range(_NEAR)]
    holds = all(agrees(x, 1.0) for x in near)
    unsure = holds and max(float(x.error) for x in near) > _TELLING
    sharp = ", ".join(f"{float(bins['quasilinear'].value[x]):.2f}" for x in range(_NEAR))
    return Verdict(
        "the second-order resonance describes scattering through 90 degrees",
        f"measured over theory {', '.join(map(plus_minus, near))} in tenths of |mu| from 0, "
        f"dB/B0 = {WEAK.rms:g}; over quasilinear theory {sharp}",
        None if unsure else holds,
        UNRESOLVED if unsure else "",
    )


def judge_strong(wide: Ratios) -> Verdict:
    """Return whether quasilinear theory is off for stronger waves at all pitch angles."""
    ratio = _bin(wide, "quasilinear", 1)
    second = _bin(wide, "second order", 1)
    holds = agrees(ratio, 1.0)
    unsure = holds and float(ratio.error) > _TELLING
    return Verdict(
        "quasilinear theory is one of weak waves: it fails for stronger ones",
        f"measured over theory {plus_minus(ratio)} at |mu| > {WIDE[1]:g}, "
        f"dB/B0 = {STRONG.rms:g}; second order {plus_minus(second)}",
        None if unsure else not holds,
        UNRESOLVED if unsure else "",
    )


def judge_gap(gap: dict[str, dict]) -> Verdict:
    """Return whether a broad resonance fills the gap that the end of the spectrum leaves."""
    below = _COSINES < 1 / (_GAP_RADIUS * _GAP_LARGEST) - 1e-9
    least = {k: float(np.min(np.asarray(x["diffusion"])[below])) for k, x in gap.items()}
    paths = {k: x["mean_free_path"] for k, x in gap.items()}
    empty = paths["sharp"] is None and not np.any(np.asarray(gap["sharp"]["diffusion"])[below])
    filled = all(least[k] > 0 and paths[k] is not None for k in gap if k != "sharp")
    texts = [f"{k} {'infinite' if x is None else f'{x:.3g} l'}" for k, x in paths.items()]
    return Verdict(
        "where the spectrum ends a sharp resonance leaves a gap at 90 degrees and an infinite "
        "mean free path; broadening makes it finite",
        f"no wave resonates at |mu| < {1 / (_GAP_RADIUS * _GAP_LARGEST):g}: " + ", ".join(texts),
        bool(empty and filled),
    )


def draw(found: Found, seen: dict, gap: dict[str, dict]) -> Figure:
    """Return D_mumu of orbits and theories, and the gap."""
    figure = new_figure(14, 10)
    *panels, last = figure.subplots(2, 2).flat
    for axes, case in zip(panels, CASES, strict=True):
        _draw_measured(axes, case, found[case]["bins"], seen[case]["bins"])
    for (name, row), color in zip(gap.items(), (GREY, BLUE, VERMILION), strict=True):
        d = np.array(row["diffusion"])
        last.semilogy(_COSINES, np.where(d > 0, d, np.nan), color=color, label=name)
    last.set_ylim(1e-3, 1)
    add_legend(last)
    polish(last, x_label="|µ|", y_label=r"$D_{\mu\mu}\, l$",
           title=f"dB/B0 = {STRONG.rms:g}, no waves beyond k $r_L$ = 10")  # fmt: skip
    return figure


def _draw_measured(axes: Axes, case: Case, measured: Estimate, seen: dict) -> None:
    """Draw one case: dots with errors, theories over the lags and at once."""
    middle = (BINS[1:] + BINS[:-1]) / 2
    for name, color in (("quasilinear", BLUE), ("second order", VERMILION)):
        axes.plot(middle, seen[name], color=color, label=f"{name}, over the lags")
    at_once = kinetic.pitch_angle_diffusion(
        slab_theories(case.rms, waves())["quasilinear"], jnp.asarray(_COSINES), rigidity_of(1.0)
    )
    axes.plot(_COSINES, at_once, ":", color=GREY, label="quasilinear, at once")
    axes.errorbar(middle, np.asarray(measured.value), np.asarray(measured.error), fmt="o",
                  color=BLACK, capsize=3, label="orbits")  # fmt: skip
    axes.set_ylim(0, 1.6 * float(jnp.max(at_once)))
    add_legend(axes)
    polish(
        axes,
        x_label="|µ|",
        y_label=r"$D_{\mu\mu}\, l$",
        title=f"dB/B0 = {case.rms:g}, lags of {case.lags[0]} and {case.lags[1]} gyrations",
    )


PITCH_ANGLE_SCATTERING = Experiment(
    "pitch-angle-scattering",
    "D_mumu of orbits in slab turbulence beside quasilinear and second-order theory",
    "Jokipii 1966; Shalchi 2005, second-order quasilinear theory",
    run,
)
