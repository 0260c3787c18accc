"""``jaxcr sky``: one observer's sky at several stops, its spectra, null tests and pictures."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxcr import fields, orbits, plots, sky
from jaxcr.cli.checks import check_sky
from jaxcr.cli.field_numbers import field_numbers
from jaxcr.cli.field_source import choose_field
from jaxcr.cli.mean_field import angles, mean_field
from jaxcr.cli.output import Outcome, quantity
from jaxcr.cli.sky_config import Sky
from jaxcr.cli.sky_window import Ground, observe_from_ground, open_window
from jaxcr.cli.toml_settings import as_dict
from jaxcr.runtime import result_folder, write_result
from jaxcr.units import gyroradius

_ISOTROPIC_SKIES = 2000
_NULL_PATH = 3.0  # gyroradii: within the reach of float64 through chaos, whatever the field
_STEPS_PER_GYRORADIUS = 40
_SAMPLE = 256  # crossings at which the field is looked up for that gyroradius


class _Seen(NamedTuple):
    """What was made of the orbits: leading axis the stops."""

    maps: np.ndarray
    errors: np.ndarray
    rest: np.ndarray
    c_ell: np.ndarray
    noise: np.ndarray


def run_sky(config: Sky) -> Outcome:
    """Back-track a sky, save it, and print its dipole, first multipoles and null tests."""
    check_sky(config)
    with result_folder(config.out, kind="sky", overwrite=config.overwrite) as folder:
        outcome = _make(config, folder)
        print(f"{folder}/ has result.h5, sky.fits, sky.png and report.txt")
    return outcome


def _make(config: Sky, folder: Path) -> Outcome:
    """Back-track, measure, print, and write everything into the folder."""
    field, rigidity, title = _field(config, 0)
    described = fields.describe(field, rigidities=(rigidity,))
    axis, axis_text = mean_field(config, field)
    print(f"{title}: rigidity {rigidity:g} PV\n{described}\n{axis_text}")
    outside = _outside_warnings(config, described)
    for sentence in outside:
        print(f"warning: {sentence}")
    options = _options(config, rigidity)
    window = None if config.window.experiment is None else open_window(config)
    arrivals = sky.backtrack(field, **options)
    boundary = _boundary(config, field, axis, arrivals)
    labels = [f"{x:g} pc" for x in (config.radius or config.path)]
    with ThreadPoolExecutor(1) as beside:  # most of either is compilation, on one core
        testing = beside.submit(_null_tests, config, field, arrivals, boundary, rigidity)
        seen = _see(arrivals, boundary, config.lmax)
        band, spectra = _band(config, options, seen, lambda x: _boundary(config, x, axis, arrivals))
        isotropic = sky.isotropic_bands(
            nside=config.nside, lmax=config.lmax, num_events=config.events,
            num_skies=_ISOTROPIC_SKIES,
        )  # fmt: skip
        stops = _stops(config, seen)
        tests = testing.result()
    report, ground = [_table(labels, stops)], None
    if tests is not None:
        report.append(tests.report())
    if window is not None:
        ground, text = observe_from_ground(config, window, seen.maps[-1], axis)
        report.append(text)
    text = "\n".join(report)
    (folder / "report.txt").write_text(text + "\n", encoding="utf-8")
    figure = plots.plot_sky_page(
        maps=seen.maps, rest=seen.rest, labels=labels, c_ell=seen.c_ell, noise=seen.noise,
        band=band, isotropic=isotropic, ground=None if ground is None else ground.picture,
        title=f"{title}, {abs(rigidity):g} PV, boundary: {config.boundary}",
        notes=f"{axis_text}; isotropic sky: what {config.events:g} events give by chance",
    )  # fmt: skip
    figure.savefig(folder / "sky.png", dpi=110)
    _write_maps(folder, labels, seen, ground)
    write_result(
        folder / "result.h5",
        configuration=as_dict(config),
        seeds={"turbulence": config.turbulence.seed},
        groups=_numbers(labels, arrivals, seen, spectra, isotropic)
        | ({} if ground is None else {"window": ground.numbers}),
    )
    print(text)
    numbers = {
        "title": title, "rigidity": quantity(rigidity, unit="PV"), "stops": stops,
        "axis": quantity(axis),
        "null_tests": None if tests is None else _test_numbers(tests),
        "window": None if ground is None else ground.report, "field": field_numbers(described),
    }  # fmt: skip
    return Outcome(numbers, folder, warnings=(*described.warnings, *outside))


def _field(config: Sky, number: int) -> tuple[fields.Field, float, str]:
    """Return a realisation of the field, rigidity and title."""
    seed = config.turbulence.seed + number
    turbulence = dataclasses.replace(config.turbulence, seed=seed)
    return choose_field(config.particles, config.cube, turbulence, config.rigidity)


def _options(config: Sky, rigidity: float) -> dict:
    """Return how orbits are traced."""
    if config.response_width is not None:
        response = sky.EnergyResponse(abs(rigidity), config.response_width, config.index)
        key = jax.random.fold_in(jax.random.key(config.turbulence.seed), 1)
        shape = (12 * config.nside**2, config.per_pixel)
        drawn = sky.draw_energies(key, shape, response=response)
        rigidity = np.sign(rigidity) * drawn.energy
    return {
        "rigidity": rigidity,
        "stop": orbits.Sphere(jnp.array(config.radius)) if config.radius
        else orbits.PathLength(jnp.array(config.path)),
        "observer": jnp.array(config.observer),
        "nside": config.nside,
        "per_pixel": config.per_pixel,
        "pusher": orbits.Boris() if config.pusher == "boris" else orbits.DiffraxPusher(),
        "max_path_length": config.max_path,
    }  # fmt: skip


def _outside_warnings(config: Sky, described: fields.FieldReport) -> list[str]:
    """Return a sentence when the observer is outside a cube, or orbits can leave it."""
    if described.periodic:
        return []
    lattice = described.lattice
    low = np.asarray(lattice.origin, float)
    high = low + np.asarray(lattice.spacing, float) * lattice.shape
    box = f"{_triple(low)} to {_triple(high)} pc"
    remedy = (
        f"The middle of the box is --observer {_triple((low + high) / 2)}; the default is 0 0 0."
    )
    place = np.array(config.observer)
    if np.any((place < low) | (place > high)):
        return [f"The observer, {_triple(place)} pc, is outside the box, {box}. {remedy}"]
    faces = np.concatenate([place - low, high - place])
    name, room = ("--radius", faces.min()) if config.radius else ("--path", faces.max())
    reach = max(config.radius or config.path)
    if reach <= room:
        return []
    return [
        f"Orbits of {name} {reach:g} pc can leave the box, {box}, whose faces are "
        f"{faces.min():.3g} to {faces.max():.3g} pc from the observer: outside, "
        f"the cube is only continued. Take {name} {room:.3g} at most, or move the observer. "
        f"{remedy}"
    ]


def _triple(place: np.ndarray) -> str:
    """Return a position as a flag takes it."""
    return " ".join(f"{x:g}" for x in place)


def _boundary(
    config: Sky, field: fields.Field, axis: jax.Array, arrivals: sky.Arrivals
) -> sky.BoundaryDistribution:
    """Return the boundary by its name, about an axis; the flux is that of the farthest stop."""
    if config.boundary == "gradient":
        return sky.GradientBoundary(config.amplitude * axis)
    if config.boundary == "quasi-steady":
        return sky.QuasiSteadyBoundary(config.amplitude * axis, arrivals.diffusion()[-1])
    if config.boundary == "convection":
        return sky.ConvectionBoundary(config.amplitude * axis, config.index)
    return sky.DipoleBoundary(
        field if config.boundary.endswith("local") else axis,
        config.amplitude,
        by_position=config.boundary.startswith("position"),
    )


def _see(arrivals: sky.Arrivals, boundary: sky.BoundaryDistribution, lmax: int) -> _Seen:
    """Return maps with errors, with and without their dipole, and spectra, at every stop."""
    maps, errors, halves = _measure(arrivals, boundary)
    rest = np.stack([sky.remove_dipole(map) for map in np.asarray(maps)])
    noise = 4 * np.pi / maps.shape[-1] * np.mean(np.asarray(errors) ** 2, axis=-1)
    c_ell = sky.cross_spectrum(*halves, lmax=lmax)
    return _Seen(*map(np.asarray, (maps, errors, rest, c_ell)), noise)


@eqx.filter_jit
def _measure(arrivals: sky.Arrivals, boundary: sky.BoundaryDistribution):
    """Return maps, errors and half maps in one program; backtrack has checked the arrivals."""
    seen = arrivals, boundary
    return sky.intensity_map(*seen), sky.intensity_error(*seen), sky.half_maps(*seen)


def _band(config: Sky, options: dict, seen: _Seen, boundary):
    """Return the 68 % band of all realisations and their spectra, or nothing of one."""
    if config.realisations == 1:
        return None, None
    others = sky.realisation_spectra(
        lambda number: _field(config, number)[0],
        range(1, config.realisations),
        boundary=boundary,
        lmax=config.lmax,
        **options,
    )
    spectra = np.concatenate([seen.c_ell[None], np.asarray(others)])
    edges = np.percentile(spectra, [16, 84], axis=0)
    return (edges[0], edges[1]), spectra


def _stops(config: Sky, seen: _Seen) -> list[dict[str, Any]]:
    """Return dipole, quadrupole, noise and first multipoles at every stop."""
    found = []
    for stop, map, c_ell, noise in zip(
        config.radius or config.path, seen.maps, seen.c_ell, seen.noise, strict=True
    ):
        fit = sky.fit_quadrupole(map)
        direction, dipole, dipole_error, quadrupole, quadrupole_error = _low_multipoles(fit)
        longitude, latitude = np.degrees(angles(direction))
        found.append(
            {
                "radius" if config.radius else "path": quantity(stop, unit="pc"),
                "dipole": quantity(float(dipole), float(dipole_error)),
                "longitude": quantity(float(longitude % 360), unit="deg"),
                "latitude": quantity(float(latitude), unit="deg"),
                "quadrupole": quantity(float(quadrupole), float(quadrupole_error)),
                "noise": quantity(float(noise), unit="sr"),
                "c_ell": quantity(c_ell, unit="sr"),
            }
        )
    return found


@jax.jit
def _low_multipoles(fit: sky.Quadrupole) -> tuple[jax.Array, ...]:
    """Return the direction of the dipole, then of both multipoles amplitude and error."""
    dipole = fit.dipole
    numbers = dipole.amplitude, dipole.amplitude_error, fit.amplitude, fit.amplitude_error
    return dipole.direction, *numbers


def _table(labels: list[str], stops: list[dict[str, Any]]) -> str:
    """Return those numbers as a table."""
    rows = [
        f"{'stop':>10} {'dipole':>21} {'longitude':>10} {'latitude':>9} {'quadrupole':>21} "
        f"{'noise [sr]':>11}  C_1 ... C_4 [sr]"
    ]
    for label, stop in zip(labels, stops, strict=True):
        dipole, quadrupole = (
            f"{stop[name]['value']:.3e} ± {stop[name]['error']:.1e}"
            for name in ("dipole", "quadrupole")
        )
        rows.append(
            f"{label:>10} {dipole:>21} {stop['longitude']['value']:9.1f}° "
            f"{stop['latitude']['value']:8.1f}° {quadrupole:>21} {stop['noise']['value']:11.2e}  "
            + " ".join(f"{value:.2e}" for value in stop["c_ell"]["value"][1:5])
        )
    return "\n".join(rows)


def _null_tests(config: Sky, field, arrivals, boundary, rigidity: float) -> sky.NullTests | None:
    """Run the null tests at the first stop, beside the last one; if they are asked for."""
    if not config.null_tests:
        return None
    both = _first_and_last(arrivals)
    arrivals = arrivals.select(stop=0)
    crossings = np.asarray(arrivals.position).reshape(-1, 3)
    sample = jnp.asarray(crossings[:: max(1, len(crossings) // _SAMPLE)])
    strength = _rms_strength(field, sample)
    radius = gyroradius(abs(rigidity), max(float(strength), 1e-6))
    longest = float(np.median(arrivals.path_length))
    path = min(_NULL_PATH * radius, longest)
    return sky.run_null_tests(
        field, both, boundary, rigidity=rigidity, path_length=path,
        num_steps=max(1, round(path / radius * _STEPS_PER_GYRORADIUS)), lmax=config.lmax,
    )  # fmt: skip


def _first_and_last(arrivals: sky.Arrivals) -> sky.Arrivals:
    """Return the arrivals at the first stop, and at the last where it is another."""
    ends = sorted({0, arrivals.path_length.shape[0] - 1})
    rows = {name: getattr(arrivals, name) for name in ("position", "direction", "path_length")}
    return dataclasses.replace(arrivals, **{name: x[np.array(ends)] for name, x in rows.items()})


@eqx.filter_jit
def _rms_strength(field: fields.Field, positions: jax.Array) -> jax.Array:
    """Return the root mean square of |B| in µG at some positions."""
    return jnp.sqrt(jnp.mean(jnp.sum(jax.vmap(field)(positions) ** 2, axis=-1)))


def _test_numbers(tests: sky.NullTests) -> dict[str, Any]:
    """Return what the null tests found, and which of them hold."""
    return {
        "isotropy": quantity(tests.isotropy),
        "jacobian": quantity(tests.jacobian),
        "path": quantity(tests.path, unit="pc"),
        "return_distance": quantity(tests.return_distance, unit="pc"),
        "half_difference": quantity(tests.half_difference, tests.half_difference_error),
        "lost_share": quantity(tests.lost_share),
        "change": None if tests.change is None else quantity(tests.change, tests.change_error),
        "passed": tests.passed(),
    }


def _write_maps(folder: Path, labels: list[str], seen: _Seen, ground: Ground | None) -> None:
    """Write maps and errors of every stop as columns of one FITS file, and what is observed."""
    columns = np.stack([seen.maps, seen.errors], axis=1).reshape(-1, seen.maps.shape[-1])
    places = [label.replace(" ", "") for label in labels]
    names = [f"{kind}_{place}" for place in places for kind in ("intensity", "error")]
    sky.write_map(folder / "sky.fits", columns, names=names, frame="field", overwrite=True)
    if ground is not None:
        names = ("equatorial_map", "relative_intensity", "error", "exposure")
        columns = np.stack([np.asarray(ground.numbers[name]) for name in names])
        sky.write_map(
            folder / "observed.fits", columns, names=names, frame="equatorial", overwrite=True
        )


def _numbers(labels, arrivals, seen: _Seen, spectra, isotropic) -> dict[str, dict]:
    """Return what goes into the result file."""
    numbers: dict[str, dict] = {
        "arrivals": {"path_length": arrivals.path_length, "reached": arrivals.reached},
        "isotropic": {
            "levels": isotropic.levels, "lower": isotropic.lower, "upper": isotropic.upper,
        },
    }  # fmt: skip
    for number, label in enumerate(labels):
        numbers[f"sky-{number + 1}"] = {
            "boundary": label, "map": seen.maps[number], "error": seen.errors[number],
            "without_dipole": seen.rest[number], "c_ell": seen.c_ell[number],
            "noise": seen.noise[number],
        }  # fmt: skip
    if spectra is not None:
        numbers["realisations"] = {"c_ell": spectra}
    return numbers
