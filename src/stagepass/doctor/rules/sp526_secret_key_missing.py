"""A workload names a key that its Secret does not have."""

import difflib
from collections.abc import Iterator

from stagepass.doctor.facts import Facts
from stagepass.doctor.rule import Finding, Place, Rule

rule = Rule("SP526", "error", manifests=True)


@rule.check
def check(facts: Facts) -> Iterator[Finding]:
    for process in facts.deployment.ours():
        for name, value in process.environment.items():
            kind, _, rest = value.source.partition("/")
            secret, _, key = rest.partition("/")
            keys = facts.deployment.secrets.get(f"{kind}/{secret}")
            if keys and key and key not in keys:
                close = difflib.get_close_matches(key, keys, 1)
                yield rule.found(
                    name,
                    f"key: {close[0] if close else sorted(keys)[0]}",
                    where=Place(value.file, value.line),
                    name=process.name,
                    key=key,
                    secret=secret,
                )
