"""C3D: files of a laboratory as plain data, and trials back as files."""
