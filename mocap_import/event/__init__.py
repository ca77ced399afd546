"""Event: foot strikes and offs from files, plates and markers; gait cycles."""
