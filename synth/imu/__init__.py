"""Virtual inertial sensors: placement, simulation, errors."""
