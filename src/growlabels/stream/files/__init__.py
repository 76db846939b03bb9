"""Read the rows of a stream from files and iterables."""
