"""An online learner of many labels that appear, vanish and drift (iHOMER)."""
