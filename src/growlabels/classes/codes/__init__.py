"""Choose, construct and certify codebooks of class vectors."""
