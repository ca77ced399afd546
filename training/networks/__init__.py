"""Networks from inertial windows to kinematics and kinetics, one architecture a file."""
