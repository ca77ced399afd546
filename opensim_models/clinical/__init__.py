"""Clinical: joint angles, centres and moments without a model."""
