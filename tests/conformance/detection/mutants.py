"""Faults put into the product on purpose: one line of one module changed. The suite has to notice each of them.

Many are faults that other engines had. A mutant whose line is no longer there says so, and has to be renewed.
"""

from typing import NamedTuple


class Mutant(NamedTuple):
    """A module, a piece of its source (all such are meant), what stands there instead, and what fault that is."""

    module: str
    find: str
    replace: str
    fault: str


_D, _E, _C = "router.detect.", "router.detect.engine.", "router.correlate."

NAMED = (
    # strings and modifiers
    Mutant(
        _D + "modifiers", "strings.open_end(strings.open_start(pattern))", "pattern", "keywords are compared with whole values"
    ),
    Mutant(
        _D + "modifiers", "lambda p: [strings.open_end(p)]", "lambda p: [strings.open_start(p)]", "startswith looks at the end"
    ),
    Mutant(_D + "modifiers", 'flags = "".join(', 'flags = "" and "".join(', "flags of regular expressions are dropped"),
    Mutant(_D + "modifiers", '"cased" in chain.modifiers)', "False)", "cased is ignored"),
    Mutant(_D + "modifiers", '(*chain.modifiers, "eq")[1]', '"eq"', "a comparison behind a part of time is dropped"),
    Mutant(_D + "strings", '_DASHES = "-/', '_DASHES = "-', "windash leaves out the slash"),
    Mutant(_D + "strings", r'rf"\B[{_DASHES}]\b"', 'rf"[{_DASHES}]"', "windash changes dashes inside words"),
    Mutant(_D + "strings", "(None, -3, -2)", "(None, -2, -1)", "base64offset keeps a character that the next byte decides"),
    Mutant(_D + "strings", "((0, 2, 3)", "((0, 1, 2)", "base64offset keeps a character that the byte before decides"),
    Mutant(_D + "strings", '"utf-16be" if', '"utf-16le" if', "the byte order of utf16be"),
    Mutant(_D + "strings", 'in "*?\\\\":', 'in "*?":', "two backslashes stay two"),
    Mutant(_D + "strings", 'if char in "*?" else char', 'if char in "*" else char', "`?` is no wildcard"),
    Mutant(_D + "folding", "text.translate(TABLE)", "text.lower()", "case is folded by lower()"),
    Mutant(_D + "folding", "text.translate(TABLE)", "text.casefold()", "case is folded by casefold()"),
    Mutant(_D + "values", "return Decimal(written)", "return Decimal(float(written))", "integers above 2^53 are rounded"),
    Mutant(_D + "values", 'return "true" if value else "false"', 'return "1" if value else "0"', "true is 1"),
    Mutant(_D + "values", "if value.is_integer()", "if False", "11.0 is not 11"),
    Mutant(
        _D + "values",
        "if value is None or value is MISSING:\n        return True",
        "if value is MISSING:\n        return True",
        "null is not null",
    ),
    Mutant(_D + "values", "when.isocalendar().week", "int(when.strftime('%U'))", "weeks by another calendar"),
    Mutant(
        _D + "values",
        "datetime.fromisoformat(value)",
        "datetime.fromisoformat(value).astimezone(UTC)",
        "times are converted to UTC",
    ),
    # selections and conditions
    Mutant(_D + "items", "Not(tree) if tree is not None and node.negated else tree", "tree", "neq is ignored"),
    Mutant(
        _D + "items", "for atoms in node.values], every=node.every)", "for atoms in node.values], every=False)", "all is ignored"
    ),
    Mutant(
        _D + "items",
        "for child in node.children], every=node.every)",
        "for child in node.children], every=False)",
        "items of a map are OR",
    ),
    Mutant(
        _D + "selections",
        "for text in self.conditions], every=False)",
        "for text in self.conditions], every=True)",
        "a list of conditions is AND",
    ),
    Mutant(_D + "conditions", 'if quantifier == "all" else', 'if quantifier != "all" else', "`1 of` and `all of` changed over"),
    Mutant(_D + "conditions", 'not (hidden and name.startswith("_"))', "True", "`them` takes hidden selections in"),
    Mutant(_D + "conditions", "if negations % 2 else result", "if False else result", "not is ignored"),
    Mutant(
        _D + "conditions",
        "self._build.all_of), self._build.any_of)",
        "self._build.any_of), self._build.all_of)",
        "precedence of and, or",
    ),
    Mutant(_D + "linking", "rule.tree = And((rule.tree, filter_.tree))", "pass", "filters are ignored"),
    Mutant(_D + "linking", "all(wanted is None or wanted == part", "any(wanted is None or wanted == part", "routing by any part"),
    # the full message, and where fields stand
    Mutant(
        _D + "message",
        "parts if not raw or _structured(raw) else [*parts, raw]",
        "parts",
        "the payload as received is not searched",
    ),
    Mutant(_D + "message", "if key not in OURS", "if True", "facts that were added are searched"),
    Mutant(_D + "message", "sorted(keys, key=str)", "keys", "a verdict hangs on the order of keys"),
    Mutant(
        _D + "views",
        'for step in _listed(profile.get("fields", {}).get(field))',
        "for step in ()",
        "tables of fields are not read",
    ),
    Mutant(_D + "views", '_listed(profile.get("ecs", {}).get(field))', "()", "ECS places are not read"),
    Mutant(
        _E + "reads",
        "if answer is not MISSING:\n                return answer\n        return MISSING",
        "if answer is not MISSING and answer is not None:\n                return answer\n        return MISSING",
        "null does not count as there",
    ),
    # the engine
    Mutant(
        _E + "field",
        "true = set(self.present)",
        "true = set() if value is None else set(self.present)",
        "a field that is null does not exist",
    ),
    Mutant(
        _E + "field",
        "if values.is_null(value):\n            true.update(self._table.null)",
        "if False:\n            pass",
        "a list with null in it is not null",
    ),
    Mutant(_E + "networks", "(low, high + 1)", "(low, high)", "the last address of a network is out"),
    Mutant(_E + "networks", "if n[1] == version", "if True", "networks of version 4 hold addresses of version 6"),
    Mutant(_E + "runs", "if sign and low and", "if sign and", "what may be left out of a regular expression is counted"),
    Mutant(_E + "runs", "if not source or low != high:", "if not source:", "a row goes on behind what may be repeated"),
    Mutant(_E + "field", '"gt": gt', '"gt": ge', "gt is gte"),
    Mutant(_E + "field", "if not text:", "if text:", "'' is everything but empty"),
    Mutant(_E + "wild", r'\z", "s")', r'\z", "")', "`?` stops at the end of a line"),
    Mutant(_E + "wild", "return at <= end", "return True", "parts of a pattern may overlap"),
    Mutant(_E + "wild", "not text.endswith(tail)", "False", "the end of a pattern is not looked at"),
    Mutant(
        _E + "tables",
        "compile_regex(pattern, flags).search",
        "compile_regex(pattern, flags).match",
        "regular expressions match at the start only",
    ),
    Mutant(_E + "databases", r'r"\z" if pattern.side', r'"" if pattern.side', "endswith is contains"),
    Mutant(_E + "databases", r'r"\A" if pattern.side', r'"" if pattern.side', "startswith is contains"),
    Mutant(_E + "literals", "text[-length:] if at_end else", "text[:length] if at_end else", "ends looked for at the start"),
    Mutant(
        _E + "native",
        "yield pattern.side, pattern.text",
        'yield "contains", pattern.text',
        "beginnings and ends may stand anywhere",
    ),
    Mutant(_E + "native", "index if index in told else None", "None", "nobody is told of a literal that was found"),
    Mutant(_E + "native", "folds=folds).decide", "folds=False).decide", "the case of letters matters"),
    Mutant(_E + "native", "        if text:", "        if not text:", "texts are not compared as a whole"),
    Mutant(_E + "field", "text if ascii_only else fold(text)", "text", "texts beyond ASCII are not folded"),
    Mutant(_E + "memo", "if value in (0, 1) else", "if False else", "1 and true are one value"),
    Mutant(_E + "memo", "sha256(text.encode(", "sha256(text[:LONG].encode(", "long texts are one if they begin alike"),
    Mutant(
        _E + "memo",
        "(values.is_null(value), values.texts(value))",
        "values.texts(value)",
        "lists with and without null are one value",
    ),
    Mutant(
        _E + "bucket",
        "(*read, self._compared(reading, objects)) if reading.references else read",
        "(*read, 0) if reading.references else read",
        "comparisons of two fields are not in the key of a verdict",
    ),
    Mutant(
        _E + "doors",
        "self._walked(event, None, self._bucket.searched(event, raw))",
        "self.judge(event)",
        "keywords are not in the key of a verdict",
    ),
    Mutant(_E + "index", "for atom in clause:", "for atom in sorted(clause)[1:]:", "an atom of a clause is skipped"),
    Mutant(
        _E + "index",
        "for atom in prepared.mixed:",
        "for atom in sorted(prepared.mixed)[1:]:",
        "an atom of several fields is skipped",
    ),
    Mutant(_E + "index", "self.all & ~clause for clause", "0 for clause", "rules without a clause are never asked"),
    Mutant(_E + "index", "dead &= ~self.mixed_in[field]", "pass", "fields that are still to be read are not waited for"),
    Mutant(_E + "index", "or self.uses[f] & rest", "", "fields without a clause are not read"),
    Mutant(
        _E + "layouts",
        "index.free[index.number[probe]] | index.clause_of(atoms)",
        "index.free[index.number[probe]]",
        "what is not there fulfils no clause",
    ),
    Mutant(
        _E + "bucket",
        "[*layout.settled, *signatures.atoms[found]]",
        "[*signatures.atoms[found]]",
        "what is not there is forgotten",
    ),
    Mutant(
        _E + "places",
        "isinstance(self.known.get(found), frozenset)",
        "self.known.get(found) is not None",
        "whatever is looked into is taken for an object",
    ),
    Mutant(_E + "bucket", "true += signatures.atoms[number]", "pass", "what routing has read is forgotten"),
    Mutant(_E + "doors", "if self._is_told else {}", "", "events without a door of their own are taken for the first of them"),
    Mutant(_E + "routes", "if name in names][:1]", "if name in names]", "fields that routing has not read are taken as read"),
    Mutant(_E + "routes", "text is None or text.__class__ is str", "True", "1 and true are one channel"),
    Mutant(_E + "doors", "elif true != self._true:", "elif False:", "what is told of the first event of a door is taken for all"),
    Mutant(_E + "layouts", "or index.uses[index.number[probe]] & rules", "", "fields that open rules ask are not looked for"),
    Mutant(
        _E + "reads",
        "if isinstance(found, tuple):\n            return",
        "if found:\n            return",
        "a place that may be empty hides the next",
    ),
    Mutant(_E + "layouts", "told.append(self._present[probe])", "pass", "an object that is there is forgotten"),
    Mutant(
        _E + "bucket", "(layout, rules, hit, true, unread)", "(layout, rules, hit, unread)", "verdicts are shared by what differs"
    ),
    Mutant(
        _E + "predicates",
        "union(*(one[name] for one in found)) for name in names",
        "union(found[0][name]) for name in names",
        "one branch of an or is taken for the whole of it",
    ),
    Mutant(_E + "predicates", 'f"(T >= {name})"', 'f"(not T.isdisjoint({name}))"', "and is or"),
    Mutant(_E + "predicates", 'f"not ({self._code', 'f"({self._code', "not is forgotten"),
    Mutant(
        _E + "numbers",
        "return Asked(probe, atom.kind, fold(payload), False)",
        "return Asked(probe, atom.kind, payload, False)",
        "literals are not folded",
    ),
    Mutant(_E + "keywords", "None if None in found else", "", "keywords without a piece are never looked for"),
    Mutant(_E + "keywords", "_NUMBER.fullmatch(piece)", "False", "numbers are looked for as JSON writes them"),
    Mutant(_E + "predicates", "return of_atom(tree) or frozenset()", "return frozenset()", "keywords are never looked for"),
    Mutant(
        _E + "predicates", "return relevant(tree.child, of_atom, cost)", "return frozenset()", "keywords below a not do not count"
    ),
    Mutant(_E + "keywords", "union(_FOLDS_INTO_ASCII, ", "union(", "keywords written with a Kelvin sign are missed"),
    Mutant(
        _E + "required",
        "if times else _ANYTHING",
        "if True else _ANYTHING",
        "what may be left out of a regular expression is required",
    ),
    Mutant(
        _E + "keywords",
        "bisect_left(stops, end) for",
        "bisect_left(stops, end) + 1 for",
        "a keyword is taken for one of the next event of a batch",
    ),
    # correlations
    Mutant(_C + "window", "if on != self.on:", "if on or self.on:", "a correlation fires on every event of a plateau"),
    Mutant(
        _C + "window",
        "self.matches[0].time + self._timespan <= match.time",
        "self.matches[0].time + self._timespan < match.time",
        "a match exactly as old as the window counts",
    ),
    Mutant(_C + "window", "elif time != self._fell:", "else:", "what falls and rises at one instant fires"),
    Mutant(_C + "window", "self._ids.add(match.id)", "pass", "a match delivered twice counts twice"),
    Mutant(_C + "tally", "if self.present[kind] == 1:", "if True:", "a value expires although a duplicate stays"),
    Mutant(_C + "tally", "_EXACT.subtract(self._sum, n)", "self._sum", "sums never fall"),
    Mutant(_C + "tally", "low + 1, len", "low, len", "percentiles are not interpolated"),
    Mutant(
        _C + "tally",
        "return not _true(expression.parts[0], present)",
        "return _true(expression.parts[0], present)",
        "not in a condition is ignored",
    ),
    Mutant(_C + "plan", "lambda value: value >= every", "lambda value: value >= 1", "temporal is content with one rule"),
    Mutant(
        _C + "plan",
        "match.time, stage.get(match.rule, 0), match.id",
        "match.time, -stage.get(match.rule, 0), match.id",
        "equal times are out of order",
    ),
)
"""All of them."""
