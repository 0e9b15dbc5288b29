"""Chooses a version of a package: reads what the npm registry says of it, and prints the newest version that fits a
range, where it is and what it hashes to.

The range is written as in package.json: "22.x", "^20.9", ">=18 <23", "18.x || 20.x", "1.2 - 2.3", "~4.17.1", a version,
"*", or "latest". A version before release fits only a range that names it exactly.
"""

import json
import re
import sys

PART = r"(?:0|[1-9]\d*|[xX*])"
PARTIAL = re.compile(rf"^[v=\s]*({PART})(?:\.({PART})(?:\.({PART})(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?)?)?$")


def parse(text):
    """The numbers of a version, None for a place that is open, and what follows a dash."""
    found = PARTIAL.match(text.strip())
    if not found:
        raise ValueError(text)
    numbers = [None if n is None or n in "xX*" else int(n) for n in found.groups()[:3]]
    for i in (1, 2):  # "1.x.3" is "1.x"
        if numbers[i - 1] is None:
            numbers[i] = None
    return numbers, found.group(4) or ""


def lowest(numbers):
    return tuple(n or 0 for n in numbers)


def after(numbers):
    """The first version that is past all that a partial version stands for; None is past everything."""
    major, minor, patch = numbers
    if major is None:
        return None
    if minor is None:
        return (major + 1, 0, 0)
    if patch is None:
        return (major, minor + 1, 0)
    return (major, minor, patch + 1)


def interval(operator, text):
    """What a comparator admits, as (first, past); None is no bound."""
    numbers, _ = parse(text)
    low, past = lowest(numbers), after(numbers)
    major, minor, patch = numbers
    if operator in ("", "="):
        return low, past
    if operator == ">=":
        return low, None
    if operator == ">":
        return past or (10**9, 0, 0), None
    if operator == "<":
        return (0, 0, 0), low
    if operator == "<=":
        return (0, 0, 0), past
    if operator == "~":
        if major is None:
            return low, None
        return low, (major + 1, 0, 0) if minor is None else (major, minor + 1, 0)
    # ^ keeps the first place that is not zero.
    if major is None:
        return low, None
    if major or minor is None:
        return low, (major + 1, 0, 0)
    if minor or patch is None:
        return low, (0, minor + 1, 0)
    return low, (0, 0, patch + 1)


def fits(version, wanted):
    """Whether a release, as three numbers, is in a range."""
    for choice in wanted.split("||"):
        choice = choice.strip()
        hyphen = re.match(r"^(\S+)\s+-\s+(\S+)$", choice)
        if hyphen:
            parts = [(">=", hyphen.group(1)), ("<=", hyphen.group(2))]
        else:
            parts = [(o.replace("~>", "~"), v) for o, v in re.findall(r"(~>|>=|<=|[<>=~^])?\s*([^\s<>=~^]+)", choice)] or [("", "*")]
        bounds = [interval(o, v) for o, v in parts]
        if all(low <= version and (past is None or version < past) for low, past in bounds):
            return True
    return False


def choose(versions, wanted):
    """The best of a list of versions for a range, or None."""
    wanted = wanted.strip()
    if wanted in ("latest", "current", "node", "stable"):
        wanted = "*"
    exact = wanted.lstrip("v= ")
    if "-" in exact and exact in versions:
        return exact
    good = []
    for text in versions:
        try:
            numbers, before_release = parse(text)
        except ValueError:
            continue
        if not before_release and None not in numbers and fits(tuple(numbers), wanted):
            good.append((tuple(numbers), text))
    return max(good)[1] if good else None


if __name__ == "__main__":
    package = json.load(sys.stdin)
    try:
        best = choose(list(package["versions"]), sys.argv[1])
    except ValueError as bad:
        sys.exit(f' !     "{bad}" is no version, nor a range of versions.')
    if best is None:
        sys.exit(1)
    dist = package["versions"][best]["dist"]
    print(best, dist["tarball"], dist.get("integrity", "-"))
