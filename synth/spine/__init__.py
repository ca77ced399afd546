"""The standing spine: virtual people, their spines upon their pelves, and tables of posture parameters."""
