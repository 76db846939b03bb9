"""Moderators: word lists, classifiers, endpoints and judges."""
