"""The names of all checks of the linter: what its findings carry, and what `--ignore` takes."""

from router.detect.refusals import REASONS

CHECKS = frozenset(
    {
        *(f"refused-{reason}" for reason in REASONS),
        *(f"missing-{key}" for key in ("id", "level", "description", "author", "status", "tests", "group-by")),
        *(f"{key}-too-long" for key in ("title", "name", "taxonomy", "description")),
        *(f"{key}-too-short" for key in ("falsepositives", "scope")),
        *(f"duplicate-{key}" for key in ("tags", "references", "fields", "falsepositives", "title", "file-name", "value")),
        *(f"filter-has-{key}" for key in ("level", "status")),
        *(f"invalid-{what}" for what in ("date", "modified", "id", "related-id", "related-type", "tag")),
        *(f"invalid-{namespace}-tag" for namespace in ("attack", "car", "cve", "d3fend", "detection", "stp", "tlp")),
        *(f"wildcards-instead-of-{shape}" for shape in ("contains", "endswith", "startswith")),
        *("all-of-them", "all-with-re", "all-without-contains", "base64offset-without-contains", "windash-with-all"),
        *("incompatible-modifiers", "single-value-all", "neq-on-absent", "number-as-text", "yaml-number"),
        *("control-character", "double-wildcard", "empty-part", "escaped-wildcard", "wildcard-only"),
        *("unused-selection", "them-with-one-selection", "filter-without-not", "odd-reference"),
        *(
            "key-not-lowercase",
            "logsource-not-lowercase",
            "specific-logsource",
            "unknown-logsource-key",
            "unknown-logsource",
            "unknown-key",
        ),
        *("unknown-tag-namespace", "deprecated-without-related", "related-incomplete", "modified-before-date"),
        *(
            "unsupported-status",
            "unsupported-version",
            "file-name-length",
            "never-fires",
            "never-true",
            "always-true",
            "unused-alias",
            "alias-without-rule",
            "no-source",
            "no-rule",
            "vacuous-test",
            "anchored-keyword",
            "months",
        ),
    }
)
"""Each name; a test reads the code of the checks for names that are not here."""
