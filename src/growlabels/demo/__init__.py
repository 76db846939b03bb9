"""The main job: the three systems on real data, one report."""
