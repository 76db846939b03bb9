"""``python -m growlabels`` and the ``growlabels`` command."""

import os
import sys


def main() -> None:
    """Load the command line and run it; an interrupt while loading is one sentence."""
    try:
        from growlabels.cli import main as run

        run()
    except KeyboardInterrupt:
        print("growlabels: stopped before anything was started", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
