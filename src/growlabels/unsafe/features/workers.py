"""Several processes on this machine run the model; one keeps the manifest."""

import os
import threading
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process

from growlabels.base.errors import GrowLabelsError, UsageError
from growlabels.base.progress import Progress, silent
from growlabels.base.runs import RunFolder
from growlabels.unsafe.features.fill import ShardSettings, chunks, featurise
from growlabels.unsafe.features.store import FeatureStore
from growlabels.unsafe.model.model import CausalModel, load_model
from growlabels.unsafe.rows.examples import Example

_WAITING = 2
"""Shards of rows handed out per worker; more would only hold memory."""


class WorkerPool:
    """Fill a store with several processes: ``Scanner.fit(..., fill=WorkerPool(model, 4))``.

    A shard's features depend on its rows alone, so the scores are those of one process, to the
    bit where the workers use as many threads as it did.

    Parameters
    ----------
    model
        What each worker loads: a model folder, a GGUF file or ``"smollm2"``.
    workers
        How many processes, at least 1; each holds the model.
    threads
        Threads of each; by default this machine's cores shared out.
    device, dtype
        As :func:`load_model` takes them.

    Raises
    ------
    UsageError
        Fewer than one worker.
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        workers: int,
        threads: int | None = None,
        device: str = "cpu",
        dtype: str = "float32",
    ) -> None:
        UsageError.require_whole("workers", workers)
        if threads is not None:
            UsageError.require_whole("threads", threads)
        if not isinstance(model, str | os.PathLike):
            raise UsageError(
                f"each worker loads the model, so give its path, not a {type(model).__name__}"
            )
        self.model: str = str(model)
        self.workers: int = workers
        self.device: str = device
        self.dtype: str = dtype
        self.threads: int = threads or max((os.cpu_count() or 1) // workers, 1)

    def __call__(
        self,
        store: FeatureStore,
        model: CausalModel,
        examples: Iterable[Example],
        rows: int,
        settings: ShardSettings,
        progress: Progress = silent,
    ) -> None:
        """Compute the missing shards; as :func:`fill_store`.

        Raises
        ------
        GrowLabelsError
            A worker ended before its work; what is written stays.
        """
        pool = ProcessPoolExecutor(
            self.workers,
            get_context("spawn"),
            initializer=_start,
            initargs=(
                (self.model, self.device, self.dtype),
                model.fingerprint,
                self.threads,
                str(store.run.path),
                settings,
            ),
        )
        running: dict[Future[int], int] = {}
        done = 0

        def collect(most: int) -> None:
            nonlocal done
            while len(running) > most:
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    store.adopt(future.result())
                    done += running.pop(future)
                    progress("forward passes", done, rows)

        try:
            progress("forward passes", done, rows)
            for index, chunk in enumerate(chunks(examples, settings.rows_per_shard)):
                if store.holds(index):
                    done += len(chunk)
                    continue
                running[pool.submit(_put, index, store.shards, chunk)] = len(chunk)
                collect(_WAITING * self.workers - 1)
            collect(0)
        except BrokenProcessPool as error:
            raise GrowLabelsError(
                "a worker ended before its work was done (killed, or out of memory); give the "
                "same command again to go on, with fewer workers if memory is short"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


_here: list[tuple[CausalModel, str, ShardSettings]] = []


def _start(
    source: tuple[str, str, str], fingerprint: str, threads: int, run: str, settings: ShardSettings
) -> None:
    """Load the model in a worker, which ends when its parent does, even if that is killed."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import torch

    torch.set_num_threads(threads)
    model = load_model(*source)
    if model.fingerprint != fingerprint:
        raise UsageError(
            f"model {source[0]!r} is not the one this process holds; give both the same"
        )
    _here.append((model, run, settings))


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _put(index: int, shards: int, chunk: list[Example]) -> int:
    model, run, settings = _here[0]
    FeatureStore(RunFolder.read(run), shards).put(index, featurise(model, chunk, settings))
    return index
