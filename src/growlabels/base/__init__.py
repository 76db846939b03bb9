"""What the three systems share: errors, labels, rows, run folders, progress.

Standard library and numpy only; imports nothing else of this package.
"""
