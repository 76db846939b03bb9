"""EBVClassifier, the scikit-learn estimator."""
