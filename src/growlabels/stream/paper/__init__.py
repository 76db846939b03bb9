"""The engine of the paper: a tree of label clusters, each with its own classifier."""
