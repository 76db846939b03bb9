"""Train, filter and predict when you do not know all the labels yet.

Three systems, each usable alone:

* :mod:`growlabels.classes`: fixed, provably separated class vectors (EBV);
* :mod:`growlabels.unsafe`: unsafe fine-tuning rows by data attribution (DABUF);
* :mod:`growlabels.stream`: an online multi-label learner (iHOMER).

Importing this package loads neither torch nor numba; a system loads what it needs on first use.
"""

__version__ = "0.2.0"
