"""Trials and subjects become moving skeletons: models, scaling, inverse kinematics and dynamics."""
