"""Row shards under Ray Data: a pool of actors, each of which holds the model.

Ray hands rows out and looks after the actors, on one machine or on a cluster; what they compute
goes into the run folder, which all of them must see::

    Scanner(model).fit(rows, out="run", fill=RayActors(model, actors=8))
"""

import json
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from growlabels.base.errors import GrowLabelsError, MissingExtraError, UsageError
from growlabels.base.progress import Progress, silent
from growlabels.base.runs import RunFolder
from growlabels.unsafe import (
    CausalModel,
    Example,
    FeatureStore,
    ShardSettings,
    chunks,
    featurise,
    load_model,
)


class RayActors:
    """Fill a store by actors of Ray: ``Scanner.fit(..., out, fill=RayActors(model, 4))``.

    A shard's features depend on its rows, the model and the settings alone, so the scores are
    those of one process, to the bit where the actors use as many threads on a like processor.
    Without a running Ray one is started on this machine, that listens on loopback and reports
    nothing to anyone, and is ended afterwards; connect with ``ray.init`` before to use a cluster.

    Parameters
    ----------
    model
        What each actor loads: a model folder, a GGUF file or ``"smollm2"``.
    actors
        How many, at least 1; each holds the model.
    threads
        Threads of each actor, and the processors it asks Ray for.

    Raises
    ------
    UsageError
        Fewer than one actor or thread.
    MissingExtraError
        Ray is not installed (extra ``ray``).

    Examples
    --------
    >>> RayActors("smollm2", actors=2).actors
    2
    """

    def __init__(self, model: str | os.PathLike[str], actors: int, threads: int = 1) -> None:
        for name, value in (("actors", actors), ("threads", threads)):
            if value < 1:
                raise UsageError.parameter(name, "must be at least 1", value)
        try:
            import ray.data as _  # noqa: F401
        except ModuleNotFoundError as error:
            raise MissingExtraError.of("ray", "ray") from error
        self.model: str = str(model)
        self.actors: int = actors
        self.threads: int = threads

    def __call__(
        self,
        store: FeatureStore,
        model: CausalModel,
        examples: Iterable[Example],
        rows: int,
        settings: ShardSettings,
        progress: Progress = silent,
    ) -> None:
        """Compute the missing shards; as :func:`growlabels.unsafe.fill_store`.

        The rows of all missing shards go through Ray's object store, which spills to disk.

        Raises
        ------
        GrowLabelsError
            Ray gave up; what is written stays.
        """
        missing: list[dict[str, Any]] = []
        done = 0
        for index, chunk in enumerate(chunks(examples, settings.rows_per_shard)):
            if store.holds(index):
                done += len(chunk)
            else:
                missing.append({"index": index, "rows": json.dumps([_row(e) for e in chunk])})
        progress("forward passes", done, rows)
        if not missing:
            return
        run = str(store.run.path.resolve())
        given = (self.model, model.fingerprint, self.threads, run, store.shards, settings)
        with _ray(self.actors * self.threads):
            for index, count in self._computed(missing, given):
                store.adopt(index)
                done += count
                progress("forward passes", done, rows)

    def _computed(
        self, missing: list[dict[str, Any]], given: tuple[Any, ...]
    ) -> Iterator[tuple[int, int]]:
        import ray
        from ray.exceptions import RayError

        data = ray.data.from_items(missing, override_num_blocks=len(missing))
        put = data.map(
            _Featuriser,  # type: ignore[arg-type]
            fn_constructor_args=given,
            compute=ray.data.ActorPoolStrategy(size=self.actors),
            num_cpus=self.threads,
        )
        try:
            for row in put.iter_rows():
                yield row["index"], row["count"]
        except RayError as error:
            raise GrowLabelsError(
                f"Ray ended before the work was done ({str(error).splitlines()[0]}); give the "
                "same command again to go on, with fewer actors if memory is short"
            ) from error


class _Featuriser:
    """An actor: the model, loaded once, and the store it writes to."""

    def __init__(
        self,
        source: str,
        fingerprint: str,
        threads: int,
        run: str,
        shards: int,
        settings: ShardSettings,
    ) -> None:
        import torch

        torch.set_num_threads(threads)
        self.model, self.source, self.fingerprint = load_model(source), source, fingerprint
        self.store, self.settings = FeatureStore(RunFolder.read(run), shards), settings

    def __call__(self, row: dict[str, Any]) -> dict[str, int]:
        # not at the start: Ray would start an actor that cannot start again and again
        if self.model.fingerprint != self.fingerprint:
            raise UsageError(
                f"model {self.source!r} is not the one that the scan holds; give both the same"
            )
        drawn = json.loads(row["rows"])
        rows = [Example(*fields[:4], data={}, answer=fields[4]) for fields in drawn]
        self.store.put(row["index"], featurise(self.model, rows, self.settings))
        return {"index": row["index"], "count": len(rows)}


def _row(example: Example) -> tuple[str, int, str, str, int]:
    """Return what an actor needs of an answer."""
    return example.id, example.number, example.prompt, example.response, example.answer


@contextmanager
def _ray(processors: int) -> Iterator[None]:
    """Use the Ray that runs, or start one on loopback and end it."""
    import ray

    context = ray.data.DataContext.get_current()
    bars, context.enable_progress_bars = context.enable_progress_bars, False
    own = not ray.is_initialized()
    try:
        if own:
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            ray.init(
                num_cpus=processors + 1,  # one for what Ray Data does itself
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                _node_ip_address="127.0.0.1",
            )
        yield
    finally:
        context.enable_progress_bars = bars
        if own:
            ray.shutdown()
