"""The commands of ``growlabels classes``."""
