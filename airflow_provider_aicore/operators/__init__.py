"""Operators, a module for each of AI Core's resources."""
