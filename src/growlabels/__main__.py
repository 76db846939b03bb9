"""``python -m growlabels``."""

from growlabels.cli import main

if __name__ == "__main__":
    main()
