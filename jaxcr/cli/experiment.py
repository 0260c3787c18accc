"""``jaxcr experiment``: compute published results again, with a verdict on each statement."""

import dataclasses
import sys
import time
from collections.abc import Collection
from pathlib import Path

from jaxcr import experiments
from jaxcr.cli.experiment_config import Experiment
from jaxcr.cli.interruption import interruptible
from jaxcr.cli.limits import check_one_of_both
from jaxcr.cli.output import Outcome
from jaxcr.runtime import result_folder, write_record
from jaxcr.runtime.atomic import write_whole

Verdicts = dict[str, tuple[experiments.Verdict, ...]]


def run_experiment(config: Experiment) -> Outcome:
    """Run the experiments one by one; what is finished is on disk at any time."""
    check_one_of_both("--quick, --full", config.quick, config.full, remedy="Leave out one.")
    chosen = experiments.select(config.names)
    if config.list or not chosen:
        return _list(chosen or experiments.EXPERIMENTS.values())
    size = dataclasses.replace(
        experiments.QUICK if config.quick else experiments.FULL if config.full
        else experiments.DEFAULT,
        simulated=config.field == "mhd",
    )  # fmt: skip
    found: Verdicts = {}
    files: list[Path] = []
    with (
        result_folder(config.out, kind="experiment", overwrite=config.overwrite) as out,
        interruptible(f"what is finished is in {out}"),
    ):
        for experiment in chosen:
            found[experiment.name] = _run(experiment, size, out / experiment.name)
            files += sorted((out / experiment.name).iterdir())
            write_whole(out / "verdicts.md", f"{experiments.verdict_table(found)}\n".encode())
    print(f"{experiments.verdict_lines(found)}\n\n{out}/ has verdicts.md, numbers and pictures")
    return Outcome({name: _as_dicts(x) for name, x in found.items()}, out, tuple(files))


def _list(chosen: Collection[experiments.Experiment]) -> Outcome:
    """Print names, what they compute again, and where it was published."""
    for experiment in chosen:
        print(f"{experiment.name:28}{experiment.what} ({experiment.source})")
    return Outcome({x.name: {"what": x.what, "source": x.source} for x in chosen})


def _run(
    experiment: experiments.Experiment, size: experiments.Size, folder: Path
) -> tuple[experiments.Verdict, ...]:
    """Run one experiment and write its picture and its numbers."""
    begin = time.perf_counter()
    outcome = experiment.run(size)
    seconds = time.perf_counter() - begin
    folder.mkdir(exist_ok=True)
    outcome.draw().savefig(folder / f"{experiment.name}.png")
    record = {
        "experiment": experiment.name, "source": experiment.source,
        "size": dataclasses.asdict(size), "seconds": round(seconds, 1),
        "verdicts": _as_dicts(outcome.verdicts), "numbers": outcome.numbers,
    }  # fmt: skip
    write_record(folder / "result.json", record)
    answers = ", ".join(experiments.answer(x) for x in outcome.verdicts)
    print(f"{seconds:5.0f} s  {experiment.name}: {answers}", file=sys.stderr, flush=True)
    return outcome.verdicts


def _as_dicts(verdicts: tuple[experiments.Verdict, ...]) -> list[dict]:
    return [dataclasses.asdict(x) for x in verdicts]
