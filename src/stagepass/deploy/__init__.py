"""Deployment files made from the declarations: what a person would write by hand, and forget to keep current.

`deploy.toml` (`description`) and the registry give the `roles`; each format renders them; `tree` writes and compares.
"""
