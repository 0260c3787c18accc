"""Join the other processes of a run, before anything else asks JAX for its devices."""

import jax

from jaxcr.checks import argument_error
from jaxcr.cli.ensemble_config import Ensemble
from jaxcr.cli.limits import check_one_of_both


def join_processes(config: Ensemble) -> None:
    """Connect to the other processes, as a cluster or the settings say.

    Raises
    ------
    ValueError
        When there is no such cluster, or a shard was asked for, too.
    """
    check_one_of_both(
        "--shard, --distributed", config.shard != "1/1", config.distributed,
        remedy="With --distributed each process has a shard of its own.",
    )  # fmt: skip
    given = (config.coordinator, config.num_processes, config.process)
    try:
        jax.distributed.initialize(*given)
    except (RuntimeError, ValueError) as problem:
        raise argument_error(
            "--distributed",
            expected="a cluster that JAX knows, or --coordinator, --num-processes and --process",
            got=f"{given}: {str(problem).splitlines()[0]}",
            remedy="Under SLURM start it with srun; elsewhere --shard needs no connection.",
        ) from problem
