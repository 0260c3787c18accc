"""Descriptions of the experiments with the theory of transport."""

from generate.descriptions import Description
from generate.markdown import number, span, statements, table, with_error


def _estimate(found: dict) -> str:
    return with_error(found["value"], found["error"])


def _scattering(data: dict) -> list[str]:
    """Return measured D_mumu over theories in wide bins."""
    rows = []
    for x in data["numbers"]["rows"]:
        if len(x["edges"]) > 3:
            continue
        for i, (low, high) in enumerate(zip(x["edges"], x["edges"][1:], strict=False)):
            value, error = (x["measured"][key][i] for key in ("value", "error"))
            lags = " and ".join(str(n) for n in x["lags_in_gyrations"])
            rows.append(
                (f"{x['amplitude']:g}", lags, f"{low:.1f} to {high:.1f}",
                 *(with_error(value / t[i], error / t[i]) for t in x["theories"].values()))
            )  # fmt: skip
    theories = data["numbers"]["rows"][0]["theories"]
    return [
        statements(data),
        "Measured over theory; the last column is the control:",
        table(("dB/B0", "lags, gyrations", "|μ|", *theories), rows),
    ]


def _free_path(data: dict) -> list[str]:
    """Return mean free paths by gyroradius, and diffusion across."""
    along = [
        (number(x["gyroradius"]), _estimate(x["free_path"]),
         *(number(x["seen_on_that_path"][k]) for k in ("quasilinear", "second order")),
         number(x["quasilinear"]), _estimate(x["exponent_across"]))
        for x in data["numbers"]["along"]
    ]  # fmt: skip
    across = [
        (f"{x['amplitude']:g}", _estimate(x["parallel"]), _estimate(x["perpendicular"]),
         *(number(t) for t in x["theories"].values()))
        for x in data["numbers"]["across"]
    ]  # fmt: skip
    return [
        statements(data),
        "Slab waves, lengths in bend-over scales; q: ⟨x²⟩ ~ s<sup>q</sup> across the field:",
        table(("r_L", "λ of orbits", "quasilinear, same path", "second order, same path",
               "quasilinear, endless", "q"), along),
        "Slab and two-dimensional waves:",
        table(("dB/B0", "κ along", "κ across", *data["numbers"]["across"][0]["theories"]), across),
    ]  # fmt: skip


def _verdicts(data: dict) -> list[str]:
    """Return the statements alone."""
    return [statements(data)]


def _paths(data: dict) -> list[str]:
    """Return differences of both solvers."""
    rows = [
        (name, span(x["z_scores"]),
         span(x["z_scores_of_wrong_paths"]) if "z_scores_of_wrong_paths" in x else "")
        for name, x in data["numbers"]["problems"].items()
    ]  # fmt: skip
    header = ("problem", "difference, standard errors", "a part of the drift left out")
    return [statements(data), table(header, rows)]


_RESULTS = "experiments/results"
_CODE = "jaxcr/experiments/transport_theory"
_COMMAND = "jaxcr experiment"
DESCRIPTIONS = {
    f"{_RESULTS}/pitch_angle_scattering.json": Description(
        "Pitch-angle scattering of orbits",
        f"{_CODE}/pitch_angle_scattering.py",
        "D_μμ from orbits in slab turbulence, gyroradius one bend-over scale. Cosines move far "
        "between the lags, so theory is asked for what the lags see: its D_μμ, followed by the "
        "diffusion equation. Near 90° the force is remembered for several gyrations, and shorter "
        "lags measure too much there.",
        _scattering,
        f"{_RESULTS}/pitch_angle_scattering.png",
        "D_μμ of orbits, and of theories over the same lags and at once. Bottom right: a "
        "spectrum that ends, with a sharp and with broad resonances.",
        command=f"{_COMMAND} pitch-angle-scattering",
    ),
    f"{_RESULTS}/mean_free_path.json": Description(
        "Mean free path by rigidity",
        f"{_CODE}/mean_free_path.py",
        "Quasilinear mean free path against its closed form, and orbits in slab turbulence of "
        "dB/B0 = 0.3 against theory over the same path. **Below the bend-over quasilinear theory "
        "is nearly twice too long**; the second-order resonance agrees. Across composite "
        "turbulence no theory here gives both amplitudes.",
        _free_path,
        f"{_RESULTS}/mean_free_path.png",
        "Mean free path against gyroradius; orbits over theory; κ across over κ along.",
        command=f"{_COMMAND} mean-free-path",
    ),
    f"{_RESULTS}/pitch_angle_equation.json": Description(
        "The pitch-angle equation and its limits",
        f"{_CODE}/pitch_angle_equation.py",
        "Closed forms of decay, spread, dipole and focusing; the telegraph and the diffusion "
        "equation beside the full one; a magnetic mirror from no scattering to diffusion.",
        _verdicts,
        f"{_RESULTS}/pitch_angle_equation.png",
        "A pulse along the field at two times; anisotropy in a gradient for three kinds of "
        "scattering; share that passes a tube with and without a mirror.",
        command=f"{_COMMAND} pitch-angle-equation",
    ),
    f"{_RESULTS}/parker.json": Description(
        "Parker's equation against closed forms",
        f"{_CODE}/parker.py",
        "Diffusive shock acceleration, solar modulation, a halo with a wind, adiabatic expansion. "
        "The control is a shock of five diffusion lengths, which must be softer.",
        _verdicts,
        f"{_RESULTS}/parker.png",
        "Spectra at shocks, modulated share at 1 au, density in a halo; dashed: closed forms.",
        command=f"{_COMMAND} parker",
    ),
    f"{_RESULTS}/grid_and_paths.json": Description(
        "Parker's equation in two ways",
        f"{_CODE}/grid_and_paths.py",
        "Five problems on a grid and by pseudo-particles. Controls are paths that leave out a part "
        "of the drift: they must disagree.",
        _paths,
        f"{_RESULTS}/grid_and_paths.png",
        "Density of pseudo-particles over that of the grid, and differences in standard errors.",
        command=f"{_COMMAND} grid-and-paths",
    ),
}
