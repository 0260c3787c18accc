"""Descriptions of the checks of transport: orbits against theory, and theory against itself."""

from generate.descriptions import Description
from generate.markdown import number, table, with_error


def _particle_sets(data: dict) -> list[str]:
    """Return mean free paths of the published sets, by four definitions."""
    rows = [
        (
            x["set"], x["gyroradius_cells"], x["moment_ratio_median"],
            with_error(*x["turning_pc"]), with_error(*x["turning_distance_pc"]),
            with_error(*x["correlation_pc"]), with_error(*x["three_kappa_along_pc"]),
            x["published_pc"],
        )
        for x in data["rows"]
    ]  # fmt: skip
    header = (
        "set", "gyroradius, cells", "median scatter of the moment", "path to 90°, pc",
        "distance to 90°, pc", "integral of the correlation, pc", "3 kappa/v along B0, pc",
        "published, pc",
    )  # fmt: skip
    return [table(header, rows)]


def _limits(data: dict) -> list[str]:
    """Return three limits beside their closed forms."""
    slab = data["slab"]
    rows = [
        (
            f"kappa over (2/3) v r_L²/L_c; {x['num_waves']} waves, "
            f"r_L/L_c = {number(x['gyroradius_over_correlation_length'])}",
            with_error(x["derivative"], x["derivative_error"]),
            f"1 as r_L/L_c → ∞; fit of Harari et al.: {number(x['fit_of_harari_et_al'])}",
        )
        for x in data["weak_scattering"]
    ]
    rows.append(
        ("kappa of field lines in slab turbulence", with_error(slab["kappa"], slab["error"]),
         f"{number(slab['expected'])}, exactly")
    )  # fmt: skip
    pairs = data["separation"]
    for name, asked in (("goldreich_sridhar", "3/2"), ("isotropic", "a control: not 3/2")):
        x = pairs[name]
        found = with_error(x["exponent"], x["exponent_error"])
        rows.append((f"pairs of field lines part as path^q, {name.replace('_', '–')}: q",
                     found, asked))  # fmt: skip
    return [table(("quantity", "measured", "expected"), rows)]


def _theory(data: dict) -> list[str]:
    """Return ratios of orbits to theories: D_mumu, along, across."""
    blocks, rows = [], []
    for x in data["scattering"]:
        for share in x["wide"]:
            low, high = share["edges"]
            found = _ratios(share, ("quasilinear", "second order", "twice the power"))
            rows.append((f"{x['amplitude']:g}", f"{low:.1f} to {high:.1f}", *found))
    blocks += [
        "D_μμ in slab turbulence, measured over theory (the last column is the control: a wrong "
        "theory must fail):",
        table(("dB/B0", "|μ|", "quasilinear", "second order", "twice the power"), rows),
    ]
    rows = [
        (kind, f"{x['amplitude']:g}", with_error(x["kappa_parallel"]["measured"],
                                                  x["kappa_parallel"]["error"]),
         *_ratios(x["kappa_parallel"], ("quasilinear", "second order")))
        for kind in ("slab", "composite")
        for x in data[kind]
    ]  # fmt: skip
    blocks += [
        "Diffusion along the mean field (pc c), and over theory:",
        table(("turbulence", "dB/B0", "kappa", "quasilinear", "second order"), rows),
    ]
    rows = [
        (f"{x['amplitude']:g}", with_error(x["kappa_perpendicular"]["measured"],
                                            x["kappa_perpendicular"]["error"]),
         *_ratios(x["kappa_perpendicular"],
                  ("nonlinear guiding centres", "field-line random walk")))
        for x in data["composite"]
    ]  # fmt: skip
    blocks += [
        "Diffusion across, slab and two-dimensional waves 20:80 (pc c), and over theory:",
        table(("dB/B0", "kappa", "nonlinear guiding centres", "field-line random walk"), rows),
    ]
    rows = [
        (f"{x['amplitude']:g}",
         with_error(x["exponent"]["measured"], x["exponent"]["error"]),
         with_error(x["spread_over_lines"]["measured"], x["spread_over_lines"]["error"]))
        for x in data["slab"]
    ]  # fmt: skip
    return [
        *blocks,
        "Across slab turbulence there is no diffusion: ⟨x²⟩ ~ s^q with q = 1/2, and the spread is "
        "that of the field lines (ratio 1):",
        table(("dB/B0", "q", "spread over that of the lines"), rows),
    ]


