"""The service: predictions and learning over HTTP, a page to watch, metrics."""
