"""Export: trials in the formats of other programs."""
