"""Where the rows of a live stream come from: one adapter a file, all with one protocol."""
