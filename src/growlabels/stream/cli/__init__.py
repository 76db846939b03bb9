"""The commands of ``growlabels stream``."""
