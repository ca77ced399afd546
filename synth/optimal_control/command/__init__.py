"""Commands of optimal control, and what they do with files and folders."""
