"""The commands of ``growlabels unsafe``."""
