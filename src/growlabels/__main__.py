"""``python -m growlabels`` and the ``growlabels`` command."""

import os
import sys

THREAD_WAITING = {"OMP_WAIT_POLICY": "passive", "KMP_BLOCKTIME": "0"}
"""How waiting threads of an OpenMP pool wait: GNU's variable, and the one of Intel's and LLVM's."""


def main() -> None:
    """Load the command line and run it; an interrupt while loading is one sentence."""
    let_waiting_threads_sleep()
    try:
        from growlabels.cli import main as run

        run()
    except KeyboardInterrupt:
        print("growlabels: stopped before anything was started", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def let_waiting_threads_sleep() -> None:
    """Set the OpenMP wait policy to passive unless the user has set one.

    The threads of torch's pool meet several times in every layer. By default a thread that waits
    for the others spins for some milliseconds. Beside another busy process it takes the core
    from the very thread it waits for, and training slows down to a tenth. A passive thread
    sleeps. The number of threads, and so every result, stays the same.

    OpenMP reads its variables when it is loaded, so this must come before the import of torch.
    A Python program that imports growlabels sets ``OMP_WAIT_POLICY=passive`` itself.
    """
    users = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY"}
    if users.isdisjoint(os.environ):
        os.environ.update(THREAD_WAITING)


if __name__ == "__main__":
    main()
