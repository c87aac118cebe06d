"""Apache Airflow provider for SAP AI Core."""

__version__ = "0.1.0"
