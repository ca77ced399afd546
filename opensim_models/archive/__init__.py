"""Archive: the motion of all trials of all subjects."""
