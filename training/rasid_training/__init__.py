"""Training, evaluating and exporting the models that `rasid` serves."""
