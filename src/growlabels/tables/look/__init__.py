"""What a table holds, and what is odd about it."""
