"""Prequential evaluation: metrics, peers, baselines, generated streams, contract checks."""
