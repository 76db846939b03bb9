"""Hidden states of rows, stored in shards and filled by one or several processes."""
