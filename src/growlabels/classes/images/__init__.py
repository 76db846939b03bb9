"""Image files -> arrays of pixels."""
