"""One image for every role."""

from stagepass.deploy.roles import PORT, Installation
from stagepass.deploy.text import header, template

KIND = "dockerfile"

IGNORED = (
    ".git",
    ".venv*",
    "**/__pycache__",
    "**/.env",
    "**/*.env",
    ".stagepass",
    "build",
    "dist",
    "tests",
    "docs",
    "benchmarks",
    ".mypy_cache",
    ".ruff_cache",
    ".hypothesis",
)


def files(made: Installation) -> dict[str, str]:
    """All files of this format, by path."""
    description = made.description
    return {
        "Dockerfile": template("Dockerfile.j2", KIND, description=description, port=PORT),
        "Dockerfile.dockerignore": header(KIND) + "\n".join(IGNORED) + "\n",
    }
