"""Every variable of the configuration, declared once.

The Settings object, the diagnostics report, the table in the documentation and ``.env.example``
come from these lists.
"""

from __future__ import annotations

from backend.variables.access import ACCESS
from backend.variables.base import Variable
from backend.variables.models import MODELS
from backend.variables.service import CONTENT, SERVER
from backend.variables.stores import STORES

__all__ = ["BY_NAME", "GROUPS", "VARIABLES", "Variable"]

GROUPS = {
    "Models": MODELS,
    "Stores": STORES,
    "Accounts and access": ACCESS,
    "The book": CONTENT,
    "Server": SERVER,
}
VARIABLES = tuple(variable for group in GROUPS.values() for variable in group)
BY_NAME = {variable.name: variable for variable in VARIABLES}
