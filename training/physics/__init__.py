"""Label-free networks: movement and forces from inertial records by the equations of motion."""
