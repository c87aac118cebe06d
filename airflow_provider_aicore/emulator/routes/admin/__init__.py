"""The operations below ``/v2/admin``, a module for each kind of thing."""
