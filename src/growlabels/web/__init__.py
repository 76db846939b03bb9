"""Local pages and services: loopback by default, a token, checked headers. Needs starlette."""
