"""AI Core's operations, one module a subject; `table` says which path leads where."""
