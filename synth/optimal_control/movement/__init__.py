"""One formulation of movement for every skeleton: from numbers to a program, and from its solution back."""
