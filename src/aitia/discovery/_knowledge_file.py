"""Background knowledge in files: TOML of our own, checked key by key, and Tetrad's text format."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aitia.core import nearest
from aitia.discovery._errors import KnowledgeError
from aitia.discovery._knowledge import Knowledge

_GROUPS, _PAIRS, _NAMES, _FLAG = (
    "a list of lists of names",
    "a list of pairs of names",
    "a list of names",
    "true or false",
)
# The schema: each key and what it holds.
KEYS = {
    "tiers": _GROUPS,
    "required": _PAIRS,
    "forbidden": _PAIRS,
    "exogenous": _NAMES,
    "latent_pairs": _PAIRS,
    "apart_within": _FLAG,
}
_EXAMPLES = {
    _GROUPS: '[["age", "sex"], ["dose"]]',
    _PAIRS: '[["dose", "pain"]]',
    _NAMES: '["age", "sex"]',
    _FLAG: "true",
}
_TETRAD = "/knowledge"


def read_knowledge(path: str | os.PathLike[str]) -> Knowledge:
    """See `Knowledge.read`."""
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise KnowledgeError(
            f"The knowledge file {file} could not be read: {reason}.",
            "Check the path; the file is UTF-8 text.",
        ) from error
    if text.lstrip().startswith(_TETRAD):
        return _of_tetrad(file, text)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise KnowledgeError(
            f"The knowledge file {file} is not valid TOML: {error}.",
            'Write such as tiers = [["age"], ["dose", "pain"]], or give a file in Tetrad\'s format, which starts '
            "with /knowledge.",
        ) from error
    return of_mapping(content, str(file), _lines_of_keys(text))


def of_mapping(
    content: Mapping[str, Any], where: str = "The knowledge", lines: Mapping[str, int] | None = None
) -> Knowledge:
    """See `Knowledge.of_mapping`; `where` and `lines` go into the errors."""
    for key, value in content.items():
        line = (lines or {}).get(key)
        place = f"{where}, line {line}" if line else where
        if key not in KEYS:
            raise KnowledgeError(f"{place}: the key {key!r} is unknown.", nearest(key, KEYS))
        expected = KEYS[key]
        if fault := _fault(expected, value):
            raise KnowledgeError(
                f"{place}: the key {key!r} holds {fault}; it has to be {expected}.",
                f"Write {key} = {_EXAMPLES[expected]}.",
            )
    return Knowledge(**content)


def to_toml(known: Knowledge) -> str:
    """See `Knowledge.to_toml`."""
    lines = []
    for key, value in known.to_dict().items():
        if isinstance(value, bool):
            lines += ["apart_within = true"] if value else []
        elif value and isinstance(value[0], list):
            lines.append(f"{key} = [")
            lines += [f"    {_list(each)}," for each in value]
            lines.append("]")
        elif value:
            lines.append(f"{key} = {_list(value)}")
    return "\n".join(lines) + "\n" if lines else ""


def _list(names: list[str]) -> str:
    # JSON's escapes are TOML's, but for the one control character that JSON leaves as it is.
    quoted = (json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f") for name in names)
    return f"[{', '.join(quoted)}]"


def _fault(expected: str, value: Any) -> str:
    """What is wrong with a value in words; empty if it fits."""
    if expected == _FLAG:
        return "" if isinstance(value, bool) else _got(value)
    if not isinstance(value, list | tuple):
        return _got(value)
    if expected == _NAMES:
        return next((f"{_got(each)} in its list" for each in value if not isinstance(each, str)), "")
    for each in value:
        if not isinstance(each, list | tuple):
            return f"{_got(each)} in its list"
        if odd := [name for name in each if not isinstance(name, str)]:
            return f"{_got(odd[0])} where a name belongs"
        if expected == _PAIRS and len(each) != 2:
            return f"a list of {len(each)} names where a pair belongs ({', '.join(each)})"
    return ""


def _got(value: Any) -> str:
    words = {bool: "true or false", str: f"the text {value!r}", int: "a whole number", float: "a number"}
    return words.get(type(value), "a table" if isinstance(value, Mapping) else "a list")


_KEY = re.compile(
    r"""^\s*("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)\s*=|^\s*\[+\s*([^\[\],"']+?)\s*\]+\s*$"""
)


def _lines_of_keys(text: str) -> dict[str, int]:
    """The line of each key, as far as one look at each line can tell: the parser keeps no positions."""
    lines: dict[str, int] = {}
    for place, line in enumerate(text.splitlines(), start=1):
        if found := _KEY.match(line):
            lines.setdefault((found[1] or found[2]).strip("\"'"), place)
    return lines


_SECTIONS = ("addtemporal", "forbiddirect", "requiredirect", "forbiddengroup", "requiredgroup")


def _of_tetrad(file: Path, text: str) -> Knowledge:
    """Tetrad's knowledge format.

    After ``/knowledge`` come sections: ``addtemporal`` with lines ``1 age sex`` (a star after the number forbids
    edges within the tier), ``forbiddirect`` and ``requiredirect`` with lines ``cause effect``. A comment starts
    with ``//`` or ``#``.
    """
    tiers: dict[int, list[str]] = {}
    starred: set[int] = set()
    pairs: dict[str, list[tuple[str, str]]] = {"forbiddirect": [], "requiredirect": []}
    section = ""
    for place, raw in enumerate(text.splitlines(), start=1):
        words = re.split(r"//|#", raw, maxsplit=1)[0].replace(",", " ").split()
        if not words or words[0] == _TETRAD:
            continue
        where = f"{file}, line {place}"
        if len(words) == 1 and not words[0][0].isdigit():
            section = words[0]
            if section not in _SECTIONS:
                raise KnowledgeError(
                    f"{where}: {section!r} is no section of Tetrad's format.", nearest(section, _SECTIONS)
                )
        elif section == "addtemporal":
            number = words[0].rstrip("*")
            if not number.isdigit():
                raise KnowledgeError(
                    f"{where}: a tier starts with its number, but came {words[0]!r}.", "Write 1 age sex."
                )
            tiers.setdefault(int(number), []).extend(words[1:])
            if words[0].endswith("*"):
                starred.add(int(number))
        elif section in pairs:
            if len(words) != 2:
                raise KnowledgeError(
                    f"{where}: {section} takes a cause and an effect, but came {len(words)} names.",
                    "Write one pair a line, separated by a space.",
                )
            pairs[section].append((words[0], words[1]))
        else:
            raise KnowledgeError(
                f"{where}: the section {section or 'before the first one'!r} is not read.",
                "Write its edges under forbiddirect and requiredirect.",
            )
    held = {number: names for number, names in sorted(tiers.items()) if names}
    apart = bool(held) and all(number in starred or len(names) < 2 for number, names in held.items())
    apart = apart and any(number in starred for number in held)
    within = [
        (a, b)
        for number, names in held.items()
        if number in starred and not apart
        for a in names
        for b in names
        if a != b
    ]
    return Knowledge(
        tiers=tuple(map(tuple, held.values())),
        required=tuple(pairs["requiredirect"]),
        forbidden=(*pairs["forbiddirect"], *within),
        apart_within=apart,
    )
