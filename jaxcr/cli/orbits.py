"""``jaxcr orbits``: trace orbits, measure transport, draw and save."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxcr import fields, orbits, plots
from jaxcr.checks import argument_error, check_positive, check_range
from jaxcr.cli.checks import check_direction, check_rigidity
from jaxcr.cli.field_numbers import field_numbers
from jaxcr.cli.field_source import check_source, choose_field
from jaxcr.cli.limits import check_place
from jaxcr.cli.mean_field import check_kappa, mean_field
from jaxcr.cli.orbits_config import Orbits
from jaxcr.cli.output import Outcome, quantity
from jaxcr.cli.toml_settings import as_dict
from jaxcr.orbits.diffusion import NO_PLATEAU
from jaxcr.runtime import result_folder, write_result

_PIXELS = 96
_LINES = 40  # orbits that the picture of lines has, over which the slice shall reach


def run_orbits(config: Orbits) -> Outcome:
    """Trace, print how orbits ended and what was measured, and save everything."""
    _check(config)
    with result_folder(config.out, kind="orbits", overwrite=config.overwrite) as folder:
        field, rigidity, title = choose_field(
            config.particles, config.cube, config.turbulence, config.rigidity
        )
        described = fields.describe(field, rigidities=(rigidity,))
        axis, axis_text = mean_field(config, field)
        head = f"{title}: rigidity {rigidity:g} PV\n{described}\n{axis_text}"
        print(head)
        numbers, lines = _trace_and_save(config, folder, field, rigidity, title, axis)
        (folder / "report.txt").write_text(f"{head}\n{lines}\n", encoding="utf-8")
        print(lines)
        print(f"{folder}/ has result.h5, report.txt, orbits.png and transport.png")
    check_kappa(numbers["kappa_parallel_over_v"])
    numbers |= {"rigidity": quantity(rigidity, unit="PV"), "field": field_numbers(described)}
    numbers |= {"axis": quantity(axis)}
    return Outcome({"title": title} | numbers, folder, warnings=described.warnings)


def _trace_and_save(
    config: Orbits, folder: Path, field, rigidity: float, title: str, axis: jax.Array
) -> tuple[dict[str, Any], str]:
    """Trace exits and tracks, write numbers and pictures; return what was measured, and text."""
    position, direction = _starts(config, field)
    stop = orbits.Sphere(config.radius, about_start=True) if config.radius else None
    pusher = _pusher(config)
    exits = orbits.trace_ensemble(
        field, position, direction, rigidity=rigidity, pusher=pusher,
        stop=orbits.PathLength(config.path) if stop is None else stop,
    )  # fmt: skip
    tracks = orbits.record_tracks(
        field, position, direction, rigidity=rigidity, path_length=config.path,
        num_samples=config.samples,
        pusher=pusher if isinstance(pusher, orbits.FixedStepPusher) else orbits.BlanesMoan4(),
    )  # fmt: skip
    groups = {"num_groups": config.groups}
    running = orbits.running_diffusion(tracks, **groups)
    plateau = running.by_derivative.plateau(axis)
    free_path = orbits.mean_free_path(tracks, **groups)
    moments = orbits.moment_scatter(field, tracks, **groups)
    measured = _measured(exits, running, plateau, free_path, moments, axis)
    lines = f"{exits.report()}\n{_report(measured)}"
    figure = plots.plot_orbits(tracks, exits, *_slice(field, tracks), title=title)
    figure.savefig(folder / "orbits.png", dpi=150)
    figure = plots.plot_transport(running, free_path, moments, axis, title=title)
    figure.savefig(folder / "transport.png", dpi=150)
    write_result(
        folder / "result.h5",
        configuration=as_dict(config),
        seeds={"turbulence": config.turbulence.seed, "directions": config.seed},
        groups=_numbers(position, direction, exits, tracks, running, free_path, moments, axis),
    )
    return measured, lines


def _numbers(
    position, direction, exits, tracks, running, free_path, moments, axis
) -> dict[str, dict]:
    """Return what goes into the result file."""
    along, across = (f(axis) for f in (running.by_derivative.along, running.by_derivative.across))
    plateau = running.by_derivative.plateau(axis).coefficient
    return {
        "start": {"position": position, "direction": direction},
        "exits": {
            "position": exits.position, "direction": exits.direction,
            "path_length": exits.path_length, "status": exits.status,
            "num_steps": exits.num_steps,
        },
        "transport": {
            "path": tracks.path,
            "kappa_parallel": plateau.value, "kappa_parallel_error": plateau.error,
            "along": along.value, "along_error": along.error,
            "across": across.value, "across_error": across.error,
            "correlation": free_path.correlation.value,
            "correlation_error": free_path.correlation.error,
            "turning": free_path.turning.value, "turning_error": free_path.turning.error,
            "turned_share": free_path.turned_share,
            "moment": moments.ensemble.value, "moment_scatter": moments.ratio,
        },
    }  # fmt: skip


def _measured(exits, running, plateau, free_path, moments, axis) -> dict[str, Any]:
    """Return how orbits ended, and the coefficients at the end of the tracks with their errors."""
    status, kappa = np.asarray(exits.status), plateau.coefficient
    lengths = {
        "kappa_parallel_over_v": (kappa.value, kappa.error),
        "parallel_mean_free_path": (3 * kappa.value, 3 * kappa.error),
        "kappa_perpendicular_over_v": _last(running.by_derivative.across(axis)),
        "correlation_length_of_directions": _last(free_path.correlation),
        "path_to_first_90_degrees": (free_path.turning.value, free_path.turning.error),
    }
    return {
        "num_by_status": {
            text: int(np.sum(status == key)) for key, text in orbits.STATUS_TEXT.items()
        },
        "num_steps": int(np.sum(np.asarray(exits.num_steps, np.int64))),
        **{name: quantity(float(x), float(e), "pc") for name, (x, e) in lengths.items()},
        "plateau": bool(plateau.flat),
        "turned_share": float(free_path.turned_share),
        "moment_scatter": float(jnp.nanmedian(moments.ratio)),
    }


def _last(estimate) -> tuple[jax.Array, jax.Array]:
    """Return value and error at the end of the tracks."""
    return estimate.value[-1], estimate.error[-1]


def _report(measured: dict[str, Any]) -> str:
    """Return the coefficients in words."""
    names = {
        "kappa_parallel_over_v": "kappa along the mean field / v, d<x²>/2ds",
        "parallel_mean_free_path": "parallel mean free path, 3 kappa / v",
        "kappa_perpendicular_over_v": "kappa across it / v",
        "correlation_length_of_directions": "integral of the correlation of directions",
        "path_to_first_90_degrees": "path until a direction is first at 90° to its start",
    }
    lines = [
        f"{text}: {measured[name]['value']:.4g} ± {measured[name]['error']:.2g} pc"
        for name, text in names.items()
    ]
    if not measured["plateau"]:
        lines[:2] = [f"{line} ({NO_PLATEAU})" for line in lines[:2]]
    lines[-1] += f" ({measured['turned_share']:.0%} of the orbits turned)"
    scatter = f"{measured['moment_scatter']:.3g}"
    return "\n".join([*lines, f"sigma / mean of the magnetic moment: median {scatter}"])


def _pusher(config: Orbits) -> orbits.Pusher:
    if config.pusher in ("boris", "blanes-moan"):
        kind = orbits.Boris if config.pusher == "boris" else orbits.BlanesMoan4
        return kind() if config.step is None else kind(config.step)
    if config.pusher == "guiding-center":
        return orbits.GuidingCenter()
    solver = orbits.BulirschStoer() if config.pusher == "bulirsch-stoer" else None
    return orbits.DiffraxPusher(solver, rtol=config.rtol)


def _starts(config: Orbits, field: fields.Field):
    """Return isotropic directions from one place, or from places spread over a cube about it."""
    position_key, direction_key = jax.random.split(jax.random.key(config.seed))
    n = jax.random.normal(direction_key, (config.num, 3))
    n = n / jnp.linalg.norm(n, axis=1, keepdims=True)
    spread = jax.random.uniform(position_key, (config.num, 3), minval=-0.5, maxval=0.5)
    lattice = field.lattice()
    box = float(jnp.max(lattice.spacing * jnp.array(lattice.shape, lattice.spacing.dtype)))
    side = box if config.spread is None else config.spread
    return jnp.array(config.position)[None] + side * spread, n


def _slice(field: fields.Field, tracks: orbits.Tracks):
    """Return |B| in the plane z = z of the first start, and the square it was taken on."""
    position = np.asarray(tracks.position)[:, :_LINES]
    low, high = position[..., :2].min(axis=(0, 1)), position[..., :2].max(axis=(0, 1))
    (x, y), half = (low + high) / 2, float((high - low).max()) / 2
    u = np.linspace(-half, half, _PIXELS)
    points = np.stack(np.broadcast_arrays(x + u[None], y + u[:, None], position[0, 0, 2]), -1)
    b = jax.lax.map(jax.vmap(field), jnp.asarray(points))
    return np.linalg.norm(np.asarray(b), axis=-1), (float(x), float(y), half)


def _check(config: Orbits) -> None:
    """Raise ``ValueError`` for settings with which the command would fail later."""
    check_direction(config.mean_direction)
    for name, value in (("--path", config.path), ("--samples", config.samples),
                        ("--num", config.num), ("--radius", config.radius),
                        ("--step", config.step), ("--rtol", config.rtol)):  # fmt: skip
        check_positive(name, value, remedy="See --help; lengths are in pc.")
    check_range("--spread", config.spread, 0.0, expected="a length, or 0", remedy="In pc.")
    check_range("--samples", config.samples, 8.0, remedy="A plateau takes as many to be seen.")
    check_rigidity(config.rigidity)
    if config.groups < 2 or config.num % config.groups:
        raise argument_error(
            "--groups",
            expected=f"at least 2, and a divisor of --num {config.num}",
            got=str(config.groups),
            remedy="Errors are jackknifed over groups of orbits.",
        )
    check_place("--position", config.position)
    check_source(config.particles, config.cube, config.turbulence)
