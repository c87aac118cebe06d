"""A real Airflow, a local AI Core and the example pipeline on them: ``python -m demo``."""
