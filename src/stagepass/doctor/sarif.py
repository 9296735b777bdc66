"""A report as SARIF 2.1.0, for the annotations of a code host."""

from importlib.metadata import version
from typing import Any

from stagepass.doctor.check import Report
from stagepass.doctor.rule import Finding, catalogue
from stagepass.doctor.texts import text

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
HELP = "https://github.com/stagepass/stagepass/blob/main/docs/doctor.md"


def sarif(report: Report, language: str) -> dict[str, Any]:
    """The report as one run of one tool."""
    rules = list(catalogue())
    index = {rule.code: number for number, rule in enumerate(rules)}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "stagepass doctor",
                        "version": version("stagepass"),
                        "informationUri": HELP,
                        "rules": [
                            {
                                "id": rule.code,
                                "shortDescription": {"text": text(f"{rule.code}.title", language)},
                                "helpUri": f"{HELP}#{rule.code.lower()}",
                                "defaultConfiguration": {"level": rule.severity},
                            }
                            for rule in rules
                        ],
                    }
                },
                "invocations": [
                    {
                        "executionSuccessful": not report.unseen,
                        "toolExecutionNotifications": [
                            {"level": "warning", "message": {"text": f"{part}: {why}"}}
                            for part, why in report.unseen.items()
                        ],
                    }
                ],
                "results": [_result(finding, index, language) for finding in report.findings],
            }
        ],
    }


def _result(finding: Finding, index: dict[str, int], language: str) -> dict[str, Any]:
    said = text(f"{finding.code}.text", language, **finding.parameters)
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": index[finding.code],
        "level": finding.severity,
        "message": {"text": f"{said}\n{finding.fix}"},
        "partialFingerprints": {"subject/v1": f"{finding.code}/{finding.subject}"},
    }
    if finding.where is not None:
        location = {"artifactLocation": {"uri": finding.where.file}, "region": {"startLine": finding.where.line}}
        result["locations"] = [{"physicalLocation": location}]
    else:
        result["locations"] = [{"logicalLocations": [{"name": finding.subject}]}]
    return result
