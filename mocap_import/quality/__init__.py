"""Quality: what a trial is worth, in numbers and pictures."""
