"""``jaxcr ensemble``, ``resume``, ``status``, ``merge``: runs of any size."""

import errno
import hashlib
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxcr import orbits, plots, runs, sky
from jaxcr.checks import argument_error, check_positive, check_range
from jaxcr.cli.checks import check_direction, check_rigidity, check_stops
from jaxcr.cli.ensemble_config import Ensemble, Merge, Resume, Status
from jaxcr.cli.field_source import check_source, choose_field
from jaxcr.cli.interruption import interruptible
from jaxcr.cli.limits import check_place, check_sizes
from jaxcr.cli.mean_field import check_kappa, mean_field, place
from jaxcr.cli.output import Outcome, quantity
from jaxcr.cli.toml_settings import as_dict, from_dict
from jaxcr.orbits.diffusion import NO_PLATEAU, is_flat
from jaxcr.runs.orbit_run import GROUPS
from jaxcr.runtime import ChunkStore, Shard, compute_chunks, merge_chunks, new_folder, write_result
from jaxcr.statistics import Estimate

_KIND = "ensemble"
_LARGEST_LMAX = 128
_REMEDIES = dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "make room") | dict.fromkeys(
    (errno.EACCES, errno.EPERM, errno.EROFS), "allow writing there"
)
_NOT_THE_RUN = ("config", "show_config", "out", "json", "shard", "distributed", "coordinator",
                "num_processes", "process")  # fmt: skip


def run_ensemble(config: Ensemble) -> Outcome:
    """Start a run, or go on with it when its folder is there, and finish it if nothing lacks."""
    _check(config)
    shard = Shard.read(config.shard)
    if config.distributed:
        shard = Shard(jax.process_index() + 1, jax.process_count())
    run = _orbit_run(config)
    folder = config.out or new_folder(None, kind=_KIND)
    store = ChunkStore.create(
        folder, kind=_KIND, configuration=_identity(config), num_chunks=run.num_chunks
    )
    return _work(store, run, shard)


def run_resume(config: Resume) -> Outcome:
    """Compute what is missing or damaged."""
    store, settings = _verified(ChunkStore.open(config.folder))
    return _work(store, _orbit_run(settings), Shard.read(config.shard))


def run_status(config: Status) -> Outcome:
    """Print what the run is and how far it came; verify every chunk."""
    store = ChunkStore.open(config.folder)
    states = dict(store.missing())
    damaged = [number for number, state in states.items() if state == "damaged"]
    merged = bool(store.read_merged())
    code = store.description["code"]
    print(f"{store.description['kind']} in {store.folder}")
    print(f"code: {', '.join(f'{name} {version}' for name, version in code.items())}")
    print(f"chunks: {store.num_chunks - len(states)} of {store.num_chunks} verified")
    if damaged:
        print(f"damaged: {', '.join(map(str, damaged))}")
    if states:
        print(f"go on: jaxcr resume {store.folder}")
    else:
        print("complete" + ("" if merged else f": jaxcr resume {store.folder} merges"))
    found = _progress(store, len(states)) | {
        "kind": store.description["kind"], "code": code, "damaged": damaged, "merged": merged,
    }  # fmt: skip
    return Outcome(found, store.folder)


def run_merge(config: Merge) -> Outcome:
    """Collect the chunks of several folders, and finish the run if nothing lacks."""
    if not config.folders:
        raise ValueError("merge: expected at least one folder, got none. Name those of the shards.")
    stores = [ChunkStore.open(folder) for folder in config.folders]
    first = stores[0].description
    out = config.out or config.folders[0]
    whole = ChunkStore.create(
        out, kind=first["kind"], configuration=first["configuration"],
        num_chunks=first["num_chunks"],
    )  # fmt: skip
    adopted: dict[str, int] = {}
    for store in stores:
        adopted[str(store.folder)] = whole.adopt(store)
        print(f"{adopted[str(store.folder)]} chunks from {store.folder}")
    sums = merge_chunks(whole)
    if sums is None:
        lacking = len(dict(whole.missing()))
        print(f"{lacking} of {whole.num_chunks} chunks lack: jaxcr resume {out}")
        return Outcome(_progress(whole, lacking) | {"num_adopted": adopted}, whole.folder)
    whole, settings = _verified(whole)
    return _finish(whole, _orbit_run(settings), sums, num_adopted=adopted)


def _progress(store: ChunkStore, lacking: int) -> dict[str, int]:
    """Return how far a run came."""
    return {"num_chunks": store.num_chunks, "num_verified": store.num_chunks - lacking}


def _work(store: ChunkStore, run: runs.OrbitRun, shard: Shard) -> Outcome:
    """Compute, and merge when this process was the last; say how to go on when stopped."""
    go_on = f"jaxcr resume {store.folder}" + ("" if shard == Shard() else f" --shard {shard}")
    try:
        with interruptible(f"what is finished is kept. Go on: {go_on}"):
            num = compute_chunks(
                store, run.chunk, shard, unit="orbits", units_per_chunk=run.chunk_size
            )
            print(f"{num} chunks computed, {store.folder}, shard {shard}")
            sums = merge_chunks(store)
            if sums is None:
                print(f"other shards are not complete: jaxcr status {store.folder}")
                found = _progress(store, len(dict(store.missing())))
                return Outcome(found | {"num_computed": num}, store.folder)
            return _finish(store, run, sums, num_computed=num)
    except OSError as problem:
        remedy = _REMEDIES.get(problem.errno, "mend that")
        raise OSError(f"{problem}. Finished chunks are kept; {remedy}, then: {go_on}") from problem


