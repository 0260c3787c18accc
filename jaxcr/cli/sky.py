"""``jaxcr sky``: one observer's sky, its spectrum and its pictures."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np

from jaxcr import fields, orbits, plots, sky
from jaxcr.cli.checks import check_sky
from jaxcr.cli.config import Sky, as_dict
from jaxcr.cli.field_config import TurbulenceConfig
from jaxcr.cli.field_source import has_cube, make_turbulence, read_cube
from jaxcr.runtime import result_folder, write_result

_OUTER_SHARE = 0.4  # of the box
_INNER_CELLS = 4.0


def run_sky(config: Sky) -> None:
    """Back-track a sky, save it, and print its dipole and first multipoles."""
    check_sky(config)
    with result_folder(config.out, kind="sky", overwrite=config.overwrite) as folder:
        _save_sky(config, folder)
        print(f"{folder}/ has result.h5 and the pictures")


def _save_sky(config: Sky, folder: Path) -> None:
    """Back-track, print, and write everything into the folder."""
    field = _field(config)
    print(fields.describe(field))
    stop = orbits.Sphere(jnp.array(config.radius)) if config.radius else None
    arrivals = sky.backtrack(
        field,
        rigidity=config.rigidity,
        stop=orbits.PathLength(config.path) if stop is None else stop,
        observer=jnp.array(config.observer),
        nside=config.nside,
        per_pixel=config.per_pixel,
        pusher=orbits.Boris() if config.pusher == "boris" else orbits.DiffraxPusher(),
        max_path_length=config.max_path,
    )
    boundary = sky.DipoleBoundary(jnp.array([1.0, 0.0, 0.0]), config.amplitude)
    maps = jnp.atleast_2d(sky.intensity_map(arrivals, boundary))
    halves = [jnp.atleast_2d(half) for half in sky.half_maps(arrivals, boundary)]
    c_ell = np.asarray(sky.cross_spectrum(*halves, lmax=config.lmax))
    samples, _ = sky.pixel_samples(arrivals, boundary)
    noise = np.atleast_1d(np.asarray(sky.noise_power(samples)))
    groups = {"arrivals": {"path_length": arrivals.path_length, "reached": arrivals.reached}}
    labels = [f"{x:g} pc" for x in (config.radius or (config.path,))]
    for number, label in enumerate(labels):
        before, after = maps[number], sky.remove_dipole(maps[number])
        dipole = sky.fit_dipole(before)
        print(
            f"{label}: dipole {float(dipole.amplitude):.3e}, noise level {noise[number]:.2e} sr, "
            "C_l (l = 1 ...) " + " ".join(f"{x:.2e}" for x in c_ell[number, 1:7])
        )
        figure = plots.plot_sky(np.asarray(before), np.asarray(after), title=f"sky at {label}")
        figure.savefig(folder / f"sky-{number + 1}.png", dpi=150)
        groups[f"sky-{number + 1}"] = {
            "boundary": label, "map": before, "without_dipole": after,
            "c_ell": c_ell[number], "noise": noise[number],
        }  # fmt: skip
    print(f"orbits that never reached the boundary: {float(arrivals.lost_share()):.2%}")
    write_result(
        folder / "result.h5",
        configuration=as_dict(config),
        seeds={"turbulence": config.seed},
        groups=groups,
    )


def _field(config: Sky) -> fields.Field:
    """Return the cube, or synthetic turbulence about the observer."""
    if has_cube(config.cube):
        return read_cube(config.cube)
    return make_turbulence(
        TurbulenceConfig(
            outer_scale=_OUTER_SHARE * config.cells * config.spacing,
            inner_scale=_INNER_CELLS * config.spacing,
            cells=config.cells,
            spacing=config.spacing,
            rms=config.level * config.mean_field,
            mean_field=config.mean_field,
            exact_rms=True,
            seed=config.seed,
        )
    )[0]
