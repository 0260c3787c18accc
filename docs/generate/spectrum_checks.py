"""Descriptions of the experiments with the angular spectrum: scatter, derivatives, forecast."""

from generate.descriptions import Description
from generate.markdown import number, old_trap_names, statements, table, with_error


def _row(found: dict, place: int) -> str:
    return with_error(found["value"][place], found["error"][place])


def _scatter(data: dict) -> list[str]:
    """Return the scatter of single skies at some multipoles."""
    numbers = data["numbers"]
    rows = [
        (str(ell), *(_row(numbers[x], ell - 1) for x in ("excess", "axial", "shared", "skewness")),
         number(numbers["skies"]["value"][ell - 1]))
        for ell in (1, 2, 3, 4, 8, 16)
    ]  # fmt: skip
    header = (
        "l", "variance over 2 C²/(2l+1)", "Gaussian about the mean field",
        "share common to observers", "skewness over √(8/(2l+1))", "skies for C_l to 10 %",
    )  # fmt: skip
    return [statements(data), table(header, rows)]


def _derivatives(data: dict) -> list[str]:
    """Return d ln C_l by each parameter at some multipoles, by three methods."""
    numbers = data["numbers"]
    rows = []
    for place, name in enumerate(numbers["parameters"]):
        for ell in (1, 2, 4, 8, 16):
            found = [
                with_error(numbers[x]["value"][place][ell - 1], numbers[x]["error"][place][ell - 1])
                for x in ("emulator", "orbits", "difference")
            ]
            rows.append((name, str(ell), *found))
    header = ("parameter", "l", "emulator", "through the orbits", "difference, same phases")
    return [statements(data), table(header, rows)]


def _forecast(data: dict) -> list[str]:
    """Return the errors of all parameters beside their priors."""
    numbers = data["numbers"]
    rows = [
        (name, number(numbers["point"][i]), number(numbers["prior"][i]),
         _row(numbers["working"]["posterior_error"], i), number(numbers["working"]["fisher"][i]),
         _row(numbers["full"]["posterior_error"], i), number(numbers["full"]["fisher"][i]))
        for i, name in enumerate(numbers["parameters"])
    ]  # fmt: skip
    header = (
        "parameter", "at", "width of the prior", "working level, posterior", "Fisher",
        "full sky, posterior", "Fisher",
    )  # fmt: skip
    return [statements(data), table(header, rows), *old_trap_names(numbers["parameters"])]


def _energies(data: dict) -> list[str]:
    """Return C_l over C_1 at each energy, and the tables behind them."""
    numbers = data["numbers"]
    rows = [
        (energy, with_error(numbers["c_1_sr"][energy]["value"], numbers["c_1_sr"][energy]["error"]),
         *(_row(found, place) for place in range(3)), numbers["tables"][energy]["num_fields"],
         ", ".join(f"{x:.2f}" for x in numbers["tables"][energy]["cross_validated_error"][1:5]))
        for energy, found in numbers["c_ell_over_c_1"].items()
    ]  # fmt: skip
    header = (
        "energy", "C_1, sr", "C_2/C_1", "C_3/C_1", "C_4/C_1", "skies a point of the table",
        "error of its E[ln C_1 ... C_4], in scatters of one sky",
    )  # fmt: skip
    return [statements(data), table(header, rows)]


def _paths(data: dict) -> list[str]:
    """Return from which path on spectra are their limit, and what the gradient does there."""
    rows = []
    for case in data["numbers"]["cases"]:
        limit = case["c_ell_with_flux"]["value"][-1]
        rows.append(
            (case["level"], case["gyroradius_cells"], case["mean_free_path"],
             case["converged_with_flux"], case["converged_alone"],
             *(number(limit[l] / limit[1]) for l in (2, 4, 8)))
        )  # fmt: skip
    header = (
        "dB/B0", "r_L, cells", "mean free path 3 kappa/v, r_L", "limit from, gradient and flux",
        "limit from, gradient alone", "C_2/C_1", "C_4/C_1", "C_8/C_1",
    )  # fmt: skip
    return [statements(data), table(header, rows), "Paths in mean free paths."]


def _gyrotropy(data: dict) -> list[str]:
    """Return the share of the power off the local field by energy and band."""
    numbers = data["numbers"]
    share = numbers["share_not_gyrotropic"]
    rows = [
        (f"{1e3 * energy:g} TeV", numbers["path_mean_free_paths"][n],
         *(with_error(share["value"][n][k], share["error"][n][k]) for k in range(4)))
        for n, energy in enumerate(numbers["energies_PeV"])
    ]  # fmt: skip
    header = ("energy", "path, mean free paths", "l = 1", "l = 2", "l = 3-4", "l = 5-8")
    return [statements(data), table(header, rows), "Share of the power that is not gyrotropic."]


def _mixing(data: dict) -> list[str]:
    """Return C_l of particles and of mixing, over C_1 of the longest paths."""
    numbers = data["numbers"]
    last = len(numbers["paths_mean_free_paths"]) - 1
    rows = []
    for n, radius in enumerate(numbers["gyroradii_pc"]):
        traced = numbers["c_ell_particles"][n]
        ways = {f"particles, {numbers['paths_mean_free_paths'][last]:g}": (traced, last)}
        ways |= {f"mixed, steps of {k}": (x[n], None) for k, x in numbers["c_ell_mixed"].items()}
        for way, (found, place) in ways.items():
            value, error = (
                found[x] if place is None else found[x][place] for x in ("value", "error")
            )
            rows.append(
                (number(radius), way, *(with_error(value[l], error[l]) for l in (1, 2, 4, 8)))
            )
    header = ("gyroradius, pc", "way, mean free paths", "C_1", "C_2", "C_4", "C_8")
    return [statements(data), table(header, rows), "Over C_1 of the longest orbits."]