def _finish(
    store: ChunkStore, run: runs.OrbitRun, sums: dict[str, np.ndarray], **done: Any
) -> Outcome:
    """Print, and write result.h5, report.txt and the picture: the same bytes every time."""
    result = runs.totals(sums)
    stops = _stop_numbers(run, result)
    text = _report(result, stops)
    (store.folder / "report.txt").write_text(text + "\n", encoding="utf-8")
    write_result(
        store.folder / "result.h5",
        configuration=store.description["configuration"],
        seeds={"starts": store.description["configuration"]["seed"]},
        groups=_groups(result),
        dated=False,
    )
    figure = _picture(run, result)
    figure.savefig(store.folder / "sky.png", dpi=110, metadata={"Software": None})
    print(text)
    print(f"{store.folder}/ has result.h5, report.txt and sky.png")
    for stop in stops:
        check_kappa(stop["kappa_parallel_over_v"])
    by_status = {orbits.STATUS_TEXT[key]: num for key, num in result.num_by_status.items()}
    found = {
        "rigidity": quantity(run.rigidity, unit="PV"), "num_by_status": by_status,
        "num_steps": result.num_steps, "stops": stops,
    }  # fmt: skip
    return Outcome(_progress(store, 0) | done | found, store.folder)


def _groups(result: runs.RunTotals) -> dict[str, dict]:
    """Return what the result file keeps."""
    transport = ("path", "drift", "diffusion", "change", "turning")
    return {
        "spectrum": {
            "c_ell": result.c_ell.value, "c_ell_error": result.c_ell.error,
            "noise": result.noise.value,
        },
        "sky": {"mean": result.sky, "error": result.sky_error},
        "transport": {name: getattr(result, name).value for name in transport}
        | {f"{name}_error": getattr(result, name).error for name in transport},
        "orbits": {
            "traced": result.num_orbits, "used": result.num_used, "steps": result.num_steps,
            "by_status": list(result.num_by_status.values()),
        },
    }  # fmt: skip


def _stop_numbers(run: runs.OrbitRun, result: runs.RunTotals) -> list[dict[str, Any]]:
    """Return diffusion and first multipoles at every stop, for a dipole of unit amplitude."""
    axis = np.asarray(run.axis)
    across = (np.eye(3) - np.outer(axis, axis)) / 2
    found = []
    for i, stop in enumerate(_stops(run)):
        kappa, error = (np.asarray(x[i]) for x in (result.diffusion.value, result.diffusion.error))
        change = [
            axis @ np.asarray(x[i]) @ axis for x in (result.change.value, result.change.error)
        ]
        along = Estimate(*(jnp.asarray(axis @ x @ axis) for x in (kappa, error)))
        flat = bool(is_flat(along, Estimate(*map(jnp.asarray, change))))
        perpendicular = np.sqrt(np.sum((across * error) ** 2))
        found.append(
            {
                "stop": quantity(stop, unit="pc"),
                "path": quantity(result.path.value[i], result.path.error[i], "pc"),
                "kappa_parallel_over_v": quantity(axis @ kappa @ axis, axis @ error @ axis, "pc"),
                "kappa_perpendicular_over_v": quantity(np.sum(across * kappa), perpendicular, "pc"),
                "plateau": None if i == 0 else flat,
                "c_ell": quantity(result.c_ell.value[i], result.c_ell.error[i], "sr"),
            }
        )
    return found


def _report(result: runs.RunTotals, stops: list[dict[str, Any]]) -> str:
    """Return how orbits ended, and a table by stops."""
    lines = [
        f"{num:>12,} orbits {orbits.STATUS_TEXT[key]}"
        for key, num in result.num_by_status.items()
        if num
    ]
    lines.append(f"{result.num_steps:>12,} steps")
    head = "stop [pc]   path [pc]  kappa_par/v [pc]   kappa_perp/v [pc]        C_1 [sr]"
    lines.append(head + "          C_2/C_1")
    for stop in stops:
        along, across = stop["kappa_parallel_over_v"], stop["kappa_perpendicular_over_v"]
        c, of_c = stop["c_ell"]["value"], stop["c_ell"]["error"]
        lines.append(
            f"{stop['stop']['value']:9.4g} {float(stop['path']['value']):11.4g}"
            f"{along['value']:11.4g} ± {along['error']:.2g}"
            f"{across['value']:13.4g} ± {across['error']:.2g}"
            f"{c[1]:14.4g} ± {of_c[1]:.2g}{c[2] / c[1]:12.3g}"
        )
    lines.append("kappa/v = d<x²>/2ds from the stop before; " + _plateau_text(stops))
    lines.append(
        "for a dipole of unit amplitude; errors by jackknife over orbits in this one field"
    )
    return "\n".join(lines)