def _ratios(found: dict, names: tuple[str, ...]) -> list[str]:
    """Return measured over theory for each theory, with the error of the measurement."""
    ratios = [found["theories"][name] for name in names]
    return [with_error(x["ratio"], x["ratio_error"]) for x in ratios]


def _snapshot(data: dict) -> list[str]:
    """Return Mach numbers and what the shipped cube resolves."""
    rows = [
        ("Alfvén Mach number", data["alfven_mach"]), ("sonic Mach number", data["sonic_mach"]),
        ("beta", data["beta"]), ("dB/B0", data["fluctuation_over_mean_field"]),
        ("cells", data["cells"]), ("injection, cells", data["injection_cells"]),
        ("divergence before projection", data["divergence_before_projection"]),
    ]  # fmt: skip
    return [
        table(("quantity", "value"), rows),
        f"Made with {data['code']}. The measured report of the cube, with what is not resolved:",
        "```text\n" + data["report"] + "\n```",
    ]


_RESULTS = "experiments/results"
DESCRIPTIONS = {
    f"{_RESULTS}/transport_limits.json": Description(
        "Limits with a closed form",
        "experiments/transport_limits.py",
        "Weak scattering without a mean field, κ = (2/3) v r_L²/L_c with the one-sided "
        "correlation length L_c; field lines in slab turbulence, κ = (dB²/2B0²) l_c; pairs of "
        "field lines in Goldreich–Sridhar turbulence. **128 plane waves are too few**: they "
        "scatter a quarter too little; take a thousand.",
        _limits,
        f"{_RESULTS}/transport_limits.png",
        "Left: rms separation of pairs of field lines against the path along the mean field. "
        "Right: the path over which it grows by sqrt(2), and the exponents.",
    ),
    f"{_RESULTS}/theory_against_orbits.json": Description(
        "Kinetic theory against orbits",
        "experiments/transport_theory/orbits_against_theory.py",
        "How far quasilinear, second-order and guiding-centre theories hold, for dB/B0 = 0.1, "
        "0.3 and 1 and a gyroradius of one bend-over scale. A ratio of 1 is agreement. Even at "
        "dB/B0 = 0.1 quasilinear theory gives κ along the field a third too large, and no theory "
        "here gives κ across it at 0.1.",
        _theory,
        f"{_RESULTS}/theory_against_orbits.png",
        "Top: D_μμ of orbits and theory at dB/B0 = 0.1, 0.3 and 1 (dotted: quasilinear theory "
        "without the finite lags). Bottom: κ along B0 times (dB/B0)², spread across B0 in slab "
        "turbulence with that of the field lines, κ across B0 in composite turbulence.",
    ),
    f"{_RESULTS}/particle_sets.json": Description(
        "The three published particle sets",
        "experiments/particle_sets.py",
        "Mean free paths and the scatter of the magnetic moment for the sets of López-Barquero "
        "et al. (2016), in synthetic turbulence with dB = B0 instead of their MHD cube. The "
        "published mean free paths lie above all that is measured here: the field is another, and "
        "a mean free path defined by a turn of 90° or by the velocity correlation is not one "
        "number.",
        _particle_sets,
        f"{_RESULTS}/particle_sets.png",
        "Histogram of the scatter of the magnetic moment along an orbit, over its mean.",
    ),
    "experiments/mhd_snapshot/result.json": Description(
        "The shipped MHD snapshot",
        "experiments/mhd_snapshot/ship.py",
        "The cube behind `fields.mhd_snapshot()`. At 48³ cells there is hardly an inertial "
        "range: numerical dissipation begins at the eighth wave of the box.",
        _snapshot,
        "experiments/mhd_snapshot/field.png",
        "Slices of |B|, measured spectrum, and distribution of the components.",
    ),
}
