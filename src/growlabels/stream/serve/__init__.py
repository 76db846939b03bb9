"""Streams that are fed, served and restarted: sources, checkpoints, late labels, the service."""