def _plateau_text(stops: list[dict[str, Any]]) -> str:
    """Return whether kappa along the field is one: two stops are needed to tell."""
    if len(stops) == 1:
        return "one stop does not tell whether it still rises: give several"
    return "a plateau at the last stop" if stops[-1]["plateau"] else NO_PLATEAU


def _picture(run: runs.OrbitRun, result: runs.RunTotals):
    """Return maps and spectra at all stops."""
    maps = np.nan_to_num(np.asarray(result.sky))
    rest = np.stack([np.asarray(sky.remove_dipole(jnp.asarray(x))) for x in maps])
    return plots.plot_sky_page(
        maps=maps, rest=rest, labels=[f"{x:g} pc" for x in _stops(run)],
        c_ell=np.asarray(result.c_ell.value), noise=np.asarray(result.noise.value),
        title=f"{result.num_orbits:,} orbits, {abs(float(run.rigidity)):g} PV",
        notes=f"dipole of unit amplitude in the momentum, its axis: {place(run.axis)}",
    )  # fmt: skip


def _stops(run: runs.OrbitRun) -> list[float]:
    stop = run.stop
    values = stop.radius if isinstance(stop, orbits.Sphere) else stop.length
    return np.atleast_1d(np.asarray(values)).tolist()


def _orbit_run(config: Ensemble) -> runs.OrbitRun:
    """Return the run that the settings describe; the field is made or read here."""
    field, rigidity, title = choose_field(
        config.particles, config.cube, config.turbulence, config.rigidity
    )
    axis, axis_text = mean_field(config, field)
    print(f"{title}: rigidity {rigidity:g} PV, {config.num:,} orbits\n{axis_text}")
    single = config.precision == "float32"
    if single:
        field = jax.tree.map(lambda x: x.astype(jnp.float32), field)
    return runs.OrbitRun(
        field,
        rigidity=rigidity,
        stop=orbits.Sphere(jnp.array(config.radius), about_start=True) if config.radius
        else orbits.PathLength(jnp.array(config.path)),
        pusher=orbits.Boris() if config.step is None else orbits.Boris(config.step),
        observer=jnp.array(config.observer),
        axis=axis,
        spread=config.spread,
        key=jax.random.key(config.seed),
        num_orbits=config.num,
        chunk_size=config.chunk_size,
        nside=config.nside,
        lmax=config.lmax,
        single=single,
    )  # fmt: skip


def _identity(config: Ensemble) -> dict:
    """Return the settings that the result depends on, and the content of the cube's files."""
    settings = {key: x for key, x in as_dict(config).items() if key not in _NOT_THE_RUN}
    return settings | {"cube_sha256": [_digest(file) for file in config.cube.file]}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _verified(store: ChunkStore) -> tuple[ChunkStore, Ensemble]:
    """Return a run on disk and its settings, once code and the files of the field are the same."""
    settings = _settings(store)
    _check_cube(store, settings)
    again = ChunkStore.create(
        store.folder, kind=_KIND, configuration=_identity(settings), num_chunks=store.num_chunks
    )
    return again, settings


def _settings(store: ChunkStore) -> Ensemble:
    """Return the settings of a run that is on disk."""
    if store.description["kind"] != _KIND:
        raise argument_error(
            str(store.folder),
            expected=f"a run of kind {_KIND}",
            got=repr(store.description["kind"]),
            remedy="It was made by another program.",
        )
    described = store.description["configuration"]
    described = {key: x for key, x in described.items() if key != "cube_sha256"}
    settings = from_dict(Ensemble, described, str(store.folder))
    check_sizes(settings, f"{store.folder}: ")
    _check(settings)
    return settings


def _check_cube(store: ChunkStore, settings: Ensemble) -> None:
    """Raise ``ValueError`` when a file of the field is gone; changed ones show as differences."""
    for file in settings.cube.file:
        if not file.is_file():
            raise argument_error(
                f"{store.folder}: cube",
                expected="the file that the run was started with",
                got=f"nothing at {file}",
                remedy="Bring it back, or start from the folder the run was started in.",
            )


def _check(config: Ensemble) -> None:
    """Raise ``ValueError`` for settings with which the command would fail later."""
    check_source(config.particles, config.cube, config.turbulence)
    check_direction(config.mean_direction)
    for name, stops in (("--radius", config.radius), ("--path", config.path)):
        check_stops(name, stops)
    least = 2 * GROUPS
    check_range("--num", config.num, least, remedy=f"Errors are those of {GROUPS} groups of two.")
    Shard.read(config.shard)
    sky.check_nside(config.nside, "--nside")
    check_range("--lmax", config.lmax, 1.0, float(_LARGEST_LMAX), remedy="See --help.")
    check_rigidity(config.rigidity)
    check_place("--observer", config.observer)
    check_range("--spread", config.spread, 0.0, expected="a length, or 0", remedy="In pc.")
    check_positive("--step", config.step, expected="a positive length", remedy="In pc.")
