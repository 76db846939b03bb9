"""Calibration, rejection and scores of a trained classifier."""
