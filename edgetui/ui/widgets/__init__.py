"""Widgets that know nothing of Azure."""