_RESULTS = "experiments/results"
_CODE = "jaxcr/experiments/angular_spectrum"
_COMMAND = "jaxcr experiment"
_SKIES = "jaxcr/experiments/small_scale_anisotropy"
DESCRIPTIONS = {
    f"{_RESULTS}/quasi_steady_path.json": Description(
        "A boundary that needs no path",
        f"{_SKIES}/quasi_steady_path.py",
        "A density gradient alone and with the flux that it drives, in grids of 128³ cells, outer "
        "scale 51 and inner scale 2.5 cells, index 5/3: the path from which on C_1 to C_8 are "
        "their limit within 5 %, planted gradients, and traps at the end of the path.",
        _paths,
        f"{_RESULTS}/quasi_steady_path.png",
        "C_l over its limit for dB = B0 and the largest gyroradius: gradient alone, gradient and "
        "flux; ln C_8 with a trap over that without, against its distance.",
        command=f"{_COMMAND} quasi-steady-path",
    ),
    f"{_RESULTS}/quasi_steady_by_energy.json": Description(
        "Behind a gradient, from 20 TeV to 30 PeV",
        f"{_SKIES}/quasi_steady_by_energy.py",
        "Gradient and flux after two quasi-linear mean free paths in plane waves, dB = B0: what "
        "the amplitude does, where the spectrum breaks, and how much of the power is not symmetric "
        "about the local field.",
        _gyrotropy,
        f"{_RESULTS}/quasi_steady_by_energy.png",
        "Spectra over C_1 at five energies; share of the power off the local field.",
        command=f"{_COMMAND} quasi-steady-by-energy",
    ),
    f"{_RESULTS}/mixing_matrix.json": Description(
        "The ensemble mean by a mixing matrix",
        f"{_SKIES}/mixing_matrix.py",
        "Slab turbulence, dB = B0, outer scale 100 pc, gradient and flux along the mean field. "
        "What one step of the path does to every multipole, measured from orbits and applied for "
        "ever, beside orbits of eight quasi-linear mean free paths. At this strength the longest "
        "waves stay over many steps, so that steps are not independent and mixing finds too "
        "little; the published agreement is of a quasi-linear matrix.",
        _mixing,
        f"{_RESULTS}/mixing_matrix.png",
        "C_l of particles after two lengths of path, and by mixing over two lengths of a step.",
        command=f"{_COMMAND} mixing-matrix",
    ),
    f"{_RESULTS}/cosmic_variance.json": Description(
        "Scatter of one sky",
        f"{_CODE}/cosmic_variance.py",
        "C_l of many observers in many fields, for a boundary's dipole, beside a Gaussian sky "
        "without a direction: a squared scatter of 2/(2l+1), a skewness of √(8/(2l+1)), "
        "independent multipoles. The noise of orbits, at most 4 % of C_l, is subtracted from the "
        "variance.",
        _scatter,
        f"{_RESULTS}/cosmic_variance.png",
        "Bands of the skies and of Gaussian ones; scatter over 2/(2l+1); what observers of a field "
        "share, and skewness; correlation between multipoles.",
        command=f"{_COMMAND} cosmic-variance",
    ),
    f"{_RESULTS}/spectrum_derivatives.json": Description(
        "What turbulence and trap do to C_l",
        f"{_CODE}/spectrum_derivatives.py",
        "d ln C_l by turbulence (ln dB/B0, index) and trap (ln R with R = √(B1 B2)/B0, gradient "
        "ln B1/B2) in the same fields, from an emulator, through the orbits, and by a difference "
        "with the same phases. Cosines compare what two parameters do to the shape.",
        _derivatives,
        f"{_RESULTS}/spectrum_derivatives.png",
        "Emulator (bands), path-wise derivatives and differences (points); cosines of the shapes; "
        "path-wise error over that of the difference, for two lengths of path.",
        command=f"{_COMMAND} spectrum-derivatives",
    ),
    f"{_RESULTS}/forecast.json": Description(
        "What a full sky would measure",
        f"{_CODE}/forecast.py",
        "Four parameters from the embedded working-level C_1 ... C_4 (unpublished, for "
        "demonstration; blind to a_l0), and from C_1 ... C_16 of one full sky with white noise "
        "N_l = 10⁻³ C_1, subtracted, and no other error. Fisher matrices are taken at the "
        "posterior mean of the first, and held against posteriors; priors are in all errors.",
        _forecast,
        f"{_RESULTS}/forecast.png",
        "Posterior of the working-level data (dots), 68 % ellipses of both Fisher matrices, and "
        "errors over the widths of the priors.",
        command=f"{_COMMAND} forecast",
    ),
    f"{_RESULTS}/spectrum_by_energy.json": Description(
        "Spectra from 20 TeV to 30 PeV",
        f"{_CODE}/spectrum_by_energy.py",
        "A boundary's dipole after half a quasi-linear mean free path in plane waves from 100 pc "
        "to 0.3 gyroradii, dB = B0 = 3 µG, index 5/3: means by the tables in the package, single "
        "skies in other fields, and the embedded working-level spectrum with the mean loss of a_l0 "
        "made good.",
        _energies,
        f"{_RESULTS}/spectrum_by_energy.png",
        "Means at five energies and the observed shape; two multipoles over energy with bands of "
        "single skies.",
        command=f"{_COMMAND} spectrum-by-energy",
    ),
}
