"""Data sets of the demo: code and names from installed packages, and a public mixture."""
