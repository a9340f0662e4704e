"""What the notebooks import and nobody installs: the study of the paper, its rivals, figures, runs and report."""
